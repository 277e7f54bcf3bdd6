"""PURE: a model that was made elsewhere, asked as the models of this house are: a matrix in, chances in our order out.

Such a model learned from a table with names (a data frame) or from bare columns, and knows its answers in an order of
its own. What it was is said in `signature["outside"]`: {frame, order}, and `form` where its file was
no skops file.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from experiments.matrices import GAP, Matrix, layout_of
from problems.problem import Invalid

BOOLEANS = {"true": True, "false": False}


def wrapped(pipeline: Any, signature: Mapping[str, Any]) -> Any:
    """The pipeline itself, or one from elsewhere behind a face like ours."""
    return Outside(pipeline, signature) if signature.get("outside") else pipeline


class Outside:
    """Answers the matrix of `matrices.layout_of(signature["inputs"])` with a model that was made elsewhere."""

    def __init__(self, pipeline: Any, signature: Mapping[str, Any]) -> None:
        self.pipeline = calm(pipeline)
        self._layout = layout_of(signature["inputs"])
        self._frame, self._order = bool(signature["outside"]["frame"]), signature["outside"]["order"]

    def predict(self, matrix: Matrix) -> Matrix:
        """The number for each row."""
        return self._asked(self.pipeline.predict, matrix).reshape(len(matrix))

    def predict_proba(self, matrix: Matrix) -> Matrix:
        """A line with the chance of each answer for each row, in the order of our answers."""
        found: Matrix = self._asked(self.pipeline.predict_proba, matrix)
        if found.shape[1] != len(self._order):
            text = f"The model gives {found.shape[1]} chances for each row; {len(self._order)} answers are known."
            raise Invalid(text, code="no_answer")
        return found[:, self._order]

    def _asked(self, ask: Callable[[Any], Any], matrix: Matrix) -> Matrix:
        """Its answers; whatever it does not take, such as a gap that it cannot fill, is said in words."""
        try:
            return np.asarray(ask(self.given(matrix)), dtype=np.float64)
        except MemoryError:
            raise
        except Exception as error:
            raise Invalid(f"The model cannot answer these rows: {str(error)[:300]}", code="no_answer") from error

    def given(self, matrix: Matrix) -> Any:
        """The rows as the model knows them from where it was made."""
        columns = {name: _column(matrix[:, self._layout.places[name][0]], kind) for name, kind in self._layout.inputs}
        if getattr(self.pipeline, "by_columns", False):
            return list(columns.values())
        if self._frame:
            import pandas as pd  # late: only such models need it

            return pd.DataFrame(columns)
        if self._layout.words:
            return np.column_stack([column.astype(object) for column in columns.values()])
        return np.column_stack([column.astype(np.float64) for column in columns.values()])


def _column(values: Matrix, kind: str) -> Matrix:
    """One input: words with NaN for gaps, truth values, whole numbers while there is no gap, else numbers."""
    if kind not in ("text", "boolean"):
        numbers = values.astype(np.float64)
        whole = kind == "integer" and bool(np.isfinite(numbers).all()) and bool((np.abs(numbers) < 2**53).all())
        return numbers.astype(np.int64) if whole else numbers
    known = BOOLEANS if kind == "boolean" else {}
    found = np.empty(len(values), dtype=object)
    found[:] = [np.nan if value == GAP else known.get(value, value) for value in values]
    return found.astype(bool) if kind == "boolean" and not (values == GAP).any() else found


def calm(pipeline: Any) -> Any:
    """The same model on one thread: how many it may use is not for the file to say."""
    asked = pipeline.get_params(deep=True) if hasattr(pipeline, "get_params") else {}
    if many := {name: 1 for name in asked if name.rpartition("__")[2] == "n_jobs"}:
        pipeline.set_params(**many)
    return pipeline
