"""What lives where: the environments of a project side by side, and what could go on to the next."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from deployments import conditions
from deployments.gate_rules import ENVIRONMENTS
from deployments.models import ConsumerKey, Deployment, Environment, Release
from deployments.queries.deployments import stored_rows
from deployments.queries.environments import PRODUCTION, environments_of
from experiments.models.registry import Model, ModelVersion
from projects.gate_policy import rule_for
from projects.models.gates import Gate
from projects.models.projects import Project
from projects.permissions import Role
from projects.queries.risk import tier_of

MOST_MODELS = 50
THERE = (Release.State.CHAMPION, Release.State.PREPARING, Release.State.TRIAL)


@dataclass(frozen=True)
class Place:
    """One environment: who signs, which data is allowed, which limits hold, what is deployed there and who may ask."""

    name: str
    said: Environment | None
    signers: tuple[Role, ...]
    limits: tuple[str, ...]
    deployments: tuple["Card", ...]

    @property
    def is_set_up(self) -> bool:
        """Whether versions go through it: production always."""
        return self.said is not None or self.name == PRODUCTION

    @property
    def keys(self) -> int:
        """How many keys may ask there now."""
        return sum(card.keys for card in self.deployments)


@dataclass(frozen=True)
class Card:
    """One deployment: what is there in use, on its way or on trial, its keys that work and its stored answers."""

    deployment: Deployment
    there: tuple[Release, ...]
    keys: int
    day: int

    @property
    def champion(self) -> Release | None:
        """The release in use."""
        return next((one for one in self.there if one.state == Release.State.CHAMPION), None)


@dataclass(frozen=True)
class Cell:
    """One model in one environment. `on` is the version that could go on from here, `to` where to; `asked` whether it
    was asked for already."""

    name: str
    release: Release | None
    others: tuple[Release, ...]
    on: ModelVersion | None = None
    to: str = ""
    asked: bool = False


def places_of(project: Project, only: str = "") -> list[Place]:
    """Every environment that there can be, or one, in the order in which a version goes through them."""
    said = {one.name: one for one in Environment.objects.filter(project=project)}
    cards = _cards(project)
    tier = tier_of(project)
    found = []
    for name in ENVIRONMENTS:
        if only and name != only:
            continue
        own = said.get(name)
        roles = (own.signers if own else []) or rule_for(tier, name).roles
        limits = tuple(conditions.sentences(own.conditions)) if own else ()
        here = tuple(card for card in cards if card.deployment.environment == name)
        found.append(Place(name, own, tuple(Role(role) for role in roles), limits, here))
    return found


def _cards(project: Project) -> list[Card]:
    rows = list(project.deployments.select_related("model").order_by("name"))
    there: dict[Any, list[Release]] = {}
    for release in _there(project):
        there.setdefault(release.deployment_id, []).append(release)
    working = ConsumerKey.objects.filter(revoked_at=None, expires_at__gt=timezone.now())
    keys = Counter(working.filter(deployment__in=rows).values_list("deployment_id", flat=True))
    keys.update(working.filter(also__in=rows).values_list("also", flat=True))
    stored = stored_rows(rows)
    return [Card(row, tuple(there.get(row.pk, ())), keys[row.pk], stored.get(row.pk, (0, 0))[1]) for row in rows]


def _there(project: Project) -> QuerySet[Release]:
    releases = Release.objects.filter(deployment__project=project, state__in=THERE)
    return releases.select_related("deployment", "version__model").order_by("state")


def lives(project: Project) -> list[tuple[Model, list[Cell], Cell | None]]:
    """Each model with its cells by environment, and the candidate that could enter the first one."""
    order = environments_of(project)
    by_place: dict[tuple[Any, str], list[Release]] = {}
    for release in _there(project):
        by_place.setdefault((release.version.model_id, release.deployment.environment), []).append(release)
    asked = {
        (gate.subject_id, gate.environment)
        for gate in Gate.objects.filter(project=project, state=Gate.State.OPEN).only("subject_id", "environment")
    }
    newest: dict[Any, ModelVersion] = {}
    versions = ModelVersion.objects.filter(model__project=project).select_related("model").order_by("number")
    for version in versions:
        newest[version.model_id] = version
    models = Model.objects.filter(pk__in=newest).order_by("name")[:MOST_MODELS]
    return [_line(model, newest[model.pk], order, by_place, asked) for model in models]


def _line(
    model: Model,
    newest: ModelVersion,
    order: list[str],
    by_place: dict[tuple[Any, str], list[Release]],
    asked: set[tuple[str, str]],
) -> tuple[Model, list[Cell], Cell | None]:
    cells = []
    for place, name in enumerate(order):
        here = by_place.get((model.pk, name), [])
        used = next((one for one in here if one.state == Release.State.CHAMPION), None)
        others = tuple(one for one in here if one is not used)
        following = order[place + 1] if place + 1 < len(order) else ""
        goes = used.version if used and following and not _held(by_place, used.version, following) else None
        known = goes is not None and (str(goes.pk), following) in asked
        cells.append(Cell(name, used, others, goes, following if goes else "", known))
    first = order[0]
    if any(_held(by_place, newest, name) for name in order):
        return model, cells, None
    return model, cells, Cell("", None, (), newest, first, (str(newest.pk), first) in asked)


def _held(by_place: dict[tuple[Any, str], list[Release]], version: ModelVersion, name: str) -> bool:
    return any(one.version_id == version.pk for one in by_place.get((version.model_id, name), []))
