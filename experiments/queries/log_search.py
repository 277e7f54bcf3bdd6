"""Which logged runs a filter of the protocol finds, and in which order, as the database reads it."""

from collections.abc import Sequence
from typing import Any, cast

from django.db.models import CharField, F, Lookup, OrderBy, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Cast, Concat

from experiments.models.logged import LogExperiment, LogInput, LogRun
from experiments.models.records import RunKey, RunMetric, RunText
from experiments.tracking.grammar import Clause
from experiments.tracking.matching import Facts, holds
from experiments.tracking.wire import STATES
from projects.models.projects import Project

OPS = {"=": "exact", "<": "lt", "<=": "lte", ">": "gt", ">=": "gte", "LIKE": "alike", "ILIKE": "ialike"}
KINDS = {"params": RunKey.Kind.PARAM, "tags": RunKey.Kind.TAG, "metrics": RunKey.Kind.METRIC}
OWN = {
    "start_time": "started",
    "end_time": "ended",
    "run_name": "name",
    "user_id": "user_name",
    "run_id": "key",
    "artifact_uri": "place",
}
VIEWS = {"ACTIVE_ONLY": True, "DELETED_ONLY": False, "ALL": None}
Order = Sequence[tuple[str, str, bool]]


class Alike(Lookup):
    """SQL's LIKE with the size of letters."""

    lookup_name = "alike"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """On PostgreSQL as it stands; SQLite knows GLOB."""
        left, given = self.process_lhs(compiler, connection)
        pattern = str(self.rhs)
        if connection.vendor == "sqlite":
            return f"{left} GLOB %s", (*given, _glob(pattern))
        return f"{left} LIKE %s ESCAPE ''", (*given, pattern)


class AlikeAnyCase(Alike):
    """SQL's LIKE whatever the size of letters."""

    lookup_name = "ialike"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """SQLite's LIKE minds no size of letters."""
        left, given = self.process_lhs(compiler, connection)
        if connection.vendor == "sqlite":
            return f"{left} LIKE %s", (*given, str(self.rhs))
        return f"{left} ILIKE %s ESCAPE ''", (*given, str(self.rhs))


def _glob(pattern: str) -> str:
    """A pattern of LIKE as GLOB writes it."""
    return "".join({"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}.get(one, one) for one in pattern)


for column in (CharField, TextField):
    column.register_lookup(Alike)
    column.register_lookup(AlikeAnyCase)


Keys = dict[tuple[str, str], int]


def found_runs(
    project: Project, numbers: Sequence[int], clauses: Sequence[Clause], view: str, order: Order
) -> QuerySet[LogRun]:
    """The runs of these folders, in this order; ties by the newest start."""
    keys = _keys(project, clauses, order)
    rows = _filtered(project, numbers, clauses, view, keys)
    return _ordered(rows, order, keys, [])


def page_of_runs(
    project: Project,
    numbers: Sequence[int],
    clauses: Sequence[Clause],
    view: str,
    order: Order,
    page: slice,
) -> list[LogRun]:
    """A page of them. Runs by a metric are read off the index of its values while those that have one fill the page."""
    keys = _keys(project, clauses, order)
    rows = _filtered(project, numbers, clauses, view, keys)
    key = keys.get((order[0][0], order[0][1])) if order and order[0][0] == "metrics" else None
    if key is not None:
        value = F("record__metrics__last")
        having = rows.filter(record__metrics__key=key, record__metrics__last__isnull=False)
        first = [value.desc() if order[0][2] else value.asc()]
        found = list(_ordered(having, order[1:], keys, first)[page])
        if len(found) == page.stop - page.start:
            return found
    return list(_ordered(rows, order, keys, [])[page])


def _filtered(
    project: Project, numbers: Sequence[int], clauses: Sequence[Clause], view: str, keys: Keys
) -> QuerySet[LogRun]:
    number = Cast("experiment__number", CharField())
    place = Concat(Value("mlflow-artifacts:/"), number, Value("/"), F("key"), Value("/artifacts"))
    folders = list(LogExperiment.objects.filter(project=project, number__in=numbers).values_list("pk", flat=True))
    inside = Q(experiment=folders[0]) if len(folders) == 1 else Q(experiment__in=folders)  # of one, by its index
    rows = cast("QuerySet[LogRun]", LogRun.objects.filter(inside).alias(place=place))
    active = VIEWS.get(view, True)
    if active is not None:
        rows = rows.filter(record__deleted_at__isnull=active)
    for clause in clauses:
        rows = rows.filter(_condition(clause, keys))
    return rows


def _ordered(rows: QuerySet[LogRun], order: Order, keys: Keys, first: Sequence[OrderBy]) -> QuerySet[LogRun]:
    by = list(first)
    for at, (group, key, falling) in enumerate(order):
        rows, name = _sortable(rows, group, key, keys, f"by_{at}")
        by.append(F(name).desc(nulls_last=True) if falling else F(name).asc(nulls_last=True))
    return rows.order_by(*by, "-started", "key").select_related("record", "experiment")


def _keys(project: Project, clauses: Sequence[Clause], order: Order) -> Keys:
    names = {(one.group, one.key) for one in clauses} | {(group, key) for group, key, _ in order}
    wanted = {(str(KINDS[group]), key): (group, key) for group, key in names if group in KINDS}
    rows = RunKey.objects.filter(project=project, name__in={name for _, name in wanted})
    found = {(kind, name): pk for kind, name, pk in rows.values_list("kind", "name", "pk")}
    return {wanted[place]: pk for place, pk in found.items() if place in wanted}


def _condition(clause: Clause, keys: Keys) -> Q:
    if clause.group == "datasets":
        return _on_dataset(clause)
    if not clause.group:
        return _own(clause)
    key = keys.get((clause.group, clause.key))
    if clause.op in ("IS NULL", "IS NOT NULL"):
        has = Q(record__in=RunText.objects.filter(key=key).order_by().values("record")) if key else Q(pk__in=[])
        return ~has if clause.op == "IS NULL" else has
    if key is None:
        return Q(pk__in=[])
    if clause.group == "metrics":
        rows: Any = RunMetric.objects.filter(_test("last", clause), key=key, last__isnull=False)
    else:
        rows = RunText.objects.filter(_test("value", clause), key=key)
    return Q(record__in=rows.order_by().values("record"))


def _test(column: str, clause: Clause) -> Q:
    if clause.op in ("IN", "NOT IN"):
        test = Q(**{f"{column}__in": clause.value})
        return ~test if clause.op == "NOT IN" else test
    if clause.op == "!=":
        return ~Q(**{column: clause.value}) & Q(**{f"{column}__isnull": False})
    return Q(**{f"{column}__{OPS[clause.op]}": clause.value})


def _own(clause: Clause) -> Q:
    if clause.key == "status":
        words = [state for word, state in STATES.items() if holds(clause, Facts({"status": word}))]
        return Q(record__state__in=words)
    return _test(OWN[clause.key], clause)


def _on_dataset(clause: Clause) -> Q:
    """Of the datasets that a run used, one must be so."""
    return Q(pk__in=LogInput.objects.filter(_test(clause.key, clause)).order_by().values("run"))


def _sortable(rows: QuerySet[LogRun], group: str, key: str, keys: Keys, name: str) -> tuple[QuerySet[LogRun], str]:
    """The column of an order; of a metric, parameter or tag it is fetched by its index."""
    if not group:
        return rows, "record__state" if key == "status" else OWN[key]
    model: Any = RunMetric if group == "metrics" else RunText
    column = "last" if group == "metrics" else "value"
    having = model.objects.filter(record=OuterRef("record"), key=keys.get((group, key), 0)).order_by()
    return rows.annotate(**{name: Subquery(having.values(column)[:1])}), name
