"""PURE: what the past of a series says about steps ahead of it: the same numbers in training and in use.

`values` is a series on its grid, one number a step, NaN where nothing is known. An origin is the last step that is
known; a row asks for the step `ahead` of it. Nothing after its origin is ever looked at.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.forecasting.steps import LAGS, Plan, names

Array = np.ndarray[Any, Any]


def looked(values: Array, origins: Array, aheads: Array, plan: Plan) -> dict[str, Array]:
    """For each pair of origin and steps ahead every input that is made of the past; NaN where nothing is known."""
    found: list[Array] = [aheads.astype(np.float64)]
    found += [_at(values, origins - number) for number in range(LAGS)]
    found += [_at(values, origins + aheads - size * -(-aheads // size)) for size in plan.seasons]
    size = plan.seasons[0]
    found.append(_at(values, origins + aheads - size * (1 - (-aheads // size))))
    found += [_mean(values, origins, size) for size in plan.means]
    return dict(zip(names(plan), found, strict=True))


def _at(values: Array, places: Array) -> Array:
    inside = (places >= 0) & (places < values.size)
    found: Array = np.where(inside, values[np.clip(places, 0, values.size - 1)], np.nan)
    return found


def _mean(values: Array, origins: Array, size: int) -> Array:
    """The mean of the known ones of the last so many; added one by one, so that one row and many give the same bits."""
    total, count = np.zeros(origins.shape), np.zeros(origins.shape)
    for back in range(size):
        found = _at(values, origins - back)
        known = ~np.isnan(found)
        total, count = total + np.where(known, found, 0.0), count + known
    mean: Array = np.divide(total, count, out=np.full(origins.shape, np.nan), where=count > 0)
    return mean


def scale_of(values: Array, season: int) -> float:
    """How much a series differs from itself a season before, on average (Hyndman and Koehler 2006); NaN if unknown."""
    steps = np.abs(values[season:] - values[:-season]) if values.size > season else np.empty(0)
    steps = steps[~np.isnan(steps)]
    return float(steps.mean()) if steps.size else float("nan")


def on_grid(known: Mapping[int, float | None]) -> tuple[int, Array]:
    """Values by step as a first step and an array without holes in its grid."""
    first, last = min(known), max(known)
    values = np.full(last - first + 1, np.nan)
    for place, value in known.items():
        values[place - first] = np.nan if value is None else value
    return first, values


def beyond(sizes: Sequence[float] | Array, level: float) -> float | None:
    """The size that a new error stays within with this chance (split conformal, Vovk et al. 2005); None if too few."""
    ordered = np.sort(np.asarray(sizes, dtype=np.float64))
    rank = int(np.ceil((ordered.size + 1) * level))
    return float(ordered[rank - 1]) if 0 < rank <= ordered.size else None
