"""PURE: a Parquet file to our own kind of table: six types, no NaN, inner structures flattened, checksums."""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datasets.reading import names
from datasets.reading.cells import ARROW, Column, missing_as_null
from datasets.reading.findings import Findings
from datasets.reading.limits import MAX_ROWS
from datasets.reading.options import Options
from datasets.reading.tables import Written, arrow_schema, write
from jobs.report import Report
from problems.problem import Invalid, TooLarge

BATCH = 50_000


def read(path: Path, options: Options, folder: Path, findings: Findings, report: Report) -> Written:
    """Read the file in batches; what had to be changed is noted per column."""
    try:
        with pq.ParquetFile(path) as file:
            return _read(file, folder / "table.parquet", findings, report)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise Invalid(f"The Parquet file is damaged: {str(error)[:200]}", code="damaged") from None


def _read(file: pq.ParquetFile, place: Path, findings: Findings, report: Report) -> Written:
    total = file.metadata.num_rows
    if total > MAX_ROWS:
        raise TooLarge(f"The file has {total:,} rows; {MAX_ROWS:,} can be read.", code="too_many_rows")
    if not total:
        raise Invalid("The file holds no rows.", code="no_rows")
    flat = _flat(file.schema_arrow.empty_table())
    columns = [
        Column(name, [], found=_type_of(field.type))
        for name, field in zip(names.unique(flat.schema.names, findings), flat.schema, strict=True)
    ]
    if not columns:
        raise Invalid("The file holds no columns.", code="no_rows")
    _decide_wide(file, flat.schema, columns)
    schema = arrow_schema(columns)

    def batches() -> Iterator[pa.RecordBatch]:
        done = 0
        for batch in file.iter_batches(batch_size=BATCH):
            table = _flat(pa.Table.from_batches([batch]))
            arrays = [
                _converted(array.combine_chunks(), column) for array, column in zip(table.columns, columns, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)
            done += batch.num_rows
            report.progress(done, total, "reading")

    rows = write(place, schema, batches())
    findings.lines = rows
    return Written(place, rows, columns)


def _flat(table: pa.Table) -> pa.Table:
    """Inner structures as columns named by the path."""
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    return table


def _type_of(kind: pa.DataType) -> str:
    """Our type for an Arrow type; what has none becomes text."""
    types = pa.types
    if types.is_dictionary(kind):
        return _type_of(kind.value_type)
    for test, name in (
        (types.is_boolean, "boolean"),
        (types.is_integer, "integer"),
        (types.is_floating, "number"),
        (types.is_date, "date"),
        (types.is_timestamp, "datetime"),
    ):
        if test(kind):
            return name
    return "number" if types.is_decimal(kind) and kind.precision <= 15 else "text"


def _decide_wide(file: pq.ParquetFile, schema: pa.Schema, columns: list[Column]) -> None:
    """Unsigned 64-bit numbers may not fit; then the column is text."""
    wide = {i for i, field in enumerate(schema) if pa.types.is_uint64(field.type)}
    if not wide:
        return
    for batch in file.iter_batches(batch_size=BATCH):
        table = _flat(pa.Table.from_batches([batch]))
        for i in list(wide):
            top = pc.max(table.column(i)).as_py()
            if top is not None and top >= 2**63:
                columns[i].found = "text"
                columns[i].notes.notes.append("Holds numbers beyond 64 bits with a sign; kept as text.")
                wide.discard(i)


def _converted(array: pa.Array, column: Column) -> pa.Array:
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if column.found == "text":
        return missing_as_null(_as_text(array), column.notes)
    if pa.types.is_timestamp(array.type):
        array = _as_microseconds(array, column)
    array = array.cast(ARROW[column.found], safe=column.found != "number")
    if column.found in ("date", "datetime"):
        _check_years(array, column)
    if column.found == "number":
        finite = pc.fill_null(pc.is_finite(array), True)
        lost = len(array) - int(pc.sum(finite).as_py() or 0)
        if lost:
            _note_count(column, lost, "are not finite (NaN or infinite) and count as missing")
            array = pc.if_else(finite, array, pa.scalar(None, pa.float64()))
    column.notes.empty += array.null_count
    return array


def _check_years(array: pa.Array, column: Column) -> None:
    """Calendars here run from year 1 to 9999."""
    years = pc.min_max(pc.year(array)).as_py()
    if years["min"] is not None and not 1 <= years["min"] <= years["max"] <= 9999:
        raise Invalid(f"Column {column.name} holds a date outside the years 1 to 9999.", code="date_range")


def _as_microseconds(array: pa.Array, column: Column) -> pa.Array:
    if array.type.tz:
        _note_once(column, "Times were brought to UTC.")
        array = array.cast(pa.timestamp(array.type.unit, "UTC")).cast(pa.timestamp(array.type.unit))
    try:
        return array.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        _note_once(column, "Times were cut to microseconds.")
        return array.cast(pa.timestamp("us"), safe=False)


def _as_text(array: pa.Array) -> pa.Array:
    kind = array.type
    if pa.types.is_nested(kind):
        texts = [
            None if value is None else json.dumps(value, default=str, ensure_ascii=False) for value in array.to_pylist()
        ]
        return pa.array(texts, pa.string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return pa.array([None if value is None else value.hex() for value in array.to_pylist()], pa.string())
    if pa.types.is_null(kind):
        return pa.nulls(len(array), pa.string())
    texts = array.cast(pa.string())
    if pc.any(pc.match_substring(texts, "\0")).as_py():
        raise Invalid("A text in the file holds a NUL character.", code="nul")
    empty = pc.equal(texts, "")
    return pc.if_else(pc.fill_null(empty, False), pa.scalar(None, pa.string()), texts)


def _note_once(column: Column, text: str) -> None:
    if text not in column.notes.notes:
        column.notes.notes.append(text)


def _note_count(column: Column, count: int, text: str) -> None:
    before = next((note for note in column.notes.notes if note.endswith(f"cells {text}.")), "0 cells")
    total = int(before.split(" ", 1)[0]) + count
    column.notes.notes = [note for note in column.notes.notes if note != before]
    column.notes.notes.append(f"{total} cells {text}.")
