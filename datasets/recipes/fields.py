"""PURE: the parameters that a recipe step declares: kinds, bounds, help; how each is read from JSON and from a form."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from problems.problem import Invalid

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
class Field:
    """One parameter. `kind` is a key of KINDS; `types` are the column types that it takes."""

    name: str
    kind: str
    label: str
    help: str = ""
    default: Any = None
    required: bool = True
    choices: Mapping[str, str] = field(default_factory=dict)
    low: float | None = None
    high: float | None = None
    types: Sequence[str] = ()

    def read(self, value: Any) -> Any:
        """The value as it is kept, from JSON; refuses what is not of this kind or out of bounds."""
        if value is None or value in ("", [], {}):
            if self.required and self.default is None:
                raise self.wrong("is needed")
            return self.default if value is None or value == "" else value if not self.required else self.default
        return KINDS[self.kind](self, value)

    def wrong(self, what: str) -> Invalid:
        """A refusal that names this parameter."""
        text = f"“{self.label}” {what}."
        return Invalid(text, fields={self.name: text})

    def from_text(self, text: str) -> Any:
        """The JSON value of what a person typed."""
        text = text.replace("\r\n", "\n")
        if self.kind in ("number", "integer"):
            return _typed_number(self, text)
        if self.kind == "numbers":
            return [_typed_number(self, part) for part in re.split(r"[;\s]+", text) if part]
        if self.kind == "mapping":
            return dict(_typed_pair(line) for line in text.split("\n") if line.strip())
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
            return "\n".join(f"{old} {ARROW} {new}" for old, new in value.items())
        if self.kind == "aggregates":
            return "\n".join(f"{one['name']} = {one['function']}({one['column']})" for one in value)
        if self.kind == "texts":
            return "\n".join(value)
        if self.kind == "numbers":
            return "; ".join(f"{one:g}" for one in value)
        return f"{value:g}" if isinstance(value, float) else str(value)


def _typed_number(field: Field, text: str) -> Any:
    if not text.strip():
        return None
    try:
        return int(text) if re.fullmatch(r"\s*-?\d{1,18}\s*", text) else float(text)
    except ValueError:
        raise field.wrong(f"is a number, not “{text[:40]}”") from None


def _typed_pair(line: str) -> tuple[str, str]:
    old, arrow, new = line.partition(ARROW)
    return (old.strip(), new.strip()) if arrow else (line.strip(), line.strip())


def _typed_aggregate(field: Field, line: str) -> dict[str, str]:
    found = AGGREGATE.fullmatch(line)
    if found is None:
        raise field.wrong(f"has lines such as “total = sum(amount)”, not “{line[:60]}”")
    return found.groupdict()


def _text(field: Field, value: Any, longest: int = LONGEST_TEXT) -> str:
    if not isinstance(value, str):
        raise field.wrong("is a text")
    if len(value) > longest:
        raise field.wrong(f"has at most {longest} characters")
    if any(ord(char) < 32 and char not in "\t\n" for char in value) or any(0xD800 <= ord(c) <= 0xDFFF for c in value):
        raise field.wrong("holds a control character")
    return value


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


def _bounded(field: Field, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or abs(value) > 1e300:
        raise field.wrong("is a number")
    if field.low is not None and value < field.low:
        raise field.wrong(f"is at least {field.low:g}")
    if field.high is not None and value > field.high:
        raise field.wrong(f"is at most {field.high:g}")
    return value


def _number(field: Field, value: Any) -> float:
    return float(_bounded(field, value))


def _integer(field: Field, value: Any) -> int:
    if not isinstance(_bounded(field, value), int) or abs(value) >= 2**63:
        raise field.wrong("is a whole number")
    return int(value)


def _numbers(field: Field, value: Any) -> list[float]:
    if not isinstance(value, list) or len(value) > MOST_LISTED:
        raise field.wrong("is a list of numbers")
    return [_number(field, one) for one in value]


def _value(field: Field, value: Any) -> str:
    """A text, or a number as the text that writes it; of which type it must be, the column says."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(_bounded(field, value))
    return _text(field, value)


def _texts(field: Field, value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > MOST_LISTED:
        raise field.wrong(f"is a list of at most {MOST_LISTED} values")
    return list(dict.fromkeys(_value(field, one) for one in value))


def _choice(field: Field, value: Any) -> str:
    if not isinstance(value, str) or value not in field.choices:
        raise field.wrong(f"is one of {', '.join(field.choices)}")
    return value


def _yes_no(field: Field, value: Any) -> bool:
    if not isinstance(value, bool):
        raise field.wrong("is true or false")
    return value


def _mapping(field: Field, value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > MOST_LISTED:
        raise field.wrong(f"says for each value what it becomes, at most {MOST_LISTED}")
    return {_text(field, old): _text(field, new) for old, new in value.items()}


def _aggregates(field: Field, value: Any) -> list[dict[str, str]]:
    if not isinstance(value, list) or len(value) > 200:
        raise field.wrong("is a list of new columns, at most 200")
    return [_aggregate(field, one) for one in value]


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


KINDS: dict[str, Callable[[Field, Any], Any]] = {
    "column": _column,
    "columns": _columns,
    "text": _text,
    "name": _name,
    "formula": lambda field, value: _text(field, value, LONGEST_FORMULA),
    "number": _number,
    "integer": _integer,
    "numbers": _numbers,
    "choice": _choice,
    "yes_no": _yes_no,
    "value": _value,
    "texts": _texts,
    "mapping": _mapping,
    "aggregates": _aggregates,
    "dataset": _dataset,
}
