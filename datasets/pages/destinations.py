"""Where a dataset is written to: the list, a new destination, one with its test, approval and loads, and its edit."""

from functools import cached_property
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from datasets.forms.destinations import DestinationForm
from datasets.forms.sources import OWN, RefusalForm
from datasets.models.destinations import Destination
from datasets.pages.care import CarePage, whole
from datasets.pages.listing import person
from datasets.pages.sources import steps_of
from datasets.queries import destinations as queries
from datasets.queries.sources import shown_params
from datasets.queries.versions import version_for
from datasets.services import destinations, writings
from datasets.writing.base import ORDER, STEP_WORDS, Writer
from datasets.writing.catalog import WRITERS, writer_for
from jobs.queries import latest_of
from problems.problem import Invalid, Missing, Problem
from projects.permissions import holders
from web.pages import FormPage

ROWS = 50
LOADS = 20


class Destinations(CarePage):
    """The destinations of a dataset, and the kinds that there are."""

    action = "data.read"
    template = "datasets/destinations.html"

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """Show one page of them."""
        page = Paginator(queries.destinations_of(self.dataset), ROWS).get_page(request.GET.get("page"))
        rows = [{"destination": one, "kind": (kind := writer_for(one.connector)), "where": kind.where(one.params),
                 "table": kind.table_words(one.params)} for one in page]  # fmt: skip
        return self.show(
            dataset=self.dataset,
            newest=queries.newest_of(self.dataset),
            page_obj=page,
            rows=rows,
            kinds=WRITERS.values(),
            writers=holders("source.write"),
        )


class DestinationEditing(CarePage, FormPage):
    """The base of the forms of a destination."""

    action = "source.write"
    template = "datasets/destination_form.html"

    @property
    def writer(self) -> Writer:
        """The kind of destination."""
        raise NotImplementedError

    @property
    def names(self) -> list[str]:
        """The columns of the dataset."""
        newest = queries.newest_of(self.dataset)
        return [column["name"] for column in newest.schema] if newest else []

    def keep(self, form: DestinationForm) -> Destination:
        """Write it down."""
        raise NotImplementedError

    def act(self, form: DestinationForm) -> str:
        try:
            return destinations.address_of(self.keep(form))
        except Invalid as problem:
            fields = {OWN + n if OWN + n in form.fields else n: text for n, text in problem.fields.items()}
            raise Invalid(problem.text, code=problem.code, fields=fields) from None

    def context(self, form: Any) -> dict[str, Any]:
        return {"writer": self.writer, "dataset": self.dataset, "destination": form.destination}


class DestinationNew(DestinationEditing):
    """Register a destination of one kind."""

    @property
    def writer(self) -> Writer:
        if self.kwargs["kind"] not in WRITERS:
            raise Missing("There is no such kind of destination.")
        return WRITERS[self.kwargs["kind"]]

    def make_form(self, data: Any = None, files: Any = None) -> DestinationForm:
        return DestinationForm(data, writer=self.writer, names=self.names)

    def keep(self, form: DestinationForm) -> Destination:
        return destinations.register(
            self.dataset,
            connector=self.writer.key,
            name=form.cleaned_data["name"],
            params=form.params,
            by=person(self.request),
            **form.given(),
        )


class OneDestination(CarePage):
    """The base of the pages of one destination."""

    @cached_property
    def destination(self) -> Destination:
        """The destination that the address names."""
        return queries.destination_for(self.dataset, self.kwargs["destination"])

    @property
    def seen(self) -> int:
        """The revision that the form was made for."""
        number = self.request.POST.get("seen", "")
        return int(number) if number.isascii() and number.isdigit() and len(number) < 9 else 0

    def back(self) -> HttpResponse:
        """To the destination's own page."""
        return HttpResponseRedirect(destinations.address_of(self.destination))


class DestinationChange(OneDestination, DestinationEditing):
    """Change a destination."""

    @property
    def writer(self) -> Writer:
        return writer_for(self.destination.connector)

    def make_form(self, data: Any = None, files: Any = None) -> DestinationForm:
        return DestinationForm(data, writer=self.writer, names=self.names, destination=self.destination)

    def keep(self, form: DestinationForm) -> Destination:
        return destinations.change(
            self.destination, seen=self.seen, by=person(self.request), params=form.params, **form.given()
        )


class DestinationPage(OneDestination):
    """One destination: what it is, whether it may be written to, its test, its loads."""

    action = "data.read"
    template = "datasets/destination.html"

    def get(self, request: HttpRequest, name: str, destination: str) -> HttpResponse:
        """Show it. A waiting page sends as `open` what it waits for."""
        found = self.destination
        page = Paginator(queries.writings_of(found), LOADS).get_page(request.GET.get("page"))
        test, loads = queries.last_test(found), [latest_of(one) for one in queries.running(found)]
        waits = [one for one in (test, *loads) if one and one.is_open]
        shown = ",".join(str(one.pk) for one in waits)
        if getattr(request, "htmx", False) and "open" in request.GET:
            same = request.GET["open"] == shown
            return HttpResponse(status=204) if same else HttpResponse(headers={"HX-Refresh": "true"})
        member = writer_for(found.connector)
        return self.show(
            dataset=self.dataset,
            destination=found,
            writer=member,
            where=member.where(found.params),
            table=member.table_words(found.params),
            sentence=member.sentence(found.params),
            params=shown_params(found, member),
            sensitive=queries.sensitive_in(found, queries.newest_of(self.dataset)),
            published=queries.published_of(self.dataset),
            test=test,
            stale=bool(test and test.payload.get("revision") != found.revision),
            steps=steps_of(test, ORDER, STEP_WORDS),
            refusal=RefusalForm(),
            approvers=holders("source.approve"),
            page_obj=page,
            waits=waits,
            open=shown,
        )


class DestinationDecide(OneDestination):
    """Approve or refuse a destination."""

    action = {"POST": "source.approve"}

    def post(self, request: HttpRequest, name: str, destination: str) -> HttpResponse:
        """Decide on the revision that was seen."""
        found, by = self.destination, person(request)
        try:
            if request.POST.get("do") == "refuse":
                destinations.refuse(found, reason=request.POST.get("reason", ""), seen=self.seen, by=by)
                messages.success(request, f"Nothing is written to {found} any more.")
            else:
                released = request.POST.getlist("released")
                destinations.approve(found, seen=self.seen, roles=self.roles, by=by, released=released)
                messages.success(request, f"{name} may be written to {found}.")
        except Problem as problem:
            if problem.status in (403, 404):
                raise
            messages.error(request, problem.text)
        return self.back()


class DestinationTest(OneDestination):
    """Try it in steps."""

    action = {"POST": "source.run"}

    def post(self, request: HttpRequest, name: str, destination: str) -> HttpResponse:
        """Start it."""
        destinations.start_test(self.destination, by=person(request))
        return self.back()


class DestinationWrite(OneDestination):
    """Write a version there now."""

    action = {"POST": "source.run"}

    def post(self, request: HttpRequest, name: str, destination: str) -> HttpResponse:
        """Start it."""
        found = self.destination
        version = version_for(self.project, name, whole(request.POST.get("number", ""), "number"))
        writings.start_writing(found, version, by=person(request))
        messages.success(request, f"{version} is being written to {found}. Leaving this page is safe.")
        return self.back()
