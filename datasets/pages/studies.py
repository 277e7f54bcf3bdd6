"""Looks at a version beside another, row by row, and at how its columns go together."""

from functools import cached_property
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from datasets import charts, columns
from datasets.models.versions import Version
from datasets.pages.listing import person
from datasets.pages.versions import ROWS, VersionPage
from datasets.profiling.comparison import compare, distance, guess_key
from datasets.queries import findings, seen
from datasets.queries import versions as queries
from datasets.services import findings as services
from jobs.models import Job
from projects.permissions import holders
from web.figures import templates

KEY_CHOICES = 200


class StudyPage(VersionPage):
    """A look that waits for a job: a waiting page asks, and reloads when the job has ended."""

    def reload(self, request: HttpRequest, job: Job | None) -> HttpResponse | None:
        """The answer to such a question; None for others."""
        if getattr(request, "htmx", False) and "open" in request.GET:
            return HttpResponse(status=204) if job and job.is_open else HttpResponse(headers={"HX-Refresh": "true"})
        return None


class Difference(StudyPage):
    """This version and another: columns by their distributions, rows by a key."""

    action = {"GET": "data.read", "POST": "data.study"}
    template = "datasets/difference.html"

    @cached_property
    def other(self) -> Version | None:
        """The version that the address names with `with`, else the one before."""
        given = self.request.POST.get("with") or self.request.GET.get("with") or ""
        if given.isdigit() and len(given) < 9:
            return seen.seen_version(self.project, self.kwargs["name"], int(given), self.roles)
        return self.before

    def get(self, request: HttpRequest, name: str, number: int) -> HttpResponse:
        """Show what is known."""
        version, other = self.version, self.other
        hidden = seen.hidden_of(version.dataset, self.roles)
        job = findings.difference_of(version, other, hidden) if other else None
        if answer := self.reload(request, job):
            return answer
        numbers = version.dataset.versions.exclude(pk=version.pk).values_list("number", flat=True)[:KEY_CHOICES]
        return self.show(
            data_version=version,
            other=other,
            numbers=numbers,
            job=job,
            result=job.result if job and job.result else None,
            guess=guess_key(other.profile, version.profile) if other else "",
            shared=self.shared(),
            students=holders("data.study"),
            **self.moved(),
        )

    def shared(self) -> list[str]:
        """The columns that both have."""
        names = {column["name"] for column in self.other.schema} if self.other else set()
        return [column["name"] for column in self.version.schema if column["name"] in names]

    def moved(self) -> dict[str, Any]:
        """The columns, what moved most first."""
        if self.other is None:
            return {"page_obj": None}
        changes = compare(self.other.profile, self.version.profile)
        rows = columns.rows_of(self.version.profile, self.version.report, self.other.profile, changes)
        weights = {change.name: change for change in changes}
        old = {column["name"]: column for column in self.other.profile["columns"]}
        rows.sort(key=lambda row: -weights[row.name].weight)
        page = Paginator(rows, ROWS).get_page(self.request.GET.get("page"))
        told = [(row, weights[row.name], distance(old.get(row.name), row.profile)) for row in page]
        gone = [change.name for change in changes if change.kind == "gone"]
        return {"page_obj": page, "told": told, "gone": gone, "moved": sum(row.matters for row in rows)}

    def post(self, request: HttpRequest, name: str, number: int) -> HttpResponse:
        """Match the rows."""
        address = reverse("dataset-difference", args=[self.project.key, name, number])
        if self.other is None:
            messages.error(request, "There is no other version to compare with.")
            return HttpResponseRedirect(address)
        services.start_difference(self.version, self.other, request.POST.getlist("key"), by=person(request))
        return HttpResponseRedirect(f"{address}?with={self.other.number}")


class Associations(StudyPage):
    """How the columns of a version go together, and which tell about a chosen one."""

    action = {"GET": "data.read", "POST": "data.study"}
    template = "datasets/associations.html"

    def get(self, request: HttpRequest, name: str, number: int) -> HttpResponse:
        """Show what is known."""
        version = queries.version_for(self.project, name, number)
        job = findings.associations_of(version)
        if answer := self.reload(request, job):
            return answer
        result = job.result if job and job.result else None
        return self.show(
            data_version=version,
            names=[column["name"] for column in version.schema],
            job=job,
            result=result,
            figure=charts.heatmap(result) if result and len(result["names"]) > 1 else None,
            knows=[one for one in result["pairs"] if one["knows"]] if result else [],
            chosen=result["target"] if result else "",
            chart_templates=templates(),
            students=holders("data.study"),
        )

    def post(self, request: HttpRequest, name: str, number: int) -> HttpResponse:
        """Measure them."""
        version = queries.version_for(self.project, name, number)
        services.start_associations(version, request.POST.get("target", ""), by=person(request))
        return HttpResponseRedirect(reverse("dataset-associations", args=[self.project.key, name, number]))
