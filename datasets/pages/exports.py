"""Taking a version away: as a file at once, as a file by a job, or by a program from an address of its own."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse

from datasets import exporting
from datasets.downloads import file_response, from_file, streamed
from datasets.pages.listing import person
from datasets.pages.versions import VersionPage
from datasets.queries import exports as queries
from datasets.queries.catalog import newest_published
from datasets.services import exports as services
from problems.problem import Conflict, NotSignedIn
from web.pages import PUBLIC, Page

FORMAT_WORDS = {
    "csv": "CSV: opens everywhere",
    "xlsx": f"Excel workbook: up to {exporting.XLSX_ROWS:,} rows".replace(",", "\u2009"),
    "parquet": "Parquet: types kept, for programs",
}


class Exports(VersionPage):
    """What can be taken and how; POST has a file written, at once when it is small."""

    action = {"GET": "data.read", "POST": "data.export"}
    template = "datasets/export.html"

    def get(self, request: HttpRequest, name: str, number: int) -> HttpResponse:
        """Show it."""
        version, base = self.version, f"{request.scheme}://{request.get_host()}"
        return self.show(
            data_version=version,
            formats=[
                (kind, words, exporting.is_quick(kind, version.rows, len(version.schema)))
                for kind, words in FORMAT_WORDS.items()
            ],
            masked=queries.masked_names(version, self.roles),
            exports=queries.exports_of(version)[:20],
            base=base,
            file_url=f"{base}/api/v1/projects/{self.project.key}/datasets/{name}/versions/{number}/file/",
        )

    def post(self, request: HttpRequest, name: str, number: int) -> HttpResponseBase:
        """Send the file, or start the job that writes it."""
        kind, raw = request.POST.get("format", ""), "raw" in request.POST
        exporting.check(kind, self.version.rows)
        if exporting.is_quick(kind, self.version.rows, len(self.version.schema)):
            masked = queries.masked_names(self.version, self.roles)
            response = file_response(self.version, kind, masked, raw=raw)
            services.note_download(self.version, kind=kind, raw=raw, masked=masked, by=person(request))
            return response
        services.start_export(self.version, kind=kind, raw=raw, roles=self.roles, by=person(request))
        messages.info(request, "The file is being written. It stands below when it is done; leaving this page is safe.")
        return HttpResponseRedirect(reverse("dataset-export", args=[self.project.key, name, number]))


class ExportFile(VersionPage):
    """A file that a job wrote."""

    action = "data.read"

    def get(self, request: HttpRequest, name: str, number: int, export: UUID) -> HttpResponseBase:
        """Fetch it."""
        found = queries.export_for(self.version, export, self.roles)
        raw = "-raw" if found.raw else ""
        return from_file(queries.file_of(found).open("rb"), found.format, f"{name}-v{number}{raw}.{found.format}")


class FeedFile(Page):
    """The newest published version of one dataset, for a program that knows the secret of its address."""

    action = {"GET": PUBLIC}

    def get(self, request: HttpRequest, feed: UUID, **kwargs: Any) -> HttpResponseBase:
        """CSV, safe for spreadsheets, without what its owner must not see. The secret is a head, or `token`."""
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        secret = given.strip() if kind.lower() == "bearer" else request.GET.get("token", "")
        if not secret:
            raise NotSignedIn("Send the secret of this address as Authorization: Bearer …, or as ?token=….")
        found = queries.feed_by(feed, secret)
        version = newest_published(found.dataset)
        if version is None:
            raise Conflict(f"{found.dataset.name} has no published version yet.", code="nothing_published")
        masked = queries.masked_names(version, queries.feed_roles(found))
        response = streamed(queries.csv_of(version, masked, raw=False), "csv", f"{found.dataset.name}.csv")
        services.note_read(found, version, masked)
        response.headers["X-Baton-Version"] = str(version.number)
        return response
