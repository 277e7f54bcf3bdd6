"""PURE: trials of a search: settings measured by cross-validation on the rows to learn from; the locked test rows never
take part.

A trial that is clearly behind is given up between folds: when its mean so far is worse than the median of what earlier
trials had at the same fold (the median rule of Golovin et al. 2017).
"""

import os
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from experiments.columns import from_table, words_of
from experiments.estimators.catalog import FAMILIES
from experiments.estimators.preprocessing import pipeline
from experiments.evaluation.choice import deciding_metric
from experiments.evaluation.folds import folds
from experiments.evaluation.held import hold
from experiments.evaluation.metrics import Array
from experiments.matrices import Layout, Matrix, layout_of
from experiments.packaging import answers_of
from experiments.preparing import Prepared, prepared
from experiments.searching.plans import OUTER_FOLDS, rungs
from experiments.searching.proposals import promoted, proposed
from jobs.report import Report, Silent
from problems.problem import Problem
from projects.contract import Goal
from projects.measures import MEASURES

ENOUGH_TO_PRUNE = 4  # trials that must have come as far before one is given up
Row = Mapping[str, Any]
Result = dict[str, Any]
Parts = Sequence[tuple[Array, Array]]


@dataclass
class Ground:
    """The rows to learn from, ready for many trials; places count within them."""

    plan: Row
    kind: str
    seed: int
    threshold: float
    metric: str
    matrix: Matrix
    truth: Array
    layout: Layout
    classes: Sequence[str]
    groups: Array | None = None
    times: Array | None = None

    @property
    def sign(self) -> int:
        """1 where larger is better."""
        return 1 if MEASURES[self.metric].better == "at_least" else -1

    def cut(self, rows: Array, count: int) -> Parts:
        """Folds of these rows, of the same kind as the split of the run."""
        by = {"groups": self.groups, "times": self.times}
        asked = {name: None if values is None else values[rows] for name, values in by.items()}
        words = self.truth[rows] if self.kind != "regression" else None
        return folds(rows, count, self.seed, classes=words, **asked)

    def measured(self, settings: Row, learn: Array, test: Array) -> float:
        """The deciding metric on `test` after learning from `learn`; a Problem where it is undefined."""
        model = pipeline(FAMILIES[self.plan["method"]], self.kind, settings, self.layout, self.seed)
        model.fit(self.matrix[learn], self.truth[learn])
        said = answers_of(model, self.kind, self.matrix[test])
        value = hold(self.kind, self.truth[test], said, self.threshold, self.classes).value(self.metric)
        if value is None:
            raise Problem(f"{MEASURES[self.metric].term} is undefined on a part of the rows.", code="undefined")
        return float(value)


def ground_of(spec: Row, report: Report) -> Ground:
    """Read, check and split as training does."""
    data = prepared(spec, report)
    goals = [Goal(**goal) for goal in spec.get("goals", ())]
    return Ground(
        spec["tuning"],
        spec["kind"],
        spec["seed"],
        spec["threshold"],
        deciding_metric(spec["kind"], goals, spec["decide_by"]),
        from_table(data.train, data.layout),
        data.truth[data.split.train],
        data.layout,
        data.classes or (),
        **_by_split(spec, data),
    )


def _by_split(spec: Row, data: Prepared) -> dict[str, Array]:
    name = spec["split"].get("column")
    if spec["split"]["kind"] == "group":
        return {"groups": words_of(data.train.column(name))}
    if spec["split"]["kind"] == "time":
        kinds = {entry["name"]: entry["type"] for entry in spec["schema"]}
        layout = layout_of([{"name": name, "type": kinds[name]}])
        return {"times": from_table(data.train.select([name]), layout)[:, 0].astype(np.float64)}
    return {}


def tried(ground: Ground, settings: Row, parts: Parts, share: float, behind: Callable[[list[float]], str]) -> Result:
    """One trial: {settings, state, value, folds, seconds, rows, message}. `behind` says why it is given up, or nothing.

    What goes wrong with these settings is the trial's own failure, and the search goes on.
    """
    started, rows = time.perf_counter(), 0
    values: list[float] = []
    state, message = "finished", ""
    try:
        for place, (learn, test) in enumerate(parts):
            if values and (why := behind(values)):
                state, message = "pruned", why
                break
            some = _some(learn, share, ground.seed + place)
            rows = max(rows, int(some.size))
            values.append(ground.measured(settings, some, test))
    except (Problem, ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
        state, message = "failed", str(error)[:500]
    value = fmean(values) if values and state != "failed" else None
    seconds = round(time.perf_counter() - started, 3)
    told = {"state": state, "value": value, "folds": values, "seconds": seconds, "rows": rows, "message": message}
    return {"settings": dict(settings), **told}


def _some(learn: Array, share: float, seed: int) -> Array:
    if share >= 1:
        return learn
    count = max(min(20, learn.size), round(learn.size * share))
    found: Array = np.sort(np.random.default_rng(seed).choice(learn, count, replace=False))
    return found


def median_rule(ground: Ground, history: Sequence[Row]) -> Callable[[list[float]], str]:
    """Why a trial with these values on its first folds is given up: it is worse than the median at the same fold."""

    def behind(values: list[float]) -> str:
        count = len(values)
        others = [fmean(one["folds"][:count]) for one in history if len(one["folds"]) >= count]
        if not ground.plan["prune"] or ground.plan["search"] == "halving" or len(others) < ENOUGH_TO_PRUNE:
            return ""
        middle = median(others)
        worse = ground.sign * (fmean(values) - middle) < 0
        return f"Behind half of the others after {count} of {ground.plan['folds']} folds." if worse else ""

    return behind


def run(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Some trials of a search, one after the other, until the slice of time is over: {trials}.

    `spec` is what a run is trained by with `tuning` (the plan), `trials` ({number, share, settings or None}),
    `history` (earlier trials of the same rung), `slice` and `left` (seconds: start no further trial after the first,
    give up what is under way after the second). At least one is always tried.
    """
    threads = int(os.environ.get("OMP_NUM_THREADS", "1") or 1)
    with threadpool_limits(limits=threads), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        started = time.monotonic()
        report.progress(0, len(spec["trials"]), "Reading the table and splitting it")
        ground = ground_of(spec, Silent())
        parts = ground.cut(np.arange(ground.truth.size), ground.plan["folds"])
        asked, history = spec["methods"][ground.plan["method"]], list(spec["history"])
        done: list[Result] = []
        for place, trial in enumerate(spec["trials"]):
            if done and time.monotonic() - started > min(spec["slice"], spec["left"]):
                break
            number = trial["number"]
            report.progress(place, len(spec["trials"]), f"Trial {number}")
            settings = trial["settings"] or proposed(ground.plan, asked, number, ground.seed, history, ground.sign)
            stop = _until(started + spec["left"], median_rule(ground, history)) if history else lambda values: ""
            result = {"number": number} | tried(ground, settings, parts, trial["share"], stop)
            report.log(f"Trial {number}: {result['state']}, {result['value']}, {result['seconds']} s.")
            history.append(result)
            done.append(result)
    return {"trials": done, "metric": ground.metric}


def _until(moment: float, rule: Callable[[list[float]], str]) -> Callable[[list[float]], str]:
    def stop(values: list[float]) -> str:
        return "The time was used up." if time.monotonic() > moment else rule(values)

    return stop


def search(ground: Ground, asked: Row, rows: Array, seconds: float, report: Report) -> list[Result]:
    """A whole search on some of the rows, one trial after the other, within a budget of seconds."""
    ends, parts = time.monotonic() + seconds, ground.cut(rows, ground.plan["folds"])
    everything: list[Result] = []
    before: list[Result] = []
    for rung, (count, share) in enumerate(rungs(ground.plan)):
        history: list[Result] = []
        for place in range(min(count, len([one for one in before if one["value"] is not None])) if rung else count):
            if everything and time.monotonic() > ends:
                return everything
            number = len(everything) + 1
            report.progress(number, ground.plan["trials"], f"Trial {number}")
            settings = (
                promoted(before, place, ground.sign)
                if rung
                else proposed(ground.plan, asked, number, ground.seed, history, ground.sign)
            )
            stop = _until(ends, median_rule(ground, history)) if history else lambda values: ""
            result = {"number": number, "share": share} | tried(ground, settings, parts, share, stop)
            history.append(result)
            everything.append(result)
        before = history
    return everything


def best_of(results: Sequence[Row], sign: int) -> Row | None:
    """The best of the trials measured whole, on the largest share of rows that any was; ties go to the first."""
    whole = [one for one in results if one["state"] == "finished" and one["value"] is not None]
    if not whole:
        return None
    share = max(one["share"] for one in whole)
    return max((one for one in whole if one["share"] == share), key=lambda one: (sign * one["value"], -one["number"]))


def nested(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """The whole search once more without one part of the rows, and its best judged on that part: {value, search}.

    `spec` is as for `run` with `outer`, the number of the part. The mean over the parts is an honest measure of what
    searching gives (Cawley and Talbot 2010).
    """
    threads = int(os.environ.get("OMP_NUM_THREADS", "1") or 1)
    with threadpool_limits(limits=threads), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ground = ground_of(spec, Silent())
        learn, test = ground.cut(np.arange(ground.truth.size), OUTER_FOLDS)[spec["outer"]]
        asked = spec["methods"][ground.plan["method"]]
        found = best_of(search(ground, asked, learn, ground.plan["seconds"], report), ground.sign)
        if found is None:
            raise Problem("No trial came to an end on these rows.", code="no_trial")
        value = ground.measured(found["settings"], learn, test)
    return {"outer": spec["outer"], "value": value, "search": found["value"], "rows": int(test.size)}
