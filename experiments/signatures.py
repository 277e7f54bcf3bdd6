"""PURE: what a model accepts: typed checks of rows against its signature, with only the standard library."""

from collections.abc import Mapping
from typing import Any

from experiments.forecasting import asking
from experiments.moments import moment
from problems.problem import Invalid

LARGEST = 1e30  # beyond this a number cannot be scaled or squared safely; training treats it as missing
LONGEST_TEXT, LONGEST_PROSE = 10_000, 100_000
TYPES = ("integer", "number", "boolean", "text", "date", "datetime")

Signature = Mapping[str, Any]
Row = dict[str, Any]
RowError = dict[str, Any]


def check_rows(signature: Signature, rows: list[Any]) -> tuple[list[Row], list[RowError]]:
    """Clean rows (only the model's inputs, in its order) and errors {row, field, message}; a wrong row is left out.

    A missing field counts as null; null is an error unless the input is nullable. Extra fields are ignored (see
    `extra_fields`), categories that training never saw are allowed (see `unknown_count`).
    """
    clean: list[Row] = []
    errors: list[RowError] = []
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            errors.append({"row": number, "field": "", "message": "must be an object of names and values"})
            continue
        found = len(errors)
        values: Row = {}
        for field in signature["inputs"]:
            name = field["name"]
            value, message = _checked(field, row.get(name), name in row)
            if message:
                errors.append({"row": number, "field": name, "message": message})
            values[name] = value
        if len(errors) == found and (ahead := signature.get("tail") and asking.wrong(signature, values)):
            errors.append({"row": number, "field": ahead[0], "message": ahead[1]})
        if len(errors) == found:
            clean.append(values)
    return clean, errors


def checked_row(signature: Signature, row: Any) -> Row:
    """One clean row, or a refusal that names each field."""
    clean, errors = check_rows(signature, [row])
    if errors:
        fields = {one["field"] or "row": f"It {one['message']}." for one in errors}
        said = "; ".join(f"{one['field'] or 'the row'} {one['message']}" for one in errors[:5])
        raise Invalid(f"The model does not take this row: {said}.", fields=fields)
    return clean[0]


def unknown_count(signature: Signature, row: Row) -> int:
    """How many values of a clean row are categories that training never saw."""
    count = 0
    for field in signature["inputs"]:
        known, value = field["categories"], row.get(field["name"])
        if known is not None and value is not None and word(value) not in known:
            count += 1
    return count


def extra_fields(signature: Signature, row: Row) -> list[str]:
    """Names in a row that the model does not know; they were ignored."""
    known = {field["name"] for field in signature["inputs"]}
    return [name for name in row if name not in known]


def word(value: Any) -> str:
    """A category as text, the same from a table, from JSON and from a form: true, 1, Yes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def _checked(field: Mapping[str, Any], value: Any, given: bool) -> tuple[Any, str]:
    if value is None:
        if field["nullable"]:
            return None, ""
        return None, "must not be null" if given else "is missing"
    if (field.get("treatment") or {}).get("coding") == "text":
        return _text(value, LONGEST_PROSE)
    return _CHECKS[field["type"]](value)


def _number(value: Any) -> tuple[Any, str]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value, f"must be a number, not {_kind(value)}"
    if not abs(value) <= LARGEST:  # also NaN; whole numbers of any size compare exactly
        return value, "must be a finite number of at most 1e30"
    return value, ""


def _integer(value: Any) -> tuple[Any, str]:
    value, message = _number(value)
    if not message and value != int(value):
        return value, "must be a whole number"
    return value, message


def _boolean(value: Any) -> tuple[Any, str]:
    return (value, "") if isinstance(value, bool) else (value, f"must be true or false, not {_kind(value)}")


def _text(value: Any, longest: int = LONGEST_TEXT) -> tuple[Any, str]:
    if not isinstance(value, str):
        return value, f"must be text, not {_kind(value)}"
    if len(value) > longest:
        return value, f"must not be longer than {longest} characters"
    return (value, "must not contain the character U+0000") if "\x00" in value else (value, "")


def _date(value: Any) -> tuple[Any, str]:
    ok = isinstance(value, str) and len(value) == 10 and moment(value) is not None
    return (value, "") if ok else (value, "must be a date as text, like 2026-11-18")


def _datetime(value: Any) -> tuple[Any, str]:
    ok = isinstance(value, str) and moment(value) is not None
    return (value, "") if ok else (value, "must be a date and time as text, like 2026-11-18T09:30:00")


def _history(value: Any) -> tuple[Any, str]:
    return (value, "") if isinstance(value, list) else (value, f"must be a list, not {_kind(value)}")


_CHECKS = {
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "text": _text,
    "date": _date,
    "datetime": _datetime,
    "history": _history,
}


def _kind(value: Any) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)
