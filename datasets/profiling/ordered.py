"""PURE: the exact figures of a column of numbers or moments, from its distinct values in order and how often each is.

Values of a small range are counted into places, all others sorted once; every figure comes from the same two arrays.
"""

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute  # else its first use in a thread makes the others wait

from storage import tables

BATCH = 1_000_000
FEW = 100_000
PIECE = 50_000
COUNTED_RANGE, DECIMAL_RANGE = 1_000_000, 2_000_000
SCALES = tuple(10**places for places in range(7))
LARGEST_WHOLE = 2**53
LARGEST_SQUARED = 1e150
WHOLE = {"int64": pa.int64(), "date32[day]": pa.int32(), "timestamp[us]": pa.int64()}


@dataclass(frozen=True)
class Ordered:
    """Distinct values from small to large with their counts; whole numbers, or doubles."""

    values: "np.ndarray"
    counts: "np.ndarray"

    @cached_property
    def present(self) -> int:
        """How many cells hold a value."""
        return int(self.counts.sum())

    @cached_property
    def _behind(self) -> "np.ndarray":
        """How many cells hold this value or a smaller one."""
        return np.cumsum(self.counts)

    def _before(self, place: int) -> int:
        """How many cells hold a value before the one at this place."""
        if self.present == len(self.values):
            return place  # each occurs once
        return int(self._behind[place - 1]) if place else 0

    def _cell(self, rank: int) -> float:
        """What the cell holds that so many are before, in order."""
        once = self.present == len(self.values)
        return float(self.values[rank if once else np.searchsorted(self._behind, rank, side="right")])

    def moments(self, points: Sequence[float]) -> tuple[float, float | None, list[float]]:
        """Mean, standard deviation of the sample (None where squares would overflow) and quantiles between values."""
        n, scale = self.present, max(abs(float(self.values[0])), abs(float(self.values[-1])))
        if scale >= LARGEST_SQUARED:
            mean = sum(float((x / scale * (weights / n)).sum()) for x, weights in self._pieces()) * scale
            return mean, None, self._quantiles(points)
        mean = sum(float((x * weights).sum()) for x, weights in self._pieces()) / n
        squares = sum(float(((x - mean) ** 2 * weights).sum()) for x, weights in self._pieces())
        return mean, math.sqrt(squares / (n - 1)) if n > 1 else None, self._quantiles(points)

    def _pieces(self) -> Iterator[tuple["np.ndarray", "np.ndarray"]]:
        """Values and counts as doubles, a little at a time, which stays near the processor.

        They are multiplied and summed by NumPy itself: a dot product wakes threads of BLAS, which burn a core waiting.
        """
        for start in range(0, len(self.values), PIECE):
            piece = slice(start, start + PIECE)
            yield self.values[piece].astype(np.float64, copy=False), self.counts[piece].astype(np.float64)

    def _quantiles(self, points: Sequence[float]) -> list[float]:
        found = []
        for point in points:
            place = (self.present - 1) * point
            low = int(place)
            share = place - low
            below, above = (self._cell(at) for at in (low, low + (share > 0)))
            found.append(below if below == above else below * (1 - share) + above * share)
        return found

    def binned(self, start: float, half: float, bins: int) -> list[int]:
        """How many cells lie in each of `bins` equal bins from `start` to `start + 2 * half`."""
        if not half:
            return [self.present]

        def place(i: int) -> int:
            return min(bins - 1, math.floor((float(self.values[i]) / 2 - start / 2) / half * bins))

        # values are in order, and so are their places: each bin begins where the search finds it
        firsts = [bisect_left(range(len(self.values)), k, key=place) for k in range(1, bins)]
        before = [0, *(self._before(first) for first in firsts), self.present]
        return [upper - lower for lower, upper in pairwise(before)]

    def commonest(self, most: int) -> list[tuple[Any, int]]:
        """The values that occur most often, small ones first where they are level."""
        chosen = np.lexsort((self.values, -self.counts))[:most]
        return [(self.values[i].item(), int(self.counts[i])) for i in chosen]


def ordered(path: Path, name: str, every: int = 1) -> Ordered | None:
    """One column of a table, or of every so manieth of its rows; None when some value is no finite number."""
    parts = []
    for batch in _batches(path, name):
        part = _plain(batch.column(batch.schema.get_field_index(name)))
        parts.append(_picked(part, every) if every > 1 else part)
    values = parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else np.zeros(0)
    if values.dtype == np.float64 and not np.isfinite(values).all():
        return None
    return _rising(values) or _close_together(values) or _sorted(values)


def rises(path: Path, name: str) -> bool:
    """Whether each value lies above the one before, as numbers of records do: reads a little at a time, up to there."""
    last = None
    for batch in tables.read_batches(path, [name], size=FEW):
        part = _plain(batch.column(batch.schema.get_field_index(name)))
        if not len(part):
            continue
        if (last is not None and not part[0] > last) or not (part[1:] > part[:-1]).all():
            return False
        last = part[-1]
    return True


def _picked(values: "np.ndarray", every: int) -> "np.ndarray":
    """One value of every so many, by chance, so that what repeats at even distances is picked fairly too."""
    starts = np.arange(0, len(values), every)
    places = starts + np.random.default_rng(0).integers(0, every, len(starts))
    picked: np.ndarray = values[np.minimum(places, len(values) - 1)]
    return picked


def counted(path: Path, name: str) -> Ordered | None:
    """A column of whole numbers, moments or decimal numbers of few places that lie close together; None for others.

    Of any number of rows. Decimal numbers, such as prices, are counted as whole numbers of their last place.
    """
    low, counts, scale = 0, np.zeros(0, dtype=np.int64), 0
    for batch in _batches(path, name):
        part = _plain(batch.column(batch.schema.get_field_index(name)))
        if not len(part):
            continue
        if part.dtype == np.float64:
            scale = scale or _scale(part)
            places = _in_places(part, scale) if scale else None
            if places is None:
                return None
            part = places
        first, last = int(part.min()), int(part.max()) + 1
        if len(counts):
            first, last = min(first, low), max(last, low + len(counts))
        if last - first > (DECIMAL_RANGE if scale else COUNTED_RANGE):
            return None
        more = np.bincount(np.subtract(part, first, dtype=np.int64), minlength=last - first)
        if len(counts):
            more[low - first : low - first + len(counts)] += counts
        low, counts = first, more
    there = np.flatnonzero(counts)
    return Ordered((there + low) / scale if scale else there + low, counts[there])


def _scale(values: "np.ndarray") -> int:
    """The power of ten that makes some of these numbers whole ones; 0 when none of the small ones does."""
    few = values[:: max(1, len(values) // 1000)]
    return next((scale for scale in SCALES if _in_places(few, scale) is not None), 0)


def _in_places(values: "np.ndarray", scale: int) -> "np.ndarray | None":
    """Whole numbers which, divided by `scale`, give exactly these numbers; None when one does not."""
    found = np.empty(len(values), dtype=np.int64)
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(values), PIECE):
            piece = values[start : start + PIECE]
            places = np.rint(piece * scale)
            if not (places / scale == piece).all() or max(-places.min(), places.max()) >= LARGEST_WHOLE:
                return None
            found[start : start + PIECE] = places
    return found


def _batches(path: Path, name: str) -> Iterator[pa.RecordBatch]:
    """Its batches, and with them perhaps those of columns whose name begins with it and a dot."""
    return tables.read_batches(path, [name], size=BATCH)


def _plain(cells: pa.Array) -> "np.ndarray":
    whole = WHOLE.get(str(cells.type))
    present = cells.drop_null() if cells.null_count else cells
    found: np.ndarray = np.from_dlpack(present.cast(whole) if whole is not None else present)  # `to_numpy` loads pandas
    return found


def _rising(values: "np.ndarray") -> Ordered | None:
    """What rises from row to row, such as numbers of records, is in order already and never the same."""
    few = values[:1000]
    if len(few) < 2 or not (few[1:] > few[:-1]).all() or not (values[1:] > values[:-1]).all():
        return None
    return Ordered(values, _once(values))


def _once(values: "np.ndarray") -> "np.ndarray":
    """A count of one for each, which takes no room."""
    return np.broadcast_to(np.int64(1), values.shape)


def _close_together(values: "np.ndarray") -> Ordered | None:
    """Whole numbers that lie close together are counted in one go."""
    if not len(values) or values.dtype == np.float64:
        return None
    low, high = int(values.min()), int(values.max())
    if high - low >= min(COUNTED_RANGE, 4 * len(values) + 64):
        return None
    counts, size = np.zeros(high - low + 1, dtype=np.int64), max(PIECE, high - low)
    for start in range(0, len(values), size):
        counts += np.bincount(values[start : start + size].astype(np.int64) - low, minlength=len(counts))
    there = np.flatnonzero(counts)
    return Ordered(there + low, counts[there])


def _sorted(values: "np.ndarray") -> Ordered:
    values = np.sort(values)
    if not len(values):
        return Ordered(values, np.zeros(0, dtype=np.int64))
    changes = values[1:] != values[:-1]
    if changes.all():
        return Ordered(values, _once(values))
    starts = np.flatnonzero(np.concatenate([[True], changes]))
    return Ordered(values[starts], np.diff(starts, append=len(values)))
