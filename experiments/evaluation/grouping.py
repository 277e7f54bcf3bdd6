"""PURE: a column as groups of rows: codes and labels, by Arrow's own dictionary, fast for millions of rows."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from experiments.columns import numbers_of
from experiments.evaluation.asked import MISSING, MOST_VALUES
from experiments.evaluation.metrics import Array
from experiments.signatures import word

MOST_GROUPS = 50
OTHERS = "(all others)"


@dataclass(frozen=True)
class Groups:
    """`codes` holds the place in `labels` of each row's group."""

    codes: Array
    labels: list[str]

    def part(self, rows: Array) -> "Groups":
        """The same for some of the rows."""
        return Groups(self.codes[rows], self.labels)

    @property
    def sizes(self) -> Array:
        """Rows of each group."""
        return np.bincount(self.codes, minlength=len(self.labels))


def grouped(column: pa.ChunkedArray, most: int = MOST_GROUPS) -> Groups:
    """Words by their value, numbers of more than a dozen kinds by quarters, dates by year, gaps as a group.

    Beyond the `most` largest groups the rest is one group. Labels read as those of targets (`asked.groups_of`).
    """
    kind = column.type
    if pa.types.is_temporal(kind):
        column = pc.cast(pc.year(column), pa.int64())
    elif _is_number(kind) and pc.count_distinct(column.drop_null()).as_py() > MOST_VALUES:
        return _quarters(column)
    return _by_word(column, most)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _by_word(column: pa.ChunkedArray, most: int) -> Groups:
    coded = pa.chunked_array([column.combine_chunks()] if column.num_chunks != 1 else column.chunks, column.type)
    one = coded.chunk(0).dictionary_encode() if coded.num_chunks else pa.array([], column.type).dictionary_encode()
    words = [word(value) for value in one.dictionary.to_pylist()]
    labels = [*words, MISSING]
    codes = one.indices.fill_null(len(words)).to_numpy(zero_copy_only=False).astype(np.int64)
    sizes = np.bincount(codes, minlength=len(labels))
    order = sorted(np.flatnonzero(sizes), key=lambda place: (-sizes[place], labels[place]))
    places = np.full(len(labels), min(len(order), most), dtype=np.int64)
    places[order[:most]] = np.arange(len(order[:most]))
    kept = [labels[place] for place in order[:most]] + ([OTHERS] if len(order) > most else [])
    return Groups(places[codes], kept)


def _quarters(column: pa.ChunkedArray) -> Groups:
    values = numbers_of(column)
    known = values[~np.isnan(values)]
    edges = sorted({float(edge) for edge in np.quantile(known, [0.25, 0.5, 0.75], method="nearest")})
    labels = [f"under {edges[0]:g}", *(f"{low:g} to below {high:g}" for low, high in pairwise(edges))]
    labels += [f"{edges[-1]:g} and more", MISSING]
    codes = np.where(np.isnan(values), len(labels) - 1, np.searchsorted(edges, values, side="right"))
    return Groups(codes.astype(np.int64), labels)
