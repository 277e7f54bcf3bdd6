"""PURE: a compiled model as an ONNX graph in double precision: look-ups, formulas, trees, and the answer in words.

It is made of the same arrays that answer callers, not converted from scikit-learn, and computes in float64 throughout:
converters to float32 put values that lie on a tree's threshold on its other side.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from deployments.packages.onnx_file import DOMAIN, DOUBLE, INT64, STRING, Array, Graph, tensor
from experiments.compiled.preparing import Prepared, Words
from experiments.compiled.trees import Trees
from experiments.matrices import GAP, PARTS
from problems.problem import Conflict

MOST_NODES = 2_000_000
FLOAT = 1
SMALLER, MEMBER = 0, 6  # BRANCH_LEQ and BRANCH_MEMBER of TreeEnsemble


class NoOnnx(Conflict):
    """Why a version cannot be had as ONNX."""

    code = "no_onnx"


def graph_of(
    link: str, prepared: Prepared, arrays: Mapping[str, Array], signature: Mapping[str, Any], facts: Mapping[str, str]
) -> bytes:
    """The file. Inputs are columns (rows x 1): numbers as double, words as text, an empty text for a gap."""
    graph = Graph()
    numbers, words = _inputs(graph, signature)
    features = _features(graph, prepared, numbers, words)
    if "weights" in arrays:
        raw = _linear(graph, features, arrays["weights"])
    else:
        fields = {name: arrays[name] for name in Trees.__dataclass_fields__ if name != "single"}
        raw = _trees(graph, features, Trees(**fields, single=bool(arrays["single"])), prepared)
    raw = graph.add("Add", raw, graph.constant(np.asarray(arrays["start"], dtype=np.float64)))
    _answers(graph, _linked(graph, raw, link), signature)
    return graph.file(facts)


def _inputs(graph: Graph, signature: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The names of the numbers and of the words, each in the order of the inputs."""
    numbers: list[str] = []
    words: list[str] = []
    for one in signature["inputs"]:
        if one["type"] in PARTS or one["type"] == "history":
            raise NoOnnx(f"“{one['name']}” is a date or a past, which is taken apart before the model.")
        is_word = one["type"] in ("text", "boolean")
        (words if is_word else numbers).append(one["name"])
        graph.inputs.append((one["name"], STRING if is_word else DOUBLE, 1))
    return numbers, words


def _features(graph: Graph, prepared: Prepared, numbers: Sequence[str], words: Sequence[str]) -> str:
    """Rows x features, as the preparation makes them."""
    parts: list[str] = []
    places: list[Array] = []
    if numbers:
        block = graph.add("Concat", *numbers, axis=1) if len(numbers) > 1 else numbers[0]
        formula = prepared.numbers
        fill, shift, scale = (graph.constant(one[None]) for one in (formula.fill, formula.shift, formula.scale))
        filled = graph.add("Where", graph.add("IsNaN", block), fill, block)
        parts.append(graph.add("Div", graph.add("Sub", filled, shift), scale))
        places.append(formula.places)
    for name, part in zip(words, prepared.words, strict=True):
        if len(part.places):
            parts.append(_looked_up(graph, name, part))
            places.append(part.places)
    width = len(prepared.rest)
    rest = np.setdiff1d(np.arange(width), np.concatenate([*places, np.zeros(0, dtype=np.intp)]))
    if len(rest) or not parts:
        first = (*numbers, *words)[0]
        rows = graph.add("Slice", graph.add("Shape", first), *(graph.constant(np.array([n])) for n in (0, 1)))
        size = graph.add("Concat", rows, graph.constant(np.array([len(rest)])), axis=0)
        parts.append(graph.add("Expand", graph.constant(prepared.rest[None, rest]), size))
        places.append(rest)
    joined = graph.add("Concat", *parts, axis=1) if len(parts) > 1 else parts[0]
    order = np.argsort(np.concatenate(places), kind="stable").astype(np.int64)
    return graph.add("Gather", joined, graph.constant(order), axis=1)


def _looked_up(graph: Graph, name: str, part: Words) -> str:
    """The line of the table for each word."""
    if "" in part.codes:
        raise NoOnnx(f"In “{name}” an empty text is a word of its own, and ONNX has no other sign for a gap.")
    codes = {"" if word == GAP else word: code for word, code in part.codes.items()}
    keys, values = list(codes), np.array(list(codes.values()), dtype=np.int64)
    code = graph.add(
        "LabelEncoder", name, domain=DOMAIN, keys_strings=keys, values_int64s=values, default_int64=len(part.table) - 1
    )
    flat = graph.add("Reshape", code, graph.constant(np.array([-1])))
    return graph.add("Gather", graph.constant(np.asarray(part.table, dtype=np.float64)), flat, axis=0)


def _linear(graph: Graph, features: str, weights: Array) -> str:
    if weights.shape[1] == 0:  # what it answers hangs on nothing
        weights = np.zeros((len(weights), 1))
        features = graph.add("Gather", features, graph.constant(np.array([0])), axis=1)
        features = graph.add("Where", graph.add("IsNaN", features), graph.constant(np.zeros(1)), features)
    return graph.add("MatMul", features, graph.constant(np.ascontiguousarray(weights.T, dtype=np.float64)))


def _trees(graph: Graph, features: str, trees: Trees, prepared: Prepared) -> str:
    outputs = trees.value.shape[1]
    if len(trees.left) * outputs > MOST_NODES:
        raise NoOnnx(f"It has {len(trees.left)} nodes, more than are written as ONNX.")
    if trees.single:  # as scikit-learn's trees see their inputs
        features = graph.add("Cast", graph.add("Cast", features, to=FLOAT), to=DOUBLE)
    return graph.add("TreeEnsemble", features, domain=DOMAIN, **_ensemble(trees, outputs, _members(trees, prepared)))


def _members(trees: Trees, prepared: Prepared) -> dict[int, Array]:
    """For each node that asks for categories, the values of its feature that go left."""
    tables = {place: part.table[:, i] for part in prepared.words for i, place in enumerate(part.places.tolist())}
    found: dict[int, Array] = {}
    for node in np.flatnonzero((trees.set_of >= 0) & (trees.left >= 0)):
        values = tables.get(int(trees.feature[node]))
        if values is None:
            values = prepared.rest[[int(trees.feature[node])]]
        values = np.unique(values[~np.isnan(values)])
        left = values[trees.goes_left(int(node), values)]
        found[int(node)] = left if len(left) else np.array([-1.0])  # none goes left, and no code is below 0
    return found


def _ensemble(trees: Trees, outputs: int, members: Mapping[int, Array]) -> dict[str, Any]:
    """The attributes of TreeEnsemble: each tree once for each output that it gives something to."""
    inner = trees.left >= 0
    found = _Flat()
    bounds = [*trees.starts.tolist(), len(trees.left)]
    for root, end in pairwise(bounds):
        nodes, values = np.flatnonzero(inner[root:end]) + root, trees.value[root:end]
        for output in range(outputs):
            if output and not values[:, output].any():
                continue
            found.tree(trees, root, end, nodes, output)
    return found.attributes(trees, outputs, members)


class _Flat:
    """Nodes and leaves as TreeEnsemble numbers them: inner nodes in one row, leaves in another."""

    def __init__(self) -> None:
        self.nodes: list[Array] = []
        self.leaves: list[Array] = []
        self.targets: list[Array] = []
        self.weights: list[Array] = []
        self.children: list[tuple[Array, Array, Array, Array]] = []
        self.roots: list[int] = []
        self._node_count, self._leaf_count = 0, 0

    def tree(self, trees: Trees, root: int, end: int, nodes: Array, output: int) -> None:
        """One tree for one output; `nodes` are its inner ones. A tree that is a leaf becomes a node with it twice."""
        leaves = np.flatnonzero(trees.left[root:end] < 0) + root
        place = np.zeros(end - root, dtype=np.int64)
        place[leaves - root] = np.arange(len(leaves)) + self._leaf_count
        place[nodes - root] = np.arange(len(nodes)) + self._node_count
        if len(nodes):
            left, right = trees.left[nodes] - root, trees.right[nodes] - root
            ends = trees.left[root:end] < 0
            self.children.append((place[left], ends[left], place[right], ends[right]))
        else:
            nodes = np.array([root])
            one, yes = place[:1], np.ones(1, dtype=bool)
            self.children.append((one, yes, one, yes))
        self.roots.append(self._node_count + int(np.flatnonzero(nodes == root)[0]))
        self.nodes.append(nodes)
        self.weights.append(trees.value[leaves, output])
        self.targets.append(np.full(len(leaves), output))
        self._node_count += len(nodes)
        self._leaf_count += len(leaves)

    def attributes(self, trees: Trees, outputs: int, members: Mapping[int, Array]) -> dict[str, Any]:
        """All of it."""
        nodes = np.concatenate(self.nodes)
        real = trees.left[nodes] >= 0
        sets = [members.get(int(node)) for node in nodes]
        modes = np.array([SMALLER if one is None else MEMBER for one in sets], dtype=np.uint8)
        left, left_ends, right, right_ends = (np.concatenate(part) for part in zip(*self.children, strict=True))
        found = {
            "n_targets": outputs,
            "tree_roots": np.array(self.roots),
            "nodes_featureids": np.where(real, trees.feature[nodes], 0),
            "nodes_modes": tensor(modes),
            "nodes_splits": tensor(np.where(real & (modes == SMALLER), trees.threshold[nodes], 0.0)),
            "nodes_missing_value_tracks_true": (real & trees.missing_left[nodes]).astype(np.int64),
            "nodes_truenodeids": left,
            "nodes_trueleafs": left_ends.astype(np.int64),
            "nodes_falsenodeids": right,
            "nodes_falseleafs": right_ends.astype(np.int64),
            "leaf_targetids": np.concatenate(self.targets),
            "leaf_weights": tensor(np.concatenate(self.weights).astype(np.float64)),
        }
        if members:
            told = [np.append(one, np.nan) for one in sets if one is not None]
            found["membership_values"] = tensor(np.concatenate(told))
        return found


def _linked(graph: Graph, raw: str, link: str) -> str:
    """What the model says, rows x outputs; of a yes or no both chances."""
    if link == "softmax":
        return graph.add("Softmax", raw, axis=1)
    if link not in ("sigmoid", "chance"):
        return raw
    chance = graph.add("Sigmoid", raw) if link == "sigmoid" else raw
    return graph.add("Concat", graph.add("Sub", graph.constant(np.ones(1)), chance), chance, axis=1)


def _answers(graph: Graph, said: str, signature: Mapping[str, Any]) -> None:
    """`answer`, and where it is one of several words `chances` in the order of the classes."""
    flat = graph.constant(np.array([-1]))
    if signature["kind"] == "regression":
        graph.add("Reshape", said, flat, output="answer")
        graph.outputs.append(("answer", DOUBLE, 0))
        return
    if signature["kind"] == "binary":
        words = [signature["negative"], signature["positive"]]
        yes = graph.add("Gather", said, graph.constant(np.array([1])), axis=1)
        limit = graph.constant(np.array([float(signature["threshold"] or 0.5)]))
        place = graph.add("Cast", graph.add("GreaterOrEqual", yes, limit), to=INT64)
    else:
        words = [str(one) for one in signature["classes"]]
        place = graph.add("ArgMax", said, axis=1)
    graph.add("Gather", graph.constant(words), graph.add("Reshape", place, flat), axis=0, output="answer")
    graph.add("Identity", said, output="chances")
    graph.outputs += [("answer", STRING, 0), ("chances", DOUBLE, len(words))]
