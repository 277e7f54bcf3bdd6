"""PURE: the curves of the reference and of now at the same points, and what can be read off them exactly."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.curves import standing

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Curve:
    """One side: rows, rows below and up to each point, and the sum of distances in each gap (see `standing`)."""

    rows: int
    below: Array
    upto: Array
    gaps: Array

    def plus(self, ordered: Array, at: Array) -> "Curve":
        """The same with a sorted batch counted in."""
        below, upto, gaps = standing(ordered, at)
        return Curve(self.rows + ordered.size, self.below + below, self.upto + upto, self.gaps + gaps)


def empty(points: int) -> Curve:
    """Nothing counted yet."""
    return Curve(0, np.zeros(points, np.int64), np.zeros(points, np.int64), np.zeros(points + 1))


@dataclass(frozen=True, eq=False)
class Curves:
    """Both sides at the points `at`; `spread` is the standard deviation of the reference."""

    at: Array
    spread: float
    before: Curve
    now: Curve

    def swapped(self) -> "Curves":
        """The same change from the other side, in the same unit."""
        return Curves(self.at, self.spread, self.now, self.before)

    def largest_gap(self) -> float:
        """Kolmogorov-Smirnov distance at the points, both right before and right at each of them.

        At most the exact distance, and below it by no more than `gap_slack`.
        """
        below = np.abs(self.before.below / self.before.rows - self.now.below / self.now.rows)
        upto = np.abs(self.before.upto / self.before.rows - self.now.upto / self.now.rows)
        return float(max(below.max(), upto.max()))

    def gap_slack(self) -> float:
        """How much larger the exact distance may be: in a gap one curve rises first, by at most its own share of it.

        The reference has at most 1 of 500 rows in a gap, so this is never more than 0.002, whatever came.
        """
        return float(np.minimum(*self._inner()).max(initial=0.0))

    def area(self) -> float:
        """Wasserstein distance in the unit of the values: the area between both curves.

        The sums of distances give each gap's area exactly, unless the curves cross within it: at most the exact
        distance, and below it by no more than `area_slack`.
        """
        return float(np.abs(self._areas()).sum())

    def area_slack(self) -> float:
        """How much larger the exact area may be: where curves cross in a gap, twice the smaller lobe."""
        before, now = self._inner()
        start = (self.before.upto / self.before.rows - self.now.upto / self.now.rows)[:-1]
        lobes = np.minimum(np.maximum(start + before, 0.0), np.maximum(now - start, 0.0))
        return float(2 * (np.diff(self.at) * lobes).sum())

    def _inner(self) -> tuple[Array, Array]:
        """Each side's share of rows in each open gap between two points."""
        before = (self.before.below[1:] - self.before.upto[:-1]) / self.before.rows
        return before, (self.now.below[1:] - self.now.upto[:-1]) / self.now.rows

    def _areas(self) -> Array:
        """Signed areas between the curves: before the first point, in each gap, after the last."""
        return self._one(self.before) - self._one(self.now)

    def _one(self, side: Curve) -> Array:
        """The area under one curve in each gap; after the last point, what is missing up to 1, as a negative area."""
        inside = side.below[1:] - side.upto[:-1]
        widths = np.diff(self.at)
        middle = side.upto[:-1] * widths + inside * widths - side.gaps[1:-1]
        return np.concatenate([[side.gaps[0]], middle, [-side.gaps[-1]]]) / side.rows


def kept(curve: dict[str, Any]) -> tuple[Array, float, Curve]:
    """The points, the spread and the reference's side of a curve as the bundle keeps it."""
    gaps = np.concatenate([[0.0], np.array(curve["gaps"], np.float64), [0.0]])
    below, upto = np.array(curve["below"], np.int64), np.array(curve["upto"], np.int64)
    return np.array(curve["at"], np.float64), float(curve["spread"]), Curve(int(curve["rows"]), below, upto, gaps)
