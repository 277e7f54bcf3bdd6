"""Parquet with page checksums and a sealed footer: every flipped bit is an error, never another table."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from problems.problem import Corrupted
from storage import tables


@pytest.fixture
def table(tmp_path: Path) -> tuple[Path, pa.Table]:
    content = pa.table({"n": list(range(5000)), "word": [f"w{i % 50}" for i in range(5000)]})
    path = tmp_path / "table.parquet"
    assert tables.write(path, content.schema, content.to_batches(max_chunksize=700)) == 5000
    return path, content


def test_a_table_comes_back_whole_in_batches_and_by_column(table: tuple[Path, pa.Table]) -> None:
    path, content = table
    assert tables.read(path).equals(content)
    assert sum(batch.num_rows for batch in tables.read_batches(path, size=999)) == 5000
    assert tables.read(path, ["word"]).column_names == ["word"]
    assert tables.first_rows(path, 7).equals(content.slice(0, 7))


def test_an_empty_table_keeps_its_columns(tmp_path: Path) -> None:
    schema = pa.schema([("n", pa.int64())])
    path = tmp_path / "empty.parquet"
    assert tables.write(path, schema, []) == 0
    assert tables.first_rows(path, 5).schema == schema


def test_no_flipped_bit_anywhere_goes_unnoticed(tmp_path: Path) -> None:
    """Every byte of a small file a different bit each."""
    content = pa.table({"n": [1, None, 3], "word": ["a", "b", None]})
    path, damaged = tmp_path / "table.parquet", tmp_path / "damaged.parquet"
    tables.write(path, content.schema, content.to_batches())
    whole = path.read_bytes()
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little") - tables.SEAL
    refused = 0
    for place in range(len(whole)):
        damaged.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << place % 8)]) + whole[place + 1 :])
        try:
            read = tables.read(damaged)
        except Corrupted:
            refused += 1
            continue
        assert read.equals(content), f"byte {place} changed the table in silence"
        assert place < footer, "nothing of the footer is left to chance"
    assert refused >= len(whole) - footer


@pytest.mark.parametrize("kept", [0, 3, 8, 40, -1])
def test_a_file_that_was_cut_or_is_not_ours_is_refused(table: tuple[Path, pa.Table], kept: int) -> None:
    path, content = table
    path.write_bytes(path.read_bytes()[:kept])
    for look in (tables.read, tables.schema_of, tables.rows_of, lambda one: tables.first_rows(one, 3)):
        with pytest.raises(Corrupted):
            look(path)
    pq.write_table(content, path)
    with pytest.raises(Corrupted):
        tables.read(path)


def test_other_programs_read_our_files(table: tuple[Path, pa.Table]) -> None:
    path, content = table
    assert pq.read_table(path).equals(content)
    assert duckdb.sql(f"SELECT sum(n), count(DISTINCT word) FROM read_parquet('{path}')").fetchall() == [(12497500, 50)]


def test_rows_are_found_by_their_places_in_any_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROW_GROUP", 10)
    content = pa.table({"n": list(range(35)), "n.x": [f"w{i}" for i in range(35)], "late": [i / 2 for i in range(35)]})
    path = tmp_path / "table.parquet"
    tables.write(path, content.schema, content.to_batches(max_chunksize=10))
    places = [0, 9, 10, 34]
    assert tables.rows_at(path, places, ["late", "n"]).equals(content.select(["late", "n"]).take(places))
    assert tables.rows_at(path, [11], ["n.x"]).to_pylist() == [{"n.x": "w11"}]
    assert tables.stored_size(path, "late") == (sum(_sizes(path)), 35)


def _sizes(path: Path) -> list[int]:
    footer = pq.read_metadata(path)
    return [footer.row_group(i).column(2).total_uncompressed_size for i in range(footer.num_row_groups)]
