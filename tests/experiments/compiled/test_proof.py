"""A compiled model is used only where it answers as its pipeline, and then it does: gaps, unseen words, far numbers."""

import zipfile
from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, OrdinalEncoder, StandardScaler

from experiments.columns import from_table
from experiments.compiled import estimators
from experiments.compiled.model import facts_of, loaded
from experiments.compiled.proof import COMPILED, STORED, hard_rows, proved
from experiments.compiled.trees import Bits, Walk
from experiments.estimators.catalog import FAMILIES
from experiments.estimators.preprocessing import pipeline, preparation
from experiments.matrices import layout_of
from tests.experiments.tables import schema_of, story

MEMBERS = [
    (family, kind)
    for family in FAMILIES.values()
    if family.make
    for kind in sorted(family.kinds & {"binary", "regression"})
]
INPUTS = ("plan", "tenure", "price", "senior", "since", "seen")
TABLE = story(400)
SCHEMA = [field for field in schema_of(TABLE) if field["name"] in INPUTS]
SIGNATURE = {"inputs": SCHEMA}
LAYOUT = layout_of(SCHEMA)
MATRIX = from_table(TABLE, LAYOUT)
LEFT = (np.array(TABLE["left"].to_pylist()) == "Yes").astype(float)
SPEND = np.array(TABLE["spend"])
THREE = np.digitize(SPEND, np.quantile(SPEND, [0.3, 0.6]))


def agrees(model: Any) -> Any:
    """The compiled form of a fitted model, after both were asked the same rows."""
    proof = proved(model, b"stored", SIGNATURE, MATRIX)
    assert proof.facts["path"] == COMPILED, proof.facts
    assert proof.facts["difference"] < 1e-12
    assert proof.content is not None
    compiled = loaded(proof.content, SIGNATURE)
    rows = hard_rows(MATRIX[::-1], LAYOUT)
    ask = "predict_proba" if hasattr(model, "classes_") else "predict"
    np.testing.assert_allclose(getattr(compiled, ask)(rows), getattr(model, ask)(rows), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(getattr(compiled, ask)(rows[:1]), getattr(model, ask)(rows[:1]), rtol=1e-9, atol=1e-12)
    return compiled


def ordinal(estimator: Any) -> Pipeline:
    """Numbers as they are, words as numbers of a category with gaps for unseen ones."""
    encode = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    steps = [("numbers", StandardScaler(), LAYOUT.numbers), ("words", encode, LAYOUT.words)]
    return Pipeline([("prepare", ColumnTransformer(steps)), ("model", estimator)])


@pytest.mark.parametrize(("family", "kind"), MEMBERS, ids=[f"{family.key}-{kind}" for family, kind in MEMBERS])
def test_every_family_is_compiled_or_says_why_not(family: Any, kind: str) -> None:
    small = {"n_estimators": 20, "max_iter": 60}
    settings = {name: small.get(name, value) for name, value in family.checked({}, "x").items()}
    model = pipeline(family, kind, settings, LAYOUT, 3).fit(MATRIX, LEFT if kind == "binary" else SPEND)
    if type(model.steps[-1][1]).__name__ in estimators.READERS:
        agrees(model)
    else:
        facts = proved(model, b"", SIGNATURE, MATRIX).facts
        assert facts["path"] == STORED
        assert facts["why"].endswith(".")


@pytest.mark.parametrize("leaves", [4, 15, 31, 60])
def test_boosted_trees_with_categories_and_gaps_agree_at_every_size_of_their_bits(leaves: int) -> None:
    places = [len(LAYOUT.numbers) + place for place in range(len(LAYOUT.words))]
    boosted = HistGradientBoostingClassifier(
        max_iter=20, max_leaf_nodes=leaves, min_samples_leaf=2, categorical_features=places
    )
    compiled = agrees(ordinal(boosted).fit(MATRIX, LEFT))
    assert isinstance(compiled._trees, Bits)


def test_large_trees_with_gaps_are_walked() -> None:
    boosted = HistGradientBoostingClassifier(max_iter=5, max_leaf_nodes=120, min_samples_leaf=1)
    assert isinstance(agrees(ordinal(boosted).fit(MATRIX, LEFT))._trees, Walk)


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(max_iter=500),
        HistGradientBoostingClassifier(max_iter=8, max_leaf_nodes=7),
        RandomForestClassifier(15, max_depth=4),
        RandomForestClassifier(5),
    ],
    ids=["logistic", "boosted", "small forest", "large forest"],
)
def test_several_classes_agree(estimator: Any) -> None:
    model = Pipeline([("prepare", preparation(FAMILIES["logistic"], "binary", LAYOUT, 1)), ("model", estimator)]).fit(
        MATRIX, THREE
    )
    assert agrees(model).predict_proba(MATRIX[:3]).shape == (3, 3)


def test_a_forest_with_gaps_agrees() -> None:
    forest = ExtraTreesRegressor(10, max_depth=5, random_state=1)
    agrees(
        Pipeline([("prepare", preparation(FAMILIES["boosted"], "regression", LAYOUT, 1)), ("model", forest)]).fit(
            MATRIX, SPEND
        )
    )


def test_what_is_not_known_says_so() -> None:
    prepare = preparation(FAMILIES["logistic"], "binary", LAYOUT, 1)
    neighbours = Pipeline([("prepare", prepare), ("model", KNeighborsClassifier())]).fit(MATRIX, LEFT)
    assert proved(neighbours, b"", SIGNATURE, MATRIX).facts == {
        "path": STORED,
        "why": "KNeighborsClassifier is not known to the compiler.",
    }
    steps = [("numbers", MinMaxScaler(), LAYOUT.numbers)]
    scaled = Pipeline([("prepare", ColumnTransformer(steps)), ("model", HistGradientBoostingClassifier(max_iter=3))])
    assert "MinMaxScaler" in proved(scaled.fit(MATRIX, LEFT), b"", SIGNATURE, MATRIX).facts["why"]


def test_a_compiler_that_is_wrong_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(estimator: Any) -> tuple[str, dict[str, Any]]:
        link, arrays = estimators._linear(estimator)
        return link, arrays | {"weights": arrays["weights"] * 1.001}

    monkeypatch.setitem(estimators.READERS, "LogisticRegression", wrong)
    model = Pipeline(
        [("prepare", preparation(FAMILIES["logistic"], "binary", LAYOUT, 1)), ("model", LogisticRegression())]
    ).fit(MATRIX, LEFT)
    proof = proved(model, b"", SIGNATURE, MATRIX)
    assert proof.content is None
    assert proof.facts["path"] == STORED
    assert "held-back rows" in proof.facts["why"]


def test_damaged_bytes_are_refused_whatever_is_wrong_with_them() -> None:
    model = Pipeline(
        [("prepare", preparation(FAMILIES["logistic"], "binary", LAYOUT, 1)), ("model", LogisticRegression())]
    ).fit(MATRIX, LEFT)
    content = proved(model, b"stored", SIGNATURE, MATRIX).content
    assert content is not None
    assert set(facts_of(content)) == {"model"}
    for wrong in (b"", content[:100], content[: len(content) // 2], b"PK" + content[2:50]):
        with pytest.raises((ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile)):
            loaded(wrong, SIGNATURE)
