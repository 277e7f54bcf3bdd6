"""PURE: what monitoring compares live rows with, and the signature, both from the rows a model was trained on."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from experiments.columns import numbers_of, words_of
from experiments.curves import curve_of
from experiments.evaluation.metrics import Array
from experiments.matrices import GAP

MOST_CATEGORIES = 500
MOST_SHARES = 50
Field = Mapping[str, Any]


def signature_inputs(train: pa.Table, inputs: Sequence[Field]) -> list[dict[str, Any]]:
    """Each input with its type, whether it may be null, the categories that training saw, its range and an example."""
    return [_signature_input(train.column(field["name"]), field) for field in inputs]


def _signature_input(column: pa.ChunkedArray, field: Field) -> dict[str, Any]:
    values = column.drop_null()
    found: dict[str, Any] = {
        "name": field["name"],
        "type": field["type"],
        "nullable": bool(field["nullable"]) or column.null_count > 0,
        "categories": None,
        "min": None,
        "max": None,
        "example": plain(values[0].as_py()) if len(values) else None,
        **({"treatment": dict(field["treatment"])} if field.get("treatment") else {}),
    }
    if is_text(field):
        return found
    if field["type"] in ("text", "boolean"):
        seen = sorted(set(words_of(values)))
        found["categories"] = [str(value) for value in seen] if len(seen) <= MOST_CATEGORIES else None
    elif len(values):
        ends = pc.min_max(values).as_py()
        found["min"], found["max"] = plain(ends["min"]), plain(ends["max"])
    return found


def is_text(field: Field) -> bool:
    """Whether a column is read as texts, of which none is like another."""
    return bool(field.get("treatment") and field["treatment"].get("coding") == "text")


def plain(value: Any) -> Any:
    """A cell as plain JSON: dates as ISO text, what is not finite as None."""
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value.isoformat() if hasattr(value, "isoformat") else value


def reference_inputs(train: pa.Table, inputs: Sequence[Field]) -> list[dict[str, Any]]:
    """The distribution of each input on training rows. Dates are left out (that time passes is no drift), and texts."""
    found = []
    for field in inputs:
        if field["type"] in ("date", "datetime") or is_text(field):
            continue
        column = train.column(field["name"])
        entry = {"name": field["name"], "type": field["type"]}
        if field["type"] in ("text", "boolean"):
            found.append(entry | _categories(words_of(column)))
        else:
            numbers = numbers_of(column)
            present = numbers[~np.isnan(numbers)]
            missing = 1 - present.size / max(1, numbers.size)
            found.append(entry | {"missing_share": missing} | binned(present))
    return found


def _categories(words: Array) -> dict[str, Any]:
    """Shares among present values; beyond the most frequent ones the rest counts as `other` by its absence."""
    present = words[words != GAP]
    values, counts = np.unique(present.astype(str), return_counts=True)
    order = np.lexsort((values, -counts))[:MOST_SHARES]
    shares = {str(values[i]): float(counts[i] / max(1, present.size)) for i in order}
    return {"missing_share": float(1 - present.size / max(1, words.size)), "categories": shares}


def binned(values: Array) -> dict[str, Any]:
    """Decile bins [edge, next edge) with open ends (null), the share of values in each, and the curve of all."""
    if not values.size:
        return {"edges": [None, None], "shares": [0.0]}
    inner = np.unique(np.quantile(values, np.linspace(0.1, 0.9, 9), method="inverted_cdf"))
    inner = inner[inner > values.min()]
    counts = np.bincount(np.searchsorted(inner, values, side="right"), minlength=inner.size + 1)
    return {
        "edges": [None, *(float(edge) for edge in inner), None],
        "shares": [float(count / values.size) for count in counts],
        "curve": curve_of(values),
    }


def golden_rows(test: pa.Table, inputs: Sequence[Field], count: int, seed: int) -> list[dict[str, Any]]:
    """Held-back rows as JSON, some of them changed to hold a gap or a category that training never saw."""
    taken = np.sort(np.random.default_rng(seed).choice(test.num_rows, min(count, test.num_rows), replace=False))
    rows = [
        {name: plain(value) for name, value in row.items()}
        for row in test.select([field["name"] for field in inputs]).take(taken).to_pylist()
    ]
    gaps = [field["name"] for field in inputs if field["nullable"]]
    words = [field["name"] for field in inputs if field["type"] == "text"]
    for place, row in enumerate(rows):
        if gaps and place % 10 == 3:
            row[gaps[place // 10 % len(gaps)]] = None
        if words and place % 10 == 7:
            row[words[place // 10 % len(words)]] = "never seen in training"
    return rows
