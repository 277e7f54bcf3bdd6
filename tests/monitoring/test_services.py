"""Windows, alerts, outcomes and retrainings as rows, through the real jobs."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from audit.models import Entry
from deployments.models import Deployment, Release
from deployments.prediction_ids import new_id
from jobs.models import Job
from monitoring import demo_story, rules
from monitoring.models import Alert, Monitor, Outcome, Window
from monitoring.queries import plans
from monitoring.queries import watch as queries
from monitoring.services import alerts, monitors, outcomes
from notices.models import Notice
from problems.problem import Conflict, Invalid, Missing, TooLarge
from projects.permissions import Role
from tests.monitoring.world import START, Live

Run = Callable[[], list[Job]]


def check(live: Live, run_jobs: Run) -> Job:
    monitors.check_now(live.monitor, by=live.cast[Role.MLOPS_ENGINEER])
    return run_jobs()[-1]


def test_every_deployment_in_use_gets_a_monitor_and_its_first_check(live: Live) -> None:
    live.monitor.delete()
    assert monitors.check_due() == 1
    assert Monitor.objects.get().deployment == live.release.deployment
    assert monitors.check_due() == 1
    assert Job.objects.filter(kind="monitoring.check").count() == 1


def test_a_check_within_its_time_is_not_due_again(live: Live) -> None:
    Monitor.objects.update(checked_at=timezone.now())
    assert monitors.check_due() == 0


def test_the_first_window_of_a_release_does_not_wait_for_the_clock(live: Live) -> None:
    Monitor.objects.update(checked_at=timezone.now() - timedelta(minutes=2))
    live.answered(demo_story.week(0))
    assert monitors.check_due() == 1


def test_the_planted_change_opens_an_alert_that_names_the_contract_and_tells_those_who_act(
    live: Live, run_jobs: Run
) -> None:
    live.answered(demo_story.week(0))
    assert check(live, run_jobs).state == "succeeded"
    assert not Alert.objects.exists()
    live.answered(demo_story.week(5), start=START + timedelta(days=1))
    assert check(live, run_jobs).state == "succeeded"
    first = queries.open_alerts_of(live.monitor).first()
    assert first is not None
    assert (first.rule, first.subject, first.severity) == ("new_values", "contract_type", "act")
    told = set(Notice.objects.values_list("recipient_id", flat=True))
    assert told == {live.cast[role].pk for role in (Role.ML_ENGINEER, Role.MLOPS_ENGINEER)}
    assert Window.objects.filter(enough=True).count() == 2


def test_a_matter_seen_again_updates_its_one_alert_and_one_that_is_gone_closes_by_itself(
    live: Live, run_jobs: Run
) -> None:
    for day, week in ((0, 4), (1, 5)):
        live.answered(demo_story.week(week), start=START + timedelta(days=day))
        check(live, run_jobs)
    assert Alert.objects.filter(subject="contract_type").count() == 1
    live.answered(demo_story.week(1), start=START + timedelta(days=2))
    check(live, run_jobs)
    alert = Alert.objects.get(subject="contract_type")
    assert alert.state == "closed"
    assert "Gone by itself" in alert.closing_note
    assert not queries.open_alerts_of(live.monitor).exists()


def test_few_answers_are_kept_up_to_date_in_one_window_until_there_are_enough(live: Live, run_jobs: Run) -> None:
    live.answered(demo_story.week(5)[:41])
    job = check(live, run_jobs)
    assert job.result is not None
    assert job.result["text"] == "41 of 200 answers so far"
    assert not Alert.objects.exists()
    live.answered(demo_story.week(5)[41:], start=START + timedelta(hours=1))
    check(live, run_jobs)
    window = Window.objects.get()
    assert window.enough
    assert window.rows == demo_story.ROWS_A_WEEK


def test_a_check_without_answers_ends_well_and_opens_nothing(live: Live, run_jobs: Run) -> None:
    job = check(live, run_jobs)
    assert job.state == "succeeded"
    assert not Window.objects.exists()
    assert not Alert.objects.exists()


def test_a_silence_far_longer_than_any_pause_before_is_an_alert(live: Live, run_jobs: Run) -> None:
    start = timezone.now() - timedelta(hours=36)
    Release.objects.update(started_at=start)
    for hour in range(0, 26, 2):
        live.answered(demo_story.week(0)[:20], start=start + timedelta(hours=hour))
    check(live, run_jobs)
    check(live, run_jobs)
    alert = Alert.objects.get(rule="no_data")
    live.answered(demo_story.week(1), start=timezone.now() - timedelta(minutes=30))
    check(live, run_jobs)
    alert.refresh_from_db()
    assert alert.state == "closed"


@pytest.mark.parametrize(("silent", "longest", "known"), [(2, 0.1, 100), (20, 10, 100), (20, 0.1, 3)])
def test_short_usual_or_first_pauses_are_no_silence(silent: float, longest: float, known: float) -> None:
    assert rules.silence(silent, longest, known) is None


def test_a_check_whose_bundle_is_damaged_fails_with_a_sentence(live: Live, run_jobs: Run) -> None:
    from storage.blobs import _place

    live.answered(demo_story.week(0))
    place = _place(live.release.version.bundle_id)
    content = place.read_bytes()
    place.chmod(0o600)
    place.write_bytes(content[:-1])
    try:
        job = check(live, run_jobs)
    finally:
        place.write_bytes(content)
    assert job.state == "failed"
    assert "does not match its hash" in job.message
    live.monitor.refresh_from_db()
    assert live.monitor.checked_at is not None


def test_a_check_of_nothing_in_use_is_a_conflict(live: Live) -> None:
    Release.objects.update(state=Release.State.RETIRED)
    with pytest.raises(Conflict):
        monitors.check_now(live.monitor, by=live.cast[Role.MLOPS_ENGINEER])


def test_outcomes_are_kept_once_and_measured_against_training(live: Live, run_jobs: Run) -> None:
    piece = live.answered(demo_story.week(0), start=timezone.now() - timedelta(hours=2))
    rows = [{"id": i, "value": v} for i, v in zip(piece.ids, piece.truth, strict=True)]
    person = live.cast[Role.MLOPS_ENGINEER]
    assert outcomes.send_outcomes(live.monitor.deployment, rows[:300], by=person) == outcomes.Received(300, 0)
    assert outcomes.send_outcomes(live.monitor.deployment, rows[:400], by=person) == outcomes.Received(100, 300)
    check(live, run_jobs)
    performance = Window.objects.get().performance
    assert performance["joined"] == 400
    assert performance["metrics"]["recall"]["value"] > 0
    assert Entry.objects.filter(name="outcomes.received").count() == 2


def test_outcomes_that_arrive_late_are_measured_without_new_answers(live: Live, run_jobs: Run) -> None:
    piece = live.answered(demo_story.week(0), start=timezone.now() - timedelta(hours=2))
    check(live, run_jobs)
    rows = [{"id": i, "value": v} for i, v in zip(piece.ids, piece.truth, strict=True)]
    outcomes.send_outcomes(live.monitor.deployment, rows, by=live.cast[Role.DATA_ENGINEER])
    check(live, run_jobs)
    newest = queries.windows_of(live.monitor).filter(enough=False).get()
    assert newest.rows == 0
    assert newest.performance["joined"] == demo_story.ROWS_A_WEEK


def test_outcomes_that_arrive_during_a_check_are_measured_by_the_next(
    live: Live, run_jobs: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    piece = live.answered(demo_story.week(0), start=timezone.now() - timedelta(hours=2))
    rows = [{"id": i, "value": v} for i, v in zip(piece.ids, piece.truth, strict=True)]
    spec_of = plans.engine_spec

    def meanwhile(*given: object, **named: object) -> object:
        monkeypatch.setattr(plans, "engine_spec", spec_of)
        outcomes.send_outcomes(live.monitor.deployment, rows, by=live.cast[Role.DATA_ENGINEER])
        return spec_of(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(plans, "engine_spec", meanwhile)
    check(live, run_jobs)
    assert Window.objects.get().performance == {}
    check(live, run_jobs)
    assert queries.windows_of(live.monitor).first().performance["joined"] == demo_story.ROWS_A_WEEK
    check(live, run_jobs)
    assert Job.objects.filter(kind="monitoring.check").latest("created_at").result["rows"] == 0


def test_another_word_for_a_known_outcome_is_refused_and_nothing_of_the_batch_is_kept(live: Live) -> None:
    """A61."""
    piece = live.answered(demo_story.week(0)[:3])
    person, deployment = live.cast[Role.DATA_ENGINEER], live.monitor.deployment
    outcomes.send_outcomes(deployment, [{"id": piece.ids[0], "value": "yes"}], by=person)
    batch = [{"id": piece.ids[1], "value": "no"}, {"id": piece.ids[0], "value": "no"}]
    with pytest.raises(Conflict, match=r"Row 2: prediction .* “yes” already"):
        outcomes.send_outcomes(deployment, batch, by=person)
    assert Outcome.objects.count() == 1


def test_an_id_of_another_deployment_or_of_none_is_refused_by_row(live: Live) -> None:
    """A61."""
    person, deployment = live.cast[Role.DATA_ENGINEER], live.monitor.deployment
    other = Deployment.objects.create(project=live.cast.other_project, name="other")
    foreign = new_id(settings.SERVING_KEY, other.name, 1e9)
    for wrong in (foreign, "made-up", "x" * 39):
        with pytest.raises(Missing, match="Row 1"):
            outcomes.send_outcomes(deployment, [{"id": wrong, "value": "yes"}], by=person)


@pytest.mark.parametrize("value", [None, "", "maybe", 3, {"a": 1}, [], "YES "])
def test_an_outcome_that_is_no_answer_of_the_target_is_refused(live: Live, value: object) -> None:
    piece = live.answered(demo_story.week(0)[:1])
    with pytest.raises(Invalid, match="Row 1"):
        outcomes.send_outcomes(
            live.monitor.deployment, [{"id": piece.ids[0], "value": value}], by=live.cast[Role.DATA_ENGINEER]
        )


def test_too_many_outcomes_at_once_are_refused(live: Live) -> None:
    """A61."""
    with pytest.raises(TooLarge):
        outcomes.send_outcomes(live.monitor.deployment, [{}] * 10_001, by=live.cast[Role.DATA_ENGINEER])


def test_an_alert_is_taken_by_one_person_and_closed_with_a_note(live: Live, run_jobs: Run) -> None:
    live.answered(demo_story.week(5))
    check(live, run_jobs)
    alert = Alert.objects.order_by("number").first()
    assert alert is not None
    alerts.take_alert(alert, by=live.cast[Role.MLOPS_ENGINEER])
    with pytest.raises(Conflict):
        alerts.take_alert(alert, by=live.cast[Role.ML_ENGINEER])
    with pytest.raises(Invalid):
        alerts.close_alert(alert, note="  ", by=live.cast[Role.ML_ENGINEER])
    alerts.close_alert(alert, note="The Flex plan was launched.", by=live.cast[Role.ML_ENGINEER])
    with pytest.raises(Conflict):
        alerts.close_alert(alert, note="again", by=live.cast[Role.ML_ENGINEER])
    names = list(Entry.objects.filter(subject_id=str(alert.pk)).values_list("name", flat=True))
    assert sorted(names) == ["alert.closed", "alert.opened", "alert.taken"]


def test_an_alert_is_left_alone_until_its_time_and_is_passed_on_once_when_nobody_takes_it(live: Live) -> None:
    person = live.cast[Role.MLOPS_ENGINEER]
    alert = live.monitor.alerts.create(
        number=1, rule="input_drift", subject="plan", sentence="It moved.", severity="act"
    )
    Alert.objects.update(opened_at=timezone.now() - timedelta(hours=25))
    with pytest.raises(Invalid):
        alerts.snooze_alert(alert, hours=0, by=person)
    alerts.snooze_alert(alert, hours=2, by=person)
    assert alerts.escalate() == 0
    Alert.objects.update(snoozed_until=timezone.now() - timedelta(minutes=1))
    assert alerts.escalate() == 1
    assert alerts.escalate() == 0
    told = set(Notice.objects.filter(text__startswith="Nobody took alert 1").values_list("recipient_id", flat=True))
    assert told == {live.cast[role].pk for role in (Role.OWNER, Role.PRODUCT_MANAGER, Role.MLOPS_ENGINEER)}


def test_monitoring_that_stopped_is_called_late_by_whoever_looks(live: Live, client: Client) -> None:
    """F57: from the web side, when nothing ran for long."""
    client.force_login(live.cast[Role.VIEWER])
    address = f"/p/{live.cast.project.key}/monitor/churn-classifier/"
    assert "Monitoring is late" not in client.get(address).content.decode()
    Monitor.objects.update(checked_at=timezone.now() - timedelta(hours=4))
    assert "Monitoring is late" in client.get(address).content.decode()
    assert queries.health_of([live.cast.project])[live.cast.project.pk].late
