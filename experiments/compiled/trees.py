"""PURE: many decision trees at once, over plain arrays.

Small trees are answered by bit vectors (QuickScorer; Lucchese et al., SIGIR 2015): every input's value selects one row
of bits, the rows are ANDed, and the lowest bit that is left names the leaf. Large ones are walked side by side.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.compiled.columns import Columns
from experiments.compiled.preparing import NotCompilable, Prepared

Array = np.ndarray[Any, Any]
MOST_BYTES = 48 * 1024**2
CHUNK = 256
LEVELS = 6  # after so many levels, walkers that stand on a leaf are let go


@dataclass(frozen=True)
class Trees:
    """All trees in one row of nodes. A leaf's `left` is -1. `value` is nodes x outputs; `starts` are the roots.

    `sets` (nodes x 512 bits as bytes, or empty) says for a categorical node which categories go left, then which are
    known; `set_of` is a node's row in it, -1 for a node with a threshold. `single` is for values cast to float32.
    """

    starts: Array
    feature: Array
    threshold: Array
    left: Array
    right: Array
    missing_left: Array
    value: Array
    set_of: Array
    sets: Array
    single: bool

    def cast(self, features: Array) -> Array:
        """Features as the trees compare them."""
        found: Array = features.astype(np.float32).astype(np.float64) if self.single else features
        return found

    def goes_left(self, node: int, values: Array) -> Array:
        """Whether each value of the node's feature goes left."""
        missing = np.isnan(values)
        row = self.set_of[node]
        if row < 0:
            left = values <= self.threshold[node]
        else:
            inside = ~missing & (values >= 0) & (values < 256)
            place = np.where(inside, values, 0).astype(np.intp)
            left = inside & self.sets[row, place]
            missing = ~left & ~(inside & self.sets[row, place + 256])
        found: Array = np.where(missing, self.missing_left[node], left)
        return found

    def roots(self) -> Iterator[tuple[int, list[tuple[int, int, int]], list[int]]]:
        """For each tree: its number, its inner nodes as (node, first leaf, end of its left leaves), its leaves."""
        for number, root in enumerate(self.starts):
            inner: list[tuple[int, int, int]] = []
            leaves: list[int] = []
            stack: list[tuple[int, int, int]] = [(int(root), 0, -1)]
            while stack:
                node, stage, first = stack.pop()
                if self.left[node] < 0:
                    leaves.append(node)
                elif stage == 0:
                    stack += [(node, 1, len(leaves)), (int(self.left[node]), 0, -1)]
                else:
                    inner.append((node, first, len(leaves)))
                    stack.append((int(self.right[node]), 0, -1))
            yield number, inner, leaves


def engine(trees: Trees, prepared: Prepared) -> "Bits | Walk":
    """Bits where trees are small and few enough, else the walk."""
    counts = np.diff(np.append(trees.starts, len(trees.left)))
    leaves = int((counts.max() + 1) // 2)
    if leaves <= 64:
        inner = int((trees.left >= 0).sum())
        width = np.dtype(_bits(leaves)).itemsize
        words = sum(len(part.table) for part in prepared.words)
        if (inner + words + 100) * len(trees.starts) * width <= MOST_BYTES:
            return Bits(trees, prepared, leaves)
    if (trees.set_of >= 0).any():
        raise NotCompilable("Its trees have categories and are too large for the compiler.")
    return Walk(trees, prepared)


def _bits(leaves: int) -> Any:
    return np.uint16 if leaves <= 16 else np.uint32 if leaves <= 32 else np.uint64


class Bits:
    """Trees of at most 64 leaves each."""

    def __init__(self, trees: Trees, prepared: Prepared, most: int) -> None:
        self._prepared, self._trees = prepared, trees
        self._kind = _bits(most)
        count = len(trees.starts)
        self._values = np.zeros((count, most, trees.value.shape[1]))
        nodes: dict[int, list[tuple[int, int, int]]] = {}
        for number, inner, leaves in trees.roots():
            self._values[number, : len(leaves)] = trees.value[leaves]
            for node, first, end in inner:
                mask = ~(((1 << end) - 1) ^ ((1 << first) - 1)) & ((1 << np.dtype(self._kind).itemsize * 8) - 1)
                nodes.setdefault(int(trees.feature[node]), []).append((node, number, mask))
        self._flat = self._values.reshape(count * most, -1)
        self._offsets = np.arange(count) * most
        self._numbers = [
            (column, *self._by_number(nodes[place]))
            for column, place in enumerate(prepared.numbers.places.tolist())
            if place in nodes
        ]
        self._words = [
            (column, part, self._by_word(part.table, part.places.tolist(), nodes))
            for column, part in enumerate(prepared.words)
            if any(place in nodes for place in part.places.tolist())
        ]
        fixed = (
            set(nodes) - set(prepared.numbers.places.tolist()) - {p for w in prepared.words for p in w.places.tolist()}
        )
        self._rest = self._by_word(prepared.rest[None, sorted(fixed)], sorted(fixed), nodes)[0]
        self._lowest = _lowest_of_16() if self._kind is np.uint16 else None

    def _by_number(self, nodes: Sequence[tuple[int, int, int]]) -> tuple[Array, Array]:
        """The thresholds of a number, and the row of bits for each place between them, the last one for gaps."""
        trees = self._trees
        edges = np.unique(trees.threshold[[node for node, _, _ in nodes]])
        rows = np.full((len(edges) + 2, len(trees.starts)), ~self._kind(0), dtype=self._kind)
        for node, number, mask in nodes:
            rank = int(np.searchsorted(edges, trees.threshold[node]))
            rows[rank + 1, number] &= self._kind(mask)
            if not trees.missing_left[node]:
                rows[-1, number] &= self._kind(mask)
        rows[:-1] = np.bitwise_and.accumulate(rows[:-1], axis=0)
        return edges, rows

    def _by_word(self, table: Array, places: list[int], nodes: dict[int, list[tuple[int, int, int]]]) -> Array:
        trees = self._trees
        rows = np.full((len(table), len(trees.starts)), ~self._kind(0), dtype=self._kind)
        for column, place in enumerate(places):
            values = trees.cast(table[:, column])
            for node, number, mask in nodes.get(place, ()):
                right = ~trees.goes_left(node, values)
                rows[right, number] &= self._kind(mask)
        return rows

    def outputs(self, columns: Columns) -> Array:
        """Sums over all trees, rows x outputs."""
        numbers = self._trees.cast(self._prepared.numbers.ready(columns.numbers))
        codes = [part.coded(columns.words[column]) for column, part, _ in self._words]
        if len(numbers) <= CHUNK:
            return self._some(numbers, codes)
        pieces = range(0, len(numbers), CHUNK)
        return np.concatenate([self._some(numbers[i : i + CHUNK], [c[i : i + CHUNK] for c in codes]) for i in pieces])

    def _some(self, numbers: Array, codes: list[list[int]]) -> Array:
        found = np.repeat(self._rest[None], len(numbers), axis=0)
        for column, edges, rows in self._numbers:
            values = numbers[:, column]
            rank = edges.searchsorted(values)
            gaps = values != values
            if gaps.any():
                rank[gaps] = len(edges) + 1
            found &= rows[rank]
        for (_, _, rows), code in zip(self._words, codes, strict=True):
            found &= rows[code]
        leaf = self._leaf(found) + self._offsets
        summed: Array = self._flat[leaf].sum(axis=1)
        return summed

    def _leaf(self, found: Array) -> Array:
        """The place of the lowest bit."""
        if self._lowest is not None:
            return self._lowest[found]
        alone = found & (~found + self._kind(1))
        place: Array = np.frexp(alone.astype(np.float64))[1] - 1
        return place


def _lowest_of_16() -> Array:
    values = np.arange(1 << 16)
    return np.where(values == 0, 0, np.frexp((values & -values).astype(np.float64))[1] - 1).astype(np.intp)


class Walk:
    """Trees of any size. Children lie side by side, and all rows go through one tree before the next: it stays near."""

    def __init__(self, trees: Trees, prepared: Prepared) -> None:
        self._prepared, self._trees = prepared, trees
        old, self._left, self._roots = _side_by_side(trees)
        self._leaf = trees.left[old] < 0
        self._feature = np.where(self._leaf, 0, trees.feature[old]).astype(np.intp)
        self._threshold = np.where(self._leaf, np.inf, trees.threshold[old])
        self._missing_right = ~trees.missing_left[old].astype(bool) & ~self._leaf
        self._value = trees.value[old]

    def outputs(self, columns: Columns) -> Array:
        """Sums over all trees, rows x outputs."""
        features = self._trees.cast(self._prepared.features(columns))
        pieces = range(0, len(features), CHUNK)
        return np.concatenate([self._some(features[i : i + CHUNK]) for i in pieces])

    def _some(self, features: Array) -> Array:
        rows, width = features.shape
        flat, gaps = features.ravel(), bool(np.isnan(features).any())
        node = np.repeat(self._roots, rows)
        line = lines = np.tile(np.arange(rows) * width, len(self._roots))
        ended, active = node, np.arange(len(node))
        while len(active):
            for _ in range(LEVELS):
                node = self._step(node, line, flat, gaps)
            if len(active) == len(ended):
                ended = node
            else:
                ended[active] = node
            active = active[~self._leaf.take(node)]
            node, line = ended.take(active), lines.take(active)
        by_row = np.ascontiguousarray(ended.reshape(-1, rows).T)  # so that one row is summed as many are
        summed: Array = self._value[by_row].sum(axis=1)
        return summed

    def _step(self, node: Array, line: Array, flat: Array, gaps: bool) -> Array:
        values = flat.take(line + self._feature.take(node))
        right = values > self._threshold.take(node)
        if gaps:
            right |= np.isnan(values) & self._missing_right.take(node)
        found: Array = self._left.take(node) + right
        return found


def _side_by_side(trees: Trees) -> tuple[Array, Array, Array]:
    """Nodes in a new order, where a right child follows its left one: the old place of each, the new place of its left
    child (a leaf's own), and the new places of the roots."""
    old = np.empty(len(trees.left), dtype=np.intp)
    left = np.empty_like(old)
    roots = np.empty(len(trees.starts), dtype=np.intp)
    end = place = 0
    for number, root in enumerate(trees.starts):
        roots[number], old[end], end = end, root, end + 1
        while place < end:
            node = old[place]
            if trees.left[node] < 0:
                left[place] = place
            else:
                left[place] = end
                old[end : end + 2] = trees.left[node], trees.right[node]
                end += 2
            place += 1
    return old, left, roots
