"""Files that leave: formulas neutralised, numbers as they are, hidden columns hidden, the raw form whole."""

import csv
import io
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook

from datasets import exporting
from datasets.reading import engine
from jobs.report import Silent
from problems.problem import Invalid, TooLarge
from storage import tables

TEXTS = ["=1+1", "+1", "-x", "@SUM(A1)", "\tx", "plain", None, 'say "a", b', "'=kept"]
SCHEMA = pa.schema([("note", pa.string()), ("amount", pa.int64()), ("day", pa.date32()), ("secret", pa.string())])


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    n = len(TEXTS)
    columns = [TEXTS, [-5, *range(1, n)], [date(2024, 1, 2)] * n, ["zqx"] * n]
    path = tmp_path / "stored.parquet"
    tables.write(
        path,
        SCHEMA,
        [
            pa.RecordBatch.from_arrays(
                [pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA
            )
        ],
    )
    return path


def rows_of(path: Path, *, raw: bool, hidden: set[str] = frozenset()) -> list[list[str]]:  # type: ignore[assignment]
    return list(csv.reader(io.StringIO(b"".join(exporting.csv_pieces(path, hidden, raw=raw)).decode(), newline="")))


def test_texts_that_a_spreadsheet_would_run_are_neutralised(stored: Path) -> None:
    """A32."""
    rows = rows_of(stored, raw=False, hidden={"secret"})
    assert rows[0] == ["note", "amount", "day", "secret"]
    notes = [row[0] for row in rows[1:]]
    assert notes == ["'=1+1", "'+1", "'-x", "'@SUM(A1)", "'\tx", "plain", "", 'say "a", b', "'=kept"]
    assert rows[1][1:] == ["-5", "2024-01-02", "hidden"]


def test_a_raw_export_read_again_gives_the_same_table(stored: Path, tmp_path: Path) -> None:
    """A32."""
    source = tmp_path / "again.csv"
    source.write_bytes(b"".join(exporting.csv_pieces(stored, (), raw=True)))
    answer = engine.run({"source": str(source), "options": {}}, tmp_path, Silent())
    again, was = pq.read_table(tmp_path / answer["table"]), pq.read_table(stored)
    assert answer["refused_rows"] == 0
    assert again.column("note").to_pylist() == was.column("note").to_pylist()
    assert again.column("amount").to_pylist() == was.column("amount").to_pylist()


def test_a_workbook_runs_nothing_and_hides_the_hidden(stored: Path, tmp_path: Path) -> None:
    exporting.write("xlsx", stored, tmp_path / "x.xlsx", {"secret"})
    cells = list(load_workbook(tmp_path / "x.xlsx").active.iter_rows())
    assert [cell.value for cell in cells[1]][:2] == ["'=1+1", -5]
    assert all(cell.data_type != "f" for row in cells for cell in row)
    assert {row[3].value for row in cells[1:]} == {"hidden"}


def test_parquet_keeps_types_and_loses_hidden_values(stored: Path, tmp_path: Path) -> None:
    exporting.write("parquet", stored, tmp_path / "x.parquet", {"secret"})
    table = pq.read_table(tmp_path / "x.parquet")
    assert table.schema.types == SCHEMA.types
    assert table.column("secret").null_count == len(TEXTS)


def test_limits_are_said() -> None:
    with pytest.raises(TooLarge, match="Excel"):
        exporting.check("xlsx", 1_048_576)
    with pytest.raises(Invalid, match="not one of"):
        exporting.check("ods", 1)
    assert exporting.is_quick("csv", 100_000, 50)
    assert not exporting.is_quick("csv", 100_001, 1)
