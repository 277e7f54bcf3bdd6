"""PURE: the small base of every measure of change."""

from collections.abc import Callable
from dataclasses import dataclass

from monitoring.drift.pair import Pair


@dataclass(frozen=True)
class Measure:
    """One measure of change between two distributions. It is 0 where nothing changed, never a p-value.

    `top` is its largest possible value (None where there is none); `ordered_only` measures need bins in order.
    """

    key: str
    name: str
    words: str
    value: Callable[[Pair], float | None]
    ordered_only: bool = False
    symmetric: bool = True
    top: float | None = None

    def of(self, pair: Pair) -> float | None:
        """The value, or None where the measure does not fit or one side has no values at all."""
        if (self.ordered_only and not pair.ordered) or not pair.rows_now or not pair.rows_reference:
            return None
        return self.value(pair)
