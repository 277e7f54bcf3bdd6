"""PURE: a run's evaluation as figures: a question, a plot as plain JSON, an answer from the same numbers, a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from projects.measures import MEASURES
from web.figures import NOW, REFERENCE, Figure

DASHES = ("solid", "7px,3px", "2px,3px", "10px,3px,2px,3px", "4px,2px", "12px,4px")
MOST_INPUTS = 12
MOST_TABLE_ROWS = 40


@dataclass(frozen=True)
class Series:
    """One line of a figure: its name, and one method's part of an evaluation."""

    name: str
    found: Mapping[str, Any]
    threshold: float = 0.5


def roc(series: Sequence[Series]) -> Figure:
    """ROC of the first series, others dashed, chance in grey."""
    diagonal = _line([0, 1], [0, 1], REFERENCE, "at random", width=1.5)
    traces = [*_curves(series, "roc", "%{x:.2f} of the others flagged, %{y:.2f} found"), diagonal]
    traces += _points(series, lambda c: (_share(c["fp"], c["tn"]), _share(c["tp"], c["fn"])))
    area = series[0].found["metrics"]["roc_auc"]
    if area["value"] is None:
        finding, detail = f"It cannot be told: {area['reason']}.", ""
    else:
        finding = (
            "Given one row of each answer, it ranks the right one higher in "
            f"{MEASURES['roc_auc'].said(area['value'])} pairs."
        )
        detail = f"Between {area['low']:.3f} and {area['high']:.3f}, 19 times out of 20. At random: 50 of 100."
    layout = _axes("Others flagged by mistake, share", "Found, share") | {"hovermode": "closest"}
    return Figure(
        "roc",
        "Does it rank well at all?",
        _plot(traces, layout, series),
        finding,
        detail,
        *_table(series, "roc", "Others flagged", "Found"),
    )


def precision_recall(series: Sequence[Series]) -> Figure:
    """Precision against recall, the working point marked."""
    traces = _curves(series, "pr", "%{x:.2f} found, %{y:.2f} right calls")
    traces += _points(series, lambda c: (_share(c["tp"], c["fn"]), _share(c["tp"], c["fp"])))
    metrics = series[0].found["metrics"]
    recall, precision = metrics["recall"], metrics["precision"]
    if recall["value"] is None or precision["value"] is None:
        finding = f"It cannot be told: {recall.get('reason') or precision.get('reason')}."
    else:
        found, right = of_100(recall["value"]), of_100(precision["value"])
        finding = f"At the working point it finds {found}, and {right} calls are right."
    detail = "Moving right finds more, but wastes more calls. The dot is the threshold in use."
    layout = _axes("Found, share", "Right calls, share") | {"hovermode": "closest"}
    return Figure(
        "pr",
        "Find more, or waste less?",
        _plot(traces, layout, series),
        finding,
        detail,
        *_table(series, "pr", "Found", "Right calls"),
    )


def calibration(series: Sequence[Series]) -> Figure:
    """What it said against what happened, in ten bins, with intervals."""
    traces: list[dict[str, Any]] = []
    for place, one in enumerate(series):
        bins = one.found["curves"]["calibration"]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": one.name,
                "x": [entry["said"] for entry in bins],
                "y": [entry["happened"] for entry in bins],
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": [entry["high"] - entry["happened"] for entry in bins],
                    "arrayminus": [entry["happened"] - entry["low"] for entry in bins],
                    "thickness": 1,
                    "width": 0,
                },
                "hovertemplate": "said %{x:.2f}, happened %{y:.2f}<extra></extra>",
                **styled(place),
            }
        )
    traces.append(_line([0, 1], [0, 1], REFERENCE, "perfect", width=1.5))
    bins = series[0].found["curves"]["calibration"]
    finding, detail = _trust(bins)
    rows = [
        (f"{entry['said']:.3f}", f"{entry['happened']:.3f}", f"{entry['low']:.3f} to {entry['high']:.3f}", entry["n"])
        for entry in bins
    ]
    layout = _axes("Chance the model gave", "Share that really happened") | {"hovermode": "closest"}
    columns = ("Said", "Happened", "Lies between", "Rows")
    return Figure(
        "calibration", "Can you trust its percentages?", _plot(traces, layout, series), finding, detail, columns, rows
    )


def _trust(bins: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    enough = [entry for entry in bins if entry["n"] >= 20]
    if not enough:
        return f"Too few rows to tell: {sum(entry['n'] for entry in bins)}.", ""
    off = [entry for entry in enough if not entry["low"] <= entry["said"] <= entry["high"]]
    middle = max(enough, key=lambda entry: entry["n"] if entry["said"] > 0.15 else 0)
    example = f"When it says {100 * middle['said']:.0f}%, it happens in about {100 * middle['happened']:.0f} of 100."
    worst = max(off, key=lambda entry: abs(entry["said"] - entry["happened"])) if off else None
    thin = sum(entry["n"] for entry in bins if entry["n"] < 20)
    few = f" Bins with fewer than 20 rows say little ({thin} rows)." if thin else ""
    if worst is None:
        return f"Yes. {example}", f"In every bin with 20 rows or more the difference could be chance.{few}"
    side = "less" if worst["happened"] < worst["said"] else "more"
    detail = f"Around {100 * worst['said']:.0f}% it happens {side} often: {100 * worst['happened']:.0f} of 100.{few}"
    return f"Mostly, but not in {len(off)} of {len(enough)} bins. {example}", detail


def residuals(one: Series, unit: str) -> Figure:
    """Errors against the answer, with the mean error by answer."""
    found = one.found["residuals"]
    layout = _axes(f"What it said{_in(unit)}", f"Truth minus answer{_in(unit)}", square=False) | {
        "hovermode": "closest",
        "shapes": [_level(0)],
    }
    finding, detail = _off_by(found, one.found["metrics"], unit)
    rows = [
        (f"{entry['answer']:.4g}", f"{entry['error']:.4g}", f"{entry['low']:.4g} to {entry['high']:.4g}", entry["n"])
        for entry in found["bins"]
    ]
    columns = ("Said, around", "Mean error", "Lies between", "Rows")
    plot = {"data": _error_traces(found["dots"], found["bins"]), "layout": layout}
    return Figure("residuals", "How far off is it?", plot, finding, detail, columns, rows)


def _error_traces(dots: Mapping[str, Any], bins: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "rows",
            "x": dots["answer"],
            "y": [truth - answer for truth, answer in zip(dots["truth"], dots["answer"], strict=True)],
            "marker": {"size": 5, "opacity": 0.3, "color": NOW},
            "hovertemplate": "said %{x:.4g}, off by %{y:.4g}<extra></extra>",
        },
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": "mean error",
            "x": [entry["answer"] for entry in bins],
            "y": [entry["error"] for entry in bins],
            "error_y": _whiskers([entry["high"] - entry["error"] for entry in bins]),
            "line": {"color": NOW},
            "marker": {"color": NOW},
            "hovertemplate": "around %{x:.4g}: %{y:.4g} on average<extra></extra>",
        },
    ]


def _whiskers(sizes: Sequence[float]) -> dict[str, Any]:
    return {"type": "data", "array": list(sizes), "thickness": 1, "width": 0}


def _off_by(found: Mapping[str, Any], metrics: Mapping[str, Any], unit: str) -> tuple[str, str]:
    usual = metrics["median_ae"]["value"]
    wrong = [entry for entry in found["bins"] if entry["low"] > 0 or entry["high"] < 0]
    finding = f"Half of its answers are within {MEASURES['median_ae'].said(usual, unit)}."
    shown = min(len(found["dots"]["truth"]), found["rows"])
    sample = f" {shown} of {found['rows']} rows are drawn." if shown < found["rows"] else ""
    if not wrong:
        return finding, f"On average it is neither too high nor too low at any size of answer.{sample}"
    worst = max(wrong, key=lambda entry: abs(entry["error"]))
    side = "too low" if worst["error"] > 0 else "too high"
    size = MEASURES["mae"].said(abs(worst["error"]), unit)
    return finding, f"Around {worst['answer']:.4g} it is {side} by {size} on average.{sample}"


def predicted(series: Sequence[Series], unit: str) -> Figure:
    """Truth against answer, the diagonal in grey."""
    traces: list[dict[str, Any]] = []
    for place, one in enumerate(series):
        dots = one.found["residuals"]["dots"]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": one.name,
                "x": dots["answer"],
                "y": dots["truth"],
                "hovertemplate": "said %{x:.4g}, was %{y:.4g}<extra></extra>",
                **styled(place, opacity=0.35),
            }
        )
    ends = [value for trace in traces for value in (*trace["x"], *trace["y"])]
    low, high = (min(ends), max(ends)) if ends else (0, 1)
    traces.append(_line([low, high], [low, high], REFERENCE, "perfect", width=1.5))
    explained = series[0].found["metrics"]["r2"]
    finding = (
        f"It cannot be told: {explained['reason']}."
        if explained["value"] is None
        else f"It explains {of_100(explained['value'])} parts of the ups and downs."
    )
    layout = _axes(f"What it said{_in(unit)}", f"What it was{_in(unit)}", square=False) | {"hovermode": "closest"}
    dots = series[0].found["residuals"]["dots"]
    pairs = list(zip(dots["answer"], dots["truth"], strict=True))[:MOST_TABLE_ROWS]
    rows = [(f"{said:.6g}", f"{was:.6g}") for said, was in pairs]
    detail = f"The table lists {len(rows)} of {series[0].found['residuals']['rows']} held-back rows."
    return Figure(
        "predicted",
        "What it said, and what it was",
        _plot(traces, layout, series),
        finding,
        detail,
        ("Said", "Was"),
        rows,
    )


# What shuffling costs where nobody knows the answers: the axis, and the sentence.
_ALONE = {
    "clustering": (
        "rows of 100 that change their group",
        "How many rows change their group when one input is shuffled.",
    ),
    "anomaly": (
        "points of 100",
        "How far the order of the unusual changes (rank correlation) when one input is shuffled.",
    ),
}


def _loss_words(by: str, unit: str, alone: str) -> str:
    """What a loss is counted in."""
    if alone in _ALONE:
        return _ALONE[alone][0]
    if MEASURES[by].of_100:
        return "points of 100 pairs" if by == "roc_auc" else "points of 100"
    return unit or "units of the answer"


def importance(found: Sequence[Mapping[str, Any]], by: str, unit: str, *, alone: str = "") -> Figure:
    """How much worse it gets when one input is shuffled, the twelve that matter most; `alone` is the kind of question
    where nobody knows the answers."""
    top = list(found[:MOST_INPUTS])
    scale = 100 if MEASURES[by].of_100 or alone in _ALONE else 1
    said = _loss_words(by, unit, alone)
    verb = "Changes" if alone in _ALONE else "Worse"
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": [entry["name"] for entry in top],
        "x": [scale * entry["loss"] for entry in top],
        "error_x": _whiskers([scale * (entry["high"] - entry["loss"]) for entry in top]),
        "marker": {"color": NOW},
        "hovertemplate": "%{y}: %{x:.3g}<extra></extra>",
    }
    layout = {
        "xaxis": {"title": {"text": f"{verb} by, {said}"}, "rangemode": "tozero", "showgrid": True},
        "yaxis": {"autorange": "reversed", "type": "category", "showgrid": False, "tickmode": "linear", "dtick": 1},
        "hovermode": "closest",
    }
    rest = len(found) - len(top)
    detail = f"How much worse {MEASURES[by].term} gets when one input is shuffled among held-back rows."
    detail = _ALONE[alone][1] if alone in _ALONE else detail
    detail += f" {rest} more inputs matter less." if rest > 0 else ""
    rows = [
        (entry["name"], f"{scale * entry['loss']:.4g}", f"{scale * entry['low']:.4g} to {scale * entry['high']:.4g}")
        for entry in found
    ]
    return Figure(
        "importance",
        "What does it look at?",
        {"data": [trace], "layout": layout},
        _looks_at(found),
        detail,
        ("Input", f"{verb} by ({said})", "Lies between"),
        rows,
        max(180, 24 * len(top) + 70),
    )


def _looks_at(found: Sequence[Mapping[str, Any]]) -> str:
    total = sum(max(0.0, entry["loss"]) for entry in found)
    names = [entry["name"] for entry in found[:3] if entry["loss"] > 0]
    if not names:
        return "At nothing in particular: shuffling any input changes next to nothing."
    share = 100 * sum(entry["loss"] for entry in found[: len(names)]) / total
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{listed} make{'s' if len(names) == 1 else ''} up {share:.0f}% of the decision."


def _curves(series: Sequence[Series], name: str, hover: str) -> list[dict[str, Any]]:
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": one.name,
            "x": one.found["curves"][name]["x"],
            "y": one.found["curves"][name]["y"],
            "hovertemplate": f"{hover}<extra></extra>",
            **styled(place),
        }
        for place, one in enumerate(series)
    ]


def _points(series: Sequence[Series], place_of: Any) -> list[dict[str, Any]]:
    """The working point of the run in focus."""
    x, y = place_of(series[0].found["confusion"])
    if x is None or y is None:
        return []
    hover = f"threshold {series[0].threshold:g}: %{{x:.3f}}, %{{y:.3f}}<extra></extra>"
    marker = {"size": 10, "color": NOW, "line": {"width": 1.5, "color": "#fff"}}
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "working point",
            "x": [x],
            "y": [y],
            "marker": marker,
            "hovertemplate": hover,
            "showlegend": False,
        }
    ]


def styled(place: int, opacity: float = 1.0) -> dict[str, Any]:
    """Focus in the accent; the others by the colours of the template, told apart by dash and marker as well."""
    symbols = ("circle", "square", "diamond", "triangle-up", "cross", "triangle-down")
    line: dict[str, Any] = {"width": 2, "dash": DASHES[place % len(DASHES)]}
    marker: dict[str, Any] = {"size": 6, "symbol": symbols[place % len(symbols)], "opacity": opacity}
    if place == 0:
        line["color"] = marker["color"] = NOW
    return {"line": line, "marker": marker}


def _line(x: Sequence[float], y: Sequence[float], colour: str, name: str, width: float = 2) -> dict[str, Any]:
    style = {"color": colour, "width": width}
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": list(x),
        "y": list(y),
        "line": style,
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _level(y: float) -> dict[str, Any]:
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": y,
        "y1": y,
        "line": {"color": REFERENCE, "width": 1.5},
    }


def _plot(traces: list[dict[str, Any]], layout: dict[str, Any], series: Sequence[Series]) -> dict[str, Any]:
    return {"data": traces, "layout": layout | {"showlegend": len(series) > 1}}


def _axes(x: str, y: str, *, square: bool = True) -> dict[str, Any]:
    ends = {"range": [-0.01, 1.01], "dtick": 0.25} if square else {}
    return {"xaxis": {"title": {"text": x}, "showgrid": True} | ends, "yaxis": {"title": {"text": y}} | ends}


def _table(series: Sequence[Series], name: str, x: str, y: str) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Evenly taken points of the first series, few enough to read."""
    curve = series[0].found["curves"][name]
    count = len(curve["x"])
    step = max(1, count // MOST_TABLE_ROWS)
    return (x, y), [(f"{curve['x'][i]:.3f}", f"{curve['y'][i]:.3f}") for i in range(0, count, step)]


def _share(part: float, rest: float) -> float | None:
    return part / (part + rest) if part + rest else None


def of_100(value: float) -> str:
    return MEASURES["recall"].said(value)


def _in(unit: str) -> str:
    return f", {unit}" if unit else ""
