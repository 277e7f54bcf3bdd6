"""PURE: one loaded model and its answers. It knows nothing of HTTP, so that batches and streams call it too."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import orjson

from deployments import golden
from deployments.prediction_ids import new_id
from deployments.serving.parsing import RowsInvalid
from experiments import baselines
from experiments.signatures import check_rows, word
from problems.problem import Corrupted
from projects.measures import NUMBERS
from projects.policies import NO, YES, Rule

MAX_ERRORS = 100


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


class Predictor(Protocol):
    """What answers rows that were checked against the signature."""

    def predict(self, rows: list[dict[str, Any]]) -> Sequence[Answer]: ...


@dataclass(frozen=True)
class Facts:
    """Which release of which model version this is, where its verified bytes lie, and what the business decided.

    `policy` is the signed decision policy, `baseline` the practice without a model, whose answers run in its shadow.
    """

    release: str
    deployment: str
    model: str
    version: int
    bundle: str
    policy: Rule | None = None
    baseline: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Answered:
    """The rows of one request, answered: what the caller gets, and the lines that must be durable before."""

    predictions: list[dict[str, Any]]
    lines: bytes
    rows: int
    unknown: int


@dataclass
class Loaded:
    """A model in memory, ready to answer."""

    bundle: str
    signature: dict[str, Any]
    predictor: Predictor
    categories: dict[str, frozenset[str]] = field(init=False)

    def __post_init__(self) -> None:
        self.categories = {
            part["name"]: frozenset(part["categories"])
            for part in self.signature["inputs"]
            if part["categories"] is not None
        }

    def checked(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The rows as the model wants them; RowsInvalid names every row and field that does not fit."""
        clean, errors = check_rows(self.signature, rows)
        if errors:
            raise RowsInvalid([dict(error) for error in errors[:MAX_ERRORS]], len(errors))
        return clean

    def unknown(self, row: dict[str, Any]) -> int:
        """How many values of a row are categories that training never saw."""
        return sum(
            1
            for name, known in self.categories.items()
            if (value := row.get(name)) is not None and word(value) not in known
        )


def load(path: Path, bundle: str) -> Loaded:
    """Open a bundle whose bytes were verified. Its golden rows warm it, and must be answered as in training."""
    from experiments.packaging import Bundle  # loads scikit-learn: only once a model is needed

    opened = Bundle.open(path)
    loaded = Loaded(bundle, opened.signature, opened.predictor())
    if changed := golden.different(loaded.predictor, opened.golden):
        count = f"{len(changed)} of {len(opened.golden['rows'])}"
        raise Corrupted(f"It answers {count} stored rows differently than in training. It was not used.")
    return loaded


def answer(model: Loaded, facts: Facts, rows: list[dict[str, Any]], key: bytes, began: float) -> Answered:
    """Check the rows, answer them, and write their lines of the log. `began` is a reading of time.perf_counter."""
    clean = model.checked(rows)
    found = model.predictor.predict(clean)
    at = time.time()
    latency = round((time.perf_counter() - began) * 1000, 3)
    kind = model.signature["kind"]
    number = facts.policy.version if facts.policy and kind == "binary" else None
    predictions, lines, unknown_total = [], [], 0
    for place, (row, one) in enumerate(zip(clean, found, strict=True)):
        unknown = model.unknown(row)
        unknown_total += unknown
        prediction = {
            "id": new_id(key, facts.deployment, at + place / 1e6),
            **decided(one, facts.policy, model.signature),
        }
        predictions.append(prediction)
        lines.append(
            orjson.dumps(
                prediction
                | {
                    "deployment": facts.deployment,
                    "at": at + place / 1e6,
                    "release": facts.release,
                    "version": facts.version,
                    "policy": number,
                    "latency_ms": latency,
                    "number": one.answer if kind in NUMBERS else None,
                    "row": row,
                    "unknown": unknown,
                    "baseline": shadow(facts.baseline, rows[place], model.signature),
                },
                option=orjson.OPT_APPEND_NEWLINE,
            )
        )
    return Answered(predictions, b"".join(lines), len(predictions), unknown_total)


def decided(one: Answer, rule: Rule | None, signature: dict[str, Any]) -> dict[str, Any]:
    """One answer: by the signed policy's threshold, else by the model's own. Only a yes or no decides something."""
    chance, yes = one.probability, signature["positive"]
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


def shadow(baseline: Mapping[str, Any] | None, row: Mapping[str, Any], signature: dict[str, Any]) -> Any:
    """What would have been answered without the model, as far as the caller's row says it."""
    if baseline is None:
        return None
    said = baselines.answer(baseline, row, signature["kind"], signature["positive"])
    if signature["kind"] != "binary" or said is None:
        return said
    return signature["positive"] if said == YES else signature["negative"]
