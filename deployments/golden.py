"""PURE: whether a model answers its golden rows as it did when training packed it."""

import math
from typing import Any

TOLERANCE = 1e-6


def different(predictor: Any, golden: dict[str, Any]) -> list[int]:
    """The golden rows that are answered differently now, by number."""
    pairs = zip(predictor.predict(golden["rows"]), golden["answers"], strict=True)
    return [number for number, (now, then) in enumerate(pairs) if not same(now, then)]


def same(now: Any, then: dict[str, Any]) -> bool:
    """Whether an answer is the one that training stored, to a millionth."""
    score = "score" not in then or _close(now.score, then["score"])
    return score and _close(now.answer, then["answer"]) and _close(now.probability, then["probability"])


def _close(now: Any, then: Any) -> bool:
    if isinstance(now, (int, float)) and isinstance(then, (int, float)) and not isinstance(now, bool):
        return math.isclose(now, then, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(now == then)
