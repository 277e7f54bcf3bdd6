"""What a prediction server must know of the database: live releases, the signed policies, the keys of their callers."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Max, QuerySet
from django.utils import timezone

from deployments.models import ConsumerKey, Release, Revision, TrafficPlan
from deployments.serving.inference import Facts
from deployments.serving.limits import Key
from deployments.traffic import of_rows
from experiments.models.registry import Alias
from experiments.models.runs import Run
from projects.models.baseline import Baseline
from projects.models.policy import Policy
from projects.models.projects import Kind
from projects.policies import Rule
from projects.queries.policies import rule_of, threshold_on

Mark = tuple[int, datetime | None, int | None, datetime | None, int]


@dataclass(frozen=True)
class Trial:
    """The step that a trial is at: which share its challenger answers, by whose value."""

    plan: str
    step: int
    percent: int
    sticky: str
    facts: Facts


@dataclass(frozen=True)
class Snapshot:
    """One consistent view. `warm` holds the bundles of releases that were in use before."""

    revision: Mark = (-1, None, None, None, 0)
    champions: dict[str, Facts] = field(default_factory=dict)
    trials: dict[str, Trial] = field(default_factory=dict)
    warm: frozenset[str] = frozenset()
    keys: dict[str, Key] = field(default_factory=dict)


def revision() -> Mark:
    """What changes with every change: releases and keys count theirs, policies are signed, baselines are added,
    aliases are set, moved and removed."""
    number = Revision.objects.filter(pk=1).values_list("number", flat=True).first() or 0
    signed = Policy.objects.aggregate(last=Max("signed_at"))["last"]
    named = Alias.objects.aggregate(last=Max("set_at"), count=Count("pk"))
    return number, signed, Baseline.objects.aggregate(last=Max("pk"))["last"], named["last"], named["count"]


def read() -> Snapshot:
    """A new view. The revision is read first: a change in between is seen at the next look."""
    number = revision()
    releases = list(_releases().filter(state__in=[Release.State.CHAMPION, Release.State.TRIAL]))
    rules, baselines, named = _rules(releases), _baselines(releases), _aliases(releases)
    facts = {}
    for release in releases:
        baseline = baselines.get(release.deployment.project_id)
        one = _facts(release, rules.get(release.pk), baseline)
        facts[release.pk] = replace(one, aliases=tuple(named.get(release.version.model_id, [])))
    champions = {one.deployment.name: facts[one.pk] for one in releases if one.state == Release.State.CHAMPION}
    return Snapshot(number, champions, _trials(facts), _warm(), _keys())


def _keys() -> dict[str, Key]:
    """The keys that work, by their digests."""
    working = ConsumerKey.objects.filter(revoked_at=None, expires_at__gt=timezone.now())
    also: dict[Any, list[str]] = {}
    for pk, name in working.filter(also__isnull=False).order_by("also__name").values_list("pk", "also__name"):
        also.setdefault(pk, []).append(name)
    rows = working.values_list("digest", "pk", "deployment__name", "expires_at", "per_minute", "rows_per_day")
    return {
        digest: Key(str(pk), (name, *also.get(pk, ())), ends.timestamp(), *limits)
        for digest, pk, name, ends, *limits in rows
    }


def _facts(release: Release, rule: Rule | None, baseline: dict[str, Any] | None) -> Facts:
    deployment = release.deployment
    return Facts(
        str(release.pk),
        deployment.name,
        release.version.model.name,
        release.version.number,
        release.version.bundle_id,
        rule,
        baseline,
        seconds=deployment.seconds,
        answers_unlogged=deployment.answers_unlogged,
    )


def _trials(facts: dict[Any, Facts]) -> dict[str, Trial]:
    """The running plans whose challengers were read."""
    found = {}
    for plan in TrafficPlan.objects.filter(state=TrafficPlan.State.RUNNING).select_related("deployment"):
        if challenger := facts.get(plan.challenger_id):
            percent = of_rows(plan.steps)[plan.step].percent
            challenger = replace(challenger, role="canary" if percent else "shadow")
            found[plan.deployment.name] = Trial(str(plan.pk), plan.step, percent, plan.sticky, challenger)
    return found


def _rules(releases: Sequence[Release]) -> dict[Any, Rule]:
    """The policy in force for each release; a capacity gives each model the threshold of its own held-back scores."""
    projects = {release.deployment.project_id for release in releases}
    signed = Policy.objects.filter(project__in=projects, project__kind=Kind.BINARY, signed_at__isnull=False)
    newest = {policy.project_id: policy for policy in signed.order_by("version")}
    wanted = [one for one in releases if (p := newest.get(one.deployment.project_id)) and p.capacity is not None]
    runs = Run.objects.filter(pk__in=[release.version.run_id for release in wanted])
    scores = dict(runs.values_list("pk", "evaluation__thresholds"))
    return {
        release.pk: rule_of(policy, threshold_on(policy, scores.get(release.version.run_id)))
        for release in releases
        if (policy := newest.get(release.deployment.project_id))
    }


def _baselines(releases: Sequence[Release]) -> dict[Any, dict[str, Any]]:
    projects = {release.deployment.project_id for release in releases}
    rows = Baseline.objects.filter(project__in=projects).order_by("version").values_list("project_id", "spec")
    return dict(rows)


def _aliases(releases: Sequence[Release]) -> dict[Any, list[tuple[str, int]]]:
    """The names of versions that people set, of each model."""
    found: dict[Any, list[tuple[str, int]]] = {}
    models = {release.version.model_id for release in releases}
    rows = Alias.objects.filter(model__in=models, version__deleted_at=None).order_by("name")
    for model, name, number in rows.values_list("model_id", "name", "version__number"):
        found.setdefault(model, []).append((name, number))
    return found


def _releases() -> QuerySet[Release]:
    return Release.objects.select_related("deployment", "version__model")


def _warm() -> frozenset[str]:
    """Of each deployment, the bundle that was in use last before the champion's."""
    latest: dict[object, str] = {}
    retired = Release.objects.filter(state=Release.State.RETIRED, deployment__releases__state=Release.State.CHAMPION)
    rows = (
        retired.exclude(version__bundle=F("deployment__releases__version__bundle"))
        .order_by("-ended_at")
        .values_list("deployment_id", "version__bundle_id")
    )
    for deployment, bundle in rows[:10_000]:
        latest.setdefault(deployment, bundle)
    return frozenset(latest.values())
