"""PURE: an evaluation in sentences, the same on the technical page, the plain one, in print and over REST."""

from collections.abc import Mapping, Sequence
from typing import Any

from projects.measures import MEASURES as METRICS
from projects.measures import short_number

Part = Mapping[str, Any]
FOUR_FIFTHS = 0.8  # the usual line for the ratio of selection rates (EEOC 1978), told as such, never a verdict

# key -> plain words, term of the field
MEASURES = {
    "selection_rate": ("Flagged equally often", "Selection rate"),
    "true_positive_rate": ("Found equally often", "True positive rate"),
    "false_positive_rate": ("Called wrongly equally often", "False positive rate"),
    "precision": ("Equally right when flagged", "Precision"),
    "accuracy": ("Right equally often", "Accuracy"),
    "mae": ("Off equally far", "Mean absolute error"),
    "bias": ("Off to the same side", "Mean error"),
}
# kind -> question, what its strength is called, by what it is shown
STRESS = {
    "missing": ("What if values go missing?", "Cells missing, of 100", 100),
    "noise": ("What if numbers get noisy?", "Noise, in spreads of the column", 1),
    "shift": ("What if all numbers move?", "Moved by, in spreads of the column", 1),
    "typos": ("What if people mistype?", "Words mistyped, of 100", 100),
    "swapped": ("What if words are swapped?", "Words swapped, of 100", 100),
}


def _said(key: str, value: float, unit: str) -> str:
    if key in ("mae", "bias"):
        return f"{short_number(value)}{' ' + unit if unit else ''}"
    return f"{short_number(100 * value)} of 100"


def gap(key: str, across: Part, unit: str) -> str:
    """How far the groups lie apart by one measure, and whether that could be chance."""
    found = across["gap"]
    if found["value"] is None:
        return f"It cannot be told: {found['reason']}."
    size = _said(key, found["value"], unit)
    if found["low"] > 0:
        return f"No: {across['highest']} and {across['lowest']} are surely apart, by {size}."
    most = _said(key, found["high"], unit)
    return f"It cannot be told from chance: the largest gap is {size}, and may lie anywhere up to {most}."


def four_fifths(attribute: Part) -> str:
    """The usual line of four fifths, told as such."""
    ratio = attribute["measures"].get("selection_rate", {}).get("ratio", {})
    if ratio.get("value") is None:
        return ""
    side = "below" if ratio["value"] < FOUR_FIFTHS else "not below"
    sure = "" if ratio["low"] > FOUR_FIFTHS or ratio["high"] < FOUR_FIFTHS else " That could be chance."
    return (
        f"By {attribute['attribute']}, the group flagged least is flagged {100 * ratio['value']:.0f}% as often as the "
        f"one flagged most, {side} the four fifths that are a usual line.{sure}"
    )


def fairness(part: Part) -> list[str]:
    """One sentence for each protected column."""
    said = []
    for attribute in part.get("attributes", []):
        sure = [MEASURES[key][0].lower() for key, of in attribute["measures"].items() if (of["gap"]["low"] or 0) > 0]
        if not attribute["measures"]:
            said.append(f"By {attribute['attribute']}: no group has {attribute['least']} rows.")
        elif sure:
            said.append(f"By {attribute['attribute']}, the groups are surely not {_listed(sure)}.")
        else:
            said.append(f"By {attribute['attribute']}, no difference between groups is beyond chance.")
    return said


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def calibration(part: Part) -> tuple[str, str]:
    """Whether percentages can be taken at their word."""
    if part.get("ece") is None:
        return f"It cannot be told: {part['reason']}", ""
    off, limit = f"{100 * part['ece']:.1f}", f"{100 * part['by_chance']:.1f}"
    if part["honest"]:
        finding = f"Yes: they are off by {off} points on average, no more than chance explains ({limit})."
    else:
        finding = f"Not quite: they are off by {off} points on average; chance alone explains {limit}."
    parts = part["brier"]
    detail = (
        f"Brier {parts['score']:.4f} = {parts['reliability']:.4f} for being off - {parts['resolution']:.4f} for "
        f"telling rows apart + {parts['uncertainty']:.4f} that nobody can know + {parts['within']:.4f} within bins."
    )
    return finding, detail


def where(one: Part) -> str:
    """A slice in words."""
    return " and ".join(f"{entry['column']} is {entry['value']}" for entry in one["where"])


def slices(part: Part, unit: str) -> str:
    """Where it is weakest, first of all."""
    if "slices" not in part:
        return str(part.get("reason", ""))
    if not part["slices"]:
        return f"Nowhere surely: among {part['looked_at']} groups of rows none is worse than chance explains."
    first = part["slices"][0]
    value, rest = (slice_said(part, first[end], unit) for end in ("value", "rest"))
    return f"Where {where(first)}: {value} there, {rest} elsewhere."


def slice_said(part: Part, value: float, unit: str) -> str:
    """A slice's number in the words of its metric."""
    return METRICS[part["by"]].said(value, unit)


def stress(part: Part, test: Part, unit: str) -> str:
    """From which strength on it is surely worse, or that it breaks."""
    measure, calm = METRICS[part["metric"]], part["calm"]
    _, strength, of = STRESS[test["kind"]]
    for point in test["points"]:
        at = f"{strength.lower()}: {short_number(of * point['strength'])}"
        if point["value"] is None:
            return f"It breaks at {at}. {point['reason']}"
        worse = point["high"] < calm["low"] if measure.better == "at_least" else point["low"] > calm["high"]
        if calm["value"] is not None and worse:
            was, now = measure.said(calm["value"], unit), measure.said(point["value"], unit)
            return f"Surely worse from here on ({at}): {now} instead of {was}."
    return "It bears all of it: nowhere is it surely worse."


def windows(part: Part) -> str:
    """Whether parts of the time are alike."""
    if part.get("alike") is None:
        return "It cannot be told."
    if part["alike"]:
        return "Yes: the differences between parts could be chance."
    return "No: it is surely not the same all the time."


def seeds(part: Part, unit: str) -> str:
    """Whether another seed would have given another model."""
    if "seeds" not in part:
        return str(part.get("reason", ""))
    found = part["seeds"]
    if found["sensitive"] is None:
        return f"It cannot be told: {found['why']}."
    if found["sensitive"]:
        return f"This model hangs on its seed: {found['why']}."
    rows = f"{100 * found['flips']:.1f} of 100 rows"
    return f"No: trained with {len(found['seeds'])} seeds it decides the same but for {rows}."


def folds(part: Part, unit: str) -> str:
    """What cross-validation on the training rows says."""
    if "folds" not in part:
        return str(part.get("reason", ""))
    found = part["folds"]
    measure = METRICS[found["metric"]]
    if found["mean"] is None:
        return f"It cannot be told: {found['reason']}."
    mean, low, high = (measure.said(found[end], unit) for end in ("mean", "low", "high"))
    return f"On {len(found['folds'])} folds of the training rows: {mean} on average, between {low} and {high}."


def dependence(one: Part, scale: float, after: str) -> str:
    """Where the answer is lowest and highest."""
    low = min(one["points"], key=lambda point: point["mean"])
    high = max(one["points"], key=lambda point: point["mean"])
    ends = [f"{short_number(scale * point['mean'])} at {_value(point['value'])}" for point in (low, high)]
    return f"From {ends[0]} to {ends[1]} ({after.lower()})."


def _value(value: Any) -> str:
    return short_number(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def reasons(one: Part, scale: float, unit: str) -> str:
    """The answer for one row and what moves it most."""
    told, after = one["reasons"], "%" if scale == 100 else f" {unit}" if unit else ""
    answer, usual = (f"{short_number(scale * told[end])}{after}" for end in ("answer", "usual"))
    top = [share for share in told["shares"][:3] if share["share"]]
    moved = _listed([f"{one_['name']} ({scale * one_['share']:+.3g})" for one_ in top]) if top else "nothing"
    says = f"It says {told['of']}, with a chance of {answer}" if "of" in told else f"It says {answer}"
    return f"{says}; usual is {usual}. Most of the way is {moved}."


def speed(part: Part) -> str:
    """How fast and how large."""
    if part.get("p50_ms") is None:
        return str(part.get("reason", ""))
    size = f"{part['bytes'] / 1e6:.1f} MB" if part["bytes"] >= 1e5 else f"{part['bytes'] / 1e3:.0f} kB"
    one, slow = (short_number(part[end]["value"]) for end in ("p50_ms", "p95_ms"))
    pace = short_number(round(part["rows_per_second"]))
    return (
        f"One row takes {one} ms, 95 of 100 take at most {slow} ms; many at once, {pace} rows a second. "
        f"The file is {size}."
    )


def rows(about: Part, data: str) -> str:
    """On what it was judged."""
    if about["on"] == "held_back":
        return f"On {about['count']} locked test rows of {data} that it has never seen."
    said = f"On {about['count']} rows of {data}."
    if about["seen"]:
        said += f" {about['seen']} that it learned from were left out."
    if about["left_out"]:
        said += f" {about['left_out']} without an answer that it knows were left out."
    return said


def expected_words(case: Part, *, chance: bool, unit: str = "") -> str:
    """What must come out, in words."""
    said = [f"“{case['answer']}”"] if case["answer"] else []
    low, high = case["low"], case["high"]
    if low is None and high is None:
        return said[0] if said else "any answer"
    ends = [
        f"{100 * end:.4g}%" if chance else f"{end:.6g}{' ' + unit if unit else ''}"
        for end in (low, high)
        if end is not None
    ]
    span = (
        f"{ends[0]} to {ends[1]}" if len(ends) == 2 else f"at least {ends[0]}" if high is None else f"at most {ends[0]}"
    )
    return " and ".join([*said, f"a chance of {span}" if chance else span])
