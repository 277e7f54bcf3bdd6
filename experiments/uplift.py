"""PURE: the practice without a model on the same held-back rows as the model, and what the model adds to it.

Whole columns at a time; `experiments.baselines` answers single rows, and tests hold both to the same answers.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from experiments import baselines
from experiments.columns import days_of, numbers_of
from experiments.evaluation.classes import Classes
from experiments.evaluation.intervals import NO_CHANCES, Held, resampled
from experiments.evaluation.intervals import measured as all_measured
from experiments.evaluation.metrics import Array, Binary, Numbers
from experiments.evaluation.thresholds import bins_of
from experiments.forecasting.steps import lag_name, plan_of
from experiments.signatures import word
from jobs.report import Report
from projects.baselines import columns_of, sentence
from projects.measures import NUMBERS, UNLABELLED
from storage import tables

DRAWS = 500
LEAST_ROWS = 30
FROM_CHANCES = ("log_loss", "brier")  # a practice gives answers, no percentages
NUMERIC = ("integer", "number")
Spec = Mapping[str, Any]


def beside(spec: Spec, data: Any, model: Any, matrix: Array, report: Report) -> dict[str, Any]:
    """What evaluation keeps beside the methods: scores by step, and the baseline with its uplift.

    `data` is a `training.Prepared`, `matrix` the held-back rows as the model takes them. What a baseline cannot do is
    said in `trouble`; the run goes on.
    """
    truth, kept = data.truth[data.split.test], {}
    if spec["kind"] in UNLABELLED:
        return {}  # nobody knows which of both would be right
    if spec["kind"] == "binary":
        said = np.asarray(model.predict_proba(matrix)[:, 1], dtype=np.float64)
        kept["thresholds"] = bins_of(truth, said)
    elif spec["kind"] == "multiclass":
        said = np.asarray(model.predict_proba(matrix), dtype=np.float64)
    else:
        said = np.asarray(model.predict(matrix), dtype=np.float64)
    asked = spec.get("baseline")
    if not asked:
        return kept
    found = {"words": sentence(asked), "version": asked["version"], "kind": asked["kind"]}
    answers, trouble = answered(asked, spec, data)
    if answers is not None and np.count_nonzero(~np.isnan(answers)) < LEAST_ROWS:
        trouble = f"It answers fewer than {LEAST_ROWS} of the held-back rows."
    if trouble or answers is None:
        report.log(f"The practice without a model was not measured: {trouble}")
        return kept | {"baseline": found | {"trouble": trouble}}
    found |= measured(spec, truth, said, answers, data.classes)
    report.log(f"Without a model: {found['words']} Measured on {found['rows']} held-back rows.")
    return kept | {"baseline": found}


def answered(asked: Spec, spec: Spec, data: Any) -> tuple[Array | None, str]:
    """The baseline's answers on the held-back rows (1, 0, a class's place, a number; NaN: none), or what hinders it."""
    types = {entry["name"]: entry["type"] for entry in spec["schema"]}
    if gone := [name for name in columns_of(asked) if name not in types]:
        return None, f"This data version has no column “{gone[0]}”."
    if asked["kind"] == "last_value" and asked["order_by"]:
        if data.frame is not None:
            return numbers_of(data.test.column(lag_name(plan_of(spec["forecast"], spec["target"]), 0))), ""
        return _before(asked["order_by"], types[asked["order_by"]], spec, data)
    names = columns_of(asked)
    if asked["kind"] in ("column", "last_value") and spec["kind"] in NUMBERS and types[names[0]] not in NUMERIC:
        return None, f"“{names[0]}” holds {types[names[0]]} values; the answer is a number."
    if not names:
        return np.full(data.split.test.size, as_value(asked["answer"], data.classes)), ""
    table = tables.read(Path(spec["table"]), columns=names).take(data.test_places)
    return by_batch(asked, table, spec["kind"], data.positive, data.classes), ""


def by_batch(
    asked: Spec, table: pa.Table, kind: str, positive: str | None, classes: Sequence[str] | None = None
) -> Array:
    """The answers for a table's rows, record batch by record batch."""
    parts = [_batch(asked, batch, kind, positive, classes) for batch in table.to_batches()]
    return np.concatenate(parts) if parts else np.empty(0)


def as_value(said: Any, classes: Sequence[str] | None = None) -> float:
    """An answer as the number that metrics count with; NaN for none, and for a word that is no answer."""
    if said is None:
        return float("nan")
    if classes is not None:
        return float(classes.index(word(said))) if word(said) in classes else float("nan")
    return {"yes": 1.0, "no": 0.0}[said] if isinstance(said, str) else float(said)


def _batch(asked: Spec, batch: pa.RecordBatch, kind: str, positive: str | None, classes: Sequence[str] | None) -> Array:
    if asked["kind"] != "rule":
        column = batch.column(asked["column"])
        return _mapped(column, lambda value: as_value(_cell(value, kind, positive), classes))
    held = [
        _mapped(batch.column(one["column"]), lambda value, one=one: float(_held(value, one))) == 1
        for one in asked["conditions"]
    ]
    both = np.logical_and.reduce(held) if asked["join"] == "and" else np.logical_or.reduce(held)
    return np.where(both, as_value(asked["answer"], classes), as_value(asked["otherwise"], classes))


def _cell(value: Any, kind: str, positive: str | None) -> Any:
    if kind == "multiclass":
        return None if baselines.empty(value) else value
    return baselines.as_yes(value, positive) if kind == "binary" else baselines.number(value)


def _held(value: Any, one: Mapping[str, str]) -> bool:
    return baselines.compare(value, one["op"], one["value"])


def _mapped(column: pa.Array, of: Any) -> Array:
    """A function of every cell, asked once for each different value: columns repeat themselves."""
    coded = pc.dictionary_encode(column)
    each = np.array([*(of(value) for value in coded.dictionary.to_pylist()), of(None)], dtype=np.float64)
    places = pc.fill_null(coded.indices, len(each) - 1).to_numpy(zero_copy_only=False)
    found: Array = each[places]
    return found


def _before(order_by: str, kind: str, spec: Spec, data: Any) -> tuple[Array | None, str]:
    """The truth of the row before, in the order of a column; rows of one moment keep the order of the table."""
    if kind not in (*NUMERIC, "date", "datetime"):
        return None, f"“{order_by}” says no order: it holds {kind} values."
    column = tables.read(Path(spec["table"]), columns=[order_by]).column(order_by)
    place = pc.cast(column, pa.float64(), safe=False).to_numpy() if kind in NUMERIC else days_of(column)
    place = np.asarray(place, dtype=np.float64)
    known = np.sort(np.concatenate([data.split.train, data.split.test]))
    known = known[~np.isnan(place[known])]
    order = known[np.argsort(place[known], kind="stable")]
    before = np.full(place.size, np.nan)
    before[order[1:]] = data.truth[order[:-1]]
    return before[data.split.test], ""


def measured(spec: Spec, truth: Array, said: Array, answers: Array, classes: list[str] | None = None) -> dict[str, Any]:
    """The baseline's metrics on the rows that it answers, and the model's differences to it on the same rows."""
    has = ~np.isnan(answers)
    truth, said, answers = truth[has], said[has], answers[has]
    ours, theirs = _both(spec, truth, said, answers, classes)
    metrics = all_measured(theirs, spec["seed"])
    if isinstance(theirs, Binary):
        nothing = {"value": None, "low": None, "high": None, "n": truth.size, "reason": NO_CHANCES}
        metrics |= dict.fromkeys(FROM_CHANCES, nothing)
    keys = [key for key, found in metrics.items() if found["value"] is not None]
    found: dict[str, Any] = {"rows": int(truth.size), "silent": int((~has).sum()), "metrics": metrics}
    found["uplift"] = {key: gap for key, gap in gaps(ours, theirs, keys, spec["seed"]) if gap}
    if isinstance(theirs, Binary):
        found["sides"] = {
            name: bins_of(truth[answers == value], said[answers == value]) for name, value in (("yes", 1), ("no", 0))
        }
    return found


def _both(spec: Spec, truth: Array, said: Array, answers: Array, classes: list[str] | None) -> tuple[Held, Held]:
    """The model and the practice on the same rows."""
    if classes is not None:
        return Classes(truth, said, classes), Classes(truth, None, classes, answers)
    if spec["kind"] == "binary":
        return Binary(truth, said, spec["threshold"]), Binary(truth, answers, 0.5)
    return Numbers(truth, said), Numbers(truth, answers)


def gaps(ours: Held, theirs: Held, keys: list[str], seed: int) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Model minus baseline for each metric, with the percentile interval of a paired seeded bootstrap."""
    rows, chance = ours.truth.size, np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {key: [] for key in keys}
    for _ in range(DRAWS):
        weights = resampled(ours, chance)
        for key in keys:
            a, b = ours.value(key, weights), theirs.value(key, weights)
            if a is not None and b is not None:
                drawn[key].append(a - b)
    for key in keys:
        a, b = ours.value(key), theirs.value(key)
        if a is None or b is None or not drawn[key]:
            yield key, None
            continue
        low, high = (float(edge) for edge in np.quantile(drawn[key], [0.025, 0.975]))
        yield key, {"value": a - b, "low": min(low, a - b), "high": max(high, a - b), "n": int(rows)}
