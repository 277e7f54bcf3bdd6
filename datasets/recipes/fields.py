"""PURE: the parameters that a recipe step or a quality rule declares, and the kinds that only they have."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from datasets.fields import SHARED, Parameter, Reader, bounded, listed, number, text_of

LONGEST_TEXT = 500
LONGEST_FORMULA = 2000
LONGEST_NAME = 200
MOST_LISTED = 1000
ARROW = "=>"
FUNCTIONS = {
    "count": "rows",
    "present": "values",
    "distinct": "different values",
    "sum": "sum",
    "mean": "mean",
    "median": "median",
    "min": "smallest",
    "max": "largest",
    "std": "standard deviation",
    "first": "first by row order",
    "last": "last by row order",
}
AGGREGATE = re.compile(r"\s*(?P<name>.+?)\s*=\s*(?P<function>[a-z]+)\s*\(\s*(?P<column>.*?)\s*\)\s*")
DATASET = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")


@dataclass(frozen=True)
class Field(Parameter):
    """One parameter of a step or a rule; `types` are the column types that it takes.

    `alone`: in a mapping, a line of one name alone stands for the same name on both sides.
    """

    types: Sequence[str] = ()
    alone: bool = False

    def left_out(self, value: Any) -> Any:
        return value if isinstance(value, (list, dict)) and not self.required else self.default

    def from_text(self, text: str) -> Any:
        """The JSON value of what a person typed."""
        text = text.replace("\r\n", "\n")
        if self.kind in ("number", "integer"):
            return self.typed_number(text)
        if self.kind == "numbers":
            return [self.typed_number(part) for part in re.split(r"[;\s]+", text) if part]
        if self.kind == "mapping":
            return dict(_typed_pair(self, line) for line in text.split("\n") if line.strip())
        if self.kind == "aggregates":
            return [_typed_aggregate(self, line) for line in text.split("\n") if line.strip()]
        if self.kind == "texts":
            return [line for line in text.split("\n") if line.strip()]
        return text if self.kind in ("formula", "text") else text.strip()

    def as_text(self, value: Any) -> str:
        """The value as a person types it."""
        if value is None:
            return ""
        if self.kind == "mapping":
            alone = {old for old, new in value.items() if self.alone and old == new}
            return "\n".join(old if old in alone else f"{old} {ARROW} {new}" for old, new in value.items())
        if self.kind == "aggregates":
            return "\n".join(f"{one['name']} = {one['function']}({one['column']})" for one in value)
        if self.kind == "texts":
            return "\n".join(value)
        if self.kind == "numbers":
            return "; ".join(f"{one:g}" for one in value)
        return f"{value:g}" if isinstance(value, float) else str(value)


def _typed_pair(field: Field, line: str) -> tuple[str, str]:
    old, arrow, new = line.partition(ARROW)
    if not arrow and field.alone:
        return old.strip(), old.strip()
    if not arrow:
        raise field.wrong(f"has a line without “{ARROW}”: “{line.strip()[:60]}”")
    return old.strip(), new.strip()


def _typed_aggregate(field: Field, line: str) -> dict[str, str]:
    found = AGGREGATE.fullmatch(line)
    if found is None:
        raise field.wrong(f"has lines such as “total = sum(amount)”, not “{line[:60]}”")
    return found.groupdict()


def _text(field: Field, value: Any, longest: int = LONGEST_TEXT) -> str:
    return text_of(field, value, longest)


def _name(field: Field, value: Any) -> str:
    text = _text(field, value, LONGEST_NAME).strip()
    if not text or "\n" in text:
        raise field.wrong("is a name")
    return text


def _column(field: Field, value: Any) -> str:
    text = _text(field, value, 1000)
    if not text:
        raise field.wrong("is the name of a column")
    return text


def _columns(field: Field, value: Any) -> list[str]:
    if not isinstance(value, list):
        raise field.wrong("is a list of columns")
    found = [_column(field, one) for one in value]
    if len(found) > MOST_LISTED or len(set(found)) < len(found):
        raise field.wrong(f"names each column once, and at most {MOST_LISTED}")
    return found


def _numbers(field: Field, value: Any) -> list[float]:
    return [number(field, one) for one in listed(field, value, MOST_LISTED, "numbers")]


def _value(field: Field, value: Any) -> str:
    """A text, or a number as the text that writes it; of which type it must be, the column says."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(bounded(field, value))
    return _text(field, value)


def _texts(field: Field, value: Any) -> list[str]:
    return list(dict.fromkeys(_value(field, one) for one in listed(field, value, MOST_LISTED, "values")))


def _mapping(field: Field, value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > MOST_LISTED:
        raise field.wrong(f"says for each value what it becomes, at most {MOST_LISTED}")
    return {_text(field, old): _text(field, new) for old, new in value.items()}


def _aggregates(field: Field, value: Any) -> list[dict[str, str]]:
    return [_aggregate(field, one) for one in listed(field, value, 200, "new columns")]


def _aggregate(field: Field, one: Any) -> dict[str, str]:
    if not isinstance(one, dict) or not {"name", "function"} <= set(one) <= {"name", "function", "column"}:
        raise field.wrong("has entries with name, function and column")
    if one["function"] not in FUNCTIONS:
        raise field.wrong(f"knows {', '.join(FUNCTIONS)}, not “{str(one['function'])[:40]}”")
    column = _text(field, one.get("column", ""), 1000)
    if not column and one["function"] != "count":
        raise field.wrong(f"says of which column the {one['function']} is")
    return {"name": _name(field, one["name"]), "function": one["function"], "column": column}


def _dataset(field: Field, value: Any) -> str:
    if not isinstance(value, str) or not DATASET.fullmatch(value):
        raise field.wrong("is the name of a dataset of this project")
    return value


KINDS: dict[str, Reader] = SHARED | {
    "column": _column,
    "columns": _columns,
    "text": _text,
    "name": _name,
    "formula": lambda field, value: _text(field, value, LONGEST_FORMULA),
    "numbers": _numbers,
    "value": _value,
    "texts": _texts,
    "mapping": _mapping,
    "aggregates": _aggregates,
    "dataset": _dataset,
}
Field.kinds = KINDS
