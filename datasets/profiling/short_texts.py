"""PURE: the exact figures of a column of many different short texts, such as codes: each is a number that sorts alike.

A text of at most eight bytes, filled up with zero bytes, is a whole number of 64 bits with the same order. Sorting
those is several times as fast as grouping texts, and needs eight bytes a row.
"""

import heapq
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from storage import tables

LONGEST = 8
BATCH = 100_000
MOST_ROWS = 16_000_000
REPEATED = 6.0  # fewer bytes a cell than this, and the file holds a list of different values: grouping is quick there
MASKS = np.array([0, *(2**64 - 2 ** (64 - 8 * length) for length in range(1, LONGEST + 1))], dtype=np.uint64)


@dataclass(frozen=True)
class Counted:
    """Different texts, cells that hold one, the first and the last in order, and the commonest with their counts."""

    different: int
    present: int
    low: str | None
    high: str | None
    commonest: list[tuple[str, int]]


def counted(path: Path, name: str, rows: int, most: int) -> Counted | None:
    """The figures, or None when the texts are longer, many times the same, or too many."""
    if not 0 < rows <= MOST_ROWS or not _worth_it(path, name):
        return None
    words, present = np.empty(rows, dtype=np.uint64), 0
    for batch in tables.read_batches(path, [name], size=BATCH):
        part = _as_words(batch.column(batch.schema.get_field_index(name)))
        if part is None:
            return None
        words[present : present + len(part)] = part
        present += len(part)
    words = words[:present]
    words.sort()
    return _of_sorted(words, most)


def _worth_it(path: Path, name: str) -> bool:
    """By the sizes that the file states: texts are stored one by one, and are short on average."""
    stored, cells = tables.stored_size(path, name)
    return cells > 0 and REPEATED <= stored / cells <= LONGEST + 6


def _as_words(cells: pa.Array) -> "np.ndarray | None":
    """The texts that are there as numbers of the same order; None when one is longer or holds a zero byte."""
    present = cells.drop_null() if cells.null_count else cells
    if not len(present):
        return np.zeros(0, dtype=np.uint64)
    offsets = np.frombuffer(present.buffers()[1], dtype=np.int32)[present.offset : present.offset + len(present) + 1]
    lengths = np.diff(offsets)
    if lengths.max() > LONGEST:
        return None
    data = present.buffers()[2]
    size = int(offsets[-1] - offsets[0])
    padded = np.zeros(size + LONGEST, dtype=np.uint8)
    if size and data is not None:
        padded[:size] = np.frombuffer(data, dtype=np.uint8)[offsets[0] : offsets[-1]]
    if not padded[:size].all():
        return None
    at_each_byte: np.ndarray = np.ndarray(size + 1, dtype=">u8", buffer=padded, strides=(1,))
    found: np.ndarray = at_each_byte[offsets[:-1] - offsets[0]].astype(np.uint64)
    return found & MASKS[lengths]


def _of_sorted(words: "np.ndarray", most: int) -> Counted:
    if not len(words):
        return Counted(0, 0, None, None, [])
    different, begin = 0, 0
    best: list[tuple[int, int]] = []
    for start in range(0, len(words), BATCH):
        part = words[start : start + BATCH + 1]
        ends = np.flatnonzero(part[1:] != part[:-1]) + start + 1
        if start + BATCH >= len(words):
            ends = np.append(ends, len(words))
        if len(ends):
            best = _best(words, np.concatenate([[begin], ends]), best, most)
            different, begin = different + len(ends), int(ends[-1])
    texts = [(_text(word), -count) for count, word in best]
    return Counted(different, len(words), _text(int(words[0])), _text(int(words[-1])), texts)


def _best(words: "np.ndarray", edges: "np.ndarray", best: list[tuple[int, int]], most: int) -> list[tuple[int, int]]:
    """The commonest, small ones first where they are level, of those known and of the runs between these edges."""
    counts = np.diff(edges)
    least = -best[-1][0] + 1 if len(best) == most else 1  # what comes later has to be commoner: words rise
    chosen = np.flatnonzero(counts >= least)
    if len(chosen) > most:
        bound = np.partition(counts[chosen], -most)[-most]
        level = chosen[counts[chosen] == bound][:most]
        chosen = np.concatenate([chosen[counts[chosen] > bound], level])
    found = zip((-counts[chosen]).tolist(), words[edges[:-1][chosen]].tolist(), strict=True)
    return heapq.nsmallest(most, [*best, *found])


def _text(word: int) -> str:
    return word.to_bytes(LONGEST, "big").rstrip(b"\0").decode("utf-8")
