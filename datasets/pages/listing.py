"""The datasets of one project and of all one's projects, and the page that uploads a file."""

from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.models import User
from datasets.forms.uploads import OPTION_NAMES, UploadForm
from datasets.models.sources import Pull
from datasets.models.tags import Sensitivity
from datasets.models.versions import Dataset, Ingestion
from datasets.queries import catalog
from datasets.queries import sources as source_queries
from datasets.queries import versions as queries
from datasets.services import looks
from datasets.services import versions as services
from projects.access import ProjectPage
from projects.queries.projects import visible_to
from web.pages import SIGNED_IN, FormPage, Page

ROWS, LOADS = 50, 20
FORM_OVERHEAD = 64 * 1024


def person(request: HttpRequest) -> User:
    """The signed-in person; pages behind a declared action always have one."""
    assert isinstance(request.user, User)
    return request.user


class AllData(Page):
    """The datasets of every project that one may read."""

    action = SIGNED_IN
    template = "datasets/all.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one page of those that are sought."""
        projects = visible_to(person(request))
        sought = catalog.Sought.of({name: str(value) for name, value in request.GET.items()})
        page = Paginator(catalog.found(projects, sought), ROWS).get_page(request.GET.get("page"))
        choices = {
            "states": catalog.STATES,
            "fresh": catalog.FRESH,
            "quality": catalog.QUALITY,
            "words": catalog.words_in(projects),
        }
        return self.show(
            place="data",
            page_obj=page,
            rows=queries.listed(page),
            loads=catalog.reading(projects)[:LOADS],
            sought=sought,
            kinds=[pair for pair in Sensitivity.choices if pair[0] != Sensitivity.NONE],
            choices=choices,
        )


class Data(ProjectPage):
    """The datasets of a project: newest versions, last loads, and what is being loaded."""

    action = "data.read"
    stage = "data"
    template = "datasets/list.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one page. A waiting page sends as `open` how many loads it shows, and reloads when that changes."""
        loads = queries.open_loads([self.project])
        if getattr(request, "htmx", False) and "open" in request.GET:
            same = request.GET["open"] == str(len(loads))
            return HttpResponse(status=204) if same else HttpResponse(headers={"HX-Refresh": "true"})
        page = Paginator(queries.datasets_of([self.project]), ROWS).get_page(request.GET.get("page"))
        waiting: list[tuple[Ingestion | Pull, str, Dataset, str]] = [
            (one, one.file_name, one.dataset, services.preview_address(one)) for one in queries.previews([self.project])
        ]
        waiting += [
            (one, one.source.name, one.source.dataset, looks.look_address(one))
            for one in source_queries.looks([self.project])
        ]
        return self.show(page_obj=page, rows=queries.listed(page), loads=loads, waiting=waiting)


class Upload(ProjectPage, FormPage):
    """Upload one file."""

    action = "data.load"
    stage = "data"
    template = "datasets/upload.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Refuse what is too large before anything of it is kept."""
        services.check_size(int(request.META.get("CONTENT_LENGTH") or 0) - FORM_OVERHEAD)
        return super().post(request, *args, **kwargs)

    def make_form(self, data: Any = None, files: Any = None) -> UploadForm:
        return UploadForm(data, files, initial={"name": self.request.GET.get("dataset", "")[:60]})

    def act(self, form: UploadForm) -> str:
        file = form.cleaned_data["file"]
        services.check_size(file.size)
        name = services.dataset_name(form.cleaned_data["name"])
        preview = form.cleaned_data["preview"]
        load, _ = services.start_ingestion(
            self.project,
            name=name,
            file_name=services.file_name(file.name),
            blob=services.keep_file(file.chunks()),
            options=form.options(),
            by=person(self.request),
            preview=preview,
        )
        return services.preview_address(load) if preview else reverse("data", args=[self.project.key])

    def context(self, form: Any) -> dict[str, Any]:
        names = Dataset.objects.filter(project=self.project).values_list("name", flat=True)
        stated = any(form[name].value() for name in OPTION_NAMES)
        return {"names": names[:200], "limit": settings.UPLOAD_MAX_BYTES, "stated": stated}
