"""PURE: everything that is asked of a finished model, on its locked test rows or on another published version.

The parts are the engines of `experiments/evaluation/`; each part that cannot be had says why, and none stops the
others.
"""

import os
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits

from experiments.columns import days_of, from_table
from experiments.evaluation.asked import measured_goals
from experiments.evaluation.calibration import calibrated
from experiments.evaluation.classes import Classes
from experiments.evaluation.clusters import Grouped
from experiments.evaluation.dependence import dependence
from experiments.evaluation.fairness import fairness
from experiments.evaluation.forecasts import Forecasts
from experiments.evaluation.grouping import Groups, grouped
from experiments.evaluation.held import Judge
from experiments.evaluation.intervals import Held
from experiments.evaluation.many_rows import measured_all
from experiments.evaluation.metrics import Array, Binary, Numbers
from experiments.evaluation.oddities import Odd
from experiments.evaluation.paired import compared
from experiments.evaluation.reasons import reasons
from experiments.evaluation.slices import weakest
from experiments.evaluation.speed import memory_mb, timed
from experiments.evaluation.stability import over_windows
from experiments.evaluation.stress import stressed
from experiments.judged_rows import Known, known_rows
from experiments.matrices import Layout, Matrix, layout_of
from experiments.packaging import Bundle, Predictor, fields_of
from experiments.references import plain
from experiments.relearning import relearned
from experiments.training import goals_in
from experiments.unlabelled import judging as alone
from jobs.report import Report
from problems.problem import Problem
from projects.measures import UNLABELLED

DRAWN_INPUTS, EXAMPLES, EXAMPLE_BUDGET, USUAL, MOST_PAIRED = 6, 12, 4000, 200, 50_000


@dataclass
class Judged:
    """A model with the rows that it is judged on. `rows` are in the table's order; the matrix is the model's own."""

    spec: Mapping[str, Any]
    bundle: Bundle
    judge: Judge
    layout: Layout
    rows: Known
    matrix: Matrix
    held: Held
    metric: str
    seed: int
    groups: dict[str, Groups] = field(default_factory=dict)

    def grouped(self, column: str) -> Groups:
        """A column's groups, made once."""
        if column not in self.groups:
            self.groups[column] = grouped(self.rows.table.column(column))
        return self.groups[column]


def run(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Judge the model in `spec["bundle"]`.

    `spec` is what a run was trained by (see `training.run`) with `bundle` (path), `metric` (what decides), `attributes`
    (columns whose groups must be treated alike), `importance` (names of inputs, the strongest first), `method` and its
    `settings`, and where wanted `rows` ({table, schema, own}: another version, of the run's own data or not) and
    `rival` ({bundle, name}); `parts` where only some are wanted, and a `threshold` where another one than
    the model's own decides. Answers plain JSON: one entry for each part, or {reason} where it cannot be had.
    """
    threads = int(os.environ.get("OMP_NUM_THREADS", "1") or 1)
    with threadpool_limits(limits=threads), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        wanted = {name: PARTS[name] for name in spec.get("parts") or PARTS}
        report.progress(0, len(wanted) + 1, "Reading the rows and asking the model")
        started = time.perf_counter()
        judged = _opened(spec, report)
        seconds = {"asking": round(time.perf_counter() - started, 3)}
        found: dict[str, Any] = {"rows": judged.rows.about, "metric": judged.metric, "kind": judged.judge.kind}
        found |= {name: judged.bundle.signature[name] for name in ("target", "positive", "negative", "unit")}
        for done, (name, (words, part)) in enumerate(wanted.items(), start=1):
            report.progress(done, len(wanted) + 1, words)
            started = time.perf_counter()
            found[name] = _had(part, judged)
            seconds[name] = round(time.perf_counter() - started, 3)
        report.progress(len(wanted) + 1, len(wanted) + 1, "Done")
    return found | {"seconds": seconds, "memory_mb": round(memory_mb())}


def judge_of(signature: Mapping[str, Any], predictor: Predictor) -> Judge:
    """A model as it was packed, ready to be judged."""
    if signature["kind"] in UNLABELLED:
        return alone.judge_alone(signature, predictor)
    threshold, names = signature["threshold"] or 0.5, signature.get("classes") or ()
    return Judge(signature["kind"], predictor.ask, threshold, names)


def _had(part: Callable[[Judged], Any], judged: Judged) -> Any:
    try:
        return part(judged)
    except Problem as problem:
        return {"reason": problem.text}


def _opened(spec: Mapping[str, Any], report: Report) -> Judged:
    bundle = Bundle.open(Path(spec["bundle"]))
    signature, predictor = bundle.signature, bundle.predictor()
    layout = layout_of(fields_of(signature))
    rows = known_rows(spec, signature, report)
    judge = judge_of({**signature, "threshold": spec.get("threshold") or signature.get("threshold")}, predictor)
    matrix = from_table(rows.table, layout)
    held = judge.held(matrix, rows.truth)
    if rows.scales is not None:
        held = Forecasts(rows.truth, judge.said(matrix), rows.scales, rows.steps)
    metric = {"mase": "mae", **alone.STABLE}.get(spec["metric"], spec["metric"])  # parts ask for rows as they are
    return Judged(spec, bundle, judge, layout, rows, matrix, held, metric, spec["seed"])


# ---- The parts ----


def _metrics(judged: Judged) -> dict[str, Any]:
    measured = measured_all(judged.held, judged.seed)
    if isinstance(judged.held, Grouped | Odd):
        measured = alone.remembered(measured, judged.bundle.reference["metrics"])
    return measured | measured_goals(goals_in(judged.spec), judged.held, judged.rows.values, judged.seed)


def _fairness(judged: Judged) -> Any:
    names = [name for name in judged.spec["attributes"] if name in judged.rows.table.column_names]
    if not names:
        return {"reason": "No protected column is named."}
    held = alone.flags(judged.held) if isinstance(judged.held, Odd) else judged.held
    if isinstance(held, Grouped):
        return {"reason": alone.NO_GROUPS}
    found = [fairness(held, judged.grouped(name), name, seed=judged.seed) for name in names]
    if isinstance(judged.held, Odd) and not judged.held.known.all():  # only how often groups are flagged is known
        for one in found:
            one["measures"] = {key: of for key, of in one["measures"].items() if key == "selection_rate"}
    return {"attributes": found}


def _calibration(judged: Judged) -> Any:
    held = judged.held
    if isinstance(held, Classes) and held.chances is not None:  # how sure it was of what it said
        held = Binary(held.truth == held.said, held.chances.max(axis=1))
    if not isinstance(held, Binary):
        return {"reason": "Only an answer with a chance can be calibrated."}
    return calibrated(held, judged.seed)


def _slices(judged: Judged) -> Any:
    if isinstance(judged.held, Grouped | Odd):
        return {"reason": alone.NO_WEAKEST}
    names = dict.fromkeys([*judged.spec["importance"], *judged.spec["attributes"], *judged.rows.table.column_names])
    names.pop(judged.spec["target"], None)
    columns = {name: judged.grouped(name) for name in names if name in judged.rows.table.column_names}
    return weakest(judged.held, columns, judged.metric)


def _stress(judged: Judged) -> Any:
    return stressed(judged.judge, judged.matrix, judged.rows.truth, judged.layout, judged.metric, judged.seed)


def _windows(judged: Judged) -> Any:
    column = judged.rows.time_column
    if not column:
        return {"reason": "The rows have no column with a time."}
    days = days_of(judged.rows.table.column(column))
    known = np.flatnonzero(~np.isnan(days))
    if known.size < 60:
        return {"reason": f"Only {known.size} rows have a “{column}”."}
    order = known[np.argsort(days[known], kind="stable")]
    labels = [str(np.datetime64("1970-01-01") + int(day)) if not np.isnan(day) else "" for day in days]
    return {"column": column} | over_windows(judged.held, order, labels, judged.metric, judged.seed)


def _relearned(judged: Judged) -> Any:
    if judged.judge.kind in UNLABELLED:
        return {"reason": alone.AGAIN}
    if judged.judge.kind == "forecast":
        return {"reason": "Folds would let a forecast see what comes after; its windows at the end are the test."}
    return relearned(judged.spec, judged.layout, judged.judge, judged.metric)


def _dependence(judged: Judged) -> Any:
    if isinstance(judged.held, Grouped):
        return {"reason": alone.NO_GROUPS}
    known = dict(judged.layout.inputs)
    names = [name for name in judged.spec["importance"] if name in known][:DRAWN_INPUTS]
    place = _commonest(judged.held)
    judge, of = (judged.judge, {}) if place is None else (judged.judge.about(place), {"of": judged.judge.names[place]})
    return [dependence(judge, judged.matrix, judged.layout, name, judged.seed) | of for name in names]


def _commonest(held: Held) -> int | None:
    """Of several answers the one that most rows have; None where there is one number."""
    return int(np.bincount(held.truth).argmax()) if isinstance(held, Classes) else None


def _speed(judged: Judged) -> Any:
    size = Path(judged.spec["bundle"]).stat().st_size
    rows = judged.bundle.golden["rows"]
    return timed(judged.bundle.predictor().predict, rows) | {"bytes": size}


def _rival(judged: Judged) -> Any:
    rival = judged.spec.get("rival")
    if not rival:
        return {"reason": "No other model of this question is registered."}
    bundle = Bundle.open(Path(rival["bundle"]))
    names = [field["name"] for field in fields_of(bundle.signature)]
    if missing := [name for name in names if name not in judged.rows.table.column_names]:
        return {"reason": f"The rows lack what {rival['name']} needs: {', '.join(missing[:5])}."}
    matrix = from_table(judged.rows.table, layout_of(fields_of(bundle.signature)))
    same = judged.judge.kind in UNLABELLED or bundle.signature.get("classes") == judged.bundle.signature.get("classes")
    if not same:
        return {"reason": f"{rival['name']} knows other answers."}
    other = judge_of(bundle.signature, bundle.predictor())
    most = np.arange(len(matrix)) if len(matrix) <= MOST_PAIRED else np.arange(MOST_PAIRED)
    theirs, ours = other.held(matrix[most], judged.rows.truth[most]), judged.held.part(most)
    return compared(theirs, ours, judged.metric, (rival["name"], judged.spec["run"]))


def _examples(judged: Judged) -> Any:
    """Rows with reasons: the worst answers, the surest right ones, and those nearest to the edge or to the middle."""
    if isinstance(judged.held, Grouped):
        return {"reason": alone.NO_GROUPS}
    chance = np.random.default_rng(judged.seed)
    usual = judged.matrix[np.sort(chance.choice(len(judged.matrix), min(len(judged.matrix), USUAL), replace=False))]
    return [_example(judged, int(place), why, usual) for place, why in _chosen(judged.held)]


def _chosen(held: Held) -> list[tuple[int, str]]:
    if isinstance(held, Odd):
        return alone.notable(held, EXAMPLES)
    cost, edge = _wrong_and_near(held)
    found: dict[int, str] = {}
    for why, order in (("most wrong", -cost), ("surely right", cost), ("near the edge", edge)):
        for place in np.argsort(order, kind="stable")[: EXAMPLES // 3]:
            found.setdefault(int(place), why)
    return list(found.items())


def _wrong_and_near(held: Held) -> tuple[Array, Array]:
    """How wrong each answer is, and how near it is to being another one (for numbers: to the middle)."""
    if isinstance(held, Numbers):
        return held.size, np.abs(held.answer - np.median(held.answer))
    if isinstance(held, Binary):
        return np.abs(held.chance - held.truth), np.abs(held.chance - held.threshold)
    assert isinstance(held, Classes)
    assert held.chances is not None  # a model gives them
    top = np.sort(held.chances, axis=1)
    return 1 - held.chances[np.arange(held.truth.size), held.truth], top[:, -1] - top[:, -2]


def _example(judged: Judged, place: int, why: str, usual: Matrix) -> dict[str, Any]:
    one = pa.Table.slice(judged.rows.table, place, 1).to_pylist()[0]
    row = {name: plain(one[name]) for name, _ in judged.layout.inputs}
    truth: Any = float(judged.rows.truth[place])
    if isinstance(judged.held, Odd):
        truth = {1.0: "a known case", 0.0: "known as usual"}.get(truth, "not known")
    judge, of = judged.judge, {}
    if isinstance(judged.held, Classes):  # reasons for the answer that was given
        said = int(judged.held.said[place])
        judge, of = judge.about(said), {"of": judge.names[said]}
        truth = judged.judge.names[int(truth)]
    elif judge.kind == "binary":
        truth = judged.bundle.signature["positive" if truth else "negative"]
    told = of | reasons(judge, judged.matrix[[place]], usual, judged.layout, budget=EXAMPLE_BUDGET, seed=judged.seed)
    return {"row": int(judged.rows.places[place]), "why": why, "values": row, "truth": truth, "reasons": told}


PARTS: dict[str, tuple[str, Callable[[Judged], Any]]] = {
    "metrics": ("Measuring, with intervals", _metrics),
    "fairness": ("Looking at groups", _fairness),
    "calibration": ("Holding its percentages against what happened", _calibration),
    "slices": ("Looking for where it is weakest", _slices),
    "stress": ("Making the data worse", _stress),
    "windows": ("Looking at it over time", _windows),
    "relearned": ("Training it again, on other folds and seeds", _relearned),
    "dependence": ("Drawing how the answer goes with inputs", _dependence),
    "examples": ("Finding reasons for single rows", _examples),
    "rival": ("Comparing it with the model chosen last", _rival),
    "speed": ("Measuring its speed", _speed),
}
