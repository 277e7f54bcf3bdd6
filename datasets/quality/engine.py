"""PURE: the entries of the children that check data: every rule of a version in one scan; bad rows split from good."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa

from datasets.profiling import summary
from datasets.quality.base import FAILED, UNCHECKED, Judgement, Scene
from datasets.quality.catalog import Stated, stated
from datasets.reading.cells import ARROW
from datasets.recipes.database import Database
from datasets.recipes.frame import Frame, table_of
from jobs.report import Report
from problems.problem import Invalid, Problem
from storage import tables as parquet

EXAMPLES = 20
LONGEST_SHOWN = 120


@dataclass(frozen=True)
class Asked:
    """One rule that is checked, with the number it has."""

    number: int
    stated: Stated


def check(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Judge `spec["rules"]` ({number, kind, params}) on `spec["main"]`; `spec["others"]` are the tables they read.

    Returns the rows and, for each rule, verdict, what was measured, the limit, how many rows fail and examples.
    """
    asked = [Asked(one["number"], stated(one["kind"], one["params"])) for one in spec["rules"]]
    database, scene = _open(spec, folder)
    try:
        report.progress(0, 3, f"checking {len(asked)} rules in one pass")
        found, broken, rows = _scan(database, scene, asked)
        scene = replace(scene, rows=rows)
        report.progress(1, 3, "checking what needs a pass of its own")
        judged = [(one, _judged(database, scene, one, found, broken)) for one in asked]
        report.progress(2, 3, "fetching examples")
        examples = _examples(database, scene, judged, found)
        return {"rows": rows, "results": [_told(one, it, examples.get(one.number, {})) for one, it in judged]}
    finally:
        database.close()


def _open(spec: Mapping[str, Any], folder: Path) -> tuple[Database, Scene]:
    others = {key: table_of(f"other{i}", one["schema"]) for i, (key, one) in enumerate(spec["others"].items())}
    sources = {"main": spec["main"]} | {f"other{i}": one for i, one in enumerate(spec["others"].values())}
    paths = {name: (Path(one["path"]), len(one["schema"])) for name, one in sources.items()}
    scene = Scene(
        frame=table_of("main", spec["main"]["schema"]),
        now=datetime.fromisoformat(spec["now"]),
        tables=others,
        profile=spec.get("profile"),
        before=spec.get("before"),
        before_name=spec.get("before_name", ""),
        path=Path(spec["main"]["path"]),
    )
    return Database(folder, paths), scene


def _scan(database: Database, scene: Scene, asked: Sequence[Asked]) -> tuple[dict[str, Any], dict[int, str], int]:
    """The aggregates of all rules in one query. What one rule breaks does not end the others."""
    wanted, marks, broken = _wanted(scene, asked)
    table = scene.frame.table.mutate(**marks) if marks else scene.frame.table
    for name in marks:
        wanted[f"{name}_failed"] = _how_many(table[name])
        wanted[f"{name}_places"] = _smallest(table["r"], EXAMPLES, where=table[name])
    count = {"rows": table.count()}
    try:
        (row,) = database.ask(table.aggregate(**count, **wanted))
    except Invalid:
        row = database.ask(table.aggregate(**count))[0] | _one_by_one(database, table, wanted, broken)
    return row, broken, int(row["rows"])


def _wanted(scene: Scene, asked: Sequence[Asked]) -> tuple[dict[str, Any], dict[str, Any], dict[int, str]]:
    """The aggregates by name, the marks of rows whose yes is to be counted, and the rules that cannot be asked."""
    wanted: dict[str, Any] = {}
    marks: dict[str, Any] = {}
    broken: dict[int, str] = {}
    for one in asked:
        rule, params = one.stated.rule, one.stated.params
        try:
            rule.fits(scene.frame, params)
            if rule.in_scan:
                marks[f"q{one.number}"] = rule.failing(scene, params)
            wanted |= {f"q{one.number}_{name}": value for name, value in rule.measures(scene, params).items()}
        except Problem as problem:
            broken[one.number] = problem.text
    return wanted, marks, broken


@ibis.udf.agg.builtin(name="count_if", signature=(("boolean",), "int64"))  # type: ignore[untyped-decorator]
def _how_many(condition: Any) -> Any:
    """How many rows answer yes; the engine is quicker with it than with a sum or a filter."""


@ibis.udf.agg.builtin(name="min", signature=(("int64", "int64"), "array<int64>"))  # type: ignore[untyped-decorator]
def _smallest(value: Any, most: Any) -> Any:
    """The smallest so many."""


def _one_by_one(database: Database, table: Any, wanted: Mapping[str, Any], broken: dict[int, str]) -> dict[str, Any]:
    """A value that an engine cannot compute spoils the query of all; then each is asked by itself."""
    found: dict[str, Any] = {}
    for name, value in wanted.items():
        try:
            found |= database.ask(table.aggregate(**{name: value}))[0]
        except Invalid as problem:
            broken[int(name[1 : name.index("_")])] = problem.text
    return found


def _judged(
    database: Database, scene: Scene, one: Asked, found: Mapping[str, Any], broken: Mapping[int, str]
) -> Judgement:
    if one.number in broken:
        return Judgement(UNCHECKED, broken[one.number].removesuffix("."), "")
    start, rule, params = f"q{one.number}_", one.stated.rule, one.stated.params
    mine = {name.removeprefix(start): value for name, value in found.items() if name.startswith(start)}
    try:
        counted = rule.counted(scene, params)
        own = rule.own(scene, params) if counted is None else None
        mine |= database.ask(own)[0] if own is not None else counted or {}
        return rule.judge(scene, params, mine)
    except Problem as problem:
        return Judgement(UNCHECKED, problem.text.removesuffix("."), "")


def _told(one: Asked, judgement: Judgement, examples: dict[str, Any]) -> dict[str, Any]:
    return {
        "number": one.number,
        "verdict": judgement.verdict,
        "measured": judgement.measured,
        "limit": judgement.limit,
        "failed": judgement.failed,
        "examples": examples,
    }


def _examples(
    database: Database, scene: Scene, judged: Sequence[tuple[Asked, Judgement]], found: Mapping[str, Any]
) -> dict[int, dict[str, Any]]:
    """The first rows that break each failed rule, with their row numbers from 1."""
    failed = [one for one, judgement in judged if judgement.failed and judgement.verdict == FAILED]
    names = {one.number: one.stated.rule.columns(one.stated.params)[:8] for one in failed}
    places = {one.number: found.get(f"q{one.number}_places") or _places(database, scene, one) for one in failed}
    wanted = sorted({place for each in places.values() for place in each})
    columns = list(dict.fromkeys(name for each in names.values() for name in each))
    rows = _rows_at(scene, columns, wanted)
    return {
        number: {
            "columns": each,
            "rows": [[place + 1, *(_short(rows[place][name]) for name in each)] for place in places[number]],
        }
        for number, each in names.items()
    }


def _places(database: Database, scene: Scene, one: Asked) -> list[int]:
    """Where the first rows are that break a rule which the scan did not look at."""
    table = scene.frame.table.mutate(bad=one.stated.rule.failing(scene, one.stated.params))
    return [row["r"] for row in database.ask(table.filter(table.bad).order_by("r").limit(EXAMPLES).select("r"))]


def _rows_at(scene: Scene, columns: list[str], places: Sequence[int]) -> dict[int, dict[str, Any]]:
    """These rows by their places, read from where they lie in the file."""
    if scene.path is None or not places:
        return {}
    if not columns:
        return {place: {} for place in places}
    return dict(zip(places, parquet.rows_at(scene.path, places, columns).to_pylist(), strict=True))


def _short(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53:
        return str(value)  # JSON readers round it
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)
    plain = summary.plain(value)
    return plain[:LONGEST_SHOWN] if isinstance(plain, str) else plain


def split(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Write the rows that break any of `spec["rules"]` to one table and the rest, profiled, to another."""
    asked = [Asked(one["number"], stated(one["kind"], one["params"])) for one in spec["rules"]]
    database, scene = _open(spec, folder)
    try:
        marks = []
        for one in asked:
            one.stated.rule.fits(scene.frame, one.stated.params)
            marks.append(one.stated.rule.failing(scene, one.stated.params).fill_null(False))
        marked = scene.frame.table.mutate(bad=reduce(lambda one, other: one | other, marks))
        report.progress(0, 3, "setting the bad rows aside")
        bad = _write(database, scene.frame, marked.filter(marked.bad), folder / "bad.parquet")
        report.progress(1, 3, "writing the others")
        good = _write(database, scene.frame, marked.filter(~marked.bad), folder / "good.parquet")
    finally:
        database.close()
    report.progress(2, 3, "profiling")
    schema = scene.frame.schema
    profile = summary.profile(folder / "good.parquet", [dict(one) for one in schema], folder, report)
    empty = {column["name"]: bool(column["missing"]) for column in profile["columns"]}
    kept = [one | {"nullable": empty[one["name"]]} for one in schema]
    return {
        "bad": "bad.parquet",
        "bad_rows": bad,
        "table": "good.parquet",
        "rows": good,
        "schema": kept,
        "profile": profile,
    }


def _write(database: Database, frame: Frame, table: "ibis.Table", path: Path) -> int:
    schema = pa.schema([pa.field(column.name, ARROW[column.type]) for column in frame.columns])
    return parquet.write(path, schema, database.batches(replace(frame, table=table), schema))
