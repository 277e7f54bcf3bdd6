"""A search as rows and jobs: handed out, kept once, stopped, its best trained; its pages and its REST twin."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from audit.models import Entry
from datasets.models.versions import Version
from experiments.models.runs import Run
from experiments.models.searches import Trial
from experiments.services import tunings
from experiments.services.runs import reproduce, start_run
from experiments.tried import best_trial, learned_spec, standing_of, takeable, tuning_for
from jobs import services as job_services
from jobs.models import Job, State
from problems.problem import Conflict, Invalid, Problem
from projects.permissions import Role
from tests.conftest import Cast

pytestmark = pytest.mark.django_db
RunJobs = Callable[[], list[Job]]
SPEC = {"target": "left", "inputs": ["plan", "tenure", "price"], "methods": {"logistic": {}}}
PLAN = {"method": "logistic", "search": "random", "trials": 12, "folds": 2, "space": {"C": {"low": 0.01, "high": 10}}}


@pytest.fixture
def begun(cast: Cast, version: Version) -> Callable[..., Run]:
    """A run whose search waits."""

    def begin(**plan: Any) -> Run:
        run, _ = start_run(cast.project, spec=SPEC | {"tuning": PLAN | plan}, by=cast[Role.DATA_SCIENTIST])
        return run

    return begin


def _claimed(run: Run, attempt: int = 1) -> Job:
    job = Job.objects.filter(subject_id=str(run.pk), state=State.QUEUED).order_by("created_at").first()
    assert job is not None
    claimed = job_services.claim(str(job.pk), "test")
    assert claimed is not None
    return claimed


def _result(trial: dict[str, Any], value: float | None = 0.7, **more: Any) -> dict[str, Any]:
    told = {"number": trial["number"], "settings": {"C": trial["number"]}, "state": "finished", "value": value}
    return told | {"folds": [value], "seconds": 0.1, "rows": 100, "message": ""} | more


def _do(run: Run, value: Callable[[int], float]) -> None:
    """One job of the search, as a worker would do it but for the child."""
    job = _claimed(run)
    found = [_result(one, value(one["number"])) for one in tunings.take_trials(run, job)]
    job_services.succeed(job)
    tunings.keep_trials(run, job, found)


def _states(run: Run) -> dict[str, int]:
    standing = standing_of(run)
    assert standing is not None
    return standing.counts


def test_a_search_is_worked_off_by_jobs_and_its_best_finishes_the_run_as_any_other(
    cast: Cast, begun: Callable[..., Run], run_jobs: RunJobs
) -> None:
    run = begun(trials=5, nested=True, seconds=60)
    kinds = [job.kind for job in run_jobs()]
    assert kinds.count("experiments.nest") == 3
    assert kinds.count("experiments.train") == 1
    run.refresh_from_db()
    assert run.state == Run.State.FINISHED, run.message
    trials = list(Trial.objects.filter(run=run))
    assert sum(one.state in ("finished", "pruned") for one in trials) == 5
    assert trials[0].settings == run.spec["methods"]["logistic"]
    best = best_trial(tuning_for(run))
    assert best is not None
    assert run.evaluation["methods"]["logistic"]["settings"] == best.settings
    told = run.evaluation["tuning"]
    assert told["best"]["number"] == best.number
    assert len(told["nested"]["parts"]) == 3
    assert told["asked"] is not None
    assert Entry.objects.filter(name="search.ended", subject_id=str(run.pk)).exists()

    reader = Client()
    reader.force_login(cast[Role.DOMAIN_EXPERT])
    page = f"/p/{cast.project.key}/runs/{run.number}/"
    whole, listed = reader.get(page).content.decode(), reader.get(f"{page}trials/?sort=-value").content.decode()
    assert "Search for better settings" in whole
    assert "The search made again without a part of the rows" in whole
    assert "Did searching on help?" in listed
    assert "Freedom" in listed
    address = f"/api/v1/projects/{cast.project.key}/runs/{run.number}/"
    rows = reader.get(f"{address}trials/?sort=-value").json()["results"]
    assert [one["value"] for one in rows] == sorted((one["value"] for one in rows), reverse=True)
    assert reader.get(address).json()["search"]["best"]["number"] == best.number
    assert reader.post(f"{address}trials/stop/").status_code == 403

    again, job = reproduce(run, by=cast[Role.DATA_SCIENTIST])
    assert "tuning" not in again.spec
    assert job.kind == "experiments.train"
    run_jobs()
    again.refresh_from_db()
    assert again.evaluation["reproduction"]["exact"]


def test_the_trials_of_a_lost_worker_are_tried_again_one_at_once_and_none_counts_twice(
    begun: Callable[..., Run],
) -> None:
    run = begun()
    lost = _claimed(run)
    taken = tunings.take_trials(run, lost)
    assert len(taken) == 2
    assert _states(run) == {"trying": 2, "waiting": 10}
    job_services.fail(lost, code="worker_lost", message="lost", retry=True)
    assert _states(run) == {"trying": 2, "waiting": 10}  # they still belong to the job, which is tried again
    second = job_services.claim(str(lost.pk), "other")
    assert second is not None
    assert [one["number"] for one in tunings.take_trials(run, second)] == [1]
    job_services.succeed(second)
    with pytest.raises(job_services.LeaseLost):
        job_services.succeed(lost)
    tunings.keep_trials(run, second, [_result(taken[0])])
    while _states(run).get("waiting"):
        _do(run, lambda number: 0.5 + number / 100)
    assert _states(run) == {"finished": 12}
    run.refresh_from_db()
    while Job.objects.filter(kind="experiments.try", state=State.QUEUED).exists():
        _do(run, lambda number: 0.0)
    assert Job.objects.filter(kind="experiments.train", subject_id=str(run.pk)).count() == 1
    assert learned_spec(run)["methods"]["logistic"] == {"C": 1}


def test_a_job_that_fails_thrice_fails_its_one_trial_and_the_search_goes_on(begun: Callable[..., Run]) -> None:
    run = begun()
    _do(run, lambda number: 0.6)
    job = _claimed(run)
    for attempt in range(3):
        assert tunings.take_trials(run, job)
        job_services.fail(job, code="killed", message="Its process was killed.", retry=True)
        if attempt < 2:
            claimed = job_services.claim(str(job.pk), "test")
            assert claimed is not None
            job = claimed
    assert _states(run)["failed"] == 1
    assert Trial.objects.get(run=run, state="failed").message == "Its process was killed."
    run.refresh_from_db()
    assert run.state == Run.State.WAITING
    assert takeable(run).exists()


def test_a_search_that_cannot_begin_fails_its_run_with_the_reason(begun: Callable[..., Run]) -> None:
    run = begun()
    job = _claimed(run)
    tunings.take_trials(run, job)
    job_services.fail(job, code="invalid", message="There is nothing to learn.", retry=False)
    run.refresh_from_db()
    assert (run.state, run.message) == (Run.State.FAILED, "There is nothing to learn.")
    assert not Job.objects.filter(subject_id=str(run.pk), state__in=("queued", "running")).exists()
    assert set(_states(run)) == {"failed", "skipped"}


def test_whoever_stops_the_search_keeps_the_best_so_far_and_whoever_stops_its_job_stops_the_run(
    cast: Cast, begun: Callable[..., Run], api_of: Callable[..., Client]
) -> None:
    run, scientist = begun(), cast[Role.DATA_SCIENTIST]
    with pytest.raises(Conflict, match="no best"):
        tunings.stop_search(run, by=scientist)
    _do(run, lambda number: 0.6)
    client = Client()
    client.force_login(scientist)
    assert client.post(f"/p/{cast.project.key}/runs/{run.number}/trials/stop/").status_code == 302
    assert set(_states(run)) == {"finished", "skipped"}
    [job] = Job.objects.filter(subject_id=str(run.pk), state=State.QUEUED)
    assert job.kind == "experiments.train"
    with pytest.raises(Conflict, match="already over"):
        tunings.stop_search(run, by=scientist)
    assert Entry.objects.filter(name="search.stopped", subject_id=str(run.pk)).count() == 1

    other = begun()
    _do(other, lambda number: 0.6)
    job_services.cancel(Job.objects.filter(subject_id=str(other.pk), state=State.QUEUED)[0], by=scientist)
    other.refresh_from_db()
    assert other.state == Run.State.CANCELLED
    assert not Job.objects.filter(subject_id=str(other.pk), state=State.QUEUED).exists()
    assert best_trial(tuning_for(other)) is not None


def test_when_the_time_is_used_up_the_rest_is_not_tried(begun: Callable[..., Run]) -> None:
    run = begun(seconds=5)
    _do(run, lambda number: 0.6)
    tuning = tuning_for(run)
    tuning.began_at = tuning.began_at and tuning.began_at.replace(year=2001)
    tuning.save()
    while Job.objects.filter(kind="experiments.try", state=State.QUEUED).exists():
        _do(run, lambda number: 0.9)
    assert _states(run) == {"finished": 2, "skipped": 10}
    assert Trial.objects.filter(run=run, message=tunings.TIME_IS_UP).count() == 10
    assert Job.objects.filter(kind="experiments.train", subject_id=str(run.pk)).count() == 1


def test_halving_waits_for_a_rung_and_goes_on_with_its_best(begun: Callable[..., Run]) -> None:
    run = begun(search="halving", trials=13)
    assert [one.rung for one in Trial.objects.filter(run=run)] == [0] * 9 + [1] * 3 + [2]
    job = _claimed(run)
    taken = tunings.take_trials(run, job)
    while Job.objects.filter(kind="experiments.try", state=State.QUEUED).exists():
        _do(run, lambda number: 0.5 + number / 100)
    assert _states(run) == {"trying": len(taken), "finished": 9 - len(taken), "waiting": 4}
    assert not takeable(run).exists()
    job_services.succeed(job)
    tunings.keep_trials(run, job, [_result(one, 0.99) for one in taken])
    while Job.objects.filter(kind="experiments.try", state=State.QUEUED).exists():
        for one in tunings.take_trials(run, held := _claimed(run)):
            job_services.succeed(held)
            tunings.keep_trials(run, held, [_result(one, 0.6, settings=one["settings"])])
            break
        else:
            job_services.succeed(held)
            tunings.keep_trials(run, held, [])
    assert _states(run) == {"finished": 13}
    assert learned_spec(run)["methods"]["logistic"] == {"C": 1}


def test_a_search_without_any_measured_trial_says_why_nothing_can_be_trained(begun: Callable[..., Run]) -> None:
    run = begun(trials=2)
    while Job.objects.filter(kind="experiments.try", state=State.QUEUED).exists():
        job = _claimed(run)
        failed = {"state": "failed", "message": "It cannot be."}
        found = [_result(one, None, folds=[], **failed) for one in tunings.take_trials(run, job)]
        job_services.succeed(job)
        tunings.keep_trials(run, job, found)
    with pytest.raises(Problem, match=r"nothing could be chosen. Trial 1 said: It cannot be\."):
        learned_spec(run)


def test_the_form_and_rest_take_a_plan_and_name_the_field_that_is_wrong(cast: Cast, version: Version) -> None:
    client = Client()
    client.force_login(cast[Role.DATA_SCIENTIST])
    address = f"/p/{cast.project.key}/train/new/"
    page = client.get(address)
    assert "Search better settings of" in page.content.decode()
    form = page.context["form"]
    data = {name: form[name].value() for name in form.fields if form[name].value() is not None}
    data |= {"target": "left", "inputs": ["tenure", "price"], "methods": ["logistic"], "positive": "Yes"}
    data |= {"tune_method": "logistic", "tune_search": "random", "tune_trials": 7, "tune_minutes": 2, "tune_folds": 3}
    wrong = client.post(address, data | {"tune_space": "C: 5 to 1"})
    assert "low must be less than high" in wrong.content.decode()
    odd = client.post(address, data | {"tune_space": "Cc: 5 to 1"})
    assert "has no setting “Cc”" in odd.content.decode()
    assert client.post(address, data | {"tune_space": "C: 0.1 to 10, log"}).status_code == 302
    run = Run.objects.get()
    assert run.spec["tuning"] == {
        "method": "logistic", "search": "random", "trials": 7, "seconds": 120, "folds": 3, "prune": True, "nested": False,
        "space": {"C": {"low": 0.1, "high": 10, "scale": "log"}},
    }  # fmt: skip
    assert Trial.objects.filter(run=run).count() == 7
    copied = client.get(f"{address}?from={run.number}").context["form"]
    assert copied["tune_space"].value() == "C: 0.1 to 10, log"
    body = {"methods": ["logistic"], "tuning": {"space": {"C": {"low": 0}}}}
    told = client.post(f"/api/v1/projects/{cast.project.key}/runs/", body, content_type="application/json")
    assert told.status_code == 422
    assert "tuning.space.C" in told.json()["fields"]
    with pytest.raises(Invalid):
        start_run(cast.project, spec=SPEC | {"tuning": 5}, by=cast[Role.DATA_SCIENTIST])
