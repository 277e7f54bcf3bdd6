"""PURE: dates and times of tables, JSON and forms as moments, with only the standard library."""

from datetime import UTC, date, datetime
from typing import Any


def days(value: Any) -> float | None:
    """Days since 1970 of an ISO date or date and time (UTC where no zone is given); None when it is not one."""
    found = moment(value)
    return None if found is None else (found - datetime(1970, 1, 1)).total_seconds() / 86_400


def moment(value: Any) -> datetime | None:
    """An ISO date or date and time as a naive UTC datetime; None when it is not one."""
    if isinstance(value, datetime):
        found = value
    elif isinstance(value, date):
        found = datetime(value.year, value.month, value.day)
    else:
        try:
            found = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            return None
    try:
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    except OverflowError:
        return None
