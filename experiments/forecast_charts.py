"""PURE: figures of forecasts: what was said in the locked windows beside what came, and how it fades with distance."""

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.charts import DASHES, Series
from projects.measures import MEASURES
from web.figures import NOW, REFERENCE, Figure

MOST_TABLE_ROWS = 40


def ahead(one: Series, found: Mapping[str, Any], target: str, unit: str) -> Figure:
    """The end of one series with each window's answers and their ends."""
    shown = one.found["residuals"]["ahead"]
    traces = [_truth(shown["truth"])]
    for place, window in enumerate(shown["windows"]):
        traces.append(_said(window, "said", 0, first=place == 0))
    if shown["coming"]:
        traces.append(_said(shown["coming"], "comes next", 1, first=True))
    layout = {
        "xaxis": {"title": {"text": "When"}, "type": "date"},
        "yaxis": {"title": {"text": f"{target}{f', {unit}' if unit else ''}"}},
        "hovermode": "closest",
        "showlegend": True,
    }
    truth = {entry["at"]: entry["value"] for entry in shown["truth"]}
    rows = [_row(entry, truth) for window in [*shown["windows"], shown["coming"]] for entry in window][
        -MOST_TABLE_ROWS:
    ]
    named = f" Drawn is {shown['series']['called']}, which has most of them." if shown["series"]["called"] else ""
    detail = (
        f"{len(shown['windows'])} windows at the end were locked; nothing after a window’s start was looked at.{named}"
    )
    columns = ("When", "Said", "Between", "Came")
    return Figure(
        "ahead", "What it said, and what came", {"data": traces, "layout": layout}, _held(found), detail, columns, rows
    )


def _truth(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "came",
        "x": [entry["at"] for entry in entries],
        "y": [entry["value"] for entry in entries],
        "line": {"color": REFERENCE, "width": 1.5},
        "hovertemplate": "%{x}: %{y:.4g} came<extra></extra>",
    }


def _said(entries: Sequence[Mapping[str, Any]], name: str, place: int, *, first: bool) -> dict[str, Any]:
    """Answers, with whiskers to their ends."""
    line: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "legendgroup": name,
        "showlegend": first,
        "x": [entry["at"] for entry in entries],
        "y": [entry["said"] for entry in entries],
        "line": {"color": NOW, "width": 2, "dash": DASHES[place]},
        "marker": {"color": NOW, "size": 4},
        "hovertemplate": f"%{{x}}: %{{y:.4g}} {name}<extra></extra>",
    }
    if "high" in entries[0]:
        sizes = [entry["high"] - entry["said"] for entry in entries]
        line["error_y"] = {"type": "data", "array": sizes, "thickness": 1, "width": 0}
    return line


def _row(entry: Mapping[str, Any], truth: Mapping[str, float]) -> tuple[str, str, str, str]:
    between = f"{entry['low']:.6g} to {entry['high']:.6g}" if "low" in entry else "–"
    came = truth.get(entry["at"])
    return str(entry["at"]), f"{entry['said']:.6g}", between, "–" if came is None else f"{came:.6g}"


def _held(found: Mapping[str, Any]) -> str:
    if found["covered"] is None:
        return "The past is too short to say between what ends an answer lies."
    share, wanted = 100 * found["covered"], 100 * found["level"]
    return f"{share:.0f} of 100 locked values came between the ends that promise {wanted:.0f}."


def fading(found: Mapping[str, Any], unit: str) -> Figure:
    """The mean error by steps ahead."""
    steps = found["by_step"]
    trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "off by",
        "x": [entry["ahead"] for entry in steps],
        "y": [entry["mae"] for entry in steps],
        "line": {"color": NOW},
        "marker": {"color": NOW},
        "hovertemplate": "%{x} ahead: off by %{y:.4g}<extra></extra>",
    }
    layout = {
        "xaxis": {"title": {"text": "Steps ahead"}},
        "yaxis": {"title": {"text": f"Off by, on average{f', {unit}' if unit else ''}"}, "rangemode": "tozero"},
        "hovermode": "closest",
    }
    near, far = steps[0], steps[-1]
    said = MEASURES["mae"]
    finding = f"One step ahead it is off by {said.said(near['mae'], unit)}"
    if far["ahead"] != near["ahead"]:
        finding += f", {far['ahead']} steps ahead by {said.said(far['mae'], unit)}"
    detail = f"Averages over the locked windows, {found['rows']} answers."
    rows = [(str(entry["ahead"]), f"{entry['mae']:.6g}") for entry in steps]
    plot = {"data": [trace], "layout": layout}
    return Figure(
        "fading", "How far ahead can it be trusted?", plot, f"{finding}.", detail, ("Steps ahead", "Off by"), rows
    )
