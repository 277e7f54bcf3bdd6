"""Searching better settings: plans, proposals, trials, figures; no database."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.estimators.catalog import FAMILIES
from experiments.searching import engine, plans, proposals
from experiments.searching.charts import best_so_far, explained, mattered
from experiments.searching.words import believed
from jobs.report import Silent
from problems.problem import Invalid
from tests.experiments.tables import schema_of, story, write

LEARNED_FROM = pytest.mark.skipif(not plans.has_bayesian(), reason="needs Optuna: requirements/tune.txt")
C = {"C": {"low": 0.001, "high": 100.0, "scale": "log"}}


def _plan(**given: Any) -> dict[str, Any]:
    plan = plans.checked({"method": "logistic", "space": C} | given, {"logistic": {}, "boosted": {}})
    assert plan is not None
    return plan


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What an engine gets for a small yes-or-no question."""
    table = story(400)
    path = write(table, tmp_path_factory.mktemp("search") / "story.parquet")
    asked = FAMILIES["logistic"].checked({}, "x")
    return {
        "table": str(path), "schema": schema_of(table), "kind": "binary", "target": "left", "positive": "Yes",
        "inputs": ["plan", "tenure", "price"], "split": {"kind": "random", "seed": 1, "test_share": 0.2}, "goals": [],
        "methods": {"logistic": asked}, "seed": 3, "threshold": 0.5, "decide_by": "roc_auc", "tuning": _plan(trials=6, folds=3),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ([], "tuning"),
        ({"method": "vote"}, "tuning.method"),
        ({"search": "luck"}, "tuning.search"),
        ({"trials": 1}, "tuning.trials"),
        ({"trials": True}, "tuning.trials"),
        ({"seconds": 1e9}, "tuning.seconds"),
        ({"folds": "5"}, "tuning.folds"),
        ({"nested": "yes"}, "tuning.nested"),
        ({"speed": 1}, "tuning.speed"),
        ({"space": {"D": {}}}, "tuning.space.D"),
        ({"space": {"C": {"low": 1}}}, "tuning.space.C"),
        ({"space": {"C": {"low": 2, "high": 1}}}, "tuning.space.C"),
        ({"space": {"C": {"low": -1, "high": 1}}}, "tuning.space.C"),
        ({"space": {"C": {"low": 1, "high": 2, "scale": "cubic"}}}, "tuning.space.C"),
        ({"space": {"restraint": {"low": 1, "high": 2}}}, "tuning.space.restraint"),
        ({"space": {"restraint": {"values": ["none"]}}}, "tuning.space.restraint"),
        ({"search": "grid", "trials": 2, "space": {"C": {"values": [1, 2, 3]}}}, "tuning.trials"),
        ({"search": "grid", "trials": 3, "space": {}}, "tuning.trials"),
    ],
)
def test_a_plan_that_cannot_work_is_refused_by_the_name_of_its_field(given: Any, field: str) -> None:
    whole = {"method": "logistic"} | given if isinstance(given, dict) else [1]
    with pytest.raises(Invalid) as refused:
        plans.checked(whole, {"logistic": {}, "boosted": {}})
    assert list(refused.value.fields) == [field]


def test_no_plan_is_no_search() -> None:
    assert plans.checked(None, {"logistic": {}}) is None


@pytest.mark.parametrize("family", [one for one in FAMILIES.values() if one.make], ids=lambda one: one.key)
def test_the_usual_space_of_every_family_lies_within_its_bounds_and_can_be_written_and_read(family: Any) -> None:
    space = plans.usual_space(family)
    known = {setting.name: setting for setting in family.settings}
    for name, part in space.items():
        ends = part.get("values") or [part["low"], part["high"]]
        assert [known[name].wrong(end) for end in ends] == [""] * len(ends)
        assert part.get("scale") != "log" or part["low"] > 0
    assert plans.read_space(plans.space_words(space), family) == space
    if space:
        assert plans.checked({"method": family.key}, {family.key: {}}) is not None


def test_a_grid_has_every_combination_once_and_no_more_than_its_budget() -> None:
    plan = _plan(search="grid", trials=13, space=C | {"restraint": {"values": ["ridge", "lasso"]}})
    found = [proposals.proposed(plan, {"max_iter": 9}, number, 1, [], 1) for number in range(1, plan["trials"] + 1)]
    assert plan["trials"] == 12
    assert len({json.dumps(one, sort_keys=True) for one in found}) == 12
    assert {one["C"] for one in found} == {0.001, 0.01, 0.1, 1, 10, 100}
    assert all(one["max_iter"] == 9 for one in found)


@given(number=st.integers(2, 5000), seed=st.integers(0, 2**31 - 1))
def test_what_is_tried_at_random_lies_in_the_space_and_is_the_same_again(number: int, seed: int) -> None:
    family = FAMILIES["boosted"]
    plan = {"method": "boosted", "search": "random", "space": plans.usual_space(family)}
    found = proposals.proposed(plan, family.checked({}, "x"), number, seed, [], 1)
    assert found == proposals.proposed(plan, family.checked({}, "x"), number, seed, [], 1)
    assert family.checked(found, "x") == found
    for name, part in plan["space"].items():
        assert part["low"] <= found[name] <= part["high"]


@LEARNED_FROM
def test_learning_from_earlier_trials_comes_nearer_to_the_best_than_chance() -> None:
    def distance(search: str, seed: int) -> float:
        plan, history = _plan(search=search, trials=40), []
        for number in range(1, 41):
            settings = proposals.proposed(plan, {"C": 90.0}, number, seed, history, -1)
            value = abs(np.log10(settings["C"]) + 1.5)
            history.append(
                {"number": number, "settings": settings, "state": "finished", "value": value, "folds": [value]}
            )
        return float(np.mean([one["value"] for one in history[20:]]))

    assert distance("bayesian", 1) < distance("random", 1) / 2


@LEARNED_FROM
def test_trials_that_were_given_up_or_lie_outside_the_space_do_no_harm() -> None:
    plan = _plan(search="bayesian", space=C | {"class_weight": {"values": [None, "balanced"]}})
    asked = {"C": 1000.0, "class_weight": None}
    history = [
        {"number": n, "settings": asked if n == 1 else {"C": 0.1 * n, "class_weight": None}, "state": "pruned" if n % 2 else "finished",
         "value": 0.5 + n / 100, "folds": [0.5]}
        for n in range(1, 12)
    ]  # fmt: skip
    found = proposals.proposed(plan, asked, 12, 1, history, 1)
    assert 0.001 <= found["C"] <= 100
    assert found["class_weight"] in (None, "balanced")


def test_halving_spends_its_budget_on_rungs_and_the_better_third_goes_on() -> None:
    rungs = plans.rungs(_plan(search="halving", trials=30))
    assert [count for count, _ in rungs] == [20, 6, 2]
    assert [round(share, 3) for _, share in rungs] == [0.111, 0.333, 1.0]
    history = [{"number": n, "settings": {"C": n}, "value": v} for n, v in ((1, 0.5), (2, None), (3, 0.9), (4, 0.9))]
    assert [proposals.promoted(history, place, 1)["C"] for place in range(3)] == [3, 4, 1]
    assert proposals.promoted(history, 0, -1)["C"] == 1


def test_trials_are_measured_on_the_rows_to_learn_from_only_and_the_first_are_the_settings_asked_for(
    spec: dict[str, Any], tmp_path: Path
) -> None:
    wanted = [{"number": number, "share": 1.0, "settings": None} for number in (1, 2)]
    given = spec | {"trials": wanted, "history": [], "slice": 60, "left": 60}
    found = engine.run(given, tmp_path, Silent())["trials"]
    assert [one["state"] for one in found] == ["finished", "finished"]
    assert found[0]["settings"] == spec["methods"]["logistic"]
    assert [len(one["folds"]) for one in found] == [3, 3]
    ground = engine.ground_of(spec, Silent())
    assert ground.truth.size == 320
    parts = ground.cut(np.arange(320), 3)
    assert found[0]["rows"] == max(learn.size for learn, _ in parts) <= 214
    assert found[0]["value"] == pytest.approx(np.mean(found[0]["folds"]))
    assert engine.run(given, tmp_path, Silent())["trials"][1]["settings"] == found[1]["settings"]


def test_a_slice_that_is_over_still_tries_one_and_gives_the_rest_back(spec: dict[str, Any], tmp_path: Path) -> None:
    wanted = [{"number": number, "share": 1.0, "settings": None} for number in (1, 2, 3)]
    found = engine.run(spec | {"trials": wanted, "history": [], "slice": 0, "left": 0}, tmp_path, Silent())["trials"]
    assert [one["number"] for one in found] == [1]


def test_what_is_clearly_behind_is_given_up_and_a_bad_setting_harms_only_its_own_trial(spec: dict[str, Any]) -> None:
    ground = engine.ground_of(spec, Silent())
    parts = ground.cut(np.arange(ground.truth.size), 3)
    history = [{"folds": [0.99, 0.99, 0.99]}] * 4
    behind = engine.tried(ground, spec["methods"]["logistic"], parts, 1.0, engine.median_rule(ground, history))
    assert (behind["state"], len(behind["folds"])) == ("pruned", 1)
    assert "Behind half of the others after 1 of 3 folds" in behind["message"]
    ahead = engine.median_rule(ground, [{"folds": [0.1]}] * 4)
    assert engine.tried(ground, spec["methods"]["logistic"], parts, 1.0, ahead)["state"] == "finished"
    bad = engine.tried(ground, spec["methods"]["logistic"] | {"C": -1.0}, parts, 1.0, lambda values: "")
    assert (bad["state"], bad["value"]) == ("failed", None)
    assert bad["message"]


def test_a_whole_search_by_halving_and_its_check_on_rows_that_it_did_not_see(
    spec: dict[str, Any], tmp_path: Path
) -> None:
    plan = _plan(search="halving", trials=8, folds=2, seconds=60)
    ground = engine.ground_of(spec | {"tuning": plan}, Silent())
    found = engine.search(ground, spec["methods"]["logistic"], np.arange(ground.truth.size), 60, Silent())
    assert [one["share"] for one in found] == pytest.approx([1 / 9] * 5 + [1 / 3, 1.0])
    best = engine.best_of(found, 1)
    assert best is not None
    assert best["number"] == 7
    check = engine.nested(spec | {"tuning": plan, "outer": 1}, tmp_path, Silent())
    assert 0.5 < check["value"] <= 1
    assert check["rows"] == pytest.approx(107, abs=1)


def test_folds_keep_to_the_kind_of_the_split(spec: dict[str, Any]) -> None:
    timed = engine.ground_of(spec | {"split": {"kind": "time", "column": "since", "test_share": 0.2}}, Silent())
    assert timed.times is not None
    for learn, test in timed.cut(np.arange(timed.truth.size), 3):
        assert timed.times[learn].max() <= timed.times[test].min()
    grouped = engine.ground_of(
        spec | {"split": {"kind": "group", "column": "price", "test_share": 0.2, "seed": 1}}, Silent()
    )
    assert grouped.groups is not None
    for learn, test in grouped.cut(np.arange(grouped.truth.size), 3):
        assert not set(grouped.groups[learn]) & set(grouped.groups[test])


def _drawn(count: int) -> list[dict[str, Any]]:
    chance = np.random.default_rng(1)
    rows = [{"a": float(chance.random()), "b": float(chance.random())} for _ in range(count)]
    return [
        {"number": n, "value": one["a"] + 0.01 * one["b"], "state": "finished", "share": 1.0, "settings": one}
        for n, one in enumerate(rows, start=1)
    ]


def test_the_figures_tell_when_the_best_came_and_which_setting_mattered() -> None:
    trials = _drawn(60)
    curve, bars = best_so_far(trials, "roc_auc"), mattered(trials, {"a": "Freedom", "b": "Restraint"})
    assert curve is not None
    assert bars is not None
    best = max(trials, key=lambda one: one["value"])
    assert curve.finding == f"The best came after {best['number']} of 60 trials, and is {best['value']:.4f}."
    line = curve.plot["data"][1]["y"]
    assert line == list(np.maximum.accumulate([one["value"] for one in trials]))
    assert bars.finding.startswith("Freedom mattered most")
    assert mattered(trials[:5], {"a": "Freedom"}) is None
    assert best_so_far([], "roc_auc") is None


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=40))
def test_what_a_setting_explains_is_a_share(pairs: list[tuple[float, float]]) -> None:
    share = explained([one for one, _ in pairs], [value for _, value in pairs])
    assert share is None or 0 <= share <= 1


def test_a_best_that_the_locked_rows_contradict_is_called_too_hopeful() -> None:
    found = {"metric": "roc_auc", "best": {"value": 0.9}, "trials": {"finished": 40, "pruned": 3, "skipped": 9}}
    hopeful = believed(found, {"roc_auc": {"value": 0.8, "low": 0.75, "high": 0.85}})
    assert hopeful is not None
    assert hopeful.optimistic
    assert "best of 43 trials" in hopeful.sentence
    fair = believed(found | {"nested": {"mean": 0.81}}, {"roc_auc": {"value": 0.88, "low": 0.8, "high": 0.93}})
    assert fair is not None
    assert (fair.optimistic, fair.nested) == (False, "0.8100")
    costly = believed(found | {"metric": "rmse"}, {"rmse": {"value": 1.2, "low": 1.0, "high": 1.4}})
    assert costly is not None
    assert costly.optimistic
    assert believed(found, {}) is None
    assert believed(None, {}) is None
