"""PURE: what a model's live answers cost against what its training promised, by the project's table of money."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experiments.evaluation.worth import a_month
from monitoring.rules import Matter
from projects.money import Money, said

WEEKS_A_MONTH = 365.25 / 7 / 12
ACT_SHARE = 0.1
RULE = "money_lost"
Found = Mapping[str, Any]


@dataclass(frozen=True)
class Side:
    """Right and wrong answers of each kind, or the mean error with its interval, and where they are from."""

    confusion: Mapping[str, float] | None
    mae: Found | None


@dataclass(frozen=True)
class Loss:
    """A week's loss in the project's currency, with its 95% interval; negative where more comes in than promised."""

    currency: str
    value: float
    low: float
    high: float
    promised: float
    now: float
    is_estimated: bool
    cases: int

    @property
    def is_sure(self) -> bool:
        """Whether it is more than chance."""
        return self.low > 0

    @property
    def words(self) -> str:
        """`about € 1 240 a week are being lost`."""
        if self.is_sure:
            return f"about {said(self.currency, self.value)} a week are being lost"
        if self.high < 0:
            return f"about {said(self.currency, -self.value)} a week more come in than training promised"
        return "what comes in is what training promised, within chance"

    @property
    def between(self) -> str:
        """The interval in words."""
        return f"{said(self.currency, self.low)} to {said(self.currency, self.high)} a week"


def lost(money: Money | None, promised: Side, now: Side, *, is_estimated: bool) -> Loss | None:
    """The worth of a week as training measured it, less that of a week as it is now; None where either is unknown."""
    before, after = (a_month(money, side.confusion, side.mae) for side in (promised, now))
    if money is None or before["value"] is None or after["value"] is None:
        return None
    value = (before["value"] - after["value"]) / WEEKS_A_MONTH
    half = math.hypot(*((one["high"] - one["low"]) / 2 for one in (before, after))) / WEEKS_A_MONTH
    ends = (before["value"] / WEEKS_A_MONTH, after["value"] / WEEKS_A_MONTH)
    return Loss(money.currency, value, value - half, value + half, *ends, is_estimated, int(after["n"]))


def matter(loss: Loss | None) -> Matter | None:
    """An alert where more than chance is lost; to act on from a tenth of what was promised on."""
    if loss is None or not loss.is_sure:
        return None
    act = loss.value >= ACT_SHARE * abs(loss.promised)
    how = "Estimated, before outcomes are known" if loss.is_estimated else f"Measured on {loss.cases} known outcomes"
    first = f"{loss.words[0].upper()}{loss.words[1:]}. {how}: training promised"
    promised, now = said(loss.currency, loss.promised), said(loss.currency, loss.now)
    sentence = f"{first} {promised} a week, and it is {now}; the loss lies between {loss.between}."
    return Matter(RULE, "", "act" if act else "watch", sentence, loss.value)
