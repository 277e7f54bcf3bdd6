"""The write under every run's log: many points, parameters and tags of one record in a handful of statements.

No object is made for a point, and what runs log is not audited line by line: the verbs that start and end a run are.
They (or a protocol's request) hold the transaction that this is called in. Writers of one record wait for each other.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.db import connection, models

from experiments.models.records import RunKey, RunMetric, RunPoints, RunRecord, RunText
from experiments.records.points import (
    LARGEST_STEP,
    PIECE,
    Piece,
    Point,
    Summary,
    kept,
    ordered,
    pieces,
    summed,
    unpacked,
)
from problems.problem import Conflict, Invalid

LONGEST_NAME, LONGEST_VALUE = 250, 8000
AT_ONCE = 900  # values of one list in a statement
Logged = tuple[str, int, int, float]  # name, step, moment in milliseconds, value
_SUMMARY = ("last", "step", "at", "low", "low_step", "high", "high_step", "points")


def keep(
    record: RunRecord,
    *,
    metrics: Iterable[Logged] = (),
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Add points to a record's metrics, and write parameters (once each) and tags. Call it in a transaction."""
    _hold(record)
    by_name: dict[str, list[Point]] = defaultdict(list)
    for name, step, at, value in metrics:
        by_name[name].append((_whole(step, name), _whole(at, name), kept(value)))
    if by_name:
        _add_points(record, by_name)
    if params:
        _write_texts(record, RunKey.Kind.PARAM, params)
    if tags:
        _write_texts(record, RunKey.Kind.TAG, tags)


def _hold(record: RunRecord) -> None:
    """Lock the record's row until the transaction ends, where the database has such locks."""
    lock = " FOR UPDATE" if connection.features.has_select_for_update else ""
    if not _rows(f"SELECT 1 FROM {_table(RunRecord)} WHERE id = %s{lock}", [record.pk]):  # noqa: S608  names of our own
        raise RunRecord.DoesNotExist


def _whole(number: int, name: str) -> int:
    if not -LARGEST_STEP <= number <= LARGEST_STEP:
        raise Invalid(f"A step or moment of {name[:60]!r} is out of bounds.", fields={"metrics": "out of bounds"})
    return number


# ---- Names ----


def key_ids(project_id: Any, kind: str, names: Sequence[str]) -> dict[str, int]:
    """The ids of these names in a project, made where they are new."""
    for name in names:
        if not name or len(name) > LONGEST_NAME or "\x00" in name:
            words = f"A name has 1 to {LONGEST_NAME} characters, and {name[:40]!r} does not fit."
            raise Invalid(words, fields={kind: words})
    found = _known(project_id, kind, names)
    if missing := [name for name in names if name not in found]:
        sql = _insert(RunKey, ("project_id", "kind", "name"), "ON CONFLICT DO NOTHING")
        owner = RunKey._meta.get_field("project").get_db_prep_value(project_id, connection)
        _many(sql, [(owner, str(kind), name) for name in sorted(missing)])
        found |= _known(project_id, kind, missing)
    return found


def _known(project_id: Any, kind: str, names: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    owner = RunKey._meta.get_field("project").get_db_prep_value(project_id, connection)
    sql = f"SELECT name, id FROM {_table(RunKey)} WHERE project_id = %s AND kind = %s AND name IN "  # noqa: S608
    for part in _parts(names):
        found |= dict(_rows(sql + _places(part), [owner, str(kind), *part]))
    return found


# ---- Points ----


def _add_points(record: RunRecord, by_name: Mapping[str, list[Point]]) -> None:
    ids = key_ids(record.project_id, RunKey.Kind.METRIC, list(by_name))
    before, metric_ids = _summaries(record, list(ids.values()))
    tails = _tails([metric_ids[key] for key, one in before.items() if one.points > 1])
    rows, series = [], {}
    for name, points in by_name.items():
        key = ids[name]
        summary, tail = before.get(key), tails.get(metric_ids.get(key, 0))
        known = unpacked(bytes(tail[1])) if tail else [summary.point] if summary else []
        fresh = _new(points, known)
        if not fresh:
            continue
        now = summed(fresh, summary)
        rows.append((record.pk, key, *(getattr(now, field) for field in _SUMMARY)))
        if now.points > 1:
            room = tail is None or len(known) < PIECE
            series[key] = (tail[0] if tail and room else None, pieces(ordered([*known, *fresh]) if room else fresh))
    if rows:
        changed = ", ".join(f"{field} = excluded.{field}" for field in _SUMMARY)
        then = f"ON CONFLICT (record_id, key_id) DO UPDATE SET {changed}"
        _many(_insert(RunMetric, ("record_id", "key_id", *_SUMMARY), then), rows)
    if series:
        _write_pieces(series, metric_ids | _summaries(record, [key for key in series if key not in metric_ids])[1])


def _new(points: Iterable[Point], known: Iterable[Point]) -> list[Point]:
    """Those that are not known yet, in their order. What is not a number equals itself here."""
    there = {(step, at, None if math.isnan(value) else value) for step, at, value in known}
    every = ordered(points)
    return [one for one in every if (one[0], one[1], None if math.isnan(one[2]) else one[2]) not in there]


def _summaries(record: RunRecord, keys: Sequence[int]) -> tuple[dict[int, Summary], dict[int, int]]:
    """What is known of these metrics of a record, and their ids, by key."""
    known: dict[int, Summary] = {}
    ids: dict[int, int] = {}
    columns = ", ".join(_SUMMARY)
    sql = f"SELECT id, key_id, {columns} FROM {_table(RunMetric)} WHERE record_id = %s AND key_id IN "  # noqa: S608
    for part in _parts(keys):
        for pk, key, *fields in _rows(sql + _places(part), [record.pk, *part]):
            known[key], ids[key] = Summary(*fields), pk
    return known, ids


def _tails(metrics: Sequence[int]) -> dict[int, tuple[int, bytes]]:
    """The newest stored piece of each of these metrics: its id and content."""
    found: dict[int, tuple[int, bytes]] = {}
    table = _table(RunPoints)
    for part in _parts(metrics):
        newest = f"SELECT MAX(id) FROM {table} WHERE metric_id IN {_places(part)} GROUP BY metric_id"  # noqa: S608
        sql = f"SELECT id, metric_id, content FROM {table} WHERE id IN ({newest})"  # noqa: S608
        for pk, metric, content in _rows(sql, part):
            found[metric] = (pk, bytes(content))
    return found


def _write_pieces(series: Mapping[int, tuple[int | None, Sequence[Piece]]], metric_ids: Mapping[int, int]) -> None:
    """The first piece of each takes the place of the stored one, where there was room in it; the others are new."""
    columns = ("points", "first_step", "first", "last_step", "last", "low_step", "low", "high_step", "high", "content")
    changed, new = [], []
    for key, (tail, found) in series.items():
        for place, piece in enumerate(found):
            row = _piece_row(piece)
            if place == 0 and tail is not None:
                changed.append((*row, tail))
            else:
                new.append((metric_ids[key], *row))
    if changed:
        name, assigned = _table(RunPoints), ", ".join(f'"{column}" = %s' for column in columns)
        _many(f"UPDATE {name} SET {assigned} WHERE id = %s", changed)  # noqa: S608  names of our own
    if new:
        _many(_insert(RunPoints, ("metric_id", *columns)), new)


def _piece_row(piece: Piece) -> tuple[Any, ...]:
    low, high = piece.low or (None, None, None), piece.high or (None, None, None)
    ends = (piece.first[0], _value(piece.first[2]), piece.last[0], _value(piece.last[2]))
    return (piece.points, *ends, low[0], low[2], high[0], high[2], piece.content)


def _value(value: float) -> float | None:
    return None if math.isnan(value) else value


# ---- Texts ----


def _write_texts(record: RunRecord, kind: str, values: Mapping[str, str]) -> None:
    for name, value in values.items():
        if len(value) > LONGEST_VALUE or "\x00" in value:
            words = f"{name[:60]}: a value has at most {LONGEST_VALUE} characters, and no NUL."
            raise Invalid(words, fields={str(kind): words})
    ids = key_ids(record.project_id, kind, list(values))
    if kind == RunKey.Kind.PARAM:
        _refuse_change(record, {ids[name]: value for name, value in values.items()})
    then = "ON CONFLICT (record_id, key_id) DO UPDATE SET value = excluded.value, number = excluded.number"
    rows = [(record.pk, ids[name], value, as_number(value)) for name, value in values.items()]
    _many(_insert(RunText, ("record_id", "key_id", "value", "number"), then), rows)


def _refuse_change(record: RunRecord, values: Mapping[int, str]) -> None:
    """A parameter is said once; the same again is fine."""
    there = RunText.objects.filter(record=record, key__in=list(values)).values_list("key", "key__name", "value")
    for key, name, value in there:
        if values[key] != value:
            raise Conflict(f"{name} of {record} is {value[:60]!r} already, and does not change.", code="param_changed")


def as_number(value: str) -> float | None:
    """A text as a number, where it reads as one; nothing that is not finite."""
    try:
        found = float(value) if value.isascii() and "_" not in value else math.nan
    except ValueError:
        return None
    return found if math.isfinite(found) else None


# ---- Statements: written out, because to build one takes the framework as long as the database needs for it ----


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE))


def _places(values: Sequence[Any]) -> str:
    return f"({', '.join(['%s'] * len(values))})"


def _rows(sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def _table(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _insert(model: type[models.Model], columns: Sequence[str], then: str = "") -> str:
    named, places = ", ".join(f'"{column}"' for column in columns), ", ".join(["%s"] * len(columns))
    return f"INSERT INTO {_table(model)} ({named}) VALUES ({places}) {then}"  # noqa: S608  names of our own


def _many(sql: str, rows: Sequence[Sequence[Any]]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(sql, rows)
