"""How alerts speak, what money is lost, whether a model is worth its keep, and where an incident comes from: the engines."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from experiments import recent_rows
from experiments.guesses import Column
from monitoring import cause, loss, retiring, speaking
from monitoring.performance import practice, slices
from problems.problem import Invalid
from projects.money import Money
from projects.permissions import Role


def at(hour: int, minute: int = 0, day: int = 27) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def test_quiet_hours_go_over_midnight_by_the_clock_of_a_place() -> None:
    quiet = speaking.Quiet("Europe/Berlin", "22:00", "07:00")
    assert speaking.quiet_until(quiet, at(20)) is None  # 21:00 in Berlin
    assert speaking.quiet_until(quiet, at(22)) == at(6, day=28)
    assert speaking.quiet_until(quiet, at(5)) == at(6)
    assert speaking.quiet_until(quiet, at(6)) is None
    assert speaking.quiet_until(speaking.Quiet(), at(3)) is None
    noon = speaking.Quiet("UTC", "12:00", "13:00")
    assert speaking.quiet_until(noon, at(12, 30)) == at(13)


def test_what_is_to_act_on_may_break_through() -> None:
    night = {"zone": "UTC", "start": "22:00", "end": "06:00"}
    through = speaking.checked({}, night, 24)
    assert through.held_until(at(23), "act") is None
    assert through.held_until(at(23), "watch") == at(6, day=28)
    assert speaking.checked({}, night | {"act_speaks": False}, 24).held_until(at(23), "act") == at(6, day=28)


def test_a_rule_opens_once_it_was_seen_so_often_in_so_many_checks() -> None:
    rule = speaking.Rule(count=2, period=3)
    assert not speaking.speaks(rule, [True])
    assert not speaking.speaks(rule, [True, False, False, True])
    assert speaking.speaks(rule, [True, False, True])
    assert not speaking.speaks(speaking.Rule(speaks=False), [True])


@pytest.mark.parametrize(
    ("rules", "quiet", "hours", "field"),
    [
        ({"nonsense": {}}, {}, 24, "rules"),
        ({"no_data": {"count": 3, "period": 2}}, {}, 24, "no_data_count"),
        ({"no_data": {"severity": "loud"}}, {}, 24, "no_data_severity"),
        ({"no_data": {"owner": "viewer"}}, {}, 24, "no_data_owner"),
        ({"no_data": {"speaks": "yes"}}, {}, 24, "no_data_speaks"),
        ({"no_data": {"more": 1}}, {}, 24, "no_data"),
        ({}, {"zone": "Mars/Base"}, 24, "zone"),
        ({}, {"zone": "../etc/passwd"}, 24, "zone"),
        ({}, {"start": "25:00"}, 24, "start"),
        ({}, {"start": 7}, 24, "start"),
        ({}, {}, 0, "escalate_hours"),
        ([], {}, 24, "rules"),
    ],
)
def test_wrong_settings_are_named(rules: Any, quiet: Any, hours: Any, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        speaking.checked(rules, quiet, hours)
    assert field in refused.value.fields


def test_settings_come_back_as_they_were_kept() -> None:
    given = speaking.checked({"no_data": {"owner": Role.OWNER.value, "count": 2, "period": 4}}, {"start": "22:00"}, 8)
    rows = speaking.as_rows(given)
    assert speaking.of_rows(*rows, 8) == given
    assert given.rule("money_lost").owner == Role.PRODUCT_MANAGER


MONEY = Money(right_yes=50, wrong_yes=-5, wrong_no=-60, cases_a_month=1000)
PROMISED = loss.Side({"tp": 160, "fp": 40, "tn": 760, "fn": 40}, None)


def test_fewer_right_answers_cost_what_the_table_of_money_says() -> None:
    now = loss.Side({"tp": 80, "fp": 40, "tn": 760, "fn": 120}, None)
    found = loss.lost(MONEY, PROMISED, now, is_estimated=False)
    assert found is not None
    a_month = 80 * (50 + 60)  # for each 1000 cases
    assert found.value == pytest.approx(a_month / loss.WEEKS_A_MONTH)
    assert found.low < found.value < found.high
    matter = loss.matter(found)
    assert matter is not None
    assert matter.severity == "act"
    assert matter.sentence.startswith("About €\u00a02\u2009020 a week are being lost. Measured on 1000 known outcomes")


def test_chance_is_no_loss_and_without_money_there_is_none() -> None:
    same = loss.lost(MONEY, PROMISED, PROMISED, is_estimated=True)
    assert same is not None
    assert loss.matter(same) is None
    assert "within chance" in same.words
    assert loss.lost(None, PROMISED, PROMISED, is_estimated=True) is None
    assert loss.lost(Money(right_yes=1), PROMISED, PROMISED, is_estimated=True) is None


def rows(model: float, baseline: float, count: int = 400) -> list[dict[str, Any]]:
    chance = np.random.default_rng(7)
    pairs = zip(chance.random(count) < model, chance.random(count) < baseline, strict=True)
    said = {True: '"yes"', False: '"no"'}
    return [{"outcome": "yes", "answer": said[bool(a)], "number": None, "baseline": said[bool(b)]} for a, b in pairs]


def test_a_model_that_brings_nothing_three_windows_long_is_proposed_for_retirement() -> None:
    better = practice.beside("binary", rows(0.9, 0.6))
    assert better["uplift"]["low"] > 0.2
    nothing = practice.beside("binary", rows(0.7, 0.7))
    assert nothing["uplift"]["low"] < 0 < nothing["uplift"]["high"]
    assert retiring.matter([nothing, nothing]) is None
    assert retiring.matter([nothing, nothing, better]) is None
    found = retiring.matter([nothing, nothing, nothing])
    assert found is not None
    assert "1200 newest answers" in found.sentence
    assert practice.beside("binary", rows(0.9, 0.6)[:20]) == {}
    numbers = [{"outcome": "10", "answer": None, "number": 9.0 + i % 2, "baseline": "14.0"} for i in range(40)]
    assert practice.beside("regression", numbers)["uplift"]["value"] == pytest.approx(3.5)
    strange = [*numbers, {"outcome": "?", "answer": None, "number": 1.0, "baseline": "1"}]
    assert practice.beside("regression", strange)["rows"] == 40


def test_the_slice_that_suffers_most_is_found_and_chance_is_not() -> None:
    chance = np.random.default_rng(7)
    told = []
    for i in range(600):
        plan = ("flex", "year", "two")[i % 3]
        wrong = chance.random() < (0.6 if plan == "flex" else 0.1)
        values = {"plan": plan, "city": str(i % 4), "id": str(i)}
        told.append({"outcome": "yes", "answer": '"no"' if wrong else '"yes"', "values": values})
    worst = slices.worst(told, ["plan", "city", "id"])
    assert (worst["column"], worst["value"], worst["rows"]) == ("plan", "flex", 200)
    assert slices.worst(told, ["city", "id"]) == {}
    assert "Where plan is “flex”" in cause.slice_words(worst)


def entry(name: str, state: str, psi: float, weight: float, **more: Any) -> dict[str, Any]:
    return {"name": name, "state": state, "psi": psi, "weight": weight, "change": f"{name} changed", **more}


def test_the_cause_is_the_input_whose_change_matters_most_and_when_it_began() -> None:
    first = {"id": "p1", "at": "x", "value": "flex"}
    checks = [
        cause.Seen(at(1), at(2), [entry("plan", "stayed", 0.01, 0.5), entry("age", "act", 0.5, 0.01)]),
        cause.Seen(at(2), at(3), [entry("plan", "watch", 0.15, 0.5, first=first), entry("age", "act", 0.5, 0.01)]),
        cause.Seen(at(3), at(4), [entry("plan", "act", 0.4, 0.5), entry("age", "act", 0.5, 0.01)]),
    ]
    found = cause.found(checks)
    assert [one["name"] for one in found.inputs] == ["plan", "age"]
    assert found.since == at(2)
    assert found.first == first | {"input": "plan"}
    assert found.sentence == "Most by plan: plan changed. It carries 50% of the decision. 1 more moved."
    assert "No input moved" in cause.found([]).sentence


def columns() -> dict[str, Column]:
    return {
        "day": Column("day", "date", 300, 0, 300, False, {}),
        "age": Column("age", "integer", 300, 0, 50, False, {}),
    }


def test_a_window_keeps_the_newest_rows_by_place_by_time_and_since_a_day() -> None:
    days = [datetime(2026, 1, 1, tzinfo=UTC).date().toordinal() + (i * 7) % 300 for i in range(300)]
    table = pa.table({"day": pa.array([datetime.fromordinal(day).date() for day in days], pa.date32())})
    places, types = np.arange(300), {"day": "date"}
    assert recent_rows.inside(table, places, None, types) is places
    last = recent_rows.inside(table, places, {"kind": "rows", "size": 60}, types)
    assert last.tolist() == list(range(240, 300))
    newest = recent_rows.inside(table, places, {"kind": "rows", "size": 60, "column": "day"}, types)
    assert sorted(days)[-60] == min(days[place] for place in newest)
    recent = recent_rows.inside(table, places, {"kind": "days", "size": 99, "column": "day"}, types)
    assert len(recent) == 100
    since = recent_rows.inside(table, places, {"kind": "since", "since": "2026-08-01", "column": "day"}, types)
    assert min(days[place] for place in since) == datetime(2026, 8, 1, tzinfo=UTC).date().toordinal()
    with pytest.raises(Invalid, match="Only 11 rows lie in the last 10 days of day"):
        recent_rows.inside(table, places, {"kind": "days", "size": 10, "column": "day"}, types)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"kind": "weeks"}, "window"),
        ({"kind": "days", "size": 30}, "window.column"),
        ({"kind": "days", "size": 30, "column": "age"}, "window.column"),
        ({"kind": "rows", "size": 3}, "window.size"),
        ({"kind": "rows", "size": True}, "window.size"),
        ({"kind": "since", "column": "day", "since": "soon"}, "window.since"),
        ({"kind": "rows", "size": 300, "more": 1}, "window.more"),
    ],
)
def test_a_wrong_window_is_named(given: Any, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        recent_rows.checked(given, columns())
    assert field in refused.value.fields
