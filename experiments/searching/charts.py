"""PURE: a search as figures: the best so far, trial by trial, and which settings mattered."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from projects.measures import MEASURES
from web.figures import NOW, REFERENCE, Figure

LEAST_TO_TELL, BINS, MOST_ROWS = 10, 4, 400
Row = Mapping[str, Any]


def best_so_far(trials: Sequence[Row], metric: str) -> Figure | None:
    """Every measured trial as a dot in the order in which they ended, and the best of them so far as a line."""
    if not trials:
        return None
    line, term = _line(trials, metric), MEASURES[metric].term
    layout = {
        "xaxis": {"title": {"text": "Trials, in the order in which they ended"}},
        "yaxis": {"title": {"text": term}},
        "showlegend": True,
    }
    said = ["–" if top is None else f"{top:.4f}" for top in line]
    rows = [(one["number"], f"{one['value']:.4f}", top) for one, top in zip(trials, said, strict=True)]
    detail = "Open dots were given up early, or learned from fewer rows."
    plot = {"data": _drawn(trials, line), "layout": layout}
    columns = ("Trial", term, "Best so far")
    return Figure("best-so-far", "Did searching on help?", plot, _helped(line), detail, columns, rows[:MOST_ROWS])


def _line(trials: Sequence[Row], metric: str) -> list[float | None]:
    """The best after each trial, of those measured whole on the largest share of rows."""
    sign = 1 if MEASURES[metric].better == "at_least" else -1
    share, best = max(one["share"] for one in trials), None
    line: list[float | None] = []
    for one in trials:
        whole = one["state"] == "finished" and one["share"] == share
        if whole and (best is None or sign * one["value"] > sign * best):
            best = one["value"]
        line.append(best)
    return line


def _drawn(trials: Sequence[Row], line: Sequence[float | None]) -> list[dict[str, Any]]:
    places = list(range(1, len(trials) + 1))
    dots = {
        "type": "scatter", "mode": "markers", "name": "a trial", "x": places, "y": [one["value"] for one in trials],
        "marker": {"color": REFERENCE, "size": 6, "symbol": [_symbol(one) for one in trials]},
        "text": [f"Trial {one['number']}" for one in trials],
        "hovertemplate": "%{text}: %{y:.4f}<extra></extra>",
    }  # fmt: skip
    steps = {
        "type": "scatter", "mode": "lines", "name": "best so far", "x": places, "y": list(line),
        "line": {"color": NOW, "width": 2, "shape": "hv"}, "hovertemplate": "best so far %{y:.4f}<extra></extra>",
    }  # fmt: skip
    return [dots, steps]


def _symbol(one: Row) -> str:
    return "circle" if one["state"] == "finished" and one["share"] >= 1 else "circle-open"


def _helped(line: Sequence[float | None]) -> str:
    if line[-1] is None:
        return "No trial was measured whole yet."
    last = max(place for place, value in enumerate(line) if place == 0 or value != line[place - 1]) + 1
    return f"The best came after {last} of {len(line)} trials, and is {line[-1]:.4f}."


def mattered(trials: Sequence[Row], labels: Mapping[str, str]) -> Figure | None:
    """How much of what differs between trials goes with each setting alone: epsilon squared of bins (Kelley 1935)."""
    known = [one for one in trials if one["state"] == "finished"]
    if len(known) < LEAST_TO_TELL:
        return None
    shares = {
        name: explained([one["settings"].get(name) for one in known], [one["value"] for one in known])
        for name in labels
    }
    ranked = sorted(((name, share) for name, share in shares.items() if share is not None), key=lambda one: one[1])
    if not ranked:
        return None
    bar = {
        "type": "bar", "orientation": "h", "x": [100 * share for _, share in ranked],
        "y": [labels[name] for name, _ in ranked], "marker": {"color": NOW},
        "hovertemplate": "%{y}: %{x:.0f} of 100<extra></extra>",
    }  # fmt: skip
    layout = {
        "xaxis": {"title": {"text": "Of 100 parts of what differs"}, "range": [0, 100]},
        "yaxis": {"automargin": True},
        "showlegend": False,
    }
    top, share = ranked[-1]
    finding = (
        f"{labels[top]} mattered most: {100 * share:.0f} of 100 parts of what differs."
        if share >= 0.1
        else "No setting alone made much difference."
    )
    rows = [(labels[name], f"{100 * share:.0f}") for name, share in reversed(ranked)]
    return Figure(
        "mattered", "Which settings mattered?", {"data": [bar], "layout": layout}, finding,
        f"Each setting alone, over {len(known)} trials; settings that act together may matter more.",
        ("Setting", "Of 100 parts"), rows, 120 + 34 * len(ranked),
    )  # fmt: skip


def explained(settings: Sequence[Any], values: Sequence[float]) -> float | None:
    """The share of the values' spread that lies between bins of a setting, less what chance would give; None where the
    setting or the values do not differ.
    """
    bins = _binned(settings)
    middle, count = fmean(values), len(values)
    total = sum((value - middle) ** 2 for value in values)
    if len(bins) < 2 or total == 0 or count <= len(bins):
        return None
    inside = 0.0
    for places in bins:
        own = fmean(values[place] for place in places)
        inside += sum((values[place] - own) ** 2 for place in places)
    noise = (len(bins) - 1) * inside / (count - len(bins))
    return max(0.0, (total - inside - noise) / total)


def _binned(settings: Sequence[Any]) -> list[list[int]]:
    """Places by equal value where there are few values, else in bins of equal size along the numbers."""
    different = set(settings)
    if len(different) <= BINS or not all(isinstance(one, int | float) for one in different):
        return [[place for place, one in enumerate(settings) if one == value] for value in different]
    order = sorted(range(len(settings)), key=lambda place: settings[place])
    size = len(order) / BINS
    return [order[round(part * size) : round((part + 1) * size)] for part in range(BINS)]
