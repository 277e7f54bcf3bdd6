"""Dated points: hostile files are refused whole, with every bad row by its line."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from problems.problem import Invalid, Problem, TooLarge
from projects.charts.kpis import kpi_figure
from projects.contract import Goal
from projects.points import MOST_BYTES, MOST_POINTS, Point, checked, next_due, read_csv

TODAY = date(2026, 11, 27)


def read(text: str | bytes) -> list[Point]:
    return list(read_csv(text if isinstance(text, bytes) else text.encode(), TODAY))


def test_a_plain_file_is_read_with_its_intervals() -> None:
    points = read("\ufeffDate,Value,Low,High,Note\n2026-10-01,2.8,2.6,3.0,from billing\n\n2026-11-01,2.7,,,\n")
    assert points == [Point(date(2026, 10, 1), 2.8, 2.6, 3.0, "from billing"), Point(date(2026, 11, 1), 2.7)]
    assert read("date;value\r\n2026-10-01;5\r\n") == [Point(date(2026, 10, 1), 5.0)]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("yesterday,2", "Line 3 has “yesterday” where a day"),
        ("2026-13-01,2", "where a day"),
        ("2026-10-02,many", "Line 3 has “many” where a number"),
        ("2026-10-02,=1+1", "where a number"),
        ("2026-10-02,nan", "is not a number that can be kept"),
        ("2026-10-02,1e300", "is not a number that can be kept"),
        ("2026-10-02,inf", "is not a number that can be kept"),
        ("2026-10-02,", "has no value"),
        ("2026-10-01,3", "repeats the day 2026-10-01 of line 2"),
        ("2027-01-01,3", "days go from 1970-01-01 to today"),
        ("1815-06-18,3", "days go from"),
        ("2026-10-02,3,4", "has 3 cells; the first line names 2"),
        ("2026-10-02", "has 1 cells"),
    ],
)
def test_a_bad_row_is_named_by_its_line(row: str, words: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read(f"date,value\n2026-10-01,2.8\n{row}\n2026-11-01,2.7\n")
    assert words in refusal.value.text
    assert "Nothing was saved" in refusal.value.text
    assert list(refusal.value.fields) == ["line_3"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe\x00d",
        b"date,value\n2026-10-01,\x00",
        b"PK\x03\x04 not a csv",
        b'date,value\n"2026-10-01,2',
        b"day,amount\n2026-10-01,2\n",
        b"date,value\n",
        b"date,value,value\n2026-10-01,1,2\n",
        b"date,value,password\n2026-10-01,1,x\n",
        b"date,value,low\n2026-10-01,1,0\n",
        b"date,value,low,high\n2026-10-01,1,2,3\n",
        b"a" * 200_000,
    ],
)
def test_a_hostile_file_is_a_plain_refusal(data: bytes) -> None:
    with pytest.raises(Problem):
        read(data)


def test_too_large_files_are_refused_before_they_are_read() -> None:
    with pytest.raises(TooLarge):
        read(b"x" * (MOST_BYTES + 1))
    rows = "".join(f"{date(1990, 1, 1) + timedelta(i)},1\n" for i in range(MOST_POINTS + 1))
    with pytest.raises(TooLarge):
        read(f"date,value\n{rows}")


def test_many_bad_rows_are_counted_and_the_first_are_named() -> None:
    with pytest.raises(Invalid) as refusal:
        read("date,value\n" + "x,1\n" * 100)
    assert "others too" in refusal.value.text
    assert len(refusal.value.fields) == 20


def outcome(data: bytes) -> int:
    """200 for points, else the status of the refusal."""
    try:
        return 200 if read(data) else 0
    except Problem as problem:
        return problem.status


@given(st.binary(max_size=400))
def test_no_bytes_do_anything_but_points_or_a_refusal(data: bytes) -> None:
    assert {outcome(data), outcome(b"date,value\n" + data)} <= {200, 413, 422}


@given(st.text(max_size=200))
def test_no_text_under_good_names_breaks_the_reader(text: str) -> None:
    assert outcome(("date,value,note\n" + text).encode("utf-8", "replace")) in (200, 413, 422)


def test_points_of_a_request_are_all_taken_or_none() -> None:
    good = Point(date(2026, 10, 1), 1.0)
    with pytest.raises(Invalid) as refusal:
        checked([good, Point(date(2026, 10, 2), 1.0, low=0.5), good], TODAY, 1)
    assert list(refusal.value.fields) == ["value_2", "value_3"]


def test_the_next_value_is_due_one_cadence_later() -> None:
    since = date(2026, 1, 31)
    assert next_due("weekly", None, since) == date(2026, 2, 7)
    assert next_due("monthly", None, since) == date(2026, 2, 28)
    assert next_due("monthly", date(2026, 12, 5), since) == date(2027, 1, 5)
    assert next_due("once", None, since) == since
    assert next_due("once", since, since) is None


def test_the_figure_shows_the_points_the_target_and_what_was_before() -> None:
    points = [Point(date(2026, 10, 1), 2.8, 2.6, 3.0), Point(date(2026, 11, 1), 2.7)]
    goal = Goal("Churn", "churn", "at_most", 2.5, "%", kind="kpi")
    figure = kpi_figure("Churn", "%", points, goal, 3.1, "Not met: 2.7 %.")
    names = [trace["name"] for trace in figure.plot["data"]]
    assert names == ["Churn", "target at most 2.5", "before 3.1"]
    assert figure.plot["data"][0]["error_y"]["array"] == [pytest.approx(0.2), 0.0]
    assert figure.rows[0][:2] == ["1 November 2026", "2.7 %"]
    assert figure.finding == "Not met: 2.7 %."
