"""PURE: limits that a project sets for versions in an environment, and what was measured held against them.

Everything here is in the numbers that people write: points of 100, per cent, milliseconds, megabytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from problems.problem import Invalid

Check = dict[str, Any]
EQUAL = ("true_positive_rate", "false_positive_rate")  # the larger gap of both is the distance from equalized odds
WORDS = {
    "true_positive_rate": "found equally often",
    "false_positive_rate": "called wrongly equally often",
    "selection_rate": "flagged equally often",
    "accuracy": "right equally often",
    "mae": "off equally far",
}
STRAINS = {
    "missing": "5 of 100 cells missing",
    "noise": "numbers with a quarter of their spread as noise",
    "shift": "numbers moved by a quarter of their spread",
    "typos": "5 of 100 words mistyped",
    "swapped": "5 of 100 words swapped",
}
# At high risk groups and strain are looked at even where nobody set a limit; these are told, not enforced.
USUAL = {"gap": 10.0, "loss": 20.0}


@dataclass(frozen=True)
class Condition:
    """One limit: what it is called, in which unit it is written, and from where to where it may lie."""

    label: str
    unit: str
    least: float
    most: float
    help: str


CONDITIONS = {
    "gap": Condition(
        "Groups may lie apart by at most", "points of 100", 0, 100, "Of the protected attributes that Define names."
    ),
    "loss": Condition(
        "Under mild strain it may lose at most", "% of its measure", 0, 100, "A few values missing, noisy or mistyped."
    ),
    "row_ms": Condition("One row is answered within", "ms", 0.01, 10_000, "In the rehearsal, without the network."),
    "megabytes": Condition("Its file is at most", "MB", 0.01, 100_000, "What every server has to load."),
    "agreed": Condition(
        "Recorded requests answered as by the model in use, at least",
        "% of them",
        0,
        100,
        "Asked again in the rehearsal.",
    ),
}


def checked(given: Mapping[str, Any]) -> dict[str, float]:
    """The limits that were set; empty ones are left out."""
    found: dict[str, float] = {}
    wrong: dict[str, str] = {}
    for name, value in given.items():
        if name not in CONDITIONS:
            wrong["conditions"] = f"There is no limit “{str(name)[:40]}”. Known: {', '.join(CONDITIONS)}."
        elif value is not None and value != "":
            one = CONDITIONS[name]
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not one.least <= value <= one.most:
                wrong[name] = f"“{one.label}” is a number from {one.least:g} to {one.most:g}."
            else:
                found[name] = int(value) if float(value).is_integer() else float(value)
    if wrong:
        raise Invalid(next(iter(wrong.values())), fields=wrong)
    return found


def sentences(limits: Mapping[str, float]) -> list[str]:
    """The limits as people read them."""
    return [
        f"{CONDITIONS[name].label} {limits[name]:g} {CONDITIONS[name].unit}." for name in CONDITIONS if name in limits
    ]


# ---- What was measured, as the gate keeps it: no name of a group, which may be a value that not everybody sees ----


def apart(part: Mapping[str, Any]) -> dict[str, Any]:
    """How far groups lie apart, from what `experiments.judging` found: {reason} or {groups: [{attribute, …}]}."""
    if "attributes" not in part:
        return {"reason": str(part.get("reason") or "It was not measured.")}
    return {"groups": [_apart(one) for one in part["attributes"]]}


def _apart(attribute: Mapping[str, Any]) -> dict[str, Any]:
    measures, name = attribute["measures"], attribute["attribute"]
    keys = [key for key in EQUAL if key in measures] or [key for key in WORDS if key in measures]
    told = [(key, ends) for key in keys if (ends := _ends(key, measures[key])) is not None]
    if not told:
        reason = next((measures[key]["gap"].get("reason") for key in keys), None)
        return {"attribute": name, "reason": reason or f"no group has {attribute['least']} rows"}
    key, (value, low, high) = max(told, key=lambda one: one[1][0])
    return {"attribute": name, "measure": key, "value": value, "low": low, "high": high}


def _ends(key: str, across: Mapping[str, Any]) -> tuple[float, float, float] | None:
    """Value, low and high in points of 100; of errors in the answer's unit, by how much the best group's is smaller."""
    if key == "mae":
        found = across["ratio"]
        if found["value"] is None:
            return None
        return tuple(round(100 * (1 - found[end]), 2) for end in ("value", "high", "low"))
    found = across["gap"]
    if found["value"] is None:
        return None
    return tuple(round(100 * found[end], 2) for end in ("value", "low", "high"))


def strained(part: Mapping[str, Any], better: str) -> dict[str, Any]:
    """What the mildest strain of each kind costs: {reason} or {strains: [{kind, value, low, high} or {kind, reason}]}.

    `better` is `at_least` where more of the measure is better.
    """
    if "tests" not in part:
        return {"reason": str(part.get("reason") or "It was not measured.")}
    calm = part["calm"]["value"]
    if not calm:
        return {"reason": "Its measure is 0 or unknown even without strain, so nothing can be lost."}
    sign = 1 if better == "at_least" else -1
    return {"strains": [_strained(one, calm, sign) for one in part["tests"] if one["points"]]}


def _strained(test: Mapping[str, Any], calm: float, sign: int) -> dict[str, Any]:
    point = test["points"][0]
    if point["value"] is None:
        return {"kind": test["kind"], "reason": str(point.get("reason") or "it gives no answer")}
    ends = sorted(round(100 * sign * (calm - point[end]) / abs(calm), 2) for end in ("low", "high"))
    value = round(100 * sign * (calm - point["value"]) / abs(calm), 2)
    return {"kind": test["kind"], "value": value, "low": min(ends[0], value), "high": max(ends[1], value)}


# ---- Checks ----


def groups_check(found: Mapping[str, Any] | None, limit: float | None, running: bool) -> Check:
    """Whether groups are treated alike within the limit."""
    name, most = "Groups treated alike", USUAL["gap"] if limit is None else limit
    said = f"at most {most:g} points of 100"
    if found is None:
        return _pending("fairness", name, running, limit, said)
    if "reason" in found or not found["groups"]:
        return _untold("fairness", name, str(found.get("reason") or "No protected column is named."), limit, said)
    told = [one for one in found["groups"] if "value" in one]
    if not told:
        one = found["groups"][0]
        return _untold("fairness", name, f"By {one['attribute']} it cannot be told: {one['reason']}.", limit, said)
    worst = max(told, key=lambda one: (one["low"] > most, one["value"]))
    words = f"By {worst['attribute']}, {WORDS[worst['measure']]}"
    return _judged("fairness", name, worst, most, words, "points", limit is not None) | {"limit": said}


def strain_check(found: Mapping[str, Any] | None, limit: float | None, running: bool) -> Check:
    """Whether it bears mild strain within the limit."""
    name, most = "Bears worse data", USUAL["loss"] if limit is None else limit
    said = f"loses at most {most:g} %"
    if found is None:
        return _pending("stress", name, running, limit, said)
    if "reason" in found or not found["strains"]:
        return _untold(
            "stress", name, str(found.get("reason") or "Nothing of its inputs can be strained."), limit, said
        )
    if broken := next((one for one in found["strains"] if "value" not in one), None):
        text = f"With {STRAINS[broken['kind']]} it breaks: {broken['reason']}"
        return _check("stress", name, "fail", text, "breaks", said)
    worst = max(found["strains"], key=lambda one: (one["low"] > most, one["value"]))
    words = f"Worst with {STRAINS[worst['kind']]}"
    return _judged("stress", name, worst, most, words, "%", limit is not None) | {"limit": said}


def _judged(key: str, name: str, worst: Mapping[str, Any], most: float, words: str, unit: str, enforced: bool) -> Check:
    """Passed if the whole interval keeps the limit, failed if none of it does, else too close to call."""
    between = f"{worst['value']:g} {unit}, between {worst['low']:g} and {worst['high']:g} 19 times out of 20"
    value = f"{worst['value']:g} {unit}"
    if worst["high"] <= most:
        return _check(key, name, "pass", f"{words}: {between}.", value)
    if worst["low"] > most:
        text = f"{words}: {between}. The limit is {most:g}."
        return _check(key, name, "fail" if enforced else "warn", text, value)
    return _check(
        key, name, "warn", f"{words}: {between}. Against a limit of {most:g} that is too close to call.", value
    )


def _pending(key: str, name: str, running: bool, limit: float | None, said: str) -> Check:
    text = "Being measured now." if running else "Not measured yet. It is when somebody asks, or runs the checks again."
    return _check(key, name, "warn" if limit is None else "fail", text, "pending", said)


def _untold(key: str, name: str, why: str, limit: float | None, said: str) -> Check:
    """Where a limit is set, it has to be shown that it is kept."""
    asked = "" if limit is None else " A limit is set here, so it has to be known."
    return _check(key, name, "warn" if limit is None else "fail", f"{why}{asked}", "not known", said)


def _check(key: str, name: str, state: str, text: str, value: str, limit: str = "") -> Check:
    check = {"key": key, "name": name, "state": state, "text": text, "value": value, "limit": limit}
    return check | ({"quote": text} if state == "fail" else {})


def wanted(limits: Mapping[str, float], high_risk: bool, named: bool) -> tuple[str, ...]:
    """Which parts of a judging a gate needs: what has a limit, and at high risk both, groups where some are `named`."""
    groups = "gap" in limits or (high_risk and named)
    return tuple(part for part, needed in (("fairness", groups), ("stress", "loss" in limits or high_risk)) if needed)
