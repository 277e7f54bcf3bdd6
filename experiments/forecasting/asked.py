"""PURE: what a run is asked to forecast: completed with what is usual for its step, refused where it cannot work."""

from collections.abc import Mapping
from typing import Any

from experiments.forecasting.asking import HISTORY
from experiments.forecasting.steps import HORIZONS, SEASONS, guessed_step
from experiments.guesses import TIMES, Column, guess_time
from problems.problem import Invalid

KEYS = ("time", "key", "step", "horizon", "seasons", "windows", "together")
TOGETHER = ("mean", "sum", "last")
MOST_AHEAD, MOST_WINDOWS, LONGEST_SEASON, USUAL_WINDOWS = 366, 20, 1000, 3
Columns = Mapping[str, Column]


def checked(given: Any, columns: Columns, target: str) -> dict[str, Any]:
    """The whole plan of a forecast: which column is time, which names the series, step, horizon, seasons, windows."""
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        raise _wrong("", "A forecast is described by an object of names and values.")
    if unknown := [str(name) for name in given if name not in KEYS]:
        raise _wrong(unknown[0], "There is no such setting of a forecast.")
    time = _time(given.get("time"), columns, target)
    step = given.get("step") or guessed_step(columns[time].first, columns[time].last, columns[time].distinct)
    if step not in SEASONS:
        raise _wrong("step", f"Choose one of: {', '.join(SEASONS)}.")
    if step == "hour" and columns[time].type == "date":
        raise _wrong("step", f"“{time}” holds days without hours.")
    together = given.get("together") or "mean"
    if together not in TOGETHER:
        raise _wrong("together", f"Choose one of: {', '.join(TOGETHER)}.")
    return {
        "time": time,
        "key": _key(given.get("key"), columns, (target, time)),
        "step": step,
        "horizon": _whole("horizon", given.get("horizon") or HORIZONS[step], MOST_AHEAD),
        "seasons": _seasons(given.get("seasons"), step),
        "windows": _whole("windows", given.get("windows") or USUAL_WINDOWS, MOST_WINDOWS),
        "together": together,
    }


def known_ahead(inputs: Any, columns: Columns, plan: Mapping[str, Any]) -> list[str]:
    """The columns that are known ahead of time; none unless somebody names them."""
    if inputs is None:
        return []
    if not isinstance(inputs, list) or not all(isinstance(name, str) for name in inputs):
        raise Invalid("Inputs are a list of column names.", fields={"inputs": "Use a list of column names."})
    for name in inputs:
        if name not in columns:
            text = f"This data version has no column “{name}”."
            raise Invalid(text, fields={"inputs": text})
        if name == HISTORY:
            text = f"“{HISTORY}” is what callers send the past in; give the column another name."
            raise Invalid(text, fields={"inputs": text})
    return [name for name in dict.fromkeys(inputs) if name not in (plan["time"], plan["key"])]


def _time(given: Any, columns: Columns, target: str) -> str:
    name = given or guess_time(columns)
    if not isinstance(name, str) or name not in columns or columns[name].type not in TIMES or name == target:
        raise _wrong("time", "Choose the column that says when: one that holds dates, or dates and times.")
    return name


def _key(given: Any, columns: Columns, taken: tuple[str, str]) -> str:
    if given in (None, ""):
        return ""
    if not isinstance(given, str) or given not in columns or given in taken or columns[given].type != "text":
        raise _wrong("key", "Choose the column whose words name the series, or none where there is one series.")
    return given


def _seasons(given: Any, step: str) -> list[int]:
    if given in (None, []):
        return list(SEASONS[step])
    if not isinstance(given, list) or not 1 <= len(given) <= 3:
        raise _wrong("seasons", "Name from 1 to 3 lengths of seasons, the usual one first.")
    return list(dict.fromkeys(_whole("seasons", one, LONGEST_SEASON) for one in given))


def _whole(name: str, given: Any, most: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= most:
        raise _wrong(name, f"Use a whole number from 1 to {most}.")
    return given


def _wrong(name: str, text: str) -> Invalid:
    return Invalid(text, fields={f"forecast.{name}" if name else "forecast": text})
