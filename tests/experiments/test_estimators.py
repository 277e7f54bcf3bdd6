"""Common checks that every estimator family must pass."""

import math
import warnings
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from sklearn.pipeline import Pipeline

from datasets.splitting import Split, at_random
from experiments.columns import from_table
from experiments.estimators.catalog import FAMILIES, for_kind
from experiments.estimators.family import Family
from experiments.estimators.preprocessing import pipeline
from experiments.matrices import Layout, from_rows, layout_of
from experiments.packaging import dumped, loaded
from experiments.references import golden_rows
from experiments.unlabelled.asking import middles, oddness, placed
from problems.problem import Invalid
from projects.measures import UNLABELLED
from tests.experiments.scripts import PLAIN, by_hand
from tests.experiments.tables import schema_of, story

MEMBERS = [
    (family, kind)
    for family in FAMILIES.values()
    if family.installed
    for kind in sorted(family.kinds)
    if not (family.key == "dummy" and kind in UNLABELLED)  # chance is measured beside, and never stored
]
NAMES = [f"{family.key}-{kind}" for family, kind in MEMBERS]
every_member = pytest.mark.parametrize(("family", "kind"), MEMBERS, ids=NAMES)
INPUTS = ("plan", "tenure", "price", "senior", "since", "seen")
SMALL = {"n_estimators": 20, "max_iter": 60, "folds": 2}


class Ready(NamedTuple):
    """A small table with every type, and what is asked of it."""

    table: pa.Table
    inputs: list[dict[str, Any]]
    layout: Layout
    truth: np.ndarray
    split: Split


@cache
def _ready(kind: str) -> Ready:
    table = story(300)
    inputs = [field for field in schema_of(table) if field["name"] in INPUTS]
    spend = np.array(table["spend"])
    truth = {
        "binary": (np.array(table["left"].to_pylist()) == "Yes").astype(float),
        "multiclass": np.digitize(spend, [75, 110]).astype(float),
        "regression": spend,
        "clustering": np.full(300, np.nan),
        "anomaly": np.full(300, np.nan),
    }[kind]
    return Ready(table, inputs, layout_of(inputs), truth, at_random(np.arange(300), 0.3, 1))


def _defaults(family: Family) -> dict[str, Any]:
    small = SMALL | ({"max_iter": 12} if family.key == "boosted" else {})
    return {name: small.get(name, value) for name, value in family.checked({}, "x").items()}


def _others(kind: str) -> dict[str, dict[str, Any]]:
    keys = ("linear" if kind == "regression" else "logistic", "forest")
    return {key: _defaults(FAMILIES[key]) for key in keys}


def _unfitted(family: Family, kind: str, settings: dict[str, Any], seed: int = 5) -> Pipeline:
    return pipeline(family, kind, settings, _ready(kind).layout, seed, _others(kind))


@cache
def _fitted(key: str, kind: str, again: int = 0) -> Pipeline:
    """Fitted once for all checks of a member; another number for `again` fits it anew."""
    family, ready = FAMILIES[key], _ready(kind)
    train = from_table(ready.table.take(ready.split.train), ready.layout)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _unfitted(family, kind, _defaults(family)).fit(train, ready.truth[ready.split.train])


def _said(model: Any, matrix: np.ndarray, kind: str) -> np.ndarray:
    if kind == "anomaly":
        return oddness(model, matrix)
    if kind == "clustering":
        return np.column_stack(placed(model, matrix, range(len(middles(model[-1])))))
    return model.predict(matrix) if kind == "regression" else model.predict_proba(matrix)


@every_member
def test_it_learns_with_gaps_and_answers_rows_with_unseen_words(family: Family, kind: str) -> None:
    table, inputs, layout, _, split = _ready(kind)
    model = _fitted(family.key, kind)
    rows = golden_rows(table.take(split.test), inputs, 40, 1)
    assert any(row["plan"] == "never seen in training" for row in rows)
    assert any(row["price"] is None for row in rows)
    found = _said(model, from_rows(rows, layout), kind)
    assert np.isfinite(found).all()
    nothing = dict.fromkeys(INPUTS)
    assert np.isfinite(_said(model, from_rows([nothing], layout), kind)).all()
    if kind in ("binary", "multiclass"):
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("kind", ["regression"])
def test_rows_and_tables_become_the_same_matrix(kind: str) -> None:
    table, inputs, layout, _, split = _ready(kind)
    part = table.take(split.test)
    rows = part.select([field["name"] for field in inputs]).to_pylist()
    plain = [
        {name: (value.isoformat() if hasattr(value, "isoformat") else value) for name, value in row.items()}
        for row in rows
    ]
    ours, theirs = from_rows(plain, layout), from_table(part, layout)
    assert (ours[:, layout.words] == theirs[:, layout.words]).all()
    np.testing.assert_allclose(
        ours[:, layout.numbers].astype(float), theirs[:, layout.numbers].astype(float), rtol=1e-12
    )


@every_member
def test_the_same_seed_gives_the_same_model_bit_for_bit(family: Family, kind: str) -> None:
    matrix = from_table(_ready(kind).table, _ready(kind).layout)
    first, second = (_said(_fitted(family.key, kind, again), matrix, kind) for again in (0, 1))
    assert first.tobytes() == second.tobytes()


@every_member
def test_the_stored_model_answers_as_the_trained_one(family: Family, kind: str) -> None:
    matrix = from_table(_ready(kind).table, _ready(kind).layout)
    model = _fitted(family.key, kind)
    again = loaded(dumped(model))
    assert _said(again, matrix, kind).tobytes() == _said(model, matrix, kind).tobytes()


@every_member
def test_one_row_alone_is_answered_as_among_others(family: Family, kind: str) -> None:
    matrix = from_table(_ready(kind).table, _ready(kind).layout)[:12]
    model = _fitted(family.key, kind)
    alone = np.concatenate([_said(model, matrix[place : place + 1], kind) for place in range(len(matrix))])
    np.testing.assert_allclose(alone, _said(model, matrix, kind), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("key", "kind"), sorted(PLAIN), ids=[f"{key}-{kind}" for key, kind in sorted(PLAIN)])
def test_it_scores_as_a_plain_script_with_the_same_estimator(key: str, kind: str) -> None:
    """The script reads the table itself, prepares it by hand and knows nothing of this project."""
    if not FAMILIES[key].installed:
        pytest.skip(f"{FAMILIES[key].needs} is not installed: requirements/boost.in")
    ready = _ready(kind)
    frame = ready.table.to_pandas().drop(columns=["customer", "price_again", "same", "empty", "left", "spend"])
    x = by_hand(frame, ready.split.train, FAMILIES[key].prepare)
    model = PLAIN[key, kind]().fit(x[ready.split.train], ready.truth[ready.split.train])
    matrix = from_table(ready.table.take(ready.split.test), ready.layout)
    np.testing.assert_allclose(
        _said(_fitted(key, kind), matrix, kind), _said(model, x[ready.split.test], kind), rtol=1e-7, atol=1e-8
    )


@every_member
def test_its_settings_are_enforced(family: Family, kind: str) -> None:
    for name in ("n_jobs", "__class__", "memory", "kernel"):
        with pytest.raises(Invalid) as refused:
            family.checked({name: 1}, f"methods.{family.key}")
        assert f"methods.{family.key}.{name}" in refused.value.fields
    for setting in family.settings:
        bad = ["__import__('os')", math.nan, math.inf, {"callable": "os.system"}, [], True, 1e300, -1e300]
        for value in bad:
            if setting.kind == "choice" and value in setting.choices:
                continue
            with pytest.raises(Invalid) as refused:
                family.checked({setting.name: value}, "m")
            assert f"m.{setting.name}" in refused.value.fields, (setting.name, value)
    with pytest.raises(Invalid):
        family.checked(["not", "settings"], "m")


@every_member
def test_every_bound_is_a_setting_that_trains(family: Family, kind: str) -> None:
    table, _, layout, truth, _ = _ready(kind)
    matrix = from_table(table, layout)[:60]
    for setting in family.settings:
        ends = setting.choices if setting.kind == "choice" else [setting.low]
        for value in ends:
            if value == setting.default:
                continue
            settings = family.checked(_defaults(family) | {setting.name: value}, "m")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                _unfitted(family, kind, settings).fit(matrix, truth[:60])


@pytest.mark.parametrize(("key", "rows"), [("svm", 20_001), ("linear_svm", 300_001), ("neighbours", 50_001)])
def test_a_method_that_would_not_end_says_how_many_rows_it_takes(key: str, rows: int) -> None:
    family = FAMILIES[key]
    settings = family.checked({}, "m")
    assert family.refuses(settings, rows - 1) == ""
    assert str(rows - 1) in family.refuses(settings, rows)
    assert "fewer neighbours" in FAMILIES["neighbours"].refuses({"n_neighbors": 30}, 29)


@every_member
def test_defaults_pass_their_own_check_and_words_are_there(family: Family, kind: str) -> None:
    assert family.checked(family.checked({}, "m"), "m") == family.checked({}, "m")
    assert family.words.endswith(".")
    assert all(setting.label and setting.help.endswith(".") for setting in family.settings)


def test_the_yardstick_is_not_for_choosing_and_few_are_chosen_beforehand() -> None:
    for kind, simple in (("binary", "logistic"), ("multiclass", "logistic"), ("regression", "linear")):
        keys = [family.key for family in for_kind(kind)]
        assert "dummy" not in keys
        assert [family.key for family in for_kind(kind) if family.preset] == ["boosted", simple, "forest"]
        assert {"extra_trees", "linear_svm", "svm", "neighbours", "neural", "vote", "stack"} < set(keys)


def test_what_is_not_installed_is_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.estimators.family.find_spec", lambda name: None)
    assert not {"lightgbm", "xgboost"} & {family.key for family in for_kind("binary")}


HOSTILE: dict[str, list[Any]] = {
    "n_jobs": [10_000, -1],
    "n_estimators": [10**9, -1, 1.5, "100", True, float("nan"), float("inf"), None, [100], 10**400],
    "max_iter": [10**9, 0, float("nan")],
    "max_depth": ["__import__", 10**9, {"a": 1}],
    "C": [float("nan"), float("inf"), -1, "1", 1e300],
    "learning_rate": [float("nan"), 0, -1, "0.1"],
    "memory": ["/etc"],
    "kernel": [{"callable": "os.system"}, "os.system", "callable"],
    "metric": [{"callable": "os.system"}],
    "__class__": ["os"],
    "__init__": [{}],
    "steps": [[]],
    "base_estimator": ["os.system"],
    "random_state": [1],
}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.key)
def test_hostile_settings_are_refused_by_a_typed_schema_with_bounds(family: Family) -> None:
    """A44, for every family: what is unknown, of another type, not finite, or beyond its bounds."""
    for name, values in HOSTILE.items():
        for value in values:
            with pytest.raises(Invalid) as refused:
                family.checked({name: value}, "methods.x")
            assert f"methods.x.{name}" in refused.value.fields
    for whole in (None, [], "os.system", 5):
        with pytest.raises(Invalid):
            family.checked(whole, "methods.x")
