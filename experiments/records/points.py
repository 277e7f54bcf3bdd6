"""PURE: a metric's points: what is known of all of them in a few numbers, how they are packed, and how they are drawn.

A point is (step, moment in milliseconds, value). Points are a set: an exact repeat counts once. The latest point has
the highest (step, moment, value); lowest and highest are the first to reach their value, and what is not a number
counts for neither.
"""

import math
import sys
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Point = tuple[int, int, float]
PIECE = 1000  # points of one stored piece
LARGEST = sys.float_info.max  # stands for the infinities, which no database orders alike
LARGEST_STEP = 2**63 - 1


@dataclass(frozen=True)
class Summary:
    """What is known of a metric without reading its points. `last` is None where it is not a number."""

    last: float | None
    step: int
    at: int
    low: float | None
    low_step: int | None
    high: float | None
    high_step: int | None
    points: int

    @property
    def point(self) -> Point:
        """The latest point."""
        return self.step, self.at, math.nan if self.last is None else self.last


@dataclass(frozen=True)
class Piece:
    """Some points as they are stored, with what is drawn of them when there are too many to draw each."""

    content: bytes
    points: int
    first: Point
    last: Point
    low: Point | None
    high: Point | None


def kept(value: float) -> float:
    """A value as it is kept: infinities as the largest numbers there are."""
    return max(-LARGEST, min(LARGEST, value)) if not math.isnan(value) else value


def ordered(points: Iterable[Point]) -> list[Point]:
    """Points in their order, each once; one that is not a number stands before the others of its moment."""
    found = {(step, at, None if math.isnan(value) else value) for step, at, value in points}
    rows = sorted(found, key=lambda one: (one[0], one[1], one[2] is not None, one[2] or 0.0))
    return [(step, at, math.nan if value is None else value) for step, at, value in rows]


def summed(points: Sequence[Point], before: Summary | None = None) -> Summary:
    """What is known of these points, and of those before. They are in their order and none is known already."""
    known = [one for one in points if not math.isnan(one[2])]
    low = min(known, key=lambda one: (one[2], one[0]), default=None)
    high = max(known, key=lambda one: (one[2], -one[0]), default=None)
    last, count = points[-1], len(points)
    if before is None:
        return _summary(last, low, high, count)
    if _place(before.point) > _place(last):
        last = before.point
    if before.low is not None and before.low_step is not None:
        earlier = (before.low_step, 0, before.low)
        low = earlier if low is None or (earlier[2], earlier[0]) <= (low[2], low[0]) else low
    if before.high is not None and before.high_step is not None:
        earlier = (before.high_step, 0, before.high)
        high = earlier if high is None or (-earlier[2], earlier[0]) <= (-high[2], high[0]) else high
    return _summary(last, low, high, before.points + count)


def _place(point: Point) -> tuple[int, int, bool, float]:
    nothing = math.isnan(point[2])
    return point[0], point[1], not nothing, 0.0 if nothing else point[2]


def _summary(last: Point, low: Point | None, high: Point | None, count: int) -> Summary:
    return Summary(
        None if math.isnan(last[2]) else last[2],
        last[0],
        last[1],
        low[2] if low else None,
        low[0] if low else None,
        high[2] if high else None,
        high[0] if high else None,
        count,
    )


def packed(points: Sequence[Point]) -> bytes:
    """Steps, then moments, then values, each of eight bytes, the smallest first."""
    parts: list[array[Any]] = [array("q", [one[0] for one in points]), array("q", [one[1] for one in points])]
    parts.append(array("d", [one[2] for one in points]))
    if sys.byteorder == "big":
        for part in parts:
            part.byteswap()
    return b"".join(part.tobytes() for part in parts)


def unpacked(content: bytes) -> list[Point]:
    """The points of a stored piece. Its size must be a whole number of points."""
    count, rest = divmod(len(content), 24)
    if rest:
        raise ValueError("A piece of points is cut off.")
    steps, moments, values = array("q"), array("q"), array("d")
    steps.frombytes(content[: 8 * count])
    moments.frombytes(content[8 * count : 16 * count])
    values.frombytes(content[16 * count :])
    if sys.byteorder == "big":
        steps.byteswap()
        moments.byteswap()
        values.byteswap()
    return list(zip(steps, moments, values, strict=True))


def pieces(points: Sequence[Point]) -> list[Piece]:
    """Points in their order, cut into pieces to be stored."""
    return [_piece(points[start : start + PIECE]) for start in range(0, len(points), PIECE)]


def _piece(points: Sequence[Point]) -> Piece:
    known = [one for one in points if not math.isnan(one[2])]
    return Piece(
        packed(points),
        len(points),
        points[0],
        points[-1],
        min(known, key=lambda one: (one[2], one[0]), default=None),
        max(known, key=lambda one: (one[2], -one[0]), default=None),
    )


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """At most so many points (at least four) that draw the same curve: of each stretch its lowest and its highest.

    The first and the last stay.
    """
    known = [one for one in points if not math.isnan(one[2])]
    if len(known) <= most:
        return known
    inner, stretches = known[1:-1], max(1, (most - 2) // 2)
    drawn = [known[0]]
    for number in range(stretches):
        part = inner[number * len(inner) // stretches : (number + 1) * len(inner) // stretches]
        if part:
            ends = {min(part, key=lambda one: one[2]), max(part, key=lambda one: one[2])}
            drawn += sorted(ends)
    return [*drawn, known[-1]]
