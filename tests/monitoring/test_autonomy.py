"""When a model is retrained by itself: what asks, what holds it back, who signs, and how it falls back."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from audit.models import Entry
from deployments.models import Release
from experiments.models.registry import ModelVersion
from experiments.models.runs import Run
from jobs.models import Job
from monitoring import autonomy, rules
from monitoring.autonomy import Facts, Rules, due
from monitoring.models import Alert, Retraining, RetrainPolicy, Window
from monitoring.queries import rule as standing
from monitoring.services import due as due_rules
from monitoring.services import policies, retrainings, windows
from monitoring.services.monitors import PLATFORM
from notices.models import Notice
from problems.problem import Conflict, Denied, Invalid
from projects.permissions import Role
from projects.risk import Tier
from tests.conftest import PASSWORD
from tests.monitoring.test_retraining import publish_newer
from tests.monitoring.world import START, Live

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
PROOF = {"proof-given": "yes", "proof-password": PASSWORD}
CALM = Facts(now=NOW, trained_at=NOW - timedelta(days=40))
NEWER = replace(CALM, newer="customers v2", new_rows=500)


def test_nothing_asks_in_a_calm_world() -> None:
    assert due(Rules(), CALM) is None
    assert due(Rules(every_days=41), CALM) is None


@pytest.mark.parametrize(
    ("given", "facts", "trigger"),
    [
        (Rules(), replace(NEWER, alert_performance="a", alert_drift="b"), "performance"),
        (Rules(on_kpi=True), replace(NEWER, missed_kpi="Churn"), "kpi"),
        (Rules(), replace(NEWER, alert_drift="b"), "drift"),
        (Rules(), NEWER, "new_data"),
        (Rules(every_days=30, on_new_data=False), NEWER, "schedule"),
    ],
)
def test_the_strongest_trigger_is_named_and_nothing_holds_it(given: Rules, facts: Facts, trigger: str) -> None:
    found = due(given, facts)
    assert found is not None
    assert (found.trigger, found.held) == (trigger, "")


def test_a_trigger_that_is_off_never_asks() -> None:
    off = Rules(on_new_data=False, on_drift=False, on_performance=False)
    assert due(off, replace(NEWER, alert_performance="a", alert_drift="b", missed_kpi="c")) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"under_way": True}, "under way"),
        ({"newer": "", "alert_drift": "b"}, "no newer data"),
        ({"tried": True}, "tried already"),
        ({"new_rows": 5}, "has 5 rows more"),
        ({"last_at": NOW - timedelta(hours=23)}, "less than 24 hours"),
        ({"today": 1, "last_at": NOW - timedelta(hours=25)}, "1 of 1"),
        ({"minutes": 601.0}, "601 of 600 minutes"),
    ],
)
def test_every_guard_holds_it_back_and_says_why(change: dict[str, Any], words: str) -> None:
    found = due(Rules(least_new_rows=100), replace(NEWER, **change))
    assert found is not None
    assert words in found.held


def test_a_flood_of_alerts_never_trains_more_than_the_rule_allows() -> None:
    """F58 and A61: whoever pushes drift in gets the cool-down and the most of a day, and no more."""
    given, facts, started = Rules(cool_down_hours=6, most_a_day=2), replace(NEWER, alert_drift="moved"), []
    for minute in range(0, 3 * 24 * 60, 5):
        now = NOW + timedelta(minutes=minute)
        today = sum(at > now - timedelta(days=1) for at in started)
        found = due(given, replace(facts, now=now, today=today, last_at=started[-1] if started else None))
        assert found is not None
        if not found.held:
            started.append(now)
    assert len(started) == 6  # two on each of three days


def test_above_low_risk_nobody_signs_what_they_proposed() -> None:
    assert autonomy.may_sign(1, Tier.LOW, is_proposer=True)
    assert not autonomy.may_sign(1, Tier.HIGH, is_proposer=True)
    assert autonomy.may_sign(1, Tier.HIGH, is_proposer=False)
    assert autonomy.signatures_needed(0, Tier.HIGH) == ""


def rule(live: Live, level: int = 1, *, sign: bool = True, **changes: Any) -> RetrainPolicy:
    values = {name: getattr(Rules(), name) for name in policies.FIELDS} | {"level": level} | changes
    by = live.cast[Role.MLOPS_ENGINEER]
    policy = policies.propose_policy(live.monitor, values=values, reason="As agreed.", by=by)
    if level and sign:
        policies.sign_policy(policy, by=live.cast[Role.PRODUCT_MANAGER])
    return policy


def test_a_rule_that_goes_further_than_telling_waits_for_the_business(live: Live) -> None:
    policy = rule(live, sign=False)
    publish_newer(live)
    assert due_rules.follow_rules() == 0
    with pytest.raises(Denied, match="business analyst or product manager"):
        policies.sign_policy(policy, by=live.cast[Role.MLOPS_ENGINEER])
    rule(live, sign=False)
    with pytest.raises(Conflict, match="newer version"):
        policies.sign_policy(policy, by=live.cast[Role.PRODUCT_MANAGER])
    with pytest.raises(Invalid):
        rule(live, level=9)


def test_a_rule_that_tells_tells_once_and_trains_nothing(live: Live) -> None:
    rule(live, level=0)
    publish_newer(live)
    assert due_rules.follow_rules() == due_rules.follow_rules() == 0
    assert Notice.objects.filter(text__startswith="It is time to retrain").count() == 3
    assert not Retraining.objects.exists()


def test_newer_data_is_learned_compared_and_registered_by_the_rule_and_not_again(
    live: Live, run_jobs: Callable[[], list[Job]]
) -> None:
    rule(live, minutes_a_month=0, cool_down_hours=1, most_a_day=9)
    assert due_rules.follow_rules() == 0
    newer = publish_newer(live)
    assert due_rules.follow_rules() == 1
    assert due_rules.follow_rules() == 0
    retraining = Retraining.objects.get()
    assert (retraining.trigger, retraining.run.data, retraining.created_by) == ("new_data", newer, None)
    run_jobs()
    retrainings.look_after()  # any tick after a restart goes on from the rows
    run_jobs()
    retraining.refresh_from_db()
    assert retraining.state == Retraining.State.COMPARED
    registered = ModelVersion.objects.filter(run=retraining.run).exists()
    assert registered == (retraining.comparison["choice"] == "challenger")
    state = standing.standing_of(live.monitor)
    assert state is not None
    assert state.facts.tried


def compared(live: Live, policy: RetrainPolicy, choice: str) -> Retraining:
    """A retraining by rule whose run ended, compared with this choice."""
    before = live.release.version.run
    copy = {field.name: getattr(before, field.name) for field in Run._meta.concrete_fields if field.name != "id"}
    run = Run.objects.create(**copy | {"number": 2 + Retraining.objects.count()})
    retraining = Retraining.objects.create(
        monitor=live.monitor, champion=live.release, run=run, cause="Newer data.", policy=policy, trigger="new_data"
    )
    return retrainings.finish_comparison(retraining, {"choice": choice, "finding": f"Keep {choice}."})


def test_a_better_challenger_is_registered_and_waits_at_its_gate(live: Live) -> None:
    done = compared(live, rule(live), "challenger")
    version = ModelVersion.objects.get(run=done.run)
    assert "Keep challenger." in version.reason
    assert live.release.state == Release.State.CHAMPION  # nothing was promoted
    assert Notice.objects.filter(text__contains="waits at its gate").exists()


def test_retrainings_that_bring_nothing_take_the_rule_back_to_telling(live: Live) -> None:
    """F58."""
    policy = rule(live)
    compared(live, policy, "champion")
    policy.refresh_from_db()
    assert policy.level_now == 1
    compared(live, policy, "champion")
    policy.refresh_from_db()
    assert policy.level_now == 0
    assert "brought no better model" in policy.lowered_reason
    assert Entry.objects.filter(name="autonomy.lowered").exists()
    assert rule(live).level_now == 1  # signed again


def test_an_incident_of_a_model_that_the_rule_trained_takes_it_back(live: Live) -> None:
    policy = rule(live)
    window = Window.objects.create(
        monitor=live.monitor, release=live.release, from_at=START, to_at=timezone.now(), rows=500
    )
    matter = rules.Matter("target_at_risk", "Find leavers", "act", "The target is missed.")
    windows.raise_alert(live.monitor, matter, window=window, by=PLATFORM)
    policy.refresh_from_db()
    assert policy.level_now == 1  # a person trained this one
    Alert.objects.all().delete()
    Retraining.objects.create(
        monitor=live.monitor, champion=live.release, run=live.release.version.run, cause="x", policy=policy
    )
    windows.raise_alert(live.monitor, matter, window=window, by=PLATFORM)
    policy.refresh_from_db()
    assert policy.level_now == 0


def test_the_page_and_rest_propose_sign_and_say_what_holds_it(live: Live, client: Client) -> None:
    page = f"/p/{live.cast.project.key}/monitor/churn-classifier/autonomy/"
    rest = f"/api/v1/projects/{live.cast.project.key}/monitors/churn-classifier/autonomy/"
    client.force_login(live.cast[Role.MLOPS_ENGINEER])
    assert "Nothing happens by itself" in client.get(page).content.decode()
    given = {name: value for name in policies.FIELDS if (value := getattr(Rules(), name)) is not False}
    given |= {"share": 10, "trial_minutes": 60, "answer_shift": 0.25, "window": "all", "window_size": 0}
    assert client.post(page, given | {"level": 1, "reason": "As agreed."}).status_code == 302
    assert client.post(page, given | {"level": 1, "cool_down_hours": 0, "reason": "x"}).status_code == 422
    assert client.post(f"{page}1/sign/", PROOF).status_code == 403
    client.force_login(live.cast[Role.PRODUCT_MANAGER])
    assert "Sign version 1" in client.get(page).content.decode()
    assert client.post(f"{page}1/sign/").status_code == 401  # signing asks again who sits there
    assert client.post(f"{page}1/sign/", PROOF).status_code == 302
    assert client.post(f"{page}7/sign/").status_code == 404
    live.monitor.alerts.create(number=1, rule="input_drift", subject="plan", sentence="It moved.", severity="act")
    found = client.get(rest).json()
    assert found["in_force"] == 1
    assert found["due"] == {"trigger": "drift", "cause": "Alert 1: It moved.", "held": found["due"]["held"]}
    assert "no newer data" in found["due"]["held"]
    assert "no newer data" in client.get(page).content.decode()


def test_above_low_risk_the_product_manager_does_not_sign_what_they_proposed(live: Live) -> None:
    values = {name: getattr(Rules(), name) for name in policies.FIELDS} | {"level": 1}
    person = live.cast[Role.PRODUCT_MANAGER]
    policy = policies.propose_policy(live.monitor, values=values, reason="As agreed.", by=person)
    with pytest.raises(Denied, match="other than who proposed"):
        policies.sign_policy(policy, by=person)
