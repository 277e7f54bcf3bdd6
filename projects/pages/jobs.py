"""Long work: one job with its progress, attempts and log, and all jobs in one's projects."""

from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from jobs import services as job_services
from jobs.models import Job
from projects.access import May, ProjectPage, roles_in
from projects.models.projects import Project
from projects.pages.projects import ROWS, person
from projects.queries.projects import visible_to
from projects.queries.work import job_for, jobs_in
from projects.results import Words, words_in
from web.pages import SIGNED_IN, Page

MAX_LINES = 1000


def _wanted(request: HttpRequest) -> int:
    text = request.GET.get("lines", "")
    return min(int(text), MAX_LINES) if text.isascii() and text.isdigit() and len(text) < 6 else 0


class JobPage(ProjectPage):
    """One job; asked by htmx, only its live part."""

    action = "project.read"
    template = "projects/job.html"

    def get(self, request: HttpRequest, job_id: UUID) -> HttpResponse:
        """Show it. When a watched job has ended, the page around it is fetched anew."""
        job = job_for(self.project, job_id)
        if not getattr(request, "htmx", False):
            return self.show(job=job)
        part = {"job": job, "may": May(self.roles), "lines": _wanted(request)}
        response = render(request, "parts/job.html", part)
        if not job.is_open:
            response.headers["HX-Refresh"] = "true"
        return response


class JobCancel(ProjectPage):
    """Stop a job."""

    action = {"POST": "job.cancel"}

    def post(self, request: HttpRequest, job_id: UUID) -> HttpResponse:
        """Ask for it; a running one ends within seconds."""
        job_services.cancel(job_for(self.project, job_id), by=person(request))
        return redirect("job", self.project.key, job_id)


class AllJobs(Page):
    """Open and recent jobs in all projects that one may read."""

    action = SIGNED_IN
    template = "projects/jobs.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one page of them, the open ones first."""
        projects = {project.key: project for project in visible_to(person(request))}
        said = words_in(roles_in(person(request), projects))
        keys = list(projects)
        recent = Paginator(jobs_in(keys).exclude(state__in=("queued", "running")), ROWS)
        page = recent.get_page(request.GET.get("page"))
        running = list(jobs_in(keys, only_open=True).order_by("created_at")[:ROWS])
        return self.show(
            place="jobs",
            page_obj=page,
            running=[row(job, projects, said) for job in running],
            recent=[row(job, projects, said) for job in page],
        )


def row(job: Job, projects: dict[str, Project], said: dict[str, Words]) -> dict[str, object]:
    """A job with its project, for lists, in words that the reader may see; never save it."""
    clean = said[job.project_key].text
    job.message, job.progress_text = clean(job.message), clean(job.progress_text)
    return {"job": job, "project": projects[job.project_key]}
