"""PURE: what somebody asks of the runs table: which runs, in which order, with which columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from experiments.records.filters import Field, FilterProblem, Node, clauses, fields_in, parse

MOST_COLUMNS = 30
WORDS = {
    "number": "Run",
    "trial": "Trial",
    "duration": "Computed for",
    "cost": "Cost",
    "created": "Started",
    "finished": "Ended",
    "state": "State",
    "kind": "Made as",
    "cause": "Why",
    "method": "Method",
    "data": "Data",
    "by": "By",
    "hypothesis": "Hypothesis",
}
ENDS = {"min": "lowest", "max": "highest"}


@dataclass(frozen=True)
class Asked:
    """A way to look at the runs, read and checked. `order` is a field, and whether from the largest down."""

    filter: Node | None = None
    order: tuple[Field, bool] | None = None
    columns: tuple[Field, ...] = ()

    @property
    def with_trials(self) -> bool:
        """Trials are lines of the table only where the filter speaks of them."""
        about = (
            {clause.field.key for clause in clauses(self.filter) if not clause.field.group} if self.filter else set()
        )
        return bool(about & {"kind", "trial"})


def asked(given: Mapping[str, str], usual: Sequence[Field] = ()) -> Asked:
    """The way to look that `filter`, `order` and `columns` say; without columns the usual ones."""
    order, columns = (_read(name, given.get(name, "")) for name in ("order", "columns"))
    if len(columns) > MOST_COLUMNS:
        raise FilterProblem(f"At most {MOST_COLUMNS} columns fit beside each other.", 0, "columns")
    falling = given.get("order", "").strip().startswith("-")
    return Asked(parse(given.get("filter", "")), (order[0], falling) if order else None, columns or tuple(usual))


def _read(name: str, text: str) -> tuple[Field, ...]:
    bare = text.strip().removeprefix("-") if name == "order" else text
    try:
        found = tuple(fields_in(bare))
    except FilterProblem as problem:
        raise FilterProblem(problem.said, problem.place, name) from problem
    if name == "order" and len(found) > 1:
        raise FilterProblem("Sort by one column.", 0, name)
    return found


def words_of(field: Field) -> str:
    """A column's heading."""
    if not field.group:
        return WORDS[field.key]
    return f"{field.key}, {ENDS[field.group]}" if field.group in ENDS else field.key


def written(columns: Sequence[Field]) -> str:
    """Columns as an address has them."""
    return ",".join(str(one) for one in columns)
