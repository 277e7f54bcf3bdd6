"""Common checks that every estimator family must pass."""

import math

import numpy as np
import pytest

from datasets.splitting import at_random
from experiments.columns import from_table
from experiments.estimators.catalog import FAMILIES, for_kind
from experiments.estimators.family import Family
from experiments.estimators.preprocessing import pipeline
from experiments.matrices import from_rows, layout_of
from experiments.packaging import dumped, loaded
from experiments.references import golden_rows
from problems.problem import Invalid
from tests.experiments.tables import schema_of, story

MEMBERS = [(family, kind) for family in FAMILIES.values() for kind in sorted(family.kinds)]
NAMES = [f"{family.key}-{kind}" for family, kind in MEMBERS]
every_member = pytest.mark.parametrize(("family", "kind"), MEMBERS, ids=NAMES)
INPUTS = ("plan", "tenure", "price", "senior", "since", "seen")


def _ready(kind: str) -> tuple:
    table = story(300)
    inputs = [field for field in schema_of(table) if field["name"] in INPUTS]
    layout = layout_of(inputs)
    truth = (
        (np.array(table["left"].to_pylist()) == "Yes").astype(float) if kind == "binary" else np.array(table["spend"])
    )
    split = at_random(np.arange(300), 0.3, 1)
    return table, inputs, layout, truth, split


def _defaults(family: Family) -> dict:
    small = {"n_estimators": 20, "max_iter": 60}
    return {name: small.get(name, value) for name, value in family.checked({}, "x").items()}


def _said(model, matrix: np.ndarray, kind: str) -> np.ndarray:  # type: ignore[no-untyped-def]
    return model.predict_proba(matrix)[:, 1] if kind == "binary" else model.predict(matrix)


@every_member
def test_it_learns_with_gaps_and_answers_rows_with_unseen_words(family: Family, kind: str) -> None:
    table, inputs, layout, truth, split = _ready(kind)
    model = pipeline(family, kind, _defaults(family), layout, 3)
    model.fit(from_table(table.take(split.train), layout), truth[split.train])
    rows = golden_rows(table.take(split.test), inputs, 40, 1)
    assert any(row["plan"] == "never seen in training" for row in rows)
    assert any(row["price"] is None for row in rows)
    found = _said(model, from_rows(rows, layout), kind)
    assert np.isfinite(found).all()
    nothing = dict.fromkeys(INPUTS)
    assert np.isfinite(_said(model, from_rows([nothing], layout), kind)).all()


@every_member
def test_rows_and_tables_become_the_same_matrix(family: Family, kind: str) -> None:
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
def test_the_same_seed_gives_the_same_model(family: Family, kind: str) -> None:
    table, _, layout, truth, split = _ready(kind)
    matrix = from_table(table, layout)
    answers = [
        _said(
            pipeline(family, kind, _defaults(family), layout, 5).fit(matrix[split.train], truth[split.train]),
            matrix,
            kind,
        )
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*answers)


@every_member
def test_the_stored_model_answers_as_the_trained_one(family: Family, kind: str) -> None:
    table, _, layout, truth, split = _ready(kind)
    matrix = from_table(table, layout)
    model = pipeline(family, kind, _defaults(family), layout, 5).fit(matrix[split.train], truth[split.train])
    again = loaded(dumped(model))
    np.testing.assert_array_equal(_said(again, matrix, kind), _said(model, matrix, kind))


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
        cheap = _defaults(family)
        value = setting.choices[-1] if setting.kind == "choice" else setting.low
        settings = family.checked(cheap | {setting.name: value}, "m")
        pipeline(family, kind, settings, layout, 1).fit(matrix, truth[:60])


@every_member
def test_defaults_pass_their_own_check_and_words_are_there(family: Family, kind: str) -> None:
    assert family.checked(family.checked({}, "m"), "m") == family.checked({}, "m")
    assert family.words.endswith(".")
    assert all(setting.label and setting.help.endswith(".") for setting in family.settings)


def test_the_yardstick_is_not_for_choosing() -> None:
    assert [family.key for family in for_kind("binary")] == ["boosted", "logistic", "forest"]
    assert [family.key for family in for_kind("regression")] == ["boosted", "linear", "forest"]
