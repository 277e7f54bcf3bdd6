"""PURE: the entries of the children that prepare data: tables in, a new table with its report out; or a preview."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from datasets.profiling import summary
from datasets.reading.cells import ARROW
from datasets.reading.limits import MAX_ROWS
from datasets.recipes.base import Learned, Tables
from datasets.recipes.changes import compared
from datasets.recipes.database import Database
from datasets.recipes.frame import Frame, table_of
from datasets.recipes.plan import Planned, at_step, read_steps
from jobs.report import Report
from problems.problem import Invalid, TooLarge
from storage import tables as parquet

PREVIEW_ROWS = 5_000
SHOWN_ROWS = 8
MEGABYTE = 1024 * 1024


def run(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Carry out `spec["steps"]` on `spec["main"]` (path and schema) and `spec["others"]`.

    `spec["learned"]`, one entry for each step, takes the place of learning. Returns the file's name in `folder`, rows,
    schema, profile, what was learned, and for each step rows and columns before and after.
    """
    steps = read_steps(spec["steps"])
    database, frame, others = _open(spec, folder)
    told: list[dict[str, Any]] = []
    given = spec.get("learned")
    try:
        rows = database.rows(frame)
        for place, one in enumerate(steps):
            report.progress(place, len(steps) + 2, f"step {place + 1}: {one.step.title.lower()}")
            with at_step(place):
                one.step.fits(frame, one.params)
                frame, learned = _step(database, frame, others, one, given[place] if given else None)
            after = database.rows(frame) if one.step.changes_rows else rows
            told.append(_told(one, learned, rows, after, frame))
            rows = after
        return _written(database, frame, rows, len(steps), folder, report) | {"steps": told}
    finally:
        database.close()


def _open(spec: Mapping[str, Any], folder: Path, first: int | None = None) -> tuple[Database, Frame, Tables]:
    others = {key: table_of(f"other{i}", one["schema"]) for i, (key, one) in enumerate(spec["others"].items())}
    sources = {"main": spec["main"]} | {f"other{i}": one for i, one in enumerate(spec["others"].values())}
    paths = {name: (Path(one["path"]), len(one["schema"])) for name, one in sources.items()}
    for path, _ in paths.values():
        for _batch in parquet.read_batches(path):  # every page against its checksum, before an engine that skips them
            pass
    return Database(folder, paths, first=first), table_of("main", spec["main"]["schema"]), others


def _step(
    database: Database, frame: Frame, others: Tables, one: Planned, given: Learned | None
) -> tuple[Frame, Learned]:
    learned = given or {}
    if one.step.learns and given is None:
        frame = frame if frame.is_stored else database.keep(frame)
        learned = one.step.learn(frame, one.params, database.ask, others)
    after = one.step.apply(frame, one.params, learned, others)
    return database.keep(after) if one.step.changes_rows else after, learned


def _told(one: Planned, learned: Learned, before: int, after: int, frame: Frame) -> dict[str, Any]:
    return {
        "kind": one.step.kind,
        "sentence": one.sentence,
        "rows_before": before,
        "rows_after": after,
        "columns": len(frame.columns),
        "note": one.step.noted(learned),
        "learned": learned,
    }


def _written(database: Database, frame: Frame, rows: int, steps: int, folder: Path, report: Report) -> dict[str, Any]:
    if rows > MAX_ROWS:
        raise TooLarge(f"The table would have {rows:,} rows; at most {MAX_ROWS:,} can be kept.", code="too_many_rows")
    report.progress(steps, steps + 2, "writing the table")
    schema = pa.schema([pa.field(column.name, ARROW[column.type]) for column in frame.columns])
    path = folder / "table.parquet"
    written = parquet.write(path, schema, database.batches(frame, schema))
    if written != rows:
        raise AssertionError(f"{rows} rows were counted, {written} were written")
    report.progress(steps + 1, steps + 2, "profiling")
    profile = summary.profile(path, frame.schema, folder, report)
    missing = {column["name"]: column["missing"] for column in profile["columns"]}
    kept = [one | {"nullable": bool(missing[one["name"]])} for one in frame.schema]
    return {"table": path.name, "rows": rows, "schema": kept, "profile": profile}


def preview(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """What each step does to the first rows of the input: counts, changed cells, and rows before and after.

    The tables that are joined are whole. A step that cannot be carried out ends the preview with its reason.
    """
    steps, began = read_steps(spec["steps"]), time.monotonic()
    database, frame, others = _open(spec, folder, PREVIEW_ROWS)
    try:
        frame = database.keep(frame)
        table = database.table(frame)
        shown = [{"rows": table.num_rows, "columns": len(frame.columns), **_head(frame, table)}]
        told: list[dict[str, Any]] = []
        for place, one in enumerate(steps):
            report.progress(place, len(steps), f"step {place + 1}")
            try:
                with at_step(place):
                    one.step.fits(frame, one.params)
                    after, learned = _step(database, frame, others, one, None)
                    after = database.keep(after)
            except Invalid as problem:
                told.append({"sentence": one.sentence, "problem": problem.text})
                break
            new = database.table(after)
            entry = _told(one, {}, table.num_rows, new.num_rows, after) | {"note": one.step.noted(learned)}
            told.append(entry | {"changed": compared(frame, table, after, new), **_head(after, new)})
            frame, table = after, new
        seconds = round(time.monotonic() - began, 2)
        return {"input": shown[0], "steps": told, "sample": table.num_rows and PREVIEW_ROWS, "seconds": seconds}
    finally:
        database.close()


def _head(frame: Frame, table: pa.Table) -> dict[str, Any]:
    """The first rows as JSON has them."""
    names, ids = frame.names[:40], [column.id for column in frame.columns[:40]]
    rows = table.select(ids).slice(0, SHOWN_ROWS).to_pylist()
    return {"names": names, "first": [[summary.plain(row[one]) for one in ids] for row in rows]}
