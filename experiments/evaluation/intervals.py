"""PURE: 95% intervals of metrics: Wilson for proportions, DeLong for ROC AUC, a seeded bootstrap for the rest."""

import math
from typing import Any

import numpy as np

from experiments.evaluation.classes import NEEDS_CHANCES, UNDEFINED_CLASSES, Classes
from experiments.evaluation.clusters import UNDEFINED_GROUPS, Grouped, spread_of
from experiments.evaluation.comparison import Z
from experiments.evaluation.forecasts import Forecasts
from experiments.evaluation.metrics import UNDEFINED, Array, Binary, Numbers
from experiments.evaluation.oddities import UNDEFINED_ODD, Odd

DRAWS = 500
SHARES = ("accuracy", "weighted_recall")  # of a question with several answers: right ones among all
NO_CHANCES = "it gives no percentages"
Measured = dict[str, Any]
Known = Binary | Numbers | Classes  # answers beside their truth
Held = Known | Grouped | Odd
STABILITY = ("group_stability", "flag_stability")


def wilson(successes: float, trials: float, z: float = Z) -> tuple[float, float]:
    """Wilson's score interval of a proportion (Wilson 1927)."""
    share, square = successes / trials, z * z
    middle = (share + square / (2 * trials)) / (1 + square / trials)
    half = z / (1 + square / trials) * math.sqrt(share * (1 - share) / trials + square / (4 * trials * trials))
    return max(0.0, middle - half), min(1.0, middle + half)


def delong(truth: Array, chance: Array, z: float = Z) -> tuple[float, float]:
    """DeLong's interval of the area under the ROC curve, on the logit scale so that it stays within 0..1.

    DeLong et al. 1988, by mid-ranks as in Sun and Xu 2014. A perfect ranking has no variance of its own; it gets
    Wilson's interval for as many trials as the rarer class has rows.
    """
    positives, negatives = chance[truth == 1], chance[truth == 0]
    m, n = positives.size, negatives.size
    from scipy.stats import rankdata  # only a job's child measures; pages that name an interval do without

    both = rankdata(np.concatenate([positives, negatives]))
    area = float((both[:m].sum() - m * (m + 1) / 2) / (m * n))
    per_positive = (both[:m] - rankdata(positives)) / n
    per_negative = 1 - (both[m:] - rankdata(negatives)) / m
    variance = _variance(per_positive) / m + _variance(per_negative) / n
    if variance <= 0 or not 0 < area < 1:
        return wilson(area * min(m, n), min(m, n), z)
    logit, error = math.log(area / (1 - area)), math.sqrt(variance) / (area * (1 - area))
    return _sigmoid(logit - z * error), _sigmoid(logit + z * error)


def measured(held: Held, seed: int) -> dict[str, Measured]:
    """All metrics of a kind of question with intervals; {value, low, high, n} or {value: None, reason}."""
    if isinstance(held, Binary):
        return measured_binary(held, seed)
    if isinstance(held, Grouped | Odd):
        return {key: measured_unlabelled(held, key, seed) for key in held.values()}
    return measured_classes(held, seed) if isinstance(held, Classes) else measured_numbers(held, seed)


def measured_binary(held: Binary, seed: int) -> dict[str, Measured]:
    """All metrics of a yes-or-no question: proportions by Wilson, ROC AUC by DeLong, the others drawn."""
    counts, values = held.counts(), held.values()
    trials = _trials(counts)
    drawn = _bootstrap(held, ("f1", "average_precision", "log_loss", "brier"), seed)
    found: dict[str, Measured] = {}
    for key, value in values.items():
        rows = int(trials.get(key, held.truth.size))
        if value is None:
            found[key] = _undefined(key, rows)
        elif key in trials:
            found[key] = _measured(value, *wilson(value * trials[key], trials[key]), rows)
        elif key == "roc_auc":
            found[key] = _measured(value, *delong(held.truth, held.chance), rows)
        else:
            found[key] = _measured(value, *drawn[key], rows)
    return found


def measured_numbers(held: Numbers, seed: int) -> dict[str, Measured]:
    """All metrics of a question for a number with bootstrap intervals."""
    values = held.values()
    drawn = _bootstrap(held, tuple(values), seed)
    rows = held.truth.size
    return {
        key: _undefined(key, rows) if value is None else _measured(value, *drawn[key], rows)
        for key, value in values.items()
    }


def measured_classes(held: Classes, seed: int) -> dict[str, Measured]:
    """All metrics of a question with several answers: the share of right ones by Wilson, the others drawn."""
    values, rows = held.values(), held.truth.size
    drawn = _bootstrap(held, tuple(key for key in values if key not in SHARES), seed)
    found: dict[str, Measured] = {}
    for key, value in values.items():
        if value is None:
            found[key] = _undefined(key, rows, _why_not(held, key))
        else:
            ends = wilson(value * rows, rows) if key in SHARES else drawn[key]
            found[key] = _measured(value, *ends, rows)
    return found


def measured_unlabelled(held: Grouped | Odd, key: str, seed: int, z: float = Z) -> Measured:
    """A metric of rows whose answers nobody knows, or some know.

    Shares by Wilson, ROC AUC by DeLong, the stability over what learned again, the others drawn.
    """
    value, rows = held.value(key) if held.truth.size else None, int(held.truth.size)
    if value is None:
        return _undefined(key, rows, (UNDEFINED_GROUPS | UNDEFINED_ODD).get(key, ""))
    if key in STABILITY:
        return _measured(value, *spread_of(held.agreements()), rows)
    if isinstance(held, Odd) and key.endswith("_share"):
        successes, trials = held.counted(key)
        return _measured(value, *wilson(successes, trials, z), int(trials))
    ranked = held.ranked() if isinstance(held, Odd) else None
    if key == "roc_auc" and ranked is not None:
        return _measured(value, *delong(ranked.truth, ranked.chance, z), int(ranked.truth.size))
    low, high = _bootstrap(held, (key,), seed)[key]
    half = z * (high - low) / (2 * Z)
    ends = (low, high) if z == Z else (value - half, value + half)
    return _measured(value, *ends, rows if ranked is None else int(ranked.truth.size))


def _why_not(held: Classes, key: str) -> str:
    return NO_CHANCES if held.chances is None and key in NEEDS_CHANCES else UNDEFINED_CLASSES.get(key, "")


def measured_one(held: Held, key: str, seed: int, z: float = Z) -> Measured:
    """One metric with its interval; a `z` other than that of 95% serves several comparisons at once.

    By the same methods as all metrics together, but that a bootstrap at another `z` takes its standard error.
    """
    if isinstance(held, Grouped | Odd):
        return measured_unlabelled(held, key, seed, z)
    value, rows = held.value(key) if held.truth.size else None, int(held.truth.size)
    if value is None:
        return _undefined(key, rows, _why_not(held, key) if isinstance(held, Classes) else "")
    trials = _trials_of(held).get(key)
    if trials:
        return _measured(value, *wilson(value * trials, trials, z), int(trials))
    if key == "roc_auc" and isinstance(held, Binary):
        return _measured(value, *delong(held.truth, held.chance, z), rows)
    low, high = _bootstrap(held, (key,), seed)[key]
    if z != Z:
        half = z * (high - low) / (2 * Z)
        low, high = value - half, value + half
    return _measured(value, low, high, rows)


def _trials_of(held: Known) -> dict[str, float]:
    if isinstance(held, Classes):
        return dict.fromkeys(SHARES, float(held.truth.size))
    return _trials(held.counts()) if isinstance(held, Binary) else {}


def _trials(counts: dict[str, float]) -> dict[str, float]:
    """What the proportions are proportions of."""
    return {
        "recall": counts["tp"] + counts["fn"],
        "precision": counts["tp"] + counts["fp"],
        "accuracy": sum(counts.values()),
        "specificity": counts["tn"] + counts["fp"],
    }


def _bootstrap(held: Held, keys: tuple[str, ...], seed: int) -> dict[str, tuple[float, float]]:
    """Percentile intervals from `DRAWS` seeded resamples of the held-back rows."""
    chance = np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {key: [] for key in keys}
    for _ in range(DRAWS):
        weights = resampled(held, chance)
        for key in keys:
            if (value := held.value(key, weights)) is not None:
                drawn[key].append(value)
    return {
        key: (float(low), float(high))
        for key, values in drawn.items()
        for low, high in [np.quantile(values, [0.025, 0.975]) if values else (math.nan, math.nan)]
    }


def resampled(held: Held, chance: np.random.Generator) -> Array:
    """How often each row is drawn in one resample: one by one, or in blocks of time where answers lie ahead."""
    blocks = held.drawn(chance) if isinstance(held, Forecasts) else None
    if blocks is not None:
        return blocks
    rows = held.truth.size
    return np.bincount(chance.integers(0, rows, rows), minlength=rows).astype(np.float64)


def _measured(value: float, low: float, high: float, rows: int) -> Measured:
    low, high = (value if math.isnan(low) else low), (value if math.isnan(high) else high)
    return {"value": value, "low": min(low, value), "high": max(high, value), "n": rows}


def _undefined(key: str, rows: int, why: str = "") -> Measured:
    why = why or UNDEFINED.get(key, "it is undefined here")
    return {"value": None, "low": None, "high": None, "n": rows, "reason": why}


def _variance(values: Array) -> float:
    return float(np.var(values, ddof=1)) if values.size > 1 else 0.0


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))
