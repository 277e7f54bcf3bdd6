"""PURE: rows out of the JSON that an API answers, by a path, and the watermark among them."""

import json
from collections.abc import Iterable
from typing import Any

from problems.problem import Invalid, Problem


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def parsed(content: bytes) -> Any:
    """The document; what is no strict JSON is refused in words."""
    try:
        return json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        start = content[:60].decode("utf-8", "replace").strip()
        shown = "".join(c if c.isprintable() else " " for c in start)
        raise Problem(f"Its answer is no JSON. It begins with “{shown}”.", code="no_json") from None


def at_path(document: Any, path: str) -> Any:
    """What stands at a path such as `data.items` or `results.0.rows`; an empty path is the whole."""
    found = document
    for part in [one for one in path.split(".") if one]:
        if isinstance(found, dict) and part in found:
            found = found[part]
        elif isinstance(found, list) and part.isdigit() and int(part) < len(found):
            found = found[int(part)]
        else:
            there = ", ".join(list(found)[:10]) if isinstance(found, dict) else f"a {type(found).__name__}"
            raise Problem(f"There is no “{part[:60]}” in its answer; there is {there[:300]}.", code="no_such_path")
    return found


def rows_at(document: Any, path: str) -> list[dict[str, Any]]:
    """The rows: objects, or plain values as a column `value`."""
    found = at_path(document, path)
    if isinstance(found, dict) and not path:
        lists = [name for name, value in found.items() if isinstance(value, list)]
        hint = f" Say where they are; “{lists[0][:60]}” is a list." if lists else ""
        raise Problem(f"Its answer is one object, not a list of rows.{hint}", code="no_rows_there")
    if not isinstance(found, list):
        raise Problem(f"At “{path[:60]}” is no list of rows.", code="no_rows_there")
    if any(isinstance(one, list) for one in found):
        raise Problem("Its rows are lists without names; a row must be an object.", code="no_rows_there")
    return [one if isinstance(one, dict) else {"value": one} for one in found]


def value_at(row: Any, path: str) -> Any:
    """A value of one row, missing if it is not there."""
    try:
        return at_path(row, path)
    except Problem:
        return None


def later(rows: Iterable[dict[str, Any]], path: str, so_far: Any) -> Any:
    """The largest value at a path: numbers by size, texts by letters, as ISO dates sort."""
    for row in rows:
        value = value_at(row, path)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise _odd(path, value)
        if so_far is not None and isinstance(value, str) != isinstance(so_far, str):
            raise _odd(path, value)
        if so_far is None or value > so_far:
            so_far = value
    return so_far


def _odd(path: str, value: Any) -> Problem:
    shown = str(value)[:60]
    return Invalid(f"“{path[:60]}” cannot mark where to go on: it is “{shown}” in one row.", code="odd_watermark")
