"""PURE: many runs beside each other: what differs, which of them no other beats at two metrics, how curves went."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from experiments.records.points import Point, Summary
from projects.measures import MEASURES

MOST_AXES, MOST_WORDS = 9, 12
LOWER = ("loss", "error", "rmse", "mse", "mae", "mape", "brier", "seconds", "latency", "gap of", "cost")


@dataclass(frozen=True)
class Line:
    """One run as the comparison of many sees it. The focused ones are drawn in colour."""

    number: int
    settings: Mapping[str, str]
    metrics: Mapping[str, float]
    focused: bool = False

    @property
    def name(self) -> str:
        """What it is called."""
        return f"Run {self.number}"


@dataclass(frozen=True)
class Axis:
    """One upright line of a parallel plot: where each run crosses it, from 0 to 1, and the words along it."""

    name: str
    places: tuple[float | None, ...]
    ticks: tuple[tuple[float, str], ...]
    values: tuple[str, ...]


def lower_is_better(metric: str) -> bool:
    """Known for the platform's own metrics; of others the name tells: a loss or an error is better small."""
    if metric in MEASURES:
        return MEASURES[metric].better == "at_most"
    return any(word in metric.lower() for word in LOWER)


def axes(lines: Sequence[Line], metrics: Sequence[str]) -> list[Axis]:
    """The settings that differ, then the metrics; each only where at least two runs say something different."""
    names = dict.fromkeys(name for line in lines for name in line.settings)
    found = [axis for name in names if (axis := _setting_axis(name, [line.settings.get(name) for line in lines]))]
    ends = [axis for name in metrics if (axis := _number_axis(name, [line.metrics.get(name) for line in lines]))]
    return [*found[: max(0, MOST_AXES - len(ends))], *ends]


def _setting_axis(name: str, values: Sequence[str | None]) -> Axis | None:
    told = [value for value in values if value is not None]
    if len(set(values)) < 2:
        return None
    numbers = [_number(value) for value in values]
    if all(number is not None for number, value in zip(numbers, values, strict=True) if value is not None):
        return _number_axis(name, numbers)
    words = sorted(set(told))
    if len(words) > MOST_WORDS or len(words) < 2:
        return None
    place = {word: index / (len(words) - 1) for index, word in enumerate(words)}
    return Axis(
        name,
        tuple(None if value is None else place[value] for value in values),
        tuple((place[word], word) for word in words),
        tuple("–" if value is None else value for value in values),
    )


def _number_axis(name: str, values: Sequence[float | None]) -> Axis | None:
    known = [value for value in values if value is not None]
    if len(set(known)) < 2:
        return None
    low, high = min(known), max(known)
    spread = high / 2 - low / 2  # halves, so that no two numbers are too far apart to tell
    return Axis(
        name,
        tuple(None if value is None else (value / 2 - low / 2) / spread for value in values),
        ((0.0, f"{low:.4g}"), (1.0, f"{high:.4g}")),
        tuple("–" if value is None else f"{value:.4g}" for value in values),
    )


def _number(value: str | None) -> float | None:
    try:
        found = float(value) if value is not None else math.nan
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def unbeaten(lines: Sequence[Line], x: str, y: str) -> list[Line]:
    """The runs that no other beats: no other is at least as good at both metrics and better at one (Pareto)."""
    told = [line for line in lines if x in line.metrics and y in line.metrics]
    signs = [-1 if lower_is_better(name) else 1 for name in (x, y)]

    def good(line: Line) -> tuple[float, float]:
        return signs[0] * line.metrics[x], signs[1] * line.metrics[y]

    best: list[Line] = []
    for line in sorted(told, key=lambda one: (*good(one), -one.number), reverse=True):
        same = best and good(best[-1]) == good(line)
        if not best or same or good(line)[1] > good(best[-1])[1]:
            best.append(line)
    return best


def differing(lines: Sequence[Line], names: Sequence[str]) -> list[str]:
    """The metrics at which at least two runs differ."""
    return [name for name in names if len({line.metrics[name] for line in lines if name in line.metrics}) > 1]


@dataclass(frozen=True)
class Curve:
    """One metric of one run over its steps: points to draw, and what is known of all of them."""

    line: Line
    points: Sequence[Point]
    summary: Summary

    def best(self, metric: str) -> tuple[float | None, int | None]:
        """The best value, and the step at which it was reached first."""
        one = self.summary
        return (one.low, one.low_step) if lower_is_better(metric) else (one.high, one.high_step)
