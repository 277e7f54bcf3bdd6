"""PURE: whether a model's percentages can be trusted: the reliability of bins, their error, and the parts of Brier's
score.

Brier = reliability - resolution + uncertainty + within, exactly: the first three are Murphy's (1973) over bins,
`within` is what lies inside bins (Stephenson et al. 2008). The expected calibration error (Naeini et al. 2015) is
never 0 by chance, so it stands beside the error that a perfectly honest model would show on these rows (Bröcker and
Smith 2007).
"""

from typing import Any

import numpy as np

from experiments.evaluation.curves import calibration
from experiments.evaluation.metrics import Array, Binary

BINS, DRAWS = 10, 400
EXACT_ROWS = 20_000  # beyond it the sums of bins are drawn from their normal limit


def calibrated(held: Binary, seed: int = 7) -> dict[str, Any]:
    """{bins, ece, mce, by_chance, honest, brier: {score, reliability, resolution, uncertainty, within}}.

    `by_chance` is the error below which an honest model stays 19 times out of 20; `honest` is False when ours is above.
    """
    if not held.truth.size:
        return {"ece": None, "reason": "there is no row"}
    places = np.minimum((held.chance * BINS).astype(np.int64), BINS - 1)
    counts = np.bincount(places, minlength=BINS).astype(np.float64)
    used = counts > 0
    said, happened = (_means(places, values, counts) for values in (held.chance, held.truth))
    shares, off = counts[used] / held.truth.size, np.abs(said - happened)[used]
    ece, limit = float(shares @ off), _by_chance(held.chance, places, counts, seed)
    return {
        "bins": calibration(held),
        "ece": ece,
        "mce": float(off.max()),
        "by_chance": limit,
        "honest": ece <= limit,
        "brier": _parts(held, shares, said[used], happened[used]),
    }


def _means(places: Array, values: Array, counts: Array) -> Array:
    sums = np.bincount(places, weights=values, minlength=BINS)
    found: Array = np.divide(sums, counts, out=np.zeros(BINS), where=counts > 0)
    return found


def _parts(held: Binary, shares: Array, said: Array, happened: Array) -> dict[str, float]:
    rate = float(held.truth.mean())
    score = float(((held.chance - held.truth) ** 2).mean())
    parts = {
        "reliability": float(shares @ (said - happened) ** 2),
        "resolution": float(shares @ (happened - rate) ** 2),
        "uncertainty": rate * (1 - rate),
    }
    within = score - parts["reliability"] + parts["resolution"] - parts["uncertainty"]
    return {"score": score, **parts, "within": within}


def _by_chance(chance: Array, places: Array, counts: Array, seed: int) -> float:
    """The 95th percentile of the error if every percentage were true."""
    draw, expected = np.random.default_rng(seed), np.bincount(places, weights=chance, minlength=BINS)
    spread = np.sqrt(np.bincount(places, weights=chance * (1 - chance), minlength=BINS))
    errors = []
    for _ in range(DRAWS):
        if chance.size <= EXACT_ROWS:
            hits: Array = np.bincount(places, weights=draw.random(chance.size) < chance, minlength=BINS)
        else:
            hits = draw.normal(expected, spread)
        errors.append(float(np.abs(hits - expected).sum()) / counts.sum())
    return float(np.quantile(errors, 0.95))
