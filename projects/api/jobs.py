"""Jobs and activity over REST."""

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from audit.models import Entry
from jobs import queries as job_queries
from jobs import services as job_services
from jobs.models import Job, Line, State
from problems.problem import Invalid
from projects.access import ProjectEndpoint
from projects.activity import told
from projects.api.projects import caller
from projects.queries.work import Sought, activity_of, job_for, job_link, jobs_in
from projects.results import Words, shown_result


def _time(value: Any) -> str | None:
    return value.isoformat() if value else None


def show_job(job: Job, said: Words) -> dict[str, Any]:
    """A job without what belongs to one look only, in words that the reader may see."""
    return job_link(job) | {
        "kind": job.kind,
        "title": job.title,
        "queue": job.queue,
        "attempt": job.attempt,
        "max_attempts": job.max_attempts,
        "progress": {
            "done": job.done,
            "total": job.total,
            "percent": job.percent,
            "text": said.text(job.progress_text),
        },
        "code": job.code,
        "message": job.message,
        "started_by": job.created_by_name,
        "created_at": _time(job.created_at),
        "started_at": _time(job.started_at),
        "ended_at": _time(job.ended_at),
    }


class Jobs(ProjectEndpoint):
    """The jobs of the project."""

    action = "project.read"

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """Newest first; `?state=` takes one state."""
        jobs, state = jobs_in([self.project.key]), request.query_params.get("state")
        if state and state not in State.values:
            raise Invalid(f"state is one of {', '.join(State.values)}.", fields={"state": "Unknown."})
        return self.page_of(jobs.filter(state=state) if state else jobs, lambda job: show_job(job, self.words))


class JobDetail(ProjectEndpoint):
    """One job."""

    action = "project.read"

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, job_id: UUID) -> Response:
        """Its progress, its earlier attempts, its result, and its place in the queue."""
        job = job_for(self.project, job_id)
        waiting = job_queries.before_in_queue(job) if job.state == State.QUEUED else None
        result = shown_result(job, self.roles)
        whole = {"before_in_queue": waiting, "history": job.history, "result": result}
        return Response(show_job(job, self.words) | whole)


class JobCancel(ProjectEndpoint):
    """Stop a job."""

    action = "job.cancel"

    @extend_schema(request=None, responses={202: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, job_id: UUID) -> Response:
        """A waiting job ends at once, a running one within seconds; 409 when it is over."""
        job = job_services.cancel(job_for(self.project, job_id), by=caller(request))
        return Response(show_job(job, self.words), status=202)


class JobLog(ProjectEndpoint):
    """The log of a job."""

    action = "project.read"

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, job_id: UUID) -> Response:
        """Its lines from the first on."""
        lines = Line.objects.filter(job=job_for(self.project, job_id)).order_by("pk")
        said = self.words.line
        return self.page_of(lines, lambda one: {"at": _time(one.at), "attempt": one.attempt, "text": said(one.text)})


class Activity(ProjectEndpoint):
    """What happened in the project."""

    action = "project.read"

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """Newest first, in plain words and as recorded; `?who=`, `?event=gate`, `?about=type:id` and `?q=` filter."""
        given = {name: self.request.query_params.get(name, "")[:160] for name in ("who", "event", "about")}
        sought = Sought(**given, search=request.query_params.get("q", "").replace("\x00", "")[:100])
        return self.page_of(activity_of(self.project, sought, self.words), lambda entry: _show_entry(entry, self.words))


def _show_entry(entry: Entry, said: Words) -> dict[str, Any]:
    data = said.data(entry.data)
    return {
        "number": entry.seq,
        "at": _time(entry.at),
        "who": entry.actor_name,
        "who_id": entry.actor_id,
        "about": f"{entry.subject_type}:{entry.subject_id}",
        "what": told(entry.name, data),
        "event": entry.name,
        "data": data,
        "hash": entry.hash,
    }
