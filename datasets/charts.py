"""PURE: a column of a version as a figure, the version before as a grey outline."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from datasets.columns import TYPES, bars_of, number, picture_words, shown
from web.figures import NOW, REFERENCE, Figure

NUMBERED = 14


def column_figure(
    column: Mapping[str, Any], rows: int, before: Mapping[str, Any] | None, labels: tuple[str, str]
) -> Figure | None:
    """The distribution of one column; None when there is nothing to draw (no values, or every value once).

    `labels` name this version and the one before, for the legend and the table.
    """
    bars, reference = bars_of(column, before)
    if not bars:
        return None
    now, then = labels
    if histogram := column.get("histogram"):
        plot = _bins(histogram["edges"], bars, reference, column["type"], labels)
        names = [f"{shown(a)} to {shown(b)}" for a, b in _pairs(histogram["edges"])]
        if column["type"] == "integer" and _one_each(histogram["edges"]):
            names = [shown(round((a + b) / 2)) for a, b in _pairs(histogram["edges"])]
        counts = histogram["counts"]
    else:
        plot = _values(column["top"], bars, reference, labels)
        names, counts = [shown(one["value"]) for one in column["top"]], [one["count"] for one in column["top"]]
    table = [
        [name, number(count), f"{share:.1%}", *([f"{old:.1%}"] if reference else [])]
        for name, count, share, old in zip(names, counts, bars, reference or [0.0] * len(bars), strict=True)
    ]
    return Figure(
        id="column",
        title=f"How is {column['name']} spread?",
        plot=plot,
        finding=f"{picture_words(column)}.",
        detail=detail(column, rows) + (f" The grey outline is {then}." if reference else ""),
        columns=["Value", "Rows", f"Share in {now}", *([f"Share in {then}"] if reference else [])],
        rows=table,
        height=340,
    )


def detail(column: Mapping[str, Any], rows: int) -> str:
    """Size, missing cells and distinct values."""
    about = "about " if column.get("approximate") else ""
    missing = f"{number(column['missing'])} missing" if column["missing"] else "none missing"
    kind = TYPES[column["type"]]
    return f"{number(rows)} rows, {missing}, {about}{number(column['distinct'])} distinct values, type {kind}."


def _pairs(edges: Sequence[Any]) -> list[tuple[Any, Any]]:
    return list(pairwise(edges))


def _one_each(edges: Sequence[Any]) -> bool:
    return all(b - a == 1 for a, b in _pairs(edges))


def _bins(
    edges: Sequence[Any], bars: Sequence[float], reference: Sequence[float], kind: str, labels: tuple[str, str]
) -> dict[str, Any]:
    """Bars over a real axis; the version before as steps along the same edges."""
    dates = kind in ("date", "datetime")
    x = [a for a, _ in _pairs(edges)] if dates else [(a + b) / 2 for a, b in _pairs(edges)]
    bar: dict[str, Any] = {"type": "bar", "name": labels[0], "x": x, "y": list(bars), "marker": {"color": NOW}}
    if not dates:
        bar["width"] = [(b - a) * 0.92 for a, b in _pairs(edges)]
    data = [bar]
    if reference:
        data.append(_outline(list(edges), [*reference, reference[-1]], labels[1]))
    return {"data": data, "layout": _layout("date" if dates else "linear", legend=bool(reference))}


def _outline(x: list[Any], y: list[float], name: str) -> dict[str, Any]:
    line = {"color": REFERENCE, "width": 1.5, "shape": "hv"}
    return {"type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "line": line}


def _values(
    top: Sequence[Mapping[str, Any]], bars: Sequence[float], reference: Sequence[float], labels: tuple[str, str]
) -> dict[str, Any]:
    names = [shown(one["value"])[:40] for one in top]
    data: list[dict[str, Any]] = [
        {"type": "bar", "name": labels[0], "x": names, "y": list(bars), "marker": {"color": NOW}}
    ]
    if reference:
        outline = {"color": "rgba(0,0,0,0)", "line": {"color": REFERENCE, "width": 1.5}}
        data.append({"type": "bar", "name": labels[1], "x": names, "y": list(reference), "marker": outline})
    return {"data": data, "layout": _layout("category", legend=bool(reference)) | {"barmode": "overlay"}}


def _layout(kind: str, *, legend: bool) -> dict[str, Any]:
    y = {"tickformat": ".0%", "rangemode": "tozero", "title": {"text": "share of rows"}}
    return {"xaxis": {"type": kind}, "yaxis": y, "showlegend": legend}


def heatmap(result: Mapping[str, Any]) -> Figure:
    """How strongly each two columns go together, as a table of colours with the numbers in it."""
    names: list[str] = list(result["names"])
    pairs = _strongest(names, result)
    first = pairs[0] if pairs else None
    finding = f"{first[0]} and {first[1]} go together most: {_two(first[2])}." if first else "No columns go together."
    sampled = f"{number(result['sampled'])} of {number(result['rows'])} rows, evenly taken"
    return Figure(
        id="together",
        title="Which columns go together?",
        plot=_colours(names, result["matrix"]),
        finding=finding,
        detail=f"{sampled}. Numbers: Pearson, from −1 to 1. Values: Cramér’s V. One of each: correlation ratio.",
        columns=["Column", "Column", "Strength", "Measure", "By rank (Spearman)"],
        rows=[[a, b, _two(value), kind, rank] for a, b, value, kind, rank in pairs[:200]],
        height=min(900, 120 + 28 * len(names)),
    )


def _colours(names: Sequence[str], matrix: Sequence[Sequence[float | None]]) -> dict[str, Any]:
    """The plot: orange where two rise together, blue where one falls; numbers stand in it while there is room."""
    places = list(range(len(names)))
    axis = {"tickvals": places, "ticktext": [name[:24] for name in names], "showgrid": False}
    trace = {
        "type": "heatmap",
        "x": places,
        "y": places,
        "z": matrix,
        "zmin": -1,
        "zmax": 1,
        "autocolorscale": True,
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "text": [["" if one is None else _two(one) for one in row] for row in matrix],
        "texttemplate": "%{text}" if len(names) <= NUMBERED else "",
        "hoverinfo": "skip" if len(names) <= NUMBERED else "text",
    }
    layout = {"xaxis": axis | {"tickangle": -45}, "yaxis": axis | {"autorange": "reversed"}, "hovermode": "closest"}
    return {"data": [trace], "layout": layout}


def _strongest(names: Sequence[str], result: Mapping[str, Any]) -> list[tuple[str, str, float, str, str]]:
    found = []
    for i, a in enumerate(names):
        for j in range(i + 1, len(names)):
            value, rank = result["matrix"][i][j], result["ranks"][i][j]
            if value is not None:
                both = result["signed"][i] + result["signed"][j]
                kind = ("Cramér’s V", "correlation ratio", "Pearson")[both]
                found.append((a, names[j], value, kind, "" if rank is None else _two(rank)))
    return sorted(found, key=lambda one: -abs(one[2]))


def _two(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")
