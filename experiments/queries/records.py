"""Reads about the runs table: which records are asked for, in which order, what their columns say, and series."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Model, QuerySet

from experiments.models.records import RunKey, RunMetric, RunPoints, RunRecord, RunText, RunView
from experiments.models.runs import Run
from experiments.queries.filters import COLUMNS, ENDS, KINDS, Keys, condition, keys_of, kind_of
from experiments.records.asked import Asked
from experiments.records.filters import Field, clauses
from experiments.records.points import PIECE, Point, Summary, ordered, thinned, unpacked
from problems.problem import Missing
from projects.models.projects import Project

READ_WHOLE = 20 * PIECE  # points of one curve that are read one by one
RELATED = ("data__dataset", "created_by", "run__data__dataset", "run__created_by", "run__model_version__model")
HEAVY = ("evaluation", "environment")
HEAVY_OF_DATA = ("schema", "profile", "report")


# ---- Pages ----


@dataclass(frozen=True)
class Cell:
    """One column of one record. `step` is the step of a lowest or highest value, or of a latest one of several."""

    field: Field
    value: Any
    step: int | None = None


@dataclass(frozen=True)
class Line:
    """One line of the table: a record, and what its columns say."""

    record: RunRecord
    cells: list[Cell]


class Table:
    """The runs as somebody asked for them, to be cut into pages: what lacks the sorted column comes last."""

    def __init__(self, project: Project, asked: Asked) -> None:
        self.project, self.asked = project, asked
        fields = [clause.field for clause in clauses(asked.filter)] if asked.filter else []
        fields += [*asked.columns, *([asked.order[0]] if asked.order else [])]
        self.keys = keys_of(project, fields)
        self.total: int | None = None

    def count(self) -> int:
        """How many lines there are in all."""
        if self.total is None:
            self.total = _matching(self.project, self.asked, self.keys).count()
        return self.total

    def __len__(self) -> int:
        return self.count()

    def __getitem__(self, part: slice) -> list[Line]:
        start, size = part.start or 0, (part.stop or 0) - (part.start or 0)
        if size <= 0:
            return []
        records = _records(self.project, _page_ids(self.project, self.asked, self.keys, start, size))
        cells = cells_of(records, self.asked.columns, self.keys)
        return [Line(record, cells[record.pk]) for record in records]


def _matching(project: Project, asked: Asked, keys: Keys) -> QuerySet[RunRecord]:
    rows = RunRecord.objects.filter(project=project).order_by()
    if not asked.with_trials:
        rows = rows.filter(trial_number=0)
    return rows.filter(condition(asked.filter, keys)) if asked.filter else rows


def _page_ids(project: Project, asked: Asked, keys: Keys, start: int, size: int) -> list[int]:
    rows, order = _matching(project, asked, keys), asked.order
    if order is None or (order[0].group and (kind_of(order[0]), order[0].key) not in keys):
        return list(rows.order_by("-number", "trial_number").values_list("pk", flat=True)[start : start + size])
    field, falling = order
    if not field.group:
        names = ("data__dataset__name", "data__number") if field.key == "data" else (COLUMNS[field.key],)
        by = [F(name).desc(nulls_last=True) if falling else F(name).asc(nulls_last=True) for name in names]
        return list(rows.order_by(*by, "-number", "trial_number").values_list("pk", flat=True)[start : start + size])
    return _ids_by_logged(rows, asked, keys, start, size)


def _ids_by_logged(rows: QuerySet[RunRecord], asked: Asked, keys: Keys, start: int, size: int) -> list[int]:
    """By a metric, parameter or tag: along its index for those that have it, then the others.

    Never a join of all runs with all of their metrics.
    """
    assert asked.order is not None
    field, sign = asked.order[0], "-" if asked.order[1] else ""
    model: type[Model] = RunMetric if field.group in ENDS else RunText
    column = ENDS.get(field.group) or _text_column(keys[kind_of(field), field.key])
    having: QuerySet[Any] = model._default_manager.filter(key=keys[kind_of(field), field.key])
    having = having.filter(**{f"{column}__isnull": False}).order_by()
    here = having.filter(record__deleted_at=None)
    if not asked.with_trials:
        here = here.filter(record__trial_number=0)
    if asked.filter:
        here = here.filter(condition(asked.filter, keys, "record__"))
    ranked = here.order_by(f"{sign}{column}", "-record__number", "record__trial_number")
    ids = list(ranked.values_list("record", flat=True)[start : start + size])
    if len(ids) < size:
        before = start + len(ids) if ids else here.count()
        others = rows.exclude(pk__in=having.values("record")).order_by("-number", "trial_number")
        skip = max(0, start - before)
        ids += list(others.values_list("pk", flat=True)[skip : skip + size - len(ids)])
    return ids


def _text_column(key: int) -> str:
    """Parameters that are numbers are sorted as numbers, as soon as one of them is."""
    return "number" if RunText.objects.filter(key=key, number__isnull=False).exists() else "value"


def _records(project: Project, ids: Sequence[int]) -> list[RunRecord]:
    heavy = [f"run__{name}" for name in HEAVY]
    heavy += [f"{way}__{name}" for way in ("data", "run__data") for name in HEAVY_OF_DATA]
    rows = RunRecord.objects.filter(pk__in=ids).select_related(*RELATED).defer(*heavy)
    by_id = {row.pk: row for row in rows}
    for row in by_id.values():
        row.project = project
        if row.run:
            row.run.project = project
    return [by_id[pk] for pk in ids if pk in by_id]


# ---- Columns ----


def cells_of(records: Sequence[RunRecord], columns: Sequence[Field], keys: Keys) -> dict[int, list[Cell]]:
    """What the columns say of these records, by the record's id: two queries, however many columns."""
    ids = [record.pk for record in records]
    wanted = {group: _wanted(columns, keys, group) for group in (*ENDS, *KINDS)}
    metrics = _metrics(ids, {key for group in ENDS for key in wanted[group].values()})
    texts = _texts(ids, {key for group in KINDS for key in wanted[group].values()})
    return {
        record.pk: [
            _cell(record, field, wanted.get(field.group, {}).get(field.key), metrics, texts) for field in columns
        ]
        for record in records
    }


def _wanted(columns: Sequence[Field], keys: Keys, group: str) -> dict[str, int]:
    names = [one for one in columns if one.group == group]
    return {one.key: keys[kind_of(one), one.key] for one in names if (kind_of(one), one.key) in keys}


def _metrics(ids: Sequence[int], keys: Collection[int]) -> dict[tuple[int, int], Summary]:
    if not ids or not keys:
        return {}
    fields = ("record_id", "key_id", "last", "step", "at", "low", "low_step", "high", "high_step", "points")
    rows = RunMetric.objects.filter(record__in=ids, key__in=keys).order_by().values_list(*fields)
    return {(row[0], row[1]): Summary(*row[2:]) for row in rows}


def _texts(ids: Sequence[int], keys: Collection[int]) -> dict[tuple[int, int], str]:
    if not ids or not keys:
        return {}
    rows = RunText.objects.filter(record__in=ids, key__in=keys).order_by()
    return {(record, key): value for record, key, value in rows.values_list("record_id", "key_id", "value")}


def _cell(
    record: RunRecord,
    field: Field,
    key: int | None,
    metrics: Mapping[tuple[int, int], Summary],
    texts: Mapping[tuple[int, int], str],
) -> Cell:
    if not field.group:
        return Cell(field, _own_value(record, field.key))
    place = (record.pk, key or 0)
    if field.group in KINDS:
        return Cell(field, texts.get(place))
    summary = metrics.get(place)
    if summary is None:
        return Cell(field, None)
    value, step = {
        "metrics": (summary.last, summary.step if summary.points > 1 else None),
        "min": (summary.low, summary.low_step),
        "max": (summary.high, summary.high_step),
    }[field.group]
    return Cell(field, value, step)


def _own_value(record: RunRecord, name: str) -> Any:
    if name == "data":
        return f"{record.data.dataset.name}/v{record.data.number}" if record.data else None
    if name == "by":
        return record.created_by.name if record.created_by else None
    value = getattr(record, COLUMNS[name])
    return value if value != "" or isinstance(value, datetime) else None


def texts_of(record: RunRecord, kind: str) -> dict[str, str]:
    """A record's parameters or tags, by name."""
    rows = RunText.objects.filter(record=record, key__kind=kind).order_by("key__name")
    return dict(rows.values_list("key__name", "value"))


def names_like(project: Project, words: str, most: int) -> list[tuple[str, str]]:
    """Names under which runs of the project log, as columns call them; those that hold the words."""
    groups = {RunKey.Kind.METRIC: "metrics", RunKey.Kind.PARAM: "params", RunKey.Kind.TAG: "tags"}
    rows = RunKey.objects.filter(project=project, name__icontains=words).order_by("kind", "name")
    return [(groups[RunKey.Kind(kind)], name) for kind, name in rows.values_list("kind", "name")[:most]]


def views_of(project: Project) -> list[RunView]:
    """The named ways to look at the project's runs."""
    return list(RunView.objects.filter(project=project).select_related("created_by"))


def view_for(project: Project, name: str) -> RunView:
    """One of them."""
    view = RunView.objects.filter(project=project, name=name).first()
    if view is None:
        raise Missing(f"There is no view “{name[:60]}” of the runs of this project.")
    return view


def record_of(run: Run) -> RunRecord | None:
    """The record of a run."""
    return RunRecord.objects.filter(run=run).first()


# ---- Series ----


def summaries_of(records: Sequence[RunRecord], *, several: bool = False) -> dict[str, dict[int, Summary]]:
    """All metrics of these records: by name, then by the record's id. With `several` only those with many points."""
    fields = ("key__name", "record_id", "last", "step", "at", "low", "low_step", "high", "high_step", "points")
    rows = RunMetric.objects.filter(record__in=[one.pk for one in records]).order_by("key__name")
    by_name: dict[str, dict[int, Summary]] = {}
    for row in (rows.filter(points__gt=1) if several else rows).values_list(*fields):
        by_name.setdefault(row[0], {})[row[1]] = Summary(*row[2:])
    return by_name


def series_of(records: Sequence[RunRecord], name: str, most: int) -> dict[int, list[Point]]:
    """One metric of these records as curves of at most so many points each, by the record's id."""
    metrics = RunMetric.objects.filter(record__in=[one.pk for one in records], key__name=name, key__kind="metric")
    fields = ("pk", "record_id", "points", "step", "at", "last")
    drawn: dict[int, list[Point]] = {}
    small: dict[int, int] = {}
    large: dict[int, int] = {}
    for pk, record, points, step, at, last in metrics.order_by().values_list(*fields):
        if points == 1:
            drawn[record] = [] if last is None else [(step, at, last)]
        else:
            (small if points <= READ_WHOLE else large)[pk] = record
    for record, points in (_whole(small) | _outlines(large)).items():
        drawn[record] = thinned(points, most)
    return drawn


def _whole(metrics: Mapping[int, int]) -> dict[int, list[Point]]:
    found: dict[int, list[Point]] = {}
    rows = RunPoints.objects.filter(metric__in=list(metrics)).order_by().values_list("metric_id", "content")
    for metric, content in rows if metrics else ():
        found.setdefault(metrics[metric], []).extend(unpacked(bytes(content)))
    return {record: ordered(points) for record, points in found.items()}


def _outlines(metrics: Mapping[int, int]) -> dict[int, list[Point]]:
    """Of many points what each stored piece says of itself: where it begins and ends, its lowest and its highest."""
    ends = ("first", "low", "high", "last")
    fields = [column for end in ends for column in (f"{end}_step", end)]
    rows = RunPoints.objects.filter(metric__in=list(metrics)).order_by().values_list("metric_id", *fields)
    found: dict[int, list[Point]] = {}
    for metric, *row in rows if metrics else ():
        pairs = zip(row[::2], row[1::2], strict=True)
        found.setdefault(metrics[metric], []).extend((step, 0, value) for step, value in pairs if value is not None)
    return {record: ordered(points) for record, points in found.items()}
