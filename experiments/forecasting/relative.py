"""PURE: series of very different size learned together: each row in multiples of what was usual in its own past.

In one unit the errors of the largest series decide everything, and small ones are answered at the size of large ones.
Where sizes differ that much, what is made of the past and the answer are divided by the row's own usual size, which is
read off the past that it looks at, so that nothing has to be remembered and new series are answered too.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.forecasting.past import Array
from experiments.forecasting.steps import AHEAD, names, plan_of
from experiments.matrices import Layout, Matrix, layout_of

APART = 5.0  # how many times as large one series is as another before they are learned so


def apart(sizes: list[Array]) -> bool:
    """Whether series, by the values to learn from, are of very different size; only where none falls below zero."""
    known = [values[~np.isnan(values)] for values in sizes]
    known = [values for values in known if values.size]
    usual = [float(values.mean()) for values in known]
    whole = all(values.min() >= 0 for values in known) and min(usual, default=0.0) > 0
    return whole and max(usual) > APART * min(usual)


def wrapped(pipeline: Any, signature: Mapping[str, Any]) -> Any:
    """The pipeline itself, or one that answers in multiples behind a face like the others'."""
    if not signature.get("relative"):
        return pipeline
    plan = plan_of(signature["forecast"], signature["target"])
    return Relative(pipeline, layout_of(signature["features"]), names(plan))


class Relative:
    """A pipeline that learns and answers in multiples; matrix and numbers outside are in the unit of the answer."""

    def __init__(self, pipeline: Any, layout: Layout, made: list[str]) -> None:
        self.pipeline = pipeline
        self._places = [layout.places[name][0] for name in made if name != AHEAD]

    def fit(self, matrix: Matrix, truth: Array) -> "Relative":
        """Learn from rows in the unit of the answer."""
        divided, sizes = self._divided(matrix)
        self.pipeline.fit(divided, truth / sizes)
        return self

    def predict(self, matrix: Matrix) -> Array:
        """The number for each row, in the unit of the answer."""
        divided, sizes = self._divided(matrix)
        found: Array = np.asarray(self.pipeline.predict(divided), dtype=np.float64) * sizes
        return found

    def inside(self, sides: Mapping[str, tuple[Matrix, Array]]) -> dict[str, tuple[Matrix, Array]]:
        """Rows and truths as the pipeline itself sees them."""
        found = {}
        for side, (matrix, truth) in sides.items():
            divided, sizes = self._divided(matrix)
            found[side] = divided, truth / sizes
        return found

    def _divided(self, matrix: Matrix) -> tuple[Matrix, Array]:
        """The matrix in multiples, and what they are multiples of: the mean of all that is known of a row's past."""
        past = matrix[:, self._places].astype(np.float64)
        known = ~np.isnan(past)
        sums = np.where(known, np.abs(past), 0.0).sum(axis=1)
        sizes = np.divide(sums, known.sum(axis=1), out=np.ones(len(matrix)), where=known.any(axis=1))
        sizes[sizes == 0] = 1.0
        divided = matrix.copy()
        divided[:, self._places] = past / sizes[:, None]
        return divided, sizes
