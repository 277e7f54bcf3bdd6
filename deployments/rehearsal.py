"""PURE: the rehearsal of a model before it may answer anybody: its golden rows, its speed, its size."""

import statistics
import time
from pathlib import Path
from typing import Any

import orjson

from deployments import golden
from deployments.serving.tallies import agree
from experiments.environment import changed
from experiments.evaluation.quantiles import measured_quantile
from experiments.packaging import Bundle, Predictor
from experiments.signatures import check_rows
from jobs.report import Report
from problems.problem import Invalid, Problem
from storage import tables

TRIES, RECORDED = 30, 1_000
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
    replay = replayed(spec.get("replay") or [], predictor, bundle.signature)
    report.progress(3, 3, "done")
    return {
        "golden": len(rows),
        "different": len(different),
        "libraries": libraries,
        "row_ms": round(one, 3),
        "hundred_rows_ms": round(many, 3),
        "p95": slowest,
        "bytes": path.stat().st_size,
        "replay": replay,
    }


def replayed(paths: list[str], predictor: Predictor, signature: dict[str, Any]) -> dict[str, Any]:
    """Recorded requests, newest pieces of the log first, asked again: {rows, refused, why, agreed}."""
    rows, said = _recorded(paths)
    found: dict[str, Any] = {"rows": len(rows), "refused": 0, "why": "", "agreed": 0}
    good, before = [], []
    for row, answer in zip(rows, said, strict=True):
        clean, errors = check_rows(signature, [row])
        if errors:
            found["refused"] += 1
            found["why"] = found["why"] or f"{errors[0]['field']} {errors[0]['message']}."
        else:
            good += clean
            before.append(answer)
    answers = predictor.predict(good) if good else []
    found["agreed"] = sum(agree(one.answer, other) for one, other in zip(answers, before, strict=True))
    return found


def _recorded(paths: list[str]) -> tuple[list[dict[str, Any]], list[Any]]:
    rows: list[dict[str, Any]] = []
    said: list[Any] = []
    for path in paths:
        for batch in tables.read_batches(Path(path), columns=["row", "answer"]):
            for one in batch.to_pylist():
                if len(rows) >= RECORDED:
                    return rows, said
                rows.append(orjson.loads(one["row"]))
                said.append(orjson.loads(one["answer"]))
    return rows, said


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
