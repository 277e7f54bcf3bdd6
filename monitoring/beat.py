"""PURE: whether monitoring itself is late, judged by whoever looks and not by the schedule that may have stopped."""

from datetime import datetime, timedelta

LEAST, TIMES = timedelta(minutes=30), 3


def late_since(checked_at: datetime | None, made_at: datetime, every_seconds: int, now: datetime) -> datetime | None:
    """Since when a check is overdue: three times its pause after the last one, and half an hour at least; else None."""
    due = (checked_at or made_at) + max(TIMES * timedelta(seconds=every_seconds), LEAST)
    return due if now > due else None
