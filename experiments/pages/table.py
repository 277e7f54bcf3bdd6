"""The runs table: filtered, sorted and with the columns that its address says; named views of it, and its file."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from experiments.listing import PARTS, Head, folded, heads, look_in, plain, read, said, usual_columns
from experiments.models.records import RunRecord
from experiments.pages.listing import RunRow, run_rows
from experiments.queries.log_import import origins_of
from experiments.queries.records import Cell, Line, Table, names_like, view_for, views_of
from experiments.queries.runs import decides, hide_all
from experiments.records.asked import Asked, written
from experiments.records.filters import FIELDS, Field, FilterProblem
from experiments.services.records import price_of, set_price
from experiments.services.views import delete_view, save_view
from problems.problem import Problem
from projects.access import ProjectPage
from projects.activity import safe_cell
from projects.measures import MEASURES
from projects.pages.projects import person

PER_PAGE, MOST_NAMES, PIECE = 50, 200, 500
LARGER, MOST_LETTERS = {"created", "finished", "method", "cause"}, 60


@dataclass(frozen=True)
class Shown:
    """One line of the table for the page: the record, its run as lists show it, and each cell in words.

    With a cell that has nothing but its words goes the class of its tag; most are such, and quick to write.
    """

    record: RunRecord
    row: RunRow | None
    cells: list[tuple[Head, Cell, str, str]]
    origin: str = ""


def _class_of(head: Head, cell: Cell, words: str) -> str:
    if head.decides or cell.step is not None or cell.field.key in LARGER or len(words) > MOST_LETTERS:
        return ""
    return "num" if head.number else "said"


class _Looking(ProjectPage):
    """The base of pages that read how the runs are looked at from their address."""

    stage = "train"

    @cached_property
    def look(self) -> dict[str, str]:
        """Filter, order and columns."""
        return look_in(self.request.GET)

    @cached_property
    def decide_by(self) -> str:
        """The metric that decides between runs."""
        return decides(self.project)

    @property
    def state(self) -> str:
        """One state, by a button above the table."""
        return self.request.GET.get("state", "")

    def asked(self) -> Asked:
        """What is asked for, checked."""
        return read(self.look, self.state, usual_columns(self.decide_by))


class Runs(_Looking):
    """All runs of the project."""

    action = "run.read"
    template = "experiments/runs.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """One page of the table, or what is wrong with the address."""
        if added := request.GET.get("add", "").strip():
            return self._added(added[:300])
        context: dict[str, Any] = {"look": self.look, "views": views_of(self.project), "price": price_of(self.project)}
        context |= {"states": RunRecord.State.choices, "state": self.state, "measure": MEASURES[self.decide_by]}
        context |= {
            "marked": set(request.GET.getlist("runs")),
            "names": self._names(),
            "called": request.GET.get("view"),
        }
        try:
            found = self.asked()
        except FilterProblem as problem:
            return self.show(problem=problem, status=422, **context)
        table: Any = Table(self.project, found)  # is only counted and cut
        page: Any = Paginator(table, PER_PAGE).get_page(request.GET.get("page"))
        headings = heads(found, self.decide_by)
        lines = self._shown(list(page.object_list), headings)
        return self.show(
            page_obj=page,
            rows=lines,
            heads=headings,
            columns=written(found.columns),
            asked=found,
            live=any(one.row is not None and one.row.job for one in lines),
            **context,
        )

    def _names(self) -> list[str]:
        fields = [Field("", name) for name in FIELDS if name != "number"]
        fields += [Field(group, name) for group, name in names_like(self.project, "", MOST_NAMES)]
        return [str(one) for one in fields]

    def _added(self, words: str) -> HttpResponse:
        """The same table with one more column; a bare name may be a metric, a parameter or a tag."""
        named = next((group for group, name in names_like(self.project, words, MOST_NAMES) if name == words), "")
        column = str(Field(named, words)) if named and words not in FIELDS else words
        try:
            before = written(self.asked().columns)
        except FilterProblem:
            before = self.look["columns"]
        query = self.request.GET.copy()
        query.pop("add")
        query.pop("page", None)
        query["columns"] = f"{before},{column}" if before else column
        return redirect(f"{reverse('train', args=[self.project.key])}?{query.urlencode()}")

    def _shown(self, lines: Sequence[Line], headings: Sequence[Head]) -> list[Shown]:
        runs = hide_all([line.record.run for line in lines if line.record.run], self.roles)
        by_run = {row.run.pk: row for row in run_rows(runs, self.decide_by)}
        rows, origins = [], origins_of(line.record for line in lines)
        for line in lines:
            told = [(head, cell, said(line, cell)) for head, cell in zip(headings, line.cells, strict=True)]
            cells = [(head, cell, words, _class_of(head, cell, words)) for head, cell, words in told]
            row = by_run.get(line.record.run_id) if line.record.run_id else None
            rows.append(Shown(line.record, row, cells, origins.get(line.record.pk, "")))
        return rows


class _Echo:
    """A file that hands back what is written to it, a line at a time."""

    def write(self, text: str) -> str:
        return text


class RunsCsv(_Looking):
    """All lines that the page's address finds, for a spreadsheet; no cell can run there."""

    action = "run.read"

    def get(self, request: HttpRequest) -> StreamingHttpResponse:
        """Stream it."""
        found = self.asked()
        headers = {"Content-Disposition": f'attachment; filename="{self.project.key}-runs.csv"'}
        return StreamingHttpResponse(self.lines(found), content_type="text/csv; charset=utf-8", headers=headers)

    def lines(self, found: Asked) -> Iterator[str]:
        """The lines of the file."""
        writer, table = csv.writer(_Echo()), Table(self.project, found)
        yield writer.writerow(["run", "trial", "state", *map(str, found.columns)])
        for start in range(0, table.count(), PIECE):
            for line in table[start : start + PIECE]:
                record = line.record
                cells = [record.number, record.trial_number, record.state, *map(plain, line.cells)]
                yield writer.writerow([safe_cell(cell) if isinstance(cell, str) else cell for cell in cells])


class View(ProjectPage):
    """A named view: leads to the table as it says."""

    action = "run.read"

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """The address of the table holds all of it, so that it can be changed and copied."""
        view = view_for(self.project, name)
        look = {part: getattr(view, part) for part in PARTS if getattr(view, part)} | {"view": view.name}
        return redirect(f"{reverse('train', args=[self.project.key])}?{urlencode(look)}")


class ViewSave(ProjectPage):
    """Keep how the runs are looked at under a name."""

    action = {"POST": "view.save"}

    def post(self, request: HttpRequest) -> HttpResponse:
        """Keep it and show it."""
        look = folded(look_in(request.POST), request.POST.get("state", ""))
        try:
            view = save_view(self.project, name=request.POST.get("name", ""), look=look, by=person(request))
        except Problem as problem:
            if problem.status in (403, 404):
                raise
            messages.error(request, problem.text)
            return redirect(f"{reverse('train', args=[self.project.key])}?{urlencode(look)}")
        messages.success(request, f"The view “{view.name}” is kept; everybody in the project finds it here.")
        return redirect("run-view", self.project.key, view.name)


class ViewDelete(ProjectPage):
    """Take a named view away."""

    action = {"POST": "view.save"}

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Delete it and show all runs."""
        delete_view(view_for(self.project, name), by=person(request))
        messages.success(request, f"The view “{name}” is deleted.")
        return redirect("train", self.project.key)


class Price(ProjectPage):
    """Say what an hour of computing costs."""

    action = {"POST": "price.change"}

    def post(self, request: HttpRequest) -> HttpResponse:
        """Keep it; it counts for runs that end from now on."""
        given, currency = request.POST.get("an_hour", ""), request.POST.get("currency", "").strip()
        try:
            amount: Any = float(given) if given.isascii() and len(given) < 20 else None
        except ValueError:
            amount = None
        try:
            price = set_price(self.project, an_hour=amount, currency=currency, by=person(request))
            messages.success(request, f"An hour of computing costs {price.an_hour:g} {price.currency} from now on.")
        except Problem as problem:
            if problem.status in (403, 404):
                raise
            messages.error(request, problem.text)
        return redirect("train", self.project.key)
