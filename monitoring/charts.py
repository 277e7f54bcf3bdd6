"""PURE: what monitoring measured -> figures of the product's chart language."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from monitoring.findings import names
from web.figures import FAIL, NOW, REFERENCE, WARN, Figure

Entry = dict[str, Any]


def _limits(watch: float, act: float) -> tuple[list[Entry], list[Entry]]:
    """Watch and act as lines with a word at the right end."""
    shapes, words = [], []
    for value, name, colour in ((watch, "watch", WARN), (act, "act", FAIL)):
        shapes.append(_level(value, colour))
        words.append(_right_end(value, f"{name} {value:.2f}", colour, "bottom" if name == "act" else "top"))
    return shapes, words


def _level(value: float, colour: str = REFERENCE) -> Entry:
    """A dashed line across the plot."""
    ends = {"xref": "paper", "x0": 0, "x1": 1, "y0": value, "y1": value}
    return {"type": "line", "line": {"color": colour, "width": 1, "dash": "4px,3px"}} | ends


def _right_end(value: float, text: str, colour: str = REFERENCE, anchor: str = "middle") -> Entry:
    """A word at the right end of such a line."""
    place = {"xref": "paper", "x": 1, "xanchor": "left", "y": value, "yanchor": anchor}
    return {"text": text, "showarrow": False, "font": {"size": 11, "color": colour}} | place


def _event(at: datetime, words: str) -> tuple[Entry, Entry]:
    line = {
        "type": "line",
        "x0": at.isoformat(),
        "x1": at.isoformat(),
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": {"color": REFERENCE, "width": 1, "dash": "2px,2px"},
    }
    label = {
        "x": at.isoformat(),
        "yref": "paper",
        "y": 1,
        "yanchor": "bottom",
        "text": words,
        "showarrow": False,
        "font": {"size": 11},
    }
    return line, label


def timeline(
    points: Sequence[Entry],
    events: Sequence[tuple[datetime, str]],
    alert_since: datetime | None,
    watch: float,
    act: float,
) -> Figure:
    """When did it move? `points`: {at, rows, input, psi, answers}, one for each window, oldest first."""
    shapes, words = _limits(watch, act)
    first, last = points[0]["at"], points[-1]["at"]
    for at, text in events:
        line, label = _event(max(at, first), text)
        shapes.append(line)
        words.append(label)
    if alert_since:
        shapes.append(_zone(max(alert_since, first).isoformat(), last.isoformat(), 0, 1) | {"yref": "paper"})
    layout = {
        "shapes": shapes,
        "annotations": words,
        "margin": {"l": 48, "r": 84, "t": 60, "b": 40},
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": 1.16, "yanchor": "bottom"},
        "yaxis": {"rangemode": "tozero", "title": {"text": "population stability index"}},
    }
    finding, detail = _told_over_time(points, watch)
    rows = [[f"{p['at']:%d %b %H:%M}", p["rows"], p["input"], _two(p["psi"]), _two(p["answers"])] for p in points]
    columns = ["Up to", "Answers", "Most-moved input", "Its PSI", "PSI of the answers"]
    title, plot = "How much the inputs and the answers moved", {"data": _lines(points), "layout": layout}
    return Figure("drift-timeline", title, plot, finding, detail, columns, rows, 260)


def _lines(points: Sequence[Entry]) -> list[Entry]:
    shared = {"type": "scatter", "mode": "lines+markers", "x": [point["at"].isoformat() for point in points]}
    inputs = {
        "name": "most-moved input that matters",
        "y": [point["psi"] for point in points],
        "text": [point["input"] for point in points],
        "hovertemplate": "%{text} %{y:.2f}<extra></extra>",
        "line": {"color": NOW, "width": 2},
        "fill": "tozeroy",
        "marker": {"size": 6},
    }
    answers = {
        "name": "answers",
        "y": [point["answers"] for point in points],
        "hovertemplate": "answers %{y:.2f}<extra></extra>",
        "line": {"width": 2, "dash": "7px,3px"},
        "marker": {"symbol": "square", "size": 6},
    }
    return [shared | inputs, shared | answers]


def how_right(
    points: Sequence[Entry], events: Sequence[tuple[datetime, str]], term: str, scale: int, target: float | None
) -> Figure:
    """How right was it, and probably is? `points`: {at, estimated, measured}, each {value, low, high} or None."""
    shapes, words = [], []
    for at, text in events:
        line, label = _event(max(at, points[0]["at"]), text)
        shapes.append(line)
        words.append(label)
    if target is not None:
        shapes.append(_level(scale * target))
        words.append(_right_end(scale * target, f"target {scale * target:.3g}"))
    data = [
        *_with_interval(points, "estimated", scale, {"color": REFERENCE, "dash": "7px,3px"}, "circle-open"),
        *_with_interval(points, "measured", scale, {"color": NOW}, "square"),
    ]
    layout = {
        "shapes": shapes,
        "annotations": words,
        "margin": {"l": 48, "r": 84, "t": 60, "b": 40},
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": 1.16, "yanchor": "bottom"},
        "yaxis": {"title": {"text": term}},
    }
    finding, detail = _told_of_right(points)
    rows = [[f"{p['at']:%d %b %H:%M}", _span(p["estimated"], scale), _span(p["measured"], scale)] for p in points]
    columns = ["Up to", "Estimated, 19 times of 20", "Measured, 19 times of 20"]
    return Figure(
        "how-right",
        "How right it was, and probably is",
        {"data": data, "layout": layout},
        finding,
        detail,
        columns,
        rows,
        260,
    )


def _with_interval(points: Sequence[Entry], kind: str, scale: int, line: Entry, symbol: str) -> list[Entry]:
    """A line with whiskers where there is a value."""
    known = [point for point in points if point[kind]]
    if not known:
        return []
    values = [point[kind] for point in known]
    up = [scale * (one["high"] - one["value"]) for one in values]
    down = [scale * (one["value"] - one["low"]) for one in values]
    return [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": kind,
            "x": [point["at"].isoformat() for point in known],
            "y": [scale * one["value"] for one in values],
            "error_y": {
                "type": "data",
                "symmetric": False,
                "array": up,
                "arrayminus": down,
                "thickness": 1,
                "width": 3,
            },
            "line": {"width": 2} | line,
            "marker": {"symbol": symbol, "size": 7},
            "hovertemplate": f"{kind} %{{y:.3g}}<extra></extra>",
        }
    ]


def _span(one: Entry | None, scale: int) -> str:
    if not one:
        return "–"
    return f"{scale * one['value']:.3g} ({scale * one['low']:.3g} to {scale * one['high']:.3g})"


def _told_of_right(points: Sequence[Entry]) -> tuple[str, str]:
    """What the newest window says, and how far measuring and estimating agreed before."""
    detail = (
        "Estimated from the model's own doubt, before outcomes arrive. That the same inputs now mean something else "
    )
    detail += "can only be measured."
    both = [point for point in points if point["estimated"] and point["measured"]]
    if not both:
        return "Nothing is measured yet; what stands here is an estimate.", detail
    agreed = sum(_meet(point["estimated"], point["measured"]) for point in both)
    return f"In {agreed} of {len(both)} windows with outcomes, estimate and measurement agree.", detail


def _meet(one: Entry, other: Entry) -> bool:
    return bool(one["low"] <= other["high"] and other["low"] <= one["high"])


def _zone(x0: Any, x1: Any, y0: float, y1: float) -> Entry:
    """A shaded rectangle behind the marks."""
    corners = {"x0": x0, "x1": x1, "y0": y0, "y1": y1}
    return {"type": "rect", "fillcolor": WARN, "opacity": 0.09, "line": {"width": 0}, "layer": "below"} | corners


def _told_over_time(points: Sequence[Entry], watch: float) -> tuple[str, str]:
    over = [point for point in points if point["psi"] is not None and point["psi"] >= watch]
    detail = "Each window against the training data. 0 is no change."
    if len(points) == 1:
        return "One window so far; a line needs the next.", detail
    if not over:
        return "Steady: no input that matters passed the watch line.", detail
    since = next(i for i, point in enumerate(points) if point in over)
    before = "" if since == 0 else f"Steady for {since} window{'s' if since > 1 else ''}, then a"
    start = f"{before or 'A'} jump of {over[0]['input']} in the window that ended {over[0]['at']:%d %B %H:%M}."
    return start, detail


def _two(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def which_matter(inputs: Sequence[Entry], watch: float) -> Figure:
    """Which changes matter? Change x weight, with the corner where both are large shaded."""
    known = [entry for entry in inputs if entry["weight"] is not None and entry["psi"] is not None]
    corner = [entry for entry in known if entry["state"] in ("act", "watch")]
    minor = [entry for entry in known if entry["state"] == "minor"]
    rest = [entry for entry in known if entry["state"] == "stayed"]
    most = max([entry["psi"] for entry in known] + [2 * watch]) * 1.15
    heaviest = max([entry["weight"] for entry in known] + [0.05]) * 120
    name = {"x": watch, "xanchor": "left", "y": heaviest, "yanchor": "top", "text": "moved, and matters"}
    layout = {
        "shapes": [_zone(watch, most, 2, heaviest)],
        "annotations": [name | {"showarrow": False}],
        "xaxis": {"title": {"text": "how much it moved (PSI)"}, "range": [-0.01 * most, most]},
        "yaxis": {"title": {"text": "weight in the model, %"}, "range": [0, heaviest]},
        "hovermode": "closest",
    }
    groups = ((corner, True, FAIL, "diamond"), (minor, True, WARN, "square"), (rest, False, NOW, "circle"))
    data = [_dots(group, named, colour, symbol) for group, named, colour, symbol in groups if group]
    return Figure(
        "which-matter",
        "Which changes matter",
        {"data": data, "layout": layout},
        _told_of_corner(corner),
        f"{names(minor)} moved too, but carries little weight, so it raises no alert." if minor else "",
        ["Input", "PSI", "Weight"],
        [[entry["name"], _two(entry["psi"]), f"{100 * entry['weight']:.0f}%"] for entry in known],
    )


def _dots(group: Sequence[Entry], named: bool, colour: str, symbol: str) -> Entry:
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": [entry["psi"] for entry in group],
        "y": [100 * entry["weight"] for entry in group],
        "text": [entry["name"] if named else "" for entry in group],
        "textposition": "top center",
        "customdata": [entry["name"] for entry in group],
        "hovertemplate": "%{customdata}: moved %{x:.2f}, weight %{y:.0f}%<extra></extra>",
        "marker": {"color": colour, "symbol": symbol, "size": 9},
    }


def _told_of_corner(corner: Sequence[Entry]) -> str:
    if not corner:
        return "Nothing that matters moved."
    return f"Only {names(list(corner))} moved and matter{'s' if len(corner) == 1 else ''}."


def overlay(entry: Entry, title: str, identifier: str) -> Figure:
    """Did it move? The same bins: training as an outline, now as a fill; unseen values in red."""
    now = [100 * share for share in entry["now"]]
    before = [100 * share for share in entry["reference"]]
    shown = [i for i in range(len(now)) if now[i] > 0 or before[i] > 0]
    labels = [entry["labels"][i] for i in shown]
    unseen = len(now) - 1 if entry.get("new_share", 0.0) > 0 else None
    colours = [FAIL if i == unseen else NOW for i in shown]
    data = [
        _bars("now", labels, [now[i] for i in shown], {"color": colours, "opacity": 0.55}),
        _bars(
            "training",
            labels,
            [before[i] for i in shown],
            {"color": "rgba(0,0,0,0)", "line": {"color": REFERENCE, "width": 1.5}},
        ),
    ]
    layout = {
        "barmode": "overlay",
        "yaxis": {"title": {"text": "% of rows"}, "rangemode": "tozero"},
        "xaxis": {"type": "category", "tickangle": "auto"},
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "margin": {"l": 48, "r": 16, "t": 32, "b": 40},
    }
    rows = [[entry["labels"][i], f"{before[i]:.1f}%", f"{now[i]:.1f}%"] for i in shown]
    finding = f"{entry['change'][0].upper()}{entry['change'][1:]}."
    detail = f"PSI {_two(entry['psi'])}; chance alone makes up to {_two(entry['chance'])}. {_distances(entry)}"
    plot = {"data": data, "layout": layout}
    return Figure(identifier, title, plot, finding, detail, ["Value", "Training", "Now"], rows)


def _distances(entry: Entry) -> str:
    """The other measures of the same change, where they were taken."""
    words = {"ks": "largest gap between the curves", "wasserstein": "carried, in standard deviations", "cramer": "V"}
    told = [f"{words[key]} {_two(entry[key])}" for key in words if entry.get(key) is not None]
    before = f"{', '.join(told)}. " if told else ""
    return f"{before[:1].upper()}{before[1:]}{entry['rows']} values now."


def _bars(name: str, labels: list[str], shares: list[float], marker: Entry) -> Entry:
    hover = f"{name} %{{y:.1f}}%<extra></extra>"
    return {"type": "bar", "name": name, "x": labels, "y": shares, "marker": marker, "hovertemplate": hover}
