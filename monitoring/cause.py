"""PURE: what an incident comes from, as far as its checks know: which inputs, since when, and who suffers most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

MOST = 5
MOVED = ("act", "watch", "minor")


@dataclass(frozen=True)
class Seen:
    """One check of an incident: its answers from when to when, its inputs, and the slice that suffered most."""

    start: datetime
    end: datetime
    inputs: Sequence[Mapping[str, Any]]
    slice: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Cause:
    """The inputs that moved by change x weight, when the first one did, the first row that shows it, and a slice."""

    inputs: list[dict[str, Any]]
    since: datetime | None = None
    first: dict[str, Any] | None = None
    slice: str = ""

    @property
    def sentence(self) -> str:
        """The cause in a sentence; it says so where no input explains it."""
        if not self.inputs:
            return "No input moved: what the same inputs mean may have changed, or the question was always hard here."
        top = self.inputs[0]
        weight = f" It carries {100 * top['weight']:.0f}% of the decision." if top.get("weight") else ""
        others = f" {len(self.inputs) - 1} more moved." if len(self.inputs) > 1 else ""
        return f"Most by {top['name']}: {top['change']}.{weight}{others}"


def found(seen: Sequence[Seen]) -> Cause:
    """Read off the checks of an incident, the oldest first; the newest says which inputs, the first since when."""
    checks = [one for one in seen if one.inputs]
    if not checks:
        return Cause([])
    inputs = _ranked(checks[-1].inputs) or _ranked(checks[0].inputs)
    worst = next((one.slice for one in reversed(seen) if one.slice), {})
    if not inputs:
        return Cause([], slice=slice_words(worst))
    name = inputs[0]["name"]
    showing = [(one, entry) for one in checks for entry in one.inputs if entry["name"] == name and _has_moved(entry)]
    since = showing[0][0].start if showing else None
    first = next((dict(entry["first"]) | {"input": name} for _, entry in showing if entry.get("first")), None)
    return Cause(inputs, since, first, slice_words(worst))


def slice_words(worst: Mapping[str, Any]) -> str:
    """`Where plan is Flex, 41 of 100 answers are wrong; elsewhere 12 of 100.`"""
    if not worst:
        return ""
    here, rest = worst["wrong"] / worst["rows"], worst["rest_wrong"] / worst["rest_rows"]
    return (
        f"Where {worst['column']} is “{worst['value']}”, {100 * here:.0f} of 100 answers are wrong; elsewhere "
        f"{100 * rest:.0f} of 100."
    )


def _has_moved(entry: Mapping[str, Any]) -> bool:
    return entry.get("state") in MOVED


def _ranked(inputs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """By change x weight; an input whose weight was not measured counts as all of it."""
    moved = [dict(entry) | {"matters": _matters(entry)} for entry in inputs if _has_moved(entry)]
    return sorted(moved, key=lambda entry: -entry["matters"])[:MOST]


def _matters(entry: Mapping[str, Any]) -> float:
    weight = entry.get("weight")
    change = max(float(entry.get("psi") or 0.0), float(entry.get("new_share") or 0.0))
    return change * (1.0 if weight is None else max(float(weight), 0.001))
