"""PURE: fixed-size sketches of live values in the bins of the reference, filled batch by batch."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from experiments.signatures import word
from monitoring.drift.columns import Column, numbers_in, words_in
from monitoring.drift.curves import Curve, Curves, empty, kept
from monitoring.drift.pair import Pair

MAX_NEW = 200  # distinct unseen values that are counted by name; the rest only as a number


class Sketch(ABC):
    """What one input looks like now. `add` takes an Arrow array, or values as the log has them; None is missing."""

    def __init__(self, reference: dict[str, Any], rows_reference: int) -> None:
        self.name: str = reference["name"]
        self.type: str = reference.get("type", "")
        self.rows_reference = rows_reference
        self.missing_reference = float(reference.get("missing_share") or 0.0)
        self.rows = self.missing = self.strange = 0

    @abstractmethod
    def add(self, values: Column) -> None:
        """Count a batch."""

    @abstractmethod
    def pair(self) -> Pair:
        """Both distributions, for the measures."""

    @abstractmethod
    def labels(self) -> list[str]:
        """One word for each bin of the pair."""

    def new(self) -> list[dict[str, Any]]:
        """Unseen values with their counts, most frequent first."""
        return []

    def first_unseen(self, values: Sequence[Any]) -> int | None:
        """The place of the first of these values that training never saw, where that can be said."""
        return None

    @property
    def valued(self) -> int:
        """Rows that have a value."""
        return self.rows - self.missing

    def _pair(
        self,
        before: Sequence[float],
        counts: Sequence[int],
        *,
        ordered: bool,
        new: int = 0,
        curves: Curves | None = None,
    ) -> Pair:
        valued = self.valued
        had = round(self.rows_reference * (1 - self.missing_reference))
        return Pair(
            reference=tuple(before),
            now=tuple(count / valued if valued else 0.0 for count in counts),
            rows_reference=had,
            rows_now=valued,
            ordered=ordered,
            missing_reference=self.missing_reference,
            missing_now=self.missing / self.rows if self.rows else 0.0,
            new_share=new / valued if valued else 0.0,
            strange=self.strange / self.rows if self.rows else 0.0,
            curves=curves,
        )


class NumberSketch(Sketch):
    """Counts in the reference's bins, and its curve. A bin holds its lower edge; the ends are open."""

    def __init__(self, reference: dict[str, Any], rows_reference: int) -> None:
        super().__init__(reference, rows_reference)
        self.edges = [float(edge) for edge in reference["edges"][1:-1]]
        self.before = normalised(reference["shares"])
        curve = reference.get("curve")
        self.points = kept(curve) if curve else None
        if self.points and not self.edges:  # one bin would hold whatever comes: the one value gets a bin of its own
            only = float(self.points[0][0])
            single = self.points[0].size == 1
            self.edges = [only, float(np.nextafter(only, np.inf))]
            self.before = [0.0, 1.0, 0.0] if single else self._beside_the_least(self.points[2])
        self.counts = np.zeros(len(self.before), np.int64)
        self.now = empty(self.points[0].size) if self.points else None

    @staticmethod
    def _beside_the_least(side: Curve) -> list[float]:
        """Nine of ten rows or more have the smallest value; the others are larger."""
        least = float(side.upto[0] / side.rows)
        return [0.0, least, 1.0 - least]

    def add(self, values: Column) -> None:
        """Count a batch; what is not a finite number counts as missing."""
        found = numbers_in(values)
        self.rows += found.rows
        self.missing += found.rows - found.values.size
        self.strange += found.strange
        ordered = np.sort(found.values)
        places = np.searchsorted(ordered, self.edges, side="left")
        self.counts += np.diff(places, prepend=0, append=ordered.size)
        if self.points and self.now:
            self.now = self.now.plus(ordered, self.points[0])

    def pair(self) -> Pair:
        """Both distributions."""
        curves = None
        if self.points and self.now and self.now.rows:
            curves = Curves(self.points[0], self.points[1], self.points[2], self.now)
        return self._pair(self.before, self.counts.tolist(), ordered=True, curves=curves)

    def labels(self) -> list[str]:
        """`under 12`, `12 to 24`, `60 and more`."""
        if not self.edges:
            return ["all"]
        words = [_short(edge) for edge in self.edges]
        if len(self.edges) == 2 and np.nextafter(self.edges[0], np.inf) == self.edges[1]:
            return [f"under {words[0]}", words[0], f"over {words[0]}"]
        middle = [f"{low} to {high}" for low, high in pairwise(words)]
        return [f"under {words[0]}", *middle, f"{words[-1]} and more"]


class CategorySketch(Sketch):
    """Counts of the reference's categories, of all others that training knew, and of values that it never saw.

    `known` are all categories of training; without them nothing can be called new where the reference is cut short.
    """

    def __init__(self, reference: dict[str, Any], rows_reference: int, known: Collection[str] | None = None) -> None:
        super().__init__(reference, rows_reference)
        shares = {word(key): float(share) for key, share in reference["categories"].items()}
        rest = max(0.0, 1.0 - sum(shares.values())) if shares else 0.0
        self.rest = rest if rest > 1e-6 else 0.0
        self.before = dict(zip(shares, normalised(list(shares.values()), 1.0 - self.rest), strict=True))
        self.known = set(known) if known is not None else (None if self.rest else set(self.before))
        self.counts: Counter[str] = Counter()
        self.others = self.unseen = 0
        self.seen_new: Counter[str] = Counter()

    def add(self, values: Column) -> None:
        """Count a batch."""
        found = words_in(values, self.type)
        self.rows += found.rows
        self.missing += found.missing
        self.strange += found.strange
        for key, count in found.counts.items():
            if key in self.before:
                self.counts[key] += count
            elif self.known is None or key in self.known:
                self.others += count
            else:
                self.unseen += count
                if key in self.seen_new or len(self.seen_new) < MAX_NEW:
                    self.seen_new[key] += count

    def pair(self) -> Pair:
        """Both distributions; the last two bins are all other known values, and the unseen ones."""
        counts = [*(self.counts[key] for key in self.before), self.others, self.unseen]
        return self._pair([*self.before.values(), self.rest, 0.0], counts, ordered=False, new=self.unseen)

    def labels(self) -> list[str]:
        """The categories, then what is not among them; an unseen value that stands alone is called by its name."""
        alone = next(iter(self.seen_new)) if len(self.seen_new) == 1 else "new values"
        return [*self.before, "all others", alone]

    def first_unseen(self, values: Sequence[Any]) -> int | None:
        """The place of the first value that is none of those that training knew."""
        known = self.known
        if known is None or not self.unseen:
            return None
        return next((place for place, one in enumerate(values) if one is not None and word(one) not in known), None)

    def new(self) -> list[dict[str, Any]]:
        """Unseen values, most frequent first."""
        return [{"value": value[:80], "count": count} for value, count in self.seen_new.most_common(10)]


def sketch_for(reference: dict[str, Any], rows_reference: int, known: Collection[str] | None = None) -> Sketch:
    """The sketch that fits what the reference keeps of an input."""
    if "edges" in reference:
        return NumberSketch(reference, rows_reference)
    return CategorySketch(reference, rows_reference, known)


def normalised(shares: Sequence[float], to: float = 1.0) -> list[float]:
    """Shares that sum to one (or `to`), or zeros."""
    total = float(sum(shares))
    return [to * float(share) / total if total else 0.0 for share in shares]


def _short(value: float) -> str:
    return f"{value:,.0f}".replace(",", "\u2009") if value == round(value) or abs(value) >= 1000 else f"{value:.3g}"
