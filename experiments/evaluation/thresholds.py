"""PURE: held-back answers counted by thousandths of their chance, so that any threshold is counted and not guessed.

`Bins` keeps, for each step, how many rows with and without the answer that is looked for have their chance there.
With a baseline the same is kept apart for the rows that it calls yes and no: both then answer the same rows, and a
difference gets the interval of a paired bootstrap (drawing rows with replacement is drawing the counts of their kinds
from a multinomial distribution).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.evaluation.comparison import Z
from experiments.evaluation.intervals import wilson
from experiments.evaluation.metrics import FROM_COUNTS, UNDEFINED, Array
from projects.money import Money
from projects.policies import STEPS, Rule

DRAWS, SEED = 2000, 7
GRID = np.arange(STEPS + 1) / STEPS
COUNTED = ("recall", "precision", "f1", "accuracy", "specificity")
Bins = Mapping[str, Sequence[int]]


def bins_of(truth: Array, chance: Array) -> dict[str, list[int]]:
    """Rows by step of their chance: a row lies at the highest step that its chance reaches."""
    steps = np.clip(np.searchsorted(GRID, np.asarray(chance, dtype=np.float64), side="right") - 1, 0, STEPS)
    yes = np.bincount(steps[truth == 1], minlength=STEPS + 1)
    no = np.bincount(steps[truth != 1], minlength=STEPS + 1)
    return {"yes": yes.tolist(), "no": no.tolist()}


@dataclass(frozen=True)
class Cells:
    """Rows by what they were and what was decided. `to_yes` and `to_no` went to a person."""

    tp: float
    fp: float
    fn: float
    tn: float
    to_yes: float = 0.0
    to_no: float = 0.0

    @property
    def rows(self) -> float:
        """All of them."""
        return self.tp + self.fp + self.fn + self.tn + self.to_yes + self.to_no

    def as_array(self) -> Array:
        """In the order of the fields."""
        return np.array([self.tp, self.fp, self.fn, self.tn, self.to_yes, self.to_no], dtype=np.float64)


def step_of(threshold: float) -> int:
    """The step from which on a chance reaches the threshold."""
    return int(np.searchsorted(GRID, threshold, side="left"))


def counts(bins: Bins, threshold: float) -> dict[str, float]:
    """The four cells at a threshold, nobody being sent to a person."""
    at = step_of(threshold)
    yes, no = np.asarray(bins["yes"]), np.asarray(bins["no"])
    tp, fp = float(yes[at:].sum()), float(no[at:].sum())
    return {"tp": tp, "fp": fp, "fn": float(yes.sum()) - tp, "tn": float(no.sum()) - fp}


def cells(bins: Bins, rule: Rule) -> Cells:
    """What a policy does with these rows."""
    yes, no = np.asarray(bins["yes"], dtype=np.float64), np.asarray(bins["no"], dtype=np.float64)
    if rule.low is None or rule.high is None:
        found = counts(bins, rule.threshold)
        return Cells(found["tp"], found["fp"], found["fn"], found["tn"])
    inside = np.zeros(STEPS + 1, dtype=bool)
    inside[step_of(rule.low) : step_of(rule.high)] = True
    over = np.arange(STEPS + 1) >= step_of(rule.threshold)
    over &= ~inside
    under = ~over & ~inside
    parts = [(yes, over), (no, over), (yes, under), (no, under), (yes, inside), (no, inside)]
    return Cells(*(float(rows[where].sum()) for rows, where in parts))


def prices(money: Money, person_cost: float) -> Array:
    """The worth of one row of each cell. A case that a person looks at counts with the cost of the look alone."""
    asked = -person_cost
    return np.array([money.right_yes, money.wrong_yes, money.wrong_no, money.right_no, asked, asked])


@dataclass(frozen=True)
class Estimate:
    """A value with its 95% interval."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> "Estimate":
        """The same in another measure."""
        ends = sorted((self.low * factor, self.high * factor))
        return Estimate(self.value * factor, ends[0], ends[1])


def per_case(found: Cells, price: Array) -> Estimate:
    """The average worth of a case, with the interval of the mean."""
    rows, kinds = found.rows, found.as_array()
    if rows == 0:
        return Estimate(0.0, 0.0, 0.0)
    mean = float(kinds @ price / rows)
    half = Z * float(np.sqrt(max(0.0, float(kinds @ (price - mean) ** 2)) / rows / max(1.0, rows - 1)))
    return Estimate(mean, mean - half, mean + half)


@dataclass(frozen=True)
class Point:
    """One threshold of the money curve. `worth` is the average worth of a case."""

    threshold: float
    recall: float | None
    precision: float | None
    flagged: float
    person: float
    worth: float


def curve(bins: Bins, rule: Rule, money: Money | None) -> list[Point]:
    """What every threshold would do, the band for persons staying where it is; each as `point_at` has it."""
    yes, no = np.asarray(bins["yes"], dtype=np.float64), np.asarray(bins["no"], dtype=np.float64)
    inside = np.zeros(STEPS + 1, dtype=bool)
    if rule.low is not None and rule.high is not None:
        inside[step_of(rule.low) : step_of(rule.high)] = True
    rows, person = float(yes.sum() + no.sum()) or 1.0, float(yes[inside].sum() + no[inside].sum())
    found, flagged = _from(yes), _from(yes) + _from(no)
    tp, fp = _from(np.where(inside, 0, yes)), _from(np.where(inside, 0, no))
    kinds = np.stack([tp, fp, tp[0] - tp, fp[0] - fp, np.full(tp.shape, person), np.zeros(tp.shape)])
    worth = prices(money or Money(), rule.person_cost) @ kinds / rows
    return [
        Point(
            at / STEPS,
            float(found[at] / found[0]) if found[0] else None,
            float(found[at] / flagged[at]) if flagged[at] else None,
            float((tp[at] + fp[at]) / rows),
            person / rows,
            float(worth[at]),
        )
        for at in range(STEPS + 1)
    ]


def _from(rows: Array) -> Array:
    """For each step: how many rows lie there or above."""
    summed: Array = np.cumsum(rows[::-1])[::-1]
    return summed


def point_at(bins: Bins, rule: Rule, price: Array) -> Point:
    """One threshold. Recall and precision count every row by the threshold alone; money counts the band as sent on."""
    found, plain = cells(bins, rule), counts(bins, rule.threshold)
    rows = found.rows or 1.0
    return Point(
        rule.threshold,
        FROM_COUNTS["recall"](plain),
        FROM_COUNTS["precision"](plain),
        (found.tp + found.fp) / rows,
        (found.to_yes + found.to_no) / rows,
        float(found.as_array() @ price / rows),
    )


def gap_between(bins: Bins, new: Rule, now: Rule, money: Money) -> Estimate:
    """What a new policy brings more than another for a case, on the same rows, with the interval of the mean."""
    gains, counted = [], []
    for truth in ("yes", "no"):
        gains.append(_worth_by_step(new, money, truth) - _worth_by_step(now, money, truth))
        counted.append(np.asarray(bins[truth], dtype=np.float64))
    gain, rows = np.concatenate(gains), np.concatenate(counted)
    total = rows.sum()
    if total == 0:
        return Estimate(0.0, 0.0, 0.0)
    mean = float(rows @ gain / total)
    half = Z * float(np.sqrt(rows @ (gain - mean) ** 2 / total / max(1.0, total - 1)))
    return Estimate(mean, mean - half, mean + half)


def _worth_by_step(rule: Rule, money: Money, truth: str) -> Array:
    """The worth of a row of this truth at each step."""
    price = prices(money, rule.person_cost)
    said_yes, said_no, asked = (price[0], price[2], price[4]) if truth == "yes" else (price[1], price[3], price[5])
    worth: Array = np.where(np.arange(STEPS + 1) >= step_of(rule.threshold), said_yes, said_no)
    if rule.low is not None and rule.high is not None:
        worth[step_of(rule.low) : step_of(rule.high)] = asked
    return worth


def best(points: Sequence[Point]) -> Point:
    """The point that brings most; the lowest threshold of several."""
    return max(points, key=lambda point: (point.worth, -point.threshold))


def metrics_at(bins: Bins, threshold: float) -> dict[str, dict[str, Any]]:
    """The metrics that a threshold changes, as runs keep them: value, low, high, n."""
    found = counts(bins, threshold)
    trials = {
        "recall": found["tp"] + found["fn"],
        "precision": found["tp"] + found["fp"],
        "accuracy": sum(found.values()),
        "specificity": found["tn"] + found["fp"],
    }
    measured: dict[str, dict[str, Any]] = {}
    for key in COUNTED:
        value = FROM_COUNTS[key](found)
        rows = int(trials.get(key, sum(found.values())))
        if value is None:
            measured[key] = {"value": None, "low": None, "high": None, "n": rows, "reason": UNDEFINED[key]}
            continue
        low, high = wilson(value * rows, rows) if key in trials else _drawn(found, key)
        measured[key] = {"value": value, "low": min(low, value), "high": max(high, value), "n": rows}
    return measured


def _drawn(found: Mapping[str, float], key: str) -> tuple[float, float]:
    kinds = np.array([found["tp"], found["fp"], found["fn"], found["tn"]])
    rows = int(kinds.sum())
    drawn = np.random.default_rng(SEED).multinomial(rows, kinds / rows, size=DRAWS).astype(np.float64)
    values = _measure(key, drawn)
    low, high = np.nanquantile(values, [0.025, 0.975])
    return float(low), float(high)


def _measure(key: str, drawn: Array) -> Array:
    """A metric of many draws of (tp, fp, fn, tn) at once; NaN where it is undefined."""
    tp, fp, fn, tn = drawn.T
    top, bottom = {
        "recall": (tp, tp + fn),
        "precision": (tp, tp + fp),
        "f1": (2 * tp, 2 * tp + fp + fn),
        "accuracy": (tp + tn, tp + fp + fn + tn),
        "specificity": (tn, tn + fp),
    }[key]
    found: Array = np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0)
    return found


Sides = Mapping[str, Bins]  # "yes" and "no": the bins of the rows that the baseline calls so


def _kinds(sides: Sides, rule: Rule) -> Array:
    """Rows by the baseline's answer (two) and by cell of the policy (six), as one list of twelve."""
    return np.concatenate([cells(sides[name], rule).as_array() for name in ("yes", "no")])


def money_gap(sides: Sides, rule: Rule, money: Money) -> Estimate:
    """What the policy brings over the baseline on the same rows, for one case."""
    kinds = _kinds(sides, rule)
    ours = np.tile(prices(money, rule.person_cost), 2)
    by_yes = [money.right_yes, money.wrong_yes] * 3
    by_no = [money.wrong_no, money.right_no] * 3
    gain = ours - np.array(by_yes + by_no)
    rows = kinds.sum()
    if rows == 0:
        return Estimate(0.0, 0.0, 0.0)
    return _quantiles(kinds @ gain / rows, _draws(kinds) @ gain / rows)


def metric_gap(sides: Sides, threshold: float, key: str) -> Estimate | None:
    """A counted metric at a threshold minus the baseline's, on the same rows; None where one is undefined."""
    kinds = _kinds(sides, Rule(threshold))
    ours, theirs = _four(kinds[None, :], ours=True), _four(kinds[None, :], ours=False)
    value = float((_measure(key, ours) - _measure(key, theirs))[0])
    if np.isnan(value):
        return None
    drawn = _draws(kinds)
    gaps = _measure(key, _four(drawn, ours=True)) - _measure(key, _four(drawn, ours=False))
    return _quantiles(value, gaps[~np.isnan(gaps)])


def baseline_counts(sides: Sides) -> dict[str, float]:
    """The baseline's own four cells."""
    tp, fp = float(sum(sides["yes"]["yes"])), float(sum(sides["yes"]["no"]))
    return {"tp": tp, "fp": fp, "fn": float(sum(sides["no"]["yes"])), "tn": float(sum(sides["no"]["no"]))}


def _four(drawn: Array, *, ours: bool) -> Array:
    """(tp, fp, fn, tn) of the model or of the baseline from draws of the twelve kinds; nobody went to a person."""
    yes, no = drawn[:, :6], drawn[:, 6:]
    if ours:
        both: Array = (yes + no)[:, :4]
        return both
    tp, fp = yes[:, 0] + yes[:, 2], yes[:, 1] + yes[:, 3]
    return np.stack([tp, fp, no[:, 0] + no[:, 2], no[:, 1] + no[:, 3]], axis=1)


def _draws(kinds: Array) -> Array:
    rows = int(kinds.sum())
    return np.random.default_rng(SEED).multinomial(rows, kinds / kinds.sum(), size=DRAWS).astype(np.float64)


def _quantiles(value: float, drawn: Array) -> Estimate:
    if not drawn.size:
        return Estimate(float(value), float(value), float(value))
    low, high = (float(edge) for edge in np.quantile(drawn, [0.025, 0.975]))
    return Estimate(float(value), min(low, float(value)), max(high, float(value)))
