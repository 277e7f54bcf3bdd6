"""PURE: how a trial stands: counts of both sides in, findings out, and whether it goes on, waits or stops."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deployments.traffic import Guards, Step, end_of, time_said
from experiments.evaluation.intervals import wilson
from projects.measures import NUMBERS

LEAST_REQUESTS = 10  # below so many, not even errors are judged
Z = 1.96
STAY, ADVANCE, STOP = "stay", "advance", "stop"
Counts = Mapping[str, Any]


@dataclass(frozen=True)
class Measured:
    """What outcomes say of one metric, of both: {value, low, high, n}, or None while too few are known."""

    name: str
    sign: int
    champion: Counts | None
    challenger: Counts | None


@dataclass(frozen=True)
class Standing:
    """How a step stands: its counts since it began, on both sides, and what else is known."""

    step: Step
    minutes: float
    kind: str
    champion: Counts = field(default_factory=dict)
    challenger: Counts = field(default_factory=dict)
    trouble: str = ""
    changed: str = ""
    measured: Measured | None = None
    is_last: bool = False


@dataclass(frozen=True)
class Judged:
    """What follows, in one word and one sentence, and the findings that say so."""

    action: str
    reason: str
    findings: list[dict[str, str]]


def judged(one: Standing, guards: Guards) -> Judged:
    """A failed guard stops; time and answers enough, with nothing failed, go on; anything else waits."""
    if hard := one.trouble or one.changed:
        return Judged(STOP, hard, [_finding("whole", "Ready to answer", "fail", hard)])
    found = [_sample(one, guards), _errors(one, guards), _latency(one, guards), _shift(one, guards)]
    if one.challenger.get("compared"):
        found.append(_agreement(one, guards))
    if one.measured:
        found.append(_measured(one.measured))
    failed = [entry for entry in found if entry["state"] == "fail"]
    if failed:
        return Judged(STOP, " ".join(entry["text"] for entry in failed), found)
    waits = [entry for entry in found if entry["state"] == "wait"]
    if one.minutes < one.step.minutes:
        left = one.step.minutes - one.minutes
        return Judged(STAY, f"The step holds for {time_said(math.ceil(left))} more.", found)
    if waits:
        return Judged(STAY, waits[0]["text"], found)
    if one.is_last and one.step.percent < 100:
        return Judged(STAY, "The last step has held. A person decides what follows.", found)
    return Judged(ADVANCE, f"{one.step.said}: held, and every guard passed.", found)


def _finding(
    key: str, name: str, state: str, text: str, champion: str = "", challenger: str = "", limit: str = ""
) -> dict[str, str]:
    return {
        "key": key,
        "name": name,
        "state": state,
        "text": text,
        "champion": champion,
        "challenger": challenger,
        "limit": limit,
    }


def _rows(counts: Counts) -> int:
    return int(counts.get("rows", 0))


def _sample(one: Standing, guards: Guards) -> dict[str, str]:
    mine, theirs = _rows(one.challenger), _rows(one.champion)
    enough = mine >= guards.least_rows
    text = f"{mine} of the {guards.least_rows} answers that a judgement needs." if not enough else "Enough to judge by."
    return _finding(
        "sample", "Answers", "pass" if enough else "wait", text, str(theirs), str(mine), f"at least {guards.least_rows}"
    )


def _errors(one: Standing, guards: Guards) -> dict[str, str]:
    requests, errors = int(one.challenger.get("requests", 0)), int(one.challenger.get("errors", 0))
    theirs = one.champion
    share, limit = (errors / requests if requests else 0.0), f"at most {guards.most_errors:.1%}"
    values = (_share(theirs.get("errors", 0), theirs.get("requests", 0)), _share(errors, requests), limit)
    if requests < LEAST_REQUESTS:
        return _finding("errors", "Errors", "wait", f"{requests} requests are too few to judge errors by.", *values)
    if wilson(errors, requests)[0] > guards.most_errors:
        text = f"{errors} of {requests} requests failed ({share:.1%}); {limit} may."
        return _finding("errors", "Errors", "fail", text, *values)
    text = f"{errors} of {requests} requests failed."
    return _finding("errors", "Errors", "pass", text, *values)


def _share(part: float, of: float) -> str:
    return f"{part / of:.1%}" if of else "–"


def slowest(counts: Counts) -> float | None:
    """The slowest 5 of 100 in milliseconds, to within a bin of 12 percent."""
    bins = sorted((int(number), count) for number, count in (counts.get("late") or {}).items())
    total, seen = sum(count for _, count in bins), 0
    for number, count in bins:
        seen += count
        if seen >= 0.95 * total:
            return end_of(number)
    return None


def _latency(one: Standing, guards: Guards) -> dict[str, str]:
    mine, theirs = slowest(one.challenger), slowest(one.champion)
    limit = f"at most {guards.latency_times:g} times"
    values = (f"{theirs:.1f} ms" if theirs else "–", f"{mine:.1f} ms" if mine else "–", limit)
    enough = _both_enough(one, guards)
    if mine is None or theirs is None or not enough:
        return _finding("latency", "Slowest 5 of 100", _waiting(one), "Too few answers to compare.", *values)
    if mine > guards.latency_times * theirs and mine > theirs + 5:
        text = f"Its slowest 5 of 100 answers take {mine:.0f} ms, against {theirs:.0f} ms; {limit} as long is allowed."
        return _finding("latency", "Slowest 5 of 100", "fail", text, *values)
    return _finding("latency", "Slowest 5 of 100", "pass", "It is fast enough.", *values)


def _both_enough(one: Standing, guards: Guards) -> bool:
    return min(_rows(one.challenger), _rows(one.champion)) >= min(guards.least_rows, 30)


def _waiting(one: Standing) -> str:
    """At 100 percent the model in use answers nothing, so there is nothing to compare with, and nothing to wait for."""
    return "none" if one.step.percent == 100 else "wait"


def _shift(one: Standing, guards: Guards) -> dict[str, str]:
    name, limit = "Answers shifted", f"at most {guards.answer_shift:g}"
    if not _both_enough(one, guards):
        return _finding("shift", name, _waiting(one), "Too few answers to compare.", limit=limit)
    shift, chance, values = _numbers(one) if one.kind in NUMBERS else _words(one)
    if shift - chance > guards.answer_shift:
        text = f"Its answers lie {shift:.2f} away from those of the model in use; {limit} is allowed."
        return _finding("shift", name, "fail", text, *values, limit)
    text = f"Its answers lie {shift:.2f} away from those of the model in use."
    return _finding("shift", name, "pass", text, *values, limit)


def _words(one: Standing) -> tuple[float, float, tuple[str, str]]:
    """Half the sum of the differences between the shares of each answer, what chance may make of it, and the values."""
    theirs, mine = one.champion.get("said") or {}, one.challenger.get("said") or {}
    n, m = max(sum(theirs.values()), 1), max(sum(mine.values()), 1)
    parts = {word: (theirs.get(word, 0) / n, mine.get(word, 0) / m) for word in {*theirs, *mine}}
    apart = sum(abs(before - now) for before, now in parts.values()) / 2
    chance = sum(math.sqrt(p * (1 - p) * (1 / n + 1 / m)) for p in (_pooled(w, theirs, mine) for w in parts)) / 2
    top = max(parts, key=lambda word: abs(parts[word][0] - parts[word][1]), default="")
    before, now = parts.get(top, (0.0, 0.0))
    return apart, Z * chance, (f"{top} {before:.1%}", f"{top} {now:.1%}")


def _pooled(word: str, theirs: Counts, mine: Counts) -> float:
    total = sum(theirs.values()) + sum(mine.values())
    return float(theirs.get(word, 0) + mine.get(word, 0)) / max(total, 1)


def _numbers(one: Standing) -> tuple[float, float, tuple[str, str]]:
    """The difference of the means in standard deviations of the model in use."""
    (before, spread, n), (now, _, m) = _moments(one.champion), _moments(one.challenger)
    scale = spread or abs(before) or 1.0
    return abs(now - before) / scale, Z * math.sqrt(1 / max(n, 1) + 1 / max(m, 1)), (f"{before:.4g}", f"{now:.4g}")


def _moments(counts: Counts) -> tuple[float, float, int]:
    n = _rows(counts)
    mean = counts.get("sum", 0.0) / n if n else 0.0
    return mean, math.sqrt(max(0.0, counts.get("squares", 0.0) / n - mean * mean)) if n else 0.0, n


def _agreement(one: Standing, guards: Guards) -> dict[str, str]:
    compared, agreed = int(one.challenger["compared"]), int(one.challenger.get("agreed", 0))
    limit = f"at most {guards.most_apart:.0%} differ"
    values = ("", f"{agreed / compared:.1%} agree", limit)
    if compared >= guards.least_rows and wilson(compared - agreed, compared)[0] > guards.most_apart:
        text = f"{compared - agreed} of {compared} answers differ from those of the model in use; {limit}."
        return _finding("agreement", "Same answers", "fail", text, *values)
    return _finding("agreement", "Same answers", "pass", f"{agreed} of {compared} answers agree.", *values)


def _measured(found: Measured) -> dict[str, str]:
    """Outcomes decide where they are known for both and lie apart by more than chance."""
    mine, theirs = found.challenger, found.champion
    if not mine or not theirs:
        return _finding("measured", found.name, "none", "Too few outcomes are known yet.")
    values = (f"{theirs['value']:.3g}", f"{mine['value']:.3g}")
    worse = found.sign * (mine["value"] - theirs["value"]) < 0
    apart = mine["high"] < theirs["low"] or theirs["high"] < mine["low"]
    if worse and apart:
        text = f"By {mine['n']} outcomes it is worse at “{found.name}”: {values[1]} against {values[0]}."
        return _finding("measured", found.name, "fail", text, *values, "not worse")
    return _finding("measured", found.name, "pass", "Not worse by more than chance.", *values, "not worse")
