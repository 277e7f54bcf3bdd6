"""Parquet with page checksums: every flipped byte is an error, never another table."""

import random
from pathlib import Path

import pyarrow as pa
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


def test_no_flipped_byte_of_the_data_goes_unnoticed(table: tuple[Path, pa.Table], tmp_path: Path) -> None:
    path, content = table
    whole, damaged = path.read_bytes(), tmp_path / "damaged.parquet"
    dice = random.Random(7)
    for _ in range(40):
        place = dice.randrange(4, len(whole) - 8)
        damaged.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << dice.randrange(8))]) + whole[place + 1 :])
        try:
            read = tables.read(damaged)
        except Corrupted:
            continue
        assert read.equals(content), f"byte {place} changed the table in silence"
