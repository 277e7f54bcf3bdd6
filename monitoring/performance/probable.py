"""PURE: gathers, batch by batch, what the metrics of a window are estimated from."""

from typing import Any

import numpy as np
import pyarrow as pa

from monitoring.performance import estimated, losses
from monitoring.performance.answers import plain

KINDS = ("binary", "regression")
Array = np.ndarray[Any, Any]


class Probable:
    """The chances and flags of answers, or the probable losses of numbers. `learned` is that of `learning`."""

    def __init__(self, signature: dict[str, Any], learned: dict[str, Any]) -> None:
        self.signature, self.learned = signature, learned
        self.first: list[Array] = []  # chances, or probable sizes of the error
        self.second: list[Array] = []  # flags, or probable squares

    def add(self, batch: pa.RecordBatch, rows: list[dict[str, Any]]) -> None:
        """A batch of the log, and what was sent in its rows."""
        if self.signature["kind"] == "binary":
            self._add_chances(batch)
        elif (kept := self.learned.get("numbers")) and rows:
            answers = np.array(batch.column("number").to_pylist(), dtype=np.float64)
            known = np.flatnonzero(~np.isnan(answers))
            sizes, squares = losses.probable(kept, [rows[i] for i in known], answers[known])
            self.first.append(sizes)
            self.second.append(squares)

    def _add_chances(self, batch: pa.RecordBatch) -> None:
        chances = np.array(batch.column("probability").to_pylist(), dtype=np.float64)
        positive, said = self.signature["positive"], batch.column("answer").to_pylist()
        words = {answer: plain(answer) == positive for answer in set(said)}
        flagged = np.array([words[answer] for answer in said], dtype=np.float64)
        known = ~np.isnan(chances)
        self.first.append(chances[known])
        self.second.append(flagged[known])

    def found(self) -> dict[str, Any]:
        """{metrics, confusion, rows}, or {reason}."""
        if self.signature["kind"] not in KINDS:
            return {"reason": "For this kind of question it is not estimated, only measured."}
        nothing = np.zeros(0)
        first, second = np.concatenate([nothing, *self.first]), np.concatenate([nothing, *self.second])
        if self.signature["kind"] == "binary":
            return estimated.binary(
                self.learned.get("binary"), first, second, float(self.signature["threshold"] or 0.5)
            )
        return estimated.numbers(self.learned.get("numbers"), first, second)
