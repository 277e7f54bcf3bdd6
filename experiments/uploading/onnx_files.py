"""PURE: what an ONNX file says, read without ONNX: its inputs, its answers, and whether its inside holds together.

Only operators of the list below are taken: none of them loops, calls a library or makes a large thing of a small one.
Data must lie in the file itself. What the runtime does not check while it walks a forest or multiplies is checked here
(`Graph.walks` where that depends on the rows). https://onnx.ai/onnx/repo-docs/IR.html, onnx.proto.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from experiments.uploading.wire import Fields, Torn, count_of, fields, listed, message, one, whole_numbers, word
from problems.problem import Invalid, Problem

ML = "ai.onnx.ml"
PLAIN = frozenset(
    (
        "Abs", "Add", "And", "ArgMax", "ArgMin", "Cast", "Ceil", "Clip", "Concat", "Constant", "Div", "Elu",
        "Equal", "Erf", "Exp", "Flatten", "Floor", "Gather", "Gelu", "Gemm", "Greater", "GreaterOrEqual",
        "HardSigmoid", "Identity", "IsNaN", "LayerNormalization", "LeakyRelu", "Less", "LessOrEqual", "Log",
        "LogSoftmax", "MatMul", "Max", "Mean", "Min", "Mul", "Neg", "Not", "Or", "PRelu", "Pow", "Reciprocal",
        "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum", "ReduceSumSquare", "Relu",
        "Reshape", "Round", "Selu", "Sigmoid", "Sign", "Softmax", "Softplus", "Sqrt", "Squeeze", "Sub", "Sum",
        "Tanh", "Transpose", "Unsqueeze", "Where",
    )
)  # fmt: skip
LEARNED = frozenset(
    (
        "ArrayFeatureExtractor", "Binarizer", "FeatureVectorizer", "Imputer", "LabelEncoder",
        "LinearClassifier", "LinearRegressor", "Normalizer", "OneHotEncoder", "Scaler",
        "TreeEnsembleClassifier", "TreeEnsembleRegressor", "ZipMap",
    )
)  # fmt: skip
MODES = {b"BRANCH_LEQ", b"BRANCH_LT", b"BRANCH_GTE", b"BRANCH_GT", b"BRANCH_EQ", b"BRANCH_NEQ", b"LEAF"}
SIZES = {1: 4, 6: 4, 7: 8, 8: 0, 9: 1, 11: 8}  # float, int32, int64, words, truth values, double
DATA = {1: 4, 6: 5, 7: 7, 8: 6, 9: 5, 11: 10}  # the field that holds numbers of a kind one by one
WIDTHS = {1: 4, 11: 8}
MOST_VALUES, MOST_NODES = 50_000_000, 20_000
LABELS = {"ZipMap", "LinearClassifier", "TreeEnsembleClassifier"}


@dataclass(frozen=True)
class Input:
    """One input: its name, the kind of its values, and its shape, 0 where any size will do."""

    name: str
    kind: int
    shape: tuple[int, ...]


@dataclass
class Graph:
    """What the file says: inputs, the answers it knows, and which tensors must be how wide (least, most)."""

    inputs: list[Input] = field(default_factory=list)
    labels: list[str] | None = None
    walks: dict[str, tuple[int, int]] = field(default_factory=dict)
    operators: list[str] = field(default_factory=list)
    known: list[tuple[str, list[str]]] = field(default_factory=list)


@dataclass(frozen=True)
class Attribute:
    """One setting of an operator."""

    fields: Fields
    ints: Any
    floats: Any


def bad(text: str, code: str = "bad_model") -> Problem:
    """A refusal that names the file's field."""
    return Invalid(text, fields={"file": text}, code=code)


def read(content: bytes) -> Graph:
    """The graph of a model, or Invalid in words."""
    try:
        return _model(fields(content))
    except (Torn, UnicodeDecodeError, MemoryError) as error:
        raise bad("The file is not a whole ONNX file.") from error


def names_in(graph: Graph) -> list[str]:
    """The names of the columns that it looks at, where each has an input of its own."""
    return [one.name for one in graph.inputs] if len(graph.inputs) > 1 else []


def _model(model: Fields) -> Graph:
    _only(model, {1, 2, 3, 4, 5, 6, 7, 8, 14}, "training steps or functions of its own")
    if 7 not in model or 8 not in model:
        raise Torn("no graph")
    for said in model[8]:
        domain = word(one(message(said), 1, b""))
        if domain not in ("", "ai.onnx", ML):
            raise bad(f"The model needs operators of “{domain[:80]}”, which are not taken here.", "foreign_types")
    return _graph(message(one(model, 7)))


def _graph(graph: Fields) -> Graph:
    _only(graph, {1, 2, 5, 10, 11, 12, 13, 14, 16}, "sparse numbers or parts that are not known here")
    found = Graph()
    own = {_tensor(message(said)) for said in graph.get(5, [])}
    for said in graph.get(11, []):
        given = _input(message(said))
        found.inputs += [given] if given.name not in own else []
    if len(nodes := graph.get(1, [])) > MOST_NODES:
        raise bad("The model has more operators than can be checked.")
    for node in nodes:
        _node(message(node), found)
    found.labels = _labels(found.known)
    return found


def _labels(known: list[tuple[str, list[str]]]) -> list[str] | None:
    """The answers in the order of the chances; None where the file does not say it, or says two things."""
    last = [labels for name, labels in known if name == "ZipMap"] or [labels for _, labels in known]
    return last[0] if last and all(one == last[0] for one in last) else None


def _node(node: Fields, found: Graph) -> None:
    _only(node, {1, 2, 3, 4, 5, 6, 7, 9}, "operators that are not known here")
    name, domain = word(one(node, 4, b"")), word(one(node, 7, b""))
    if name not in (LEARNED if domain == ML else PLAIN if domain in ("", "ai.onnx") else ()):
        text = f"The model uses the operator {f'{domain}.' if domain else ''}{name[:80]}, which is not taken here."
        raise bad(text, "foreign_types")
    found.operators += [name] if name not in found.operators else []
    settings = dict(_attribute(said) for said in node.get(5, []))
    if len(settings) < len(node.get(5, [])):
        raise Torn("a setting twice")
    if name in LABELS and (labels := _words(settings)):
        found.known.append((name, labels))
    if check := _CHECKS.get(name):
        looked = word(node[1][0]) if node.get(1) else ""
        least, most = check(settings)
        before = found.walks.get(looked, (0, most))
        found.walks[looked] = max(before[0], least), min(before[1], most)


def _attribute(said: Any) -> tuple[str, Attribute]:
    if not isinstance(said, bytes):
        raise Torn("no setting")
    found, ints, floats = listed(said)
    if not set(found) <= {1, 2, 3, 4, 5, 9, 10, 13, 20}:
        raise bad("The model holds models in its settings (a loop or a branch), which are not taken here.")
    for tensor in [*found.get(5, []), *found.get(10, [])]:
        _tensor(message(tensor))
    return word(one(found, 1, b"")), Attribute(found, ints, floats)


def _tensor(tensor: Fields) -> str:
    """The name of a tensor whose numbers all stand in the file."""
    if tensor.get(13) or one(tensor, 14, 0):
        raise bad("The model keeps numbers in another file, which is never read. Export it as one file.")
    _only(tensor, {1, 2, 4, 5, 6, 7, 8, 9, 10, 12, 14}, "numbers of a kind that is not known here")
    kind, dims = one(tensor, 2, 0), whole_numbers(tensor.get(1, []))
    if kind not in SIZES:
        raise bad("The model holds numbers of a kind that is not taken here.")
    size = math.prod(dims)
    if min(dims, default=0) < 0 or size > MOST_VALUES:
        raise bad(f"One part of the model says that it has {size:,} values; {MOST_VALUES:,} are the most.")
    raw = one(tensor, 9)
    data = tensor.get(DATA[kind], [])
    if raw is not None:
        whole = isinstance(raw, bytes) and SIZES[kind] and len(raw) == size * SIZES[kind] and not data
    else:
        whole = (len(data) if kind == 8 else count_of(data, WIDTHS.get(kind, 0))) == size
    if not whole:
        raise bad("The file is damaged: a part of the model has more or fewer numbers than it says.", "unsound_model")
    return word(one(tensor, 8, b""))


def _input(value: Fields) -> Input:
    name = word(one(value, 1, b""))
    tensor = one(message(one(value, 2, b"")), 1)
    if tensor is None:
        raise bad(f"The input “{name[:80]}” is no table of values.")
    kind = message(tensor)
    sizes = [one(message(size), 1, 0) for size in message(one(kind, 2, b"")).get(1, [])]
    if not all(isinstance(size, int) for size in sizes) or one(kind, 1, 0) not in SIZES:
        raise bad(f"The input “{name[:80]}” holds values of a kind that is not taken here.")
    return Input(name, one(kind, 1), tuple(sizes))


def _only(found: Fields, known: set[int], what: str) -> None:
    if strange := sorted(set(found) - known):
        raise bad(f"The model holds {what} (field {strange[0]}), which are not taken here.")


def _words(settings: dict[str, Attribute]) -> list[str]:
    """The answers that a classifier names."""
    for name in ("classlabels_strings", "classlabels_int64s", "classlabels_ints"):
        if name in settings:
            texts = [word(one) for one in settings[name].fields.get(9, [])]
            return texts or [str(one) for one in settings[name].ints.tolist()]
    return []


# ---- Insides that the runtime walks without looking ----


def _ints(settings: dict[str, Attribute], name: str) -> Any:
    return settings[name].ints if name in settings else np.empty(0, np.int64)


def _floats(settings: dict[str, Attribute], name: str) -> Any:
    return settings[name].floats if name in settings else np.empty(0, np.float32)


def _unsound(name: str) -> Problem:
    return bad(f"The file is damaged: a {name} in it does not hold together.", "unsound_model")


def _linear(settings: dict[str, Attribute], name: str, answers: int) -> tuple[int, int]:
    sizes = _floats(settings, "coefficients").size
    if answers < 1 or not sizes or sizes % answers:
        raise _unsound(name)
    return sizes // answers, sizes // answers


def _linear_classifier(settings: dict[str, Attribute]) -> tuple[int, int]:
    answers, labels = _floats(settings, "intercepts").size, len(_words(settings))
    if labels != max(answers, 2):
        raise _unsound("LinearClassifier")
    return _linear(settings, "LinearClassifier", answers)


def _linear_regressor(settings: dict[str, Attribute]) -> tuple[int, int]:
    answers = int(one(settings["targets"].fields, 3, 1)) if "targets" in settings else 1
    if _floats(settings, "intercepts").size not in (0, answers):
        raise _unsound("LinearRegressor")
    return _linear(settings, "LinearRegressor", answers)


def _tree_classifier(settings: dict[str, Attribute]) -> tuple[int, int]:
    labels = len(_words(settings))
    if labels < 2:
        raise _unsound("TreeEnsembleClassifier")
    return _forest(settings, "TreeEnsembleClassifier", "class", labels)


def _tree_regressor(settings: dict[str, Attribute]) -> tuple[int, int]:
    answers = int(one(settings["n_targets"].fields, 3, 1)) if "n_targets" in settings else 1
    return _forest(settings, "TreeEnsembleRegressor", "target", answers)


def _forest(settings: dict[str, Attribute], name: str, kind: str, answers: int) -> tuple[int, int]:
    """How wide the rows must be; every branch leads down inside of its tree, every leaf to an answer that there is."""
    trees, nodes, yes, no, looked = (
        _ints(settings, f"nodes_{one}") for one in ("treeids", "nodeids", "truenodeids", "falsenodeids", "featureids")
    )
    modes = settings["nodes_modes"].fields.get(9, []) if "nodes_modes" in settings else []
    tracks, values = _ints(settings, "nodes_missing_value_tracks_true"), _floats(settings, "nodes_values")
    sizes = {nodes.size, yes.size, no.size, looked.size, len(modes), values.size}
    whole = bool(trees.size) and sizes == {trees.size} and set(modes) <= MODES and tracks.size in (0, trees.size)
    if not whole or any(one.endswith("_as_tensor") for one in settings):
        raise _unsound(name)
    leaf = np.array([mode == b"LEAF" for mode in modes])
    places = _places(trees, nodes, name)
    below = [_found(places, trees[~leaf], one[~leaf], name) for one in (yes, no)]
    parents = np.bincount(np.concatenate(below), minlength=trees.size)
    first = np.concatenate([[True], trees[1:] != trees[:-1]])
    if parents.max() > 1 or parents[first].any() or int(first.sum()) != np.unique(trees).size:
        raise _unsound(name)
    ids, weights = _ints(settings, f"{kind}_ids"), _floats(settings, f"{kind}_weights")
    ends = _ints(settings, f"{kind}_treeids"), _ints(settings, f"{kind}_nodeids")
    if not (ids.size == weights.size == ends[0].size == ends[1].size) or not ids.size:
        raise _unsound(name)
    reached = _found(places, *ends, name)
    if ids.min() < 0 or ids.max() >= answers or not leaf[reached].all():
        raise _unsound(name)
    if _floats(settings, "base_values").size not in (0, 1, answers) or looked[~leaf].min(initial=0) < 0:
        raise _unsound(name)
    return int(looked.max(initial=0)) + 1, MOST_VALUES


def _places(trees: Any, nodes: Any, name: str) -> tuple[Any, Any]:
    """The nodes in the order of their keys; each is there once."""
    if min(trees.min(), nodes.min()) < 0 or max(trees.max(), nodes.max()) >= 2**31:
        raise _unsound(name)
    keys = trees * 2**31 + nodes
    order = np.argsort(keys, kind="stable")
    if (np.diff(keys[order]) == 0).any():
        raise _unsound(name)
    return keys[order], order


def _found(places: tuple[Any, Any], trees: Any, nodes: Any, name: str) -> Any:
    """Where the named nodes stand; all must be there."""
    keys, order = places
    if nodes.size and (min(trees.min(), nodes.min()) < 0 or max(trees.max(), nodes.max()) >= 2**31):
        raise _unsound(name)
    wanted = trees * 2**31 + nodes
    at = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
    if (keys[at] != wanted).any():
        raise _unsound(name)
    return order[at]


_CHECKS = {
    "LinearClassifier": _linear_classifier,
    "LinearRegressor": _linear_regressor,
    "TreeEnsembleClassifier": _tree_classifier,
    "TreeEnsembleRegressor": _tree_regressor,
}
