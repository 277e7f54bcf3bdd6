"""One version of a dataset: what was read, refused and guessed, its columns, what changed, and publishing it."""

import csv
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse

from datasets import columns, sentences
from datasets.forms.uploads import SchemaPolicyForm
from datasets.models.versions import Version
from datasets.pages.checked import quality_of
from datasets.pages.listing import person
from datasets.profiling.comparison import Change, compare
from datasets.queries import seen
from datasets.queries import versions as queries
from datasets.queries.quality import in_words
from datasets.queries.recipes import Lineage, lineage_of
from datasets.queries.sources import pull_of
from datasets.services import versions as services
from datasets.using import uses_of
from projects.access import ProjectPage
from projects.activity import safe_cell
from projects.permissions import holders

ROWS = 50
SAMPLE = 20
REFUSED_SHOWN = 20


class VersionPage(ProjectPage):
    """The base of the pages of one version."""

    stage = "data"

    @cached_property
    def version(self) -> Version:
        """The version that the address names."""
        return seen.seen_version(self.project, self.kwargs["name"], self.kwargs["number"], self.roles)

    @cached_property
    def before(self) -> Version | None:
        """What it is compared with."""
        return seen.seen_before(self.version, self.roles)

    @cached_property
    def changes(self) -> list[Change]:
        """What changed, in the order of the columns."""
        return compare(self.before.profile, self.version.profile) if self.before else []

    def rows(self) -> list[columns.Row]:
        """The columns table."""
        before = self.before.profile if self.before else None
        return columns.rows_of(self.version.profile, self.version.report, before, self.changes)


class DatasetVersion(VersionPage):
    """The page of a version; POST publishes it."""

    action = {"GET": "data.read", "POST": "data.publish"}
    template = "datasets/version.html"

    def get(self, request: HttpRequest, name: str, number: int) -> HttpResponse:
        """Show it."""
        version, quality = self.version, quality_of(self.version, self.hidden())
        if getattr(request, "htmx", False) and "open" in request.GET:
            same = request.GET["open"] == quality["open"]
            return HttpResponse(status=204) if same else HttpResponse(headers={"HX-Refresh": "true"})
        rows = self.rows()
        weights = {change.name: change.weight for change in self.changes}
        changed_first = bool(self.before) and request.GET.get("sort") != "file"
        if changed_first:
            rows.sort(key=lambda row: -weights[row.name])
        page = Paginator(rows, ROWS).get_page(request.GET.get("page"))
        return self.show(
            data_version=version,
            before=self.before,
            page_obj=page,
            changed_first=changed_first,
            gone=[change for change in self.changes if change.kind == "gone"],
            finding=self.finding(),
            **self.schema_change(),
            why_not=self.why_not(),
            publishers=holders("data.publish"),
            refused=version.report.get("refused", [])[:REFUSED_SHOWN],
            refused_listed=len(version.report.get("refused", [])),
            versions=queries.versions_of(version.dataset)[:8],
            versions_total=version.dataset.versions.count(),
            sample=self.sample(),
            lineage=self.lineage(),
            upper=uses_of(version),
            hidden=self.hidden(),
            openers=holders("data.see_sensitive"),
            quality=quality,
            pulled=pull_of(version),
            origin=version.report.get("source", ""),
        )

    def post(self, request: HttpRequest, name: str, number: int) -> HttpResponse:
        """Publish it."""
        services.publish(self.version, by=person(request))
        messages.success(request, f"{self.version} is published. It can be trained on and never changes.")
        return HttpResponseRedirect(services.address_of(self.version))

    def why_not(self) -> str:
        """What keeps it from being published, as this person may read it."""
        if self.version.state != Version.State.DRAFT:
            return ""
        return in_words(seen.masked_blocks(services.hindrances(self.version), self.hidden()))

    def hidden(self) -> list[str]:
        """The columns of this version whose values this person must not see."""
        closed = seen.hidden_of(self.version.dataset, self.roles)
        return [column["name"] for column in self.version.schema if column["name"] in closed]

    def lineage(self) -> Lineage:
        """Where it came from; what the steps learned as this person may see it."""
        found = lineage_of(self.version)
        if found.made_by:
            recipe = found.made_by.recipe_version
            hidden = seen.hidden_for(recipe.recipe, recipe.steps, self.roles)
            found.made_by.report = seen.seen_run(found.made_by.report, hidden)
        return found

    def finding(self) -> dict[str, str]:
        """The sentences on top."""
        version = self.version
        changed = sentences.changed_words(self.changes, self.before.number) if self.before else ""
        return {
            "read": sentences.read_words(version.rows),
            "refused": sentences.refused_words(version.refused_rows),
            "empty": sentences.empty_words(version.profile),
            "changed": changed,
        }

    def schema_change(self) -> dict[str, Any]:
        """How the columns differ from the last published ones, and the form of the policy."""
        version = self.version
        before, changes = queries.schema_changes(version)
        return {
            "schema_before": before,
            "schema_changes": changes,
            "schema_accepted": before is not None and version.schema_accepted_against == before.number,
            "policy_form": SchemaPolicyForm(initial={"schema_policy": version.dataset.schema_policy}),
        }

    def sample(self) -> dict[str, Any]:
        """The first rows as a table, its widest part cut."""
        names = [column["name"] for column in self.version.schema[:60]]
        types = {column["name"]: column["type"] for column in self.version.schema}
        rows = queries.sample_rows(self.version, SAMPLE)
        return {
            "names": [(name, types[name] in ("integer", "number")) for name in names],
            "rows": [[(row[name], types[name] in ("integer", "number")) for name in names] for row in rows],
            "hidden": len(self.version.schema) - len(names),
        }


class _Echo:
    """A file that hands back what is written to it, a line at a time."""

    def write(self, text: str) -> str:
        return text


class ColumnsCsv(VersionPage):
    """The columns table for a spreadsheet; no cell can run there."""

    action = "data.read"

    def get(self, request: HttpRequest, name: str, number: int) -> StreamingHttpResponse:
        """Stream it."""
        lines = (columns.as_csv(row) for row in self.rows())
        return download(f"{name}-v{number}-columns.csv", columns.CSV_HEADER, lines)


class RefusedCsv(VersionPage):
    """The refused rows that were listed, with their lines and reasons."""

    action = "data.read"

    def get(self, request: HttpRequest, name: str, number: int) -> StreamingHttpResponse:
        """Stream it."""
        header = ["line", "lines", "reason", "text"]
        lines = ([one[key] for key in header] for one in self.version.report.get("refused", []))
        return download(f"{name}-v{number}-refused.csv", header, lines)


def download(name: str, header: list[str], lines: Iterable[list[Any]]) -> StreamingHttpResponse:
    """Rows as a CSV attachment. Texts that a spreadsheet would run are neutralised; numbers stay as they are."""

    def stream() -> Iterator[str]:
        writer = csv.writer(_Echo())
        yield writer.writerow(header)
        for cells in lines:
            yield writer.writerow([cell if isinstance(cell, (int, float)) else _text(cell) for cell in cells])

    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(stream(), content_type="text/csv; charset=utf-8", headers=headers)


def _text(cell: Any) -> str:
    return "" if cell is None else safe_cell(cell)
