"""PURE: values that a recipe states or learns: from text to one of the six types, and as plain JSON."""

import math
import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from datasets.recipes.frame import WORDS
from problems.problem import Invalid

TRUE, FALSE = {"true", "yes", "1"}, {"false", "no", "0"}


def from_text(text: str, kind: str, field: str) -> Any:
    """The value that a person wrote, as JSON has it; refuses what is not of the type."""
    try:
        return _read(text, kind)
    except ValueError:
        said = f"“{text[:60]}” is no {WORDS[kind]}."
        raise Invalid(said, fields={field: said}, code="wrong_type") from None


def _read(text: str, kind: str) -> Any:
    clean = text.strip()
    if kind == "text":
        return text
    if kind == "integer":
        if not re.fullmatch(r"[+-]?\d{1,18}", clean):
            raise ValueError
        return int(clean)
    if kind == "number":
        value = float(clean)
        if not math.isfinite(value):
            raise ValueError
        return value
    if kind == "boolean":
        if clean.lower() not in TRUE | FALSE:
            raise ValueError
        return clean.lower() in TRUE
    return date.fromisoformat(clean).isoformat() if kind == "date" else datetime.fromisoformat(clean).isoformat(" ")


def plain(value: Any) -> Any:
    """A value of the engine as JSON has it, whole and exact."""
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
