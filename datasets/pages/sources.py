"""The register of sources: the list, a new one of a kind, one with its test, its approval, its loads, and its edit."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from datasets.connectors.base import INCREMENTAL, ORDER, STEP_WORDS, Connector
from datasets.connectors.catalog import CONNECTORS, GROUPS, connector_for
from datasets.forms.sources import RefusalForm, SourceForm
from datasets.models.sources import Source
from datasets.models.versions import Dataset
from datasets.pages.listing import person
from datasets.queries import events
from datasets.queries import sources as queries
from datasets.queries.events import EVENTS
from datasets.schedules import in_words
from datasets.services import looks, pulls, sources
from jobs.models import Job
from jobs.queries import latest_of
from problems.problem import Invalid, Missing, Problem
from projects.access import ProjectPage
from projects.permissions import holders
from web.pages import FormPage

ROWS = 50
LOADS = 20
KEY_DAYS = 90


class Sources(ProjectPage):
    """The sources of a project, and the kinds that there are."""

    action = "data.read"
    stage = "data"
    template = "datasets/sources.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one page of them."""
        page = Paginator(queries.sources_of(self.project), ROWS).get_page(request.GET.get("page"))
        rows = [_listed(one) for one in page]
        return self.show(page_obj=page, rows=rows, groups=GROUPS, writers=holders("source.write"))


def _listed(source: Source) -> dict[str, Any]:
    connector = connector_for(source.connector)
    words = in_words(source.schedule, source.at, source.weekday)
    return {"source": source, "kind": connector, "where": connector.where(source.params), "when": words}


class SourceEditing(ProjectPage, FormPage):
    """The base of the forms of a source."""

    action = "source.write"
    stage = "data"
    template = "datasets/source_form.html"

    @property
    def connector(self) -> Connector:
        """The kind of source."""
        raise NotImplementedError

    def make_form(self, data: Any = None, files: Any = None, typed: Any = None) -> SourceForm:
        """The form, bound when there is data, or showing what was `typed` so far."""
        raise NotImplementedError

    def keep(self, form: SourceForm) -> Source:
        """Write it down."""
        raise NotImplementedError

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Keep it; first show the fields that belong to a choice which was just made. Nothing is kept before that."""
        live = request.POST.get("do") == "show"
        fresh = [] if live else self.make_form(request.POST).passed_over(request.POST.get("shown"))
        if fresh or live:
            form = self.make_form(typed=request.POST)
            return self.show(form=form, fresh=fresh, **self.context(form))
        return super().post(request, *args, **kwargs)

    def act(self, form: SourceForm) -> str:
        try:
            return sources.address_of(self.keep(form))
        except Invalid as problem:
            fields = {f"param_{n}" if f"param_{n}" in form.fields else n: t for n, t in problem.fields.items()}
            raise Invalid(problem.text, code=problem.code, fields=fields) from None

    def context(self, form: Any) -> dict[str, Any]:
        names = Dataset.objects.filter(project=self.project).values_list("name", flat=True)
        stated = any(form[name].value() for name in form.option_names)
        return {"connector": self.connector, "names": names[:200], "stated": stated, "source": form.source}


class SourceNew(SourceEditing):
    """Register a source of one kind."""

    @property
    def connector(self) -> Connector:
        if self.kwargs["kind"] not in CONNECTORS:
            raise Missing("There is no such kind of source.")
        return CONNECTORS[self.kwargs["kind"]]

    def make_form(self, data: Any = None, files: Any = None, typed: Any = None) -> SourceForm:
        return SourceForm(data, connector=self.connector, typed=typed)

    def keep(self, form: SourceForm) -> Source:
        return sources.register(
            self.project,
            connector=self.connector.key,
            name=form.cleaned_data["name"],
            dataset=form.cleaned_data["dataset"],
            params=form.params,
            by=person(self.request),
            **form.given(),
        )


class OneSource(ProjectPage):
    """The base of the pages of one source."""

    stage = "data"

    @cached_property
    def source(self) -> Source:
        """The source that the address names."""
        return queries.source_for(self.project, self.kwargs["name"])

    @property
    def seen(self) -> int:
        """The revision that the form was made for."""
        number = self.request.POST.get("seen", "")
        return int(number) if number.isascii() and number.isdigit() and len(number) < 9 else 0

    def back(self) -> HttpResponse:
        """To the source's own page."""
        return HttpResponseRedirect(sources.address_of(self.source))


class SourceChange(OneSource, SourceEditing):
    """Change a source."""

    action = "source.write"

    @property
    def connector(self) -> Connector:
        return connector_for(self.source.connector)

    def make_form(self, data: Any = None, files: Any = None, typed: Any = None) -> SourceForm:
        seen = queries.columns_seen(self.source)
        return SourceForm(data, connector=self.connector, source=self.source, typed=typed, seen=seen)

    def keep(self, form: SourceForm) -> Source:
        return sources.change(self.source, seen=self.seen, by=person(self.request), params=form.params, **form.given())


class WholeSource(OneSource):
    """What the page of a source shows."""

    template = "datasets/source.html"

    def shown(self, **more: Any) -> HttpResponse:
        """The page. A waiting one sends as `open` what it waits for; `secret` is there once."""
        request = self.request
        page = Paginator(queries.pulls_of(self.source), LOADS).get_page(request.GET.get("page"))
        test, load = queries.last_test(self.source), queries.running(self.source)
        job = latest_of(load) if load else None
        waits = [one for one in (test, job) if one and one.is_open]
        shown = ",".join(str(one.pk) for one in waits)
        if getattr(request, "htmx", False) and "open" in request.GET:
            same = request.GET["open"] == shown
            return HttpResponse(status=204) if same else HttpResponse(headers={"HX-Refresh": "true"})
        return self.show(**self.page(test), **self.keys(), page_obj=page, waits=waits, open=shown, load=load, **more)

    def keys(self) -> dict[str, Any]:
        """Who sends to it, if it is sent to, with the command that sends."""
        if self.source.connector != EVENTS:
            return {}
        working = list(events.working_keys(self.source))
        return {
            "event_keys": working,
            "ended_keys": events.keys_of(self.source).count() - len(working),
            "key_days": KEY_DAYS,
            "sending": events.sending(self.source, self.address),
        }

    @property
    def address(self) -> str:
        """Where events are sent."""
        return self.request.build_absolute_uri(reverse("api-events", args=[self.project.key, self.source.name]))

    def page(self, test: Job | None, refusal: RefusalForm | None = None) -> dict[str, Any]:
        """What the template shows of the source itself."""
        source = self.source
        connector = connector_for(source.connector)
        return {
            "source": source,
            "connector": connector,
            "where": connector.where(source.params),
            "sentence": connector.sentence(source.params),
            "params": queries.shown_params(source, connector),
            "when": in_words(source.schedule, source.at, source.weekday),
            "incremental": source.mode == INCREMENTAL,
            "test": test,
            "stale": bool(test and test.payload.get("revision") != source.revision),
            "steps": steps_of(test, ORDER, STEP_WORDS),
            "refusal": refusal or RefusalForm(),
            "approvers": holders("source.approve"),
            "unseen": source.feeds and queries.base_of(source) is None,
        }


class SourcePage(WholeSource):
    """One source: what it is, whether it may feed the project, its test, its loads, who sends to it."""

    action = "data.read"

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """Show it."""
        return self.shown()


def steps_of(test: Job | None, order: Sequence[str], words: Mapping[str, str]) -> list[dict[str, Any]]:
    """The three steps with what each said; those behind a failed one were not tried."""
    said = {one["step"]: one for one in (test.result or {}).get("steps", [])} if test else {}
    return [{"title": words[one], "said": said.get(one)} for one in order] if said else []


class Decide(OneSource):
    """Approve or refuse a source."""

    action = {"POST": "source.approve"}

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Decide on the revision that was seen."""
        try:
            if request.POST.get("do") == "refuse":
                reason = request.POST.get("reason", "")
                sources.refuse(self.source, reason=reason, seen=self.seen, by=person(request))
                messages.success(request, f"{self.source} feeds nothing any more.")
            else:
                sources.approve(self.source, seen=self.seen, by=person(request))
                messages.success(request, f"{self.source} may feed the project.")
        except Problem as problem:
            if problem.status in (403, 404):
                raise
            messages.error(request, problem.text)
        return self.back()


class SourceTest(OneSource):
    """Try it in steps."""

    action = {"POST": "source.run"}

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Start it."""
        sources.start_test(self.source, by=person(request))
        return self.back()


class SourceLoad(OneSource):
    """Load from it now."""

    action = {"POST": "source.run"}

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Start it; to be looked at first, when that was pressed."""
        preview = request.POST.get("do") == "look"
        pull, _ = pulls.start_pull(self.source, again="again" in request.POST, preview=preview, by=person(request))
        if preview:
            return HttpResponseRedirect(looks.look_address(pull))
        messages.success(request, f"{self.source} is being loaded. Leaving this page is safe.")
        return self.back()
