"""PURE: what somebody sees who must not see the values of some columns. One function for each shape; all hide alike."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

HIDDEN = "hidden"
OPEN_FACTS = ("name", "type", "nullable", "missing", "present", "missing_share", "approximate", "unit", "weight")
QUOTED = (re.compile(r"“(.*?)”", re.DOTALL), re.compile(r"‘(.*?)’", re.DOTALL), re.compile(r'"(.*?)"', re.DOTALL),
          re.compile(r"(?<!\w)'(.*?)'(?!\w)", re.DOTALL))  # fmt: skip
UNCLEAR = re.compile(r"“.*”|“[^”]*$", re.DOTALL)
ERROR = re.compile(r"^([\w.]*(?:Error|Exception|Warning|Exit|Interrupt)\w*): .*", re.DOTALL)
TOLD = ("message", "reason", "sentence", "cause", "refused")  # parts of audit entries that may quote a cell


def visible(row: Mapping[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    """One row with the values of hidden columns replaced; what is missing stays missing."""
    return {name: HIDDEN if name in hidden and value is not None else value for name, value in row.items()}


def cells(names: Sequence[str], values: Sequence[Any], hidden: Collection[str]) -> list[Any]:
    """The same for a row without names."""
    return [
        HIDDEN if name in hidden and value is not None else value for name, value in zip(names, values, strict=True)
    ]


def profile(whole: Mapping[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    """A profile whose hidden columns tell how many cells there are and no value."""
    if not hidden:
        return dict(whole)
    columns = [_column(one) if one["name"] in hidden else one for one in whole.get("columns", [])]
    return {**whole, "columns": columns, "sample": [visible(row, hidden) for row in whole.get("sample", [])]}


def _column(one: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: one[key] for key in (*OPEN_FACTS, "distinct") if key in one}
    return kept | {"min": None, "max": None, "mean": None, "std": None, "hidden": True}


def unquoted(text: str, known: Collection[str] = ()) -> str:
    """A sentence without the values that it quotes; quoted names that are `known`, as those of columns, stay."""
    if text.count("“") != text.count("”"):  # a value holds such a mark itself, or the text was cut
        text = UNCLEAR.sub(f"“{HIDDEN}”", text)
    for quoted in QUOTED:
        text = quoted.sub(lambda found: found[0] if found[1] in (HIDDEN, *known) else f"“{HIDDEN}”", text)
    return text


def line(text: str, known: Collection[str] = ()) -> str:
    """A line of a log: the words of a program's error may hold a value without quotes."""
    return unquoted(ERROR.sub(rf"\1: {HIDDEN}", text), known)


def entry(data: Mapping[str, Any], hidden: Collection[str], known: Collection[str] = ()) -> dict[str, Any]:
    """What an audit entry keeps, without the values that it may quote of hidden columns."""
    found = dict(data)
    if "spec" in found:
        found["spec"] = tree(found["spec"], hidden)
    for key in TOLD:
        if isinstance(found.get(key), str):
            found[key] = unquoted(found[key], known)
    if touches(found.get("says"), hidden):
        found["says"] = "it is about a hidden column"
    return found


def report(whole: Mapping[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    """What the reading told, without rows that were refused whole and without values quoted on the way."""
    if not hidden:
        return dict(whole)
    found = dict(whole)
    found["refused"] = [
        one | {"text": HIDDEN, "reason": unquoted(str(one.get("reason", "")))} for one in whole.get("refused", [])
    ]
    found["guesses"] = [one | {"text": unquoted(str(one.get("text", "")))} for one in whole.get("guesses", [])]
    found["notes"] = [unquoted(str(note)) for note in whole.get("notes", [])]
    found["columns"] = {
        name: {key: value for key, value in told.items() if key != "notes"} if name in hidden else told
        for name, told in whole.get("columns", {}).items()
    }
    return found


def preview(result: Mapping[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    """A look ahead: cells of hidden columns, and of columns that the steps made, since those may hold the same."""
    if not hidden or "input" not in result:
        return dict(result)
    known = set(result["input"]["names"]) - set(hidden)
    steps = [_step(one, known) for one in result.get("steps", [])]
    return {**result, "input": _first(result["input"], known), "steps": steps}


def _step(one: Mapping[str, Any], known: Collection[str]) -> dict[str, Any]:
    found = dict(one) if "names" not in one else _first(one, known)
    for key in ("note", "problem"):
        if found.get(key):
            found[key] = unquoted(str(found[key])) if key == "problem" else "What it learned is hidden."
    if "learned" in found:
        found["learned"] = None
    if "sentence" in found:
        found["sentence"] = "What it writes is hidden."
    return found


def _first(one: Mapping[str, Any], known: Collection[str]) -> dict[str, Any]:
    unknown = {name for name in one["names"] if name not in known}
    return {**one, "first": [cells(one["names"], row, unknown) for row in one["first"]]}


def step(one: Mapping[str, Any], title: str, hidden: Collection[str]) -> dict[str, Any]:
    """A step that touches a hidden column as it may be shown: what is written into it is hidden."""
    params = {key: _literal(value, hidden) for key, value in one["params"].items()}
    return {"kind": one["kind"], "params": params, "sentence": f"{title}. It concerns a sensitive column."}


def touches(params: Any, hidden: Collection[str]) -> bool:
    """Whether a hidden column is named anywhere in a step's parameters."""
    if isinstance(params, str):
        return any(name in params for name in hidden)
    if isinstance(params, Mapping):
        return any(touches(key, hidden) or touches(value, hidden) for key, value in params.items())
    return isinstance(params, (list, tuple)) and any(touches(one, hidden) for one in params)


def _literal(value: Any, hidden: Collection[str]) -> Any:
    if isinstance(value, Mapping):
        return HIDDEN
    if isinstance(value, (list, tuple)):
        return [_literal(one, hidden) for one in value]
    return value if value in hidden or not isinstance(value, (str, int, float)) or isinstance(value, bool) else HIDDEN


def tree(value: Any, hidden: Collection[str]) -> Any:
    """Any nested answer about columns: entries that are named after a hidden column keep their counts only.

    Where a hidden column is the target, its two answers go, and the truths of single rows.
    """
    if not hidden:
        return value
    if isinstance(value, Mapping):
        return _mapping(value, hidden)
    if isinstance(value, (list, tuple)):
        return [tree(one, hidden) for one in value]
    return value


def _mapping(value: Mapping[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    if value.get("target") in hidden:
        value = {key: _of_target(key, one) for key, one in value.items()}
    if value.get("name") in hidden or ("text" in value and value.get("column") in hidden):
        return {key: _of_column(key, one) for key, one in value.items()}
    if set(value.get("drawn_from") or ()) & set(hidden):  # points that are made of hidden values
        return {key: [] for key in value}
    return {key: _groups(key, tree(one, hidden), hidden) for key, one in value.items()}


def _of_target(key: str, value: Any) -> Any:
    if key in ("positive", "negative"):
        return HIDDEN if value is not None else None
    if key == "classes" and value:
        return [f"answer {place}" for place in range(1, len(value) + 1)]
    if key == "methods" and isinstance(value, Mapping):
        return {
            name: {part: one for part, one in found.items() if part != "residuals"} for name, found in value.items()
        }
    return value


def _of_column(key: str, value: Any) -> Any:
    if key == "text":
        return unquoted(str(value))
    return value if key in (*OPEN_FACTS, "column", "importance", "loss", "low", "high", "kind", "share") else None


def _groups(key: str, value: Any, hidden: Collection[str]) -> Any:
    """A gap between the groups of a hidden column keeps its numbers; its groups are numbered."""
    if not isinstance(value, Mapping) or "groups" not in value or not any(f"@{name} " in key for name in hidden):
        return value
    return {**value, "groups": [one | {"name": f"group {i}"} for i, one in enumerate(value["groups"], start=1)]}


def sketch(entry: Mapping[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    """How one input moved: of a hidden column how much and how many, its bins numbered, no value."""
    return unlabelled(entry) if entry.get("name") in hidden else dict(entry)


def unlabelled(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Bins without what lies in them."""
    labels = [f"value {i}" for i in range(1, len(entry.get("labels", [])) + 1)]
    new = [{"value": HIDDEN, "count": one["count"]} for one in entry.get("new", [])]
    return {**entry, "labels": labels, "new": new, "change": unquoted(str(entry.get("change", "")))}


def inherited(
    inputs: Sequence[tuple[Sequence[Mapping[str, Any]], Mapping[str, str]]], names: Sequence[str]
) -> dict[str, str]:
    """The tags of a table made of others (schema and tags each): a name keeps its kind, a new name counts as derived.

    Without any sensitive column among the inputs nothing is tagged.
    """
    tagged: dict[str, str] = {}
    known: set[str] = set()
    for schema, tags in inputs:
        known |= {column["name"] for column in schema}
        tagged |= {name: kind for name, kind in tags.items() if kind != "none"}
    if not tagged:
        return {}
    return {name: tagged.get(name, "derived") for name in names if name in tagged or name not in known}


def difference(result: Mapping[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    """Two versions row by row: counts stay, examples lose hidden values."""
    examples = result["examples"]
    changed = [
        {"key": cells(result["key"], one["key"], hidden), "cells": [_pair(cell, hidden) for cell in one["cells"]]}
        for one in examples["changed"]
    ]
    rows = {side: [visible(row, hidden) for row in examples[side]] for side in ("added", "removed")}
    return {**result, "examples": {**rows, "changed": changed}}


def _pair(cell: Mapping[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    return {"name": cell["name"], "before": HIDDEN, "now": HIDDEN} if cell["name"] in hidden else dict(cell)
