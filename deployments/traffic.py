"""PURE: the plan of a trial: which share of requests a challenger answers, step by step, and how it is checked."""

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from problems.problem import Invalid

MOST_STEPS, MOST_MINUTES = 10, 60 * 24 * 60
DEFAULT_STEPS = ((10, 60), (50, 60), (100, 0))
HEADER = "Baton-Sticky-Key"
BINS = 20  # of a latency, for each tenfold
LENGTH = re.compile(r"(\d{1,6})\s*(m|h|d)?")
MINUTES = {"": 1, "m": 1, "h": 60, "d": 24 * 60}


@dataclass(frozen=True)
class Step:
    """So many percent of the requests, for so long at least. At 0 percent it answers beside, in shadow only."""

    percent: int
    minutes: float

    @property
    def said(self) -> str:
        """As people read it."""
        share = f"{self.percent}%" if self.percent else "In shadow"
        return f"{share}, {time_said(self.minutes)}" if self.minutes else share


@dataclass(frozen=True)
class Guards:
    """What stops a trial. Nothing is judged on fewer than `least_rows` answers, except errors, which speak sooner.

    `most_errors`: share of its requests that fail. `latency_times`: its slowest 5 of 100 against those of the model in
    use. `answer_shift`: how far its answers may lie from those of the model in use (shares of answers; for numbers,
    standard deviations of the mean). `most_apart`: in shadow, the share of answers that may differ; 1 allows all.
    """

    least_rows: int = 200
    most_errors: float = 0.01
    latency_times: float = 2.0
    answer_shift: float = 0.15
    most_apart: float = 1.0

    def as_dict(self) -> dict[str, float]:
        """As a plan keeps it."""
        return asdict(self)


LIMITS = {
    "least_rows": (1, 10_000_000),
    "most_errors": (0.0, 1.0),
    "latency_times": (1.0, 1000.0),
    "answer_shift": (0.0, 100.0),
    "most_apart": (0.0, 1.0),
}


def guards_of(given: Mapping[str, Any]) -> Guards:
    """Guards from plain values; what is left out is usual. An Invalid names what is wrong."""
    if unknown := sorted(set(given) - set(LIMITS)):
        raise Invalid(f"There is no guard “{unknown[0][:40]}”.", fields={"guards": f"Known: {', '.join(LIMITS)}."})
    found: dict[str, Any] = {}
    for name, value in given.items():
        least, most = LIMITS[name]
        fits = isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value <= most
        if not fits or (name == "least_rows" and value != int(value)):
            text = f"{name} must be from {least:g} to {most:g}."
            raise Invalid(text, fields={"guards": text})
        found[name] = int(value) if name == "least_rows" else float(value)
    return Guards(**found)


def time_said(minutes: float) -> str:
    """A length of time in words as short as they are true."""
    for size, word in ((24 * 60, "d"), (60, "h")):
        if minutes >= size and minutes % size == 0:
            return f"{minutes / size:.0f} {word}"
    return f"{minutes:g} min"


def minutes_of(text: str | float, field: str = "hold") -> float:
    """`90`, `30m`, `24h` or `2d` in minutes."""
    said = str(text).strip().lower()
    found = LENGTH.fullmatch(said)
    minutes = int(found[1]) * MINUTES[found[2] or ""] if found else -1
    if not 0 <= minutes <= MOST_MINUTES:
        wrong = "Write a time such as 30m, 24h or 2d, at most 60 days."
        raise Invalid(wrong, fields={field: wrong})
    return float(minutes)


def steps_of(given: Sequence[tuple[float, float]]) -> tuple[Step, ...]:
    """Steps from (percent, minutes); shares only grow. An Invalid names what is wrong."""
    steps = tuple(Step(int(percent), float(minutes)) for percent, minutes in given)
    wrong = ""
    if not 1 <= len(steps) <= MOST_STEPS:
        wrong = f"A plan has from 1 to {MOST_STEPS} steps."
    elif any(not 0 <= step.percent <= 100 for step in steps):
        wrong = "Each share is from 0 to 100 percent."
    elif any(not 0 <= step.minutes <= MOST_MINUTES for step in steps):
        wrong = "Each step holds for 0 minutes to 60 days."
    elif any(after.percent <= before.percent for before, after in pairwise(steps)):
        wrong = "Each step takes a larger share than the one before."
    if wrong:
        raise Invalid(wrong, fields={"traffic": wrong})
    return steps


def planned(shares: Sequence[int], hold: str, shadow: str = "") -> tuple[Step, ...]:
    """Steps from shares that each hold so long; perhaps a shadow before. All requests need no hold after other steps:
    by then the challenger has proved itself."""
    minutes = minutes_of(hold)
    beside = [(0, minutes_of(shadow, "shadow"))] if shadow else []
    alone = len(shares) == 1
    return steps_of([*beside, *((share, minutes if share < 100 or alone else 0) for share in shares)])


def shares_in(text: str) -> list[int]:
    """The numbers in `10, 50, 100`."""
    parts = [part.strip().rstrip("%") for part in text.split(",") if part.strip()]
    if not all(part.isascii() and part.isdecimal() and len(part) < 4 for part in parts):
        wrong = "Write shares in percent, such as 10, 50, 100."
        raise Invalid(wrong, fields={"traffic": wrong})
    return [int(part) for part in parts]


def as_rows(steps: Sequence[Step]) -> list[dict[str, float]]:
    """Steps as a plan keeps them."""
    return [asdict(step) for step in steps]


def of_rows(rows: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    """The same back."""
    return tuple(Step(int(row["percent"]), float(row["minutes"])) for row in rows)


def place_of(salt: str, key: bytes) -> float:
    """Where a key stands between 0 and 100: the same for every server, at every time, for one plan."""
    digest = hashlib.blake2b(key, digest_size=8, key=salt.encode()[:64]).digest()
    return int.from_bytes(digest) / 2**64 * 100


def goes_to_challenger(salt: str, percent: int, key: bytes) -> bool:
    """Whether the challenger answers this key. Whoever it answers at 10 percent, it answers at 50 percent too."""
    return place_of(salt, key) < percent


def check_every(minutes: float) -> float:
    """Seconds between two regular looks at a step: twenty in its time, but neither hectic nor sleepy."""
    return min(300.0, max(10.0, minutes * 60 / 20))


def bin_of(seconds: float) -> int:
    """The bin that a latency falls into; bin 0 ends at 0.1 ms."""
    return max(0, math.ceil(BINS * math.log10(max(seconds, 1e-9) * 10_000)))


def end_of(number: int) -> float:
    """The upper end of a bin, in milliseconds."""
    return float(10 ** (number / BINS - 1))
