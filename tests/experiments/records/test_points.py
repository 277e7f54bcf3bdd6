"""A metric's points: what is known of all, how they are packed, what of them is drawn."""

import math

from hypothesis import given
from hypothesis import strategies as st

from experiments.records.points import Point, kept, ordered, packed, pieces, summed, thinned, unpacked

NUMBERS = st.floats(allow_nan=True, allow_infinity=False)
POINTS = st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 5), NUMBERS), min_size=1, max_size=60)


def plain(points: list[Point]) -> list[tuple[int, int, float | None]]:
    return [(step, at, None if math.isnan(value) else value) for step, at, value in points]


@given(POINTS)
def test_what_is_packed_comes_back(points: list[Point]) -> None:
    assert plain(unpacked(packed(points))) == plain(points)


@given(POINTS)
def test_points_are_a_set_in_the_order_of_step_moment_and_value(points: list[Point]) -> None:
    once = ordered([*points, *points])
    assert len(set(plain(once))) == len(once) == len(set(plain(points)))
    assert [one[:2] for one in once] == sorted(one[:2] for one in once)


@given(POINTS, st.integers(1, 59))
def test_what_is_known_does_not_depend_on_how_the_points_came(points: list[Point], cut: int) -> None:
    once = ordered(points)
    parts = [part for part in (once[:cut], once[cut:]) if part]
    for order in (parts, parts[::-1]):
        known = None
        for part in order:
            known = summed(part, known)
        assert known is not None
        values = [one[2] for one in once if not math.isnan(one[2])]
        assert known.points == len(once)
        assert plain([known.point]) == plain([once[-1]])
        assert known.low == min(values, default=None)
        assert known.high == max(values, default=None)
        if values:
            assert known.high_step == min(one[0] for one in once if one[2] == max(values))
            assert known.low_step == min(one[0] for one in once if one[2] == min(values))


@given(st.lists(st.tuples(st.integers(0, 10**6), st.just(0), NUMBERS), max_size=300), st.integers(4, 80))
def test_a_thinned_curve_keeps_its_ends_and_its_extremes(points: list[Point], most: int) -> None:
    known = [one for one in ordered(points) if not math.isnan(one[2])]
    drawn = thinned(ordered(points), most)
    assert len(drawn) <= most
    if known:
        assert (drawn[0], drawn[-1]) == (known[0], known[-1])
        assert max(one[2] for one in drawn) == max(one[2] for one in known)
        assert min(one[2] for one in drawn) == min(one[2] for one in known)


def test_infinities_are_kept_as_the_largest_numbers_and_pieces_hold_a_thousand() -> None:
    assert kept(math.inf) == 1.7976931348623157e308 == -kept(-math.inf)
    assert math.isnan(kept(math.nan))
    found = pieces([(step, 0, float(step % 7)) for step in range(2500)])
    assert [one.points for one in found] == [1000, 1000, 500]
    assert found[1].low == (1001, 0, 0.0)
    assert found[2].last[0] == 2499
