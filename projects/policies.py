"""PURE: a decision policy: from the chance that a model says to yes, no, or a person who looks at it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from projects.money import said

YES, NO, PERSON = "yes", "no", "person"
STEPS = 1000  # thresholds are thousandths, so that what they do on held-back rows is counted and not guessed
NOBODY = 1.001  # no chance reaches it
MONTH_HAS = {"day": 30.4375, "week": 30.4375 / 7, "month": 1.0}
LARGEST_CAPACITY = 10**9


@dataclass(frozen=True)
class Rule:
    """What decides one case. `version` is None for a model's own threshold, which rules while nothing is signed."""

    threshold: float
    low: float | None = None
    high: float | None = None
    version: int | None = None
    person_cost: float = 0.0

    def decide(self, chance: float) -> str:
        """Yes from the threshold on, no below it; inside the band a person looks first."""
        if self.low is not None and self.high is not None and self.low <= chance < self.high:
            return PERSON
        return YES if chance >= self.threshold else NO

    @property
    def named(self) -> str:
        """Whose threshold it is."""
        return f"policy v{self.version}" if self.version else "the model’s own threshold"


@dataclass(frozen=True)
class Draft:
    """A policy as it was asked for, checked. Without a capacity `threshold` is set, with one it is found later."""

    threshold: float | None
    capacity: int | None
    period: str
    low: float | None
    high: float | None
    person_cost: float


def make(given: dict[str, Any]) -> tuple[Draft | None, dict[str, str]]:
    """A policy from plain values (numbers or None), or what is wrong with it by field."""
    threshold, capacity = given.get("threshold"), given.get("capacity")
    low, high = given.get("person_low"), given.get("person_high")
    wrong = _wrong_limit(threshold, capacity, str(given.get("period") or "")) or _wrong_band(low, high, threshold)
    cost = float(given.get("person_cost") or 0.0)
    if not math.isfinite(cost) or cost < 0:
        wrong["person_cost"] = "Give what a person’s look costs as 0 or more."
    if wrong:
        return None, wrong
    period = str(given.get("period") or "week") if capacity is not None else ""
    return Draft(_step(threshold), capacity, period, _step(low), _step(high), cost), {}


def _step(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _wrong_limit(threshold: float | None, capacity: int | None, period: str) -> dict[str, str]:
    if (threshold is None) == (capacity is None):
        return {"threshold": "Give either a threshold or a capacity."}
    if threshold is not None and not 0 <= threshold <= 1:
        return {"threshold": "A threshold lies from 0 to 1."}
    if capacity is not None and not 1 <= capacity <= LARGEST_CAPACITY:
        return {"capacity": "A capacity is a whole number from 1 up."}
    return {"period": "Choose day, week or month."} if period and period not in MONTH_HAS else {}


def _wrong_band(low: float | None, high: float | None, threshold: float | None) -> dict[str, str]:
    if low is None and high is None:
        return {}
    if low is None or high is None:
        return {"person_low" if low is None else "person_high": "A band needs both ends."}
    if not 0 <= low < high <= 1:
        return {"person_high": "The band begins at 0 or above, ends at 1 or below, and has its larger end last."}
    if threshold is not None and not round(low, 3) <= round(threshold, 3) <= round(high, 3):
        return {"person_low": "The band lies around the threshold: below it the answer is no, above it yes."}
    return {"person_high": "The band is too narrow."} if round(low, 3) == round(high, 3) else {}


def cases_in(period: str, cases_a_month: float) -> float:
    """How many cases a period brings."""
    return cases_a_month / MONTH_HAS[period]


def threshold_for(capacity: float, cases: float, bins: Sequence[int]) -> float:
    """The lowest threshold at which a period's `cases` bring at most `capacity` yes.

    `bins` counts reference rows by thousandths of their chance (STEPS + 1 of them, as `bin_of` has it).
    """
    total = sum(bins)
    if total == 0 or cases <= 0:
        return NOBODY
    flagged, allowed, step = 0, capacity / cases * total, STEPS + 1
    while step > 0 and flagged + bins[step - 1] <= allowed + 1e-9:
        step -= 1
        flagged += bins[step]
    return NOBODY if step > STEPS else step / STEPS


def top(chances: Sequence[float], capacity: int) -> list[bool]:
    """Which cases of one batch are a yes when at most `capacity` may be: the highest chances, earlier ones first."""
    order = sorted(range(len(chances)), key=lambda place: (-chances[place], place))
    chosen = set(order[: max(0, capacity)])
    return [place in chosen for place in range(len(chances))]


def sentences(policy: Any) -> list[str]:
    """A policy (the row, or anything with its fields) as people read it."""
    at = _percent(policy.threshold)
    if policy.capacity is not None:
        ends = "nobody is called" if policy.threshold > 1 else f"that is from a chance of {at} on"
        first = (
            f"At most {_count(policy.capacity)} yes a {policy.period or 'week'}; {ends}, on the scores it was set by."
        )
    else:
        first = f"From a chance of {at} on the answer is yes."
    if policy.person_low is None or policy.person_high is None:
        return [first, "Nothing is sent to a person."]
    worth = getattr(policy, "worth", None)
    price = said(worth.currency, policy.person_cost) if worth else f"{policy.person_cost:g}"
    cost = f", at {price} each" if policy.person_cost else ""
    band = f"From {_percent(policy.person_low)} up to {_percent(policy.person_high)} a person decides{cost}."
    return [first, band]


def _percent(chance: float) -> str:
    return f"{100 * chance:.4g}%"


def _count(value: float) -> str:
    return f"{value:,.0f}".replace(",", "\u2009")
