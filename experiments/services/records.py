"""Writes about the records of runs: open and close one with its run, one for each trial, what people say of it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import as_user
from audit.actors import Actor
from audit.services import record as write_down
from experiments.models.records import ComputingPrice, RunKey, RunRecord, RunText
from experiments.models.runs import Run
from experiments.models.searches import Trial, Tuning
from experiments.services.tracking import LONGEST_NAME, LONGEST_VALUE, Logged, keep
from jobs.models import Job
from problems.problem import Gone, Invalid
from projects.models.projects import Project

LONGEST_HYPOTHESIS, MOST_TAGS = 2000, 50
LARGEST_PRICE = 1_000_000
COMPUTING = ("experiments.train", "experiments.try", "experiments.nest", "experiments.take_upload")
_NUMBERED = (Run.everything, RunRecord.everything)
ENDED = {
    Trial.State.FINISHED: RunRecord.State.FINISHED,
    Trial.State.FAILED: RunRecord.State.FAILED,
    Trial.State.PRUNED: RunRecord.State.CANCELLED,
}


def next_number(project: Project) -> int:
    """The number of the next run, whoever makes it. Hold the project's lock."""
    last = [rows.filter(project=project).aggregate(last=Max("number"))["last"] for rows in _NUMBERED]
    return max(number or 0 for number in last) + 1


def open_record(run: Run, *, hypothesis: str = "") -> RunRecord:
    """The record of a run that was just started. Call it in the transaction that writes the run."""
    record = RunRecord.objects.create(
        project=run.project,
        number=run.number,
        run=run,
        data=run.data,
        cause=run.cause,
        hypothesis=checked_hypothesis(hypothesis),
        created_by=run.created_by,
        created_at=run.created_at,
    )
    keep(record, params=asked_params(run.spec))
    return record


def asked_params(spec: Mapping[str, Any]) -> dict[str, str]:
    """What a run asks for, beside its methods, as parameters; nothing that holds a value of the data."""
    split = spec.get("split") or {}
    found = {"seed": spec.get("seed"), "threshold": spec.get("threshold"), "inputs": len(spec.get("inputs") or [])}
    found |= {"target": spec.get("target"), "methods": " ".join(sorted(spec.get("methods") or {}))}
    found |= {f"split.{name}": value for name, value in split.items() if name != "column"}
    return {name: str(value)[:LONGEST_VALUE] for name, value in found.items() if value is not None}


def settings_params(settings: Mapping[str, Any]) -> dict[str, str]:
    """A method's settings as parameters."""
    return {name: str(value)[:LONGEST_VALUE] for name, value in settings.items()}


def close_record(run: Run, *, series: Sequence[Mapping[str, Any]] = ()) -> None:
    """How a run ended, on its record: state, method, time, cost, metrics and their series. In the same transaction.

    `series` holds {key, points: [[step, value], …]} as the engine recorded them.
    """
    found = RunRecord.everything.filter(run=run).first()
    record = found or open_record(run)
    now = run.finished_at or timezone.now()
    record.state, record.method, record.finished_at = run.state, run.method, run.finished_at
    record.seconds = computed_seconds(run, now)
    price = price_of(run.project)
    record.cost, record.currency = costs(record.seconds, price)
    record.save(update_fields=["state", "method", "finished_at", "seconds", "cost", "currency"])
    settings = (run.evaluation.get("methods", {}).get(run.method) or {}).get("settings") or {}
    params = settings_params(settings) | ({"method": run.method} if run.method else {})
    keep(record, metrics=[*_measured(run, now), *_series(series, now)], params=params)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _measured(run: Run, now: datetime) -> Iterable[Logged]:
    """Every metric that has a value. What is measured in one group of rows names a value of the data and stays out."""
    for key, found in run.metrics.items():
        plain = "@" not in key or key.startswith("gap of ")
        if plain and len(key) <= LONGEST_NAME and found.get("value") is not None:
            yield key, 0, _milliseconds(now), float(found["value"])


def _series(series: Sequence[Mapping[str, Any]], now: datetime) -> Iterable[Logged]:
    for one in series:
        for step, value in one["points"]:
            yield one["key"], int(step), _milliseconds(now), float(value)


def computed_seconds(run: Run, now: datetime) -> float:
    """How long the jobs of a run computed, each in its last attempt, without waiting."""
    jobs = Job.objects.filter(subject_type=run._meta.label_lower, subject_id=str(run.pk), kind__in=COMPUTING)
    spans = jobs.exclude(started_at=None).values_list("started_at", "ended_at")
    return sum(max(0.0, ((ended or now) - started).total_seconds()) for started, ended in spans if started)


def price_of(project: Project) -> ComputingPrice | None:
    """What an hour of computing costs now."""
    return ComputingPrice.objects.filter(project=project).first()


def costs(seconds: float | None, price: ComputingPrice | None) -> tuple[float | None, str]:
    """What so many seconds cost, and in which currency; nothing where nobody named a price."""
    if price is None or seconds is None:
        return None, ""
    return seconds * price.an_hour / 3600, price.currency


def record_trials(run: Run, tuning: Tuning, trials: Sequence[Trial]) -> None:
    """One record for each trial that has ended, and the search as a series of the run. In the same transaction."""
    ended = [one for one in trials if one.state in ENDED and one.ended_at]
    if not ended:
        return
    price, method = price_of(run.project), run.spec["tuning"]["method"]
    for trial in ended:
        _record_trial(run, trial, tuning.metric, method, price)
    parent = RunRecord.everything.filter(run=run).first() or open_record(run)
    name, found = f"trials.{tuning.metric}", [one for one in ended if one.value is not None]
    keep(parent, metrics=[(name, one.number, _milliseconds(one.ended_at), one.value) for one in found])  # type: ignore[arg-type, misc]


def _record_trial(run: Run, trial: Trial, metric: str, method: str, price: ComputingPrice | None) -> None:
    assert trial.ended_at is not None
    cost, currency = costs(trial.seconds, price)
    record, _ = RunRecord.everything.update_or_create(
        project=run.project,
        number=run.number,
        trial_number=trial.number,
        defaults={
            "kind": RunRecord.Kind.TRIAL,
            "trial": trial,
            "data": run.data,
            "state": ENDED[Trial.State(trial.state)],
            "method": method,
            "cause": run.cause,
            "seconds": trial.seconds,
            "cost": cost,
            "currency": currency,
            "created_by": run.created_by,
            "created_at": trial.ended_at - timedelta(seconds=trial.seconds),
            "finished_at": trial.ended_at,
        },
    )
    at = _milliseconds(trial.ended_at)
    points: list[Logged] = [(f"fold.{metric}", place, at, value) for place, value in _folds(trial)]
    if trial.value is not None:
        points.append((metric, 0, at, trial.value))
    keep(
        record, metrics=points, params=settings_params(trial.settings) | {"method": method, "share": f"{trial.share:g}"}
    )


def _folds(trial: Trial) -> Iterable[tuple[int, float]]:
    for place, found in enumerate(trial.folds, start=1):
        value = found.get("value") if isinstance(found, Mapping) else found
        if isinstance(value, int | float):
            yield place, float(value)


def hide_record(run: Run, at: datetime | None) -> None:
    """A run went into the bin, or came out of it, and its trials with it."""
    RunRecord.everything.filter(project=run.project_id, number=run.number).update(deleted_at=at)


# ---- What people say ----


def checked_hypothesis(text: Any) -> str:
    """What a run is to show, as it is kept."""
    if not isinstance(text, str) or len(text) > LONGEST_HYPOTHESIS or "\x00" in text:
        words = f"Use at most {LONGEST_HYPOTHESIS} characters."
        raise Invalid(f"The hypothesis cannot be kept. {words}", fields={"hypothesis": words})
    return text.strip()


def checked_tags(given: Any) -> dict[str, str]:
    """Tags as they are kept: names and short texts."""
    if not isinstance(given, Mapping) or len(given) > MOST_TAGS:
        raise Invalid(f"Tags are at most {MOST_TAGS} names with texts.", fields={"tags": "Names and texts."})
    for name, value in given.items():
        fits = isinstance(name, str) and isinstance(value, str) and 0 < len(name.strip()) <= 60 and len(value) <= 250
        if not fits or "\x00" in name + value:
            words = "A tag has a name of at most 60 characters and a text of at most 250."
            raise Invalid(f"{str(name)[:60]!r}: {words}", fields={"tags": words})
    return {name.strip(): value.strip() for name, value in given.items()}


@transaction.atomic
def describe(run: Run, *, by: Actor, hypothesis: str | None = None, tags: Mapping[str, str] | None = None) -> RunRecord:
    """Write what a run is to show, and its tags, all of them; what is not given stays."""
    record = RunRecord.objects.select_for_update(of=("self",)).filter(run=run).first()
    if record is None:
        raise Gone(f"Run {run.number} was deleted a moment ago.")
    told: dict[str, Any] = {}
    if hypothesis is not None:
        record.hypothesis = checked_hypothesis(hypothesis)
        record.save(update_fields=["hypothesis"])
        told["hypothesis"] = record.hypothesis
    if tags is not None:
        told["tags"] = wanted = checked_tags(tags)
        RunText.objects.filter(record=record, key__kind=RunKey.Kind.TAG).exclude(key__name__in=wanted).delete()
        keep(record, tags=wanted)
    write_down(by, "run.described", run, project_key=run.project.key, run=run.number, **told)
    return record


@transaction.atomic
def set_price(project: Project, *, an_hour: Any, currency: Any, by: Actor) -> ComputingPrice:
    """Say what an hour of computing costs from now on; runs that have ended keep what they cost then."""
    number = isinstance(an_hour, int | float) and not isinstance(an_hour, bool)
    if not number or not 0 <= an_hour <= LARGEST_PRICE:  # also refuses what is not a number
        words = f"Use a number from 0 to {LARGEST_PRICE}."
        raise Invalid(f"The price of an hour cannot be kept. {words}", fields={"an_hour": words})
    if not isinstance(currency, str) or len(currency) != 3 or not (currency.isascii() and currency.isalpha()):
        raise Invalid("Name a currency by its three letters, like EUR.", fields={"currency": "Three letters."})
    price = ComputingPrice.objects.create(
        project=project, an_hour=float(an_hour), currency=currency.upper(), created_by=as_user(by)
    )
    write_down(by, "run.priced", project, project_key=project.key, an_hour=price.an_hour, currency=price.currency)
    return price
