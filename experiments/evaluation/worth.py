"""PURE: what a model's answers are worth in a month, from counts of right and wrong ones and the table of money."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.evaluation.comparison import Z
from projects.contract import Goal, TargetKind
from projects.money import Money

LEAST_CASES = 30
Found = dict[str, Any]


def money_goals(
    goals: Sequence[Goal], money: Money | None, confusion: Mapping[str, float] | None, mae: Mapping[str, Any] | None
) -> dict[str, Found]:
    """The KPIs among these targets that are counted in money, by their keys."""
    wanted = [goal.key for goal in goals if goal.kind == TargetKind.KPI and goal.source == "money"]
    return {key: a_month(money, confusion, mae) for key in wanted}


def a_month(money: Money | None, confusion: Mapping[str, float] | None, mae: Mapping[str, Any] | None) -> Found:
    """{value, low, high, n, note}, or {value: None, reason}.

    `confusion` counts tp, fp, fn and tn among held-back or live cases; for questions for a number `mae` is the mean
    error with its interval. The mean worth of a case is a mean of draws from the four kinds of answers, so its interval
    is that of a multinomial's mean by its standard error (the delta method); one more case of each kind that did not
    occur, though it could, keeps that error from being nought.
    """
    if money is None:
        return _unknown("nobody has said yet what right and wrong answers are worth")
    if money.cases_a_month is None:
        return _unknown("nobody has said yet how many cases a month brings")
    if confusion is None:
        return _of_error(money, mae)
    cases = sum(confusion.values())
    if cases < LEAST_CASES:
        return _unknown(f"{LEAST_CASES} cases are needed to count it, and there are {cases:.0f}", int(cases))
    counts = [confusion[cell] for cell in ("tp", "fp", "tn", "fn")]
    worths = [money.right_yes, money.wrong_yes, money.right_no, money.wrong_no]
    mean = money.of_counts(*counts) / cases
    half = Z * _error(counts, worths)
    value, low, high = (float(money.a_month(case) or 0.0) for case in (mean, mean - half, mean + half))
    note = f"At {money.cases_a_month:g} cases a month, by the table of money."
    return {"value": value, "low": low, "high": high, "n": int(cases), "note": note}


def _error(counts: Sequence[float], worths: Sequence[float]) -> float:
    """The standard error of the mean worth of a case."""
    smoothed = [max(count, 1.0) for count in counts]
    cases = sum(smoothed)
    mean = sum(count * worth for count, worth in zip(smoothed, worths, strict=True)) / cases
    spread = sum(count * (worth - mean) ** 2 for count, worth in zip(smoothed, worths, strict=True)) / cases
    return math.sqrt(spread / cases)


def _of_error(money: Money, mae: Mapping[str, Any] | None) -> Found:
    """The worth of being off, a unit at a time; it is linear in the mean error, and so is its interval."""
    if not mae or mae.get("value") is None:
        return _unknown("the mean error is not measured")
    ends = [float(money.a_month(money.per_unit_off * mae[name]) or 0.0) for name in ("value", "low", "high")]
    note = f"At {money.cases_a_month:g} cases a month, by the table of money."
    return {"value": ends[0], "low": min(ends), "high": max(ends), "n": int(mae["n"]), "note": note}


def _unknown(reason: str, rows: int = 0) -> Found:
    return {"value": None, "low": None, "high": None, "n": rows, "reason": reason}
