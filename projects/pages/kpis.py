"""What the business counts: the list, one key figure over time, and bringing its values."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from problems.problem import Denied, Missing, Problem
from projects.access import ProjectPage
from projects.charts.kpis import kpi_figure
from projects.forms.kpis import KpiForm, ValueForm, ValuesForm
from projects.models.kpis import Kpi, KpiValue
from projects.pages.projects import person
from projects.points import MOST_BYTES, Point, read_csv
from projects.queries.define import contract_in_force, goals_of
from projects.queries.kpis import Figure, figures, kpi_for, kpis_of, values_of
from projects.services.kpis import define_kpi, put_values
from web.figures import templates
from web.pages import put_on_form

ROWS, DRAWN = 50, 400


class Kpis(ProjectPage):
    """Everything that the business counts here."""

    action = {"GET": "project.read", "POST": "kpi.define"}
    template = "projects/kpis.html"
    stage = "define"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one page of them."""
        return self.page()

    def post(self, request: HttpRequest) -> HttpResponse:
        """Begin to count something."""
        form = KpiForm(request.POST)
        if not form.is_valid():
            return self.page(form, 422)
        try:
            kpi = define_kpi(self.project, by=person(request), **form.cleaned_data)
        except Problem as problem:
            put_on_form(form, problem)
            return self.page(form, problem.status)
        return redirect("kpi", self.project.key, kpi.key)

    def page(self, form: KpiForm | None = None, status: int = 200) -> HttpResponse:
        """The whole page."""
        contract = contract_in_force(self.project)
        page = Paginator(kpis_of(self.project), ROWS).get_page(self.request.GET.get("page"))
        rows = figures(list(page), goals_of(contract))
        return self.show(status=status, page_obj=page, rows=rows, contract=contract, form=form or KpiForm())


class OneKpi(ProjectPage):
    """What all addresses of a KPI share: its whole page, with forms that may carry errors."""

    template = "projects/kpi.html"
    stage = "define"

    def page(self, kpi: Kpi, status: int = 200, **changed: Any) -> HttpResponse:
        """The whole page."""
        contract = contract_in_force(self.project)
        figure = figures([kpi], goals_of(contract))[0]
        page = Paginator(values_of(kpi), ROWS).get_page(self.request.GET.get("page"))
        context: dict[str, Any] = {
            "kpi": kpi,
            "one": figure,
            "contract": contract,
            "page_obj": page,
            "chart_templates": templates(),
            "figure": drawn(figure) if page.paginator.count else None,
            "value_form": ValueForm(auto_id="value_%s"),
            "file_form": ValuesForm(auto_id="file_%s"),
            "address": f"{settings.BASE_URL}{reverse('api-kpi-values', args=[self.project.key, kpi.key])}",
        }
        return self.show(status=status, **(context | changed))

    def kept(self, kpi: Kpi, points: Any, source: str, first: int = 1) -> int:
        """Put the values down in the person's name."""
        return put_values(kpi, points, source=source, by=person(self.request), first=first)


def drawn(one: Figure) -> Any:
    """The newest values as a figure, oldest first."""
    values = list(values_of(one.kpi)[:DRAWN])[::-1]
    points = [Point(value.on, value.value, value.low, value.high, value.note) for value in values]
    said = one.judged.sentence if one.judged else "No target names it yet."
    return kpi_figure(one.kpi.name, one.kpi.unit, points, one.goal, one.kpi.baseline, said)


class KpiPage(OneKpi):
    """One KPI over time."""

    action = "project.read"

    def get(self, request: HttpRequest, kpi: str) -> HttpResponse:
        """Show it."""
        return self.page(kpi_for(self.project, kpi))


class ValueEnter(OneKpi):
    """One value, typed."""

    action = {"POST": "kpi.enter"}

    def post(self, request: HttpRequest, kpi: str) -> HttpResponse:
        """Keep it, or show the page again with what is wrong."""
        found, form = kpi_for(self.project, kpi), ValueForm(request.POST, auto_id="value_%s")
        if form.is_valid():
            try:
                self.kept(found, [form.point()], KpiValue.Source.ENTERED)
            except Problem as problem:
                refuse(form, "value", problem)
            else:
                messages.success(request, "The value is kept.")
                return redirect("kpi", self.project.key, found.key)
        return self.page(found, status=422, value_form=form)


class ValuesUpload(OneKpi):
    """Many values in a file."""

    action = {"POST": "kpi.enter"}

    def post(self, request: HttpRequest, kpi: str) -> HttpResponse:
        """Keep all of them, or show the page again with every bad row by its line."""
        found, form = kpi_for(self.project, kpi), ValuesForm(request.POST, request.FILES, auto_id="file_%s")
        wrong: dict[str, str] = {}
        if form.is_valid():
            try:
                points = read_csv(form.cleaned_data["file"].read(MOST_BYTES + 1), timezone.localdate())
                count = self.kept(found, points, KpiValue.Source.UPLOADED)
            except Problem as problem:
                refuse(form, "file", problem)
                wrong = {place.replace("_", " "): text for place, text in problem.fields.items()}
            else:
                messages.success(request, f"{len(points)} values read, {count} of them new or other than before.")
                return redirect("kpi", self.project.key, found.key)
        return self.page(found, status=422, file_form=form, wrong=wrong)


def refuse(form: Any, field: str, problem: Problem) -> None:
    """A refusal beside its field; doors that are shut stay shut."""
    if isinstance(problem, (Denied, Missing)):
        raise problem
    form.add_error(field, problem.text)
