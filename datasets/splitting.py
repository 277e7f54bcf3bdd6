"""PURE: which rows are learned from and which are held back, repeatable from a seed, a time column or groups."""

import base64
import hashlib
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

Rows = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Split:
    """Row numbers of the two parts, sorted. `fingerprint` names the held-back rows."""

    train: Rows
    test: Rows

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the held-back row numbers as little-endian 64-bit integers."""
        return hashlib.sha256(self.test.astype("<i8").tobytes()).hexdigest()


def packed(rows: Rows) -> str:
    """Sorted row numbers as short text: their steps as 64-bit integers, compressed, in base 64."""
    steps = np.diff(rows, prepend=0).astype("<i8")
    return base64.b64encode(zlib.compress(steps.tobytes(), 6)).decode()


def unpacked(text: str) -> Rows:
    """The row numbers in such a text."""
    return np.cumsum(np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype="<i8")).astype(np.int64)


def at_random(rows: Rows, share: float, seed: int, classes: Any = None) -> Split:
    """Hold back a share of the rows by chance; with `classes` (one per row) each class keeps its share."""
    chance = np.random.default_rng(seed)
    groups = [rows] if classes is None else [rows[classes == value] for value in np.unique(classes)]
    held = [chance.permutation(group)[: _count(len(group), share)] for group in groups]
    test = np.sort(np.concatenate(held))
    return Split(np.setdiff1d(rows, test, assume_unique=True), test)


def by_time(rows: Rows, times: Any, share: float) -> Split:
    """Hold back the newest rows. Rows of one moment stay together; rows without a time are learned from."""
    known = ~np.isnan(times)
    ordered = np.sort(times[known])
    if not ordered.size:
        return Split(rows, rows[:0])
    cut = ordered[-_count(len(ordered), share)]
    late = known & (times >= cut)
    if late.sum() > 2 * _count(len(ordered), share):
        late = known & (times > cut)  # so many rows share that moment that it belongs to the part before
    return Split(np.sort(rows[~late]), np.sort(rows[late]))


def by_group(rows: Rows, groups: Any, share: float, seed: int) -> Split:
    """Hold back whole groups by chance until about `share` of the rows is held back; no group is on both sides.

    Where each group is more than that, the smallest is held back.
    """
    names, codes, sizes = np.unique(np.asarray(groups).astype(str), return_inverse=True, return_counts=True)
    wanted, held, count = _count(len(rows), share), np.zeros(len(names), dtype=bool), 0
    for place in np.random.default_rng(seed).permutation(len(names)):
        if count + sizes[place] > max(1.1 * wanted, sizes.min()):
            continue  # too large for what is left; a smaller one may fit
        held[place], count = True, count + int(sizes[place])
        if count >= wanted:
            break
    return Split(np.sort(rows[~held[codes]]), np.sort(rows[held[codes]]))


def _count(rows: int, share: float) -> int:
    return max(1, round(rows * share))
