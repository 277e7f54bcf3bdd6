"""Taking a whole project along as an archive, and making a project of one."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from jobs.queries import latest_of
from problems.problem import Problem
from projects.forms.transfers import ImportForm
from projects.moving import STAYS
from projects.pages.projects import person
from projects.pages.whole import WholePage
from projects.permissions import Role
from projects.queries.transfers import export_for, exports_of, file_of, import_for, imports_of
from projects.services.exports import DAYS, start_export
from projects.services.imports import check_beginning, check_key, check_size, start_import
from storage import blobs
from web.pages import SIGNED_IN, FormPage, Page

ROWS = 20
FORM_OVERHEAD = 64 * 1024
ACTION = "project.export"
COUNTED = {
    "datasets.version": ("data version", "data versions"),
    "experiments.run": ("run", "runs"),
    "experiments.modelversion": ("model version", "model versions"),
    "projects.requirement": ("requirement", "requirements"),
    "projects.decision": ("decision", "decisions"),
    "projects.task": ("task", "tasks"),
    "projects.question": ("question", "questions"),
    "monitoring.window": ("check of what was in use", "checks of what was in use"),
    "monitoring.alert": ("alert", "alerts"),
}


def counted(counts: dict[str, int]) -> list[str]:
    """The kinds that people ask about, and how many rows of all others."""
    said = [f"{n:,} {words[n != 1]}" for label, words in COUNTED.items() if (n := counts.get(label))]
    rest = sum(count for label, count in counts.items() if label not in COUNTED)
    return [*said, f"{rest:,} other row{'s' * (rest != 1)}"] if rest else said


def download(export_name: str, sha256: str) -> FileResponse:
    """The archive as a file to keep, its bytes checked first."""
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-store"}
    path = blobs.verified_path(sha256)
    return FileResponse(
        path.open("rb"), as_attachment=True, filename=export_name, content_type="application/zip", headers=headers
    )


class Exports(WholePage):
    """The archives of a project, and the button that makes one."""

    action = {"GET": ACTION, "POST": ACTION}
    template = "projects/exports.html"

    def content(self) -> dict[str, Any]:
        page = Paginator(exports_of(self.project), ROWS).get_page(self.request.GET.get("page"))
        rows = [{"export": export, "counts": counted(export.counts)} for export in page]
        busy = any(export.state == "waiting" for export in page)
        return {"page_obj": page, "rows": rows, "days": DAYS, "stays": dict.fromkeys(STAYS.values()), "busy": busy}

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show them."""
        return self.page()

    def post(self, request: HttpRequest) -> HttpResponse:
        """Make one."""
        try:
            start_export(self.project, by=person(request))
        except Problem as problem:
            return self.refused(problem)
        return redirect("exports", self.project.key)


class ExportFile(WholePage):
    """One archive, to keep."""

    action = {"GET": ACTION}

    def get(self, request: HttpRequest, export_id: UUID) -> FileResponse:
        """Send it."""
        export = export_for(self.project, export_id)
        return download(f"{self.project.key}-{export.created_at:%Y-%m-%d}.zip", file_of(export))


class ImportNew(FormPage):
    """Make a project of an archive."""

    action = SIGNED_IN
    template = "projects/import_new.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Refuse what is too large before anything of it is kept."""
        check_size(int(request.META.get("CONTENT_LENGTH") or 0) - FORM_OVERHEAD)
        return super().post(request, *args, **kwargs)

    def make_form(self, data: Any = None, files: Any = None) -> ImportForm:
        return ImportForm(data, files)

    def act(self, form: ImportForm) -> str:
        file = form.cleaned_data["file"]
        check_size(file.size)
        check_beginning(file.read(4))
        key = check_key(form.cleaned_data["key"])
        file.seek(0)
        stored = blobs.put(file.chunks())
        brought, _ = start_import(
            key=key, name=form.cleaned_data["name"], file=stored, file_name=file.name, by=person(self.request)
        )
        return reverse("import", args=[brought.pk])

    def context(self, form: Any) -> dict[str, Any]:
        recent = imports_of(person(self.request))[:ROWS]
        return {"place": "projects", "limit": settings.UPLOAD_MAX_BYTES, "recent": recent}


class ImportPage(Page):
    """How an import goes; at the end what came, what stayed out and why, and whom to invite."""

    action = SIGNED_IN
    template = "projects/import.html"

    def get(self, request: HttpRequest, import_id: UUID) -> HttpResponse:
        """Show it."""
        brought = import_for(person(request), import_id)
        report = brought.report
        return self.show(
            place="projects",
            brought=brought,
            job=latest_of(brought),
            counts=counted(report.get("counts", {})),
            left_out=sum(report.get("left_out", {}).values()),
            team=[one | {"roles": [Role(role) for role in one["roles"]]} for one in report.get("team", [])],
        )
