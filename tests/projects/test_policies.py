"""Decision policies: what decides one case, what a capacity gives, who may propose and who signs."""

import bisect
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from problems.problem import Conflict, Denied, Invalid
from projects import policies
from projects.permissions import Role
from projects.policies import STEPS, Rule
from projects.queries.policies import policy_in_force
from projects.services.policies import go_back, propose_policy, sign_policy
from projects.services.worth import set_worth
from tests.conftest import Cast

chances = st.lists(st.floats(0, 1), min_size=1, max_size=200)
GRID = [step / STEPS for step in range(STEPS + 1)]


def bins_of(said: list[float]) -> list[int]:
    bins = [0] * (STEPS + 1)
    for chance in said:
        bins[bisect.bisect_right(GRID, chance) - 1] += 1
    return bins


@settings(deadline=None)
@given(chances, st.integers(1, 300))
def test_a_capacity_gives_the_lowest_threshold_that_keeps_it(said: list[float], capacity: int) -> None:
    threshold = policies.threshold_for(capacity, len(said), bins_of(said))
    assert sum(Rule(threshold).decide(chance) == "yes" for chance in said) <= capacity
    lower = threshold - 1 / STEPS
    if threshold > 0:
        assert sum(bins_of(said)[round(lower * STEPS) :]) > capacity or threshold == policies.NOBODY


@settings(deadline=None)
@given(chances, st.integers(0, 300))
def test_in_a_batch_the_top_ones_are_a_yes_and_no_more(said: list[float], capacity: int) -> None:
    chosen = policies.top(said, capacity)
    assert sum(chosen) == min(capacity, len(said))
    taken, left = ([c for c, yes in zip(said, chosen, strict=True) if yes is which] for which in (True, False))
    assert not taken or not left or min(taken) >= max(left)


@settings(deadline=None)
@given(st.floats(0, 1), st.integers(0, STEPS), st.integers(0, STEPS), st.integers(0, STEPS))
def test_a_case_is_a_persons_inside_the_band_and_the_thresholds_outside(chance: float, a: int, b: int, c: int) -> None:
    low, at, high = sorted(step / STEPS for step in (a, b, c))
    decision = Rule(at, low, high).decide(chance)
    if low <= chance < high:
        assert decision == "person"
    else:
        assert decision == ("yes" if chance >= at else "no")


numbers = st.none() | st.floats(-2, 2) | st.sampled_from([0.2, 0.4, 0.6, float("nan"), float("inf")])


@settings(deadline=None)
@given(numbers, st.none() | st.integers(-5, 10), numbers, numbers, numbers)
def test_what_is_accepted_makes_sense_and_what_is_not_names_a_field(
    threshold: Any, capacity: Any, low: Any, high: Any, cost: Any
) -> None:
    values = {"threshold": threshold, "capacity": capacity, "person_low": low, "person_high": high, "person_cost": cost}
    draft, wrong = policies.make(values)
    assert (draft is None) == bool(wrong)
    if draft:
        assert (draft.threshold is None) != (draft.capacity is None)
        assert draft.low is None or (draft.high is not None and 0 <= draft.low < draft.high <= 1)


def propose(cast: Cast, threshold: float = 0.4, role: Role = Role.PRODUCT_MANAGER, **more: Any) -> Any:
    values = {"threshold": threshold} | more
    return propose_policy(cast.project, values=values, bins=[], reference="", by=cast[role])


def test_a_policy_is_in_force_from_its_signature_and_not_before(cast: Cast) -> None:
    first = propose(cast)
    assert policy_in_force(cast.project) is None
    sign_policy(first, by=cast[Role.PRODUCT_MANAGER])
    propose(cast, 0.6)
    assert policy_in_force(cast.project) == first


@pytest.mark.parametrize("role", [Role.DATA_SCIENTIST, Role.OWNER, Role.ML_ENGINEER])
def test_only_the_business_signs(cast: Cast, role: Role) -> None:
    policy = propose(cast)
    with pytest.raises(Denied, match="business analyst or product manager"):
        sign_policy(policy, by=cast[role])
    with pytest.raises(Denied):
        go_back(policy, reason="no", by=cast[role])


def test_only_the_newest_version_is_signed_and_only_once(cast: Cast) -> None:
    first, second = propose(cast), propose(cast, 0.5)
    manager = cast[Role.PRODUCT_MANAGER]
    with pytest.raises(Conflict, match="newer version"):
        sign_policy(first, by=manager)
    sign_policy(second, by=manager)
    with pytest.raises(Conflict, match="signed already"):
        sign_policy(second, by=manager)


def test_going_back_makes_a_new_version_with_the_old_content(cast: Cast) -> None:
    manager = cast[Role.PRODUCT_MANAGER]
    first = sign_policy(propose(cast, 0.4, person_low=0.3, person_high=0.5), by=manager)
    sign_policy(propose(cast, 0.7), by=manager)
    again = go_back(first, reason="Too few were called.", by=manager)
    force = policy_in_force(cast.project)
    assert force is not None
    assert (force.pk, force.version, force.threshold, force.copied_from) == (again.pk, 3, 0.4, first)
    assert (force.person_low, force.reason, force.signed_by) == (0.3, "Too few were called.", manager)
    first.refresh_from_db()
    assert first.version == 1
    with pytest.raises(Invalid, match="Say why"):
        go_back(first, reason=" ", by=manager)
    with pytest.raises(Conflict, match="was in force"):
        go_back(propose(cast, 0.8), reason="it was never used", by=manager)


def test_a_capacity_needs_cases_a_month_and_scores(cast: Cast) -> None:
    manager = cast[Role.PRODUCT_MANAGER]
    values = {"capacity": 500, "period": "week"}
    given_: dict[str, Any] = {"values": values, "reference": "run 1", "by": manager}
    with pytest.raises(Invalid, match="how many cases a month"):
        propose_policy(cast.project, bins=bins_of([0.2]), **given_)
    set_worth(cast.project, values={"cases_a_month": 4348.0}, by=manager)
    with pytest.raises(Invalid, match="scores of a finished run"):
        propose_policy(cast.project, bins=[], **given_)
    said = [place / 1000 for place in range(1000)]
    policy = propose_policy(cast.project, bins=bins_of(said), **given_)
    assert policy.threshold == pytest.approx(0.5, abs=0.002)
    assert "500 yes a week" in policies.sentences(policy)[0]


def test_a_number_has_no_decision_policy(cast: Cast) -> None:
    cast.project.kind = "regression"
    with pytest.raises(Conflict, match="yes-or-no"):
        propose(cast)
