"""Exit rules, and what opens a stage again."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from projects.stages import (
    DONE,
    EACH_ROUND,
    ENDLESS,
    EXITS,
    FINE,
    NOW,
    OWNERS,
    REDO,
    REOPENED,
    UPSTREAM,
    Begun,
    Outcome,
    is_overdue,
    missing_rules,
    reasons,
    standing,
)

START = datetime(2026, 11, 1, tzinfo=UTC)
FIRST = Begun(1, START)
STAGES = st.sampled_from(sorted(EXITS))
SETTLED = st.sampled_from(sorted(EACH_ROUND))
MOMENTS = st.integers(0, 1000).map(lambda minutes: START + timedelta(minutes=minutes))
PARTS = st.dictionaries(st.sampled_from(["a", "b", "contract"]), st.sampled_from(["1", "2", "3"]), max_size=3)


def outcomes() -> st.SearchStrategy[dict[str, Outcome]]:
    """Any outcomes of any stages, some of which say what they were made on."""
    basis = st.dictionaries(st.sampled_from(sorted(EXITS)), PARTS, max_size=3)
    one = st.builds(Outcome, parts=PARTS, words=st.just("Something published"), at=MOMENTS, basis=basis)
    return st.dictionaries(st.sampled_from(sorted(EXITS)), one)


def rules(stage: str) -> frozenset[str]:
    return frozenset(rule.key for rule in EXITS[stage])


def stands(stage: str, found: dict[str, Outcome], begun: Begun = FIRST, answers: dict[str, str] | None = None) -> Any:
    said = NOW if stage in ENDLESS else DONE
    return standing(stage, said, rules(stage), found, begun, answers or {})


def test_every_stage_has_rules_owners_and_only_earlier_stages_before_it() -> None:
    order = list(EXITS)
    assert set(OWNERS) == set(UPSTREAM) == set(order)
    for stage in order:
        assert EXITS[stage]
        assert OWNERS[stage]
        assert all(order.index(name) < order.index(stage) for name in UPSTREAM[stage])


@given(STAGES, st.data())
def test_done_means_that_every_rule_holds(stage: str, data: st.DataObject) -> None:
    holds = data.draw(st.frozensets(st.sampled_from(sorted(rules(stage)))))
    found = standing(stage, DONE, holds, {}, FIRST, {})
    assert (found.state == DONE) == (holds == rules(stage))
    assert {rule.key for rule in found.missing} == rules(stage) - holds
    assert missing_rules(stage, None) == ()


@given(STAGES, st.sampled_from(["todo", "now", "waiting", "alert"]), outcomes())
def test_work_under_way_an_alert_or_a_missing_signature_is_never_painted_over(
    stage: str, said: str, found: dict[str, Outcome]
) -> None:
    shown = standing(stage, said, rules(stage), found, FIRST, {}).state
    assert shown == said or (stage in ENDLESS and said == NOW and shown == REOPENED)


@given(STAGES, outcomes())
def test_a_stage_is_reopened_exactly_when_there_is_a_reason(stage: str, found: dict[str, Outcome]) -> None:
    shown = stands(stage, found)
    assert (shown.state == REOPENED) == bool(reasons(stage, found, FIRST))
    assert shown.reasons == reasons(stage, found, FIRST)


@given(STAGES, outcomes())
def test_still_fine_closes_it_and_redo_keeps_it_open(stage: str, found: dict[str, Outcome]) -> None:
    seen = stands(stage, found)
    fine = stands(stage, found, answers={seen.fingerprint: FINE})
    assert fine.state == (NOW if stage in ENDLESS else DONE)
    assert fine.reasons == ()
    redo = stands(stage, found, answers={seen.fingerprint: REDO})
    assert redo.reasons == seen.reasons
    assert redo.state == (NOW if seen.reasons or stage in ENDLESS else DONE)


@given(SETTLED, outcomes(), st.sampled_from(sorted(EXITS)), PARTS)
def test_still_fine_holds_for_exactly_that_upstream(
    stage: str, found: dict[str, Outcome], other: str, parts: dict[str, str]
) -> None:
    seen = stands(stage, found)
    if other in found:
        changed = {**found, other: Outcome(parts, "Again", found[other].at, found[other].basis)}
        later = stands(stage, changed, answers={seen.fingerprint: FINE})
        basis = found[stage].basis.get(other) if stage in found else None
        known = {part for part in {*parts, *found[other].parts} if basis is None or part in basis}
        same = all(parts.get(part) == found[other].parts.get(part) for part in known)
        looks_there = other in (stage, *UPSTREAM[stage])
        assert (later.fingerprint == seen.fingerprint) == (not looks_there or same)
        if later.fingerprint != seen.fingerprint:
            assert later.reasons == reasons(stage, changed, FIRST)


@given(SETTLED, outcomes())
def test_what_lies_downstream_never_opens_a_stage(stage: str, found: dict[str, Outcome]) -> None:
    kept = {name: value for name, value in found.items() if name in (stage, *UPSTREAM[stage])}
    assert stands(stage, found) == stands(stage, kept)


@given(SETTLED, MOMENTS, st.integers(1, 5))
def test_a_round_opens_what_came_before_it_and_nothing_else(stage: str, at: datetime, number: int) -> None:
    begun = Begun(number, START + timedelta(minutes=500))
    shown = stands(stage, {stage: Outcome({"x": "1"}, "Made", at)}, begun)
    assert (shown.state == REOPENED) == (number > 1 and at < begun.at)


def test_a_basis_counts_more_than_the_clock() -> None:
    data = Outcome({"customers": "2", "calls": "1"}, "customers version 2 published", START + timedelta(days=2))
    early = Outcome({"run": "5"}, "Run 5 finished", START, {"data": {"customers": "2"}})
    late = Outcome({"run": "6"}, "Run 6 finished", START + timedelta(days=9), {"data": {"customers": "1"}})
    assert reasons("train", {"data": data, "train": early}, FIRST) == ()
    assert reasons("train", {"data": data, "train": late}, FIRST) == ("Customers version 2 published since",)


def test_other_data_opens_nothing_and_the_reason_names_what_moved() -> None:
    each = {"customers": "customers version 2 published", "money": "money version 1 published"}
    data = Outcome({"customers": "2", "money": "1"}, each["money"], START, each=each)
    old = Outcome({"run": "5"}, "Run 5 finished", START, {"data": {"customers": "1"}})
    new = Outcome({"run": "6"}, "Run 6 finished", START, {"data": {"customers": "2"}})
    assert reasons("train", {"data": data, "train": old}, FIRST) == ("Customers version 2 published since",)
    fine = {stands("train", {"data": data, "train": old}).fingerprint: FINE}
    more = Outcome({"customers": "2", "money": "7"}, "money version 7 published", START, each=each)
    assert reasons("train", {"data": more, "train": new}, FIRST) == ()
    assert stands("train", {"data": more, "train": old}, answers=fine).reasons == (), "what was said still counts"


def test_data_that_is_gone_is_no_reason() -> None:
    data = Outcome({"customers": "2"}, "customers version 2 published", START)
    run = Outcome({"run": "5"}, "Run 5 finished", START, {"data": {"thrown-away": "1"}})
    assert reasons("train", {"data": data, "train": run}, FIRST) == ()


def test_only_what_is_not_done_can_be_late() -> None:
    assert is_overdue("now", "2026-11-01", "2026-11-02")
    assert not is_overdue("now", "2026-11-02", "2026-11-02")
    assert not is_overdue("done", "2026-11-01", "2026-11-02")
    assert not is_overdue("now", "", "2026-11-02")
