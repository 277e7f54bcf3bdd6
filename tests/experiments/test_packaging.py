"""Model files are refused unless every type in them is on our own list; nothing else is ever loaded."""

import io
import json
import operator
import os
import re
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from experiments.compiled.proof import proved
from experiments.estimators.linear import LOGISTIC
from experiments.estimators.preprocessing import pipeline
from experiments.matrices import layout_of
from experiments.packaging import Bundle, answers_of, dumped, loaded, pack, refuse_foreign
from problems.problem import Invalid

MARKER = Path("/tmp/baton-packaging-marker")


def _fitted() -> Pipeline:
    chance = np.random.default_rng(0)
    return Pipeline([("model", LogisticRegression())]).fit(chance.normal(size=(40, 2)), chance.integers(0, 2, 40))


@pytest.mark.parametrize(
    "hostile",
    [
        FunctionTransformer(os.system),
        FunctionTransformer(np.log1p),
        partial(os.system, f"touch {MARKER}"),
        operator.methodcaller("system", "true"),
        eval,
        {"model": _fitted(), "also": os.system},
        np.random.SeedSequence(1),
    ],
    ids=["os.system", "numpy function", "partial", "methodcaller", "eval", "hidden in a dict", "seed sequence"],
)
def test_types_outside_the_list_are_refused_by_name(hostile: Any) -> None:
    """A36."""
    content = skops.io.dumps(hostile)
    with pytest.raises(Invalid, match="not allowed") as refused:
        loaded(content)
    assert refused.value.code == "foreign_types"
    assert refused.value.facts["types"]
    assert not MARKER.exists()


def _changed(content: bytes, change: Any) -> bytes:
    """The skops bytes with their schema changed."""
    old, new = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO()
    with zipfile.ZipFile(new, "w") as archive:
        for name in old.namelist():
            data = old.read(name)
            archive.writestr(name, json.dumps(change(json.loads(data))) if name == "schema.json" else data)
    return new.getvalue()


def test_an_allowed_name_from_a_foreign_module_is_refused() -> None:
    content = _changed(skops.io.dumps(_fitted()), lambda schema: schema | {"__module__": "evil.pipeline"})
    with pytest.raises(Invalid, match=r"evil\.pipeline\.Pipeline"):
        loaded(content)


def test_an_allowed_type_under_another_loader_is_refused() -> None:
    for loader in ("FunctionNode", "OperatorFuncNode", "MethodNode", "ReduceNode", "PartialNode"):
        changed = _changed(skops.io.dumps(_fitted()), lambda schema, name=loader: schema | {"__loader__": name})
        with pytest.raises(Invalid, match="not allowed"):
            loaded(changed)


def test_there_is_no_other_loader_to_fall_back_to(tmp_path: Path) -> None:
    """A37."""
    whole = skops.io.dumps(_fitted())
    joblib.dump(_fitted(), tmp_path / "model.skops")
    empty = io.BytesIO()
    with zipfile.ZipFile(empty, "w") as archive:
        archive.writestr("model.pkl", b"\x80\x04.")
    for content in (whole[: len(whole) // 2], (tmp_path / "model.skops").read_bytes(), empty.getvalue(), b"", b"PK"):
        with pytest.raises(Invalid) as refused:
            loaded(content)
        assert refused.value.status == 422


def test_a_schema_without_types_is_refused() -> None:
    for schema in ([], {}, {"content": []}, "text", 5, None):
        content = _changed(skops.io.dumps(_fitted()), lambda _, schema=schema: schema)
        with pytest.raises(Invalid):
            refuse_foreign(content)


def test_a_nested_schema_cannot_exhaust_the_stack() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    new = io.BytesIO()
    with zipfile.ZipFile(new, "w") as archive:
        archive.writestr("schema.json", deep)
    with pytest.raises(Invalid):
        refuse_foreign(new.getvalue())


def test_a_bundle_holds_exactly_its_parts(tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    pack(path, pipeline=_fitted(), signature={"a": 1}, reference={}, golden={}, card={})
    assert Bundle.open(path).signature == {"a": 1}
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("extra.py", "print('hello')")
    with pytest.raises(Invalid, match="exactly its parts"):
        Bundle.open(path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(Invalid, match="whole file"):
        Bundle.open(path)


def test_nan_never_gets_into_a_bundle(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        pack(tmp_path / "b.zip", pipeline=_fitted(), signature={}, reference={"x": float("nan")}, golden={}, card={})


def test_no_code_of_ours_trusts_what_a_file_names_or_unpickles() -> None:
    """A36."""
    root = Path(__file__).resolve().parents[2]
    hostile = re.compile(
        r"get_untrusted_types|import pickle|pickle\.loads?\(|joblib\.load\(|import cloudpickle|import dill|yaml\.load\("
    )
    rooms = ("platform", "projects", "datasets", "experiments", "deployments", "monitoring")
    for room in rooms:
        for file in (root / room).rglob("*.py"):
            assert not hostile.search(file.read_text()), file


def test_a_compiled_form_answers_only_for_the_model_that_it_was_made_of(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    inputs = [{"name": "a", "type": "number", "nullable": True, "categories": None}]
    signature = {"inputs": inputs, "kind": "binary", "threshold": 0.5, "positive": "yes", "negative": "no"}
    matrix = chance.normal(size=(60, 1)).astype(object)
    model = pipeline(LOGISTIC, "binary", LOGISTIC.checked({}, "m"), layout_of(inputs), 1)
    model.fit(matrix, chance.integers(0, 2, 60))
    path = tmp_path / "bundle.zip"
    parts: dict[str, Any] = {"signature": signature, "reference": {}, "golden": {}, "card": {}}
    pack(path, pipeline=model, **parts, prove=lambda stored: proved(model, stored, signature, matrix))
    bundle, rows = Bundle.open(path), [{"a": 1.0}, {"a": None}]
    assert bundle.card["serving"]["path"] == "compiled"
    found, wanted = bundle.compiled().predict(rows), bundle.predictor().predict(rows)
    assert [one.answer for one in found] == [one.answer for one in wanted]
    assert [one.probability for one in found] == pytest.approx([one.probability for one in wanted], abs=1e-12)
    with zipfile.ZipFile(path) as archive:
        whole = {name: archive.read(name) for name in archive.namelist()}
    fast = whole["compiled.npz"]
    other = pipeline(LOGISTIC, "binary", LOGISTIC.checked({}, "m"), layout_of(inputs), 1)
    other.fit(matrix, chance.integers(0, 2, 60))
    for changed in ({"model.skops": dumped(other)}, {"compiled.npz": fast[:90]}, {"compiled.npz": b"PK"}):
        with pytest.raises(Invalid, match="compiled form"):
            Bundle(whole | changed).compiled()
    without = {name: part for name, part in whole.items() if name != "compiled.npz"}
    with pytest.raises(Invalid, match="packed without"):
        Bundle(without | {"card.json": b"{}"}).compiled()
    assert Bundle(without).predictor().predict(rows) == wanted


def test_equally_near_neighbours_count_alike_on_any_number_of_threads() -> None:
    from sklearn.neighbors import KNeighborsRegressor
    from threadpoolctl import threadpool_limits

    chance = np.random.default_rng(1)
    grid = chance.integers(0, 5, (900, 3)).astype(float)  # each place is held by many rows
    model = KNeighborsRegressor(15, weights="distance", algorithm="brute").fit(grid, chance.normal(size=900))
    found = []
    for threads in (1, 4):
        with threadpool_limits(limits=threads):
            found.append(answers_of(model, "regression", grid[:50]))
    np.testing.assert_array_equal(*found)
