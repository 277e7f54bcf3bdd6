"""PURE: one loaded model and its answers. It knows nothing of HTTP, so that batches and streams call it too."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from deployments import golden
from deployments.prediction_ids import new_ids
from deployments.serving import lines
from deployments.serving.lean import let_frames_in
from deployments.serving.parsing import RowsInvalid
from experiments import baselines
from experiments.compiled.columns import Reader
from experiments.compiled.proof import COMPILED
from experiments.packaging import Bundle
from experiments.signatures import check_rows, word
from problems.problem import Corrupted, Problem
from projects.measures import NUMBERS
from projects.policies import NO, YES, Rule

Columns = dict[str, Sequence[Any]]
MAX_ERRORS = 100
HUNDRED, TRIES = 100, 5


class Answer(Protocol):
    """What a predictor gives for one row."""

    @property
    def answer(self) -> Any: ...

    @property
    def probability(self) -> float | None: ...

    @property
    def chances(self) -> Mapping[str, float] | None: ...

    @property
    def ends(self) -> tuple[float, float] | None: ...

    @property
    def score(self) -> float | None: ...


class Predictor(Protocol):
    """What answers rows that were checked against the signature."""

    def predict(self, rows: list[dict[str, Any]]) -> Sequence[Answer]: ...

    def answers(self, matrix: Any) -> Sequence[Answer]: ...


@dataclass(frozen=True)
class Cost:
    """About how many seconds a call takes: so many, and so many for each row."""

    call: float = 0.0
    row: float = 0.0

    def of(self, rows: int) -> float:
        """Seconds for so many rows."""
        return self.call + self.row * rows


@dataclass(frozen=True)
class Facts:
    """Which release of which model version this is, where its verified bytes lie, and what the business decided.

    `policy` is the signed decision policy, `baseline` the practice without a model, whose answers run in its shadow.
    `role` is what it is in a trial, `seconds` how long one request may take, where less than the server allows.
    `answers_unlogged`: whether it answers, and says so, while the log cannot be written. `aliases` are the names that
    people gave to versions of the model, each with the version's number.
    """

    release: str
    deployment: str
    model: str
    version: int
    bundle: str
    policy: Rule | None = None
    baseline: Mapping[str, Any] | None = None
    role: str = "champion"
    seconds: float | None = None
    answers_unlogged: bool = False
    aliases: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Answered:
    """The rows of one request, answered: what the caller gets, and the lines that must be durable before."""

    predictions: list[dict[str, Any]]
    lines: bytes
    rows: int
    unknown: int


@dataclass
class Loaded:
    """A model in memory, ready to answer. `why` says what is served by the stored pipeline, and for what reason."""

    bundle: str
    signature: dict[str, Any]
    predictor: Predictor
    why: str = ""
    cost: Cost = field(default_factory=Cost)
    categories: dict[str, frozenset[str]] = field(init=False)
    _texts: dict[str, frozenset[str | None]] = field(init=False)
    reader: Reader | None = field(init=False)

    def __post_init__(self) -> None:
        self.categories = {
            part["name"]: frozenset(part["categories"])
            for part in self.signature["inputs"]
            if part["categories"] is not None
        }
        self._texts = {name: known | {None} for name, known in self.categories.items()}
        self.reader = Reader(self.signature) if getattr(self.predictor, "path", "") == COMPILED else None

    def checked(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The rows as the model wants them; RowsInvalid names every row and field that does not fit."""
        clean, errors = check_rows(self.signature, rows)
        if errors:
            raise RowsInvalid([dict(error) for error in errors[:MAX_ERRORS]], len(errors))
        return clean

    def answered(self, rows: list[dict[str, Any]]) -> tuple[Columns, Sequence[Answer]]:
        """Clean columns and the answers; plain values go to a compiled model as they are, without a matrix."""
        taken = self.reader.read(rows) if self.reader else None
        if taken is None or self.reader is None:
            clean = self.checked(rows)
            names = list(dict.fromkeys(name for row in clean for name in row))
            return {name: [row.get(name) for row in clean] for name in names}, self.predictor.predict(clean)
        return dict(zip(self.reader.names, taken.values, strict=True)), self.predictor.answers(taken.columns)

    def unknown(self, columns: Columns, count: int) -> list[int]:
        """How many values of each of `count` rows are categories that training never saw."""
        found = [0] * count
        for name, known in self.categories.items():
            if self._texts[name].issuperset(columns[name]):
                continue
            words = [value if type(value) is str else _word(value) for value in columns[name]]
            if not known.issuperset(words):
                for place, one in enumerate(words):
                    found[place] += one is not None and one not in known
        return found


def _word(value: Any) -> str | None:
    return None if value is None else word(value)


def load(path: Path, bundle: str) -> Loaded:
    """Open a bundle whose bytes were verified. Its golden rows warm it, and must be answered as in training.

    The compiled form answers where it has one that does; otherwise the stored pipeline, and `why` says why.
    """
    opened = Bundle.open(path)
    if opened.signature.get("outside", {}).get("frame"):
        let_frames_in()
    found, why = None, ""
    try:
        found = opened.compiled()
        if golden.different(found, opened.golden):
            found, why = None, "Its compiled form answers stored rows differently than in training."
    except Problem as reason:
        why = reason.text
    if found is None:
        found = opened.predictor()
        if changed := golden.different(found, opened.golden):
            count = f"{len(changed)} of {len(opened.golden['rows'])}"
            raise Corrupted(f"It answers {count} stored rows differently than in training. It was not used.")
    model = Loaded(bundle, opened.signature, found, why)
    model.cost = measured(model, opened.golden["rows"])
    return model


def measured(model: Loaded, rows: list[dict[str, Any]]) -> Cost:
    """What answering costs, from the stored rows; it also warms the model."""
    if not rows:
        return Cost()
    many = (rows * HUNDRED)[:HUNDRED]
    one, all_ = (min(_timed(model, some) for _ in range(TRIES)) for some in (rows[:1], many))
    each = max(0.0, (all_ - one) / (HUNDRED - 1))
    return Cost(max(0.0, one - each), each)


def _timed(model: Loaded, rows: list[dict[str, Any]]) -> float:
    began = time.perf_counter()
    model.answered(rows)
    return time.perf_counter() - began


def answer(model: Loaded, facts: Facts, rows: list[dict[str, Any]], key: bytes, began: float) -> Answered:
    """Check the rows, answer them, and write their lines of the log. `began` is a reading of time.perf_counter."""
    return answer_all(model, facts, [(rows, began)], key)[0]


def answer_all(
    model: Loaded,
    facts: Facts,
    asked: Sequence[tuple[list[dict[str, Any]], float]],
    key: bytes,
    beside: Sequence[str] = (),
) -> list[Answered]:
    """The same for several requests to one model, in one go; a row that does not fit refuses all of them.

    A shadow names the predictions that the caller got, `beside`.
    """
    rows = asked[0][0] if len(asked) == 1 else [row for some, _ in asked for row in some]
    columns, found = model.answered(rows)
    first, now = round(time.time() * 1e6), time.perf_counter()  # whole microseconds, so that no two rows share one
    ids = new_ids(key, facts.deployment, [(first + place) / 1e6 for place in range(len(rows))])
    unknown = model.unknown(columns, len(rows))
    answers, place = [], 0
    for some, began in asked:
        part = slice(place, place + len(some))
        predictions = [
            {"id": one, **decided(said, facts.policy, model.signature)}
            for one, said in zip(ids[part], found[part], strict=True)
        ]
        more = _beside(model, facts, some, found[part], unknown[part])
        more |= {"beside": beside[part]} if beside else {}
        shared = {**_shared(model, facts), "latency_ms": round((now - began) * 1000, 3)}
        inputs = {name: values[part] for name, values in columns.items()}
        line = lines.written(shared, predictions, more, inputs, first + place)
        answers.append(Answered(predictions, line, len(some), sum(unknown[part])))
        place += len(some)
    return answers


def _shared(model: Loaded, facts: Facts) -> dict[str, Any]:
    """What all rows of a request have in their lines."""
    return {
        "deployment": facts.deployment,
        "release": facts.release,
        "version": facts.version,
        "role": facts.role,
        "policy": facts.policy.version if facts.policy and model.signature["kind"] == "binary" else None,
    }


def _beside(
    model: Loaded, facts: Facts, rows: Sequence[Mapping[str, Any]], found: Sequence[Answer], unknown: Sequence[int]
) -> dict[str, Sequence[Any]]:
    """What the log keeps of each row beside its prediction; what no row has is left out."""
    kept: dict[str, Sequence[Any]] = {}
    if model.signature["kind"] in NUMBERS:
        kept["number"] = [one.answer for one in found]
    elif found[0].score is not None:
        kept["number"] = [one.score for one in found]
    kept["unknown"] = unknown
    if facts.baseline is not None:
        kept["baseline"] = [shadow(facts.baseline, row, model.signature) for row in rows]
    return kept


def decided(one: Answer, rule: Rule | None, signature: dict[str, Any]) -> dict[str, Any]:
    """One answer: by the signed policy's threshold, else by the model's own. Only a yes or no decides something."""
    chance, yes = one.probability, signature["positive"]
    if one.score is not None:
        return {"answer": one.answer, "probability": None, "decision": None, **found_alone(one, signature)}
    if one.chances is not None:
        return {"answer": one.answer, "probability": chance, "decision": None, "chances": dict(one.chances)}
    if one.ends is not None:
        return {"answer": one.answer, "probability": None, "decision": None, "low": one.ends[0], "high": one.ends[1]}
    if chance is None or signature["kind"] in NUMBERS:
        return {"answer": one.answer, "probability": chance, "decision": None}
    if rule is None:
        return {"answer": one.answer, "probability": chance, "decision": YES if one.answer == yes else NO}
    said = yes if chance >= rule.threshold else signature["negative"]
    return {"answer": said, "probability": chance, "decision": rule.decide(chance)}


def found_alone(one: Answer, signature: dict[str, Any]) -> dict[str, Any]:
    """What stands beside a group, or beside what is unusual or usual."""
    if signature["kind"] == "clustering":
        return {"distance": one.score}
    return {"score": one.score, "flagged": one.answer == signature["positive"]}


def shadow(baseline: Mapping[str, Any] | None, row: Mapping[str, Any], signature: dict[str, Any]) -> Any:
    """What would have been answered without the model, as far as the caller's row says it."""
    if baseline is None:
        return None
    said = baselines.answer(baseline, row, signature["kind"], signature["positive"])
    if signature["kind"] != "binary" or said is None:
        return said
    return signature["positive"] if said == YES else signature["negative"]
