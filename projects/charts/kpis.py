"""PURE: a KPI over time as a figure: its points with their intervals, what it was before, and the target."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from projects.contract import Goal, bound_words
from projects.measures import short_number
from projects.points import Point
from web.figures import NOW, REFERENCE, WARN, Figure


def kpi_figure(
    name: str, unit: str, points: Sequence[Point], goal: Goal | None, baseline: float | None, verdict: str
) -> Figure:
    """`points` are oldest first; `verdict` is the sentence of the judge, which becomes the finding."""
    days = [point.on.isoformat() for point in points]
    data: list[dict[str, Any]] = [_line(name, unit, points)]
    ends = [days[0], days[-1]] if days else []
    if goal and ends:
        data.append(
            _level(f"target {bound_words(goal.direction)} {short_number(goal.threshold)}", goal.threshold, ends, WARN)
        )
    if baseline is not None and ends:
        data.append(_level(f"before {short_number(baseline)}", baseline, ends, REFERENCE))
    layout = {
        "xaxis": {"type": "date"},
        "yaxis": {"title": {"text": unit or name}},
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "margin": {"l": 56, "r": 16, "t": 32, "b": 40},
    }
    rows = [[_day(p.on), _said(p.value, unit), _said(p.low, unit), _said(p.high, unit), p.note] for p in points[::-1]]
    columns = ["Day", "Value", "At least", "At most", "Note"]
    count = f"{len(points)} value{'s' if len(points) != 1 else ''}."
    detail = (
        f" {count} Where an interval is known, the line shows it."
        if any(p.low is not None for p in points)
        else f" {count}"
    )
    return Figure("kpi", f"How does {name} move?", {"data": data, "layout": layout}, verdict, detail, columns, rows)


def _line(name: str, unit: str, points: Sequence[Point]) -> dict[str, Any]:
    line: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": [point.on.isoformat() for point in points],
        "y": [point.value for point in points],
        "line": {"color": NOW, "width": 2},
        "marker": {"color": NOW, "size": 7},
        "hovertemplate": f"%{{y}} {unit}<extra></extra>",
    }
    if any(point.low is not None for point in points):
        line["error_y"] = {
            "type": "data",
            "symmetric": False,
            "array": [(p.high if p.high is not None else p.value) - p.value for p in points],
            "arrayminus": [p.value - (p.low if p.low is not None else p.value) for p in points],
            "color": NOW,
            "thickness": 1.5,
        }
    return line


def _level(name: str, at: float, ends: Sequence[str], colour: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": list(ends),
        "y": [at, at],
        "line": {"color": colour, "width": 1.5, "dash": "dash"},
        "hoverinfo": "skip",
    }


def _said(number: float | None, unit: str) -> str:
    return "–" if number is None else f"{short_number(number)}{' ' + unit if unit else ''}"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
