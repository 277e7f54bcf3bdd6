"""PURE: what may be asked where nobody knows the answers: known ones for checking, and what share to flag."""

from collections.abc import Mapping
from typing import Any

from experiments.guesses import TIMES, Column
from problems.problem import Invalid

SHARE = 0.05
LEAST_KNOWN = 10


def known_answers(given: Any, kind: str, columns: Mapping[str, Column]) -> str:
    """The column that says of some rows whether they are what is looked for; empty where there is none."""
    if given in (None, ""):
        return ""
    if kind != "anomaly":
        raise _wrong("target", "Groups are found without any answer; leave this empty.")
    if not isinstance(given, str) or given not in columns:
        raise _wrong("target", f"This data version has no column “{given}”.")
    column = columns[given]
    if column.distinct != 2 or column.type in TIMES:
        raise _wrong(
            "target", f"“{given}” has {column.distinct} different values; known answers for checking are two words."
        )
    for value, count in column.classes.items():
        if count < LEAST_KNOWN:
            raise _wrong("target", f"Only {count} rows have “{given}” = “{value}”. At least {LEAST_KNOWN} are needed.")
    return given


def refuse_answers_in(treatments: Mapping[str, Mapping[str, str]]) -> None:
    """No word can be read as the average answer of its rows where rows have no answers."""
    for name, treatment in treatments.items():
        if treatment.get("coding") == "target":
            raise _wrong(f"treatments.{name}.coding", "Without answers there is no average answer of a word.")


def _wrong(field: str, text: str) -> Invalid:
    return Invalid(text, fields={field: text})
