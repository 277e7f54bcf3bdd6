"""Steps of a recipe as a page shows them: sentence, what the look ahead found, rows after the step."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from datasets.columns import number
from datasets.queries.seen import seen_steps
from datasets.recipes.plan import read_steps
from jobs.models import Job, State


@dataclass(frozen=True)
class Shown:
    """One step. `facts` are sentences about rows, columns and cells; `names` and `rows` the table after it."""

    place: int
    title: str
    sentence: str
    facts: list[str] = field(default_factory=list)
    note: str = ""
    problem: str = ""
    names: list[str] = field(default_factory=list)
    rows: list[list[Any]] = field(default_factory=list)
    changed: list[bool] = field(default_factory=list)


def shown_steps(raw: Any, preview: Job | None, hidden: Collection[str] = ()) -> tuple[Shown | None, list[Shown]]:
    """The input and the steps; without a finished look ahead only what the steps say of themselves."""
    found = preview.result if preview and preview.state == State.SUCCEEDED and preview.result else {}
    told: list[dict[str, Any]] = found.get("steps", [])
    steps = [
        _step(place, one.step.title, said["sentence"], told[place] if place < len(told) else {})
        for place, (one, said) in enumerate(zip(read_steps(raw), seen_steps(raw, hidden), strict=True))
    ]
    return (_input(found["input"]) if found else None), steps


def _input(told: dict[str, Any]) -> Shown:
    facts = [f"{number(told['rows'])} rows", f"{number(told['columns'])} columns"]
    return Shown(0, "", "", facts, names=told["names"], rows=told["first"], changed=[False] * len(told["names"]))


def _step(place: int, title: str, sentence: str, told: dict[str, Any]) -> Shown:
    if not told or "problem" in told:
        return Shown(place + 1, title, sentence, problem=told.get("problem", ""))
    changed = told["changed"]
    touched = set(changed["cells"]) | set(changed["new"])
    return Shown(
        place + 1,
        title,
        sentence,
        _facts(told),
        told["note"],
        names=told["names"],
        rows=told["first"],
        changed=[name in touched for name in told["names"]],
    )


def _facts(told: dict[str, Any]) -> list[str]:
    before, after, changed = told["rows_before"], told["rows_after"], told["changed"]
    facts = [f"{number(before)} to {number(after)} rows" if before != after else f"{number(after)} rows"]
    facts.append(f"{number(told['columns'])} columns")
    if changed["new"]:
        facts.append(f"new: {', '.join(changed['new'][:4])}" + (" and more" if len(changed["new"]) > 4 else ""))
    if changed["gone"]:
        facts.append(f"gone: {', '.join(changed['gone'][:4])}" + (" and more" if len(changed["gone"]) > 4 else ""))
    if changed["cells"]:
        facts.append(
            ", ".join(f"{number(count)} cells of {name}" for name, count in list(changed["cells"].items())[:4])
        )
    elif before == after and not changed["new"] and not changed["gone"]:
        facts.append("no cell differs")
    return facts
