"""The rules of a dataset and what they say of a version: write, check, waive, set rows aside."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse

from datasets import masking
from datasets.forms.quality import RuleForm, WaiverForm
from datasets.models.quality import QualityRule, Severity
from datasets.models.versions import Dataset, Version
from datasets.pages.listing import person
from datasets.pages.versions import VersionPage, download
from datasets.quality.base import Rule
from datasets.quality.catalog import GROUPS, RULES
from datasets.quality.suggestions import suggested
from datasets.queries import quality as queries
from datasets.queries import seen
from datasets.queries.recipes import newest_version
from datasets.queries.versions import dataset_for
from datasets.recipes.frame import Frame, table_of
from datasets.services import checks, quarantines
from datasets.services import quality as services
from datasets.services.versions import address_of
from problems.problem import Invalid, Missing
from projects.access import ProjectPage
from projects.permissions import holders
from storage import blobs
from web.pages import FormPage

ROWS = 50


class OneDataset(ProjectPage):
    """The base of the pages of one dataset's quality."""

    stage = "data"

    @cached_property
    def dataset(self) -> Dataset:
        """The dataset that the address names."""
        return dataset_for(self.project, self.kwargs["name"])

    @cached_property
    def newest(self) -> Version | None:
        """Its newest version."""
        return newest_version(self.dataset)

    def back(self) -> HttpResponse:
        """To its rules."""
        return HttpResponseRedirect(services.quality_address(self.dataset))


class Quality(OneDataset):
    """The rules as sentences with their history, and what the profile suggests."""

    action = "data.read"
    template = "datasets/quality.html"

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """Show one page of them."""
        page = Paginator(queries.rules_of(self.dataset), ROWS).get_page(request.GET.get("page"))
        strips = queries.strips(self.dataset, list(page))
        hidden = seen.hidden_of(self.dataset, self.roles)
        rows = [(rule, seen.rule_words(rule, queries.said(rule).sentence, hidden), strips[rule.pk]) for rule in page]
        suggestions = suggestions_for(self.dataset, self.newest)
        return self.show(
            dataset=self.dataset,
            newest=self.newest,
            page_obj=page,
            rows=rows,
            suggestions=[one for one in suggestions if not masking.touches(one.params, hidden)][:12],
            groups=GROUPS,
            contract=queries.newest_contract(self.dataset),
            in_force=queries.contract_in_force(self.dataset),
            writers=holders("quality.write"),
        )


def suggestions_for(dataset: Dataset, newest: Version | None) -> list[Any]:
    """What the newest profile suggests beside the rules that are there."""
    there = [{"kind": rule.kind, "params": rule.params} for rule in queries.rules_of(dataset)]
    return suggested(newest.profile, there) if newest else []


class RulePage(OneDataset, FormPage):
    """The base of the form of one rule."""

    action = "quality.write"
    template = "datasets/quality_rule.html"

    @property
    def kind(self) -> Rule:
        """The kind of rule."""
        raise NotImplementedError

    def before(self) -> tuple[Mapping[str, Any], str, bool]:
        """What the form begins with."""
        return {}, Severity.WARN, False

    def make_form(self, data: Any = None, files: Any = None) -> RuleForm:
        others = Dataset.objects.filter(project=self.project, versions__isnull=False).exclude(pk=self.dataset.pk)
        names = list(others.distinct().values_list("name", flat=True)[:500])
        frame: Frame | None = table_of("main", self.newest.schema) if self.newest else None
        params, severity, quarantine = self.before()
        return RuleForm(
            data,
            rule=self.kind,
            frame=frame,
            datasets=names,
            params=params,
            severity=severity,
            quarantine=quarantine,
        )

    def context(self, form: Any) -> dict[str, Any]:
        return {"dataset": self.dataset, "kind": self.kind}


class RuleNew(RulePage):
    """Add a rule."""

    @property
    def kind(self) -> Rule:
        if self.kwargs["kind"] not in RULES:
            raise Missing("There is no such rule.")
        return RULES[self.kwargs["kind"]]

    def act(self, form: RuleForm) -> str:
        rule = services.add_rule(
            self.dataset,
            kind=self.kind.kind,
            params=form.params,
            severity=form.cleaned_data["severity"],
            quarantine=form.cleaned_data.get("quarantine", False),
            by=person(self.request),
        )
        messages.success(self.request, f"Rule {rule.number} is in force.")
        return services.quality_address(self.dataset)


class RuleChange(RulePage):
    """Change a rule."""

    @cached_property
    def rule(self) -> QualityRule:
        """The rule that the address names."""
        return queries.rule_for(self.dataset, self.kwargs["rule"])

    @property
    def kind(self) -> Rule:
        return RULES[self.rule.kind]

    def before(self) -> tuple[Mapping[str, Any], str, bool]:
        return self.rule.params, self.rule.severity, self.rule.quarantine

    def act(self, form: RuleForm) -> str:
        seen = self.request.POST.get("seen", "")
        services.change_rule(
            self.rule,
            params=form.params,
            severity=form.cleaned_data["severity"],
            quarantine=form.cleaned_data.get("quarantine", False),
            seen=int(seen) if seen.isdigit() and len(seen) < 9 else 0,
            by=person(self.request),
        )
        messages.success(self.request, f"Rule {self.rule.number} is changed. Check again to see what it says now.")
        return services.quality_address(self.dataset)

    def context(self, form: Any) -> dict[str, Any]:
        return super().context(form) | {"rule": self.rule}


class RuleRetire(OneDataset):
    """Take a rule out of force."""

    action = {"POST": "quality.write"}

    def post(self, request: HttpRequest, name: str, rule: int) -> HttpResponse:
        """Do it; its history stays."""
        services.retire_rule(queries.rule_for(self.dataset, rule), by=person(request))
        messages.success(request, f"Rule {rule} is retired.")
        return self.back()


class SuggestionTake(OneDataset):
    """Accept one suggested rule with one click."""

    action = {"POST": "quality.write"}

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Add it, if it is still suggested."""
        says = request.POST.get("says", "")
        one = next((one for one in suggestions_for(self.dataset, self.newest) if one.sentence == says), None)
        if one is None:
            raise Invalid("This rule is not suggested any more.", code="not_suggested")
        rule = services.add_rule(self.dataset, kind=one.rule.kind, params=dict(one.params), by=person(request))
        messages.success(request, f"Rule {rule.number} is in force. It warns; change it if it should block.")
        return self.back()


class CheckNow(VersionPage):
    """Check the rules of a version."""

    action = {"POST": "quality.write"}

    def post(self, request: HttpRequest, name: str, number: int) -> HttpResponse:
        """Start it."""
        checks.start_check(self.version, by=person(request))
        return HttpResponseRedirect(address_of(self.version))


class Waive(VersionPage, FormPage):
    """Let a failing rule pass for this version, with a reason, until a day."""

    action = "quality.waive"
    template = "datasets/waive.html"

    @cached_property
    def rule(self) -> QualityRule:
        """The rule that the address names."""
        return queries.rule_for(self.version.dataset, self.kwargs["rule"])

    def make_form(self, data: Any = None, files: Any = None) -> WaiverForm:
        return WaiverForm(data)

    def act(self, form: WaiverForm) -> str:
        cleaned = form.cleaned_data
        services.waive(
            self.version, self.rule, reason=cleaned["reason"], until=cleaned["until"], by=person(self.request)
        )
        messages.success(self.request, f"Rule {self.rule.number} is waived until {cleaned['until'].isoformat()}.")
        return address_of(self.version)

    def context(self, form: Any) -> dict[str, Any]:
        lines = queries.lines_of(self.version, queries.last_check(self.version))
        line = next((one for one in lines if one.result.rule_id == self.rule.pk), None)
        return {"data_version": self.version, "rule": self.rule, "line": line, "says": queries.said(self.rule).sentence}


class SetAside(VersionPage):
    """Split the failing rows away; the next draft is made of the rest."""

    action = {"POST": "data.publish"}

    def post(self, request: HttpRequest, name: str, number: int) -> HttpResponse:
        """Start it for the named rules, or for all that fail on rows."""
        numbers = [int(one) for one in request.POST.getlist("rules") if one.isdigit() and len(one) < 9]
        quarantines.start_quarantine(self.version, numbers=numbers, by=person(request))
        messages.success(request, "The bad rows are being set aside. Leaving this page is safe.")
        return HttpResponseRedirect(address_of(self.version))


class QuarantinedCsv(VersionPage):
    """The rows that were set aside, for a spreadsheet."""

    action = "data.read"

    def get(self, request: HttpRequest, name: str, number: int) -> StreamingHttpResponse:
        """Stream them."""
        split = queries.quarantine_of(self.version)
        if split is None or split.table_id is None:
            raise Missing("No rows of this version were set aside.")
        header, hidden = (
            [column["name"] for column in self.version.schema],
            seen.hidden_of(self.version.dataset, self.roles),
        )
        rows = _rows(blobs.unverified_path(split.table_id))
        if hidden:
            rows = ([masking.HIDDEN if n in hidden else c for n, c in zip(header, row, strict=False)] for row in rows)
        return download(f"{name}-v{number}-quarantined.csv", header, rows)


def _rows(path: Any) -> Iterator[list[Any]]:
    from storage import tables  # only here: it brings Arrow into the web process

    for batch in tables.read_batches(path):
        columns = [column.to_pylist() for column in batch.columns]
        for cells in zip(*columns, strict=True):
            yield [cell if isinstance(cell, (int, float, str)) or cell is None else str(cell) for cell in cells]
