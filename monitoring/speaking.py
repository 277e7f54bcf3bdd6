"""PURE: which rules of alerts speak, how loud, after how many sights, to whom, and when people are left alone."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from problems.problem import Invalid
from projects.permissions import Role

MOST_PERIOD, MOST_ESCALATE = 24, 14 * 24
LOUDNESS = {"found": "As it was found", "watch": "Always to look at", "act": "Always to act on"}
RULES = {
    "target_at_risk": "A target is missed, or probably",
    "money_lost": "Money is being lost",
    "no_uplift": "The model brings no more than the practice without it",
    "no_data": "No answers come",
    "other_type": "Values of another type",
    "new_values": "Values never seen before",
    "missing_values": "Values are missing",
    "input_drift": "An input moved",
    "answer_drift": "The answers moved",
}
USUAL_OWNERS = {"money_lost": Role.PRODUCT_MANAGER, "no_uplift": Role.PRODUCT_MANAGER}
OWNERS = [role for role in Role if role not in (Role.VIEWER, Role.LEADERSHIP)]


@dataclass(frozen=True)
class Rule:
    """How one rule speaks: `count` of the last `period` checks must see it before it opens.

    `owner` is the role that is told beside those who run models; empty for them alone.
    """

    speaks: bool = True
    severity: str = "found"
    count: int = 1
    period: int = 1
    owner: str = ""


@dataclass(frozen=True)
class Quiet:
    """Hours in which nobody is told, by a clock somewhere; the same start and end are no quiet hours."""

    zone: str = "UTC"
    start: str = "00:00"
    end: str = "00:00"
    act_speaks: bool = True


@dataclass(frozen=True)
class Speaking:
    """All of it for one deployment."""

    rules: Mapping[str, Rule] = field(default_factory=dict)
    quiet: Quiet = Quiet()
    escalate_hours: int = 24

    def rule(self, name: str) -> Rule:
        """How this rule speaks; usual where nobody said otherwise."""
        return self.rules.get(name) or Rule(owner=USUAL_OWNERS.get(name, ""))

    def severity(self, name: str, found: str) -> str:
        """How loud a matter is told."""
        asked = self.rule(name).severity
        return found if asked == "found" else asked

    def held_until(self, now: datetime, severity: str) -> datetime | None:
        """When the quiet hours end in which this must wait; None where it is told at once."""
        return None if severity == "act" and self.quiet.act_speaks else quiet_until(self.quiet, now)


def quiet_until(quiet: Quiet, now: datetime) -> datetime | None:
    """The end of the quiet hours that this moment lies in; they may go over midnight."""
    start, end = time.fromisoformat(quiet.start), time.fromisoformat(quiet.end)
    if start == end:
        return None
    here = now.astimezone(ZoneInfo(quiet.zone))
    clock = here.time().replace(tzinfo=None)
    inside = start <= clock < end if start < end else clock >= start or clock < end
    if not inside:
        return None
    day = here.date() + timedelta(days=1 if start > end and clock >= start else 0)
    return datetime.combine(day, end, tzinfo=here.tzinfo)


def speaks(rule: Rule, seen: list[bool]) -> bool:
    """Whether a matter opens, from the newest check (first) and those before in which it was seen or not."""
    return rule.speaks and sum(seen[: rule.period]) >= rule.count


def checked(rules: Any, quiet: Any, escalate_hours: Any) -> Speaking:
    """Settings from plain values; what is left out is usual. An Invalid names what is wrong."""
    if not isinstance(rules, Mapping) or not isinstance(quiet, Mapping):
        raise _wrong("rules", "Rules and quiet hours are objects of names and values.")
    if unknown := sorted(set(rules) - set(RULES)):
        raise _wrong("rules", f"There is no rule “{str(unknown[0])[:40]}”. Known: {', '.join(RULES)}.")
    kept = {name: _rule(name, given) for name, given in rules.items()}
    hours = _whole("escalate_hours", escalate_hours, 1, MOST_ESCALATE)
    return Speaking(kept, _quiet(quiet), hours)


def as_rows(speaking: Speaking) -> tuple[dict[str, Any], dict[str, Any]]:
    """Rules and quiet hours as they are kept."""
    return {name: asdict(rule) for name, rule in speaking.rules.items()}, asdict(speaking.quiet)


def of_rows(rules: Mapping[str, Any], quiet: Mapping[str, Any], escalate_hours: int) -> Speaking:
    """The same back; rules that are known no longer are left out."""
    known = {name: Rule(**row) for name, row in rules.items() if name in RULES}
    return Speaking(known, Quiet(**quiet), escalate_hours)


def _rule(name: str, given: Any) -> Rule:
    names = set(Rule.__dataclass_fields__)
    if not isinstance(given, Mapping) or set(given) - names:
        raise _wrong(name, f"A rule has only: {', '.join(sorted(names))}.")
    rule = Rule(**{"owner": USUAL_OWNERS.get(name, ""), **given})
    if not isinstance(rule.speaks, bool):
        raise _wrong(f"{name}_speaks", "Yes or no.")
    if rule.severity not in LOUDNESS:
        raise _wrong(f"{name}_severity", f"One of: {', '.join(LOUDNESS)}.")
    _whole(f"{name}_period", rule.period, 1, MOST_PERIOD)
    if _whole(f"{name}_count", rule.count, 1, MOST_PERIOD) > rule.period:
        raise _wrong(f"{name}_count", f"It cannot be seen {rule.count} times in {rule.period} checks.")
    if rule.owner and rule.owner not in set(OWNERS):
        raise _wrong(f"{name}_owner", f"One of: {', '.join(OWNERS)}.")
    return rule


def _quiet(given: Mapping[str, Any]) -> Quiet:
    if unknown := sorted(set(given) - set(Quiet.__dataclass_fields__)):
        raise _wrong("quiet", f"Quiet hours have no “{str(unknown[0])[:40]}”.")
    quiet = Quiet(**given)
    try:
        ZoneInfo(str(quiet.zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _wrong("zone", f"There is no time zone “{str(quiet.zone)[:40]}”. For example: Europe/Berlin.") from None
    for name in ("start", "end"):
        try:
            time.fromisoformat(getattr(quiet, name))
        except (TypeError, ValueError):
            raise _wrong(name, "Write a time such as 22:00.") from None
    if not isinstance(quiet.act_speaks, bool):
        raise _wrong("act_speaks", "Yes or no.")
    return quiet


def _whole(name: str, given: Any, least: int, most: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= most:
        raise _wrong(name, f"A whole number from {least} to {most}.")
    return given


def _wrong(name: str, text: str) -> Invalid:
    return Invalid(text, fields={name: text})
