"""The runs table as somebody asks for it: an address is read, lines get their words, for pages and API alike."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from experiments.estimators.catalog import name_of
from experiments.models.records import RunRecord
from experiments.queries.records import Cell, Line
from experiments.records.asked import Asked, asked, words_of, written
from experiments.records.filters import NUMBER, Every, Field, FilterProblem, parse
from projects.measures import MEASURES

PARTS = ("filter", "order", "columns")
CAUSES = {"person": "By hand", "retraining": "Retraining", "reproduction": "Made again"}
OLD_ORDERS = {"when": "created"}


def usual_columns(decide_by: str) -> tuple[Field, ...]:
    """What the table shows until somebody chooses."""
    return Field("", "method"), Field("metrics", decide_by), Field("", "data"), Field("", "cause"), Field("", "by")


def look_in(given: Mapping[str, str]) -> dict[str, str]:
    """Filter, order and columns of an address; `state` is one more condition, and `sort` an order by its short name."""
    look = {part: given.get(part, "").replace("\x00", "").strip() for part in PARTS}
    if not look["order"] and (sort := given.get("sort", "")):
        name, sign = sort.removeprefix("-"), "-" if sort.startswith("-") else ""
        look["order"] = sign + (f"metrics.{name}" if name in MEASURES else OLD_ORDERS.get(name, name))
        try:
            asked(look)
        except FilterProblem:
            look["order"] = ""
    return look


def read(look: Mapping[str, str], state: str, usual: Sequence[Field]) -> Asked:
    """What is asked for, checked. Raises FilterProblem."""
    found = asked(look, usual)
    if state not in RunRecord.State.values:
        return found
    only = parse(f"state = {state}")
    assert only is not None
    return Asked(Every((found.filter, only)) if found.filter else only, found.order, found.columns)


def folded(look: Mapping[str, str], state: str) -> dict[str, str]:
    """The look with the state as part of the filter, so that it can be kept."""
    if state not in RunRecord.State.values:
        return dict(look)
    both = f"({look['filter']}) and state = {state}" if look["filter"] else f"state = {state}"
    return {**look, "filter": both}


@dataclass(frozen=True)
class Head:
    """One heading of the table. `sorted` is ascending, descending or nothing; `without` are the columns but for it."""

    field: Field
    words: str
    number: bool
    sorted: str
    order: str
    without: str
    decides: bool


def heads(found: Asked, decide_by: str) -> list[Head]:
    """The headings, each with the order that a click on it asks for: the largest first, then the smallest."""
    rows = []
    for field in found.columns:
        here = found.order is not None and found.order[0] == field
        falling = here and found.order is not None and found.order[1]
        decides = field == Field("metrics", decide_by)
        rows.append(
            Head(
                field,
                MEASURES[decide_by].words if decides else words_of(field),
                field.kind == NUMBER,
                ("descending" if falling else "ascending") if here else "",
                str(field) if falling else f"-{field}",
                written([one for one in found.columns if one != field]),
                decides,
            )
        )
    return rows


def plain(cell: Cell) -> Any:
    """A cell as programs read it."""
    return cell.value.isoformat() if isinstance(cell.value, datetime) else cell.value


def said(line: Line, cell: Cell) -> str:
    """A cell in words."""
    value, record = cell.value, line.record
    if value is None:
        return "–"
    if cell.field.group:
        return f"{value:.4g}" if isinstance(value, float) else str(value)
    words: dict[str, Callable[[], str]] = {
        "state": record.get_state_display,
        "kind": record.get_kind_display,
        "cause": lambda: CAUSES[record.cause],
        "method": lambda: name_of(record.method),
        "cost": lambda: f"{value:.2f} {record.currency}",
        "duration": lambda: duration_words(value),
    }
    return words.get(cell.field.key, lambda: str(value))()


def duration_words(seconds: float) -> str:
    """A duration in the largest fitting unit."""
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
