"""PURE: tables put under one another: columns by name, and with keys the newer row in place of the older."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from datasets.reading.cells import ARROW
from datasets.reading.tables import write
from jobs.report import Report
from problems.problem import Invalid
from storage import tables

WIDER = {frozenset({"integer", "number"}): "number", frozenset({"date", "datetime"}): "datetime"}
WORDS = {"integer": "whole numbers", "number": "numbers", "boolean": "true or false", "text": "text"}
WORDS |= {"date": "days", "datetime": "times"}
MISSING = "\x00"


@dataclass(frozen=True)
class Part:
    """One table: its file, its columns as {name, type}, and which of them hold no value at all."""

    path: Path
    columns: Sequence[Mapping[str, Any]]
    empty: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Joined:
    """What came of it; `replaced` counts older rows that gave way to newer ones."""

    path: Path
    columns: list[dict[str, str]]
    rows: int
    replaced: int


def join(parts: Sequence[Part], keys: Sequence[str], place: Path, report: Report) -> Joined:
    """Older parts first. Without keys every row stays."""
    columns = agreed(parts)
    for key in keys:
        if key not in {one["name"] for one in columns}:
            text = f"The key column “{key[:100]}” is not in the data."
            raise Invalid(text, code="no_such_key", fields={"keys": text})
    schema = pa.schema([pa.field(one["name"], ARROW[one["type"]]) for one in columns])
    counts = {"all": 0}
    rows = write(place, schema, _rows(parts, columns, schema, keys, counts, report))
    return Joined(place, columns, rows, counts["all"] - rows)


def agreed(parts: Sequence[Part]) -> list[dict[str, str]]:
    """One type for each column of all parts; types that cannot be reconciled are refused by name."""
    kinds: dict[str, str] = {}
    for part in parts:
        for column in part.columns:
            name, kind = column["name"], column["type"]
            known = kinds.get(name)
            if name in part.empty:
                kind = known or ""
            if not known or known == kind:
                kinds[name] = kind
                continue
            wider = WIDER.get(frozenset({known, kind}))
            if wider is None:
                text = (
                    f"“{name[:100]}” held {WORDS[known]} so far and holds {WORDS[kind]} in what was fetched now. "
                    "State its type, or load all of it again from the beginning."
                )
                raise Invalid(text, code="types_differ", column=name)
            kinds[name] = wider
    return [{"name": name, "type": kind or "text"} for name, kind in kinds.items()]


def _rows(
    parts: Sequence[Part],
    columns: Sequence[Mapping[str, str]],
    schema: pa.Schema,
    keys: Sequence[str],
    counts: dict[str, int],
    report: Report,
) -> Iterator[pa.RecordBatch]:
    later = [_last_places(parts, place, schema, keys) for place in range(len(parts))] if keys else []
    for place, part in enumerate(parts):
        start = 0
        for batch in _fitted(part, schema):
            counts["all"] += batch.num_rows
            report.progress(counts["all"], None, "putting rows together")
            if keys:
                kept = later[place].keep(batch, start)
                start += batch.num_rows
                batch = batch.filter(kept)
            yield batch


def _fitted(part: Part, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The batches of a part in the types and the order of all."""
    for batch in tables.read_batches(part.path):
        arrays = []
        for one in schema:
            place = batch.schema.get_field_index(one.name)
            array = pa.nulls(batch.num_rows, one.type) if place < 0 else batch.column(place)
            arrays.append(_cast(array, one))
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _cast(array: pa.Array, one: pa.Field) -> pa.Array:
    if array.null_count == len(array):
        return pa.nulls(len(array), one.type)
    try:
        return array.cast(one.type)
    except pa.ArrowInvalid as error:
        text = f"“{one.name[:100]}” holds a value that does not fit beside the others: {str(error)[:150]}"
        raise Invalid(text, code="types_differ", column=one.name) from None


class _Later:
    """Which rows of one part stay: the last of each key in the last part that has it."""

    def __init__(self, keys: Sequence[str], taken: pa.Array, last: dict[str, int]) -> None:
        self.keys, self.taken, self.last = keys, taken, last

    def keep(self, batch: pa.RecordBatch, start: int) -> pa.Array:
        """One answer for each row."""
        words = _words(batch, self.keys)
        free = pc.invert(pc.is_in(words, value_set=self.taken))
        if not self.last:
            return free
        own = [self.last.get(word, -1) == start + i for i, word in enumerate(words.to_pylist())]
        return pc.and_(free, pa.array(own))


def _last_places(parts: Sequence[Part], place: int, schema: pa.Schema, keys: Sequence[str]) -> _Later:
    """What later parts hold, and where the last row of each key of this part is. The base (place 0 of several) is
    taken to be unique already, because the same was done when it was made."""
    taken = [_words(batch, keys) for part in parts[place + 1 :] for batch in _fitted(part, schema)]
    last: dict[str, int] = {}
    if place or len(parts) == 1:
        at = 0
        for batch in _fitted(parts[place], schema):
            for word in _words(batch, keys).to_pylist():
                last[word] = at
                at += 1
    return _Later(keys, pa.concat_arrays(taken) if taken else pa.array([], pa.string()), last)


def _words(batch: pa.RecordBatch, keys: Sequence[str]) -> pa.Array:
    """The key of each row as one text; the length of each part keeps parts from running into one another."""
    columns = []
    for key in keys:
        text = pc.fill_null(batch.column(batch.schema.get_field_index(key)).cast(pa.string()), MISSING)
        columns += [pc.utf8_length(text).cast(pa.string()), text]
    return pc.binary_join_element_wise(*columns, "\x1f")


def same_rows(one: Path, other: Path) -> bool:
    """Whether two tables of the same columns and number of rows hold the same, however they are cut into pieces."""
    left, right = tables.read_batches(one), tables.read_batches(other)
    a = b = None
    while True:
        a, b = _filled(a, left), _filled(b, right)
        if a is None or b is None:
            return a is b
        rows = min(a.num_rows, b.num_rows)
        if not a.slice(0, rows).equals(b.slice(0, rows)):
            return False
        a, b = a.slice(rows), b.slice(rows)


def _filled(batch: pa.RecordBatch | None, more: Iterator[pa.RecordBatch]) -> pa.RecordBatch | None:
    """What is left of a batch, or the next that holds rows."""
    while batch is None or not batch.num_rows:
        batch = next(more, None)
        if batch is None:
            return None
    return batch
