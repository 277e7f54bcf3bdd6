"""PURE: the parameters that a connector declares: kinds, bounds, help; how each is read from JSON and from a form."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from problems.problem import Invalid

LONGEST_TEXT = 2000
LONGEST_SECRET = 20_000
MOST_LINES = 200
WHERE, SIGN_IN, WHAT, HOW = "Where it is", "Signing in", "What to read", "How to ask"


@dataclass(frozen=True)
class Field:
    """One parameter. `kind` is a key of KINDS.

    `locates` marks what says where data comes from or as whom it is fetched: another value of it voids the approval
    and asks for the secrets again. A field of kind `secret` is sealed, never shown, and handed to `fetch` in clear.
    `only` says for which values of another field it has a meaning; elsewhere it must stay empty.
    """

    name: str
    kind: str
    label: str
    help: str = ""
    group: str = WHAT
    default: Any = None
    required: bool = True
    locates: bool = False
    choices: Mapping[str, str] = field(default_factory=dict)
    low: float | None = None
    high: float | None = None
    only: tuple[str, tuple[str, ...]] | None = None
    example: str = ""

    @property
    def empty(self) -> Any:
        """The value of a field that was left out."""
        return self.default if self.default is not None else [] if self.kind == "lines" else None

    def read(self, value: Any) -> Any:
        """The value as it is kept, from JSON; refuses what is not of this kind or out of bounds."""
        if value is None or value in ("", []):
            if self.required and self.default is None and self.only is None:
                raise self.wrong("is needed")
            return self.empty
        return KINDS[self.kind](self, value)

    def wrong(self, what: str) -> Invalid:
        """A refusal that names this parameter."""
        text = f"“{self.label}” {what}."
        return Invalid(text, fields={self.name: text})

    def from_text(self, text: str) -> Any:
        """The JSON value of what a person typed."""
        text = text.replace("\r\n", "\n")
        if self.kind == "lines":
            return [line.strip() for line in text.split("\n") if line.strip()]
        if self.kind in ("number", "integer"):
            return _typed_number(self, text)
        if self.kind == "yes_no":
            return text in ("on", "true", "yes")
        return text if self.kind in ("secret", "long") else text.strip()

    def as_text(self, value: Any) -> str:
        """The value as a person types it; a secret is never shown."""
        if value is None or self.kind == "secret":
            return ""
        if self.kind == "lines":
            return "\n".join(value)
        return f"{value:g}" if isinstance(value, float) else str(value)


def _typed_number(field: Field, text: str) -> Any:
    if not text.strip():
        return None
    try:
        return int(text) if re.fullmatch(r"\s*-?\d{1,18}\s*", text) else float(text)
    except ValueError:
        raise field.wrong(f"is a number, not “{text[:40]}”") from None


def _odd(value: str, allowed: str = "") -> bool:
    return any((ord(c) < 32 and c not in allowed) or 0xD800 <= ord(c) <= 0xDFFF or ord(c) == 127 for c in value)


def _long(field: Field, value: Any, longest: int = LONGEST_TEXT, allowed: str = "\t\n") -> str:
    """A text; `high` of its field allows more characters."""
    longest = max(longest, int(field.high or 0))
    if not isinstance(value, str):
        raise field.wrong("is a text")
    if len(value) > longest:
        raise field.wrong(f"has at most {longest} characters")
    if _odd(value, allowed):
        raise field.wrong("holds a control character")
    return value


def _text(field: Field, value: Any) -> str:
    text = _long(field, value, allowed="").strip()
    if not text and field.required:
        raise field.wrong("is needed")
    return text


def _secret(field: Field, value: Any) -> str:
    return _long(field, value, LONGEST_SECRET)


def _number(field: Field, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise field.wrong("is a number")
    if (isinstance(value, int) and abs(value) >= 2**63) or not math.isfinite(value):
        raise field.wrong("is a number")
    if field.low is not None and value < field.low:
        raise field.wrong(f"is at least {field.low:g}")
    if field.high is not None and value > field.high:
        raise field.wrong(f"is at most {field.high:g}")
    return value


def _integer(field: Field, value: Any) -> int:
    if not isinstance(_number(field, value), int) or abs(value) >= 2**53:
        raise field.wrong("is a whole number")
    return int(value)


def _choice(field: Field, value: Any) -> str:
    if not isinstance(value, str) or value not in field.choices:
        raise field.wrong(f"is one of {', '.join(field.choices)}")
    return value


def _yes_no(field: Field, value: Any) -> bool:
    if not isinstance(value, bool):
        raise field.wrong("is true or false")
    return value


def _lines(field: Field, value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > MOST_LINES:
        raise field.wrong(f"is a list of at most {MOST_LINES} texts")
    found = [_long(field, one, allowed="\t").strip() for one in value]
    if not all(found):
        raise field.wrong("has no empty entry")
    return found


KINDS: dict[str, Callable[[Field, Any], Any]] = {
    "text": _text,
    "long": _long,
    "number": _number,
    "integer": _integer,
    "choice": _choice,
    "yes_no": _yes_no,
    "secret": _secret,
    "lines": _lines,
}
