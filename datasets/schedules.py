"""PURE: when a source is loaded next: every hour, every day or every week at a stated time, in UTC."""

import re
from datetime import datetime, timedelta

from problems.problem import Invalid

OFF, HOURLY, DAILY, WEEKLY = "off", "hourly", "daily", "weekly"
RHYTHMS = {OFF: "Only by hand", HOURLY: "Every hour", DAILY: "Every day", WEEKLY: "Every week"}
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


def checked(rhythm: str, at: str, weekday: int) -> tuple[str, str, int]:
    """The parts of a schedule, refused beside their fields."""
    wrong = {}
    if rhythm not in RHYTHMS:
        wrong["schedule"] = f"It is one of {', '.join(RHYTHMS)}."
    if not CLOCK.fullmatch(at):
        wrong["at"] = "A time of day such as 02:00."
    if not 0 <= weekday < len(DAYS):
        wrong["weekday"] = "0 is Monday, 6 is Sunday."
    if wrong:
        raise Invalid("The schedule is wrong. " + " ".join(wrong.values()), fields=wrong)
    return rhythm, at, weekday


def next_after(now: datetime, rhythm: str, at: str, weekday: int) -> datetime | None:
    """The next moment after `now`; None when there is no schedule. An hourly one goes by the minute of `at`."""
    if rhythm == OFF:
        return None
    hour, minute = (int(part) for part in at.split(":"))
    due = now.replace(minute=minute, second=0, microsecond=0)
    if rhythm == HOURLY:
        return due if due > now else due + timedelta(hours=1)
    due = due.replace(hour=hour)
    if rhythm == WEEKLY:
        due += timedelta(days=(weekday - due.weekday()) % 7)
    return due if due > now else due + timedelta(days=7 if rhythm == WEEKLY else 1)


def in_words(rhythm: str, at: str, weekday: int) -> str:
    """The schedule as a person says it."""
    return {
        OFF: "only by hand",
        HOURLY: f"every hour at minute {at[3:]}",
        DAILY: f"every day at {at} UTC",
        WEEKLY: f"every {DAYS[weekday]} at {at} UTC",
    }[rhythm]
