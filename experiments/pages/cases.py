"""Pages of the edge-case book: the list, one case with its history, writing, changing and retiring one."""

from functools import cached_property
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from datasets import masking
from datasets.queries.versions import version_for
from experiments.forms.runs import CaseForm, RetireForm
from experiments.models.cases import EdgeCase, EdgeCaseRevision
from experiments.picking import PICKS
from experiments.queries.cases import (
    answers_of,
    case_fields,
    case_for,
    cases_of,
    hidden_of_cases,
    hides_answers,
    must_words,
    offers_to_pick,
    results_for,
    rows_to_pick,
)
from experiments.queries.evaluations import evaluation_for
from experiments.queries.runs import finished_runs
from experiments.services.cases import NO_CASES, add_case, change_case, retire_case
from problems.problem import Conflict, Missing
from projects.access import ProjectPage
from projects.measures import WORDS
from projects.models.projects import Kind
from projects.pages.projects import person
from web.pages import FormPage

SHOWN_RUNS = 4


class Cases(ProjectPage):
    """The book: every case that counts, and how the newest runs answer it."""

    action = "run.read"
    stage = "evaluate"
    template = "experiments/cases.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """One line for each case, one column for each of the newest runs."""
        cases = cases_of(self.project)
        revisions = [next(iter(case.revisions.all())) for case in cases]
        runs = list(finished_runs(self.project)[:SHOWN_RUNS])
        closed = hidden_of_cases(self.project, self.roles)
        hides = hides_answers(self.project, closed)
        results = [results_for(run, revisions, closed) for run in runs]
        rows = [
            (case, one, must_words(self.project, one, hides), [of.get(one.pk) for of in results])
            for case, one in zip(cases, revisions, strict=True)
        ]
        return self.show(rows=rows, runs=runs)


class CasePage(ProjectPage):
    """One case: what it says now, how models answer, and all that it said before."""

    action = "run.read"
    stage = "evaluate"
    template = "experiments/case.html"

    def get(self, request: HttpRequest, number: int) -> HttpResponse:
        """The page."""
        case = case_for(self.project, number)
        closed = hidden_of_cases(self.project, self.roles)
        hides = hides_answers(self.project, closed)
        revisions = [
            (one, must_words(self.project, one, hides), masking.visible(one.row, closed))
            for one in case.revisions.all()
        ]
        results = answers_of(case, closed)
        return self.show(case=case, now=revisions[0], before=revisions[1:], results=results)


class _CaseForm(ProjectPage, FormPage):
    """The base of forms that say what a case says."""

    action = "case.write"
    stage = "evaluate"
    template = "experiments/case_write.html"

    @cached_property
    def known(self) -> tuple[list[dict[str, Any]], list[str]]:
        """The fields of a row and the possible answers, by the newest run that ended well."""
        if why := NO_CASES.get(Kind(self.project.kind)):
            raise Conflict(why, code="no_cases")
        inputs, answers = case_fields(self.project, self.closed)
        if not inputs:
            raise Conflict("Train a model first: its inputs are the fields of an edge case.", code="no_model")
        return inputs, answers

    @cached_property
    def closed(self) -> frozenset[str]:
        """The columns whose values the reader must not see."""
        return hidden_of_cases(self.project, self.roles)

    def form_for(self, data: Any, row: dict[str, Any], initial: dict[str, Any]) -> CaseForm:
        """The form with a row's values as far as the reader may see them."""
        inputs, answers = self.known
        open_row = {name: value for name, value in row.items() if name not in self.closed}
        cells = {f"v{place}": _shown(open_row.get(field["name"])) for place, field in enumerate(inputs)}
        given: dict[str, Any] = {"inputs": inputs, "answers": answers, "chance": self.project.kind in WORDS}
        return CaseForm(data, closed=self.closed, initial=initial | cells, **given)

    def whole(self, form: CaseForm, row: dict[str, Any]) -> dict[str, Any]:
        """The form's values, with what the reader must not see as it stood."""
        values = form.values()
        kept = {name: row[name] for name in self.closed if row.get(name) is not None}
        values["row"] |= {name: one for name, one in kept.items() if values["row"].get(name, "") is None}
        return values | ({} if "answer" in form.fields else {"answer": self.kept_answer})

    @property
    def kept_answer(self) -> str:
        """The answer that stands where the reader must not see the answers."""
        return ""


def _shown(value: Any) -> Any:
    return {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value


class CaseNew(_CaseForm):
    """A further case: from nothing, from a row of data, or from a row of an evaluation."""

    @cached_property
    def picked(self) -> tuple[dict[str, Any], str]:
        """The row that the address names, and where it is from."""
        asked = self.request.GET
        if "evaluation" in asked:
            return self._from_evaluation(*(_whole(asked.get(name, "")) for name in ("run", "evaluation", "row")))
        if "dataset" in asked:
            number, place = _whole(asked.get("version", "")), _whole(asked.get("row", ""))
            version = version_for(self.project, asked["dataset"], number)
            rows = rows_to_pick(version)
            if place >= len(rows):
                raise Missing("There is no such row among those that can be picked.")
            return rows[place], f"{version}, row {place + 1}"
        for word, pick in PICKS.items():
            if word in asked:
                return pick(self.project, self.roles, asked)
        return {}, ""

    def _from_evaluation(self, run: int, number: int, row: int) -> tuple[dict[str, Any], str]:
        found = evaluation_for(self.project, run, number)
        for one in found.found.get("examples", []):
            if one["row"] == row:
                return one["values"], f"{found.data}, row {row + 1}, judged with run {run}"
        raise Missing("This evaluation shows no such row.")

    def make_form(self, data: Any = None, files: Any = None) -> CaseForm:
        """Empty, or with the picked row."""
        return self.form_for(data, self.picked[0], {})

    def context(self, form: Any) -> dict[str, Any]:
        """Rows to pick from."""
        return {"origin": self.picked[1], "offers": offers_to_pick(self.project, self.closed)}

    def act(self, form: Any) -> str:
        """Write it down."""
        values = self.whole(form, self.picked[0]) | {"origin": self.picked[1]}
        case = add_case(self.project, values=values, by=person(self.request))
        messages.success(self.request, f"Edge case {case.number} is in the book.")
        return reverse("case", args=[self.project.key, case.number])


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 9):
        raise Missing("There is no such row.")
    return int(text)


class CaseChange(_CaseForm):
    """Another wording of a case."""

    @cached_property
    def case(self) -> EdgeCase:
        """The case that the address names."""
        return case_for(self.project, self.kwargs["number"])

    @property
    def now(self) -> EdgeCaseRevision:
        """What it says now."""
        return next(iter(self.case.revisions.all()))

    @property
    def kept_answer(self) -> str:
        """What was said before."""
        return self.now.answer

    def make_form(self, data: Any = None, files: Any = None) -> CaseForm:
        """As it stands."""
        now, scale = self.now, 100 if self.project.kind in WORDS else 1
        ends = {end: None if getattr(now, end) is None else scale * getattr(now, end) for end in ("low", "high")}
        said = {name: getattr(now, name) for name in ("name", "reason", "answer", "blocking")}
        return self.form_for(data, now.row, said | ends)

    def context(self, form: Any) -> dict[str, Any]:
        """The case, and the revision that is changed."""
        return {"case": self.case, "revision": self.now.number, "origin": self.now.origin}

    def act(self, form: Any) -> str:
        """Keep it as a further revision."""
        values = self.whole(form, self.now.row) | {"origin": self.now.origin}
        read = self.request.POST.get("revision", "")
        number = int(read) if read.isascii() and read.isdecimal() and len(read) < 9 else 0
        change_case(self.case, revision=number, values=values, by=person(self.request))
        messages.success(self.request, f"Edge case {self.case.number} is changed; models are asked again.")
        return reverse("case", args=[self.project.key, self.case.number])


class CaseRetire(ProjectPage, FormPage):
    """A case counts no longer."""

    action = "case.write"
    stage = "evaluate"
    template = "experiments/case_retire.html"

    @cached_property
    def case(self) -> EdgeCase:
        """The case that the address names."""
        return case_for(self.project, self.kwargs["number"])

    def make_form(self, data: Any = None, files: Any = None) -> RetireForm:
        """The reason."""
        return RetireForm(data)

    def context(self, form: Any) -> dict[str, Any]:
        """The case."""
        return {"case": self.case}

    def act(self, form: Any) -> str:
        """Retire it."""
        retire_case(self.case, reason=form.cleaned_data["reason"], by=person(self.request))
        return reverse("cases", args=[self.project.key])
