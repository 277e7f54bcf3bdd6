"""PURE: groups that nobody named and rows unlike the rest, in sentences; values of hidden columns stay hidden."""

from collections.abc import Mapping
from typing import Any

from projects.measures import short_number

LITTLE, MUCH = 0.5, 1.5
Found = Mapping[str, Any]


def told(found: Found) -> dict[str, Any]:
    """What the page of a run says of each group, or of the most unusual rows."""
    alone = found["alone"]
    if "groups" in alone:
        return {"groups": [one | {"lines": [unlike(column) for column in one["unlike"]]} for one in alone["groups"]]}
    return {
        "unusual": [one | {"lines": [why(entry, one["cells"]) for entry in one["why"]]} for one in alone["unusual"]]
    }


def unlike(column: Found) -> str:
    """How a group differs from the rest in one column."""
    name = column["name"]
    if column["what"] is None:
        return f"{name}: hidden"
    if column["what"] == "word":
        word = f"is {column['word']}" if column["word"] else "is missing"
        return f"{name} {word} in {_of_100(column['here'])}, elsewhere in {_of_100(column['elsewhere'])}"
    size = abs(column["off"])
    how = "much " if size >= MUCH else "a little " if size < LITTLE else ""
    side = ("later" if column["off"] > 0 else "earlier") if column["what"] == "moment" else ""
    side = side or ("higher" if column["off"] > 0 else "lower")
    return f"{name} is {how}{side}: usually {_said(column['here'])}, elsewhere {_said(column['elsewhere'])}"


def why(entry: Found, cells: Any) -> str:
    """Why a row is unusual, by one column."""
    cell: Found = next((one for one in cells if one["name"] == entry["name"]), {})
    if entry["drop"] is None or cell.get("what") is None:
        return f"{entry['name']}: hidden"
    value = "missing" if cell["value"] is None else _said(cell["value"])
    usual = "" if entry["usually"] is None else f", usually {_said(entry['usually'])}"
    return f"{entry['name']} is {value}{usual}"


def _said(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)[:80]
    return short_number(value)


def _of_100(share: float) -> str:
    return f"{short_number(100 * share)} of 100"
