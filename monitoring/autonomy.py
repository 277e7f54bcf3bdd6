"""PURE: when a model is trained again without anybody asking, and what holds it back."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from deployments.traffic import Step
from projects.permissions import Role
from projects.risk import Tier

TELL, PROPOSE, SHADOW, CANARY, FULL = range(5)
LEVELS = {
    TELL: "Tell people that it is time",
    PROPOSE: "Train again, compare, and register what is better; its gate stays with people",
    SHADOW: "The same, and let it answer beside the model in use; nobody gets its answers",
    CANARY: "The same, and then let it answer a share of the requests; people decide about the rest",
    FULL: "The same, and put it in the place of the model in use when its trial holds",
}
BAD_IN_A_ROW = 2
BUSINESS, ENGINEERING, LEADERSHIP = "business", "engineering", "leadership"
SIDES = {
    BUSINESS: ("a business analyst or product manager", frozenset({Role.BUSINESS_ANALYST, Role.PRODUCT_MANAGER})),
    ENGINEERING: ("an ML engineer", frozenset({Role.ML_ENGINEER})),
    LEADERSHIP: ("business leadership", frozenset({Role.LEADERSHIP})),
}
# Who signs a level: the more it may do by itself and the more a wrong answer harms, the more sides.
NEEDED = {
    Tier.LOW: {PROPOSE: 1, SHADOW: 1, CANARY: 1, FULL: 2},
    Tier.MEDIUM: {PROPOSE: 1, SHADOW: 1, CANARY: 2, FULL: 3},
    Tier.HIGH: {PROPOSE: 1, SHADOW: 2, CANARY: 3},
}


@dataclass(frozen=True)
class Rules:
    """What people agreed on. `every_days` 0 is no schedule; `minutes_a_month` is training time, 0 for no budget."""

    level: int = TELL
    every_days: int = 0
    on_new_data: bool = True
    on_drift: bool = True
    on_performance: bool = True
    on_kpi: bool = False
    cool_down_hours: int = 24
    most_a_day: int = 1
    minutes_a_month: int = 600
    least_new_rows: int = 0


@dataclass(frozen=True)
class Facts:
    """How things stand. `trained_at` is when the model in use was trained; `alert_…` are sentences of open alerts that
    nobody retrained for yet; `newer` is the newest data, empty where the model in use learned from it already.
    """

    now: datetime
    trained_at: datetime
    last_at: datetime | None = None
    today: int = 0
    minutes: float = 0.0
    under_way: bool = False
    newer: str = ""
    new_rows: int = 0
    tried: bool = False
    alert_drift: str = ""
    alert_performance: str = ""
    missed_kpi: str = ""


@dataclass(frozen=True)
class Due:
    """What asks for a retraining, in a sentence; and what holds it back, empty where nothing does."""

    trigger: str
    cause: str
    held: str = ""


def due(rules: Rules, facts: Facts) -> Due | None:
    """The strongest trigger that asks: consequence before cause before the clock."""
    asked = [
        ("performance", rules.on_performance and facts.alert_performance),
        ("kpi", rules.on_kpi and facts.missed_kpi and f"The KPI “{facts.missed_kpi}” is missed."),
        ("drift", rules.on_drift and facts.alert_drift),
        ("new_data", rules.on_new_data and facts.newer and f"{facts.newer} was published."),
        ("schedule", _on_schedule(rules, facts)),
    ]
    found = next(((trigger, cause) for trigger, cause in asked if cause), None)
    return Due(found[0], str(found[1]), _held(rules, facts)) if found else None


def _on_schedule(rules: Rules, facts: Facts) -> str:
    since = max(facts.trained_at, facts.last_at or facts.trained_at)
    if not rules.every_days or facts.now < since + timedelta(days=rules.every_days):
        return ""
    return f"The last training was on {since:%d %B %Y}; every {rules.every_days} days are agreed."


def _held(rules: Rules, facts: Facts) -> str:
    """The first reason to wait, in a sentence."""
    rest = timedelta(hours=rules.cool_down_hours)
    if facts.under_way:
        return "A retraining is under way."
    if not facts.newer:
        return "There is no newer data than what the model in use learned from; the same model would come of it."
    if facts.tried:
        return f"A retraining on {facts.newer} was tried already."
    if facts.new_rows < rules.least_new_rows:
        return f"{facts.newer} has {facts.new_rows} rows more than before; {rules.least_new_rows} are agreed."
    if facts.last_at and facts.now < facts.last_at + rest:
        return f"The last retraining is less than {rules.cool_down_hours} hours ago."
    if facts.today >= rules.most_a_day:
        return f"{facts.today} of {rules.most_a_day} retrainings of this day are used."
    if rules.minutes_a_month and facts.minutes >= rules.minutes_a_month:
        return f"{facts.minutes:.0f} of {rules.minutes_a_month} minutes of training in 30 days are used."
    return ""


def highest(tier: Tier) -> int:
    """How far a rule may go at all: where a wrong answer does much harm, people always open the gate."""
    return max(NEEDED[tier])


def sides_needed(level: int, tier: Tier) -> tuple[str, ...]:
    """Which sides have to sign a level; none where it only tells."""
    return tuple(SIDES)[: NEEDED[tier].get(level, 0)]


def signatures_needed(level: int, tier: Tier) -> str:
    """Who has to sign a level, in words; empty where nobody has to."""
    named = [SIDES[side][0] for side in sides_needed(level, tier)]
    if not named:
        return ""
    said = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    return said if tier == Tier.LOW else f"{said}, none of them who proposed it"


def may_sign(level: int, tier: Tier, *, is_proposer: bool) -> bool:
    """Above low risk nobody signs what they proposed."""
    return level == TELL or tier == Tier.LOW or not is_proposer


def side_for(roles: frozenset[Role], level: int, tier: Tier, signed: frozenset[str]) -> str:
    """The first side that still has to sign and that somebody with these roles can sign for; empty where none."""
    waiting = [side for side in sides_needed(level, tier) if side not in signed]
    return next((side for side in waiting if roles & SIDES[side][1]), "")


def trial_steps(level: int, share: int, minutes: float) -> tuple[Step, ...]:
    """The trial that a level allows: beside the model in use first, then a small share, then the share agreed on."""
    if level < SHADOW:
        return ()
    beside = (Step(0, minutes),)
    if level == SHADOW:
        return beside
    small = (Step(5, minutes),) if share > 10 else ()
    return (*beside, *small, Step(share, minutes))
