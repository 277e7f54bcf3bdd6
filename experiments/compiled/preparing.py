"""PURE: fitted preparation as look-ups: what becomes of a number by formula, what becomes of a word by table.

Tables are made by asking the fitted preparation itself about every word that it knows, one that it does not, and a gap.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np

from experiments.compiled.columns import Columns
from experiments.matrices import GAP, Layout

Array = np.ndarray[Any, Any]
Prepare = Callable[[Array], Array]
UNSEEN = "\x00unseen"
MOST_WORDS = 20_000


class NotCompilable(Exception):
    """Why a model is served by its stored pipeline; a sentence for people."""


@dataclass(frozen=True)
class Numbers:
    """Number columns: gaps filled (NaN: they stay), then (value - shift) / scale, at `places` of the features."""

    fill: Array
    shift: Array
    scale: Array
    places: Array

    def ready(self, numbers: Array) -> Array:
        """Prepared numbers, in the order of the operations of scikit-learn."""
        gaps = np.isnan(numbers)
        filled = np.where(gaps, self.fill, numbers) if gaps.any() else numbers
        found: Array = (filled - self.shift) / self.scale
        return found


@dataclass(frozen=True)
class Words:
    """One word column: row `codes[word]` of `table`, the last row for unseen words, at `places` of the features."""

    codes: Mapping[str, int]
    table: Array
    places: Array

    def coded(self, words: Sequence[str]) -> list[int]:
        """The row of the table for each word."""
        return list(map(self.codes.get, words, repeat(len(self.table) - 1)))


@dataclass(frozen=True)
class Prepared:
    """All of it. `rest` holds the features that no input changes."""

    numbers: Numbers
    words: tuple[Words, ...]
    rest: Array

    def features(self, columns: Columns) -> Array:
        """The features as scikit-learn's preparation makes them."""
        found = np.tile(self.rest, (len(columns), 1))
        found[:, self.numbers.places] = self.numbers.ready(columns.numbers)
        for part, words in zip(self.words, columns.words, strict=True):
            found[:, part.places] = part.table[part.coded(words)]
        return found


def prepared(transformer: Any, layout: Layout, prepare: Prepare) -> Prepared:
    """Read a fitted ColumnTransformer; `prepare` is it and whatever the estimator does to its columns before trees."""
    base = _probe(layout)
    rest = np.asarray(prepare(base), dtype=np.float64)[0]
    formulas = _formulas(transformer)
    wrong = [place for place in layout.numbers if place not in formulas]
    if wrong:
        raise NotCompilable("A number column is not prepared by a formula known here.")
    places = [_number_place(place, layout, prepare) for place in layout.numbers]
    fill, shift, scale = np.array([formulas[place] for place in layout.numbers]).reshape(-1, 3).T
    vocabularies = _vocabularies(transformer)
    words = tuple(_words(place, vocabularies, layout, prepare, rest) for place in layout.words)
    return Prepared(Numbers(fill, shift, scale, np.array(places, dtype=np.intp)), words, rest)


def _probe(layout: Layout, rows: int = 1) -> Array:
    matrix = np.empty((rows, layout.width), dtype=object)
    matrix[:, layout.numbers] = 0.0
    for place in layout.words:
        matrix[:, place] = GAP
    return matrix


def _number_place(place: int, layout: Layout, prepare: Prepare) -> int:
    """The one feature that a number column becomes."""
    matrix = _probe(layout, 2)
    matrix[:, place] = [0.0, 1.0]
    found = np.asarray(prepare(matrix), dtype=np.float64)
    changed = np.flatnonzero(_differs(found[0], found[1]))
    if len(changed) != 1:
        raise NotCompilable("A number column becomes several features, or none.")
    return int(changed[0])


def _formulas(transformer: Any) -> dict[int, tuple[float, float, float]]:
    """(fill, shift, scale) of each matrix column that is prepared as a number."""
    found: dict[int, tuple[float, float, float]] = {}
    for _, step, columns in transformer.transformers_:
        if isinstance(columns, int):
            raise NotCompilable("The words inside texts are not known to the compiler.")
        stages = [stage for _, stage in step.steps] if hasattr(step, "steps") else [step]
        if isinstance(step, str) or hasattr(stages[-1], "categories_"):
            continue
        fill, shift, scale = _stages(stages, len(columns))
        found |= {place: (fill[i], shift[i], scale[i]) for i, place in enumerate(columns)}
    return found


def _stages(stages: Sequence[Any], width: int) -> tuple[Array, Array, Array]:
    fill, shift, scale = np.full(width, np.nan), np.zeros(width), np.ones(width)
    for stage in stages:
        name = type(stage).__name__
        if name == "SimpleImputer" and stage is stages[0] and not stage.add_indicator:
            fill = np.asarray(stage.statistics_, dtype=np.float64)
        elif name == "StandardScaler" and stage is stages[-1]:
            shift = np.zeros(width) if stage.mean_ is None else np.asarray(stage.mean_, dtype=np.float64)
            scale = np.ones(width) if stage.scale_ is None else np.asarray(stage.scale_, dtype=np.float64)
        else:
            raise NotCompilable(f"{name} is not known to the compiler.")
    return fill, shift, scale


def _vocabularies(transformer: Any) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for _, step, columns in transformer.transformers_:
        last = step.steps[-1][1] if hasattr(step, "steps") else step
        if hasattr(last, "categories_"):
            for place, words in zip(columns, last.categories_, strict=True):
                found[place] = [str(word) for word in words]
    return found


def _words(place: int, vocabularies: Mapping[int, list[str]], layout: Layout, prepare: Prepare, rest: Array) -> Words:
    if place not in vocabularies:
        raise NotCompilable("A word column is not prepared by a table of words.")
    known = list(dict.fromkeys([*vocabularies[place], GAP]))
    if len(known) > MOST_WORDS:
        raise NotCompilable(f"A word column has more than {MOST_WORDS} words.")
    matrix = _probe(layout, len(known) + 1)
    matrix[:, place] = [*known, UNSEEN]
    found = np.asarray(prepare(matrix), dtype=np.float64)
    places = np.flatnonzero(_differs(found, rest).any(axis=0))
    return Words({word: code for code, word in enumerate(known)}, found[:, places], places)


def _differs(found: Array, other: Array) -> Array:
    """Where values differ; two gaps do not."""
    changed: Array = ~((found == other) | (np.isnan(found) & np.isnan(other)))
    return changed
