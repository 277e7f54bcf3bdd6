"""PURE: many projects side by side: their appraisals as a picture, and how lists of them are ordered."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from web.figures import NOW, REFERENCE, WARN, Figure

SCALE = {
    "value": ("hardly any", "a little", "some", "much", "very much"),
    "risk": ("hardly any", "a little", "some", "much", "very much"),
    "feasibility": ("hardly", "with luck", "with effort", "well", "easily"),
}
SORTS = {
    "name": ("name",),
    "-value": ("-value", "name"),
    "value": ("value", "name"),
    "-feasibility": ("-feasibility", "name"),
    "feasibility": ("feasibility", "name"),
    "risk": ("risk", "name"),
    "-risk": ("-risk", "name"),
}


@dataclass(frozen=True)
class Appraised:
    """One project on the three scales, 1 to 5."""

    name: str
    value: int
    risk: int
    feasibility: int


def said(scale: str, number: int) -> str:
    """A number of a scale in words."""
    return f"{number}, {SCALE[scale][number - 1]}"


def picture(rows: Sequence[Appraised]) -> Figure:
    """Value over feasibility, one bubble for each project; the larger, the riskier."""
    axis = {"range": [0.5, 5.8], "tickvals": [1, 2, 3, 4, 5], "showgrid": True}
    layout = {
        "hovermode": "closest",
        "xaxis": axis | {"title": {"text": "Feasibility"}},
        "yaxis": axis | {"title": {"text": "Value"}},
    }
    first = [row for row in rows if row.value >= 4 and row.feasibility >= 4]
    finding = (
        f"{len(first)} of {len(rows)} promise{'s' if len(first) == 1 else ''} much and can be done well."
        if first
        else "None promises much and can be done well at once."
    )
    return Figure(
        "portfolio-matrix",
        "Which projects are worth doing first?",
        {"data": [_bubbles(rows)], "layout": layout},
        finding,
        "Up: more value. Right: easier to do. The larger the bubble, the riskier.",
        ("Project", "Value", "Feasibility", "Risk"),
        [(row.name, *(said(name, getattr(row, name)) for name in ("value", "feasibility", "risk"))) for row in rows],
        height=420,
    )


def _bubbles(rows: Sequence[Appraised]) -> dict[str, Any]:
    """Projects on the same place stand side by side, so that none hides another."""
    places: dict[tuple[int, int], int] = {}
    x, y = [], []
    for row in rows:
        place = (row.feasibility, row.value)
        step = places[place] = places.get(place, 0) + 1
        x.append(row.feasibility + ((step - 1) % 6) * 0.13)
        y.append(row.value - ((step - 1) // 6 % 5) * 0.13)
    return {
        "type": "scatter",
        "mode": "markers+text" if len(rows) <= 12 else "markers",
        "x": x,
        "y": y,
        "text": [_plain(row.name) for row in rows],
        "textposition": "top center",
        "hovertemplate": [
            f"{_plain(row.name)}<br>value {row.value}, feasibility {row.feasibility}, risk {row.risk}<extra></extra>"
            for row in rows
        ],
        "marker": {
            "size": [8 + 6 * row.risk for row in rows],
            "color": [WARN if row.risk >= 4 else NOW if row.risk >= 2 else REFERENCE for row in rows],
            "opacity": 0.7,
        },
    }


def _plain(text: str) -> str:
    """Hover texts of Plotly read tags and fields; a name has none."""
    return text.replace("<", "‹").replace(">", "›").replace("%{", "% {")
