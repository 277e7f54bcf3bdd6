"""Writes about searches for better settings: plan the trials, hand them out, keep what they measured, stop, conclude.

The rows are the work: a trial belongs to the job that has it in hand, and what a job measured is written in the
transaction that ends it. So a lost worker's trials are tried again, and none counts twice.
"""

import math
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit.actors import Actor, Machine
from audit.services import record
from experiments.estimators.catalog import name_of
from experiments.evaluation.choice import deciding_metric
from experiments.models.runs import Run
from experiments.models.searches import Trial, Tuning
from experiments.searching.plans import OUTER_FOLDS, rungs
from experiments.searching.proposals import kept, promoted
from experiments.tried import results_of, sign_of, standing_of, takeable, tuning_for
from jobs.models import OPEN_STATES, Job
from jobs.models import State as JobState
from jobs.services import cancel, start
from problems.problem import Conflict
from projects.queries.define import goals_of

PLATFORM = Machine("tuning")
TRY, NEST = "experiments.try", "experiments.nest"
LANES = 8  # jobs of one search that wait or run at once; each takes its turn among other training
SLICE, MOST_AT_ONCE = 20.0, 25
TIME_IS_UP = "The time was used up."


def start_search(run: Run, *, by: Actor) -> Job:
    """Write the trials of a run's search and queue the first jobs; they belong to the run."""
    plan = run.spec["tuning"]
    metric = deciding_metric(run.project.kind, goals_of(run.contract), run.spec["decide_by"])
    Tuning.objects.create(run=run, metric=metric)
    rows, number = [], 0
    for rung, (count, share) in enumerate(rungs(plan)):
        for _ in range(count):
            number += 1
            rows.append(Trial(run=run, number=number, rung=rung, share=share))
    Trial.objects.bulk_create(rows)
    if plan["nested"]:
        for outer in range(OUTER_FOLDS):
            _queue(run, NEST, by=by, title=f"Check the search of run {run.number}, part {outer + 1}", outer=outer)
    jobs = [_lane(run, by=by) for _ in range(min(LANES, takeable(run).count()))]
    return jobs[0]


def _queue(run: Run, kind: str, *, by: Actor, title: str, **payload: Any) -> Job:
    return start(kind, by=by, title=title, subject=run, project_key=run.project.key, payload=payload)


def _lane(run: Run, *, by: Actor) -> Job:
    return _queue(run, TRY, by=by, title=f"Try settings for run {run.number}")


def _open(run: Run, *kinds: str) -> Any:
    return Job.objects.filter(
        subject_type=run._meta.label_lower, subject_id=str(run.pk), state__in=OPEN_STATES, kind__in=kinds
    )


@transaction.atomic
def take_trials(run: Run, job: Job) -> list[dict[str, Any]]:
    """The trials that this job has in hand: those of its earlier attempt, else some that wait. None when time is up.

    After a lost attempt only the first is tried again at once; the others go back to where any job can take them.
    """
    Run.objects.select_for_update().get(pk=run.pk)
    tuning = tuning_for(run)
    if tuning.began_at is None:
        tuning.began_at = timezone.now()
        tuning.save(update_fields=["began_at"])
    mine = list(Trial.objects.filter(run=run, job=str(job.pk), state=Trial.State.TRYING))
    if mine:
        Trial.objects.filter(pk__in=[one.pk for one in mine[1:]]).update(state=Trial.State.WAITING, job="")
        mine = mine[:1]
    elif tuning.ended_at is None and tuning.stop_asked_at is None and seconds_left(tuning) > 0:
        mine = list(takeable(run)[: _batch(run)])
        for one in mine:
            one.state, one.job = Trial.State.TRYING, str(job.pk)
            one.settings = _settings_of(tuning, one)
        Trial.objects.bulk_update(mine, ["state", "job", "settings"])
    return [{"number": one.number, "share": one.share, "settings": one.settings or None} for one in mine]


def _settings_of(tuning: Tuning, trial: Trial) -> dict[str, Any]:
    """What a trial of a later rung tries; the engine chooses for those of the first."""
    if trial.rung == 0:
        return dict(trial.settings)
    place = Trial.objects.filter(run=trial.run_id, rung=trial.rung, number__lt=trial.number).count()
    return promoted(results_of(tuning.run, trial.rung - 1), place, sign_of(tuning.metric))


def _batch(run: Run) -> int:
    """So many trials as fill a slice of time, and no more than leaves some for the other lanes."""
    ended = Trial.objects.filter(run=run, seconds__gt=0).order_by("-ended_at").values_list("seconds", flat=True)[:20]
    typical = sum(ended) / len(ended) if ended else SLICE / 3
    share = math.ceil(takeable(run).count() / LANES)
    return max(1, min(MOST_AT_ONCE, share, math.ceil(SLICE / max(typical, 0.01))))


def seconds_left(tuning: Tuning) -> float:
    """How much of the budget of time is left."""
    budget = float(tuning.run.spec["tuning"]["seconds"])
    return budget - (timezone.now() - tuning.began_at).total_seconds() if tuning.began_at else budget


def lane_spec(run: Run, trials: list[dict[str, Any]]) -> dict[str, Any]:
    """What the engine needs to know beside the run's own spec."""
    tuning = tuning_for(run)
    rung = Trial.objects.get(run=run, number=trials[0]["number"]).rung
    told = {"tuning": run.spec["tuning"], "trials": trials, "history": results_of(run, rung)}
    return told | {"slice": SLICE, "left": max(1.0, seconds_left(tuning))}


@transaction.atomic
def keep_trials(run: Run, job: Job, found: list[dict[str, Any]]) -> None:
    """Keep what a job measured, give back what it did not come to, and let the search go on.

    Call it inside `context.finish()`: a lost lease undoes it.
    """
    Run.objects.select_for_update().get(pk=run.pk)
    rows = {one.number: one for one in Trial.objects.filter(run=run, job=str(job.pk), state=Trial.State.TRYING)}
    for result in found:
        row = rows.pop(result["number"])
        for name in ("settings", "state", "value", "folds", "seconds", "rows", "message"):
            setattr(row, name, result[name])
        row.ended_at = timezone.now()
        row.save()
    Trial.objects.filter(pk__in=[one.pk for one in rows.values()]).update(state=Trial.State.WAITING, job="")
    advance(run)


@transaction.atomic
def keep_nested(run: Run, outer: int, found: dict[str, Any]) -> None:
    """Keep what the search gave on one part that it did not see, or why that is not known."""
    tuning = Tuning.objects.select_for_update().get(run=run)
    tuning.nested = tuning.nested | {str(outer): found}
    tuning.save(update_fields=["nested"])
    advance(run)


@transaction.atomic
def advance(run: Run) -> None:
    """Queue what is to be tried next; where nothing is left, end the search and train with the best."""
    row = Run.objects.select_for_update(of=("self",)).select_related("project").get(pk=run.pk)
    tuning = tuning_for(row)
    if row.state != Run.State.WAITING or tuning.ended_at is not None:
        return
    _drop_what_cannot_be(row, tuning)
    lanes, waiting = _open(row, TRY).count(), takeable(row).count()
    for _ in range(min(LANES - lanes, math.ceil(waiting / _batch(row)) - lanes)):
        _lane(row, by=PLATFORM)
    if not lanes and not waiting and not _open(row, NEST).exists():
        _conclude(row, tuning)


def _drop_what_cannot_be(run: Run, tuning: Tuning) -> None:
    """Trials that are not tried: time is up, somebody asked to stop, or the rung before has too few to go on with."""
    if tuning.stop_asked_at or seconds_left(tuning) <= 0:
        words = "Somebody stopped the search." if tuning.stop_asked_at else TIME_IS_UP
        _skip(run, words)
        return
    first = takeable(run).first()
    if first is not None and first.rung:
        before = results_of(run, first.rung - 1)
        most = min(kept(len(before)), sum(one["value"] is not None for one in before))
        of_rung = Trial.objects.filter(run=run, rung=first.rung).order_by("number")
        late = [one.pk for one in of_rung[max(most, 0) :] if one.state == Trial.State.WAITING]
        Trial.objects.filter(pk__in=late).update(
            state=Trial.State.SKIPPED, message="Too few of the trials before could go on.", ended_at=timezone.now()
        )
        if late:
            _drop_what_cannot_be(run, tuning)


def _skip(run: Run, words: str) -> None:
    Trial.objects.filter(run=run, state=Trial.State.WAITING).update(
        state=Trial.State.SKIPPED, message=words, ended_at=timezone.now()
    )


def _conclude(run: Run, tuning: Tuning) -> None:
    """The search is over; the best settings are fitted on all rows to learn from, as any run."""
    tuning.ended_at = timezone.now()
    tuning.save(update_fields=["ended_at"])
    start("experiments.train", by=PLATFORM, title=f"Train run {run.number}", subject=run, project_key=run.project.key)
    standing = standing_of(run)
    assert standing is not None
    best = {"trial": standing.best.number, "settings": standing.best.settings} if standing.best else {}
    about = {"run": run.number, "method": name_of(standing.plan["method"]), "trials": standing.counts}
    record(PLATFORM, "search.ended", run, project_key=run.project.key, **about, **best)


@transaction.atomic
def stop_search(run: Run, *, by: Actor) -> Tuning:
    """Try nothing further; what was measured is kept, and the best so far is trained."""
    row = Run.objects.select_for_update(of=("self",)).select_related("project").get(pk=run.pk)
    tuning = tuning_for(row)
    if row.state != Run.State.WAITING or tuning.ended_at is not None:
        raise Conflict(f"The search of run {row.number} is already over.", code="too_late")
    standing = standing_of(row)
    if standing is None or standing.best is None:
        raise Conflict("No trial has been measured yet, so there is no best to go on with. Stop the run instead.")
    if tuning.stop_asked_at is None:
        tuning.stop_asked_at = timezone.now()
        tuning.save(update_fields=["stop_asked_at"])
        record(by, "search.stopped", row, project_key=row.project.key, run=row.number)
    _cancel_open(row, by)
    advance(row)
    tuning.refresh_from_db()
    return tuning


def _cancel_open(run: Run, by: Actor) -> None:
    for job in list(_open(run, TRY, NEST)):
        if Job.objects.filter(pk=job.pk, state__in=OPEN_STATES).exists():
            cancel(job, by=by)


@transaction.atomic
def job_ended(job: Job) -> bool:
    """A job of a search ended badly or was stopped: account for its trials. Whether the run has to end with it.

    Runs in the transaction that ends the job. A person who stops a job of the search stops the run, unless the search
    was asked to stop with what it has; a job that fails before any trial was measured would fail for all.
    """
    run = Run.objects.select_for_update(of=("self",)).select_related("project").filter(pk=job.subject_id).first()
    if run is None:
        return False
    tuning, stopped = tuning_for(run), job.state == JobState.CANCELLED
    mine = Trial.objects.filter(run=run, job=str(job.pk), state=Trial.State.TRYING)
    state, words = (Trial.State.SKIPPED, "It was stopped.") if stopped else (Trial.State.FAILED, job.message)
    mine.update(state=state, message=words, ended_at=timezone.now())
    if job.kind == NEST:
        tuning.nested = tuning.nested | {str(job.payload["outer"]): {"reason": words}}
        tuning.save(update_fields=["nested"])
    over = run.state != Run.State.WAITING or tuning.ended_at is not None
    if over:
        return False
    measured = Trial.objects.filter(run=run, value__isnull=False).exists()
    if (stopped and tuning.stop_asked_at is None) or (not stopped and not measured and job.kind == TRY):
        tuning.ended_at = timezone.now()
        tuning.save(update_fields=["ended_at"])
        _skip(run, "The run was stopped." if stopped else "The search could not go on.")
        return True
    advance(run)
    return False


def end_others(run: Run, *, by: Actor = PLATFORM) -> None:
    """Stop the other jobs of a search whose run has ended."""
    _cancel_open(run, by)
