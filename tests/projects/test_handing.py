"""The chain of the work, checklists, and statistics of what was handed on."""

from statistics import median

from hypothesis import given
from hypothesis import strategies as st

from projects.charts.flow import better_each_round, hours, waits
from projects.handing import (
    CHAIN,
    REASONS,
    Evidence,
    Pass,
    failing,
    is_forward,
    next_role,
    place,
    statistics,
    with_whom,
)
from projects.permissions import Role

ROLES = st.sampled_from(list(Role))
PASSES = st.lists(
    st.builds(
        Pass,
        giver=ROLES.map(str),
        receiver=ROLES.map(str),
        state=st.sampled_from(["offered", "accepted", "returned", "withdrawn"]),
        seconds=st.floats(0, 1e7),
        reason=st.sampled_from(sorted(REASONS)),
    ),
    max_size=40,
)
POINTS = st.lists(st.builds(Evidence, st.text(), st.text(), st.booleans(), note_excuses=st.booleans()))


@given(PASSES)
def test_statistics_lose_nothing_and_count_nothing_twice(passes: list[Pass]) -> None:
    found = statistics(passes)
    assert sum(each.count for each in found) == len(passes)
    assert len({(each.giver, each.receiver) for each in found}) == len(found)
    for each in found:
        pair = [p for p in passes if (p.giver, p.receiver) == (each.giver, each.receiver)]
        counted = [p.seconds for p in pair if p.state != "withdrawn"]
        assert each.median_seconds == (median(counted) if counted else None)
        assert each.longest_seconds == (max(counted) if counted else None)
        assert sum(each.reasons.values()) == each.returned == sum(p.state == "returned" for p in pair)
        answered = each.accepted + each.returned
        assert each.bounce_rate == (each.returned / answered if answered else None)
        assert each.bounce_rate is None or 0 <= each.bounce_rate <= 1


@given(POINTS, st.text())
def test_a_point_fails_unless_it_holds_or_the_note_excuses_it(points: list[Evidence], note: str) -> None:
    assert failing(points, note) == [p for p in points if not p.holds and not (p.note_excuses and note.strip())]


@given(ROLES, ROLES)
def test_work_moves_forward_in_one_direction_only(one: Role, other: Role) -> None:
    ends = {place(one), place(other)} == {0, len(CHAIN) - 1}
    assert not (is_forward(one, other) and is_forward(other, one)) or ends
    if place(one) is not None:
        assert is_forward(one, next_role(one))


def test_the_newest_handoff_says_who_has_the_work() -> None:
    giver, receiver = Role.DATA_ENGINEER, Role.DATA_SCIENTIST
    mine = [(Role.DATA_SCIENTIST,)]
    assert with_whom("offered", giver, receiver, []) == receiver
    assert with_whom("returned", giver, receiver, []) == giver
    assert with_whom("accepted", giver, receiver, mine) == receiver
    assert with_whom("accepted", giver, receiver, [(Role.ML_ENGINEER,)]) is None
    assert with_whom("withdrawn", giver, receiver, mine) is None


def test_the_rounds_chart_keeps_the_metric_that_decides_now() -> None:
    row = {"metric": "recall", "deciding": True, "threshold": 0.7, "unit": "", "low": 0.6, "value": 0.65, "high": 0.7}
    other = row | {"metric": "precision"}
    figure = better_each_round([(1, [other]), (3, [row | {"value": 0.74}]), (2, [row])])
    assert figure is not None
    assert [line[0] for line in figure.rows] == ["Round 2", "Round 3"]
    assert figure.plot["data"][0]["y"] == [65, 74]
    assert better_each_round([(1, []), (2, [row | {"value": None}])]) is None


def test_the_waits_chart_names_the_slowest_boundary() -> None:
    roles = (Role.DATA_ENGINEER.value, Role.DATA_ANALYST.value)
    figure = waits(statistics([Pass(*roles, "accepted", 7200), Pass(*roles, "returned", 10800, "meaning")]))
    assert figure is not None
    assert "Data engineer to Data analyst waits longest: 2 h" in figure.finding or "3 h" in figure.finding
    assert waits([]) is None
    assert [hours(each) for each in (None, 90, 7200, 864_000)] == ["–", "2 min", "2 h", "10 days"]
