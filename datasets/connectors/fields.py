"""PURE: the parameters that a connector declares: where they stand in its form, and the kinds that only it has."""

from dataclasses import dataclass
from typing import Any

from datasets.fields import SHARED, Parameter, Reader, listed, text_of

LONGEST_TEXT = 2000
LONGEST_SECRET = 20_000
MOST_LINES = 200
MOST_COLUMNS = 2000
LONGEST_NAME = 128
LISTS = ("lines", "columns")
WHERE, SIGN_IN, WHAT, HOW = "Where it is", "Signing in", "What to read", "How to ask"


@dataclass(frozen=True)
class Field(Parameter):
    """One parameter of a source.

    `locates` marks what says where data comes from or as whom it is fetched: another value of it voids the approval
    and asks for the secrets again. A field of kind `secret` is sealed, never shown, and handed to `fetch` in clear.
    `only` says for which values of another field it has a meaning; elsewhere it must stay empty. `incremental` marks
    what only means something when a load brings what is new; `widens` what else the approval is about.
    """

    group: str = WHAT
    locates: bool = False
    only: tuple[str, tuple[str, ...]] | None = None
    incremental: bool = False
    widens: bool = False
    example: str = ""

    @property
    def needed(self) -> bool:
        return super().needed and self.only is None

    @property
    def empty(self) -> Any:
        """The value of a field that was left out."""
        return self.default if self.default is not None else [] if self.kind in LISTS else None

    def left_out(self, value: Any) -> Any:
        return self.empty

    def from_text(self, text: str) -> Any:
        """The JSON value of what a person typed."""
        text = text.replace("\r\n", "\n")
        if self.kind in LISTS:
            return [line.strip() for line in text.split("\n") if line.strip()]
        if self.kind in ("number", "integer"):
            return self.typed_number(text)
        if self.kind == "yes_no":
            return text in ("on", "true", "yes")
        return text if self.kind in ("secret", "long") else text.strip()

    def as_text(self, value: Any) -> str:
        """The value as a person types it; a secret is never shown."""
        if value is None or self.kind == "secret":
            return ""
        if self.kind in LISTS:
            return "\n".join(value)
        return f"{value:g}" if isinstance(value, float) else str(value)


def _long(field: Field, value: Any, longest: int = LONGEST_TEXT, allowed: str = "\t\n") -> str:
    """A text; `high` of its field allows more characters."""
    return text_of(field, value, max(longest, int(field.high or 0)), allowed)


def _text(field: Field, value: Any) -> str:
    text = _long(field, value, allowed="").strip()
    if not text and field.required:
        raise field.wrong("is needed")
    return text


def _secret(field: Field, value: Any) -> str:
    return _long(field, value, LONGEST_SECRET)


def _lines(field: Field, value: Any) -> list[str]:
    found = [_long(field, one, allowed="\t").strip() for one in listed(field, value, MOST_LINES, "texts")]
    if not all(found):
        raise field.wrong("has no empty entry")
    return found


def _columns(field: Field, value: Any) -> list[str]:
    found = [text_of(field, one, LONGEST_NAME, "") for one in listed(field, value, MOST_COLUMNS, "columns")]
    if not all(found) or len(set(found)) < len(found):
        raise field.wrong("names each column once")
    return found


KINDS: dict[str, Reader] = SHARED | {
    "text": _text,
    "long": _long,
    "secret": _secret,
    "lines": _lines,
    "columns": _columns,
}
Field.kinds = KINDS
