"""PURE: what a project would do without a model, written as plain values: checked, and said in a sentence."""

import math
from collections.abc import Mapping
from typing import Any

KINDS = {
    "constant": "Always the same answer",
    "rule": "A rule in plain columns",
    "last_value": "What it was last time",
    "column": "An answer that the data brings along",
}
OPS = {
    "=": "is",
    "!=": "is not",
    "<": "is under",
    "<=": "is at most",
    ">": "is over",
    ">=": "is at least",
    "empty": "is empty",
    "filled": "is not empty",
}
BARE = ("empty", "filled")
JOINS = {"and": "all of these hold", "or": "one of these holds"}
MOST_CONDITIONS = 4
LONGEST = 200
Spec = dict[str, Any]
Wrong = dict[str, str]


def make(kind: str, question: str, given: Mapping[str, Any]) -> tuple[Spec | None, Wrong]:
    """A baseline for a project by its question (`binary`, `multiclass`, `regression`), or what is wrong by field.

    `given` carries, as the kind needs: answer, otherwise, join, conditions ({column, op, value}), column, order_by.
    """
    if kind not in KINDS:
        return None, {"kind": f"Choose one of: {', '.join(KINDS)}."}
    return {"constant": _constant, "rule": _rule, "last_value": _last, "column": _column}[kind](question, given)


def _answer(question: str, given: Mapping[str, Any], field: str) -> tuple[Any, Wrong]:
    value = given.get(field)
    if question == "binary":
        word = str(value).strip().lower()
        return (word, {}) if word in ("yes", "no") else (None, {field: "Answer yes or no."})
    if question == "multiclass":
        word = _text(value)
        return (word, {}) if word else (None, {field: "Give one of the answers."})
    number = as_number(value)
    return (number, {}) if number is not None else (None, {field: "Give a number."})


def _constant(question: str, given: Mapping[str, Any]) -> tuple[Spec | None, Wrong]:
    answer, wrong = _answer(question, given, "answer")
    return ({"kind": "constant", "answer": answer}, {}) if not wrong else (None, wrong)


def _rule(question: str, given: Mapping[str, Any]) -> tuple[Spec | None, Wrong]:
    conditions, wrong = _conditions(given.get("conditions"))
    join = str(given.get("join") or "and")
    if join not in JOINS:
        wrong["join"] = "Choose and, or or."
    answers = {"answer": "yes", "otherwise": "no"}
    if question != "binary":
        for field in answers:
            answers[field], faults = _answer(question, given, field)
            wrong |= faults
    if wrong:
        return None, wrong
    return {"kind": "rule", "join": join, "conditions": conditions, **answers}, {}


def _conditions(given: Any) -> tuple[list[dict[str, str]], Wrong]:
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_CONDITIONS:
        return [], {"conditions": f"A rule has from 1 to {MOST_CONDITIONS} conditions."}
    kept = []
    for place, one in enumerate(given):
        if not isinstance(one, Mapping):
            return [], {"conditions": "A condition names column, op and value."}
        column, op, value = (_text(one.get(name)) for name in ("column", "op", "value"))
        if not column or op not in OPS or (op not in BARE and not value):
            return [], {f"conditions[{place}]": "Choose a column, how it compares, and with what."}
        kept.append({"column": column, "op": op, "value": "" if op in BARE else value})
    return kept, {}


def _last(question: str, given: Mapping[str, Any]) -> tuple[Spec | None, Wrong]:
    column, order_by = _text(given.get("column")), _text(given.get("order_by"))
    if bool(column) == bool(order_by):
        words = "Name the column that holds the last answer, or the one that says which row came before; not both."
        return None, {"column": words}
    return {"kind": "last_value", "column": column, "order_by": order_by}, {}


def _column(question: str, given: Mapping[str, Any]) -> tuple[Spec | None, Wrong]:
    column = _text(given.get("column"))
    return ({"kind": "column", "column": column}, {}) if column else (None, {"column": "Name the column."})


def _text(value: Any) -> str:
    if isinstance(value, bool):
        value = str(value).lower()
    text = str(value).strip() if isinstance(value, (str, int, float)) else ""
    return text[:LONGEST].replace("\x00", "")


def as_number(value: Any) -> float | None:
    """A finite number from a number or its text; None for everything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def columns_of(spec: Mapping[str, Any]) -> list[str]:
    """Every column that it reads, each once."""
    names = [one["column"] for one in spec.get("conditions", [])]
    names += [spec.get("column", ""), spec.get("order_by", "")]
    return list(dict.fromkeys(name for name in names if name))


def sentence(spec: Mapping[str, Any]) -> str:
    """The practice as people read it."""
    kind = spec.get("kind")
    if kind == "constant":
        return f"Always answer {_said(spec['answer'])}."
    if kind == "rule":
        parts = [f"{one['column']} {OPS[one['op']]} {one['value']}".strip() for one in spec["conditions"]]
        joined = f" {spec['join']} ".join(parts)
        return f"Answer {_said(spec['answer'])} when {joined}, else {_said(spec['otherwise'])}."
    if kind == "last_value":
        where = f"what {spec['column']} says" if spec["column"] else f"that of the row before it by {spec['order_by']}"
        return f"Answer the same as last time: {where}."
    return f"Take the answer that the data brings along in {spec.get('column', '')}."


def _said(answer: Any) -> str:
    return f"{answer:g}" if isinstance(answer, float) else str(answer)
