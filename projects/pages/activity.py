"""What happened in a project, as a page and as CSV."""

import csv
from collections.abc import Iterator

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from projects.access import ProjectPage
from projects.activity import details, safe_cell, told
from projects.pages.projects import ROWS, with_roles
from projects.pages.questions import searched
from projects.queries.team import members_of
from projects.queries.work import Sought, activity_of
from projects.results import words

HEADINGS = ["number", "at", "who", "what", "event", "details"]


# The first words of audit names, as people say them.
KINDS = {
    "project": "The project",
    "charter": "The problem",
    "contract": "Targets",
    "member": "The team",
    "invitation": "Invitations",
    "data": "Data",
    "run": "Training",
    "model": "Models",
    "gate": "Signatures",
    "deployment": "Deployments",
    "key": "Keys",
    "monitor": "Monitoring",
    "alert": "Alerts",
    "outcomes": "Outcomes",
    "retraining": "Retraining",
    "question": "Questions",
    "task": "Tasks",
    "decision": "Decisions",
    "webhook": "Webhooks",
    "job": "Jobs",
}


def asked(request: HttpRequest) -> Sought:
    """The filter that the address holds."""
    given = {name: request.GET.get(name, "").replace("\x00", "").strip()[:160] for name in ("who", "event", "about")}
    return Sought(**given, search=searched(request))


class Activity(ProjectPage):
    """The project's part of the audit."""

    action = "project.read"
    template = "projects/activity.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one page of it, newest first."""
        sought, team = asked(request), members_of(self.project)
        said = words(self.project.key, self.roles)
        page = Paginator(activity_of(self.project, sought, said), ROWS).get_page(request.GET.get("page"))
        return self.show(
            page_obj=page,
            events=with_roles(page, team, said),
            sought=sought,
            filtered=sought != Sought(),
            people=[(member.user.actor_id, member.user.name) for member in team],
            kinds=KINDS,
        )


class _Echo:
    """A file that hands back what is written to it, a line at a time."""

    def write(self, text: str) -> str:
        return text


class ActivityCsv(ProjectPage):
    """All that the page's filter finds, for a spreadsheet; no cell can run there."""

    action = "project.read"

    def get(self, request: HttpRequest) -> StreamingHttpResponse:
        """Stream it."""
        name = f"{self.project.key}-activity.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingHttpResponse(self.lines(), content_type="text/csv; charset=utf-8", headers=headers)

    def lines(self) -> Iterator[str]:
        """The lines of the file."""
        writer, said = csv.writer(_Echo()), words(self.project.key, self.roles)
        yield writer.writerow(HEADINGS)
        for entry in activity_of(self.project, asked(self.request), said).iterator(chunk_size=500):
            data = said.data(entry.data)
            what = told(entry.name, data)
            cells = [entry.seq, entry.at.isoformat(), entry.actor_name, what, entry.name, details(data)]
            yield writer.writerow([safe_cell(cell) for cell in cells])
