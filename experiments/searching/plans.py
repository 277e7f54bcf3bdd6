"""PURE: what a search for better settings is asked to do: one method, a space, a budget; refused before the queue.

A plan is plain JSON: {method, search, trials, seconds, folds, prune, nested, space}. The space holds for each searched
setting either {low, high, scale} or {values}.
"""

import math
import re
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from experiments.estimators.catalog import FAMILIES
from experiments.estimators.family import Family, Setting
from problems.problem import Invalid

SEARCHES = {
    "random": "At random",
    "bayesian": "Learning from earlier trials",
    "halving": "Many on few rows, the better half on more",
    "grid": "Every combination",
}
KEYS = ("method", "search", "trials", "seconds", "folds", "prune", "nested", "space")
MOST_TRIALS, MOST_SECONDS, MOST_FOLDS = 2000, 24 * 3600, 10
OUTER_FOLDS = 3
ETA, LEAST_SHARE = 3, 1 / 9  # a rung of a halving search keeps one of three, and learns from three times as many rows
Plan = dict[str, Any]


def has_bayesian() -> bool:
    """Whether the library that learns from earlier trials is on this machine."""
    return find_spec("optuna") is not None


def checked(given: Any, methods: Mapping[str, Any]) -> Plan | None:
    """The whole plan for the settings of one of the run's methods; None where nothing is to be searched."""
    if given in (None, {}):
        return None
    if not isinstance(given, Mapping):
        raise _wrong("tuning", "A search is described by an object of names and values.")
    if unknown := [str(name) for name in given if name not in KEYS]:
        raise _wrong(f"tuning.{unknown[0]}", f"A search has no “{unknown[0]}”.")
    family = _family(given.get("method"), methods)
    plan: Plan = {
        "method": family.key,
        "search": _search(given.get("search", "random")),
        "trials": _whole("trials", given.get("trials", 30), 2, MOST_TRIALS),
        "seconds": _whole("seconds", given.get("seconds", 1800), 5, MOST_SECONDS),
        "folds": _whole("folds", given.get("folds", 5), 2, MOST_FOLDS),
        "prune": _flag("prune", given.get("prune", True)),
        "nested": _flag("nested", given.get("nested", False)),
        "space": _space(given.get("space"), family),
    }
    if plan["search"] == "grid":
        plan["trials"] = _grid_size(plan)
    return plan


def _wrong(field: str, text: str) -> Invalid:
    return Invalid(text, fields={field: text})


def _family(given: Any, methods: Mapping[str, Any]) -> Family:
    usable = [key for key in methods if FAMILIES[key].make and FAMILIES[key].settings]
    if given is None and len(usable) == 1:
        given = usable[0]
    if given not in usable:
        raise _wrong(
            "tuning.method", f"Search the settings of one of this run's methods: {', '.join(usable) or 'none'}."
        )
    return FAMILIES[given]


def _search(given: Any) -> str:
    if given not in SEARCHES:
        raise _wrong("tuning.search", f"Search by one of: {', '.join(SEARCHES)}.")
    if given == "bayesian" and not has_bayesian():
        raise _wrong("tuning.search", "Learning from earlier trials needs Optuna here: see requirements/tune.in.")
    return str(given)


def _whole(name: str, given: Any, low: int, high: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not low <= given <= high:
        raise _wrong(f"tuning.{name}", f"Use a whole number from {low} to {high}.")
    return given


def _flag(name: str, given: Any) -> bool:
    if not isinstance(given, bool):
        raise _wrong(f"tuning.{name}", "Say true or false.")
    return given


def usual_space(family: Family) -> dict[str, dict[str, Any]]:
    """Where a search looks when nobody says otherwise."""
    ranges = {
        setting.name: {"low": setting.usual[0], "high": setting.usual[1], "scale": setting.scale}
        for setting in family.settings
        if setting.usual
    }
    return ranges | {
        setting.name: {"values": list(setting.choices)} for setting in family.settings if setting.kind == "choice"
    }


def _space(given: Any, family: Family) -> dict[str, dict[str, Any]]:
    if given in (None, {}):
        return usual_space(family)
    if not isinstance(given, Mapping):
        raise _wrong("tuning.space", "The space is an object: each setting with its low and high, or its values.")
    known = {setting.name: setting for setting in family.settings}
    for name in given:
        if name not in known:
            raise _wrong(f"tuning.space.{name}", f"{family.name} has no setting “{name}”.")
    return {name: _dimension(known[name], part) for name, part in given.items()}


def space_words(space: Mapping[str, Mapping[str, Any]]) -> str:
    """The space in a line for each setting, as `read_space` reads it."""
    return "\n".join(f"{name}: {_part_words(part)}" for name, part in space.items())


def _part_words(part: Mapping[str, Any]) -> str:
    if "values" in part:
        return ", ".join("none" if value is None else str(value) for value in part["values"])
    return f"{part['low']:g} to {part['high']:g}" + (", log" if part["scale"] == "log" else ", linear")


def read_space(text: str, family: Family) -> dict[str, Any]:
    """A space as people write it: `learning_rate: 0.01 to 0.3` or `max_leaf_nodes: 7, 15, 31`, a line for each."""
    known, found = {setting.name: setting for setting in family.settings}, {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, _, said = (part.strip() for part in line.partition(":"))
        if name not in known:
            raise _wrong("tuning.space", f"{family.name} has no setting “{name[:60]}”. It has: {', '.join(known)}.")
        found[name] = _read_part(known[name], said)
    return found


def _read_part(setting: Setting, said: str) -> dict[str, Any]:
    if ends := re.fullmatch(r"(\S+) to ([^\s,]+)(?:, (log|linear))?", said):
        scale = ends[3] or setting.scale
        return {"low": setting.read(ends[1]), "high": setting.read(ends[2]), "scale": scale}
    words = [part.strip() for part in said.split(",")]
    return {"values": [None if word == "none" and None in setting.choices else setting.read(word) for word in words]}


def _dimension(setting: Setting, given: Any) -> dict[str, Any]:
    where = f"tuning.space.{setting.name}"
    if isinstance(given, Mapping) and set(given) == {"values"}:
        return {"values": _values(setting, given["values"], where)}
    if setting.kind == "choice" or not isinstance(given, Mapping) or not set(given) <= {"low", "high", "scale"}:
        form = "values" if setting.kind == "choice" else "low and high, or values"
        raise _wrong(where, f"“{setting.label}” takes {form}.")
    low: Any = given.get("low")
    high: Any = given.get("high")
    scale = given.get("scale", setting.scale)
    for end in (low, high):
        if text := setting.wrong(end):
            raise _wrong(where, f"“{setting.label}”: {text}")
    if scale not in ("linear", "log"):
        raise _wrong(where, "The scale is linear or log.")
    if not low < high or (scale == "log" and low <= 0):
        raise _wrong(where, f"“{setting.label}”: low must be less than high, and more than 0 on a log scale.")
    return {"low": low, "high": high, "scale": scale}


def _values(setting: Setting, given: Any, where: str) -> list[Any]:
    if not isinstance(given, list) or not 1 <= len(given) <= 100:
        raise _wrong(where, f"“{setting.label}”: name from 1 to 100 values.")
    for value in given:
        if text := setting.wrong(value):
            raise _wrong(where, f"“{setting.label}”: {text}")
    return list(given)


def points(part: Mapping[str, Any], count: int, *, whole: bool) -> list[Any]:
    """So many points of one dimension, from end to end on its scale; named values as they are."""
    if "values" in part:
        return list(part["values"])
    low, high, log = part["low"], part["high"], part["scale"] == "log"
    shares = [place / (count - 1) for place in range(count)] if count > 1 else [0.5]
    found = [low * (high / low) ** share if log else low + (high - low) * share for share in shares]
    rounded = [round(value) if whole else float(f"{value:.6g}") for value in found]
    return list(dict.fromkeys(rounded))


def grid_axes(plan: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The points of each dimension: as many for each range as the budget of trials allows."""
    whole = {setting.name: setting.kind == "integer" for setting in FAMILIES[plan["method"]].settings}
    named = math.prod(len(part["values"]) for part in plan["space"].values() if "values" in part)
    ranges = sum("values" not in part for part in plan["space"].values())
    if not ranges and named > plan["trials"]:
        raise _wrong("tuning.trials", f"The grid has {named} combinations; allow as many trials, or name fewer values.")
    count = math.floor((plan["trials"] / named) ** (1 / ranges) + 1e-9) if ranges else 1
    if ranges and count < 2:
        least = named * 2**ranges
        raise _wrong(
            "tuning.trials", f"A grid over these settings needs at least {least} trials. Search fewer settings."
        )
    return {name: points(part, count, whole=whole[name]) for name, part in plan["space"].items()}


def _grid_size(plan: Mapping[str, Any]) -> int:
    return math.prod(len(axis) for axis in grid_axes(plan).values())


def rungs(plan: Mapping[str, Any]) -> list[tuple[int, float]]:
    """(trials, share of the rows to learn from) of each rung; one rung for every search but halving."""
    if plan["search"] != "halving":
        return [(plan["trials"], 1.0)]
    shares = [LEAST_SHARE, LEAST_SHARE * ETA, 1.0]
    first = max(1, math.floor(plan["trials"] / sum(ETA**-place for place in range(len(shares)))))
    counts = [max(1, first // ETA**place) for place in range(len(shares))]
    return list(zip(counts, shares, strict=True))
