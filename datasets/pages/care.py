"""How a dataset is looked after: the words it is found by, what is sensitive, how long versions stay, who reads it."""

from functools import cached_property
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from datasets.models.feeds import RetentionRule
from datasets.models.tags import Sensitivity
from datasets.models.versions import Dataset, Version
from datasets.pages.listing import person
from datasets.queries import catalog
from datasets.queries.retention import would_go
from datasets.queries.versions import dataset_for
from datasets.sensitive import suggested
from datasets.services import exports, retention, tags
from problems.problem import Invalid
from projects.access import ProjectPage
from projects.permissions import holders
from projects.queries.kpis import kpis_of

SHOWN = 200
KEEP_LAST, KEEP_DAYS, FEED_DAYS = 5, 30, 90


def whole(text: str, field: str) -> int:
    """A whole number that a person typed."""
    clean = text.strip()
    if not (clean.isascii() and clean.isdigit() and len(clean) < 8):
        raise Invalid(f"{field}: type a whole number.", fields={field: "Type a whole number."})
    return int(clean)


class CarePage(ProjectPage):
    """The base of what is done for one dataset."""

    stage = "data"

    @cached_property
    def dataset(self) -> Dataset:
        """The dataset that the address names."""
        return dataset_for(self.project, self.kwargs["name"])

    def back(self) -> HttpResponse:
        """To the page of the dataset's care."""
        return HttpResponseRedirect(reverse("dataset-care", args=[self.project.key, self.dataset.name]))


class WholeCare(CarePage):
    """What the page of a dataset's care shows."""

    template = "datasets/care.html"

    def page(self, **more: Any) -> HttpResponse:
        """The page; `secret` is there once."""
        dataset = self.dataset
        rule = RetentionRule.objects.filter(dataset=dataset).first()
        wanted = self.request.GET
        tried = "keep_last" in wanted
        last = whole(wanted.get("keep_last", ""), "keep_last") if tried else (rule.keep_last if rule else KEEP_LAST)
        days = whole(wanted.get("keep_days", ""), "keep_days") if tried else (rule.keep_days if rule else KEEP_DAYS)
        columns = self.columns()
        return self.show(
            dataset=dataset,
            words=" ".join(dataset.words.values_list("word", flat=True)),
            columns=columns,
            open_guesses=sum(1 for column in columns if column["guess"] and not column["kind"]),
            kinds=Sensitivity.choices,
            newest=dataset.versions.defer("profile", "report").first(),
            rule=rule,
            keep_last=last,
            keep_days=days,
            fate=would_go(dataset, max(1, last), days) if rule or tried else None,
            tried=tried,
            feeds=dataset.feeds.select_related("owner")[:50],
            feed_days=FEED_DAYS,
            taggers=holders("data.tag"),
            countings=dataset.countings.select_related("kpi", "set_by")[:SHOWN],
            kpis=kpis_of(self.project)[:SHOWN] if self.may("kpi.enter") else [],
            **more,
        )

    def columns(self) -> list[dict[str, Any]]:
        """The columns of the newest version with their kinds, those that are tagged or look sensitive first."""
        newest: Version | None = self.dataset.versions.first()
        if newest is None:
            return []
        known, guesses = catalog.tags_of(self.dataset), suggested(newest.profile)
        rows = [
            {"name": column["name"], "kind": known.get(column["name"], ""), "guess": guesses.get(column["name"])}
            for column in newest.schema
        ]
        rows.sort(key=lambda row: (not row["kind"], not row["guess"]))
        return rows[:SHOWN]


class Care(WholeCare):
    """All of it on one page."""

    action = "data.read"

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """Show it. With `keep_last` and `keep_days` it shows what would go by that rule, which changes nothing."""
        return self.page()


class Words(CarePage):
    """Set the words by which it is found."""

    action = {"POST": "data.tag"}

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Set them."""
        words = tags.set_words(self.dataset, request.POST.get("words", "").split(), by=person(request))
        messages.success(request, f"{name} is found by: {', '.join(words)}." if words else f"{name} has no tags now.")
        return self.back()


class SensitiveColumns(CarePage):
    """Say what columns hold."""

    action = {"POST": "data.tag"}

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Set the kinds that were sent: `kind.<place>` for the column named by `column.<place>`."""
        sent = {key.partition(".")[2]: str(value) for key, value in request.POST.items() if key.startswith("column.")}
        kinds = {column: request.POST.get(f"kind.{place}", "") for place, column in sent.items()}
        tags.tag_columns(self.dataset, kinds, by=person(request))
        messages.success(request, "Saved. Values of sensitive columns are hidden from roles without the right.")
        return self.back()


class Retention(CarePage):
    """Set how long versions stay."""

    action = {"POST": "data.publish"}

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Set or drop the rule."""
        if request.POST.get("do") == "drop":
            retention.drop_rule(self.dataset, by=person(request))
            messages.success(request, f"Every version of {name} is kept.")
            return self.back()
        dataset = self.dataset  # whoever names none is told that first
        last = whole(request.POST.get("keep_last", ""), "keep_last")
        days = whole(request.POST.get("keep_days", ""), "keep_days")
        retention.set_rule(dataset, keep_last=last, keep_days=days, by=person(request))
        messages.success(request, "Set. Versions that nothing uses go within the hour.")
        return self.back()


class Feeds(WholeCare):
    """Make an address for programs."""

    action = {"POST": "data.export"}

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Make it and show its secret, once."""
        dataset = self.dataset
        days = whole(request.POST.get("days", ""), "days")
        feed, secret = exports.make_feed(dataset, name=request.POST.get("feed", ""), days=days, by=person(request))
        address = request.build_absolute_uri(reverse("feed", args=[feed.pk]))
        response = self.page(made=feed, secret=secret, feed_url=address)
        response.headers["Cache-Control"] = "private, no-store"
        return response


class FeedRevoke(CarePage):
    """Close an address."""

    action = {"POST": "data.export"}

    def post(self, request: HttpRequest, name: str, feed: UUID) -> HttpResponse:
        """Close it: its owner, or whoever looks after the data."""
        found = catalog.feed_for(self.dataset, feed)
        exports.check_revoke(found, self.roles, by=person(request))
        exports.revoke_feed(found, by=person(request))
        messages.success(request, f"{found.name} reads nothing any more.")
        return self.back()
