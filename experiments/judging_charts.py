"""PURE: an evaluation as figures: groups, stress, time, dependence, folds and seeds, reasons for one row."""

from collections.abc import Mapping, Sequence
from typing import Any

from experiments import judging_words
from experiments.charts import Series, calibration
from projects.measures import MEASURES, NUMBERS, UNLABELLED
from web.figures import NOW, REFERENCE, Figure

Part = Mapping[str, Any]
PLAIN = (*NUMBERS, *UNLABELLED)  # answers that are told as they are, not of 100
Trace = dict[str, Any]


def calibrated(part: Part) -> Figure | None:
    """What it said against what happened; the answer compares its error with that of an honest model."""
    if part.get("ece") is None:
        return None
    plain = calibration([Series("this model", {"curves": {"calibration": part["bins"]}})])
    finding, detail = judging_words.calibration(part)
    return Figure(plain.id, plain.title, plain.plot, finding, detail, plain.columns, plain.rows)


def group_figures(attribute: Part, unit: str) -> list[Figure]:
    """One figure for each measure over the groups of one column."""
    found = []
    for place, key in enumerate(attribute["measures"]):
        groups = [group for group in attribute["groups"] if group["measures"][key]["value"] is not None]
        if len(groups) > 1:
            found.append(_groups(f"groups-{attribute['attribute']}-{place}", key, attribute, groups, unit))
    return found


def _groups(name: str, key: str, attribute: Part, groups: Sequence[Part], unit: str) -> Figure:
    scale = 1 if key in ("mae", "bias") else 100
    measured = [group["measures"][key] for group in groups]
    trace = _dots([group["name"] for group in groups], measured, scale)
    words, term = judging_words.MEASURES[key]
    layout = {
        "xaxis": {"title": {"text": term if scale == 1 else f"{term}, of 100"}, "showgrid": True},
        "yaxis": {"autorange": "reversed", "type": "category", "showgrid": False, "tickmode": "linear", "dtick": 1},
        "hovermode": "closest",
    }
    rows = [
        (group["name"], f"{group['rows']}", f"{scale * one['value']:.4g}", _between(one, scale))
        for group, one in zip(groups, measured, strict=True)
    ]
    finding = judging_words.gap(key, attribute["measures"][key], unit)
    return Figure(
        _word(name),
        f"{words}?",
        {"data": [trace], "layout": layout},
        finding,
        f"By {attribute['attribute']}. The whiskers hold for all groups at once.",
        ("Group", "Rows", term, "Lies between"),
        rows,
        max(150, 30 * len(groups) + 80),
    )


def _word(text: str) -> str:
    """An id that no name of a column can break."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in text)


def _dots(names: Sequence[str], measured: Sequence[Part], scale: float) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [scale * one["value"] for one in measured],
        "y": list(names),
        "error_x": _ends(measured, scale),
        "marker": {"size": 9, "color": NOW},
        "hovertemplate": "%{y}: %{x:.4g}<extra></extra>",
    }


def _ends(measured: Sequence[Part], scale: float) -> Trace:
    return {
        "type": "data",
        "symmetric": False,
        "array": [scale * (one["high"] - one["value"]) for one in measured],
        "arrayminus": [scale * (one["value"] - one["low"]) for one in measured],
        "thickness": 1.5,
        "width": 0,
    }


def _between(one: Part, scale: float) -> str:
    return f"{scale * one['low']:.4g} to {scale * one['high']:.4g}"


def stress_figures(part: Part, unit: str) -> list[Figure]:
    """The metric against the strength of each disturbance."""
    if "tests" not in part:
        return []
    return [_stressed(part, test, unit) for test in part["tests"] if test["points"]]


def _stressed(part: Part, test: Part, unit: str) -> Figure:
    measure, calm = MEASURES[part["metric"]], part["calm"]
    scale = 100 if measure.of_100 else 1
    title, strength, of = judging_words.STRESS[test["kind"]]
    points = [{"strength": 0.0} | calm, *test["points"]]
    known = [point for point in points if point["value"] is not None]
    trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [of * point["strength"] for point in known],
        "y": [scale * point["value"] for point in known],
        "error_y": _ends(known, scale),
        "line": {"color": NOW},
        "marker": {"color": NOW, "size": 7},
        "hovertemplate": "%{x:.3g}: %{y:.4g}<extra></extra>",
    }
    layout = {
        "xaxis": {"title": {"text": strength}, "showgrid": True},
        "yaxis": {"title": {"text": _axis(measure.term, measure.of_100, unit)}},
        "hovermode": "closest",
    }
    rows = [
        (f"{of * point['strength']:.3g}", f"{scale * point['value']:.4g}", _between(point, scale))
        if point["value"] is not None
        else (f"{of * point['strength']:.3g}", "undefined", point["reason"])
        for point in points
    ]
    columns = (strength, measure.term, "Lies between")
    finding = judging_words.stress(part, test, unit)
    detail = f"On {part['rows']} rows; {test['columns']} columns are disturbed."
    return Figure(
        f"stress-{test['kind']}", title, {"data": [trace], "layout": layout}, finding, detail, columns, rows, 220
    )


def _axis(term: str, of_100: bool, unit: str) -> str:
    return f"{term}, of 100" if of_100 else f"{term}, {unit}" if unit else term


def windows(part: Part, metric: str, unit: str) -> Figure | None:
    """The metric over equal parts of the rows, oldest first."""
    found = [one for one in part.get("windows", []) if one["value"] is not None]
    if len(found) < 2:
        return None
    measure = MEASURES[metric]
    scale = 100 if measure.of_100 else 1
    trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [one["name"] for one in found],
        "y": [scale * one["value"] for one in found],
        "error_y": _ends(found, scale),
        "line": {"color": NOW},
        "marker": {"color": NOW},
        "hovertemplate": "%{x}: %{y:.4g}<extra></extra>",
    }
    layout = {"yaxis": {"title": {"text": _axis(measure.term, measure.of_100, unit)}}, "hovermode": "closest"}
    rows = [(one["name"], f"{scale * one['value']:.4g}", _between(one, scale), one["n"]) for one in found]
    return Figure(
        "windows",
        "Is it the same over time?",
        {"data": [trace], "layout": layout},
        judging_words.windows(part),
        f"By {part['column']}, in {len(found)} equal parts.",
        ("Part", measure.term, "Lies between", "Rows"),
        rows,
    )


def dependence_figures(parts: Sequence[Part], kind: str, unit: str) -> list[Figure]:
    """How the answer goes with each of the strongest inputs."""
    return [_dependence(place, one, kind, unit) for place, one in enumerate(parts) if len(one["points"]) > 1]


def _dependence(place: int, one: Part, kind: str, unit: str) -> Figure:
    scale = 1 if kind in PLAIN else 100
    chance = f"Chance of {one['of']}, of 100" if "of" in one else "Chance, of 100"
    after = chance if scale == 100 else f"Answer, {unit}" if unit else "Answer"
    points, words = one["points"], one["kind"] in ("text", "boolean")
    xs = [point["value"] for point in points]
    mean: Trace = {
        "type": "scatter",
        "mode": "markers" if words else "lines+markers",
        "name": "mean",
        "x": xs,
        "y": [scale * point["mean"] for point in points],
        "line": {"color": NOW},
        "marker": {"color": NOW, "size": 7},
        "hovertemplate": "%{x}: %{y:.3g}<extra></extra>",
    }
    spread = [{"value": point["mean"], "low": point["low"], "high": point["high"]} for point in points]
    mean["error_y"] = _ends(spread, scale) | {"color": REFERENCE}
    layout = {
        "xaxis": {"title": {"text": one["name"]}} | ({"type": "category"} if words else {"showgrid": True}),
        "yaxis": {"title": {"text": after}},
        "hovermode": "closest",
    }
    rows = [
        (f"{p['value']}" if words else f"{p['value']:.6g}", f"{scale * p['mean']:.4g}", _between(s, scale))
        for p, s in zip(points, spread, strict=True)
    ]
    return Figure(
        f"dependence-{place}",
        f"How does the answer go with {one['name']}?",
        {"data": [mean], "layout": layout},
        judging_words.dependence(one, scale, after),
        f"Mean of {one['rows']} rows, all else as it is; the whiskers hold 80 of 100 of them. It shows no cause.",
        (one["name"], after, "80 of 100 rows"),
        rows,
        240,
    )


def reasons(one: Part, kind: str, unit: str) -> Figure:
    """Each input's share of the way from the usual answer to this one."""
    told = one["reasons"]
    scale = 1 if kind in PLAIN else 100
    shares = told["shares"][:12]
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": [_valued(share["name"], one["values"]) for share in shares],
        "x": [scale * share["share"] for share in shares],
        "error_x": {
            "type": "data",
            "array": [2 * scale * share["error"] for share in shares],
            "thickness": 1,
            "width": 0,
        },
        "marker": {"color": NOW},
        "hovertemplate": "%{y}: %{x:+.3g}<extra></extra>",
    }
    after = "points of 100" if scale == 100 else unit or "units of the answer"
    rows = [
        (_valued(share["name"], one["values"]), f"{scale * share['share']:+.4g}", f"{2 * scale * share['error']:.2g}")
        for share in told["shares"]
    ]
    detail = "Shares add up to the answer. "
    detail += (
        "They are exact." if told["exact"] else "They are estimated; the last column says how far they may be off."
    )
    return Figure(
        "reasons",
        "Why this answer?",
        {"data": [trace], "layout": _bars(f"Moves the answer by, {after}")},
        judging_words.reasons(one, scale, unit),
        detail,
        ("Input", f"Moves it by ({after})", "Give or take"),
        rows,
        max(180, 24 * len(shares) + 70),
    )


def _bars(title: str) -> dict[str, Any]:
    return {
        "xaxis": {"title": {"text": title}, "showgrid": True, "zeroline": True},
        "yaxis": {"autorange": "reversed", "type": "category", "showgrid": False, "tickmode": "linear", "dtick": 1},
        "hovermode": "closest",
    }


def _valued(name: str, values: Mapping[str, Any]) -> str:
    value = values.get(name)
    return f"{name} = {'missing' if value is None else value}"[:60]
