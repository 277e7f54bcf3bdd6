"""One column at a time of a published version, as a chart, the version before behind it."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from datasets import charts
from datasets.columns import facts_of
from datasets.models.versions import Version
from datasets.queries import seen
from datasets.queries import versions as queries
from problems.problem import Missing
from projects.access import ProjectPage
from web.figures import templates


class Explore(ProjectPage):
    """Pick a column and look at it."""

    action = "data.read"
    stage = "explore"
    template = "datasets/explore.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the chosen column of the newest published version, or of the dataset that the address names."""
        newest: dict[str, Version] = {}
        for version in queries.published_versions(self.project):
            newest.setdefault(version.dataset.name, version)
        if not newest:
            return self.show(data_version=None)
        chosen = request.GET.get("dataset") or next(iter(newest))
        if chosen not in newest:
            raise Missing(f"There is no published version of a dataset “{chosen}” in this project.")
        return self.show(**self.column_of(newest[chosen], request.GET.get("column", "")), names=list(newest))

    def column_of(self, version: Version, wanted: str) -> dict[str, Any]:
        """The chosen column's figure, and all columns to choose from."""
        hidden = seen.hidden_of(version.dataset, self.roles)
        version = seen.masked(version, hidden)
        known = {column["name"]: column for column in version.profile["columns"]}
        if wanted and wanted not in known:
            raise Missing(f"{version} has no column “{wanted[:100]}”.")
        column = known[wanted] if wanted else self.first(version)
        earlier = version.dataset.versions.filter(number__lt=version.number, state=Version.State.PUBLISHED).first()
        earlier = seen.masked(earlier, hidden) if earlier else None
        before = self.of(earlier, column["name"]) if earlier else None
        labels = (f"v{version.number}", f"v{earlier.number}" if earlier else "")
        return {
            "data_version": version,
            "before": earlier if before else None,
            "columns": list(known.values()),
            "column": column,
            "figure": charts.column_figure(column, version.rows, before, labels),
            "facts": facts_of(column, version.rows),
            "detail": charts.detail(column, version.rows),
            "chart_templates": templates(),
        }

    @staticmethod
    def first(version: Version) -> dict[str, Any]:
        """The first column that makes a picture."""
        drawn = (c for c in version.profile["columns"] if charts.column_figure(c, version.rows, None, ("", "")))
        found: dict[str, Any] = next(drawn, version.profile["columns"][0])
        return found

    @staticmethod
    def of(version: Version, name: str) -> dict[str, Any] | None:
        """A column's profile in another version, if it was there with a distribution."""
        return next((column for column in version.profile["columns"] if column["name"] == name), None)
