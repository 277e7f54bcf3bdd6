"""KPIs that are read from a dataset: choose the columns, stop."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from datasets.pages.care import CarePage
from datasets.pages.listing import person
from datasets.services.countings import count_from, stop_counting
from problems.problem import Invalid
from projects.queries.kpis import kpi_for


class CountFrom(CarePage):
    """Say which columns hold a KPI."""

    action = {"POST": "kpi.enter"}

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Keep it and read the newest published version."""
        dataset = self.dataset  # whoever names none is told that first
        if not request.POST.get("kpi"):
            raise Invalid("Choose the KPI that is to be read.", fields={"kpi": "Choose one."})
        kpi = kpi_for(self.project, request.POST["kpi"])
        day, value = request.POST.get("day", ""), request.POST.get("value", "")
        count_from(dataset, kpi, day=day, value=value, roles=self.roles, by=person(request))
        messages.success(request, f"{kpi.name} is being read from {name}, and again from each version published.")
        return self.back()


class CountNoMore(CarePage):
    """Stop reading a KPI from here."""

    action = {"POST": "kpi.enter"}

    def post(self, request: HttpRequest, name: str, kpi: str) -> HttpResponse:
        """Its values stay."""
        found = stop_counting(self.dataset, kpi, by=person(request))
        messages.success(request, f"{found.name} is not read from {name} any more; its values stay.")
        return self.back()
