"""PURE: the yardsticks where nobody knows the answers: groups and scores at random, the same for one seed."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class ChanceGroups:
    """Puts each row into one of so many groups at random."""

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.seed = count, seed

    def fit(self, rows: Array, answers: Any = None) -> "ChanceGroups":
        """Nothing is learned but where the middle of all is."""
        self.cluster_centers_ = np.repeat(rows.mean(axis=0)[None, :], self.count, axis=0)
        return self

    def predict(self, rows: Array) -> Array:
        """A group for each row."""
        return np.random.default_rng(self.seed).integers(0, self.count, len(rows))


class ChanceScores:
    """Finds each row as unusual as chance has it."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def fit(self, rows: Array, answers: Any = None) -> "ChanceScores":
        """Nothing is learned."""
        return self

    def score_samples(self, rows: Array) -> Array:
        """A number for each row, smaller is more unusual."""
        return np.random.default_rng(self.seed).random(len(rows))
