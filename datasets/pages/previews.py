"""How one file was read: every guess with its rows, to be corrected, taken as a version, or dropped."""

from functools import cached_property
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from datasets.forms.uploads import PreviewForm
from datasets.models.versions import Ingestion, Version
from datasets.pages.listing import person
from datasets.queries import seen
from datasets.services import versions as services
from jobs.queries import latest_of
from problems.problem import Invalid, Problem
from projects.access import ProjectPage
from web.pages import put_on_form

REFUSED_SHOWN = 20
COLUMNS_SHOWN = 60


class UploadPreview(ProjectPage):
    """The page of an upload that waits for a look. POST does what the pressed button says."""

    action = {"GET": "data.read", "POST": "data.load"}
    stage = "data"
    template = "datasets/preview.html"

    @cached_property
    def load(self) -> Ingestion:
        """The upload that the address names."""
        return seen.seen_ingestion(self.project, self.kwargs["name"], self.kwargs["ingestion"], self.roles)

    def form(self, data: Any = None) -> PreviewForm:
        """The guesses as fields."""
        load = self.load
        return PreviewForm(data, stated=load.options, found=load.found or {}, seen=load.table_id or "")

    def get(self, request: HttpRequest, name: str, ingestion: UUID) -> HttpResponse:
        """Show the guesses, or where the reading is. A waiting page asks and reloads when it is done."""
        load = self.load
        waits = load.state == Ingestion.State.WAITING
        if getattr(request, "htmx", False) and "waiting" in request.GET:
            return HttpResponse(status=204) if waits else HttpResponse(headers={"HX-Refresh": "true"})
        version = Version.objects.filter(ingestion=load).select_related("dataset__project").first()
        if version is not None:
            return HttpResponseRedirect(services.address_of(version))
        return self.page(self.form())

    def post(self, request: HttpRequest, name: str, ingestion: UUID) -> HttpResponse:
        """Take it, look again, or start again; a refusal leaves the form as it was sent."""
        form = self.form(request.POST)
        if not form.is_valid():
            return self.page(form, 422)
        try:
            return HttpResponseRedirect(self.act(form, request.POST.get("do", "")))
        except Problem as problem:
            put_on_form(form, problem)
            return self.page(form, problem.status)

    def act(self, form: PreviewForm, wanted: str) -> str:
        """Carry out one button; returns the address to go to."""
        load, by, seen = self.load, person(self.request), form.cleaned_data["seen"]
        if wanted == "drop":
            services.drop_preview(load, by=by)
            messages.success(
                self.request, f"What was read of {load.file_name} is dropped. Upload it again when you like."
            )
            return f"{reverse('upload', args=[self.project.key])}?dataset={load.dataset.name}"
        if wanted == "look":
            services.look_again(load, form.options(), by=by, seen=seen)
            return services.preview_address(load)
        if wanted != "read":
            raise Invalid("Press one of the buttons. Nothing was changed.")
        made = services.take_preview(load, form.options(), by=by, seen=seen)
        if isinstance(made, Version):
            messages.success(self.request, f"{made} was made as you saw it.")
            return services.address_of(made)
        messages.info(self.request, f"{load.file_name} is being read as you corrected it, and becomes a draft.")
        return reverse("data", args=[self.project.key])

    def page(self, form: PreviewForm, status: int = 200) -> HttpResponse:
        """The page with this form."""
        load = self.load
        found = load.found or {}
        report = found.get("report", {})
        return self.show(
            status=status,
            form=form,
            load=load,
            report=report,
            found=found,
            job=latest_of(load) if load.state == Ingestion.State.WAITING else None,
            refused=report.get("refused", [])[:REFUSED_SHOWN],
            notes=[(name, note) for name, told in report.get("columns", {}).items() for note in told.get("notes", [])],
            table=self.table(form, found),
        )

    @staticmethod
    def table(form: PreviewForm, found: dict[str, Any]) -> dict[str, Any]:
        """The first rows under the fields of their columns' types."""
        columns = form.type_fields()[:COLUMNS_SHOWN]
        names = [column["name"] for column, _ in columns]
        rows = [[row.get(name) for name in names] for row in found.get("profile", {}).get("sample", [])]
        return {"columns": columns, "rows": rows, "hidden": len(found.get("schema", [])) - len(columns)}
