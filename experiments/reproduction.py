"""PURE: whether a run that was made again came out the same: to the last bit, or elsewhere within a tolerance."""

import math
from collections.abc import Mapping
from typing import Any

from projects.measures import MEASURES

TOLERANCE = 1e-6  # relative; other processors and libraries add numbers in another order
MOST_DIFFERENCES = 20
Row = Mapping[str, Any]


def compared(before: Row, after: Row) -> dict[str, Any]:
    """The verdict on two runs, each {evaluation, environment, spec}: {same, tolerance, exact, differences, sentence}.

    Every metric of every method counts, and which rows were held back. Targets do not: others may be in force by now.
    """
    surroundings = _changed(before["environment"], after["environment"])
    tolerance = TOLERANCE if surroundings else 0.0
    told = _asked(before["spec"], after["spec"])
    ours, theirs = _numbers(before["evaluation"]), _numbers(after["evaluation"])
    for name in {**ours, **theirs}:
        was, now = ours.get(name), theirs.get(name)
        if not _same(was, now, tolerance):
            told.append(f"{name}: {_said(was)} became {_said(now)}")
    if before["evaluation"]["split"]["fingerprint"] != after["evaluation"]["split"]["fingerprint"]:
        told.insert(0, "other rows were held back")
    exact = ours == theirs and not told
    return {
        "same": not told,
        "exact": exact,
        "tolerance": tolerance,
        "surroundings": surroundings,
        "differences": told[:MOST_DIFFERENCES],
        "sentence": _sentence(exact, told, surroundings),
    }


def _sentence(exact: bool, told: list[str], surroundings: list[str]) -> str:
    if exact:
        return "It came out the same, every metric to the last bit."
    if not told:
        return f"It came out the same within {TOLERANCE:g}; made with others: {', '.join(surroundings)}."
    because = f" Made with others: {', '.join(surroundings)}." if surroundings else ""
    return f"It came out different in {len(told)} of what was compared.{because}"


def _numbers(evaluation: Row) -> dict[str, float | None]:
    """Every metric of every method, by name."""
    return {
        f"{method['name']}, {MEASURES[key].term}": found["value"]
        for method in evaluation["methods"].values()
        for key, found in method["metrics"].items()
        if key in MEASURES
    }


def _asked(before: Row, after: Row) -> list[str]:
    return [f"{name} was asked for differently" for name in {**before, **after} if before.get(name) != after.get(name)]


def _changed(before: Row, after: Row) -> list[str]:
    """What the two were made with, where it differs. Of the whole lock only the packages that compute count."""
    apart = ("packages", "lock", "commit")
    flat = [{**one.get("packages", {}), **{k: v for k, v in one.items() if k not in apart}} for one in (before, after)]
    names = {**flat[0], **flat[1]}
    return [f"{name} {flat[1].get(name, 'none')}" for name in names if flat[0].get(name) != flat[1].get(name)]


def _same(was: float | None, now: float | None, tolerance: float) -> bool:
    if was is None or now is None:
        return was is now
    return was == now or (tolerance > 0 and math.isclose(was, now, rel_tol=tolerance, abs_tol=tolerance))


def _said(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.6g}"
