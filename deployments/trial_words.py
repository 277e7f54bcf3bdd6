"""PURE: a trial in words and shares, as its pages show it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployments.traffic import Step


@dataclass(frozen=True)
class Stop:
    """One step of the plan as the path shows it: `past`, `at` or to come."""

    words: str
    state: str


@dataclass(frozen=True)
class Side:
    """One part of the bar: whose, how much, and how it is coloured."""

    words: str
    share: int
    colour: str

    @property
    def step(self) -> int:
        """The share to the next 5 percent, for its width."""
        return min(100, max(5, 5 * round(self.share / 5))) if self.share else 0


def path_of(steps: Sequence[Step], at: int, is_over: bool) -> list[Stop]:
    """Every step, with where the trial is."""
    return [
        Stop(step.said, "past" if place < at or is_over else "at" if place == at else "")
        for place, step in enumerate(steps)
    ]


def bar_of(step: Step, champion: int, challenger: int) -> list[Side]:
    """Who gets which share now."""
    sides = [Side(f"v{champion} in use · {100 - step.percent}%", 100 - step.percent, "r")]
    if step.percent:
        sides.append(Side(f"v{challenger} · {step.percent}%", step.percent, "a"))
    else:
        sides.append(Side(f"v{challenger} in shadow", 0, "b"))
    return [side for side in sides if side.share or side.colour == "b"]


def sentence_of(step: Step, challenger: int, counts: Mapping[str, Any]) -> str:
    """What the challenger does now, and how much it has done."""
    rows = int(counts.get("rows", 0))
    said = f"{rows:,}".replace(",", "\u202f")
    if step.percent == 0:
        compared, agreed = int(counts.get("compared", 0)), int(counts.get("agreed", 0))
        same = f"; {agreed / compared:.1%} were the same as those that callers got" if compared else ""
        skipped = int(counts.get("skipped", 0))
        left = f" {skipped} requests came too fast for it." if skipped else ""
        return f"Version {challenger} answers beside, and nobody gets its answers. {said} so far{same}.{left}"
    return f"Version {challenger} answers {step.percent} of 100 requests: {said} answers in this step so far."
