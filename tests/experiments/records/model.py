"""A filter of runs answered the plain way, over dictionaries in memory; and strategies that make filters."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from experiments.records.filters import Clause, Every, Field, Node, Not, Some

NAMES = ("recall", "loss at end", "lr", "ünused")
TEXTS = ("forest", "Boosted", "0.1", "", "3", 'a "b"')


def holds(node: Node, row: Mapping[str, Any]) -> bool:
    """Whether a filter is true of a row: {metrics, min, max, params, tags, and the run's own fields}."""
    if isinstance(node, Clause):
        return _clause(node, row)
    if isinstance(node, Not):
        return not holds(node.part, row)
    every = [holds(part, row) for part in node.parts]
    return all(every) if isinstance(node, Every) else any(every)


def _clause(clause: Clause, row: Mapping[str, Any]) -> bool:
    field = clause.field
    there = field.key in row[field.group] if field.group else row[field.key] is not None
    if clause.op == "null":
        return not there or (not field.group and row[field.key] == "")
    if not there:
        return False
    value = row[field.group][field.key] if field.group else row[field.key]
    op = "=" if clause.op == "in" else clause.op
    return value is not None and any(_test(field, op, value, wanted) for wanted in clause.values)


def _test(field: Field, op: str, value: Any, wanted: Any) -> bool:
    if field.key == "data" and not field.group:
        name, _, number = value.partition("/v")
        return wanted.lower() in name.lower() if op == "~" else wanted in (name, f"{name}/v{number}")
    if op == "~":
        return (f"{wanted:.15g}" if isinstance(wanted, float) else wanted).lower() in str(value).lower()
    if field.group in ("params", "tags") and isinstance(wanted, float):
        try:
            value = float(value)
        except ValueError:
            return False
    return bool(
        {"=": lambda: value == wanted, "<": lambda: value < wanted, "<=": lambda: value <= wanted,
         ">": lambda: value > wanted, ">=": lambda: value >= wanted}[op]()
    )  # fmt: skip


numbers = st.sampled_from([-1.0, 0.0, 0.1, 0.5, 1.0, 1.5, 3.0, 1e300])
metric = st.builds(Field, st.sampled_from(["metrics", "min", "max"]), st.sampled_from(NAMES))
logged = st.builds(Field, st.sampled_from(["params", "tags"]), st.sampled_from(NAMES))
own = st.sampled_from(["number", "trial", "duration", "cost"]).map(lambda name: Field("", name))
told = st.sampled_from(["method", "by", "hypothesis"]).map(lambda name: Field("", name))
ordering = st.sampled_from(["=", "<", "<=", ">", ">="])


def one(value: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return value.map(lambda found: (found,))


several = st.lists(numbers, min_size=1, max_size=3).map(tuple)
leaves = st.one_of(
    st.builds(Clause, metric | own, ordering, one(numbers)),
    st.builds(Clause, metric | own, st.just("in"), several),
    st.builds(Clause, logged, ordering, one(numbers)),
    st.builds(Clause, logged | told, st.sampled_from(["=", "~"]), one(st.sampled_from(TEXTS))),
    st.builds(Clause, logged, st.just("in"), st.lists(numbers | st.sampled_from(TEXTS), min_size=1).map(tuple)),
    st.builds(Clause, metric | logged | own | told, st.just("null")),
    st.builds(Clause, st.just(Field("", "state")), st.just("="), one(st.sampled_from(["finished", "failed"]))),
    st.builds(
        Clause,
        st.just(Field("", "data")),
        st.sampled_from(["=", "~"]),
        one(st.sampled_from(["telco", "telco/v2", "x"])),
    ),
)


def _joined(parts: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    many = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return st.builds(Not, parts) | st.builds(Every, many) | st.builds(Some, many)


nodes: st.SearchStrategy[Node] = st.recursive(leaves, _joined, max_leaves=6)
