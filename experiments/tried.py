"""Reads about searches: how one stands, its best trial, and what a run learns with in the end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Q, QuerySet

from experiments.models.runs import Run
from experiments.models.searches import Trial, Tuning
from problems.problem import Missing, Problem
from projects.measures import MEASURES

SORTS = ("number", "value", "seconds", "state")
RESULT = ("number", "share", "rung", "settings", "state", "value", "folds")
COUNTED = (Trial.State.FINISHED, Trial.State.PRUNED, Trial.State.FAILED)


@dataclass(frozen=True)
class Standing:
    """How a search stands. `best` is None until a trial was measured whole."""

    tuning: Tuning
    plan: dict[str, Any]
    counts: dict[str, int]
    best: Trial | None

    @property
    def total(self) -> int:
        """How many trials were planned."""
        return sum(self.counts.values())

    @property
    def done(self) -> int:
        """How many have ended, also badly."""
        return sum(self.counts.get(state, 0) for state in COUNTED)


def tuning_of(run: Run) -> Tuning | None:
    """The run's search, where it has one."""
    return Tuning.objects.filter(run=run).first()


def tuning_for(run: Run) -> Tuning:
    """The run's search, or Missing."""
    found = tuning_of(run)
    if found is None:
        raise Missing(f"Run {run.number} searched no settings.")
    return found


def sign_of(metric: str) -> int:
    """1 where larger is better."""
    return 1 if MEASURES[metric].better == "at_least" else -1


def best_trial(tuning: Tuning) -> Trial | None:
    """The best of those measured whole, on the largest share of rows that any was."""
    whole = Trial.objects.filter(run=tuning.run_id, state=Trial.State.FINISHED, value__isnull=False)
    by = F("value").desc() if sign_of(tuning.metric) > 0 else F("value").asc()
    return whole.order_by("-share", by, "number").first()


def standing_of(run: Run) -> Standing | None:
    """How the run's search stands, where it has one."""
    tuning = tuning_of(run)
    if tuning is None or "tuning" not in run.spec:
        return None
    states = Trial.objects.filter(run=run).order_by().values_list("state").annotate(count=Count("pk"))
    return Standing(tuning, run.spec["tuning"], dict(states), best_trial(tuning))


def trials_of(run: Run, *, sort: str = "", state: str = "") -> QuerySet[Trial]:
    """The trials for lists, the best first or as sorted."""
    found = Trial.objects.filter(run=run)
    if state in Trial.State.values:
        found = found.filter(state=state)
    name, falling = sort.removeprefix("-"), sort.startswith("-")
    if name not in SORTS:
        return found.order_by("number")
    field = F(name).desc(nulls_last=True) if falling else F(name).asc(nulls_last=True)
    return found.order_by(field, "number")


def results_of(run: Run, rung: int | None = None) -> list[dict[str, Any]]:
    """Trials that ended with a value, or failed, as the engine knows them, in their order."""
    ended = Trial.objects.filter(run=run, state__in=COUNTED)
    if rung is not None:
        ended = ended.filter(rung=rung)
    return list(ended.order_by("number").values(*RESULT))


def takeable(run: Run) -> QuerySet[Trial]:
    """The waiting trials of the lowest rung that is not over; none while the rung before still runs."""
    still = Trial.objects.filter(run=run).filter(Q(state=Trial.State.WAITING) | Q(state=Trial.State.TRYING))
    lowest = still.order_by("rung").values_list("rung", flat=True).first()
    if lowest is None:
        return Trial.objects.none()
    return still.filter(rung=lowest, state=Trial.State.WAITING).order_by("number")


def learned_spec(run: Run) -> dict[str, Any]:
    """What a run learns with: its spec, with the best settings that its search found in place of those asked for."""
    spec = {name: value for name, value in run.spec.items() if name != "tuning"}
    tuning = tuning_of(run) if "tuning" in run.spec else None
    if tuning is None or tuning.ended_at is None:
        return spec
    best = best_trial(tuning)
    if best is None:
        first = Trial.objects.filter(run=run).exclude(message="").order_by("number").first()
        said = f" Trial {first.number} said: {first.message}" if first else ""
        raise Problem(f"No trial of the search came to an end, so nothing could be chosen.{said}", code="no_trial")
    return spec | {"methods": spec["methods"] | {run.spec["tuning"]["method"]: best.settings}}


def summary_of(run: Run) -> dict[str, Any] | None:
    """What a finished run remembers of its search, as plain JSON."""
    standing = standing_of(run)
    if standing is None or standing.best is None:
        return None
    best = standing.best
    told = {name: standing.plan[name] for name in ("method", "search", "folds")}
    parts = [part["value"] for part in standing.tuning.nested.values() if part.get("value") is not None]
    return told | {
        "metric": standing.tuning.metric,
        "trials": standing.counts,
        "best": {"number": best.number, "value": best.value, "share": best.share, "settings": best.settings},
        "asked": _asked_value(run),
        "nested": {"mean": sum(parts) / len(parts), "parts": parts} if parts else None,
    }


def _asked_value(run: Run) -> float | None:
    """What the settings as asked for measured, where they were the first trial."""
    first = Trial.objects.filter(run=run, number=1).first()
    same = first is not None and first.settings == run.spec["methods"][run.spec["tuning"]["method"]]
    return first.value if first and same and first.state == Trial.State.FINISHED else None


def drawn(run: Run) -> Sequence[Mapping[str, Any]]:
    """What the figures of a search are drawn from."""
    return list(
        Trial.objects.filter(run=run, value__isnull=False)
        .order_by("ended_at", "number")
        .values("number", "value", "state", "share", "settings", "seconds")
    )
