"""PURE: a compiled model: arrays in, arrays out, with numpy and nothing else."""

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.compiled.columns import Columns, of_matrix
from experiments.compiled.preparing import Numbers, Prepared, Words
from experiments.compiled.trees import Array, Trees, engine
from experiments.matrices import Layout, layout_of

MOST_BYTES = 512 * 1024**2


class CompiledModel:
    """Answers as the pipeline that it was made of; takes the same matrix, or columns that were read already."""

    def __init__(self, link: str, prepared: Prepared, arrays: Mapping[str, Array], layout: Layout) -> None:
        self._link, self._layout, self._prepared = link, layout, prepared
        self._start = arrays["start"]
        self._weights = arrays.get("weights")
        self._trees = None if self._weights is not None else engine(_trees(arrays), prepared)
        if self._weights is not None:
            self._fuse(self._weights)

    def _fuse(self, weights: Array) -> None:
        """Multiply each table of words with its weights once, so that a word costs one look-up."""
        blind = weights.shape[1] == 0
        parts = self._prepared.words
        self._by_number = None if blind else weights[:, self._prepared.numbers.places].T
        self._by_word = [] if blind else [part.table @ weights[:, part.places].T for part in parts]
        rest = self._prepared.rest.copy()
        rest[self._prepared.numbers.places] = 0.0
        for part in parts:
            rest[part.places] = 0.0
        self._fixed = self._start if blind else self._start + weights @ rest

    def _linear(self, columns: Columns) -> Array:
        found = np.repeat(self._fixed[None], len(columns), axis=0)
        if self._by_number is not None:
            found += self._prepared.numbers.ready(columns.numbers) @ self._by_number
        for part, words, table in zip(self._prepared.words, columns.words, self._by_word, strict=False):
            found += table[part.coded(words)]
        return found

    def outputs(self, rows: Any) -> Array:
        """Rows x outputs, after the link."""
        columns = rows if isinstance(rows, Columns) else of_matrix(rows, self._layout)
        raw = self._linear(columns) if self._trees is None else self._trees.outputs(columns) + self._start
        if self._link == "sigmoid":
            return _sigmoid(raw)
        return _softmax(raw) if self._link == "softmax" else raw

    def predict_proba(self, rows: Any) -> Array:
        """The chances of all classes, as scikit-learn orders them."""
        found = self.outputs(rows)
        if self._link in ("sigmoid", "chance"):
            return np.concatenate([1 - found, found], axis=1)
        return found

    def predict(self, rows: Any) -> Array:
        """Numbers."""
        found: Array = self.outputs(rows)[:, 0]
        return found


def _sigmoid(raw: Array) -> Array:
    small = np.exp(-np.abs(raw))
    return np.where(raw >= 0, 1 / (1 + small), small / (1 + small))


def _softmax(raw: Array) -> Array:
    found = np.exp(raw - raw.max(axis=1, keepdims=True))
    share: Array = found / found.sum(axis=1, keepdims=True)
    return share


def _trees(arrays: Mapping[str, Array]) -> Trees:
    names = [name for name in Trees.__dataclass_fields__ if name != "single"]
    return Trees(**{name: arrays[name] for name in names}, single=bool(arrays["single"]))


def dumped(link: str, prepared: Prepared, arrays: Mapping[str, Array], facts: Mapping[str, Any]) -> bytes:
    """The compiled model as bytes: arrays, and a JSON head with `facts`. No object of Python is in it."""
    numbers = prepared.numbers
    stored: dict[str, Array] = {f"model.{name}": value for name, value in arrays.items()}
    stored |= {"fill": numbers.fill, "shift": numbers.shift, "scale": numbers.scale, "places": numbers.places}
    stored["rest"] = prepared.rest
    for number, part in enumerate(prepared.words):
        stored |= {f"table.{number}": part.table, f"places.{number}": part.places}
    head = {"link": link, "words": [list(part.codes) for part in prepared.words], "facts": dict(facts)}
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, head=np.frombuffer(json.dumps(head).encode(), dtype=np.uint8), **stored)
    return file.getvalue()


def facts_of(content: bytes) -> dict[str, Any]:
    """What was proved of a compiled model; ValueError where it is none."""
    return dict(_read(content)[0]["facts"])


def loaded(content: bytes, signature: Mapping[str, Any]) -> CompiledModel:
    """The model in such bytes; ValueError, KeyError or IndexError where it is damaged."""
    return CompiledModel(*parts_of(content), layout_of(signature["inputs"]))


def parts_of(content: bytes) -> tuple[str, Prepared, dict[str, Array]]:
    """What such bytes are made of: link, preparation, and the arrays of the estimator."""
    head, arrays = _read(content)
    words = tuple(
        Words({word: code for code, word in enumerate(known)}, arrays[f"table.{i}"], arrays[f"places.{i}"])
        for i, known in enumerate(head["words"])
    )
    numbers = Numbers(*(arrays[name] for name in ("fill", "shift", "scale", "places")))
    own = {name.removeprefix("model."): value for name, value in arrays.items() if name.startswith("model.")}
    return head["link"], Prepared(numbers, words, arrays["rest"]), own


def _read(content: bytes) -> tuple[dict[str, Any], dict[str, Array]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(member.file_size for member in archive.infolist()) > MOST_BYTES:
            raise ValueError("too large")
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    return json.loads(arrays.pop("head").tobytes()), arrays
