"""Traffic moved under a real prediction server while callers ask without pause. `make traffic` asks for longer."""

import os
import time

import pytest
from django.db import transaction

from deployments.models import Release, TrafficPlan
from deployments.queries.deployments import champion_of
from deployments.queries.traffic import counts_of
from deployments.services.keys import make_key
from deployments.services.releases import finish_promotion, roll_back
from deployments.services.traffic import advance, start_canary, start_shadow, stop
from deployments.services.trials import Trial
from deployments.traffic import Step
from projects.permissions import Role
from tests.deployments import stage
from tests.deployments.live_traffic import Callers
from tests.deployments.test_server import until

RATE = float(os.environ.get("BATON_TRAFFIC_RATE", "40"))
SECONDS = float(os.environ.get("BATON_TRAFFIC_SECONDS", "1"))


@pytest.fixture
def world(shared_cast, server, trained, retrained):
    """A running server with version 1 in use, version 2 on trial in shadow, and a key."""
    by = shared_cast[Role.ML_ENGINEER]
    release = stage.put_into_use(stage.version_of(shared_cast.project, trained), by)
    version = stage.version_of(shared_cast.project, retrained)
    _, key = make_key(release.deployment, name="shop", days=30, by=by)
    with stage.running(server):
        yield server, release, version, key, by


def rehearsed(job, by):
    release = Release.objects.get(pk=job.payload["release"])
    with transaction.atomic():  # as the job ends
        finish_promotion(release, {"golden": 1, "different": 0}, by=by)
    return TrafficPlan.objects.get(challenger=release)


def canary(version, by):
    """A trial at 30 percent, signed elsewhere."""
    trial = Trial((Step(10, 60), Step(50, 60)), authority="signed rule 1")
    return rehearsed(start_canary(version, trial, environment="production", comment="", by=by), by)


def test_shadow_canary_and_rollback_under_load_fail_nobody(world):
    """F54."""
    server, release, version, key, by = world
    deployment = release.deployment
    with Callers(server, key, RATE) as callers:
        time.sleep(SECONDS)
        alone = callers.p95
        shadow = rehearsed(start_shadow(version, environment="production", minutes=60, by=by), by)
        assert until(lambda: counts_of(shadow, 0).get("shadow", {}).get("compared", 0) >= RATE * SECONDS / 2, 15)
        callers.slowest.clear()
        time.sleep(SECONDS)
        beside = callers.p95
        assert {seen for _, seen in callers.seen} == {1}
        plan = canary(version, by)
        assert until(lambda: counts_of(plan, 0).get("canary", {}).get("rows", 0) > 3, 15)
        advance(plan, reason="go on", by=by)
        assert until(lambda: callers.last_of(2) > time.monotonic() - 1, 5)
        time.sleep(SECONDS)
        stopped_at = time.monotonic()
        stop(plan, reason="seen enough", by=by)
        time.sleep(SECONDS + 1)
        took = callers.last_of(2) - stopped_at
        stage.put_into_use(version, by)
        assert until(lambda: callers.last_of(2) > stopped_at + 1, 10)
        time.sleep(SECONDS)
        back_at = time.monotonic()
        roll_back(deployment, to=Release.objects.get(pk=release.pk), reason="it was better", by=by)
        time.sleep(SECONDS + 1)
        back = callers.last_of(2) - back_at
    print(  # noqa: T201  the figures are what `make traffic` is for
        f"{sum(callers.statuses.values())} requests {dict(callers.statuses)}; stop {took:.2f} s, roll-back {back:.2f} s; "
        f"p95 alone {alone * 1000:.1f} ms, with a shadow {beside * 1000:.1f} ms"
    )
    assert set(callers.statuses) == {200}
    assert took < 5
    assert back < 5
    assert champion_of(deployment).version == release.version
