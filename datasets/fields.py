"""PURE: a declared parameter: its bounds and help, and how it is read from JSON and from a form."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from problems.problem import Invalid

Reader = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Parameter:
    """One parameter. `kind` is a key of the `kinds` of its family, each of which reads a value that was given."""

    kinds: ClassVar[Mapping[str, Reader]]

    name: str
    kind: str
    label: str
    help: str = ""
    default: Any = None
    required: bool = True
    choices: Mapping[str, str] = field(default_factory=dict)
    low: float | None = None
    high: float | None = None

    @property
    def needed(self) -> bool:
        """Whether it may not be left out."""
        return self.required and self.default is None

    def left_out(self, value: Any) -> Any:
        """What is kept when nothing was given: None, or an empty text, list or object."""
        return self.default

    def read(self, value: Any) -> Any:
        """The value as it is kept, from JSON; refuses what is not of this kind or out of bounds."""
        if value is None or value in ("", [], {}):
            if self.needed:
                raise self.wrong("is needed")
            return self.left_out(value)
        return self.kinds[self.kind](self, value)

    def wrong(self, what: str) -> Invalid:
        """A refusal that names this parameter."""
        text = f"“{self.label}” {what}."
        return Invalid(text, fields={self.name: text})

    def typed_number(self, text: str) -> Any:
        """The number that a person typed."""
        if not text.strip():
            return None
        try:
            return int(text) if re.fullmatch(r"\s*-?\d{1,18}\s*", text) else float(text)
        except ValueError:
            raise self.wrong(f"is a number, not “{text[:40]}”") from None


def text_of(field: Parameter, value: Any, longest: int, allowed: str = "\t\n") -> str:
    """A text without control characters but the allowed ones."""
    if not isinstance(value, str):
        raise field.wrong("is a text")
    if len(value) > longest:
        raise field.wrong(f"has at most {longest} characters")
    if any((ord(c) < 32 and c not in allowed) or 0xD800 <= ord(c) <= 0xDFFF or ord(c) == 127 for c in value):
        raise field.wrong("holds a control character")
    return value


def bounded(field: Parameter, value: Any) -> Any:
    """A number within the bounds of its field."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= 1e300:
        raise field.wrong("is a number")
    if field.low is not None and value < field.low:
        raise field.wrong(f"is at least {field.low:g}")
    if field.high is not None and value > field.high:
        raise field.wrong(f"is at most {field.high:g}")
    return value


def number(field: Parameter, value: Any) -> float:
    """A finite number."""
    return float(bounded(field, value))


def integer(field: Parameter, value: Any) -> int:
    """A whole number."""
    if not isinstance(bounded(field, value), int) or abs(value) >= 2**63:
        raise field.wrong("is a whole number")
    return int(value)


def choice(field: Parameter, value: Any) -> str:
    """One of the choices."""
    if not isinstance(value, str) or value not in field.choices:
        raise field.wrong(f"is one of {', '.join(field.choices)}")
    return value


def yes_no(field: Parameter, value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise field.wrong("is true or false")
    return value


def listed(field: Parameter, value: Any, most: int, what: str) -> list[Any]:
    """A list of at most so many."""
    if not isinstance(value, list) or len(value) > most:
        raise field.wrong(f"is a list of {what}, at most {most}")
    return value


SHARED: dict[str, Reader] = {"number": number, "integer": integer, "choice": choice, "yes_no": yes_no}
