"""When a source is loaded next."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import schedules
from problems.problem import Invalid

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))
CLOCKS = st.tuples(st.integers(0, 23), st.integers(0, 59)).map(lambda at: f"{at[0]:02d}:{at[1]:02d}")


@settings(max_examples=50)
@given(MOMENTS, CLOCKS, st.integers(0, 6))
def test_the_next_moment_is_after_now_and_within_one_turn(now: datetime, at: str, weekday: int) -> None:
    turns = {"hourly": 3600, "daily": 86_400, "weekly": 604_800}
    for rhythm, seconds in turns.items():
        due = schedules.next_after(now, rhythm, at, weekday)
        assert due is not None
        assert 0 < (due - now).total_seconds() <= seconds
        assert f"{due:%M}" == at[3:]
        assert rhythm == "hourly" or f"{due:%H:%M}" == at
        assert rhythm != "weekly" or due.weekday() == weekday
    assert schedules.next_after(now, "off", at, weekday) is None


def test_a_wrong_schedule_is_named() -> None:
    with pytest.raises(Invalid) as refused:
        schedules.checked("often", "25:00", 9)
    assert set(refused.value.fields) == {"schedule", "at", "weekday"}
    assert schedules.in_words("weekly", "02:00", 6) == "every Sunday at 02:00 UTC"
