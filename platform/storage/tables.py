"""PURE: Parquet with page checksums, read and written in batches."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from problems.problem import Corrupted

ROW_GROUP = 100_000


@contextmanager
def undamaged(path: Path) -> Iterator[None]:
    """Around every read: bytes that do not match their checksums are a Problem that says so."""
    try:
        yield
    except (OSError, pa.ArrowInvalid) as error:
        raise Corrupted(f"The table {path.name[:12]} is damaged and was not used.") from error


def write(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write record batches to one Parquet file with page checksums; returns the number of rows."""
    rows = 0
    texts = [field.name for field in schema if pa.types.is_string(field.type)]  # numbers shrink more without
    with pq.ParquetWriter(
        path, schema, compression="zstd", write_page_checksum=True, use_dictionary=texts or False
    ) as writer:
        for batch in batches:
            writer.write_batch(batch, row_group_size=ROW_GROUP)
            rows += batch.num_rows
    return rows


def read_batches(path: Path, columns: list[str] | None = None, size: int = 50_000) -> Iterator[pa.RecordBatch]:
    """Record batches of a Parquet file, each page verified against its checksum."""
    with undamaged(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
        yield from file.iter_batches(batch_size=size, columns=columns)


def read(path: Path, columns: list[str] | None = None) -> pa.Table:
    """A whole table in memory; for training and for small tables only."""
    with undamaged(path):
        return pq.read_table(path, columns=columns, page_checksum_verification=True)


def first_rows(path: Path, rows: int) -> pa.Table:
    """The first rows, without reading the rest."""
    taken: list[pa.RecordBatch] = []
    for batch in read_batches(path, size=rows):
        taken.append(batch)
        break
    return pa.Table.from_batches(taken) if taken else pq.read_schema(path).empty_table()
