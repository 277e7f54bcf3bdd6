"""PURE: the kinds of targets: what each kind must say to make sense, and how it reads as a sentence with slots."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from string import Formatter
from typing import Any

from projects.contract import LATENCY_KEY, Goal, TargetKind, bound_words, day_words
from projects.measures import MEASURES, Measure, for_kind
from projects.naming import key_from
from projects.permissions import Role

NOBODY = "yes cases"
LEAST_GROUP, SMALLEST_GROUP, LARGEST_GROUP = 30, 5, 1_000_000
LONGEST_WORD, LONGEST_MS, LARGEST = 120, 600_000.0, 1e15
CADENCES = {"once": "once", "weekly": "every week", "monthly": "every month"}
SOURCES = {
    "entered": "entered or sent by the business",
    "data": "read from a dataset",
    "money": "counted from the table of money",
}
KPI_KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
FIXED = ("bound", "who", "name", "day")  # parts of a sentence that are not changed in it
NUMBERS = ("value", "baseline", "floor", "ceiling")
Wrong = dict[str, str]
Made = tuple[Goal | None, Wrong]

# What a fairness target compares between groups, by metric.
COMPARED = {
    "recall": "{who} found",
    "precision": "right calls",
    "accuracy": "right answers",
    "specificity": "others left alone rightly",
    "balanced_accuracy": "answers found",
    "r2": "ups and downs explained",
}


@dataclass(frozen=True)
class Piece:
    """A part of a target's sentence: plain words, or the shown content of a slot that may be changed."""

    text: str
    slot: str = ""


# ---- Reading ----


def pieces(goal: Goal, who: str) -> list[Piece]:
    """The target as one sentence, cut at its slots. `who` is what the project calls the people behind a yes."""
    shown = _shown(goal, who)
    found: list[Piece] = []
    words = ""
    for between, slot, _, _ in Formatter().parse(_template(goal)):
        words += between
        if slot in FIXED:
            words += shown[slot]
        elif slot:
            found += [Piece(words)] if words else []
            found.append(Piece(shown[slot], slot))
            words = ""
    return [*found, Piece(words)] if words else found


def _shown(goal: Goal, who: str) -> dict[str, str]:
    numbers = {name: getattr(goal, name) for name in ("floor", "ceiling", "baseline")}
    return {
        "who": who or NOBODY,
        "name": goal.name,
        "bound": bound_words(goal.direction),
        "value": plain(round(goal.threshold * goal.scale, 4) if goal.scale != 1 else goal.threshold),
        "unit": goal.unit,
        "column": goal.column,
        "equals": goal.equals,
        "least_group": str(goal.least_group),
        "day": day_words(goal.by_date) if goal.by_date else "",
        **{name: "" if number is None else plain(number) for name, number in numbers.items()},
    }


def plain(number: float) -> str:
    """A number without a useless `.0`, for fields."""
    return f"{number:.10g}"


def grouped(text: str) -> str:
    """The digits of a plain number in groups, for reading: `50 000`."""
    whole, point, rest = text.partition(".")
    digits = whole.lstrip("-")
    return f"{int(whole):,}{point}{rest}".replace(",", "\u2009") if digits.isdecimal() and len(digits) > 4 else text


def _template(goal: Goal) -> str:
    by = ", by {day}" if goal.by_date else ""
    if goal.kind == TargetKind.LATENCY:
        return "95 of 100 answers come within {value} milliseconds" + by
    if goal.kind == TargetKind.KPI:
        unit = " {unit}" if goal.unit else ""
        before = " goes from {baseline}" + unit + " to" if goal.baseline is not None else " is"
        return "{name}" + before + " {bound} {value}" + unit + by
    measure = MEASURES[goal.metric]
    unit = " {unit}" if goal.unit and not measure.of_100 else ""
    if goal.kind == TargetKind.FAIRNESS:
        words = COMPARED.get(measure.key, measure.term)
        ending = " points of 100" if measure.of_100 else unit
        return f"Between groups of {{column}}, {words} differ by at most {{value}}{ending}{by}"
    sentence = measure.sentence.replace("{value}", "{value}" + unit) + by
    if goal.kind != TargetKind.SLICE:
        return sentence
    return f"Where {{column}} {_rows(goal)}: {sentence[0].lower()}{sentence[1:]}"


def _rows(goal: Goal) -> str:
    if goal.floor is None and goal.ceiling is None:
        return "is {equals}"
    if goal.ceiling is None:
        return "is {floor} or more"
    return "is below {ceiling}" if goal.floor is None else "lies from {floor} to below {ceiling}"


# ---- Making ----


def made(question: str, *, threshold: float, **given: Any) -> Made:
    """A target for a project that asks this kind of question, or what is wrong with it by field."""
    kind = str(given.pop("kind", "") or TargetKind.METRIC)
    if kind not in list(TargetKind):
        return None, {"kind": f"Choose one of: {', '.join(TargetKind)}."}
    given = {name: value for name, value in given.items() if value not in (None, "")}
    wrong = _strangers(kind, given) | _shared(given)
    if not isinstance(threshold, (int, float)) or not abs(threshold) <= LARGEST:  # also what is not finite
        wrong |= {"threshold": "Give a number."}
    if wrong:
        return None, wrong
    goal, wrong = _MAKERS[kind](question, float(threshold), given)
    return (None, wrong) if wrong else (goal, {})


_ONLY: dict[str, tuple[str, ...]] = {
    "column": (TargetKind.SLICE, TargetKind.FAIRNESS),
    "equals": (TargetKind.SLICE,),
    "floor": (TargetKind.SLICE,),
    "ceiling": (TargetKind.SLICE,),
    "least_group": (TargetKind.FAIRNESS,),
    "cadence": (TargetKind.KPI,),
    "source": (TargetKind.KPI,),
    "deciding": (TargetKind.METRIC,),
}


def _strangers(kind: str, given: dict[str, Any]) -> Wrong:
    """Fields that this kind of target does not have."""
    return {
        name: "Only a metric of the whole model can decide between models."
        if name == "deciding"
        else f"A target of the kind {kind} has no {name}; these do: {', '.join(kinds)}."
        for name, kinds in _ONLY.items()
        if given.get(name) and kind not in kinds
    }


def _shared(given: dict[str, Any]) -> Wrong:
    wrong = {}
    for name in ("column", "equals", "name", "unit"):
        if len(str(given.get(name, ""))) > {"name": 80, "unit": 30}.get(name, LONGEST_WORD):
            wrong[name] = "That is too long."
        elif "\x00" in str(given.get(name, "")):
            wrong[name] = "A NUL character cannot be kept."
    for name in ("baseline", "floor", "ceiling"):
        if name in given and not (isinstance(given[name], (int, float)) and abs(given[name]) <= LARGEST):
            wrong[name] = "Give a number."
    if given.get("owner", Role.OWNER) not in list(Role):
        wrong["owner"] = f"Choose one of: {', '.join(Role)}."
    if "by_date" in given and not _is_day(str(given["by_date"])):
        wrong["by_date"] = "Give a day like 2027-06-01."
    return wrong


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _measure(question: str, given: dict[str, Any]) -> tuple[Measure | None, Wrong]:
    measure = MEASURES.get(str(given.get("metric", "")))
    if measure is None or question not in measure.kinds:
        return None, {"metric": f"Choose one of: {', '.join(each.key for each in for_kind(question))}."}
    return measure, {}


def _rest(given: dict[str, Any], *names: str) -> dict[str, Any]:
    """The given values that a goal keeps as they are."""
    kept = {name: given[name] for name in ("baseline", *names) if name in given}
    texts = {name: str(given[name]) for name in ("owner", "by_date") if name in given}
    return kept | texts


def _metric(question: str, threshold: float, given: dict[str, Any]) -> Made:
    measure, wrong = _measure(question, given)
    if measure is None:
        return None, wrong
    direction = str(given.get("direction") or measure.better)
    if direction != measure.better:
        return None, {"direction": f"{measure.term} is better the other way: say {bound_words(measure.better)}."}
    if text := _wrong_threshold(measure, threshold):
        return None, {"threshold": text}
    name = str(given.get("name") or "").strip() or measure.words
    unit = "" if measure.of_100 else str(given.get("unit") or "").strip()
    deciding = bool(given.get("deciding"))
    return Goal(name, measure.key, direction, threshold, unit, deciding, **_rest(given)), {}


def _wrong_threshold(measure: Measure, threshold: float) -> str:
    if measure.of_100 and not 0 < threshold <= 1:
        return f"{measure.term} lies above 0 and goes up to 1, that is from 0 to 100 of 100; 70 of 100 is 0.7."
    return "Give a number above 0." if threshold <= 0 else ""


def _slice(question: str, threshold: float, given: dict[str, Any]) -> Made:
    goal, wrong = _metric(question, threshold, given)
    if not given.get("column"):
        wrong |= {"column": "Name the column that says which rows are meant."}
    floor, ceiling = given.get("floor"), given.get("ceiling")
    ranged = floor is not None or ceiling is not None
    if ranged == bool(given.get("equals")):
        wrong |= {"equals": "Say which value the column has there, or from where to where it lies; one of both."}
    elif floor is not None and ceiling is not None and floor >= ceiling:
        wrong |= {"ceiling": "It has to end above where it begins."}
    if goal is None or wrong:
        return None, wrong
    rows = {
        "column": str(given["column"]).strip(),
        "equals": str(given.get("equals") or "").strip(),
        "floor": None if floor is None else float(floor),
        "ceiling": None if ceiling is None else float(ceiling),
    }
    name = str(given.get("name") or "").strip() or f"{goal.name}, {rows['column']}"
    return Goal(**{**vars(goal), "name": name[:80], "kind": TargetKind.SLICE.value, **rows}), {}


def _fairness(question: str, threshold: float, given: dict[str, Any]) -> Made:
    measure, wrong = _measure(question, given)
    if given.get("direction", "at_most") != "at_most":
        wrong |= {"direction": "A gap between groups is better when it is small: say at most."}
    if not given.get("column"):
        wrong |= {"column": "Name the column that says which group a row belongs to."}
    least = given.get("least_group") or LEAST_GROUP
    if not isinstance(least, int) or not SMALLEST_GROUP <= least <= LARGEST_GROUP:
        wrong |= {"least_group": f"Use a whole number from {SMALLEST_GROUP} on."}
    if measure and (threshold <= 0 or (measure.of_100 and threshold > 1)):
        wrong |= {"threshold": "Give a gap above 0; 5 points of 100 are 0.05." if measure.of_100 else "Above 0."}
    if measure is None or wrong:
        return None, wrong
    column = str(given["column"]).strip()
    name = str(given.get("name") or "").strip() or f"Treat {column} alike"
    unit = "" if measure.of_100 else str(given.get("unit") or "").strip()
    kind = TargetKind.FAIRNESS.value
    about = {"kind": kind, "column": column, "least_group": least, **_rest(given)}
    return Goal(name[:80], measure.key, "at_most", threshold, unit, **about), {}


def _latency(question: str, threshold: float, given: dict[str, Any]) -> Made:
    wrong: Wrong = {}
    if given.get("metric", LATENCY_KEY) != LATENCY_KEY:
        wrong["metric"] = f"Leave it out, or say {LATENCY_KEY}."
    if given.get("direction", "at_most") != "at_most":
        wrong["direction"] = "Answers are better fast: say at most."
    if not 0 < threshold <= LONGEST_MS:
        wrong["threshold"] = f"Give milliseconds, up to {LONGEST_MS:.0f}."
    if given.get("unit", "ms") != "ms":
        wrong["unit"] = "It is counted in ms."
    if wrong:
        return None, wrong
    name = str(given.get("name") or "").strip() or "Answer fast"
    return Goal(name, LATENCY_KEY, "at_most", threshold, "ms", kind=TargetKind.LATENCY.value, **_rest(given)), {}


def _kpi(question: str, threshold: float, given: dict[str, Any]) -> Made:
    name = str(given.get("name") or "").strip()
    key = str(given.get("metric") or "").strip() or key_from(name) or "kpi"
    wrong: Wrong = {}
    if not name:
        wrong["name"] = "Name what the business counts."
    if not KPI_KEY.fullmatch(key) or len(key) > 40:
        wrong["metric"] = "A KPI's key has small letters, digits and single hyphens, up to 40."
    source, cadence = str(given.get("source") or "entered"), str(given.get("cadence") or "monthly")
    if source not in SOURCES:
        wrong["source"] = f"Choose one of: {', '.join(SOURCES)}."
    if cadence not in CADENCES:
        wrong["cadence"] = f"Choose one of: {', '.join(CADENCES)}."
    direction = str(given.get("direction") or ("at_least" if source == "money" else ""))
    if direction not in ("at_least", "at_most"):
        wrong["direction"] = "Say at_least or at_most: which side is good?"
    if wrong:
        return None, wrong
    about = {"kind": TargetKind.KPI.value, "cadence": cadence, "source": source, **_rest(given)}
    about |= {"owner": str(given.get("owner") or Role.BUSINESS_ANALYST)}
    return Goal(name, key, direction, threshold, str(given.get("unit") or "").strip(), **about), {}


_MAKERS: dict[str, Callable[[str, float, dict[str, Any]], Made]] = {
    TargetKind.METRIC: _metric,
    TargetKind.SLICE: _slice,
    TargetKind.FAIRNESS: _fairness,
    TargetKind.LATENCY: _latency,
    TargetKind.KPI: _kpi,
}
