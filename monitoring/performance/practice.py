"""PURE: the model beside the practice without it, on answers whose outcome is known: how many more are right."""

import math
from collections.abc import Sequence
from typing import Any

import orjson

from monitoring.performance.answers import plain

LEAST, Z = 30, 1.96


def beside(kind: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """{rows, model, practice, uplift {value, low, high}} of rows {outcome, answer, number, baseline}; {} where too few.

    Words count as right or not; for a number the sides are the mean errors, and uplift is how much smaller it got.
    The interval is that of a mean of paired differences.
    """
    known = [(row, said) for row in rows if (said := _said(row)) is not None]
    if kind == "clustering" or len(known) < LEAST:
        return {}
    is_number = kind in ("regression", "forecast")
    pairs = [_errors(row, said) if is_number else _right(row, said) for row, said in known]
    found = [pair for pair in pairs if pair is not None]
    if len(found) < LEAST:
        return {}
    model, practice = (sum(pair[side] for pair in found) / len(found) for side in (0, 1))
    gains = [(theirs - mine) if is_number else (mine - theirs) for mine, theirs in found]
    mean = sum(gains) / len(gains)
    spread = math.sqrt(sum((gain - mean) ** 2 for gain in gains) / max(len(gains) - 1, 1) / len(gains))
    uplift = {"value": mean, "low": mean - Z * spread, "high": mean + Z * spread}
    return {"rows": len(found), "model": model, "practice": practice, "uplift": uplift, "is_number": is_number}


def _said(row: dict[str, Any]) -> Any:
    text = row.get("baseline")
    return orjson.loads(text) if text else None


def _right(row: dict[str, Any], said: Any) -> tuple[float, float] | None:
    outcome = row["outcome"]
    return float(str(plain(row["answer"])) == outcome), float(str(said) == outcome)


def _errors(row: dict[str, Any], said: Any) -> tuple[float, float] | None:
    try:
        outcome, mine, theirs = float(row["outcome"]), float(row["number"]), float(said)
    except (TypeError, ValueError):
        return None
    return abs(mine - outcome), abs(theirs - outcome)
