"""PURE: one summary per column of a table, by DuckDB locked down to that one file, and its first rows."""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from datasets.ahead import threads
from datasets.profiling import short_texts
from datasets.profiling.ordered import Ordered, counted, ordered
from jobs.report import Report
from storage import tables

BINS = 20
TOP = 12
SAMPLE_ROWS = 50
SAMPLE_CELLS = 20_000
LONGEST_SHOWN = 200
EXACT_ROWS = 2_000_000
PICKED_ROWS = 1_000_000
SMALL_CELLS = 4_000_000
MANY_TEXTS = 20_000
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
ORDERED = ("integer", "number", "date", "datetime")
EPOCH_DAY = date(1970, 1, 1).toordinal()
EPOCH_TIME = datetime(1970, 1, 1)
SINCE_EPOCH = {"date": "date_diff('day', DATE '1970-01-01', {})::DOUBLE", "datetime": "epoch_us({})::DOUBLE"}


def profile(path: Path, schema: list[dict[str, Any]], folder: Path, report: Report) -> dict[str, Any]:
    """Rows, one summary per column, and the first rows.

    Everything is exact up to two million rows, and at any size for texts, yes or no, and whole numbers, moments and
    decimal numbers of few places (such as prices) of a small range. For other columns of more rows the distinct count
    is an estimate (HyperLogLog, a few in 100 off) and quantiles are those of half a million rows or more, picked by
    chance one in every so many: the rank is within 0.3 of 100, by the inequality of Dvoretzky, Kiefer and Wolfowitz at
    one chance in a thousand. Then the summary says `approximate`. Histograms have 20 equal bins, or one bin per value
    for whole numbers of a small range.
    """
    rows = tables.rows_of(path)
    connection = _locked_down(path, len(schema), folder, in_memory=rows * len(schema) <= SMALL_CELLS)
    table = _Table(path, rows, connection)
    columns = []
    try:
        with ThreadPoolExecutor(threads()) as pool:
            made = pool.map(lambda i: _one_column(table, i, schema[i]["name"], schema[i]["type"]), range(len(schema)))
            for i, column in enumerate(made):
                columns.append(column)
                report.progress(i + 1, len(schema), "profiling")
    finally:
        connection.close()
    return {"rows": rows, "columns": columns, "sample": _sample(path, len(schema))}


@dataclass(frozen=True)
class _Table:
    """The table whose columns are summed up, several at a time: its file, and the database that reads it."""

    path: Path
    rows: int
    database: "duckdb.DuckDBPyConnection"


def _one_column(table: _Table, place: int, name: str, kind: str) -> dict[str, Any]:
    known = _known(table, name, kind)
    if known:
        return _counted(known, name, kind, table.rows)
    many = table.rows >= MANY_TEXTS  # for fewer, opening the file takes longer than grouping
    short = short_texts.counted(table.path, name, table.rows, TOP) if kind == "text" and many else None
    if short:
        return _of_values(short, name, kind, table.rows)
    connection = table.database.cursor()
    try:
        if kind not in ORDERED:
            return _of_values(_grouped(connection, f"c{place}"), name, kind, table.rows)
        pick = table.rows > EXACT_ROWS and kind in ("integer", "number")
        picked = ordered(table.path, name, every=-(-table.rows // PICKED_ROWS)) if pick else None
        return _column(connection, f"c{place}", name, kind, table.rows, picked)
    finally:
        connection.close()


def _known(table: _Table, name: str, kind: str) -> Ordered | None:
    """Every value and how often it occurs: of what lies close together in whole steps, and of few rows."""
    if kind not in ORDERED or not table.rows:
        return None
    if table.rows <= EXACT_ROWS:
        return ordered(table.path, name)
    return counted(table.path, name)


def _locked_down(path: Path, width: int, folder: Path, *, in_memory: bool) -> "duckdb.DuckDBPyConnection":
    """A connection that can read this file and nothing else. Columns are c0, c1, …: no name of a user reaches SQL."""
    connection = duckdb.connect(":memory:")
    source = str(path).replace("'", "''")
    spill = str(folder / "spill").replace("'", "''")
    settings = [
        "SET threads = 1",  # columns are summed up at the same time; none needs a second thread
        "SET memory_limit = '512MB'",
        f"SET temp_directory = '{spill}'",
        "SET max_temp_directory_size = '8GB'",
        "SET autoinstall_known_extensions = false",
        "SET autoload_known_extensions = false",
        f"SET allowed_paths = ['{source}']",
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    ]
    for setting in settings:
        connection.execute(setting)
    names = ", ".join(f"c{i}" for i in range(width))
    kind = "TABLE" if in_memory else "VIEW"
    connection.execute(f"CREATE {kind} t AS SELECT * FROM read_parquet('{source}') AS t({names})")  # noqa: S608  a path of ours
    return connection


def _select(connection: "duckdb.DuckDBPyConnection", what: str, rest: str = "") -> list[tuple[Any, ...]]:
    """Query the table; both parts are made here of c0, c1, … and numbers."""
    return connection.execute(f"SELECT {what} FROM t {rest}").fetchall()  # noqa: S608


def _one(connection: "duckdb.DuckDBPyConnection", what: str) -> tuple[Any, ...]:
    return _select(connection, what)[0]


def _counted(known: Ordered, name: str, kind: str, rows: int) -> dict[str, Any]:
    low, high = (known.values[0].item(), known.values[-1].item()) if known.present else (None, None)
    found = _first_facts(name, kind, rows, known.present, len(known.values), exact=True)
    found |= {"min": _shown(low, kind), "max": _shown(high, kind)}
    if low is None or high is None:
        return found
    if kind in ("integer", "number"):
        mean, std, values = known.moments(QUANTILES)
        found |= _as_moments(mean, std, values)
    found["histogram"] = _histogram(kind, float(low), float(high), known.binned)
    if len(known.values) <= BINS:
        found["top"] = [{"value": _shown(value, kind), "count": count} for value, count in known.commonest(TOP)]
    return found


def _shown(value: Any, kind: str) -> Any:
    """A counted value as JSON has it; days and moments are counted as whole numbers."""
    return plain(value) if value is None or kind not in SINCE_EPOCH else _moment(value, kind).isoformat()


def _moment(value: int, kind: str) -> date:
    return date.fromordinal(value + EPOCH_DAY) if kind == "date" else EPOCH_TIME + timedelta(microseconds=value)


def _first_facts(name: str, kind: str, rows: int, present: int, different: int, *, exact: bool) -> dict[str, Any]:
    return {
        "name": name,
        "type": kind,
        "missing": rows - present,
        "present": present,
        "distinct": int(different),
        "min": None,
        "max": None,
        "mean": None,
        "std": None,
        "approximate": not exact,
    }


def _column(
    connection: "duckdb.DuckDBPyConnection", c: str, name: str, kind: str, rows: int, picked: Ordered | None
) -> dict[str, Any]:
    """Numbers and moments that were not counted: too many rows, or values that are not finite."""
    exact = rows <= EXACT_ROWS
    distinct = f"count(DISTINCT {c})" if exact else f"approx_count_distinct({c})"
    asked = f"count({c}), {distinct}, min({c}), max({c})"
    if kind in ("integer", "number"):
        present, different, low, high, *moments = _with_moments(connection, c, asked, _points(c, picked, exact=exact))
    else:
        (present, different, low, high), moments = _one(connection, asked), []
    found = _first_facts(name, kind, rows, present, different, exact=exact) | {"min": plain(low), "max": plain(high)}
    if moments and present:
        found |= _as_moments(*moments)
    if present:
        x = SINCE_EPOCH.get(kind, "{}::DOUBLE").format(c)
        start, end = (float(low), float(high)) if kind not in SINCE_EPOCH else _one(connection, f"min({x}), max({x})")
        found["histogram"] = _histogram(kind, start, end, lambda *where: _bins(connection, c, x, *where))
    if present and different <= BINS:
        found["top"] = _top(connection, c)
    return found


def _grouped(connection: "duckdb.DuckDBPyConnection", c: str) -> short_texts.Counted:
    """Texts and yes or no: every figure from one counting of their values."""
    groups = f"SELECT {c} AS v, count(*) AS n FROM t WHERE {c} IS NOT NULL GROUP BY v"  # noqa: S608  c0, c1, …
    facts = f"count(*), coalesce(sum(n), 0), min(v), max(v), min_by((v, n), (-n, v), {TOP})"
    (row,) = connection.execute(f"SELECT {facts} FROM ({groups})").fetchall()  # noqa: S608
    return short_texts.Counted(row[0], int(row[1]), row[2], row[3], row[4] or [])


def _of_values(known: short_texts.Counted, name: str, kind: str, rows: int) -> dict[str, Any]:
    found = _first_facts(name, kind, rows, known.present, known.different, exact=True) | {
        "min": plain(known.low),
        "max": plain(known.high),
    }
    if kind == "boolean":
        found["true"] = next((count for value, count in known.commonest if value), 0)
    if known.commonest:
        found["top"] = [{"value": plain(value), "count": count} for value, count in known.commonest]
    return found


def _with_moments(connection: "duckdb.DuckDBPyConnection", c: str, asked: str, points: str) -> tuple[Any, ...]:
    x = f"{c}::DOUBLE"
    try:
        return _one(connection, f"{asked}, avg({x}), stddev_samp({x}), {points}")
    except duckdb.OutOfRangeException:  # squares beyond the largest double
        return _one(connection, f"{asked}, avg({x}), NULL, {points}")


def _points(c: str, known: Ordered | None, *, exact: bool) -> str:
    """Quantiles: asked of the whole column, or those of the rows that were picked from it evenly."""
    if known and known.present:
        return f"{known.moments(QUANTILES)[2]}::DOUBLE[]"
    how = "quantile_cont" if exact else "approx_quantile"
    return f"{how}({c}::DOUBLE, {list(QUANTILES)})"


def _as_moments(mean: float, std: float | None, values: Sequence[float]) -> dict[str, Any]:
    quantiles = {str(point): plain(value) for point, value in zip(QUANTILES, values, strict=True)}
    return {"mean": plain(mean), "std": plain(std), "quantiles": quantiles}


def _histogram(kind: str, start: float, end: float, count: Callable[[float, float, int], list[int]]) -> dict[str, Any]:
    whole = kind in ("integer", "date") and end - start < BINS
    if whole:
        start, end = (start - 0.5, end + 0.5)
    bins = max(1, round(end - start)) if whole else BINS if end > start else 1
    half = end / 2 - start / 2  # the difference itself may be beyond the largest double
    edges = [2 * (start / 2 + half * (i / bins)) for i in range(bins + 1)]
    return {"edges": [_edge(edge, kind) for edge in edges], "counts": count(start, half, bins)}


def _bins(connection: "duckdb.DuckDBPyConnection", c: str, x: str, start: float, half: float, bins: int) -> list[int]:
    place = f"least(floor((({x}) / 2 - ({start / 2!r})) / {half!r} * {bins}), {bins - 1})::INTEGER" if half else "0"
    counts = [0] * bins
    for place_of, count in _select(connection, f"{place} AS bin, count(*)", f"WHERE {c} IS NOT NULL GROUP BY bin"):
        counts[max(0, place_of)] = count
    return counts


def _edge(value: float, kind: str) -> Any:
    if kind == "date":
        return date.fromordinal(min(max(1, round(value) + EPOCH_DAY), date.max.toordinal())).isoformat()
    if kind == "datetime":
        return _moment(round(value), kind).isoformat()
    return plain(value)


def _top(connection: "duckdb.DuckDBPyConnection", c: str) -> list[dict[str, Any]]:
    rest = f"WHERE {c} IS NOT NULL GROUP BY {c} ORDER BY n DESC, {c} LIMIT {TOP}"
    return [
        {"value": plain(value), "count": count} for value, count in _select(connection, f"{c}, count(*) AS n", rest)
    ]


def _sample(path: Path, width: int) -> list[dict[str, Any]]:
    rows = tables.first_rows(path, max(1, min(SAMPLE_ROWS, SAMPLE_CELLS // max(width, 1))))
    return [{name: plain(value) for name, value in row.items()} for row in rows.to_pylist()]


def plain(value: Any) -> Any:
    """A value as JSON has it: no NaN, dates as ISO text, long texts cut."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, str) and len(value) > LONGEST_SHOWN:
        return value[:LONGEST_SHOWN] + "…"
    return value
