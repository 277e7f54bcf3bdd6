"""How a file, or what a source brings, was read: every guess with its rows, to be corrected, taken, or dropped."""

from functools import cached_property
from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from datasets.connectors.catalog import connector_for
from datasets.forms.uploads import PreviewForm
from datasets.models.sources import Pull, Source
from datasets.models.versions import Ingestion, Version
from datasets.pages.listing import person
from datasets.queries import seen
from datasets.queries import sources as queries
from datasets.services import looks
from datasets.services import sources as source_services
from datasets.services import versions as services
from jobs.queries import latest_of
from problems.problem import Invalid, Problem
from projects.access import ProjectPage
from projects.permissions import allows, holders
from web.pages import put_on_form

REFUSED_SHOWN = 20
COLUMNS_SHOWN = 60


class Preview(ProjectPage):
    """The page of a load that waits for a look. POST does what the pressed button says."""

    stage = "data"
    template = "datasets/preview.html"
    decides: ClassVar[str]

    @property
    def load(self) -> Ingestion | Pull:
        """What the address names."""
        raise NotImplementedError

    def form(self, data: Any = None) -> PreviewForm:
        """The guesses as fields."""
        raise NotImplementedError

    def made(self) -> Version | None:
        """The version that came of it."""
        raise NotImplementedError

    def act(self, form: PreviewForm, wanted: str) -> str:
        """Carry out one button; returns the address to go to."""
        raise NotImplementedError

    def words(self) -> dict[str, Any]:
        """What it is, where it goes, how it is brought again, and the same over REST."""
        raise NotImplementedError

    def get(self, request: HttpRequest, **named: Any) -> HttpResponse:
        """Show the guesses, or where the reading is. A waiting page asks and reloads when it is done."""
        waits = self.load.state == Ingestion.State.WAITING
        if getattr(request, "htmx", False) and "waiting" in request.GET:
            return HttpResponse(status=204) if waits else HttpResponse(headers={"HX-Refresh": "true"})
        version = self.made()
        return self.page(self.form()) if version is None else HttpResponseRedirect(services.address_of(version))

    def post(self, request: HttpRequest, **named: Any) -> HttpResponse:
        """Take it, look again, or start again; a refusal leaves the form as it was sent."""
        form, wanted = self.form(request.POST), request.POST.get("do", "")
        if not form.is_valid():
            return self.page(form, 422)
        try:
            if wanted not in ("drop", "look", "read"):
                raise Invalid("Press one of the buttons. Nothing was changed.")
            return HttpResponseRedirect(self.act(form, wanted))
        except Problem as problem:
            put_on_form(form, problem)
            return self.page(form, problem.status)

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
            decides=allows(self.roles, self.decides),
            deciders=holders(self.decides),
            **self.words(),
        )

    @staticmethod
    def table(form: PreviewForm, found: dict[str, Any]) -> dict[str, Any]:
        """The first rows under the fields of their columns' types."""
        columns = form.type_fields()[:COLUMNS_SHOWN]
        names = [column["name"] for column, _ in columns]
        rows = [[row.get(name) for name in names] for row in found.get("profile", {}).get("sample", [])]
        return {"columns": columns, "rows": rows, "hidden": len(found.get("schema", [])) - len(columns)}


class UploadPreview(Preview):
    """The page of an upload that waits for a look."""

    decides = "data.load"
    action = {"GET": "data.read", "POST": decides}

    @cached_property
    def load(self) -> Ingestion:
        return seen.seen_ingestion(self.project, self.kwargs["name"], self.kwargs["ingestion"], self.roles)

    def form(self, data: Any = None) -> PreviewForm:
        load = self.load
        return PreviewForm(data, stated=load.options, found=load.found or {}, seen=load.table_id or "")

    def made(self) -> Version | None:
        return Version.objects.filter(ingestion=self.load).select_related("dataset__project").first()

    def words(self) -> dict[str, Any]:
        load, key = self.load, self.project.key
        return {
            "subject": load.file_name,
            "size": load.file_blob.size,
            "target": load.dataset.name,
            "again": self.upload,
            "rest": f"/api/v1/projects/{key}/datasets/{load.dataset.name}/uploads/{load.pk}/",
        }

    @property
    def upload(self) -> str:
        """Where another file is chosen."""
        return f"{reverse('upload', args=[self.project.key])}?dataset={self.load.dataset.name}"

    def act(self, form: PreviewForm, wanted: str) -> str:
        load, by, seen = self.load, person(self.request), form.cleaned_data["seen"]
        if wanted == "drop":
            services.drop_preview(load, by=by)
            messages.success(
                self.request, f"What was read of {load.file_name} is dropped. Upload it again when you like."
            )
            return self.upload
        if wanted == "look":
            services.look_again(load, form.options(), by=by, seen=seen)
            return services.preview_address(load)
        made = services.take_preview(load, form.options(), by=by, seen=seen)
        if isinstance(made, Version):
            messages.success(self.request, f"{made} was made as you saw it.")
            return services.address_of(made)
        messages.info(self.request, f"{load.file_name} is being read as you corrected it, and becomes a draft.")
        return reverse("data", args=[self.project.key])


class SourceLook(Preview):
    """The page of a load from a source that waits for a look."""

    decides = "source.write"
    action = {"GET": "data.read", "POST": decides}

    @cached_property
    def source(self) -> Source:
        """The source that the address names."""
        return queries.source_for(self.project, self.kwargs["name"])

    @cached_property
    def load(self) -> Pull:
        return seen.seen_pull(self.source, self.kwargs["pull"], self.roles)

    def form(self, data: Any = None) -> PreviewForm:
        load, typed = self.load, not connector_for(self.source.connector).reads_files
        return PreviewForm(
            data, stated=self.source.options, found=load.found or {}, seen=load.table_id or "", typed=typed
        )

    def made(self) -> Version | None:
        return self.load.version

    def words(self) -> dict[str, Any]:
        source = self.source
        return {
            "subject": source.name,
            "size": None,
            "target": source.dataset.name,
            "again": source_services.address_of(source),
            "rest": f"/api/v1/projects/{self.project.key}/sources/{source.name}/pulls/{self.load.pk}/",
        }

    def act(self, form: PreviewForm, wanted: str) -> str:
        load, by, seen = self.load, person(self.request), form.cleaned_data["seen"]
        if wanted == "drop":
            looks.drop_look(load, by=by)
            messages.success(self.request, f"What {self.source} brought is dropped. The next load brings it again.")
            return source_services.address_of(self.source)
        if wanted == "look":
            again, _ = looks.look_again(load, form.options(), by=by, seen=seen)
            return looks.look_address(again)
        made = looks.take_look(load, form.options(), by=by, seen=seen)
        if isinstance(made, Version):
            messages.success(self.request, f"{made} was made as you saw it.")
            return services.address_of(made)
        messages.info(self.request, f"{self.source} is being loaded as you corrected it, and becomes a draft.")
        return source_services.address_of(self.source)
