"""PURE: a model of groups or of what is unusual as the judging engines see it, on rows without answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from experiments.evaluation.clusters import Grouped
from experiments.evaluation.held import Judge
from experiments.evaluation.metrics import Binary
from experiments.evaluation.oddities import Odd
from experiments.matrices import from_rows, layout_of
from experiments.unlabelled.asking import oddness, spaced

Array = np.ndarray[Any, Any]
Row = Mapping[str, Any]
NO_WEAKEST = "Nobody knows the answers of these rows, so no part of them can be called the weakest."
NO_GROUPS = "Groups that nobody named have no better and worse; see above what each one is like."
AGAIN = "How far learning again finds the same stands among the metrics."
STABLE = {"group_stability": "silhouette", "flag_stability": "flagged_share"}  # what one model alone can be measured by


@dataclass(frozen=True)
class JudgeAlone(Judge):
    """It measures groups by how they lie, and what is unusual by what is flagged."""

    pipeline: Any = None
    signature: Row = field(default_factory=dict)

    def held(self, matrix: Array, truth: Array) -> Grouped | Odd:  # one of the kinds of Held
        """Its answers on these rows, ready to be measured."""
        if self.kind == "clustering":
            ready = spaced(self.pipeline, matrix)
            return Grouped(ready, self.pipeline[-1].predict(ready))
        return Odd(truth, oddness(self.pipeline, matrix), self.signature["edge"], self.signature["share"])


def judge_alone(signature: Row, predictor: Any) -> JudgeAlone:
    """A model as it was packed. Asked for a number, it gives how unusual a row is, or the place of its group."""
    pipeline = predictor.pipeline

    def ask(matrix: Array) -> Array:
        if signature["kind"] == "anomaly":
            return oddness(pipeline, matrix)
        return np.asarray(pipeline[-1].predict(spaced(pipeline, matrix)), dtype=np.float64)

    return JudgeAlone(signature["kind"], ask, pipeline=pipeline, signature=signature)


def grouped_rows(predictor: Any, signature: Row, rows: Sequence[Row]) -> Grouped:
    """Rows in the groups of a stored model."""
    matrix = from_rows(rows, layout_of(signature["inputs"]))
    held = judge_alone(signature, predictor).held(matrix, np.full(len(rows), np.nan))
    assert isinstance(held, Grouped)
    return held


def flags(held: Odd) -> Binary:
    """What is flagged, to be counted by groups of people: beside the known answers, or beside none."""
    return Binary(np.nan_to_num(held.truth), held.flagged.astype(np.float64))


def remembered(found: dict[str, Any], trained: Row) -> dict[str, Any]:
    """The metrics of one model, with what training learned about learning again."""
    return found | {key: trained[key] for key in STABLE if key in found and key in trained}


def notable(held: Odd, most: int) -> list[tuple[int, str]]:
    """The rows that people want reasons for: the most unusual, those nearest to the edge, the most usual."""
    found: dict[int, str] = {}
    edge = np.abs(held.score - held.edge)
    for why, order in (("most unusual", -held.score), ("near the edge", edge), ("most usual", held.score)):
        for place in np.argsort(order, kind="stable")[: most // 3]:
            found.setdefault(int(place), why)
    return list(found.items())
