"""PURE: runs side by side: which are comparable, what differs, which is best, and whether that could be chance."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.evaluation.choice import ranked
from experiments.specs import flattened
from problems.problem import Invalid
from projects.contract import Goal, Verdict
from projects.measures import MEASURES, Measure

MOST_RUNS = 100
Z = 1.959963984540054  # two-sided 95% of a normal distribution
Metrics = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Entry:
    """One run as comparison sees it. `rows` names the held-back rows: data hash and split fingerprint."""

    number: int
    method: str
    spec: Mapping[str, Any]
    metrics: Metrics
    rows: tuple[str, str]
    target: str


@dataclass(frozen=True)
class Standing:
    """What comparison found. Runs that were measured on other rows than the first are not ranked with it."""

    ranked: tuple[Entry, ...]
    apart: tuple[Entry, ...]
    best: Entry | None
    rival: Entry | None
    difference: float | None
    beyond_chance: bool


def numbers_in(texts: list[str]) -> list[int]:
    """Run numbers from `runs=48,45` or `runs=48&runs=45`, each once."""
    words = [word for text in texts for word in text.split(",") if word]
    if any(not word.isascii() or not word.isdigit() or len(word) > 8 for word in words):
        raise Invalid("Runs are named by their numbers, like ?runs=48,45.", fields={"runs": "Use run numbers."})
    numbers = list(dict.fromkeys(int(word) for word in words))
    if len(numbers) > MOST_RUNS:
        raise Invalid(f"At most {MOST_RUNS} runs fit side by side.", fields={"runs": f"Choose at most {MOST_RUNS}."})
    return numbers


def standing(entries: Sequence[Entry], goals: Sequence[Goal], decide_by: str) -> Standing:
    """Rank the runs that share the first one's held-back rows: fewest missed targets, then the deciding metric."""
    first = entries[0]
    same = tuple(entry for entry in entries if entry.rows == first.rows and entry.target == first.target)
    apart = tuple(entry for entry in entries if entry not in same)
    by_number = {str(entry.number): entry for entry in same}
    metrics = {name: entry.metrics for name, entry in by_number.items()}
    order = [by_number[name] for name in ranked(metrics, goals, decide_by)]
    if len(order) < 2:
        return Standing(tuple(order), apart, None, None, None, False)
    gap, beyond = difference(order[0].metrics, order[1].metrics, decide_by)
    return Standing(tuple(order), apart, order[0], order[1], gap, beyond)


def difference(ours: Metrics, theirs: Metrics, key: str) -> tuple[float | None, bool]:
    """Ours minus theirs, and whether the gap is larger than chance at 95%.

    The intervals are treated as independent although the rows are the same, so chance is suspected rather too often
    than too rarely.
    """
    mine, other = ours.get(key, {}), theirs.get(key, {})
    if mine.get("value") is None or other.get("value") is None:
        return None, False
    gap = float(mine["value"] - other["value"])
    errors = [(found["high"] - found["low"]) / (2 * Z) for found in (mine, other)]
    return gap, abs(gap) > Z * math.hypot(*errors)


def best_values(entries: Sequence[Entry], keys: Sequence[str]) -> dict[str, float]:
    """The best value of each metric over these runs, where they differ."""
    found = {}
    for key in keys:
        values = [
            entry.metrics[key]["value"] for entry in entries if entry.metrics.get(key, {}).get("value") is not None
        ]
        if len(set(values)) > 1:
            found[key] = max(values) if MEASURES[key].better == "at_least" else min(values)
    return found


def setting_rows(entries: Sequence[Entry], *, everything: bool) -> tuple[list[tuple[str, list[str]]], int]:
    """Settings side by side, by default only those that differ, and how many are the same and hidden.

    Only the chosen method's own settings are compared; the other methods that a run tried say nothing about it.
    """
    flat = [_relevant(entry) for entry in entries]
    names = list(dict.fromkeys(name for settings in flat for name in settings))
    rows = [(name, [settings.get(name, "–") for settings in flat]) for name in names]
    differing = [row for row in rows if len(set(row[1])) > 1]
    return (rows, 0) if everything else (differing, len(rows) - len(differing))


def _relevant(entry: Entry) -> dict[str, str]:
    flat = flattened(entry.spec)
    others = [key for key in entry.spec.get("methods") or {} if key != entry.method]
    kept = {name: value for name, value in flat.items() if not any(name.startswith(f"{key} ") for key in others)}
    return kept | {"method": entry.method}


def tally(verdicts: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Verdicts as one status and a few words: `3 met, 1 close`."""
    if not verdicts:
        return "unmeasured", "No targets"
    names = {Verdict.MET: "met", Verdict.CLOSE: "close", Verdict.NOT_MET: "missed", Verdict.UNMEASURED: "unmeasured"}
    counts = {verdict: sum(row["verdict"] == verdict for row in verdicts) for verdict in names}
    status = next(
        verdict for verdict in (Verdict.NOT_MET, Verdict.CLOSE, Verdict.UNMEASURED, Verdict.MET) if counts[verdict]
    )
    return str(status), ", ".join(f"{count} {names[verdict]}" for verdict, count in counts.items() if count)


def gap_words(measure: Measure, gap: float, unit: str) -> str:
    """A difference as people say it: `2 more of 100`, `0.4 minutes less`."""
    size, more = abs(gap), gap > 0
    if measure.of_100:
        points = f"{size * 100:.1f}".rstrip("0").rstrip(".")
        return f"{points} {'more' if more else 'fewer'} of 100"
    return f"{measure.said(size, unit)} {'more' if more else 'less'}"
