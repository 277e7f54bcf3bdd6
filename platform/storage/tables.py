"""PURE: Parquet with page checksums and a sealed footer, read and written in batches.

The checksums of Parquet cover the pages and not the footer, which says where they lie and what they mean: a flipped bit
there may change what is read. So every file of ours holds, right before its footer, the hash of all that follows. Other
readers never look at that place. Whoever reads a table opens it here, or calls `check_footer` before.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from problems.problem import Corrupted

ROW_GROUP = 100_000
LOOKED_AT, FEWEST, REPEATING = 50_000, 1_000, 0.7  # cells of a text column; different ones of all
END = 8  # bytes after the footer: its length, and `PAR1`
SEAL = hashlib.sha256().digest_size


@contextmanager
def undamaged(path: Path) -> Iterator[None]:
    """Around every read: bytes that do not match their checksums are a Problem that says so."""
    try:
        check_footer(path)
        yield
    except (OSError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise _damaged(path) from error


def check_footer(path: Path) -> None:
    """Refuse a file whose footer is not the one that was written; reads the footer alone."""
    with path.open("rb") as file:
        seal, footer = _end_of(file)
    if hashlib.sha256(footer).digest() != seal:
        raise _damaged(path)


def _damaged(path: Path) -> Corrupted:
    return Corrupted(f"The table {path.name[:12]} is damaged and was not used.")


def _end_of(file: BinaryIO) -> tuple[bytes, bytes]:
    """The bytes that stand where the seal is, and the footer after them up to the end of the file."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - END))
    length = int.from_bytes(file.read(4), "little") + END
    file.seek(max(0, size - length - SEAL))
    seal = file.read(min(SEAL, max(0, size - length)))
    return seal, file.read(length) if length <= size else b""


def write(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write record batches to one Parquet file with page checksums and a sealed footer; returns the number of rows."""
    rows, (first, batches) = 0, _first_of(batches)
    encoding = _encoding(schema, first)
    with pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True, **encoding) as writer:
        for batch in batches:
            writer.write_batch(batch, row_group_size=ROW_GROUP)
            rows += batch.num_rows
    seal(path)
    return rows


def _first_of(batches: Iterable[pa.RecordBatch]) -> tuple[pa.RecordBatch | None, Iterable[pa.RecordBatch]]:
    """The first of them, and all of them."""
    others = iter(batches)
    first = next(others, None)
    return first, others if first is None else chain([first], others)


def _encoding(schema: pa.Schema, first: pa.RecordBatch | None) -> dict[str, Any]:
    """How each type shrinks most and soonest: texts as lists of different ones, whole numbers and days as differences.

    Texts that hardly repeat in the first batch are written one by one: a list of them takes longer and more room. Of
    texts the first and the last are not noted: finding them takes longer than it saves.
    """
    texts = [i for i, field in enumerate(schema) if pa.types.is_string(field.type)]
    listed = [schema.names[i] for i in texts if first is None or _repeats(first.column(i))]
    others = [name for i, name in enumerate(schema.names) if i not in texts]
    whole = [field.name for field in schema if pa.types.is_integer(field.type) or pa.types.is_temporal(field.type)]
    return {
        "use_dictionary": listed or False,
        "write_statistics": others or False,
        "column_encoding": dict.fromkeys(whole, "DELTA_BINARY_PACKED"),
    }


def _repeats(cells: pa.Array) -> bool:
    few = cells.slice(0, LOOKED_AT)
    return len(few) < FEWEST or len(few.unique()) <= REPEATING * len(few)


def seal(path: Path) -> None:
    """Put the hash of the footer before it. Places in a footer count from the start of the file, so they stay right."""
    with path.open("r+b") as file:
        _, footer = _end_of(file)
        file.seek(-len(footer), os.SEEK_END)
        file.write(hashlib.sha256(footer).digest() + footer)


def read_batches(path: Path, columns: list[str] | None = None, size: int = 50_000) -> Iterator[pa.RecordBatch]:
    """Record batches of a Parquet file, each page verified against its checksum."""
    with undamaged(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
        yield from file.iter_batches(batch_size=size, columns=columns)


def read(path: Path, columns: list[str] | None = None) -> pa.Table:
    """A whole table in memory; for training and for small tables only."""
    with undamaged(path):
        return pq.read_table(path, columns=columns, page_checksum_verification=True)


def schema_of(path: Path) -> pa.Schema:
    """The names and types of its columns."""
    with undamaged(path):
        return pq.read_schema(path)


def rows_of(path: Path) -> int:
    """How many rows it has."""
    with undamaged(path):
        rows: int = pq.read_metadata(path).num_rows
    return rows


def stored_size(path: Path, name: str) -> tuple[int, int]:
    """The bytes of a column before they were packed, and the cells that these hold."""
    with undamaged(path):
        footer = pq.read_metadata(path)
    at = footer.schema.names.index(name)
    parts = [footer.row_group(group).column(at) for group in range(footer.num_row_groups)]
    return sum(part.total_uncompressed_size for part in parts), sum(part.num_values for part in parts)


def rows_at(path: Path, places: Sequence[int], columns: list[str]) -> pa.Table:
    """The rows at these places (at least one), from 0 and rising; groups of rows where none lies are not read."""
    taken, left = [], list(places)
    with undamaged(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
        begin = 0
        for group in range(file.num_row_groups):
            end = begin + file.metadata.row_group(group).num_rows
            here = [place - begin for place in left if place < end]
            if here:
                left = left[len(here) :]
                table = file.read_row_group(group, columns=columns).select(columns)
                taken += [table.slice(place, 1) for place in here]  # `take` of a list loads pandas
            begin = end
    return pa.concat_tables(taken)


def first_rows(path: Path, rows: int) -> pa.Table:
    """The first rows, without reading the rest."""
    for batch in read_batches(path, size=rows):
        return pa.Table.from_batches([batch])
    return schema_of(path).empty_table()
