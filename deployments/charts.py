"""PURE: what every threshold would do, and what an application asked day by day, as figures."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Protocol

from experiments.evaluation.thresholds import Point
from projects.money import Money, said
from web.figures import NOW, REFERENCE, WARN, Figure

EVERY = 5
MARKS = {"In force": ("circle", REFERENCE), "New": ("diamond", NOW), "Brings most": ("star", WARN)}


def decisions(points: Sequence[Point], marked: Sequence[tuple[str, Point]], money: Money | None) -> Figure:
    """Money over the threshold; without a table of money what is found and what is wasted."""
    drawn = points[::EVERY]
    x = [round(100 * point.threshold, 1) for point in drawn]
    if money:
        factor = money.cases_a_month or 1.0
        traces = [_line(x, [point.worth * factor for point in drawn], "Money", NOW)]
        high: list[tuple[str, Point, float | None]] = [(name, point, point.worth * factor) for name, point in marked]
        axis = f"{money.currency} {'a month' if money.cases_a_month else 'a case'}"
        title, detail = (
            "Which threshold brings most?",
            "An estimate from held-back rows; what it rests on stands below.",
        )
    else:
        traces = [
            _line(x, [_of_100(point.recall) for point in drawn], "Found, of 100", NOW),
            _line(x, [_of_100(point.precision) for point in drawn], "Right calls, of 100", WARN),
        ]
        high = [(name, point, _of_100(point.recall)) for name, point in marked]
        axis, title = "Of 100", "Find more, or waste less?"
        detail = "Say in Worth what answers bring and cost, and money stands here."
    traces += [_mark(name, point, value) for name, point, value in high]
    layout = {
        "xaxis": {"title": {"text": "Yes from this chance on, %"}, "range": [-1, 101]},
        "yaxis": {"title": {"text": axis}},
        "showlegend": True,
    }
    columns = ("Yes from, %", "Found, of 100", "Right calls, of 100", "Called, of 100", "To a person, of 100", "Money")
    rows = [_row(point, money) for point in points[:: 10 * EVERY]]
    return Figure(
        "decisions", title, {"data": traces, "layout": layout}, _finding(marked, money), detail, columns, rows
    )


class Asked(Protocol):
    """One day of an application."""

    @property
    def day(self) -> date: ...

    @property
    def requests(self) -> int: ...

    @property
    def rows(self) -> int: ...

    @property
    def refused(self) -> int: ...

    @property
    def limited(self) -> int: ...

    @property
    def failed(self) -> int: ...


def uses(days: Sequence[Asked], most: int | None) -> Figure:
    """Rows answered by day, with the quota as a line where there is one."""
    x = [day.day.isoformat() for day in days]
    bars = {"type": "bar", "name": "Rows answered", "x": x, "y": [day.rows for day in days], "marker": {"color": NOW}}
    traces: list[dict[str, Any]] = [bars | {"hovertemplate": "%{x}: %{y:,}<extra></extra>"}]
    if most is not None:
        line = {"type": "scatter", "mode": "lines", "name": "At most", "x": x, "y": [most] * len(x)}
        traces.append(line | {"line": {"color": WARN, "dash": "dash"}, "hoverinfo": "skip"})
    layout = {"yaxis": {"title": {"text": "Rows"}, "rangemode": "tozero"}, "showlegend": most is not None}
    total = sum(day.rows for day in days)
    finding = f"{total:,} rows were answered in {len(days)} days.".replace(",", "\u202f") if total else "Nothing yet."
    columns = ("Day (UTC)", "Requests", "Rows answered", "Refused", "Over the limit", "Failed")
    rows = [
        (one.day.isoformat(), *map(str, (one.requests, one.rows, one.refused, one.limited, one.failed)))
        for one in reversed(days)
    ]
    detail = "Counted by the prediction servers, which hand their counts over every two seconds."
    return Figure("uses", "What it asked", {"data": traces, "layout": layout}, finding, detail, columns, rows)


def _finding(marked: Sequence[tuple[str, Point]], money: Money | None) -> str:
    name, point = next((pair for pair in marked if pair[0] == "New"), marked[0])
    found = "nothing is looked for in these rows" if point.recall is None else f"{_said(point.recall)} of 100 are found"
    called = f"{_said(point.flagged)} of 100 are called"
    who = "The new policy" if name == "New" else "What is in force"
    return f"{who}: {called}, {found}."


def _row(point: Point, money: Money | None) -> tuple[str, ...]:
    shares = (point.recall, point.precision, point.flagged, point.person)
    amount = said(money.currency, point.worth * (money.cases_a_month or 1.0)) if money else "–"
    return (f"{100 * point.threshold:.4g}", *(_said(share) for share in shares), amount)


def _said(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.3g}"


def _of_100(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _line(x: list[float], y: list[float | None] | list[float], name: str, colour: str) -> dict[str, Any]:
    rounded = [None if value is None else float(f"{value:.6g}") for value in y]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": x,
        "y": rounded,
        "line": {"color": colour, "width": 2},
        "hovertemplate": "from %{x}%: %{y:,.4~g}<extra></extra>",
    }


def _mark(name: str, point: Point, value: float | None) -> dict[str, Any]:
    symbol, colour = MARKS[name]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [round(min(100.0, 100 * point.threshold), 1)],
        "y": [value],
        "marker": {"symbol": symbol, "size": 12, "color": colour},
        "hovertemplate": f"{name}: from %{{x}}%<extra></extra>",
    }
