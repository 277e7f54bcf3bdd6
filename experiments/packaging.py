"""PURE: a model as one file: skops with a fixed allow-list (or ONNX from elsewhere), signature, reference, golden rows,
card.

Nothing here ever asks a file which types it would like to have trusted: every type and loader in it must be on the
list below, or the file is refused before anything in it is built. A sixth part may hold the same model as plain arrays
(see `experiments.compiled`); it is used only for the very model that it was made of.
"""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from experiments.compiled import model as compiling
from experiments.compiled.proof import COMPILED, STORED, Proof, mark_of
from experiments.forecasting import relative
from experiments.forecasting.answering import Asked, asked
from experiments.matrices import Layout, Matrix, from_rows, layout_of
from experiments.unlabelled.asking import oddness, placed
from experiments.uploading.onnx_models import OnnxModel
from experiments.uploading.outside import wrapped
from problems.problem import Invalid
from projects.measures import NUMBERS, UNLABELLED

Made = TypeVar("Made")
SKOPS, ONNX, FAST = "model.skops", "model.onnx", "compiled.npz"
TEXTS = ("signature.json", "reference.json", "golden.json", "card.json")
WHOLE = tuple(sorted(parts) for parts in ((SKOPS, *TEXTS), (SKOPS, *TEXTS, FAST), (ONNX, *TEXTS)))
MOST_BYTES = 2 * 1024**3
MOST_MEMBERS = 200_000
_PLAIN = {
    ("DictNode", "builtins.dict"),
    ("ListNode", "builtins.list"),
    ("TupleNode", "builtins.tuple"),
    ("SliceNode", "builtins.slice"),
    ("JsonNode", "builtins.str"),
    ("TypeNode", "builtins.str"),
    ("TypeNode", "builtins.int"),
    ("TypeNode", "builtins.float"),
    ("TypeNode", "numpy.float64"),
    ("TypeNode", "numpy.int64"),
    ("DTypeNode", "numpy.dtype"),
    ("NdArrayNode", "numpy.ndarray"),
    ("NdArrayNode", "numpy.float64"),
    ("NdArrayNode", "numpy.float32"),
    ("NdArrayNode", "numpy.int64"),
    ("NdArrayNode", "numpy.int32"),
    ("NdArrayNode", "numpy.uint64"),
    ("NdArrayNode", "numpy.bool"),
    ("RandomGeneratorNode", "numpy.random._generator.Generator"),
    ("RandomStateNode", "numpy.random.mtrand.RandomState"),
    ("BytearrayNode", "builtins.bytearray"),
    ("DefaultDictNode", "collections.defaultdict"),
    ("TypeNode", "collections.OrderedDict"),
    ("DictNode", "sklearn.utils._bunch.Bunch"),
    ("LossNode", "sklearn._loss._loss.CyHalfBinomialLoss"),
    ("LossNode", "sklearn._loss._loss.CyHalfMultinomialLoss"),
    ("LossNode", "sklearn._loss._loss.CyHalfSquaredError"),
    ("TreeNode", "sklearn.tree._tree.Tree"),
}
_OBJECTS = (
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "lightgbm.sklearn.LGBMRegressor",
    "sklearn._loss.link.IdentityLink",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.link.MultinomialLogit",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss.loss.HalfMultinomialLoss",
    "sklearn._loss.loss.HalfSquaredError",
    "sklearn.calibration.CalibratedClassifierCV",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.cluster._kmeans.KMeans",
    "sklearn.cluster._kmeans.MiniBatchKMeans",
    "sklearn.compose._column_transformer.ColumnTransformer",
    "sklearn.compose._target.TransformedTargetRegressor",
    "sklearn.covariance._elliptic_envelope.EllipticEnvelope",
    "sklearn.decomposition._pca.PCA",
    "sklearn.dummy.DummyClassifier",
    "sklearn.dummy.DummyRegressor",
    "sklearn.ensemble._forest.ExtraTreesClassifier",
    "sklearn.ensemble._forest.ExtraTreesRegressor",
    "sklearn.ensemble._forest.RandomForestClassifier",
    "sklearn.ensemble._forest.RandomForestRegressor",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingRegressor",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.ensemble._iforest.IsolationForest",
    "sklearn.ensemble._stacking.StackingClassifier",
    "sklearn.ensemble._stacking.StackingRegressor",
    "sklearn.ensemble._voting.VotingClassifier",
    "sklearn.ensemble._voting.VotingRegressor",
    "sklearn.feature_extraction.text.TfidfTransformer",
    "sklearn.feature_extraction.text.TfidfVectorizer",
    "sklearn.impute._base.MissingIndicator",
    "sklearn.impute._base.SimpleImputer",
    "sklearn.linear_model._base.LinearRegression",
    "sklearn.linear_model._coordinate_descent.ElasticNet",
    "sklearn.linear_model._coordinate_descent.Lasso",
    "sklearn.linear_model._logistic.LogisticRegression",
    "sklearn.linear_model._ridge.Ridge",
    "sklearn.mixture._gaussian_mixture.GaussianMixture",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.naive_bayes.GaussianNB",
    "sklearn.neighbors._classification.KNeighborsClassifier",
    "sklearn.neighbors._lof.LocalOutlierFactor",
    "sklearn.neighbors._regression.KNeighborsRegressor",
    "sklearn.neural_network._multilayer_perceptron.MLPClassifier",
    "sklearn.neural_network._multilayer_perceptron.MLPRegressor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.pipeline.Pipeline",
    "sklearn.preprocessing._data.MinMaxScaler",
    "sklearn.preprocessing._data.RobustScaler",
    "sklearn.preprocessing._data.StandardScaler",
    "sklearn.preprocessing._discretization.KBinsDiscretizer",
    "sklearn.preprocessing._encoders.OneHotEncoder",
    "sklearn.preprocessing._encoders.OrdinalEncoder",
    "sklearn.preprocessing._label.LabelBinarizer",
    "sklearn.preprocessing._label.LabelEncoder",
    "sklearn.preprocessing._polynomial.PolynomialFeatures",
    "sklearn.preprocessing._target_encoder.TargetEncoder",
    "sklearn.svm._classes.LinearSVC",
    "sklearn.svm._classes.LinearSVR",
    "sklearn.svm._classes.OneClassSVM",
    "sklearn.svm._classes.SVC",
    "sklearn.svm._classes.SVR",
    "sklearn.tree._classes.DecisionTreeClassifier",
    "sklearn.tree._classes.DecisionTreeRegressor",
    "sklearn.tree._classes.ExtraTreeClassifier",
    "sklearn.tree._classes.ExtraTreeRegressor",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
    "xgboost.sklearn.XGBRegressor",
)
ALLOWED = frozenset(_PLAIN | {("ObjectNode", name) for name in _OBJECTS})
# What skops does not know by itself, of the types above. Fixed here; never read from a file.
TRUSTED = [
    "collections.OrderedDict",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "lightgbm.sklearn.LGBMRegressor",
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
    "xgboost.sklearn.XGBRegressor",
]


class Answer(NamedTuple):
    """One prediction: a class in words with a chance, or a number.

    The chance is that of the positive class, or of the class that was answered where there are several; those have the
    chance of each class in `chances`. A forecast has the ends that the truth lies between in 9 of 10 cases. A group has
    the distance from its middle as `score`, and what is unusual or usual how unusual it is.
    """

    answer: Any
    probability: float | None
    chances: Mapping[str, float] | None = None
    ends: tuple[float, float] | None = None
    score: float | None = None


def dumped(pipeline: Any) -> bytes:
    """A fitted pipeline as skops bytes; refuses to write what it would refuse to read."""
    import skops.io  # late, with scikit-learn behind it: a server of compiled models needs neither

    content: bytes = skops.io.dumps(pipeline)
    refuse_foreign(content)
    return content


def loaded(content: bytes) -> Any:
    """The pipeline in skops bytes, or a refusal. There is no other loader to fall back to."""
    import skops.io  # late, see above

    refuse_foreign(content)
    try:
        return skops.io.loads(content, trusted=TRUSTED)
    except Exception as error:
        raise Invalid(f"The model file cannot be read ({type(error).__name__}).", code="bad_model") from error


def refuse_foreign(content: bytes) -> None:
    """Look at a skops file without building anything; every (loader, type) in it must be on our list."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _refuse_bomb(archive)
            schema = json.loads(archive.read("schema.json"))
    except (zipfile.BadZipFile, KeyError, ValueError, RecursionError, NotImplementedError, EOFError) as error:
        raise Invalid("The model file is not a whole skops file.", code="bad_model") from error
    foreign = sorted({name for loader, name in types_in(schema) if (loader, name) not in ALLOWED})
    if foreign:
        raise Invalid(
            f"The model file contains types that are not allowed: {', '.join(foreign[:10])}.",
            code="foreign_types",
            types=foreign,
        )


def types_in(schema: Any) -> set[tuple[str, str]]:
    """Every (loader, module.class) that a schema names, at any depth."""
    found, waiting = set(), [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if {"__class__", "__module__", "__loader__"} & node.keys():
                name = f"{node.get('__module__')}.{node.get('__class__')}"
                found.add((str(node.get("__loader__")), name))
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return found or {("nothing", "an empty schema")}


def _refuse_bomb(archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    if len(members) > MOST_MEMBERS or sum(member.file_size for member in members) > MOST_BYTES:
        raise Invalid("The model file is larger than 2 GB when unpacked.", code="bad_model")


def pack(
    path: Path,
    *,
    pipeline: Any,
    signature: Mapping[str, Any],
    reference: Mapping[str, Any],
    golden: Mapping[str, Any],
    card: Mapping[str, Any],
    prove: Callable[[bytes], Proof] | None = None,
    stored: bytes | None = None,
) -> None:
    """Write the bundle; every JSON part is plain, so NaN in one of them is an error of ours.

    `stored` are the model's own bytes, where it came as a file. `prove` is given the stored model; its compiled form,
    if it has one, becomes a part, and the card tells of it.
    """
    model = dumped(pipeline) if stored is None else stored
    proof = prove(model) if prove else None
    if proof:
        card = {**card, "serving": proof.facts}
    parts = {"signature.json": signature, "reference.json": reference, "golden.json": golden, "card.json": card}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(ONNX if signature.get("outside", {}).get("form") == "onnx" else SKOPS, model)
        if proof and proof.content is not None:
            archive.writestr(FAST, proof.content)
        for name, part in parts.items():
            archive.writestr(name, json.dumps(part, allow_nan=False))


class Bundle:
    """An opened bundle. Its JSON parts are read at once, the model only when a predictor is asked for."""

    def __init__(self, parts: Mapping[str, bytes]) -> None:
        self._form = ONNX if ONNX in parts else SKOPS
        self._model, self._fast = parts[self._form], parts.get(FAST)
        try:
            self.signature, self.reference, self.golden, self.card = (dict(json.loads(parts[name])) for name in TEXTS)
        except (ValueError, TypeError) as error:
            raise Invalid("The bundle's descriptions cannot be read.", code="bad_bundle") from error

    @classmethod
    def open(cls, path: Path) -> "Bundle":
        """Read a bundle from a file whose hash was checked; refuses anything but exactly its parts."""
        try:
            with zipfile.ZipFile(path) as archive:
                _refuse_bomb(archive)
                names = archive.namelist()
                if sorted(names) not in WHOLE:
                    raise Invalid("The bundle does not hold exactly its parts.", code="bad_bundle")
                return cls({name: archive.read(name) for name in names})
        except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError) as error:
            raise Invalid("The bundle is not a whole file.", code="bad_bundle") from error

    def predictor(self) -> "Predictor":
        """The stored pipeline itself, ready to answer."""
        model = OnnxModel(self._model) if self._form == ONNX else loaded(self._model)
        return Predictor(relative.wrapped(wrapped(model, self.signature), self.signature), self.signature)

    def compiled(self) -> "Predictor":
        """The compiled model, ready to answer; Invalid says why there is none for this very model."""
        return self.made_of(
            lambda content: Predictor(compiling.loaded(content, self.signature), self.signature, COMPILED)
        )

    def made_of(self, make: Callable[[bytes], Made]) -> Made:
        """Something made of the compiled bytes; Invalid says why there are none, or why they cannot be used."""
        if self._fast is None:
            raise Invalid(str(self.card.get("serving", {}).get("why") or "It was packed without one."))
        try:
            if compiling.facts_of(self._fast)["model"] != mark_of(self._model):
                raise Invalid("Its compiled form belongs to another model.")
            return make(self._fast)
        except (ValueError, KeyError, IndexError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise Invalid(f"Its compiled form is damaged ({type(error).__name__}).") from error


def answers_of(pipeline: Any, kind: str, matrix: Matrix) -> Matrix:
    """For each row the chance of the positive answer, the number itself, or a line with the chance of each answer; on
    one thread, as which of equally near neighbours count hangs on their number."""
    with nullcontext() if isinstance(pipeline, compiling.CompiledModel) else _teams().limit(limits=1):
        found = pipeline.predict(matrix) if kind in NUMBERS else pipeline.predict_proba(matrix)
    return np.asarray(found[:, 1] if kind == "binary" else found, dtype=np.float64)


@cache
def _teams() -> Any:
    from threadpoolctl import ThreadpoolController  # late, it comes with scikit-learn

    return ThreadpoolController().select(user_api="openmp")


def fields_of(signature: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the pipeline itself looks at: what callers send, or what is made of the past that they ask about."""
    found: list[dict[str, Any]] = signature.get("features") or signature["inputs"]
    return found


class Predictor:
    """Answers clean rows (see `signatures.check_rows`) with the stored pipeline, or with its compiled form."""

    def __init__(self, pipeline: Any, signature: Mapping[str, Any], path: str = STORED) -> None:
        self._pipeline, self._signature, self.path = pipeline, signature, path
        self._threshold = float(signature["threshold"] or 0.5)

    @cached_property
    def _layout(self) -> Layout:
        return layout_of(fields_of(self._signature))

    def predict(self, rows: list[dict[str, Any]]) -> list[Answer]:
        """One answer for each row, in order."""
        if not rows:
            return []
        if self._signature["kind"] == "forecast":
            return self._ahead(asked(rows, self._signature))
        return self.answers(from_rows(rows, self._layout))

    def answers(self, matrix: Any) -> list[Answer]:
        """The same for a matrix; a compiled model also takes `Columns`."""
        if self._signature["kind"] in UNLABELLED:
            return self._alone(matrix)
        if self._signature["kind"] == "regression":
            return [Answer(float(value), None) for value in self.ask(matrix)]
        if self._signature["kind"] == "multiclass":
            return self._several(self.ask(matrix))
        yes, no = self._signature["positive"], self._signature["negative"]
        chances = self.ask(matrix)
        return [Answer(yes if chance >= self._threshold else no, float(chance)) for chance in chances]

    @property
    def pipeline(self) -> Any:
        """The stored pipeline."""
        return self._pipeline

    def ask(self, matrix: Matrix) -> Matrix:
        """See `answers_of`."""
        return answers_of(self._pipeline, self._signature["kind"], matrix)

    def _ahead(self, given: Asked) -> list[Answer]:
        """Numbers with their ends, where the back-test could say how wide these are."""
        said, sizes = self.ask(from_rows(given.rows, self._layout)), self._signature["within"]
        if sizes is None:
            return [Answer(float(value), None) for value in said]
        half = np.array(sizes)[given.ahead - 1] * given.scales
        return [Answer(float(v), None, ends=(float(v - h), float(v + h))) for v, h in zip(said, half, strict=True)]

    def _alone(self, matrix: Matrix) -> list[Answer]:
        """The group of each row, or whether it is unusual."""
        signature = self._signature
        if signature["kind"] == "clustering":
            pairs = zip(*placed(self._pipeline, matrix, signature["order"]), strict=True)
            return [Answer(signature["classes"][place], None, score=float(away)) for place, away in pairs]
        words = signature["positive"], signature["negative"]
        scores = oddness(self._pipeline, matrix)
        return [Answer(words[0 if one > signature["edge"] else 1], None, score=float(one)) for one in scores]

    def _several(self, chances: np.ndarray[Any, Any]) -> list[Answer]:
        """The class with the largest chance; of equals the first."""
        names = self._signature["classes"]
        rows = zip(np.argmax(chances, axis=1), chances.tolist(), strict=True)
        return [Answer(names[best], row[best], dict(zip(names, row, strict=True))) for best, row in rows]
