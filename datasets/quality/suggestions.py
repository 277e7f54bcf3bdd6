"""PURE: rules that the profile of a version suggests: what holds there today and looks as if it should."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from datasets.quality.catalog import Stated, stated

MOST = 40
FEW = 12  # so many different values are a list
LEAST_ROWS = 20


def suggested(profile: Mapping[str, Any], there: Sequence[Mapping[str, Any]]) -> list[Stated]:
    """Rules that hold on this profile and are not among those that are there already, the most useful first."""
    taken = {_what(one["kind"], one["params"]) for one in there}
    found = [stated(kind, params) for kind, params in _all(profile)]
    return [one for one in found if _what(one.rule.kind, one.params) not in taken][:MOST]


def _what(kind: str, params: Mapping[str, Any]) -> tuple[str, str]:
    return kind, str(params.get("column") or params.get("columns") or "")


def _all(profile: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    rows, columns = profile["rows"], profile["columns"]
    if rows < 1:
        return
    yield "row_count", {"low": max(1, rows // 2)}
    if full := [one["name"] for one in columns if not one["missing"]]:
        yield "not_missing", {"columns": full[:1000]}
    if rows < LEAST_ROWS:
        return
    for column in columns:
        if _looks_like_a_key(column, rows):
            yield "unique", {"columns": [column["name"]]}
    for column in columns:
        yield from _of_values(column)


def _looks_like_a_key(column: Mapping[str, Any], rows: int) -> bool:
    """Every row has its own, and it is a whole number or a text."""
    exact = not column["approximate"] and not column["missing"]
    return exact and column["distinct"] == rows and column["type"] in ("integer", "text")


def _of_values(column: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    name, top = column["name"], column.get("top") or []
    if column["type"] == "text" and 2 <= column["distinct"] <= FEW and len(top) == column["distinct"]:
        values = [one["value"] for one in top]
        if all(isinstance(one, str) and 0 < len(one) < 100 and one.isprintable() for one in values):
            yield "in_set", {"column": name, "values": values}
    low = column["min"]
    if (
        column["type"] in ("integer", "number")
        and column["distinct"] > 2
        and isinstance(low, (int, float))
        and low >= 0
    ):
        yield "in_range", {"column": name, "low": "0"}
