"""The judge: properties that must hold for every target and every measurement."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects.contract import Goal, Judgement, Measurement, Verdict, judge, judge_all
from projects.measures import MEASURES

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False, allow_infinity=False)
DIRECTIONS = st.sampled_from(["at_least", "at_most"])
METRICS = st.sampled_from(sorted(MEASURES))
ORDER = [Verdict.NOT_MET, Verdict.CLOSE, Verdict.MET]


@st.composite
def measurements(draw: st.DrawFn) -> Measurement:
    low, value, high = sorted([draw(NUMBERS), draw(NUMBERS), draw(NUMBERS)])
    return Measurement(value, low, high, draw(st.integers(1, 10**6)))


def judged(direction: str, threshold: float, measured: Measurement, metric: str = "mae") -> Judgement:
    return judge(Goal("g", metric, direction, threshold, "minutes"), measured)


@given(measurements(), NUMBERS, METRICS)
def test_an_interval_wholly_on_the_good_side_is_met(measured: Measurement, gap: float, metric: str) -> None:
    assert judged("at_least", measured.low - abs(gap), measured, metric).verdict == Verdict.MET
    assert judged("at_most", measured.high + abs(gap), measured, metric).verdict == Verdict.MET


@given(measurements(), st.floats(1e-3, 1e6))
def test_an_interval_wholly_on_the_bad_side_is_not_met(measured: Measurement, gap: float) -> None:
    assert judged("at_least", measured.high + gap, measured).verdict == Verdict.NOT_MET
    assert judged("at_most", measured.low - gap, measured).verdict == Verdict.NOT_MET


@given(measurements(), st.floats(0.01, 0.99), DIRECTIONS)
def test_a_target_inside_the_interval_is_too_close_to_call(measured: Measurement, share: float, direction: str) -> None:
    threshold = measured.low + share * (measured.high - measured.low)
    if not measured.low < threshold < measured.high:
        return
    assert judged(direction, threshold, measured).verdict == Verdict.CLOSE


@given(measurements(), NUMBERS, NUMBERS)
def test_a_harder_target_never_gets_a_better_verdict(measured: Measurement, one: float, other: float) -> None:
    easier, harder = sorted([one, other])
    at_least = [ORDER.index(judged("at_least", t, measured).verdict) for t in (easier, harder)]
    at_most = [ORDER.index(judged("at_most", t, measured).verdict) for t in (harder, easier)]
    assert at_least[0] >= at_least[1]
    assert at_most[0] >= at_most[1]


@given(measurements(), NUMBERS)
def test_the_two_directions_are_mirror_images(measured: Measurement, threshold: float) -> None:
    mirror = Measurement(-measured.value, -measured.high, -measured.low, measured.n)
    assert judged("at_least", threshold, measured).verdict == judged("at_most", -threshold, mirror).verdict


@given(st.sampled_from([math.nan, math.inf, -math.inf]), st.integers(0, 2))
def test_what_is_not_a_number_is_refused(strange: float, place: int) -> None:
    numbers = [0.1, 0.2, 0.3]
    numbers[place] = strange
    with pytest.raises(ValueError):
        Measurement(numbers[1], numbers[0], numbers[2], 10)
    with pytest.raises(ValueError):
        judged("at_least", strange, Measurement(0.2, 0.1, 0.3, 10))


def test_an_interval_the_wrong_way_round_is_refused() -> None:
    with pytest.raises(ValueError):
        Measurement(0.5, 0.6, 0.4, 10)


def test_what_was_not_measured_is_said_to_be_so() -> None:
    goals = [Goal("a", "recall", "at_least", 0.7), Goal("b", "precision", "at_least", 0.5)]
    verdicts = judge_all(goals, {"recall": Measurement(0.74, 0.72, 0.76, 100)})
    assert [found.verdict for found in verdicts] == [Verdict.MET, Verdict.UNMEASURED]
    assert verdicts[0].sentence.startswith("Met: 74 of 100, between 72 of 100 and 76 of 100")


@given(METRICS, measurements(), NUMBERS)
def test_every_metric_can_be_said_in_a_sentence(metric: str, measured: Measurement, threshold: float) -> None:
    found = judge(Goal("g", metric, "at_least", threshold, "minutes"), measured)
    assert found.verdict.words in found.sentence
