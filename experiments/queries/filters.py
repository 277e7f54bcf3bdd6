"""Filters of the runs table as the database reads them."""

import math
import re
from collections.abc import Iterable, Mapping

from django.db.models import Q

from experiments.models.records import RunKey, RunMetric, RunText
from experiments.records.filters import Clause, Every, Field, Node, Not, Value
from projects.models.projects import Project

Keys = Mapping[tuple[str, str], int]
COLUMNS = {
    "number": "number",
    "trial": "trial_number",
    "duration": "seconds",
    "cost": "cost",
    "created": "created_at",
    "finished": "finished_at",
    "state": "state",
    "kind": "kind",
    "cause": "cause",
    "method": "method",
    "by": "created_by__name",
    "hypothesis": "hypothesis",
}
WHOLE = ("number", "trial")
ENDS = {"metrics": "last", "min": "low", "max": "high"}
KINDS = {"params": RunKey.Kind.PARAM, "tags": RunKey.Kind.TAG}
LOOKUPS = {"=": "exact", "<": "lt", "<=": "lte", ">": "gt", ">=": "gte", "~": "icontains"}


def keys_of(project: Project, fields: Iterable[Field]) -> Keys:
    """The ids of the names that fields speak of, by kind and name; unknown ones are left out."""
    wanted = {(kind_of(one), one.key) for one in fields if one.group}
    if not wanted:
        return {}
    rows = RunKey.objects.filter(project=project, name__in={name for _, name in wanted})
    return {(kind, name): pk for kind, name, pk in rows.values_list("kind", "name", "pk") if (kind, name) in wanted}


def kind_of(field: Field) -> str:
    """Whether a field speaks of metrics, parameters or tags."""
    return str(KINDS.get(field.group, RunKey.Kind.METRIC))


def condition(node: Node, keys: Keys, prefix: str = "") -> Q:
    """A filter as the database reads it; `prefix` is the way from the row to its record."""
    if isinstance(node, Clause):
        return _logged(node, keys, prefix) if node.field.group else _own(node, prefix)
    if isinstance(node, Not):
        return ~condition(node.part, keys, prefix)
    parts = [condition(part, keys, prefix) for part in node.parts]
    found = parts[0]
    for part in parts[1:]:
        found = found & part if isinstance(node, Every) else found | part
    return found


def _logged(clause: Clause, keys: Keys, prefix: str) -> Q:
    """Whether a record has a metric, parameter or tag that is so."""
    name = f"{prefix.removesuffix('__') or 'pk'}__in"
    key = keys.get((kind_of(clause.field), clause.field.key))
    if key is None:
        has = Q(**{name: []})
    elif clause.field.group in ENDS:
        has = Q(**{name: RunMetric.objects.filter(_metric(clause), key=key).order_by().values("record")})
    else:
        has = Q(**{name: RunText.objects.filter(_text(clause), key=key).order_by().values("record")})
    return ~has if clause.op == "null" else has


def _metric(clause: Clause) -> Q:
    column = ENDS[clause.field.group]
    if clause.op == "null":
        return Q()
    return _any(Q(**{f"{column}__{LOOKUPS['=' if clause.op == 'in' else clause.op]}": one}) for one in clause.values)


def _text(clause: Clause) -> Q:
    """A text as it stands, or as the number that it reads as."""
    if clause.op == "null":
        return Q()
    if clause.op == "~":
        return Q(value__icontains=_plain(clause.values[0]))
    lookup = LOOKUPS["=" if clause.op == "in" else clause.op]
    return _any(
        Q(**{f"number__{lookup}": one}) if isinstance(one, float) else Q(**{f"value__{lookup}": one})
        for one in clause.values
    )


def _plain(value: Value) -> str:
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _any(parts: Iterable[Q]) -> Q:
    found = Q(pk__in=[])
    for part in parts:
        found = found | part
    return found


def _own(clause: Clause, prefix: str) -> Q:
    """What a record itself says. Nothing is never equal, smaller or larger."""
    name = clause.field.key
    column = prefix + ("data" if name == "data" else COLUMNS[name])
    if clause.op == "null":
        empty = Q(**{f"{column}__isnull": True})
        return empty | Q(**{column: ""}) if name in ("method", "hypothesis") else empty
    op = "=" if clause.op == "in" else clause.op
    tests = [_test(name, column, op, value) for value in clause.values]
    found = tests[0]
    for test in tests[1:]:
        found = found | test
    return found


def _test(name: str, column: str, op: str, value: Value) -> Q:
    if name == "data":
        return _on_data(column, op, str(value))
    if name in WHOLE and isinstance(value, float):
        return _on_whole(column, op, value)
    return Q(**{f"{column}__{LOOKUPS[op]}": value, f"{column}__isnull": False})


def _on_whole(column: str, op: str, value: float) -> Q:
    """A whole number against any number: `number > 1.5` is `number >= 2`."""
    low, high = math.floor(value), math.ceil(value)
    if op == "=" and low != high:
        return Q(pk__in=[])
    bound = {"<": ("lt", high), "<=": ("lte", low), ">": ("gt", low), ">=": ("gte", high), "=": ("exact", low)}[op]
    return Q(**{f"{column}__{bound[0]}": bound[1]})


def _on_data(column: str, op: str, value: str) -> Q:
    """A dataset by its name, or one version of it, like telco/v2."""
    if op == "~":
        return Q(**{f"{column}__dataset__name__icontains": value, f"{column}__isnull": False})
    named = re.fullmatch(r"(.+)/v(\d{1,9})", value)
    if not named:
        return Q(**{f"{column}__dataset__name": value, f"{column}__isnull": False})
    return Q(**{f"{column}__dataset__name": named[1], f"{column}__number": int(named[2]), f"{column}__isnull": False})
