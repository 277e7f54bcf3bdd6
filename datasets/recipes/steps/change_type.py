"""PURE: another type for a column, with the meanings of each change written out."""

from typing import Any

from datasets.recipes.base import Params, names_in_words
from datasets.recipes.fields import Field
from datasets.recipes.frame import EXACT, NUMERIC, TYPES, WORDS, Frame, floor, ibis_type, missing, plain_number, whole
from datasets.recipes.late import ibis
from datasets.recipes.unreadable import OTHERWISE, ReadingStep
from problems.problem import Invalid

IMPOSSIBLE = {("boolean", "date"), ("boolean", "datetime"), ("date", "boolean"), ("datetime", "boolean")} | {
    pair for number in NUMERIC for time in ("date", "datetime") for pair in ((number, time), (time, number))
}


class ChangeType(ReadingStep):
    """A half is rounded away from zero; text reads as ISO dates, plain numbers, and true, false, yes, no."""

    kind = "change_type"
    title = "Change the type"
    help = "To whole numbers a half is rounded away from zero. Texts must be plain: 12.5, true, 2026-01-31."
    fields = (
        Field("columns", "columns", "Columns"),
        Field("type", "choice", "New type", choices={kind: WORDS[kind] for kind in TYPES}),
        OTHERWISE,
    )

    def fits(self, frame: Frame, p: Params) -> None:
        super().fits(frame, p)
        for name in p["columns"]:
            if (frame.type_of(name), p["type"]) in IMPOSSIBLE:
                text = f"“{name[:100]}” is a {WORDS[frame.type_of(name)]} and cannot become a {WORDS[p['type']]}."
                raise Invalid(text, fields={"columns": text}, code="wrong_type")

    def sentence(self, p: Params) -> str:
        return f"Make {names_in_words(p['columns'])} {WORDS[p['type']]}."

    def values(self, frame: Frame, p: Params) -> tuple[Frame, dict[str, tuple[str, Any]]]:
        return frame, {
            name: (p["type"], _changed(frame[name], frame.type_of(name), p["type"])) for name in p["columns"]
        }


def _changed(value: Any, old: str, new: str) -> Any:
    if old == new:
        return value
    if old == "text":
        return _from_text(value, new)
    if new == "text":
        return _to_text(value, old)
    if new == "integer":
        return value.cast("int64") if old == "boolean" else whole(value)
    if new == "boolean":
        return value != 0
    return value.cast(ibis_type(new))


def _from_text(text: Any, new: str) -> Any:
    clean = text.re_replace(r"^\s+|\s+$", "")
    if new == "number":
        return plain_number(clean)
    if new == "integer":
        exact = ibis.ifelse(clean.re_search(r"^[+-]?[0-9]{1,18}$"), clean, missing("text")).try_cast("int64")
        return ibis.coalesce(exact, whole(plain_number(clean)))
    if new == "boolean":
        return clean.lower().cases(
            ("true", True), ("yes", True), ("1", True), ("false", False), ("no", False), ("0", False),
            else_=missing("boolean"),
        )  # fmt: skip
    shape = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}" + (
        r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?)?$" if new == "datetime" else "$"
    )
    return ibis.ifelse(clean.re_search(shape), clean, missing("text")).try_cast(ibis_type(new))


def _to_text(value: Any, old: str) -> Any:
    """Engines write numbers and times in different ways: whole ones without a point, times as ISO."""
    if old == "number":
        plain = (value == floor(value)) & (value.abs() < EXACT)
        return ibis.ifelse(
            plain, whole(ibis.ifelse(plain, value, missing("number"))).cast("string"), value.cast("string")
        )
    if old == "boolean":
        return value.cases((True, "true"), (False, "false"))
    return value.strftime("%Y-%m-%d %H:%M:%S") if old == "datetime" else value.cast("string")
