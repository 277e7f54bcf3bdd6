"""ONNX files as others write them, and the same with something wrong inside; needs skl2onnx."""

from collections.abc import Callable
from typing import Any

import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

onnx = pytest.importorskip("onnx", reason="onnx is not installed: requirements/dev.in")
skl2onnx = pytest.importorskip("skl2onnx", reason="skl2onnx is not installed: requirements/dev.in")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: requirements/onnx.in")

NUMBERS, WORDS = ["tenure", "price"], ["plan"]


def fitted(frame: Any, truth: Any, numbers: list[str], words: list[str], estimator: Any = None) -> Any:
    """What somebody trains elsewhere before they export it."""
    prepare = make_column_transformer(
        (SimpleImputer(strategy="median"), numbers), (OneHotEncoder(handle_unknown="ignore"), words)
    )
    model = RandomForestClassifier(30, min_samples_leaf=5, random_state=1) if estimator is None else estimator
    table = frame[numbers + words].assign(**{word: frame[word].fillna("") for word in words})
    return make_pipeline(prepare, model).fit(table, truth)


def exported(model: Any, numbers: list[str], words: list[str], **options: Any) -> bytes:
    """An input for each column, as skl2onnx writes them for data frames."""
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    kinds = [(name, FloatTensorType([None, 1])) for name in numbers]
    kinds += [(name, StringTensorType([None, 1])) for name in words]
    found = skl2onnx.convert_sklearn(model, initial_types=kinds, options={id(model): options} if options else None)
    return bytes(found.SerializeToString())


def matrix(model: Any, width: int, **options: Any) -> bytes:
    """One input for all columns."""
    from skl2onnx.common.data_types import FloatTensorType

    kinds = [("X", FloatTensorType([None, width]))]
    found = skl2onnx.convert_sklearn(model, initial_types=kinds, options={id(model): options} if options else None)
    return bytes(found.SerializeToString())


def changed(content: bytes, change: Callable[[Any], Any]) -> bytes:
    """The file after a change to its message."""
    model = onnx.load_model_from_string(content)
    change(model)
    return bytes(model.SerializeToString())


def node_of(model: Any, kind: str) -> Any:
    """The first operator of a kind."""
    return next(node for node in model.graph.node if node.op_type == kind)


def setting(model: Any, kind: str, name: str) -> Any:
    """A setting of the first operator of a kind."""
    return next(one for one in node_of(model, kind).attribute if one.name == name)
