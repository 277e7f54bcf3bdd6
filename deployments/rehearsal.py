"""PURE: the rehearsal of a model before it may answer anybody: its golden rows, its speed, its size."""

import statistics
import time
from pathlib import Path
from typing import Any

from deployments import golden
from experiments.environment import changed
from experiments.evaluation.quantiles import measured_quantile
from experiments.packaging import Bundle, Predictor
from jobs.report import Report
from problems.problem import Invalid, Problem

TRIES = 30
ANSWERS, LEAST_ANSWERS, LONGEST_SECONDS = 300, 60, 10.0


def run(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Open the bundle at `spec["bundle"]`, answer its golden rows again, measure. A difference is counted, not raised.

    Answers {golden, different, libraries, row_ms, hundred_rows_ms, p95, bytes}; `p95` is {value, low, high, n, note} in
    ms, `libraries` says which are here in another version than in training.
    """
    path = Path(spec["bundle"])
    report.progress(0, 3, "opening the model")
    bundle = Bundle.open(path)
    predictor, rows = bundle.predictor(), bundle.golden["rows"]
    serving = _serving(bundle, report)
    if not rows:
        raise Problem("The model carries no golden rows, so its answers cannot be compared.", code="no_golden_rows")
    report.progress(1, 3, f"comparing {len(rows)} answers")
    different = golden.different(predictor, bundle.golden)
    for number in different[:20]:
        report.log(f"Golden row {number} is answered differently; in training {bundle.golden['answers'][number]}.")
    for text in (libraries := changed(bundle.card.get("environment") or {})):
        report.log(f"Since training, {text}.")
    report.progress(2, 3, "measuring its speed")
    one, many = _milliseconds(serving, rows[:1]), _milliseconds(serving, (rows * 100)[:100])
    slowest = _slowest(serving, rows)
    report.progress(3, 3, "done")
    return {
        "golden": len(rows),
        "different": len(different),
        "libraries": libraries,
        "row_ms": round(one, 3),
        "hundred_rows_ms": round(many, 3),
        "p95": slowest,
        "bytes": path.stat().st_size,
    }


def _serving(bundle: Bundle, report: Report) -> Predictor:
    """What will answer callers: the compiled form, where there is one that answers the golden rows as in training."""
    try:
        compiled = bundle.compiled()
    except Invalid as reason:
        report.log(f"The stored pipeline answers: {reason.text}")
        return bundle.predictor()
    if golden.different(compiled, bundle.golden):
        report.log("The compiled form answers golden rows differently; the stored pipeline answers instead.")
        return bundle.predictor()
    report.log("The compiled form answers.")
    return compiled


def _milliseconds(predictor: Any, rows: list[dict[str, Any]]) -> float:
    taken = []
    for _ in range(TRIES):
        began = time.perf_counter()
        predictor.predict(rows)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1000


def _slowest(predictor: Any, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The slowest 5 of 100 single answers, of up to `ANSWERS` in up to `LONGEST_SECONDS`."""
    taken: list[float] = []
    began = time.perf_counter()
    while len(taken) < LEAST_ANSWERS or (len(taken) < ANSWERS and time.perf_counter() - began < LONGEST_SECONDS):
        started = time.perf_counter()
        predictor.predict([rows[len(taken) % len(rows)]])
        taken.append((time.perf_counter() - started) * 1000)
    found = measured_quantile(taken, 0.95)
    ends = {name: round(found[name], 3) for name in ("value", "low", "high")}
    return found | ends | {"note": "In rehearsal, one row at a time, without the way through the network."}
