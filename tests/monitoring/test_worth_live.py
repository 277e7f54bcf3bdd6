"""What a model in use is worth, as its page tells it: lost money opens an alert, and KPIs stand beside the model."""

from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from jobs.models import Job
from monitoring import demo_story
from monitoring.models import Alert, Window
from monitoring.queries.money import kpis_beside, loss_of
from monitoring.services import monitors, outcomes
from projects.models.kpis import Kpi
from projects.permissions import Role
from projects.points import Point
from projects.services.kpis import define_kpi, put_values
from projects.services.worth import set_worth
from tests.monitoring.world import START, Live

Run = Callable[[], list[Job]]
MONEY = {"right_yes": 40.0, "wrong_yes": -5.0, "wrong_no": -30.0, "cases_a_month": 4000.0, "currency": "EUR"}


def asked(live: Live, run_jobs: Run, *, wrong: bool) -> Window:
    """A week of answers whose outcomes are known: as the story has them, or the other way round."""
    piece = live.answered(demo_story.week(0), start=timezone.now() - timedelta(hours=2))
    other = {"yes": "no", "no": "yes"}
    rows = [{"id": i, "value": other[v] if wrong else v} for i, v in zip(piece.ids, piece.truth, strict=True)]
    outcomes.send_outcomes(live.monitor.deployment, rows, by=live.cast[Role.MLOPS_ENGINEER])
    monitors.check_now(live.monitor, by=live.cast[Role.MLOPS_ENGINEER])
    run_jobs()
    return Window.objects.select_related("release__version__run", "monitor__deployment__project").get()


def test_money_that_is_lost_opens_an_alert_with_how_much_and_since_when_it_is_known(live: Live, run_jobs: Run) -> None:
    set_worth(live.cast.project, values=MONEY, by=live.cast[Role.PRODUCT_MANAGER])
    loss = loss_of(asked(live, run_jobs, wrong=True))
    assert loss is not None
    assert loss.is_sure
    assert not loss.is_estimated
    alert = Alert.objects.get(rule="money_lost")
    assert alert.severity == "act"
    assert "a week are being lost" in alert.sentence
    assert f"Measured on {loss.cases} known outcomes" in alert.sentence


def test_answers_as_right_as_in_training_lose_nothing_and_without_the_table_of_money_nothing_is_said(
    live: Live, run_jobs: Run
) -> None:
    window = asked(live, run_jobs, wrong=False)
    assert loss_of(window) is None, "nobody said what answers are worth"
    set_worth(live.cast.project, values=MONEY, by=live.cast[Role.PRODUCT_MANAGER])
    loss = loss_of(window)
    assert loss is not None
    assert not loss.is_sure
    assert not Alert.objects.filter(rule="money_lost").exists()


def test_kpis_stand_beside_the_model_against_the_last_value_from_before_it(live: Live) -> None:
    analyst, project = live.cast[Role.BUSINESS_ANALYST], live.cast.project
    day = timezone.localdate(START)
    assert kpis_beside(live.release) == []

    def counted(name: str, direction: str, points: list[tuple[int, float]]) -> Kpi:
        kpi = define_kpi(project, name=name, unit="%", direction=direction, by=analyst)
        found = [Point(day + timedelta(days=at), value) for at, value in points]
        put_values(kpi, found, source="entered", by=analyst)
        return kpi

    counted("A churn", "at_most", [(-20, 9.0), (-3, 5.0), (2, 4.0)])
    counted("B sales", "at_least", [(-3, 5.0), (0, 4.0)])
    counted("C same", "at_least", [(-3, 5.0), (1, 5.0)])
    counted("D new", "at_least", [(1, 5.0)])
    counted("E old", "at_least", [(-3, 5.0)])
    counted("F none", "at_least", [])
    before = f"it was 5 % on {(day - timedelta(days=3)).day} {day - timedelta(days=3):%B}"
    assert [(one.name, one.newest, one.change) for one in kpis_beside(live.release)] == [
        ("A churn", "4 %", f"better: {before}"),
        ("B sales", "4 %", f"worse: {before}"),
        ("C same", "5 %", f"as before: {before}"),
        ("D new", "5 %", "no value from before to compare with"),
        ("E old", "5 %", "no value since this model is in use"),
    ]
