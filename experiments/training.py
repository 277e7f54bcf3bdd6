"""PURE: one run of training, from a table to a bundle: check, split, fit every method, measure, choose, pack."""

import math
import os
import time
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from datasets.splitting import packed
from experiments import uplift
from experiments.columns import from_table
from experiments.compiled.proof import proved
from experiments.environment import environment
from experiments.estimators.catalog import FAMILIES
from experiments.estimators.preprocessing import pipeline, plain_vocabularies
from experiments.evaluation.asked import measured_goals
from experiments.evaluation.choice import USUAL, best, deciding_metric
from experiments.evaluation.classes import Classes
from experiments.evaluation.curves import binary_curves, class_matrix, residuals
from experiments.evaluation.forecasts import Forecasts
from experiments.evaluation.importance import importance
from experiments.evaluation.intervals import Held, measured
from experiments.evaluation.metrics import Array, Binary, Numbers
from experiments.forecasting.backtest import calibration_rows, coming, drawn, sizes_by_step, tested
from experiments.forecasting.describing import described, proof
from experiments.forecasting.relative import Relative
from experiments.forecasting.steps import names, plan_of
from experiments.learning import series_of
from experiments.packaging import Bundle, Predictor, answers_of, pack
from experiments.preparing import Prepared, prepared
from experiments.references import binned, golden_rows, reference_inputs, signature_inputs
from experiments.unlabelled import describing, learning
from jobs.report import Report
from problems.problem import Problem
from projects.contract import Goal
from projects.measures import NUMBERS, UNLABELLED

GOLDEN = 50


def goals_in(spec: Mapping[str, Any]) -> list[Goal]:
    """The targets that a spec carries."""
    return [Goal(**goal) for goal in spec.get("goals", ())]


def run(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Train as `spec` says and leave `bundle.zip` in `folder`.

    `spec` is a run's completed spec with `kind`, `table` (path), `schema`, `goals` (as dicts), `unit`, `run` (a name)
    and `data_sha256` beside. Answers {method, metrics, evaluation, environment, series}; raises Problem where it
    cannot work.
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
    decide_by = deciding_metric(spec["kind"], goals, spec["decide_by"], checked=bool(spec["target"]))
    fitted, methods = _methods(spec, data, matrices, decide_by, report, steps)
    chosen = best({key: methods[key]["metrics"] for key in spec["methods"]}, goals, decide_by)
    report.log(f"Chosen: {methods[chosen]['name']} (by {decide_by}).")
    warn_of_chance(data, methods, chosen, decide_by)
    report.progress(steps - 2, steps, "Finding out what it looks at")
    weights = looked_at(fitted[chosen], spec, data, matrices[1], report, steps)
    parts = (data.split.train, data.split.test)
    sides = {side: (matrices[i], data.truth[parts[i]]) for i, side in enumerate(("train", "held_back"))}
    series = _curves(fitted[chosen], sides)
    report.progress(steps - 1, steps, "Packing the model and checking it")
    ahead = _back_tested(spec, data, methods, chosen, fitted[chosen], matrices)
    signature = signature_of(spec, data, ahead) | _signed(spec, fitted[chosen], matrices[0])
    if ahead:
        shown = methods[chosen]["residuals"]["ahead"]
        shown["coming"] = coming(Predictor(fitted[chosen], signature), signature, shown["series"]["called"])
    beside = uplift.beside(spec, data, fitted[chosen], matrices[1], report)
    surroundings = environment(spec["data_sha256"], spec["seed"], threads)
    path = folder / "bundle.zip"
    serving = packed_model(path, fitted[chosen], signature, spec, data, methods[chosen], surroundings, matrices[1])
    report.progress(steps, steps, "Done")
    return {
        "method": chosen,
        "metrics": methods[chosen]["metrics"],
        "evaluation": evaluation_of(spec, data, methods, chosen, decide_by, weights)
        | beside
        | ({"forecast": ahead} if ahead else {})
        | _found_alone(spec, data, chosen, fitted[chosen], signature, matrices)
        | {"signature": {name: part for name, part in signature.items() if name != "tail"}, "serving": serving},
        "environment": surroundings,
        "series": series,
    }


def _methods(
    spec: Mapping[str, Any], data: Prepared, matrices: tuple[Array, Array], decide_by: str, report: Report, steps: int
) -> tuple[dict[str, Pipeline], dict[str, dict[str, Any]]]:
    """The yardstick and each method, fitted and measured."""
    fitted: dict[str, Pipeline] = {}
    methods: dict[str, dict[str, Any]] = {}
    for number, (key, settings) in enumerate({"dummy": {}, **spec["methods"]}.items(), start=1):
        report.progress(number, steps, f"Training: {FAMILIES[key].name}")
        fitted[key], methods[key] = method_of(key, settings, spec, data, matrices)
        report.log(said_of_method(methods[key], decide_by))
    return fitted, methods


def method_of(
    key: str, settings: Mapping[str, Any], spec: Mapping[str, Any], data: Prepared, matrices: tuple[Array, Array]
) -> tuple[Pipeline, dict[str, Any]]:
    """Fit one method and measure it on the held-back rows."""
    family, started = FAMILIES[key], time.perf_counter()
    model = _made(key, settings, spec, data)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        plain_vocabularies(model.fit(matrices[0], data.truth[data.split.train]))
    if any(issubclass(warning.category, ConvergenceWarning) for warning in caught):
        text = f"{family.name} had not settled when its steps ran out; give it more, or less freedom."
        data.warnings.append({"column": "", "text": text})
    fitted_seconds = time.perf_counter() - started
    found: dict[str, Any] = {"name": family.name, "settings": dict(settings), "fit_seconds": round(fitted_seconds, 3)}
    if spec["kind"] in UNLABELLED:
        truth = data.truth[data.split.test]
        drawn: dict[str, Any] = {}
        held: Held = learning.held_of(model, key, settings, spec, data.layout, matrices, truth)
    else:
        held, drawn = held_of(spec, data, model, matrices[1])
    found |= {"metrics": measured(held, spec["seed"]), **drawn}
    values = data.held_back_values
    found["metrics"] |= measured_goals(goals_in(spec), held, values, spec["seed"])
    return model, found | {"seconds": round(time.perf_counter() - started, 3)}


def _made(key: str, settings: Mapping[str, Any], spec: Mapping[str, Any], data: Prepared) -> Any:
    """A method, not fitted yet."""
    made = pipeline(FAMILIES[key], spec["kind"], settings, data.layout, spec["seed"], spec["methods"])
    if data.frame is None or not data.frame.relative or key == "dummy":
        return made
    return Relative(made, data.layout, names(plan_of(spec["forecast"], spec["target"])))


def _curves(model: Any, sides: Mapping[str, tuple[Array, Array]]) -> list[dict[str, Any]]:
    return series_of(model.pipeline, model.inside(sides)) if isinstance(model, Relative) else series_of(model, sides)


def held_of(spec: Mapping[str, Any], data: Prepared, model: Pipeline, matrix: Array) -> tuple[Held, dict[str, Any]]:
    """The method's answers beside the truth of the held-back rows, and what figures are drawn from."""
    truth = data.truth[data.split.test]
    if spec["kind"] == "binary":
        binary = Binary(truth, model.predict_proba(matrix)[:, 1], spec["threshold"])
        return binary, {"confusion": _whole(binary.counts()), "curves": binary_curves(binary)}
    if data.classes is not None:
        several = Classes(truth, model.predict_proba(matrix), data.classes)
        return several, class_matrix(several)
    if data.frame is not None:
        ahead = Forecasts(
            truth, model.predict(matrix), data.frame.scales[data.split.test], data.frame.targets[data.split.test]
        )
        return ahead, {"residuals": residuals(ahead, spec["seed"])}
    numbers = Numbers(truth, model.predict(matrix))
    return numbers, {"residuals": residuals(numbers, spec["seed"])}


def _signed(spec: Mapping[str, Any], model: Pipeline, train: Array) -> dict[str, Any]:
    """What the signature says of answers that nobody gave."""
    alone = spec["kind"] in UNLABELLED
    return learning.signed(spec["kind"], model, train, spec.get("share") or 0.0) if alone else {}


def _found_alone(
    spec: Mapping[str, Any],
    data: Prepared,
    chosen: str,
    model: Pipeline,
    signature: dict[str, Any],
    matrices: tuple[Array, Array],
) -> dict[str, Any]:
    """What each group is like, or which rows are most unusual, where nobody knows the answers."""
    if spec["kind"] not in UNLABELLED:
        return {}
    parts = data.test, matrices[1], data.test_places
    truth = data.truth[data.split.test]
    told = describing.told(signature, model, parts, data.inputs, data.layout, matrices[0], truth, spec["seed"])
    if spec["kind"] == "clustering":
        told["counts"] = learning.by_count(chosen, spec["methods"][chosen], spec, data.layout, matrices[0])
    return {"alone": told}


def _back_tested(
    spec: Mapping[str, Any],
    data: Prepared,
    methods: dict[str, Any],
    chosen: str,
    model: Pipeline,
    matrices: tuple[Array, Array],
) -> dict[str, Any] | None:
    """How wide a forecast's ends are, by the chosen method on windows before the locked ones, and how that held."""
    if data.frame is None:
        return None
    frame, plan, sizes = data.frame, plan_of(spec["forecast"], spec["target"]), None
    said = np.asarray(model.predict(matrices[1]), dtype=np.float64)
    if rows := calibration_rows(frame, plan):
        before = _made(chosen, methods[chosen]["settings"], spec, data)
        places = np.searchsorted(data.split.train, rows[0]), np.searchsorted(data.split.train, rows[1])
        before.fit(matrices[0][places[0]], frame.truth[rows[0]])
        sizes = sizes_by_step(frame, plan, rows[1], before.predict(matrices[0][places[1]]))
    else:
        text = "The past is too short to say between what ends an answer lies; only the answer is given."
        data.warnings.append({"column": "", "text": text})
    methods[chosen]["residuals"]["ahead"] = drawn(frame, plan, said, sizes)
    return tested(frame, plan, said, sizes)


def _whole(counts: Mapping[str, float]) -> dict[str, int]:
    return {name: round(count) for name, count in counts.items()}


def said_of_method(method: Mapping[str, Any], decide_by: str) -> str:
    found = method["metrics"][decide_by]
    value = "undefined" if found["value"] is None else f"{found['value']:.4f}"
    return f"{method['name']}: {decide_by} {value}, {method['seconds']:.1f} s."


def warn_of_chance(data: Prepared, methods: Mapping[str, Any], chosen: str, decide_by: str) -> None:
    """The honest warning when looking at the inputs did not help."""
    ours, theirs = methods[chosen]["metrics"], methods["dummy"]["metrics"]
    if "flag_stability" in ours and ours["roc_auc"]["value"] is None:
        return  # without known answers, scores at random cannot be told from good ones
    key = next((name for name in ("roc_auc", "balanced_accuracy", "silhouette", "rmse") if name in ours), decide_by)
    better = 1 if key == "rmse" else -1
    if ours[key]["value"] is None or theirs[key]["value"] is None:
        return
    edge = ours[key]["high"] if key == "rmse" else ours[key]["low"]
    if better * (edge - theirs[key]["value"]) >= 0:
        text = "The best method cannot be told from the yardstick that looks at no input: the inputs may say nothing."
        data.warnings.append({"column": "", "text": text})


def looked_at(
    model: Pipeline, spec: Mapping[str, Any], data: Prepared, matrix: Array, report: Report, steps: int
) -> list[dict[str, Any]]:
    """Permutation importance by ROC AUC, by balanced accuracy, or by RMSE in the unit of the answer."""

    def told(done: int, total: int) -> None:
        report.progress(steps - 2, steps, f"Finding out what it looks at: input {done + 1} of {total}")

    def ask(rows: Array) -> Array:
        alone = spec["kind"] in UNLABELLED
        return learning.said_of(spec["kind"], model, rows) if alone else answers_of(model, spec["kind"], rows)

    truth = ask(matrix) if spec["kind"] in UNLABELLED else data.truth[data.split.test]
    return importance(data.layout, matrix, truth, ask, _score(spec["kind"], data.classes), spec["seed"], told)


def _score(kind: str, classes: list[str] | None) -> Callable[[Array, Array], float]:
    """What an answer is worth; the larger the better."""
    if kind in UNLABELLED:
        return partial(learning.agreement, kind)
    if kind == "binary":
        return lambda said, known: Binary(known, said).value("roc_auc") or 0.0
    if classes is not None:
        return lambda said, known: Classes(known, said, classes).value("balanced_accuracy") or 0.0
    return lambda said, known: -(Numbers(known, said).value("rmse") or 0.0)


def signature_of(spec: Mapping[str, Any], data: Prepared, ahead: Mapping[str, Any] | None) -> dict[str, Any]:
    if data.frame is not None and ahead is not None:
        given = described(spec, data.frame, data.inputs, ahead["sizes"])
    else:
        given = {"inputs": signature_inputs(data.train, data.inputs)}
    return {
        "kind": spec["kind"],
        "target": spec["target"],
        "positive": data.positive,
        "negative": data.negative,
        "classes": data.classes,
        "threshold": spec["threshold"] if spec["kind"] == "binary" else None,
        "unit": spec["unit"],
        **given,
    }


def packed_model(
    path: Path,
    model: Pipeline,
    signature: dict[str, Any],
    spec: Mapping[str, Any],
    data: Prepared,
    method: Mapping[str, Any],
    surroundings: Mapping[str, Any],
    matrix: Array,
    stored: bytes | None = None,
) -> dict[str, Any]:
    """Write the bundle, read it back, and make sure that what was read answers as what was trained.

    Returns what was proved of its compiled form. `stored` are the model's bytes where it came as a file.
    """
    if data.frame is not None:
        rows = proof(signature, data.frame, GOLDEN)
    else:
        rows = golden_rows(data.test, signature["inputs"], GOLDEN, spec["seed"])
    answers = Predictor(model, signature).predict(rows)
    expected = [
        {"answer": one.answer, "probability": one.probability} | ({} if one.score is None else {"score": one.score})
        for one in answers
    ]
    reference = {
        "rows": data.counts["train"],
        "inputs": reference_inputs(data.train, [one for one in signature["inputs"] if one["type"] != "history"]),
        "answers": _answers(model, signature, data, matrix),
        "metrics": method["metrics"],
    }
    card = _card(spec, data, method) | {"environment": dict(surroundings)}
    golden = {"rows": rows, "answers": expected}
    parts = {"signature": signature, "reference": reference, "golden": golden, "card": card}
    inner = getattr(model, "pipeline", model)
    pack(path, pipeline=inner, **parts, prove=lambda kept: proved(model, kept, signature, matrix), stored=stored)
    bundle = Bundle.open(path)
    for answer, wanted in zip(bundle.predictor().predict(bundle.golden["rows"]), expected, strict=True):
        told = (answer.answer, answer.probability, answer.score)
        if not all(map(same, told, (wanted["answer"], wanted["probability"], wanted.get("score")))):
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
        "split": spec["split"] | {"fingerprint": data.split.fingerprint, "held_back": packed(data.split.test)},
        "metrics": method["metrics"],
        "notices": data.notices,
        "warnings": data.warnings,
    }


def same(found: Any, wanted: Any) -> bool:
    """Equal words, or numbers that agree to nine digits."""
    if isinstance(found, float) and isinstance(wanted, float):
        return math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-12)
    return bool(found == wanted)


def _answers(model: Pipeline, signature: Mapping[str, Any], data: Prepared, matrix: Array) -> dict[str, Any]:
    """How the model's answers on held-back rows are spread."""
    if signature["kind"] in UNLABELLED:
        return learning.spread(signature, model, matrix)
    if signature["kind"] in NUMBERS:
        return binned(np.asarray(model.predict(matrix), dtype=np.float64))
    if data.classes is not None:
        said = np.bincount(np.argmax(model.predict_proba(matrix), axis=1), minlength=len(data.classes)) / len(matrix)
        return {"categories": dict(zip(data.classes, said.tolist(), strict=True))}
    chances = np.asarray(model.predict_proba(matrix)[:, 1], dtype=np.float64)
    return binned(chances) | {"positive_share": float((chances >= signature["threshold"]).mean())}


def evaluation_of(
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
        "classes": data.classes,
        "threshold": spec["threshold"] if spec["kind"] == "binary" else None,
        "unit": spec["unit"],
        "chosen": chosen,
        "decide_by": decide_by,
        "methods": dict(methods),
        "importance": weights,
        "importance_by": USUAL[spec["kind"]],
        "counts": data.counts,
        "split": dict(spec["split"]) | {"fingerprint": data.split.fingerprint},
        "notices": data.notices,
        "warnings": data.warnings,
    }
