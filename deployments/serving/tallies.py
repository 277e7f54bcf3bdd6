"""PURE: what a server counts while a trial runs: requests, errors, latencies and answers of each side of it."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from deployments.traffic import bin_of

MOST_WORDS = 100
NEAR = 0.05  # two numbers agree when they differ by no more than this share of the larger
Place = tuple[str, int, str]  # plan, step, role


def merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Two counts as one: numbers are added, tables of counts by their keys."""
    both: dict[str, Any] = dict(first)
    for name, value in second.items():
        if isinstance(value, Mapping):
            both[name] = merged(both.get(name) or {}, value)
        else:
            both[name] = both.get(name, 0) + value
    return both


def agree(first: Any, second: Any) -> bool:
    """Whether two answers say the same."""
    numbers = isinstance(first, (int, float)) and isinstance(second, (int, float))
    if numbers and not isinstance(first, bool):
        return bool(abs(first - second) <= NEAR * max(abs(first), abs(second), 1e-12))
    return bool(first == second)


class Tallies:
    """Counts since the last time somebody took them."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._counts: dict[Place, dict[str, Any]] = {}

    def answered(self, place: Place, answers: Sequence[Any], seconds: float, *, numbers: bool) -> None:
        """One request went well."""
        found: dict[str, Any] = {"requests": 1, "rows": len(answers), "late": {str(bin_of(seconds)): 1}}
        if numbers:
            found |= {"sum": sum(answers), "squares": sum(one * one for one in answers)}
        else:
            said: dict[str, int] = {}
            for one in answers:
                said[str(one)[:80]] = said.get(str(one)[:80], 0) + 1
            found["said"] = said
        self.add(place, found)

    def failed(self, place: Place) -> None:
        """One request went wrong."""
        self.add(place, {"requests": 1, "errors": 1})

    def skipped(self, place: Place) -> None:
        """A request that the shadow had no time for."""
        self.add(place, {"skipped": 1})

    def compared(self, place: Place, pairs: Sequence[tuple[Any, Any]]) -> None:
        """Answers to the same rows: of the model in use, and of its shadow."""
        self.add(place, {"compared": len(pairs), "agreed": sum(agree(one, other) for one, other in pairs)})

    def add(self, place: Place, found: Mapping[str, Any]) -> None:
        """Count more; of words, only so many different ones."""
        with self._guard:
            both = merged(self._counts.get(place, {}), found)
            if len(both.get("said") or {}) > MOST_WORDS:
                both["said"] = dict(sorted(both["said"].items(), key=lambda one: -one[1])[:MOST_WORDS])
            self._counts[place] = both

    def take(self) -> dict[Place, dict[str, Any]]:
        """Everything counted since the last time; who cannot keep it gives it back with `add`."""
        with self._guard:
            found, self._counts = self._counts, {}
            return found
