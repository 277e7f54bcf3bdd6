"""PURE: one batch of a stored table, checked and answered by the code that also answers single requests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from deployments.serving.inference import Answer, Loaded
from experiments.signatures import LARGEST, check_rows, word

MOST_REASONS = 5


@dataclass(frozen=True)
class Scored:
    """The places of the rows that were answered, their answers, why others were not, and values never seen."""

    places: Sequence[int]
    answers: Sequence[Answer]
    refused: Mapping[int, str]
    unseen: int


def score(model: Loaded, batch: pa.RecordBatch) -> Scored:
    """Answer the rows of a batch; those that do not fit the model's signature are refused, each with its reasons."""
    size = batch.num_rows
    refused = _refused(model, batch, _suspects(model, batch))
    places = _others(refused, size)
    values = _values(model, batch.take(pa.array(places, pa.int64())) if refused else batch)
    reader = None if model.signature.get("tail") else model.reader
    taken = reader.read_columns(list(values.values()), len(places)) if reader and places else None
    if taken is not None:
        return Scored(places, model.predictor.answers(taken.columns), refused, _unseen(model, values))
    refused = _refused(model, batch, range(size))
    places = _others(refused, size)
    values = _values(model, batch.take(pa.array(places, pa.int64())))
    answers = model.answered(_rows(values))[1] if places else []
    return Scored(places, answers, refused, _unseen(model, values))


def _suspects(model: Loaded, batch: pa.RecordBatch) -> list[int]:
    """Where a value is missing that must be there, or a number is too large: the usual reasons, found at once."""
    marks = []
    for field in model.signature["inputs"]:
        if field["name"] not in batch.schema.names:
            continue
        column = batch.column(field["name"])
        if not field["nullable"] and column.null_count:
            marks.append(column.is_null())
        if pa.types.is_floating(column.type):
            fits = pc.less_equal(pc.abs(column), LARGEST)
            if pc.sum(fits).as_py() != len(column) - column.null_count:
                marks.append(pc.invert(pc.fill_null(fits, True)))
    if not marks:
        return []
    found: list[int] = pc.indices_nonzero(reduce(pc.or_, marks)).to_pylist()
    return found


def _others(refused: Mapping[int, str], size: int) -> Sequence[int]:
    return [place for place in range(size) if place not in refused] if refused else range(size)


def _rows(values: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(values, line, strict=True)) for line in zip(*values.values(), strict=True)]


def _values(model: Loaded, batch: pa.RecordBatch) -> dict[str, list[Any]]:
    """The values of each input as a caller would send them; of a column that is not there, gaps."""
    there = set(batch.schema.names)
    fields = [field["name"] for field in model.signature["inputs"]]
    return {name: _sent(batch.column(name)) if name in there else [None] * batch.num_rows for name in fields}


def _sent(column: pa.Array) -> list[Any]:
    found: list[Any] = column.to_pylist()
    if pa.types.is_temporal(column.type):
        return [None if value is None else value.isoformat() for value in found]
    return found


def _refused(model: Loaded, batch: pa.RecordBatch, places: Sequence[int]) -> dict[int, str]:
    """The reasons against those of these rows that do not fit."""
    reasons: dict[int, list[str]] = {}
    if not places:
        return {}
    rows = _rows(_values(model, batch.take(pa.array(places, pa.int64()))))
    for error in check_rows(model.signature, rows)[1]:
        reasons.setdefault(places[error["row"]], []).append(f"{error['field']} {error['message']}".strip())
    return {place: "; ".join(found[:MOST_REASONS]) for place, found in reasons.items()}


def _unseen(model: Loaded, values: Mapping[str, list[Any]]) -> int:
    """How many values are categories that training never saw."""
    count = 0
    for name, known in model.categories.items():
        words = [value if value is None or type(value) is str else word(value) for value in values[name]]
        if new := set(words) - known - {None}:
            count += sum(one in new for one in words)
    return count
