"""PURE: figures of questions with several answers: what was said where what was true, and which answers are known."""

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.charts import Series, of_100, styled
from web.figures import Figure

MOST_IN_CELLS = 12  # more answers than this have no numbers in the cells of their matrix


def matrix(one: Series, classes: Sequence[str]) -> Figure:
    """Rows by truth (down) and answer (across), shaded by their share of the truth; the largest confusion in words."""
    counts = one.found["matrix"]
    totals = [sum(row) for row in counts]
    share = [[count / total if total else None for count in row] for row, total in zip(counts, totals, strict=True)]
    few = len(classes) <= MOST_IN_CELLS
    pairs = [zip(*both, strict=True) for both in zip(counts, share, strict=True)]
    text = [[f"{count}<br>{100 * (part or 0):.0f}%" for count, part in row] for row in pairs]
    trace = {
        "type": "heatmap",
        "x": list(classes),
        "y": list(classes),
        "z": share,
        "zmin": 0,
        "zmax": 1,
        "colorscale": "@sequential",
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "customdata": counts,
        "hovertemplate": "was %{y}, said %{x}: %{customdata} rows<extra></extra>",
        **({"text": text, "texttemplate": "%{text}"} if few else {}),
    }
    layout = {
        "xaxis": {"title": {"text": "Said"}, "type": "category", "showgrid": False},
        "yaxis": {"title": {"text": "Truth"}, "type": "category", "autorange": "reversed", "showgrid": False},
        "hovermode": "closest",
    }
    rows = [(name, *row) for name, row in zip(classes, counts, strict=True)]
    detail = "Each row adds up to the held-back rows of one answer; a good model has them on the diagonal."
    return Figure(
        "matrix",
        "Where is it wrong?",
        {"data": [trace], "layout": layout},
        _most_confused(counts, classes),
        detail,
        ("Truth", *(f"Said {name}" for name in classes)),
        rows,
        max(280, min(720, 80 + 24 * len(classes))),
    )


def _most_confused(counts: Sequence[Sequence[int]], classes: Sequence[str]) -> str:
    wrong = [(count, i, j) for i, row in enumerate(counts) for j, count in enumerate(row) if i != j and count]
    if not wrong:
        return "It is wrong in no held-back row."
    count, truth, said = max(wrong, key=lambda one: one[0])
    return f"Most often it says {classes[said]} where it was {classes[truth]}: {count} of {sum(counts[truth])}."


def by_class(series: Sequence[Series], classes: Sequence[str]) -> Figure:
    """How many of each answer are found, with Wilson's intervals; of one method also how many calls are right."""
    shown = [(one.name if len(series) > 1 else "Found", one, "recall") for one in series]
    shown += [("Right calls", series[0], "precision")] if len(series) == 1 else []
    traces = [_marks(place, *one, classes) for place, one in enumerate(shown)]
    layout = {
        "xaxis": {"title": {"text": "Share"}, "range": [-0.01, 1.01], "dtick": 0.25, "showgrid": True},
        "yaxis": {"type": "category", "autorange": "reversed"},
        "hovermode": "closest",
        "showlegend": True,
    }
    each = series[0].found["each"]
    rows = [(name, one["recall"]["n"], _told(one["recall"]), _told(one["precision"])) for name, one in
            zip(classes, each, strict=True)]  # fmt: skip
    return Figure(
        "by_class",
        "Which answers does it know?",
        {"data": traces, "layout": layout},
        _worst_known(each, classes),
        "Found: of the rows of one answer. Right calls: of the rows where it said so. 19 times out of 20 in the bar.",
        ("Answer", "Rows", "Found", "Right calls"),
        rows,
        max(280, min(720, 80 + 24 * len(classes))),
    )


def _marks(place: int, name: str, one: Series, what: str, classes: Sequence[str]) -> dict[str, Any]:
    found = [each[what] for each in one.found["each"]]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [each["value"] for each in found],
        "y": list(classes),
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [_beyond(each, "high") for each in found],
            "arrayminus": [_beyond(each, "low") for each in found],
            "thickness": 1,
            "width": 0,
        },
        "hovertemplate": f"%{{y}}: %{{x:.2f}} {name.lower()}<extra></extra>",
        **styled(place),
    }


def _beyond(found: Mapping[str, Any], end: str) -> float:
    return abs(found[end] - found["value"]) if found["value"] is not None else 0.0


def _told(found: Mapping[str, Any]) -> str:
    if found["value"] is None:
        return "undefined"
    return f"{found['value']:.3f}, {found['low']:.3f} to {found['high']:.3f}"


def _worst_known(each: Sequence[Mapping[str, Any]], classes: Sequence[str]) -> str:
    found = [(one["recall"]["value"], name) for one, name in zip(each, classes, strict=True) if one["recall"]["n"]]
    if not found:
        return "There is no held-back row."
    value, name = min(found)
    return f"It finds {name} least: {of_100(value)}."
