"""F30, F32: fifty people do the same thing at the same moment; one wins, the others are told, nothing is a 500."""

import os
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from audit.models import Entry
from datasets.models.versions import Dataset, Version
from deployments.models import Release
from deployments.queries.versions import fingerprint_of
from deployments.services.releases import finish_promotion, start_release
from experiments.models.registry import ModelVersion
from problems.problem import Conflict, Gone, Missing, Problem
from projects.models.bin import Binned
from projects.models.flow import Round
from projects.models.handoffs import Handoff
from projects.models.projects import Project
from projects.models.team import Membership
from projects.overview import rail
from projects.permissions import Role
from projects.queries.flow import begun_of
from projects.reviewing import fingerprint
from projects.services.bin import delete_now, discard, restore
from projects.services.gates import open_gate
from projects.services.handoffs import accept, offer, send_back
from projects.services.projects import create_project
from projects.services.rounds import open_next_round, reached, review_of
from projects.services.team import accept_invitation, invite
from storage import blobs
from tests.conftest import PASSWORD, Cast
from tests.projects.test_concurrency import at_once
from tests.projects.test_flow import choose, finished_run

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 50
ROUNDS = int(os.environ.get("BATON_FAULT_ROUNDS", "12"))  # `make faults` runs a hundred


def one_wins(found: list[Any], count: int = 1) -> None:
    """Everybody got an answer; so many won, and the rest was refused with 404, 409 or 410."""
    refused = [each for each in found if isinstance(each, Problem)]
    assert all(isinstance(each, (Conflict, Gone, Missing)) for each in refused), refused
    assert len(found) - len(refused) == count


def add_version(cast: Cast) -> Version:
    dataset, _ = Dataset.objects.get_or_create(project=cast.project, name="customers")
    return Version.objects.create(
        dataset=dataset,
        number=1,
        table=blobs.put_bytes(b"rows"),
        rows=1,
        schema=[],
        profile={},
        state="published",
        published_at=timezone.now(),
    )


def test_fifty_create_the_same_key(cast: Cast) -> None:
    act = lambda: create_project(name="Same", question="?", kind="binary", key="same", by=cast.stranger)  # noqa: E731
    one_wins(at_once(*[act] * MANY))
    assert Project.objects.filter(key="same").count() == 1


def test_fifty_use_one_invitation(cast: Cast) -> None:
    _, secret = invite(cast.project, email="new@example.org", roles=["viewer"], by=cast[Role.OWNER])
    act = lambda: accept_invitation(secret, user=None, name="New", password=PASSWORD)  # noqa: E731
    one_wins(at_once(*[act] * MANY))
    assert Membership.objects.filter(user__email="new@example.org").count() == 1


def test_fifty_delete_the_same_thing_then_restore_it_then_delete_it_for_good(cast: Cast) -> None:
    version = add_version(cast)
    by = cast[Role.OWNER]
    one_wins(at_once(*[lambda: discard(cast.project, "version", version, by=by)] * MANY))
    binned = Binned.objects.get()
    one_wins(at_once(*[lambda: restore(binned, by=by)] * MANY))
    assert Version.objects.count() == 1
    again = discard(cast.project, "version", version, by=by)
    found = at_once(*[lambda: delete_now(again, name="customers v1", by=by)] * MANY)
    # Files are freed in a second step; where the test's database makes the winner of the first ask again, it is gone.
    assert sum(not isinstance(each, Problem) for each in found) <= 1
    assert Entry.objects.filter(name="bin.purged").count() == 1
    assert Version.everything.count() == 0


def test_fifty_delete_the_same_project(cast: Cast) -> None:
    by = cast[Role.OWNER]
    one_wins(at_once(*[lambda: discard(cast.project, "project", cast.project, by=by)] * MANY))
    assert Binned.objects.count() == 1


def test_fifty_open_the_next_round(cast: Cast) -> None:
    project = Project.objects.get(key="churn")
    seen = fingerprint(review_of(project, begun_of(project), reached(project, rail(project))))

    def act() -> Round:
        project = Project.objects.get(key="churn")
        return open_next_round(project, seen=1, review=seen, note="", by=cast[Role.OWNER])

    one_wins(at_once(*[act] * MANY))
    assert Project.objects.get(key="churn").round == 2


def test_a_handoff_is_offered_once_and_answered_once(cast: Cast) -> None:
    giver, receiver = cast[Role.DATA_SCIENTIST], cast[Role.DATA_ENGINEER]
    roles = {"from_role": "data_scientist", "to_role": "data_engineer"}
    one_wins(at_once(*[lambda: offer(cast.project, **roles, by=giver)] * 20))
    handoff = Handoff.objects.select_related("project").get()
    yes: Callable[[], Any] = lambda: accept(handoff, by=receiver)  # noqa: E731
    no: Callable[[], Any] = lambda: send_back(handoff, reason="quality", text="", by=receiver)  # noqa: E731
    one_wins(at_once(*[yes, no] * 10))


def test_of_two_promotions_at_once_one_is_told_to_wait_round_after_round(cast: Cast) -> None:
    """F30."""
    data = add_version(cast)
    versions = [choose(cast, finished_run(cast, data, number)) for number in (1, 2)]
    for _ in range(ROUNDS):
        acts = [promotion(cast, version) for version in versions]
        found = at_once(*acts)
        one_wins(found)
        release = Release.objects.select_related("deployment__project").get(state="preparing")
        with transaction.atomic():
            finish_promotion(release, {}, by=cast[Role.ML_ENGINEER])
        assert Release.objects.filter(state="champion").count() == 1
        for gate in cast.project.gates.filter(state="open"):
            gate.state = "replaced"
            gate.save()
    assert Release.objects.filter(state__in=("champion", "retired")).count() == ROUNDS


def promotion(cast: Cast, version: ModelVersion) -> Callable[[], Any]:
    """The start of a promotion whose gate is open."""
    gate = open_gate(
        cast.project,
        subject=version,
        name=str(version),
        url="/p/churn/",
        environment="production",
        fingerprint=fingerprint_of(version),
        checks=[],
        roles=[],
        comment="",
        by=cast[Role.ML_ENGINEER],
    )
    return lambda: start_release(version, "production", gate=gate, trial=None, by=cast[Role.ML_ENGINEER])
