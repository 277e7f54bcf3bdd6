"""PURE: which rows are learned from and which are held back, repeatable from a seed or from a time column."""

import hashlib
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


def _count(rows: int, share: float) -> int:
    return max(1, round(rows * share))
