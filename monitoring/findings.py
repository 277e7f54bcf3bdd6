"""PURE: what monitoring says in whole sentences, from the same numbers as its tables and plots."""

from typing import Any

from projects.contract import Judgement
from projects.measures import MEASURES

NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")
STATE_WORDS = {
    "act": ("fail", "Moved"),
    "watch": ("warn", "Look"),
    "minor": ("warn", "Moved, minor"),
    "stayed": ("pass", "Stayed"),
}


def headline(inputs: list[dict[str, Any]], answers: dict[str, Any], sentences: list[str]) -> str:
    """The first sentence of a monitor's page: what changed and whether it matters."""
    moved = [entry for entry in inputs if entry["state"] in ("act", "watch")]
    minor = [entry for entry in inputs if entry["state"] == "minor"]
    if sentences:
        about = f"{counted(len(moved))} input{'s' if len(moved) != 1 else ''} changed and it matters. " if moved else ""
        return about + sentences[0]
    if moved:
        return f"{counted(len(moved))} input{'s' if len(moved) != 1 else ''} moved: {names(moved)}."
    if minor:
        plural = "s" if len(minor) != 1 else ""
        return f"{counted(len(minor))} input{plural} moved, but with little weight: {names(minor)}."
    return f"Nothing moved. All {len(inputs)} inputs and the answers look like the training data."


def counted(count: int) -> str:
    """A count at the start of a sentence."""
    return NUMBERS[count] if count < len(NUMBERS) else str(count)


def names(entries: list[dict[str, Any]]) -> str:
    """`a, b and c`, at most four."""
    words = [entry["name"] for entry in entries]
    if len(words) > 4:
        return f"{', '.join(words[:3])} and {len(words) - 3} more"
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def so_far(rows: int, needed: int) -> str:
    """What stands in the place of numbers that are not there yet."""
    return f"First numbers after {needed} answers; {rows} so far."


def said(judgement: Judgement) -> str:
    """What was measured for a target, without the verdict that stands beside it."""
    return judgement.sentence.split(": ", 1)[-1]


def coverage(performance: dict[str, Any]) -> str:
    """How many answers have an outcome, and whether that is enough to measure."""
    if not performance or not performance.get("joined"):
        return "No outcome has arrived yet. Until then nobody knows how often the model is right."
    joined, answered = performance["joined"], performance["answered"]
    known = f"The outcome of {joined} of {answered} answers is known"
    if joined < performance["needed"]:
        return f"{known}; {performance['needed']} are needed to measure."
    return f"{known}. The numbers below are measured on these."


def against_training(performance: dict[str, Any]) -> list[dict[str, Any]]:
    """Measured metrics beside those of the training run, and whether the difference could be chance."""
    rows = []
    for key, now in (performance.get("metrics") or {}).items():
        before = performance.get("training", {}).get(key)
        measure = MEASURES.get(key)
        if measure is None or now["value"] is None:
            continue
        before = before if before and before["value"] is not None else None
        rows.append(
            {
                "key": key,
                "term": measure.term,
                "words": measure.words,
                "now": now,
                "before": before,
                "said": measure.said(now["value"]),
                "said_before": measure.said(before["value"]) if before else "–",
                "low": measure.said(now["low"]),
                "high": measure.said(now["high"]),
                "change": _change(now, before, measure.better),
            }
        )
    return rows


STATES = {"measured": ("pass", "Measured"), "estimated": ("wait", "Estimated"), "unknown": ("unmeasured", "Unknown")}


def honest(measured: dict[str, Any], estimated: dict[str, Any], training: dict[str, Any]) -> list[dict[str, Any]]:
    """Every metric of one window: measured where its own outcomes are known, else estimated, else unknown and why."""
    known, probable = measured.get("metrics") or {}, estimated.get("metrics") or {}
    keys = dict.fromkeys([*known, *probable, *training])
    return [
        _honest(key, known.get(key), probable.get(key), training.get(key), estimated) for key in keys if key in MEASURES
    ]


def _honest(key: str, known: Any, probable: Any, before: Any, estimated: dict[str, Any]) -> dict[str, Any]:
    """One row; the value stands beside its interval, and beside that of training."""
    state, one = next(
        (
            (state, one)
            for state, one in (("measured", known), ("estimated", probable))
            if one and one["value"] is not None
        ),
        ("unknown", None),
    )
    measure = MEASURES[key]
    row: dict[str, Any] = {
        "key": key,
        "words": measure.words,
        "term": measure.term,
        "state": state,
        "badge": STATES[state],
    }
    row |= {"value": one["value"] if one else None, "low": one["low"] if one else None}
    row |= {"high": one["high"] if one else None, "said": measure.said(one["value"]) if one else "–"}
    row |= {"between": f"{measure.said(one['low'])} to {measure.said(one['high'])}" if one else _why(known, estimated)}
    row["before"] = measure.said(before["value"]) if before and before["value"] is not None else "–"
    return row


def _why(known: Any, estimated: dict[str, Any]) -> str:
    """Why nobody can say it."""
    return str((known or {}).get("reason") or estimated.get("reason") or "It cannot be estimated without outcomes.")


def _change(now: dict[str, float], before: dict[str, float] | None, better: str) -> tuple[str, str]:
    """Status and words: intervals that overlap could be chance."""
    if before is None:
        return "unmeasured", "Not measured in training"
    if now["low"] <= before["high"] and before["low"] <= now["high"]:
        return "pass", "As in training"
    rose = now["value"] > before["value"]
    return ("pass", "Better") if rose == (better == "at_least") else ("fail", "Worse")
