"""PURE: figures of groups that nobody named and of what is unusual: sizes, what sets them apart, where scores lie."""

from collections.abc import Mapping, Sequence
from typing import Any

from web.figures import NOW, REFERENCE, WARN, Figure

MOST_COLUMNS = 14
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "triangle-down")
Found = Mapping[str, Any]


def figures(found: Found) -> list[Figure]:
    """What the page of a run draws."""
    if "groups" not in found:
        return [scores(found["scores"])]
    drawn = [sizes(found["groups"]), apart(found["groups"]), plane(found["plane"]["points"]), counts(found)]
    return [figure for figure in drawn if figure]


def sizes(groups: Sequence[Found]) -> Figure:
    """How many held-back rows each group has."""
    rows = [one["rows"] for one in groups]
    trace = {
        "type": "bar",
        "x": [one["called"] for one in groups],
        "y": rows,
        "marker": {"color": NOW},
        "hovertemplate": "%{x}: %{y} rows<extra></extra>",
    }
    layout = {"xaxis": {"type": "category"}, "yaxis": {"title": {"text": "Held-back rows"}, "rangemode": "tozero"}}
    largest, total = max(groups, key=lambda one: one["rows"]), max(1, sum(rows))
    finding = f"{largest['called']} is the largest, with {100 * largest['rows'] / total:.0f} of 100 rows."
    table = [(one["called"], one["rows"], f"{100 * one['share']:.1f}") for one in groups]
    detail = "Groups are numbered by their size among the rows to learn from."
    plot = {"data": [trace], "layout": layout}
    columns = ("Group", "Held-back rows", "Of 100")
    return Figure("sizes", "How large are the groups?", plot, finding, detail, columns, table, 240)


def apart(groups: Sequence[Found]) -> Figure | None:
    """By how many of its spreads each column lies higher or lower in a group than elsewhere."""
    names = _telling(groups)
    if not names:
        return None
    cells = [{column["name"]: column["off"] for column in one["unlike"]} for one in groups]
    values = [[cell.get(name) for cell in cells] for name in names]
    trace = {
        "type": "heatmap",
        "x": [one["called"] for one in groups],
        "y": names,
        "z": values,
        "zmin": -2,
        "zmax": 2,
        "colorscale": "@diverging",
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "text": [["" if value is None else f"{value:+.1f}" for value in line] for line in values],
        "texttemplate": "%{text}",
        "hovertemplate": "%{y} in %{x}: %{z:+.2f} spreads<extra></extra>",
    }
    down = {"type": "category", "autorange": "reversed", "showgrid": False, "tickmode": "linear", "dtick": 1}
    layout = {"xaxis": {"type": "category", "showgrid": False}, "yaxis": down, "hovermode": "closest"}
    table = [
        (name, *("–" if value is None else f"{value:+.2f}" for value in line))
        for name, line in zip(names, values, strict=True)
    ]
    return Figure(
        "apart",
        "What sets them apart?",
        {"data": [trace], "layout": layout},
        f"{names[0]} tells groups apart most.",
        "How many of a column’s own spreads a group lies above (+) or below (−) the other rows; of words, how much "
        "more often the named one is there. Only what is most unlike in a group is filled in.",
        ("Column", *(one["called"] for one in groups)),
        table,
        max(240, 60 + 26 * len(names)),
    )


def _telling(groups: Sequence[Found]) -> list[str]:
    """The columns in which some group is most unlike the rest."""
    most: dict[str, float] = {}
    for one in groups:
        for column in one["unlike"]:
            if column["off"] is not None:
                most[column["name"]] = max(most.get(column["name"], 0.0), abs(column["off"]))
    return sorted(most, key=lambda name: (-most[name], name))[:MOST_COLUMNS]


def plane(points: Sequence[Found]) -> Figure | None:
    """Some rows on the plane in which they are most spread."""
    if not points:
        return None
    traces = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": one["called"],
            "x": one["x"],
            "y": one["y"],
            "marker": {"size": 6, "symbol": SYMBOLS[place % len(SYMBOLS)], "opacity": 0.75},
            "hovertemplate": f"{one['called']}<extra></extra>",
        }
        for place, one in enumerate(points)
    ]
    layout = {
        "xaxis": {"title": {"text": "First direction"}, "showticklabels": False, "zeroline": False},
        "yaxis": {"title": {"text": "Second direction"}, "showticklabels": False, "zeroline": False},
        "hovermode": "closest",
        "showlegend": True,
    }
    table = [(one["called"], len(one["x"])) for one in points]
    rows = sum(len(one["x"]) for one in points)
    return Figure(
        "plane",
        "Can you see them?",
        {"data": traces, "layout": layout},
        "Groups that overlap here may still lie apart in other directions.",
        f"{rows} held-back rows, flattened onto the two directions in which rows differ most (principal components).",
        ("Group", "Points"),
        table,
        320,
    )


def counts(found: Found) -> Figure | None:
    """The silhouette by the number of groups."""
    known = [one for one in found.get("counts", ()) if one["silhouette"] is not None]
    if len(known) < 2:
        return None
    best = max(known, key=lambda one: one["silhouette"])
    trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [one["groups"] for one in known],
        "y": [one["silhouette"] for one in known],
        "line": {"color": NOW},
        "marker": {"color": NOW, "size": 7},
        "hovertemplate": "%{x} groups: %{y:.3f}<extra></extra>",
    }
    layout = {"xaxis": {"title": {"text": "Groups"}, "dtick": 1}, "yaxis": {"title": {"text": "Silhouette"}}}
    table = [(one["groups"], f"{one['silhouette']:.4f}") for one in known]
    return Figure(
        "counts",
        "How many groups fit best?",
        {"data": [trace], "layout": layout},
        f"By the silhouette, {best['groups']} groups lie apart most clearly.",
        "The same method with other numbers of groups, on some of the rows to learn from. What the groups are for "
        "decides; this only says how they lie.",
        ("Groups", "Silhouette"),
        table,
        240,
    )


def scores(found: Found) -> Figure:
    """How unusual held-back rows are, known cases beside, and from where on a row is flagged."""
    middles = [(low + high) / 2 for low, high in zip(found["ends"], found["ends"][1:], strict=False)]
    traces = [_bars("held-back rows", middles, found["counts"], REFERENCE)]
    if any(found["cases"]):
        traces.append(_bars("known cases", middles, found["cases"], WARN))
    layout = {
        "barmode": "overlay",
        "bargap": 0.05,
        "xaxis": {"title": {"text": "How unusual, in the method’s own scale"}},
        "yaxis": {"title": {"text": "Rows"}, "type": "log"},
        "hovermode": "closest",
        "showlegend": any(found["cases"]),
        "shapes": [_upright(found["edge"])],
    }
    beyond = sum(count for middle, count in zip(middles, found["counts"], strict=True) if middle > found["edge"])
    table = [
        (f"{low:.4g} to {high:.4g}", count, cases)
        for low, high, count, cases in zip(
            found["ends"], found["ends"][1:], found["counts"], found["cases"], strict=False
        )
    ]
    return Figure(
        "scores",
        "How unusual are rows?",
        {"data": traces, "layout": layout},
        f"About {beyond} of {sum(found['counts'])} held-back rows lie beyond the line, from where on rows are flagged.",
        "Each bar counts rows of like scores, on a log scale so that few rows are seen too.",
        ("Score", "Rows", "Known cases"),
        table,
        280,
    )


def _upright(place: float) -> dict[str, Any]:
    line = {"color": NOW, "width": 2}
    return {"type": "line", "x0": place, "x1": place, "yref": "paper", "y0": 0, "y1": 1, "line": line}


def _bars(name: str, middles: Sequence[float], counts_: Sequence[int], colour: str) -> dict[str, Any]:
    return {
        "type": "bar",
        "name": name,
        "x": list(middles),
        "y": list(counts_),
        "marker": {"color": colour},
        "hovertemplate": f"%{{x:.4g}}: %{{y}} {name}<extra></extra>",
    }
