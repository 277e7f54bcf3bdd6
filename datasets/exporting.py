"""PURE: a stored table as CSV, Excel workbook or Parquet, batch by batch, without the values of hidden columns."""

import io
from collections.abc import Collection, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

from datasets.masking import HIDDEN
from jobs.report import Report
from problems.problem import Invalid, TooLarge

FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}
AT_ONCE_ROWS = 100_000
AT_ONCE_CELLS = 300_000
XLSX_ROWS = 1_048_575
XLSX_TEXT = 32_767
EXACT = 10**15
FORMULA = r"^([=+\-@\t\r\n])"
FIRST_YEAR = 1900


def is_quick(kind: str, rows: int, columns: int) -> bool:
    """Whether it is written while somebody waits; else by a job."""
    return rows <= AT_ONCE_ROWS and (kind == "csv" or rows * columns <= AT_ONCE_CELLS)


def check_quick(kind: str, rows: int, columns: int) -> None:
    """Refuse what a job should write."""
    if not is_quick(kind, rows, columns):
        raise TooLarge(
            "This is too large to be written while you wait. Have a job write it: POST exports/.", code="by_job"
        )


def check(kind: str, rows: int) -> None:
    """Refuse what the format cannot hold."""
    if kind not in FORMATS:
        text = f"“{kind[:20]}” is not one of: {', '.join(FORMATS)}."
        raise Invalid(text, fields={"format": text})
    if kind == "xlsx" and rows > XLSX_ROWS:
        text = (
            f"A sheet of Excel holds {XLSX_ROWS:,} rows below its head; this version has {rows:,}. Take CSV or Parquet."
        )
        raise TooLarge(text.replace(",", "\u2009"), fields={"format": text})


def csv_pieces(path: Path, hidden: Collection[str], *, raw: bool) -> Iterator[bytes]:
    """CSV in UTF-8. Unless raw, texts that a spreadsheet would run get a leading apostrophe; numbers stay."""
    import pyarrow as pa
    import pyarrow.csv as pa_csv

    from storage import tables

    sink, schema = io.BytesIO(), _schema(path, hidden, raw=raw)
    with pa_csv.CSVWriter(sink, schema) as writer:
        for batch in tables.read_batches(path):
            arrays = [
                _column(array, name, hidden, raw=raw) for name, array in zip(schema.names, batch.columns, strict=True)
            ]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
            yield sink.getvalue()
            sink.seek(0)
            sink.truncate()
    yield sink.getvalue()


def _schema(path: Path, hidden: Collection[str], *, raw: bool) -> Any:
    import pyarrow as pa

    from storage import tables

    stored = tables.schema_of(path)
    fields = [pa.field(field.name, pa.string() if field.name in hidden else field.type) for field in stored]
    if not raw:
        fields = [pa.field(_safe(field.name), field.type) for field in fields]
        hidden_names = {_safe(name) for name in hidden}
        assert len(hidden_names) == len(set(hidden))
    return pa.schema(fields)


def _safe(name: str) -> str:
    return f"'{name}" if name.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else name


def _column(array: Any, name: str, hidden: Collection[str], *, raw: bool) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if name in hidden or (not raw and name.startswith("'") and name[1:] in hidden):
        return pc.if_else(pc.is_valid(array), pa.scalar(HIDDEN), pa.scalar(None, pa.string()))
    if raw or not pa.types.is_string(array.type):
        return array
    return pc.replace_substring_regex(array, FORMULA, r"'\1", max_replacements=1)


def write(kind: str, path: Path, target: Path, hidden: Collection[str], *, raw: bool = False) -> None:
    """One file in the wanted format."""
    if kind == "csv":
        with target.open("wb") as file:
            for piece in csv_pieces(path, hidden, raw=raw):
                file.write(piece)
    elif kind == "xlsx":
        _write_xlsx(path, target, hidden)
    else:
        _write_parquet(path, target, hidden)


def _write_parquet(path: Path, target: Path, hidden: Collection[str]) -> None:
    import pyarrow as pa

    from storage import tables

    schema = tables.schema_of(path)

    def batches() -> Iterator[Any]:
        for batch in tables.read_batches(path):
            arrays = [
                pa.nulls(batch.num_rows, field.type) if field.name in hidden else array
                for field, array in zip(schema, batch.columns, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    tables.write(target, schema, batches())


def _write_xlsx(path: Path, target: Path, hidden: Collection[str]) -> None:
    from openpyxl import Workbook

    from storage import tables

    book = Workbook(write_only=True)
    sheet = book.create_sheet("data")
    names = tables.schema_of(path).names
    sheet.append([_cell(name) for name in names])
    for batch in tables.read_batches(path, size=5_000):
        columns = [
            [None if value is None else HIDDEN for value in column.to_pylist()]
            if name in hidden
            else column.to_pylist()
            for name, column in zip(names, batch.columns, strict=True)
        ]
        for row in zip(*columns, strict=True):
            sheet.append([_cell(value) for value in row])
    book.save(target)


def _cell(value: Any) -> Any:
    """A value as Excel keeps it: texts neutralised, whole numbers beyond its fifteen digits and old dates as text."""
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    if isinstance(value, str):
        if len(value) > XLSX_TEXT:
            raise Invalid(f"A cell has {len(value)} characters; Excel holds {XLSX_TEXT}. Take CSV or Parquet.")
        return _safe(ILLEGAL_CHARACTERS_RE.sub("\ufffd", value))
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) >= EXACT:
        return str(value)
    if isinstance(value, float) and value - value != 0:
        return str(value)
    if isinstance(value, (date, datetime)) and value.year < FIRST_YEAR:
        return value.isoformat()
    return value


def run(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """The entry of the child: writes `spec["source"]` as `spec["format"]`."""
    report.progress(0, 1, "writing the file")
    name = f"export.{spec['format']}"
    write(spec["format"], Path(spec["source"]), folder / name, spec["masked"], raw=spec["raw"])
    report.progress(1, 1, "writing the file")
    return {"file": name}
