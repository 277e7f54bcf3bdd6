"""PURE: two distributions over the same bins, the reference and now: what every measure of change looks at."""

from dataclasses import dataclass

from monitoring.drift.curves import Curves


@dataclass(frozen=True)
class Pair:
    """Shares per bin (each side sums to 1, or is all zeros when it has no values), and what lies beside the bins.

    `ordered` bins follow each other (numbers); otherwise they are categories, whose last bin may hold unseen values.
    Missing shares are of all rows, as is `strange` (values of another type than in training); `new_share` is of the
    rows that have a value. `curves` of numbers are finer than the bins.
    """

    reference: tuple[float, ...]
    now: tuple[float, ...]
    rows_reference: int
    rows_now: int
    ordered: bool
    missing_reference: float = 0.0
    missing_now: float = 0.0
    new_share: float = 0.0
    strange: float = 0.0
    curves: Curves | None = None

    def swapped(self) -> "Pair":
        """The same change, looked at from the other side."""
        return Pair(
            self.now,
            self.reference,
            self.rows_now,
            self.rows_reference,
            self.ordered,
            self.missing_now,
            self.missing_reference,
            self.new_share,
            self.strange,
            self.curves.swapped() if self.curves else None,
        )


def pooled(pair: Pair, least: float = 5.0) -> tuple[list[float], list[float]]:
    """Both sides with the rare bins put together: a bin counts alone when `least` rows of now are expected in it.

    Expected is the mean of both shares, so the rule is the same from both sides. Without it, a hundred rare categories
    would look like a change in every small window.
    """
    kept: list[tuple[float, float]] = []
    rest = (0.0, 0.0)
    rows = min(pair.rows_now, pair.rows_reference)
    for before, now in zip(pair.reference, pair.now, strict=True):
        if (before + now) / 2 * rows >= least:
            kept.append((before, now))
        else:
            rest = (rest[0] + before, rest[1] + now)
    if rest != (0.0, 0.0):
        kept.append(rest)
    return [before for before, _ in kept], [now for _, now in kept]
