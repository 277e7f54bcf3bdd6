"""PURE: how far the best score of a search can be believed, in words.

The best of many trials was partly lucky on its folds, so its own score is optimistic; the locked test rows were never
part of the search.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from projects.measures import MEASURES

COUNTED = ("finished", "pruned")


@dataclass(frozen=True)
class Believed:
    """What the search says of its best, what the locked rows say, and whether the first is too good."""

    searched: str
    locked: str
    nested: str
    optimistic: bool
    sentence: str


def believed(found: Mapping[str, Any] | None, metrics: Mapping[str, Any]) -> Believed | None:
    """`found` is what a run remembers of its search, `metrics` what its model measured on the locked rows."""
    measured = metrics.get(found["metric"]) if found else None
    if not found or not measured or measured.get("value") is None or measured.get("low") is None:
        return None
    best, measure = found["best"]["value"], MEASURES[found["metric"]]
    larger = measure.better == "at_least"
    optimistic = best > measured["high"] if larger else best < measured["low"]
    count = sum(found["trials"].get(state, 0) for state in COUNTED)
    nested = f"{found['nested']['mean']:.4f}" if found.get("nested") else ""
    return Believed(
        f"{best:.4f}",
        f"{measured['value']:.4f} ({measured['low']:.4f} to {measured['high']:.4f})",
        nested,
        optimistic,
        _sentence(optimistic, count, measure.term, best, measured),
    )


def _sentence(optimistic: bool, count: int, term: str, best: float, measured: Mapping[str, Any]) -> str:
    if optimistic:
        return (
            f"The search is too hopeful: its best of {count} trials had {term} {best:.4f}, which is better than where "
            f"the locked rows put it ({measured['low']:.4f} to {measured['high']:.4f}). Count on the locked rows: the "
            "best of many tries is partly luck."
        )
    return (
        f"The best of {count} trials had {term} {best:.4f} on folds; the locked rows, which took no part, do not speak "
        f"against it ({measured['low']:.4f} to {measured['high']:.4f})."
    )
