"""PURE: how the columns of a table go together, which tell about a chosen one, and which tell too much."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import rankdata

from jobs.report import Report
from problems.problem import Invalid
from storage import tables

MOST_ROWS = 50_000
MOST_COLUMNS = 40
MOST_VALUES = 30
FEWEST = 20
KNOWS = 0.98
NUMBERS = ("integer", "number", "date", "datetime")
Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Column:
    """A column as numbers (NaN where missing), or as codes of its values (-1 where missing)."""

    name: str
    is_number: bool
    values: Array
    codes: int = 0


def run(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """The entry of the child: `spec["path"]`, `spec["schema"]`, and the column `spec["target"]`, which may be empty."""
    schema, target = spec["schema"], spec.get("target") or ""
    if target and target not in {column["name"] for column in schema}:
        raise Invalid(f"There is no column “{target[:60]}”.", fields={"target": "No such column."})
    table, rows = sampled(Path(spec["path"]), report)
    columns, left_out = readable(table, schema, target)
    report.progress(2, 3, "comparing columns")
    shown = columns[:MOST_COLUMNS]
    told = about(columns, target) if target else {"pairs": [], "unusable": ""}
    return {
        "rows": rows,
        "sampled": table.num_rows,
        "names": [column.name for column in shown],
        "matrix": [[pair(a, b) if a.name != b.name else 1.0 for b in shown] for a in shown],
        "ranks": [[ranked(a, b) for b in shown] for a in shown],
        "signed": [column.is_number for column in shown],
        "left_out": left_out,
        "more": max(0, len(columns) - MOST_COLUMNS),
        "target": target,
        **told,
    }


def sampled(path: Path, report: Report) -> tuple[pa.Table, int]:
    """At most so many rows, spread evenly over the file: every n-th. One pass."""
    rows = tables.rows_of(path)
    step, place, taken = max(1, -(-rows // MOST_ROWS)), 0, []
    for batch in tables.read_batches(path):
        first = -place % step
        if first < batch.num_rows:
            taken.append(batch.take(pa.array(range(first, batch.num_rows, step))))
        place += batch.num_rows
        report.progress(1, 3, "reading")
    return pa.Table.from_batches(taken) if taken else tables.schema_of(path).empty_table(), rows


def readable(table: pa.Table, schema: Sequence[Mapping[str, Any]], target: str) -> tuple[list[Column], list[str]]:
    """The columns that can be compared, the target first, and the names of those that cannot: nearly all different."""
    found: list[Column] = []
    left_out: list[str] = []
    for field in sorted(schema, key=lambda one: one["name"] != target):
        column = _column(field["name"], field["type"], table.column(field["name"]))
        if column is None:
            left_out.append(field["name"])
        else:
            found.append(column)
    return found, left_out


def _column(name: str, kind: str, values: pa.ChunkedArray) -> Column | None:
    present = len(values) - values.null_count
    if not present:
        return None
    if kind in NUMBERS:
        plain = values
        if kind in ("date", "datetime"):
            plain = pc.cast(pc.cast(values, pa.timestamp("us")), pa.int64())
        numbers = pc.cast(plain, pa.float64(), safe=False).to_numpy(zero_copy_only=False).astype(float)
        return Column(name, True, np.where(np.isfinite(numbers), numbers, np.nan))
    counted = sorted(
        pc.value_counts(values.drop_null()).to_pylist(), key=lambda one: (-one["counts"], str(one["values"]))
    )
    if kind == "text" and len(counted) > MOST_VALUES and len(counted) > present / 2:
        return None
    places = {one["values"]: i for i, one in enumerate(counted[:MOST_VALUES])}
    other = len(places)
    codes = np.array([-1 if value is None else places.get(value, other) for value in values.to_pylist()])
    return Column(name, False, codes, int(codes.max()) + 1)


def pair(a: Column, b: Column) -> float | None:
    """Pearson for numbers (with its sign), Cramér's V for values, the correlation ratio for one of each."""
    if a.is_number and b.is_number:
        return _pearson(a.values, b.values)
    if not a.is_number and not b.is_number:
        return cramers_v(a, b)
    number, words = (a, b) if a.is_number else (b, a)
    return correlation_ratio(number, words)


def ranked(a: Column, b: Column) -> float | None:
    """Spearman for two numbers; else nothing."""
    if not (a.is_number and b.is_number):
        return None
    both = ~(np.isnan(a.values) | np.isnan(b.values))
    if both.sum() < FEWEST:
        return None
    return _pearson(rankdata(a.values[both]), rankdata(b.values[both]))


def _pearson(x: Array, y: Array) -> float | None:
    both = ~(np.isnan(x) | np.isnan(y))
    x, y = x[both], y[both]
    if x.size < FEWEST:
        return None
    x, y = x - x.mean(), y - y.mean()
    x, y = x / (np.abs(x).max() or 1), y / (np.abs(y).max() or 1)
    size = float(np.sqrt((x @ x) * (y @ y)))
    return round(float(np.clip((x @ y) / size, -1, 1)), 4) if size else None


def cramers_v(a: Column, b: Column) -> float | None:
    """Cramér's V with the correction for small tables. Source: Bergsma, J. Korean Stat. Soc. 42, 2013."""
    both = (a.values >= 0) & (b.values >= 0)
    n = int(both.sum())
    if n < FEWEST:
        return None
    counts = np.bincount(a.values[both] * b.codes + b.values[both], minlength=a.codes * b.codes).reshape(
        a.codes, b.codes
    )
    counts = counts[counts.sum(1) > 0][:, counts.sum(0) > 0]
    r, k = counts.shape
    if min(r, k) < 2:
        return None
    expected = np.outer(counts.sum(1), counts.sum(0)) / n
    phi = max(0.0, float(((counts - expected) ** 2 / expected).sum()) / n - (k - 1) * (r - 1) / (n - 1))
    smaller = min(k - (k - 1) ** 2 / (n - 1), r - (r - 1) ** 2 / (n - 1)) - 1
    return round(min(1.0, float(np.sqrt(phi / smaller))), 4) if smaller > 0 else None


def correlation_ratio(number: Column, words: Column) -> float | None:
    """Eta: which share of a number's spread lies between the groups, as a square root."""
    both = ~np.isnan(number.values) & (words.values >= 0)
    x, groups = number.values[both], words.values[both]
    if x.size < FEWEST:
        return None
    x = x - x.mean()
    x = x / (np.abs(x).max() or 1)
    counts = np.bincount(groups, minlength=words.codes)
    sums = np.bincount(groups, weights=x, minlength=words.codes)
    whole = float(x @ x)
    if not whole or (counts > 0).sum() < 2:
        return None
    between = float((sums[counts > 0] ** 2 / counts[counts > 0]).sum())
    return round(float(np.sqrt(min(1.0, between / whole))), 4)


def about(columns: Sequence[Column], target: str) -> dict[str, Any]:
    """Each column with what it tells about the target, strongest first; those that know the answer are marked."""
    answer = next((column for column in columns if column.name == target), None)
    if answer is None:
        return {
            "pairs": [],
            "unusable": f"{target} has nearly only different values, or none: nothing can be told about it.",
        }
    two = _halves(answer)
    pairs = []
    for column in columns:
        if column.name == target:
            continue
        strength = pair(column, answer)
        rank = ranked(column, answer)
        auc = single_auc(column, two) if two is not None else None
        best = max(abs(strength or 0), abs(rank or 0))
        pairs.append({"name": column.name, "strength": strength, "rank": rank, "auc": auc, "best": best,
                      "knows": best >= KNOWS or (auc or 0) > KNOWS})  # fmt: skip
    return {"pairs": sorted(pairs, key=lambda one: -max(one["best"], 2 * (one["auc"] or 0.5) - 1)), "unusable": ""}


def _halves(answer: Column) -> Array | None:
    """A target of two values as 0, 1 and -1 where missing; None for any other."""
    if not answer.is_number:
        return answer.values if answer.codes == 2 else None
    values = np.unique(answer.values[~np.isnan(answer.values)])
    if values.size != 2:
        return None
    return np.where(np.isnan(answer.values), -1, (answer.values == values[1]).astype(int))


def single_auc(column: Column, answer: Array) -> float | None:
    """How well this column alone ranks the rows. Values are scored on one half of the rows and judged on the other."""
    known = answer >= 0
    if column.is_number:
        scores, use = column.values, known & ~np.isnan(column.values)
    else:
        learn, use = known & (np.arange(answer.size) % 2 == 0), known & (np.arange(answer.size) % 2 == 1)
        codes = column.values + 1
        counts = np.bincount(codes[learn], minlength=column.codes + 1)
        rates = (np.bincount(codes[learn], weights=answer[learn], minlength=column.codes + 1) + 0.5) / (counts + 1)
        scores = rates[codes]
    y = answer[use]
    ones = int(y.sum())
    if min(ones, y.size - ones) < FEWEST // 2:
        return None
    ranks = rankdata(scores[use])
    auc = float((ranks[y == 1].sum() - ones * (ones + 1) / 2) / (ones * (y.size - ones)))
    return round(max(auc, 1 - auc), 4)
