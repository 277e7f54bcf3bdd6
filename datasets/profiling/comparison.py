"""PURE: what changed between two versions of a dataset, from their stored profiles alone."""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

LITTLE, MUCH = 0.1, 0.25
MISSING_POINTS = 0.005
FLOOR = 1e-4
Profile = Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """How one column differs from the version before.

    `moved` is the population stability index of the two distributions over shared bins (below 0.1: the same, above
    0.25: another distribution), None where it cannot be told. `weight` orders columns: what changed most comes first.
    """

    name: str
    kind: str = "same"  # same, new, gone, type
    type_before: str = ""
    missing_before: float = 0.0
    missing_now: float = 0.0
    moved: float | None = None
    mean_before: float | None = None
    mean_now: float | None = None
    new_values: list[dict[str, Any]] = field(default_factory=list)
    gone_values: list[Any] = field(default_factory=list)

    @property
    def missing_moved(self) -> bool:
        """Whether the share of missing cells moved by at least half a point."""
        return abs(self.missing_now - self.missing_before) >= MISSING_POINTS

    @property
    def weight(self) -> float:
        """What orders the columns."""
        if self.kind != "same":
            return 10.0
        lists = 1.0 * bool(self.new_values) + 0.5 * bool(self.gone_values)
        return lists + (self.moved or 0.0) + 5 * abs(self.missing_now - self.missing_before)

    @property
    def matters(self) -> bool:
        """Whether a person should look."""
        return self.kind != "same" or bool(self.new_values) or self.missing_moved or (self.moved or 0) >= LITTLE


def compare(before: Profile, now: Profile) -> list[Change]:
    """One change for each column of either version, in the order of the newer one, then what is gone."""
    old = {column["name"]: column for column in before["columns"]}
    changes = [_change(old.get(column["name"]), column, before["rows"], now["rows"]) for column in now["columns"]]
    names = {column["name"] for column in now["columns"]}
    return changes + [Change(name, kind="gone", type_before=old[name]["type"]) for name in old if name not in names]


def _change(old: Profile | None, column: Profile, rows_before: int, rows_now: int) -> Change:
    missing_now = column["missing"] / max(rows_now, 1)
    if old is None:
        return Change(column["name"], kind="new", missing_now=missing_now)
    missing_before = old["missing"] / max(rows_before, 1)
    if old["type"] != column["type"]:
        return Change(column["name"], "type", old["type"], missing_before, missing_now)
    new_values, gone_values = _values(old, column)
    return Change(
        column["name"],
        "same",
        old["type"],
        missing_before,
        missing_now,
        stability(old, column),
        old.get("mean"),
        column.get("mean"),
        new_values,
        gone_values,
    )


def _values(old: Profile, column: Profile) -> tuple[list[dict[str, Any]], list[Any]]:
    """Values that came and went, where the profiles list all of them."""
    if not (_lists_all(old) and column.get("top")):
        return [], []
    known = {one["value"] for one in old["top"]}
    new = [one for one in column["top"] if one["value"] not in known]
    here = {one["value"] for one in column["top"]}
    gone = [one["value"] for one in old["top"] if one["value"] not in here] if _lists_all(column) else []
    return new, gone


def _lists_all(column: Profile) -> bool:
    return bool(column.get("top")) and len(column["top"]) == column["distinct"]


def stability(old: Profile, column: Profile) -> float | None:
    """The population stability index: sum of (p - q) ln(p / q) over bins, shares floored at 1e-4.

    Numbers and dates use the newer version's bins, into which the older histogram is spread evenly; texts use the
    listed values and one bin for the rest. Source: Yurdakul, Statistical Properties of the PSI, 2018.
    """
    if column.get("histogram") and old.get("histogram"):
        q, p = _shared_bins(old["histogram"], column["histogram"])
    elif column.get("top") and old.get("top"):
        q, p = _shared_values(old, column)
    else:
        return None
    p, q = _shares(p), _shares(q)
    if not p or not q:
        return None
    return round(sum((a - b) * math.log(a / b) for a, b in zip(p, q, strict=True)), 4)


def _shares(counts: Sequence[float]) -> list[float]:
    total = sum(counts)
    return [max(count / total, FLOOR) for count in counts] if total else []


def _number(edge: Any) -> float:
    return datetime.fromisoformat(edge).timestamp() if isinstance(edge, str) else float(edge or 0)


def _shared_bins(old: Profile, now: Profile) -> tuple[list[float], list[float]]:
    """Counts of both histograms in the newer one's bins, with one more at each end for what lies outside."""
    spread, outside_low, outside_high = rebinned(old, now["edges"])
    return [outside_low, *spread, outside_high], [0.0, *map(float, now["counts"]), 0.0]


def rebinned(old: Profile, edges: Sequence[Any]) -> tuple[list[float], float, float]:
    """The old histogram's counts in other bins, each old bin spread evenly, and what lies below and above."""
    places, old_places = [_number(edge) for edge in edges], [_number(edge) for edge in old["edges"]]
    heights = [0.0]
    for count in old["counts"]:
        heights.append(heights[-1] + count)

    def below(at: float, *, closed: bool) -> float:
        if at > old_places[-1] or (closed and at == old_places[-1]):
            return heights[-1]
        if at <= old_places[0]:
            return 0.0
        i = bisect_left(old_places, at)
        left, right = old_places[i - 1], old_places[i]
        return heights[i - 1] + (heights[i] - heights[i - 1]) * ((at - left) / (right - left))

    last = len(places) - 1
    sums = [below(place, closed=i == last) for i, place in enumerate(places)]
    if old_places[0] == old_places[-1]:  # a single value
        inside = places[0] <= old_places[0] <= places[-1]
        sums = [
            heights[-1] if old_places[0] < place or (i == last and inside) else 0.0 for i, place in enumerate(places)
        ]
    return [b - a for a, b in pairwise(sums)], sums[0], heights[-1] - sums[-1]


def _shared_values(old: Profile, now: Profile) -> tuple[list[float], list[float]]:
    values = [one["value"] for one in now["top"]]
    values += [one["value"] for one in old["top"] if one["value"] not in values]
    counts = []
    for side in (old, now):
        listed = {one["value"]: one["count"] for one in side["top"]}
        counts.append([float(listed.get(value, 0)) for value in values])
    rests = []
    for side, listed_counts in zip((old, now), counts, strict=True):
        rests.append(max(0.0, side.get("present", sum(listed_counts)) - sum(listed_counts)))
    return [*counts[0], rests[0]], [*counts[1], rests[1]]


def distance(old: Profile | None, column: Profile) -> float | None:
    """The Jensen-Shannon distance (0: the same, 1: nothing in common) of the two distributions over shared bins.

    Source: Lin, IEEE Trans. Inf. Theory 37, 1991; the square root, with logarithms of base 2, is a metric.
    """
    if old is None or old["type"] != column["type"]:
        return None
    if column.get("histogram") and old.get("histogram"):
        q, p = _shared_bins(old["histogram"], column["histogram"])
    elif column.get("top") and old.get("top"):
        q, p = _shared_values(old, column)
    else:
        return None
    if not sum(p) or not sum(q):
        return None
    p, q = [value / sum(p) for value in p], [value / sum(q) for value in q]
    halves = [(a, b, (a + b) / 2) for a, b in zip(p, q, strict=True)]
    told = sum(0.5 * (_bits(a, m) + _bits(b, m)) for a, b, m in halves)
    return round(math.sqrt(max(0.0, told)), 4)


def _bits(share: float, middle: float) -> float:
    return share * math.log2(share / middle) if share > 0 else 0.0


def guess_key(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """A column that is never missing and never twice in both versions; one that is called so comes first. Or none."""
    old = {column["name"] for column in before["columns"] if _is_key(column, before["rows"])}
    both = [column["name"] for column in now["columns"] if column["name"] in old and _is_key(column, now["rows"])]
    return next(
        (name for name in both if name.lower().endswith(("id", "key", "number", "code"))), both[0] if both else ""
    )


def _is_key(column: Mapping[str, Any], rows: int) -> bool:
    exact = column["distinct"] == rows or column.get("approximate")
    return bool(rows and not column["missing"] and exact and column["type"] in ("integer", "text"))
