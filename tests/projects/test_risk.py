"""Risk: heavier answers never lower the tier, and the tier chooses the gate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects.gate_policy import RULES, rule_for, rule_of, sentences, stands_for
from projects.permissions import Role
from projects.risk import QUESTIONS, Tier, assess, wrong_answers

ORDER = [Tier.LOW, Tier.MEDIUM, Tier.HIGH]
PLACES = st.fixed_dictionaries({q.key: st.integers(0, len(q.choices) - 1) for q in QUESTIONS})


def answers(places: dict[str, int]) -> dict[str, str]:
    return {question.key: question.choices[places[question.key]].value for question in QUESTIONS}


def rank(places: dict[str, int]) -> int:
    return ORDER.index(assess(answers(places)).tier)


@given(PLACES, st.sampled_from([question.key for question in QUESTIONS]))
def test_a_heavier_answer_never_lowers_the_tier(places: dict[str, int], key: str) -> None:
    most = next(len(question.choices) - 1 for question in QUESTIONS if question.key == key)
    heavier = places | {key: min(places[key] + 1, most)}
    assert rank(heavier) >= rank(places)
    assert assess(answers(heavier)).weight >= assess(answers(places)).weight


@given(PLACES)
def test_every_weight_has_a_reason(places: dict[str, int]) -> None:
    found = assess(answers(places))
    assert bool(found.weight) == bool(found.reasons)
    assert all(reason.endswith(".") for reason in found.reasons)


def test_the_ends_and_what_is_high_by_itself() -> None:
    lightest = {question.key: 0 for question in QUESTIONS}
    assert assess(answers(lightest)).tier == Tier.LOW
    assert assess(answers({question.key: len(question.choices) - 1 for question in QUESTIONS})).tier == Tier.HIGH
    assert assess(answers(lightest | {"people": 2, "reversible": 2})).tier == Tier.HIGH
    assert assess(answers(lightest | {"regulated": 2, "automated": 2})).tier == Tier.HIGH
    assert assess(answers(lightest | {"regulated": 2, "people": 2})).tier == Tier.MEDIUM


def test_answers_are_complete_and_known() -> None:
    assert set(wrong_answers({})) == {question.key for question in QUESTIONS}
    full = answers({question.key: 0 for question in QUESTIONS})
    assert set(wrong_answers(full | {"people": "martians", "mood": "good"})) == {"people", "mood"}
    with pytest.raises(ValueError):
        assess({})


def test_choices_stand_in_order_of_weight() -> None:
    for question in QUESTIONS:
        weights = [choice.weight for choice in question.choices]
        assert weights == sorted(weights)
        assert weights[0] == 0


def test_a_higher_tier_never_asks_for_less() -> None:
    low, medium, high = (rule_for(tier, "production") for tier in ORDER)
    for lighter, heavier in ((low, medium), (medium, high)):
        assert set(lighter.roles) < set(heavier.roles)
        assert set(lighter.must) <= set(heavier.must)
        assert lighter.warnings_need_reason <= heavier.warnings_need_reason
        assert lighter.requester_may_sign >= heavier.requester_may_sign


def test_every_rule_survives_being_kept_and_reads_as_sentences() -> None:
    for rule in RULES.values():
        assert rule_of(rule.as_dict()) == rule
        assert Role(rule.waiver_role).label in sentences(rule)[-1]
    assert len({stands_for(rule) for rule in RULES.values()}) == len(set(RULES.values()))
    assert rule_for("high", "somewhere new").roles == rule_for("high", "production").roles
