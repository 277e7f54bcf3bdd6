"""PURE: what a run and a comparison say first, in whole sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.evaluation.comparison import Standing, gap_words
from projects.contract import Verdict
from projects.findings import FOUND, Part, counted, figure, result_finding
from projects.kinds import NOBODY
from projects.measures import MEASURES, UNLABELLED


def run_finding(
    name: str,
    evaluation: Mapping[str, Any],
    metrics: Mapping[str, Any],
    verdicts: Sequence[Mapping[str, Any]],
    who: str,
) -> list[Part]:
    """What the best method does, by the deciding target or the deciding metric, and how the targets stand."""
    who = who or who_of(evaluation)
    if verdicts:
        return result_finding(name, verdicts, who)
    if "alone" in evaluation:
        return alone_finding(name, evaluation)
    key = next(name for name in ("recall", "balanced_accuracy", "mae") if name in metrics)
    found, measure = metrics[key], MEASURES[key]
    if found["value"] is None:
        return [Part(f"{name} was best, and could not be measured: {found['reason']}.")]
    before, _, after = FOUND[key].partition("{value}")
    value = figure(measure, found["value"], evaluation.get("unit") or "")
    return [
        Part(f"{name} {before}"),
        Part(value, "accent"),
        Part(f"{after.format(who=who)}. No targets are set, so nothing says whether that is enough."),
    ]


def alone_finding(name: str, evaluation: Mapping[str, Any]) -> list[Part]:
    """How many groups there are and how far apart, or how many rows are unusual; nobody said what is enough."""
    metrics = evaluation["methods"][evaluation["chosen"]]["metrics"]
    if evaluation["kind"] == "clustering":
        groups = [one for one in evaluation["alone"]["groups"] if one["rows"]]
        found = metrics["silhouette"]["value"]
        apart = "" if found is None else f" {apart_words(found)}"
        said = [Part(f"{name} found "), Part(counted(len(groups), "group", "groups").lower(), "accent")]
        return [*said, Part(f".{apart} No targets are set, so nothing says whether that is enough.")]
    share = figure(MEASURES["flagged_share"], metrics["flagged_share"]["value"], "")
    said = [Part(f"{name} flags "), Part(share, "accent"), Part(" held-back rows as unusual. ")]
    found = metrics["recall_at_share"]["value"]
    if found is not None:
        among = f"Among the most unusual are {figure(MEASURES['recall_at_share'], found, '')} known cases. "
        said.append(Part(among))
    return [*said, Part("No targets are set, so nothing says whether that is enough.")]


def apart_words(silhouette: float) -> str:
    """The silhouette in words, by the usual lines of Kaufman and Rousseeuw (1990)."""
    if silhouette > 0.7:
        return "They lie clearly apart."
    if silhouette > 0.5:
        return "They lie apart, with rows between them."
    return (
        "They run into each other." if silhouette > 0.25 else "They hardly lie apart: look whether they mean anything."
    )


def who_of(evaluation: Mapping[str, Any]) -> str:
    """The rows that are looked for, when the charter has no word for them."""
    if not evaluation.get("positive") or not evaluation["target"]:
        return NOBODY
    return f"with {evaluation['target']} = {evaluation['positive']}"


def beside_dummy(evaluation: Mapping[str, Any], key: str) -> str:
    """The chosen method's deciding metric beside the yardstick's."""
    measure, unit = MEASURES[key], evaluation.get("unit") or ""
    values = [evaluation["methods"][name]["metrics"][key]["value"] for name in (evaluation["chosen"], "dummy")]
    said = ["undefined" if value is None else measure.said(value, unit) for value in values]
    others = {"forecast": "repeats the season before"} | dict.fromkeys(UNLABELLED, "answers at random")
    what = others.get(evaluation["kind"], "looks at no input")
    return f"{measure.term}: {said[0]}. The yardstick, which {what}: {said[1]}."


def comparison_finding(found: Standing, decide_by: str, unit: str, who: str) -> list[Part]:
    """Which run is best and by how much, or why they cannot be ranked."""
    apart = _apart(found)
    if found.best is None or found.rival is None:
        if not found.apart:
            return [Part("One run alone has nothing to be compared with. Mark another one.")]
        return [Part("These runs cannot be ranked.", "warn"), Part(f" {apart}")]
    measure, name = MEASURES[decide_by], f"Run {found.best.number}"
    if found.difference is None:
        return [Part(f"{name} stands first, but {measure.term} is undefined for one of them. {apart}")]
    if found.difference == 0:
        return [Part(f"{name} and run {found.rival.number} are equal by {measure.term}. {apart}")]
    words = gap_words(measure, found.difference, unit)
    before = f"{measure.words[0].lower()}{measure.words[1:]}" if not measure.of_100 else measure.term
    if found.beyond_chance:
        return [
            Part(f"{name} is the best choice. It has "),
            Part(words, "accent"),
            Part(f" than run {found.rival.number} ({before}), and that gap is larger than chance. {apart}"),
        ]
    return [
        Part(f"{name} stands first, but its lead over run {found.rival.number} "),
        Part("could be chance", "warn"),
        Part(f": {words} ({before}). {apart}"),
    ]


def _apart(found: Standing) -> str:
    if not found.apart:
        return ""
    names = " and ".join(f"run {entry.number}" for entry in found.apart)
    verb = "was" if len(found.apart) == 1 else "were"
    text = f"{names} {verb} measured on other held-back rows and cannot be ranked with the first."
    return text[0].upper() + text[1:]


def standing_note(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """The rail's note: `3 of 5 targets met`."""
    met = sum(row["verdict"] == Verdict.MET for row in verdicts)
    return f"{met} of {len(verdicts)} targets met" if verdicts else "No targets to judge by"


def will_happen(methods: int, train: int, test: int) -> str:
    """The summary of the form in one sentence."""
    if not methods:
        return "Nothing yet: choose at least one method."
    models = counted(methods, "method and the yardstick", "methods and the yardstick")
    return f"{models} will learn from {thin(train)} rows and be measured on {thin(test)} that they have never seen."


def thin(number: int) -> str:
    """A whole number with thin spaces."""
    return f"{number:,}".replace(",", "\u2009")
