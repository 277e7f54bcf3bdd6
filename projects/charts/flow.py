"""PURE: how rounds and boundaries do -> figures of the product's chart language."""

from collections.abc import Mapping, Sequence
from typing import Any

from projects.handing import Boundary
from projects.measures import MEASURES
from projects.targets import shown
from web.figures import NOW, WARN, Figure


def deciding_row(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The row of the target that decides, where it was measured."""
    row = next((row for row in rows if row.get("deciding")), None)
    return row if row and row.get("value") is not None and row.get("metric") in MEASURES else None


def better_each_round(rounds: Sequence[tuple[int, Sequence[Mapping[str, Any]]]]) -> Figure | None:
    """The deciding target's value by round, with its interval; only rounds that measured the newest one's metric."""
    known = [(number, row) for number, rows in sorted(rounds, key=lambda pair: pair[0]) if (row := deciding_row(rows))]
    if not known:
        return None
    metric = known[-1][1]["metric"]
    measure, unit = MEASURES[metric], str(known[-1][1].get("unit") or "")
    same = [(number, row) for number, row in known if row["metric"] == metric]
    points = [[shown(measure, row[end]) for end in ("low", "value", "high")] for _, row in same]
    target = shown(measure, same[-1][1]["threshold"])
    names = [f"Round {number}" for number, _ in same]
    said = [f"{name}: {measure.said(row['value'], unit)}" for name, (_, row) in zip(names, same, strict=True)]
    return Figure(
        "rounds-figure",
        "Is it better each round?",
        {"data": [_line(names, points, measure.words)], "layout": _with_target(target)},
        f"{'; '.join(said)}.",
        "Each line shows where the true value lies, 19 times out of 20.",
        ["Round", measure.words, "From", "To", "Target"],
        [
            [name, *(f"{point:.4g}" for point in (value, low, high, target))]
            for name, (low, value, high) in zip(names, points, strict=True)
        ],
        height=240,
    )


def _line(names: Sequence[str], points: Sequence[Sequence[float]], words: str) -> dict[str, Any]:
    """Values joined by a line, each with its interval."""
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": list(names),
        "y": [value for _, value, _ in points],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [high - value for _, value, high in points],
            "arrayminus": [value - low for low, value, _ in points],
            "color": NOW,
            "thickness": 1.5,
            "width": 0,
        },
        "marker": {"color": NOW, "size": 9},
        "line": {"color": NOW, "width": 2},
        "name": words,
    }


def _with_target(target: float) -> dict[str, Any]:
    line = {"color": WARN, "width": 1, "dash": "4px,3px"}
    shape = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": target, "y1": target, "line": line}
    words = {"xref": "paper", "x": 1, "xanchor": "left", "y": target, "text": f"target {target:.4g}"}
    return {
        "shapes": [shape],
        "annotations": [words | {"showarrow": False, "font": {"color": WARN, "size": 11}}],
        "xaxis": {"type": "category"},
        "margin": {"l": 48, "r": 72, "t": 8, "b": 32},
    }


def waits(boundaries: Sequence[Boundary]) -> Figure | None:
    """How long work waits between roles: the middle wait as a bar, the longest beside it."""
    known = [each for each in boundaries if each.median_seconds is not None]
    if not known:
        return None
    names = [f"{each.giver.tag} to {each.receiver.tag}" for each in known]
    middle = [(each.median_seconds or 0.0) / 3600 for each in known]
    longest = [(each.longest_seconds or 0.0) / 3600 for each in known]
    slowest = max(known, key=lambda each: each.median_seconds or 0.0)
    bars = [
        {"type": "bar", "orientation": "h", "y": names, "x": middle, "name": "middle", "marker": {"color": NOW}},
        {
            "type": "scatter",
            "mode": "markers",
            "y": names,
            "x": longest,
            "name": "longest",
            "marker": {"color": WARN, "symbol": "line-ns-open", "size": 14},
        },
    ]
    return Figure(
        "waits-figure",
        "Where does work wait?",
        {
            "data": bars,
            "layout": {
                "xaxis": {"title": {"text": "hours until an answer"}, "rangemode": "tozero", "showgrid": True},
                "yaxis": {"autorange": "reversed", "showgrid": False},
                "hovermode": "closest",
                "margin": {"l": 80, "r": 16, "t": 8, "b": 40},
            },
        },
        f"{slowest.giver.label} to {slowest.receiver.label} waits longest: {hours(slowest.median_seconds)} as a rule.",
        "The bar is the middle wait, the mark the longest one.",
        ["Boundary", "Middle wait, h", "Longest wait, h"],
        [[name, f"{one:.1f}", f"{other:.1f}"] for name, one, other in zip(names, middle, longest, strict=True)],
        height=max(140, 60 + 40 * len(known)),
    )


def hours(seconds: float | None) -> str:
    """A wait as people say it: `25 min`, `3 h`, `2 days`."""
    if seconds is None:
        return "–"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    if seconds < 2 * 86_400:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86_400:.0f} days"
