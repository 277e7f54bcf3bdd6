"""PURE: what rises to an alert, judged by effect and consequence; movement within chance never does."""

from dataclasses import dataclass
from typing import Any

from monitoring.drift.chance import share_by_chance
from projects.contract import Goal, TargetKind, Verdict, judged_from

MINOR_WEIGHT = 0.02
NEW_WATCH, NEW_ACT, NEW_LEAST_ROWS = 0.01, 0.05, 5
MISSING_WATCH, MISSING_ACT = 0.05, 0.15
SILENT_HOURS, SILENT_TIMES, KNOWN_HOURS = 3.0, 3.0, 24.0
STRANGE_WATCH, STRANGE_ACT = 0.01, 0.05
INPUT_RULES = ("other_type", "new_values", "missing_values", "input_drift")
ORDER = {"target_at_risk": 0, "money_lost": 1, "no_data": 2, **dict.fromkeys(INPUT_RULES, 3), "answer_drift": 4}
ORDER["no_uplift"] = 5


@dataclass(frozen=True)
class Limits:
    """From which population stability index on a change is looked at, and acted on."""

    watch_at: float = 0.1
    act_at: float = 0.2


@dataclass(frozen=True)
class Matter:
    """One thing that is wrong: the rule, what it is about, how bad, in a sentence. `score` orders within a rule."""

    rule: str
    subject: str
    severity: str
    sentence: str
    score: float = 0.0


def matters(
    inputs: list[dict[str, Any]],
    answers: dict[str, Any],
    performance: dict[str, Any],
    *,
    limits: Limits,
    goals: list[Goal],
    estimated: dict[str, Any] | None = None,
) -> list[Matter]:
    """All that is wrong in one window with enough rows: consequence first, then inputs by change x weight."""
    found = [matter for entry in inputs if (matter := _of_input(entry, limits, len(inputs)))]
    found += _of_answers(answers, limits) + _of_targets(performance, goals)
    found += _of_estimates(estimated or {}, performance, goals)
    return ordered(found)


def ordered(found: list[Matter]) -> list[Matter]:
    """Consequence first, then what is to act on, then what moved most."""
    return sorted(found, key=lambda matter: (ORDER[matter.rule], matter.severity != "act", -matter.score))


def moved(entry: dict[str, Any], limits: Limits) -> str:
    """How an input or the answers stand by movement alone: `act`, `watch` or `` (stayed)."""
    psi = entry.get("psi")
    if psi is None or psi <= entry.get("chance", 0.0):
        return ""
    return "act" if psi >= limits.act_at else "watch" if psi >= limits.watch_at else ""


def lead(inputs: list[dict[str, Any]], answers: dict[str, Any]) -> dict[str, Any]:
    """The input whose movement matters most, by change x weight, and how far the answers moved."""
    most = max(inputs, key=_importance, default=None)
    moved_most = {"input": most["name"], "psi": most["psi"]} if most else {"input": "–", "psi": None}
    return moved_most | {"answers": answers.get("psi")}


def _importance(entry: dict[str, Any]) -> float:
    weight = entry["weight"]
    return float(entry["psi"] or 0.0) * (1.0 if weight is None else max(weight, 0.001))


def silence(hours_silent: float, longest_gap: float, hours_known: float) -> Matter | None:
    """No answers at all for much longer than ever before; a service known for less than a day is not judged."""
    if hours_known < KNOWN_HOURS or hours_silent < max(SILENT_HOURS, SILENT_TIMES * longest_gap):
        return None
    before = f"{longest_gap:.0f} hours" if longest_gap >= 2 else f"{60 * longest_gap:.0f} minutes"
    sentence = (
        f"No answers for {hours_silent:.0f} hours; the longest pause before was {before}. "
        "The caller may have stopped sending."
    )
    return Matter("no_data", "", "act", sentence)


def state_of(entry: dict[str, Any], limits: Limits, tests: int) -> str:
    """One word for the table of inputs: `act`, `watch`, `minor` (moved, but carries little weight) or `stayed`."""
    strongest = _strongest(entry, limits, tests)
    if strongest is None:
        return "stayed"
    return strongest[1] if not _is_minor(entry) else "minor"


def _of_input(entry: dict[str, Any], limits: Limits, tests: int) -> Matter | None:
    strongest = _strongest(entry, limits, tests)
    if strongest is None:
        return None
    rule, severity, sentence = strongest
    if _is_minor(entry):
        return None
    weight = entry.get("weight")
    score = (entry.get("psi") or entry["new_share"] or 0.0) * (weight if weight is not None else 1.0)
    return Matter(rule, entry["name"], severity, sentence, score)


def _is_minor(entry: dict[str, Any]) -> bool:
    """Whether an input carries so little of the decision that its movement wakes nobody."""
    weight = entry.get("weight")
    return weight is not None and weight < MINOR_WEIGHT


def _strongest(entry: dict[str, Any], limits: Limits, tests: int) -> tuple[str, str, str] | None:
    """The evidence that explains most: values of another type, unseen or missing ones, then plain movement."""
    return _other_type(entry) or _new_values(entry) or _missing(entry, tests) or _drift(entry, limits)


def _other_type(entry: dict[str, Any]) -> tuple[str, str, str] | None:
    share, rows = entry.get("strange", 0.0), entry["all_rows"]
    if share < STRANGE_WATCH or share * rows < NEW_LEAST_ROWS:
        return None
    sentence = f"{of_100(share)} have something else in {entry['name']} than the {entry['type']} that training had."
    return "other_type", "act" if share >= STRANGE_ACT else "watch", sentence


def _new_values(entry: dict[str, Any]) -> tuple[str, str, str] | None:
    share, rows = entry["new_share"], entry["rows"]
    if share < NEW_WATCH or share * rows < NEW_LEAST_ROWS:
        return None
    names = ", ".join(f"“{new['value']}”" for new in entry["new"][:3])
    sentence = f"{of_100(share)} have a value of {entry['name']} that this model has never seen: {names}."
    return "new_values", "act" if share >= NEW_ACT else "watch", sentence


def _missing(entry: dict[str, Any], tests: int) -> tuple[str, str, str] | None:
    before, now = entry["missing_reference"], entry["missing"]
    change = abs(now - before)
    if change < MISSING_WATCH or change <= share_by_chance(before, entry["rows_reference"], entry["all_rows"], tests):
        return None
    verb = "rose" if now > before else "fell"
    sentence = f"{entry['name']} is missing in {of_100(now)}; in the training data it was {of_100(before)}. It {verb}."
    return "missing_values", "act" if change >= MISSING_ACT else "watch", sentence


def _drift(entry: dict[str, Any], limits: Limits) -> tuple[str, str, str] | None:
    severity = moved(entry, limits)
    if not severity:
        return None
    sentence = f"{entry['name']} moved since training: {entry['change']}."
    return "input_drift", severity, sentence


def _of_answers(answers: dict[str, Any], limits: Limits) -> list[Matter]:
    severity = moved(answers, limits) if answers else ""
    if not severity:
        return []
    words = f"a chance of {answers['change']}" if "positive" in answers else answers["change"]
    return [Matter("answer_drift", "", severity, f"The model's answers moved: {words}.", answers["psi"] or 0.0)]


def _of_targets(performance: dict[str, Any], goals: list[Goal]) -> list[Matter]:
    found = performance.get("metrics") or {}
    return [
        Matter(
            "target_at_risk",
            judged.goal.name,
            "act",
            f"{_on(judged.goal, performance)} the target “{judged.goal.name}” is missed. {judged.sentence}",
            1.0 if judged.goal.deciding else 0.5,
        )
        for judged in judged_from(goals, found)
        if judged.verdict == Verdict.NOT_MET
    ]


def _of_estimates(estimated: dict[str, Any], performance: dict[str, Any], goals: list[Goal]) -> list[Matter]:
    """Targets that this window probably misses, before its outcomes are known.

    Where older answers were measured and are good it is to look at; what was measured as missed is told as measured.
    """
    metrics = [goal for goal in goals if goal.kind == TargetKind.METRIC]
    measured = {one.goal.name: one.verdict for one in judged_from(metrics, performance.get("metrics") or {})}
    return [
        Matter(
            "target_at_risk",
            judged.goal.name,
            "watch" if measured[judged.goal.name] == Verdict.MET else "act",
            f"The target “{judged.goal.name}” is probably missed in the newest answers: estimated, "
            f"before an outcome is known. {judged.sentence}",
            0.4,
        )
        for judged in judged_from(metrics, estimated.get("metrics") or {})
        if judged.verdict == Verdict.NOT_MET and measured[judged.goal.name] != Verdict.NOT_MET
    ]


def _on(goal: Goal, performance: dict[str, Any]) -> str:
    """On what a target was measured live: time needs no outcome, right and wrong do."""
    if goal.kind == TargetKind.LATENCY:
        return "In live answers"
    return f"On {performance['joined']} known outcomes"


def of_100(share: float) -> str:
    """`17 of 100 rows`, or `1 in 400 rows` when rare."""
    if share <= 0:
        return "no rows"
    if share < 0.005:
        return f"1 in {round(1 / share)} rows"
    return f"{round(share * 100)} of 100 rows"
