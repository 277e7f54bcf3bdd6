"""PURE: a figure as every chart of the product has it: a question, a plot, an answer in words, and a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One chart. `plot` is a Plotly figure as plain JSON ({data, layout}); colours come from the template."""

    id: str
    title: str
    plot: dict[str, Any]
    finding: str
    detail: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    height: int = 280

    @property
    def data_id(self) -> str:
        """The element that holds the plot's data."""
        return f"{self.id}-data"


@dataclass(frozen=True)
class _Tokens:
    text: str
    text_2: str
    text_3: str
    grid: str
    line_2: str
    raised: str
    accent: str
    reference: str
    fail: str
    warn: str
    categorical: tuple[str, ...]
    sequential: tuple[str, ...]
    diverging: tuple[str, ...]


_LIGHT = _Tokens(
    text="#1D1B18",
    text_2="#56524A",
    text_3="#6B665C",
    grid="#ECE9E2",
    line_2="#D3CFC4",
    raised="#FFFFFF",
    accent="#2F45C5",
    reference="#7A756A",
    fail="#B3261E",
    warn="#855000",
    categorical=("#2F45C5", "#D97B0B", "#0B6B57", "#D0669A", "#5E2A1C", "#3F8FD6"),
    sequential=("#EEF1FC", "#CBD4F7", "#A3B2EF", "#7889E2", "#5063D3", "#2F45C5", "#1B2A80"),
    diverging=("#1B2A80", "#5063D3", "#A3B2EF", "#F1EFEA", "#F0B87A", "#C9690A", "#7A3A00"),
)
_DARK = _Tokens(
    text="#EDEAE3",
    text_2="#B5B0A4",
    text_3="#989387",
    grid="#2E2C28",
    line_2="#4A4740",
    raised="#262521",
    accent="#93A4FF",
    reference="#A8A397",
    fail="#FF8F84",
    warn="#E9B45C",
    categorical=("#93A4FF", "#E8862E", "#52C7A4", "#D065A0", "#FFE7AE", "#5B78E0"),
    sequential=("#232843", "#2F3A73", "#4253A6", "#5E70D0", "#8294F2", "#AEBBFF", "#DDE3FF"),
    diverging=("#AEBBFF", "#6F82E8", "#3A4785", "#2B2925", "#7A4A1C", "#D17A2A", "#FFC894"),
)
# Figures write these words for a colour; the browser puts the theme's own in their place.
NOW, REFERENCE, FAIL, WARN = "@accent", "@reference", "@fail", "@warn"
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'


def _scale(colours: Sequence[str]) -> list[list[Any]]:
    return [[i / (len(colours) - 1), colour] for i, colour in enumerate(colours)]


def _template(tokens: _Tokens) -> dict[str, Any]:
    axis = {
        "showgrid": True,
        "gridcolor": tokens.grid,
        "gridwidth": 1,
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "tickfont": {"size": 11, "color": tokens.text_2},
        "title": {"font": {"size": 11, "color": tokens.text_2}, "standoff": 8},
        "automargin": True,
    }
    return {
        "layout": {
            "font": {"family": FONT, "size": 12, "color": tokens.text},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "colorway": list(tokens.categorical),
            "colorscale": {"sequential": _scale(tokens.sequential), "diverging": _scale(tokens.diverging)},
            "margin": {"l": 48, "r": 16, "t": 8, "b": 40},
            "bargap": 0.08,
            "showlegend": False,
            "xaxis": axis | {"showgrid": False, "showline": True, "linecolor": tokens.line_2},
            "yaxis": axis | {"nticks": 5},
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 11}},
            "hovermode": "x unified",
            "hoverlabel": {
                "bgcolor": tokens.raised,
                "bordercolor": tokens.line_2,
                "font": {"size": 12, "color": tokens.text},
            },
            "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": tokens.text_3, "activecolor": tokens.accent},
            "transition": {"duration": 0},
            "separators": ".\u2009",
        }
    }


def _words(tokens: _Tokens) -> dict[str, Any]:
    return {
        NOW: tokens.accent,
        REFERENCE: tokens.reference,
        FAIL: tokens.fail,
        WARN: tokens.warn,
        "@text": tokens.text,
        "@sequential": _scale(tokens.sequential),
        "@diverging": _scale(tokens.diverging),
    }


def templates() -> dict[str, Any]:
    """Both themes for the browser: the Plotly template, and the colours behind the words."""
    return {
        name: {"template": _template(tokens), "words": _words(tokens)}
        for name, tokens in (("light", _LIGHT), ("dark", _DARK))
    }
