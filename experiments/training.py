"""PURE: one run of training, from a table to a bundle: check, split, fit every method, measure, choose, pack."""

import math
import os
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from datasets.splitting import Split, at_random, by_time
from experiments import uplift
from experiments.columns import from_table, numbers_of, words_of
from experiments.compiled.proof import proved
from experiments.environment import environment
from experiments.estimators.catalog import FAMILIES
from experiments.estimators.preprocessing import pipeline
from experiments.evaluation.asked import measured_goals
from experiments.evaluation.choice import best, deciding_metric
from experiments.evaluation.curves import binary_curves, residuals
from experiments.evaluation.importance import importance
from experiments.evaluation.intervals import measured_binary, measured_numbers
from experiments.evaluation.metrics import Array, Binary, Numbers
from experiments.matrices import GAP, Layout, layout_of
from experiments.packaging import Bundle, Predictor, pack
from experiments.references import binned, golden_rows, reference_inputs, signature_inputs
from experiments.screening import kept_inputs, leaks, odd_numbers
from experiments.specs import LEAST_PER_CLASS, LEAST_ROWS
from jobs.report import Report
from problems.problem import Invalid, Problem
from projects.contract import Goal
from storage import tables

GOLDEN = 50


@dataclass
class Prepared:
    """Rows ready to learn from. `truth` holds 0/1 (1 is the positive answer) or numbers, per table row."""

    table: pa.Table
    split: Split
    truth: Array
    layout: Layout
    inputs: Sequence[Mapping[str, Any]]
    positive: str | None
    negative: str | None
    counts: dict[str, int]
    notices: list[dict[str, str]] = field(default_factory=list)
    warnings: list[dict[str, str]] = field(default_factory=list)

    @property
    def train(self) -> pa.Table:
        """The rows to learn from."""
        return self.table.take(self.split.train)

    @property
    def test(self) -> pa.Table:
        """The held-back rows."""
        return self.table.take(self.split.test)

    def held_back_values(self, column: str) -> Sequence[Any] | None:
        """One column of the held-back rows, while the data has it."""
        if column not in self.table.column_names:
            return None
        values: list[Any] = self.table.column(column).take(self.split.test).to_pylist()
        return values


def goals_in(spec: Mapping[str, Any]) -> list[Goal]:
    """The targets that a spec carries."""
    return [Goal(**goal) for goal in spec.get("goals", ())]


def run(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Train as `spec` says and leave `bundle.zip` in `folder`.

    `spec` is a run's completed spec with `kind`, `table` (path), `schema`, `goals` (as dicts), `unit`, `run` (a name)
    and `data_sha256` beside. Answers {method, metrics, evaluation, environment}; raises Problem where it cannot work.
    """
    threads = int(os.environ.get("OMP_NUM_THREADS", "1") or 1)
    with threadpool_limits(limits=threads), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return _run(spec, folder, report, threads)


def _run(spec: dict[str, Any], folder: Path, report: Report, threads: int) -> dict[str, Any]:
    steps = len(spec["methods"]) + 4
    report.progress(0, steps, "Reading the table and splitting it")
    data = prepared(spec, report)
    matrices = from_table(data.train, data.layout), from_table(data.test, data.layout)
    goals = goals_in(spec)
    decide_by = deciding_metric(spec["kind"], goals, spec["decide_by"])
    fitted: dict[str, Pipeline] = {}
    methods: dict[str, dict[str, Any]] = {}
    for number, (key, settings) in enumerate({"dummy": {}, **spec["methods"]}.items(), start=1):
        report.progress(number, steps, f"Training: {FAMILIES[key].name}")
        fitted[key], methods[key] = _method(key, settings, spec, data, matrices)
        report.log(_said(methods[key], decide_by))
    chosen = best({key: methods[key]["metrics"] for key in spec["methods"]}, goals, decide_by)
    report.log(f"Chosen: {methods[chosen]['name']} (by {decide_by}).")
    _warn_of_chance(data, methods, chosen, decide_by)
    report.progress(steps - 2, steps, "Finding out what it looks at")
    weights = _importance(fitted[chosen], spec, data, matrices[1], report, steps)
    report.progress(steps - 1, steps, "Packing the model and checking it")
    signature = _signature(spec, data)
    beside = uplift.beside(spec, data, fitted[chosen], matrices[1], report)
    surroundings = environment(spec["data_sha256"], spec["seed"], threads)
    path = folder / "bundle.zip"
    serving = _pack(path, fitted[chosen], signature, spec, data, methods[chosen], surroundings, matrices[1])
    report.progress(steps, steps, "Done")
    return {
        "method": chosen,
        "metrics": methods[chosen]["metrics"],
        "evaluation": _evaluation(spec, data, methods, chosen, decide_by, weights)
        | beside
        | {"signature": signature, "serving": serving},
        "environment": surroundings,
    }


def prepared(spec: Mapping[str, Any], report: Report) -> Prepared:
    """Read, check and split; every reason why this cannot work is a Problem that names the field."""
    table = tables.read(Path(spec["table"]), columns=list(dict.fromkeys(_needed(spec))))
    truth, positive, negative, present = _truth(table, spec)
    counts = {"rows": table.num_rows, "missing_target": int(table.num_rows - present.size)}
    if counts["missing_target"]:
        report.log(f"{counts['missing_target']} rows without “{spec['target']}” were left out.")
    split = _split(table, truth, present, spec)
    counts |= {"train": int(split.train.size), "test": int(split.test.size)}
    if spec["kind"] == "binary" and len(np.unique(truth[split.train])) < 2:
        raise Invalid(
            f"All rows to learn from have the same “{spec['target']}”. Split at random, or by another column.",
            fields={"split": "one class only"},
        )
    types = {entry["name"]: entry for entry in spec["schema"]}
    train, test = table.take(split.train), table.take(split.test)
    inputs, notices = kept_inputs(train, [types[name] for name in spec["inputs"]])
    if not inputs:
        raise Invalid(f"No input is left to learn from. {notices[0]['text']}", fields={"inputs": "none is usable"})
    notices += odd_numbers(train, inputs)
    warned = leaks(train, test, inputs, spec["kind"], (truth[split.train], truth[split.test]))
    for note in notices + warned:
        report.log(note["text"])
    report.log(f"Learning from {counts['train']} rows, held back {counts['test']}.")
    return Prepared(table, split, truth, layout_of(inputs), inputs, positive, negative, counts, notices, warned)


def _needed(spec: Mapping[str, Any]) -> list[str]:
    """The columns to read; those that only targets name, such as protected attributes, are no inputs."""
    known = {entry["name"] for entry in spec["schema"]}
    asked = [goal["column"] for goal in spec.get("goals", ()) if goal.get("column") in known]
    names = [spec["target"], *spec["inputs"], *asked]
    return [*names, spec["split"]["column"]] if spec["split"]["kind"] == "time" else names


def _truth(table: pa.Table, spec: Mapping[str, Any]) -> tuple[Array, str | None, str | None, Array]:
    """The answers of all rows, the two words of a yes-or-no question, and the rows that have an answer."""
    target, column = spec["target"], table.column(spec["target"])
    if spec["kind"] == "regression":
        numbers = numbers_of(column)
        present = np.flatnonzero(~np.isnan(numbers))
        if present.size < LEAST_ROWS:
            raise _refused(f"Only {present.size} rows have a “{target}”. At least {LEAST_ROWS} are needed.")
        if np.ptp(numbers[present]) == 0:
            raise _refused(f"“{target}” has the same value in every row; there is nothing to learn.")
        return numbers, None, None, present
    words = words_of(column)
    present = np.flatnonzero(words != GAP)
    values, counts = np.unique(words[present].astype(str), return_counts=True)
    if len(values) != 2:
        raise _refused(f"“{target}” has {len(values)} different values; a yes-or-no question needs exactly two.")
    for value, count in zip(values, counts, strict=True):
        if count < LEAST_PER_CLASS:
            raise _refused(
                f"Only {count} rows have “{target}” = “{value}”. At least {LEAST_PER_CLASS} are needed to learn from "
                "some and test on others."
            )
    positive = spec["positive"] or str(values[np.argmin(counts)])
    if positive not in values:
        raise Invalid(f"“{target}” never is “{positive}”.", fields={"positive": f"Use {values[0]} or {values[1]}."})
    return (words == positive).astype(np.float64), positive, str(next(v for v in values if v != positive)), present


def _refused(text: str) -> Problem:
    return Invalid(text, fields={"target": text})


def _split(table: pa.Table, truth: Array, present: Array, spec: Mapping[str, Any]) -> Split:
    asked = spec["split"]
    if asked["kind"] == "random":
        classes = truth[present] if spec["kind"] == "binary" else None
        return at_random(present, asked["test_share"], asked["seed"], classes)
    kinds = {entry["name"]: entry["type"] for entry in spec["schema"]}
    layout = layout_of([{"name": asked["column"], "type": kinds[asked["column"]]}])
    split = by_time(present, from_table(table, layout)[present, 0].astype(np.float64), asked["test_share"])
    if min(split.train.size, split.test.size) < LEAST_PER_CLASS:
        raise Invalid(
            f"Splitting by “{asked['column']}” leaves {split.train.size} rows to learn from and {split.test.size} to "
            "test on. Too many rows share one moment; split at random, or by another column.",
            fields={"split": "too few rows in one part"},
        )
    return split


def _method(
    key: str, settings: Mapping[str, Any], spec: Mapping[str, Any], data: Prepared, matrices: tuple[Array, Array]
) -> tuple[Pipeline, dict[str, Any]]:
    """Fit one method and measure it on the held-back rows."""
    family, started = FAMILIES[key], time.perf_counter()
    model = pipeline(family, spec["kind"], settings, data.layout, spec["seed"])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(matrices[0], data.truth[data.split.train])
    if any(issubclass(warning.category, ConvergenceWarning) for warning in caught):
        text = f"{family.name} had not settled when its steps ran out; give it more, or less freedom."
        data.warnings.append({"column": "", "text": text})
    fitted_seconds = time.perf_counter() - started
    found: dict[str, Any] = {"name": family.name, "settings": dict(settings), "fit_seconds": round(fitted_seconds, 3)}
    truth = data.truth[data.split.test]
    held: Binary | Numbers
    if spec["kind"] == "binary":
        held = Binary(truth, model.predict_proba(matrices[1])[:, 1], spec["threshold"])
        found |= {"metrics": measured_binary(held, spec["seed"]), "confusion": _whole(held.counts())}
        found |= {"curves": binary_curves(held)}
    else:
        held = Numbers(truth, model.predict(matrices[1]))
        found |= {"metrics": measured_numbers(held, spec["seed"]), "residuals": residuals(held, spec["seed"])}
    values = data.held_back_values
    found["metrics"] |= measured_goals(goals_in(spec), held, values, spec["seed"])
    return model, found | {"seconds": round(time.perf_counter() - started, 3)}


def _whole(counts: Mapping[str, float]) -> dict[str, int]:
    return {name: round(count) for name, count in counts.items()}


def _said(method: Mapping[str, Any], decide_by: str) -> str:
    found = method["metrics"][decide_by]
    value = "undefined" if found["value"] is None else f"{found['value']:.4f}"
    return f"{method['name']}: {decide_by} {value}, {method['seconds']:.1f} s."


def _warn_of_chance(data: Prepared, methods: Mapping[str, Any], chosen: str, decide_by: str) -> None:
    """The honest warning when looking at the inputs did not help."""
    ours, theirs = methods[chosen]["metrics"], methods["dummy"]["metrics"]
    key = next((name for name in ("roc_auc", "rmse") if name in ours), decide_by)
    better = 1 if key == "rmse" else -1
    if ours[key]["value"] is None or theirs[key]["value"] is None:
        return
    edge = ours[key]["high"] if key == "rmse" else ours[key]["low"]
    if better * (edge - theirs[key]["value"]) >= 0:
        text = "The best method cannot be told from the yardstick that looks at no input: the inputs may say nothing."
        data.warnings.append({"column": "", "text": text})


def _importance(
    model: Pipeline, spec: Mapping[str, Any], data: Prepared, matrix: Array, report: Report, steps: int
) -> list[dict[str, Any]]:
    """Permutation importance by ROC AUC, or by RMSE in the unit of the answer."""
    truth = data.truth[data.split.test]

    def score(rows: Array, known: Array) -> float:
        if spec["kind"] == "binary":
            return Binary(known, model.predict_proba(rows)[:, 1]).value("roc_auc") or 0.0
        return -(Numbers(known, model.predict(rows)).value("rmse") or 0.0)

    def told(done: int, total: int) -> None:
        report.progress(steps - 2, steps, f"Finding out what it looks at: input {done + 1} of {total}")

    return importance(data.layout, matrix, truth, score, spec["seed"], told)


def _signature(spec: Mapping[str, Any], data: Prepared) -> dict[str, Any]:
    return {
        "kind": spec["kind"],
        "target": spec["target"],
        "positive": data.positive,
        "negative": data.negative,
        "threshold": spec["threshold"] if spec["kind"] == "binary" else None,
        "unit": spec["unit"],
        "inputs": signature_inputs(data.train, data.inputs),
    }


def _pack(
    path: Path,
    model: Pipeline,
    signature: dict[str, Any],
    spec: Mapping[str, Any],
    data: Prepared,
    method: Mapping[str, Any],
    surroundings: Mapping[str, Any],
    matrix: Array,
) -> dict[str, Any]:
    """Write the bundle, read it back, and make sure that what was read answers as what was trained.

    Returns what was proved of its compiled form.
    """
    rows = golden_rows(data.test, signature["inputs"], GOLDEN, spec["seed"])
    answers = Predictor(model, signature).predict(rows)
    expected = [{"answer": answer.answer, "probability": answer.probability} for answer in answers]
    reference = {
        "rows": data.counts["train"],
        "inputs": reference_inputs(data.train, data.inputs),
        "answers": _answers(model, spec, matrix),
        "metrics": method["metrics"],
    }
    card = _card(spec, data, method) | {"environment": dict(surroundings)}
    golden = {"rows": rows, "answers": expected}
    parts = {"signature": signature, "reference": reference, "golden": golden, "card": card}
    pack(path, pipeline=model, **parts, prove=lambda stored: proved(model, stored, signature, matrix))
    bundle = Bundle.open(path)
    for answer, wanted in zip(bundle.predictor().predict(bundle.golden["rows"]), expected, strict=True):
        if not same(answer.answer, wanted["answer"]) or not same(answer.probability, wanted["probability"]):
            raise Problem("The stored model does not answer as the trained one. It was not kept.", code="bad_bundle")
    return dict(bundle.card["serving"])


def _card(spec: Mapping[str, Any], data: Prepared, method: Mapping[str, Any]) -> dict[str, Any]:
    """What the model is, for whoever opens the bundle without the platform."""
    return {
        "run": spec["run"],
        "kind": spec["kind"],
        "target": spec["target"],
        "method": method["name"],
        "settings": method["settings"],
        "seed": spec["seed"],
        "split": spec["split"] | {"fingerprint": data.split.fingerprint},
        "metrics": method["metrics"],
        "notices": data.notices,
        "warnings": data.warnings,
    }


def same(found: Any, wanted: Any) -> bool:
    """Equal words, or numbers that agree to nine digits."""
    if isinstance(found, float) and isinstance(wanted, float):
        return math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-12)
    return bool(found == wanted)


def _answers(model: Pipeline, spec: Mapping[str, Any], matrix: Array) -> dict[str, Any]:
    """How the model's answers on held-back rows are spread."""
    if spec["kind"] == "regression":
        return binned(np.asarray(model.predict(matrix), dtype=np.float64))
    chances = np.asarray(model.predict_proba(matrix)[:, 1], dtype=np.float64)
    return binned(chances) | {"positive_share": float((chances >= spec["threshold"]).mean())}


def _evaluation(
    spec: Mapping[str, Any],
    data: Prepared,
    methods: Mapping[str, Any],
    chosen: str,
    decide_by: str,
    weights: list[dict[str, Any]],
) -> dict[str, Any]:
    return {
        "kind": spec["kind"],
        "target": spec["target"],
        "positive": data.positive,
        "negative": data.negative,
        "threshold": spec["threshold"] if spec["kind"] == "binary" else None,
        "unit": spec["unit"],
        "chosen": chosen,
        "decide_by": decide_by,
        "methods": dict(methods),
        "importance": weights,
        "importance_by": "roc_auc" if spec["kind"] == "binary" else "rmse",
        "counts": data.counts,
        "split": dict(spec["split"]) | {"fingerprint": data.split.fingerprint},
        "notices": data.notices,
        "warnings": data.warnings,
    }
