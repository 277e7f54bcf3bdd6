"""PURE: many runs as figures: settings and results as parallel lines, the trade-off of two metrics, curves."""

from collections.abc import Sequence
from typing import Any

from experiments.charts import DASHES
from experiments.comparing import Axis, Curve, Line, axes, lower_is_better, unbeaten
from experiments.records.points import Point
from projects.measures import MEASURES
from web.figures import NOW, REFERENCE, Figure

MOST_FOCUSED, MOST_CURVES = 3, 6


def term(metric: str) -> str:
    """A metric as figures call it."""
    return MEASURES[metric].term if metric in MEASURES else metric


def parallel(lines: Sequence[Line], metrics: Sequence[str]) -> Figure | None:
    """Which settings lead to good results: one line for each run across what differs, the results last."""
    found = axes(lines, metrics)
    if len(lines) < 2 or len(found) < 2:
        return None
    ghosts = [place for place, line in enumerate(lines) if not line.focused]
    focused = [place for place, line in enumerate(lines) if line.focused][:MOST_FOCUSED]
    traces = [_ghosts(found, ghosts)] if ghosts else []
    for order, place in enumerate(focused):
        traces.append(_across(found, place, lines[place].name) | {"line": {"width": 2.5, "dash": DASHES[order]}})
    layout = {
        "xaxis": {"tickvals": list(range(len(found))), "ticktext": [_short(term(axis.name)) for axis in found],
                  "range": [-0.35, len(found) - 0.65], "showgrid": True, "showline": False, "side": "top",
                  "tickfont": {"size": 12}},
        "yaxis": {"visible": False, "range": [-0.08, 1.08]},
        "annotations": [_tick(place, at, words) for place, axis in enumerate(found) for at, words in axis.ticks],
        "margin": {"l": 48, "r": 48, "t": 40, "b": 16},
        "hovermode": "closest",
        "showlegend": bool(focused),
        "legend": {"y": -0.12, "yanchor": "top"},
    }  # fmt: skip
    rows = [(line.name, *(axis.values[place] for axis in found)) for place, line in enumerate(lines)]
    return Figure(
        "parallel", "Which settings lead to good results?", {"data": traces, "layout": layout},
        _led_by(lines, found[-1]), "Only what differs is drawn; grey lines are the other runs.",
        ("Run", *(term(axis.name) for axis in found)), rows, 340,
    )  # fmt: skip


def _short(words: str) -> str:
    return words if len(words) <= 18 else words[:17] + "…"


def _across(found: Sequence[Axis], place: int, name: str) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "lines+markers", "name": name, "marker": {"size": 5},
        "x": list(range(len(found))), "y": [axis.places[place] for axis in found],
        "text": [f"{name}, {term(axis.name)}: {axis.values[place]}" for axis in found],
        "hovertemplate": "%{text}<extra></extra>",
    }  # fmt: skip


def _ghosts(found: Sequence[Axis], places: Sequence[int]) -> dict[str, Any]:
    """All other runs as one trace, with gaps between them."""
    x: list[int | None] = []
    y: list[float | None] = []
    for place in places:
        x += [*range(len(found)), None]
        y += [*(axis.places[place] for axis in found), None]
    line = {"color": REFERENCE, "width": 1}
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line, "opacity": 0.45, "hoverinfo": "skip",
            "showlegend": False, "name": "other runs"}  # fmt: skip


def _tick(place: int, at: float, words: str) -> dict[str, Any]:
    return {"x": place, "y": at, "text": _short(words), "showarrow": False, "xanchor": "left", "xshift": 5,
            "font": {"size": 11}}  # fmt: skip


def _led_by(lines: Sequence[Line], last: Axis) -> str:
    known = [(place, number) for number, place in enumerate(last.places) if place is not None]
    best = (min if lower_is_better(last.name) else max)(known)
    words = f"{lines[best[1]].name} ends {'lowest' if lower_is_better(last.name) else 'highest'}"
    return f"{words} at {term(last.name)}: {last.values[best[1]]}."


def trade_off(lines: Sequence[Line], x: str, y: str) -> Figure | None:
    """Two metrics against each other; the runs that no other beats are joined."""
    told = [line for line in lines if x in line.metrics and y in line.metrics]
    if len(told) < 2 or x == y:
        return None
    front = sorted(unbeaten(told, x, y), key=lambda line: line.metrics[x])
    dots = {
        "type": "scatter", "mode": "markers", "name": "beaten by another", "x": [one.metrics[x] for one in told],
        "y": [one.metrics[y] for one in told], "text": [one.name for one in told],
        "marker": {"color": REFERENCE, "size": 7, "symbol": "circle-open"},
        "hovertemplate": "%{text}: %{x:.4g}, %{y:.4g}<extra></extra>",
    }  # fmt: skip
    best = {
        "type": "scatter", "mode": "lines+markers+text" if len(front) <= 8 else "lines+markers",
        "name": "beaten by none", "x": [one.metrics[x] for one in front], "y": [one.metrics[y] for one in front],
        "text": [one.name for one in front], "textposition": "top center", "marker": {"size": 9},
        "line": {"dash": "2px,3px"},
        "hovertemplate": "%{text}: %{x:.4g}, %{y:.4g}<extra></extra>",
    }  # fmt: skip
    layout = {
        "xaxis": {"title": {"text": _axis_words(x)}, "showgrid": True},
        "yaxis": {"title": {"text": _axis_words(y)}},
        "hovermode": "closest",
        "showlegend": True,
    }
    names = {one.number for one in front}
    rows = [
        (one.name, f"{one.metrics[x]:.4g}", f"{one.metrics[y]:.4g}", "none" if one.number in names else "another")
        for one in told
    ]
    if len(front) == 1:
        finding = f"{front[0].name} is best at both."
    else:
        finding = f"{len(front)} of {len(told)} runs are beaten by none: more of one costs some of the other."
    return Figure(
        "trade-off", f"{term(x)} or {term(y)}?", {"data": [dots, best], "layout": layout}, finding,
        "A run is beaten when another is at least as good at both and better at one. Intervals are not looked at here.",
        ("Run", term(x), term(y), "Beaten by"), rows, 340,
    )  # fmt: skip


def _axis_words(metric: str) -> str:
    return f"{term(metric)} ({'lower' if lower_is_better(metric) else 'higher'} is better)"


def curves(found: Sequence[Curve], metric: str, many: int) -> Figure | None:
    """One metric over its steps for several runs; `many` runs have it, and the first few are drawn in colour."""
    if not found:
        return None
    traces = []
    for place, one in enumerate(found):
        focused = place < MOST_CURVES
        style = {"dash": DASHES[place], "width": 2} if focused else {"color": REFERENCE, "width": 1}
        traces.append(
            {
                "type": "scatter", "mode": "lines", "name": one.line.name, "line": style, "showlegend": focused,
                "x": [point[0] for point in one.points], "y": [point[2] for point in one.points],
                "opacity": 1 if focused else 0.45,
                "hovertemplate": f"{one.line.name}, step %{{x}}: %{{y:.4g}}<extra></extra>",
            }
        )  # fmt: skip
    best = sorted((one for one in found if one.best(metric)[0] is not None), key=lambda one: one.best(metric)[0] or 0.0)
    finding = "No value of it is a number."
    if best:
        top = best[0] if lower_is_better(metric) else best[-1]
        value, step = top.best(metric)
        finding = f"The best is {value:.4g}, by {top.line.name} at step {step}."
    layout = {
        "xaxis": {"title": {"text": "Step"}},
        "yaxis": {"title": {"text": _axis_words(metric)}},
        "hovermode": "closest",
        "showlegend": len(found) > 1,
    }
    words = (
        f"{many} run{'s' if many != 1 else ''} recorded it. Of long curves each stretch's lowest and highest is drawn."
    )
    return Figure(
        "curve", f"How did {term(metric)} go?", {"data": traces, "layout": layout}, finding, words,
        ("Run", "Latest", "Lowest", "at step", "Highest", "at step", "Points"), [_curve_row(one) for one in found], 340,
    )  # fmt: skip


def _curve_row(one: Curve) -> tuple[Any, ...]:
    known = one.summary
    said = [("–" if value is None else f"{value:.5g}") for value in (known.last, known.low, known.high)]
    return one.line.name, said[0], said[1], known.low_step, said[2], known.high_step, known.points


def learning(train: Sequence[Point], held_back: Sequence[Point], loss: str) -> Figure | None:
    """Loss by step: of the rows learned from in grey, of the held-back ones in focus, the best step marked."""
    if not train:
        return None
    traces = [_loss_line(train, "rows learned from", {"color": REFERENCE, "width": 1.5})]
    finding, best = "It learned to the end.", None
    if held_back:
        traces.append(_loss_line(held_back, "held-back rows", {"color": NOW, "width": 2}))
        best = min(held_back, key=lambda point: (point[2], point[0]))
        last = held_back[-1]
        finding = f"Best at step {best[0]}; " + (
            "it still learned at the end." if best[0] == last[0] else "later steps only learned by heart."
        )
    layout: dict[str, Any] = {
        "xaxis": {"title": {"text": "Step"}},
        "yaxis": {"title": {"text": f"{loss.replace('_', ' ').capitalize()}, lower is better"}},
        "showlegend": True,
    }
    if best:
        line = {"color": REFERENCE, "width": 1, "dash": "2px,3px"}
        layout["shapes"] = [
            {"type": "line", "x0": best[0], "x1": best[0], "yref": "paper", "y0": 0, "y1": 1, "line": line}
        ]
    held = {point[0]: f"{point[2]:.4g}" for point in held_back}
    rows = [(point[0], f"{point[2]:.4g}", held.get(point[0], "–")) for point in train]
    return Figure(
        "learned", "Is it learning or memorising?", {"data": traces, "layout": layout}, finding,
        "Measured on a sample of each; the held-back rows chose nothing here.",
        ("Step", "Rows learned from", "Held-back rows"), rows,
    )  # fmt: skip


def _loss_line(points: Sequence[Point], name: str, line: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "lines", "name": name, "line": line,
        "x": [point[0] for point in points], "y": [point[2] for point in points],
        "hovertemplate": "step %{x}: %{y:.4g}<extra></extra>",
    }  # fmt: skip
