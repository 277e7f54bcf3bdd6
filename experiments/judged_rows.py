"""PURE: the rows that a model is judged on, with their truth: its own held-back ones, or those of another version."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from experiments.columns import numbers_of, words_of
from experiments.evaluation.metrics import Array
from experiments.matrices import GAP
from experiments.preparing import Prepared, prepared
from experiments.training import goals_in
from jobs.report import Report
from problems.problem import Invalid
from projects.measures import NUMBERS, UNLABELLED
from storage import tables

LEAST_ROWS = 30
TIMES = ("date", "datetime")
ORDERED = ("time", "rolling")


@dataclass(frozen=True)
class Known:
    """Rows with their truth (0/1 or numbers), their places in the table they come from, and what people are told."""

    table: pa.Table
    truth: Array
    places: Array
    time_column: str
    about: dict[str, Any]
    scales: Array | None = None  # of forecasts: how far each row's series usually is from itself a season before
    steps: Array | None = None  # of forecasts: the step of time that each answer is for

    def values(self, column: str) -> Sequence[Any] | None:
        """One column, while the rows have it."""
        if column not in self.table.column_names:
            return None
        found: list[Any] = self.table.column(column).to_pylist()
        return found


def known_rows(spec: Mapping[str, Any], signature: Mapping[str, Any], report: Report) -> Known:
    """The run's held-back rows, or those of `spec["rows"]` that it did not learn from."""
    if spec.get("rows") and spec["kind"] == "forecast":
        found = _later_windows(spec, signature, report)
    else:
        found = _elsewhere(spec, signature, report) if spec.get("rows") else _held_back(spec, report)
    if found.truth.size < LEAST_ROWS:
        raise Invalid(f"Only {found.truth.size} rows can be judged on. At least {LEAST_ROWS} are needed.")
    return found


def _names(spec: Mapping[str, Any], schema: Sequence[Mapping[str, Any]], inputs: Sequence[str]) -> list[str]:
    """The columns that any part reads, as far as the table has them."""
    asked = [goal.column for goal in goals_in(spec) if goal.column]
    time = [spec["split"]["column"]] if spec["split"]["kind"] in ORDERED else []
    known = {entry["name"] for entry in schema}
    wanted = [spec["target"], *inputs, *spec["attributes"], *asked, *time]
    return [name for name in dict.fromkeys(wanted) if name in known]


def _time_column(spec: Mapping[str, Any], schema: Sequence[Mapping[str, Any]], table: pa.Table) -> str:
    if spec["split"]["kind"] in ORDERED:
        return str(spec["split"]["column"])
    times = [entry["name"] for entry in schema if entry["type"] in TIMES and entry["name"] in table.column_names]
    return str(times[0]) if times else ""


def _held_back(spec: Mapping[str, Any], report: Report) -> Known:
    data = prepared(spec, report)
    names = _names(spec, spec["schema"], spec["inputs"])
    more = [name for name in names if name not in data.table.column_names]
    table = data.test
    if more:
        beside = tables.read(Path(spec["table"]), columns=more).take(data.test_places)
        for name in more:
            table = table.append_column(name, beside.column(name))
    about = {"on": "held_back", "count": int(data.split.test.size), "left_out": 0, "seen": 0}
    time = _time_column(spec, spec["schema"], table)
    rows = data.split.test
    steps = None if data.frame is None else data.frame.targets[rows]
    return Known(table, data.truth[rows], data.test_places, time, about, _scales(data, rows), steps)


def _scales(data: Prepared, rows: Array) -> Array | None:
    return None if data.frame is None else data.frame.scales[rows]


def _later_windows(spec: Mapping[str, Any], signature: Mapping[str, Any], report: Report) -> Known:
    """The last windows of another version, as far as they lie after all that the model learned from."""
    data = prepared({**spec, "table": spec["rows"]["table"], "schema": spec["rows"]["schema"]}, report)
    assert data.frame is not None
    test = data.split.test[data.frame.targets[data.split.test] > signature["learned_until"]]
    about = {"on": "version", "count": int(test.size), "left_out": 0, "seen": int(data.split.test.size - test.size)}
    time, places = spec["split"]["column"], data.frame.places[test]
    frame = data.frame
    return Known(data.table.take(test), data.truth[test], places, time, about, frame.scales[test], frame.targets[test])


def _elsewhere(spec: Mapping[str, Any], signature: Mapping[str, Any], report: Report) -> Known:
    """Rows of another version. Those with no truth, or a truth that the model does not know, are counted and left out,
    and so are rows that training had, where the version is of the data that it learned from."""
    schema, inputs = spec["rows"]["schema"], [entry["name"] for entry in signature["inputs"]]
    table = tables.read(Path(spec["rows"]["table"]), columns=_names(spec, schema, inputs))
    truth = _truth(table, signature, spec)
    usable = np.ones(truth.size, dtype=bool) if spec["kind"] in UNLABELLED else ~np.isnan(truth)
    left_out, seen = int((~usable).sum()), 0
    if spec["rows"]["own"]:
        fresh = _fresh(table, spec, [*([signature["target"]] if signature["target"] else []), *inputs], report)
        seen = int((usable & ~fresh).sum())
        usable &= fresh
    places = np.flatnonzero(usable)
    about = {"on": "version", "count": int(places.size), "left_out": left_out, "seen": seen}
    table = table.take(places)
    return Known(table, truth[places], places, _time_column(spec, schema, table), about)


def _checked(table: pa.Table, signature: Mapping[str, Any], spec: Mapping[str, Any]) -> Array:
    """Answers that are known for checking, as far as this table has them."""
    found = np.full(table.num_rows, np.nan)
    if signature["target"] in table.column_names:
        words = words_of(table.column(signature["target"]))
        found = np.where(words == GAP, np.nan, (words == spec["positive"]).astype(np.float64)).astype(np.float64)
    return found


def _truth(table: pa.Table, signature: Mapping[str, Any], spec: Mapping[str, Any]) -> Array:
    if signature["kind"] in UNLABELLED:
        return _checked(table, signature, spec)
    column = table.column(signature["target"])
    if signature["kind"] in NUMBERS:
        return numbers_of(column)
    words = words_of(column)
    found = np.full(words.size, np.nan)
    for place, name in enumerate(signature.get("classes") or (signature["negative"], signature["positive"])):
        found[words == name] = place
    return found


def _fresh(table: pa.Table, spec: Mapping[str, Any], names: Sequence[str], report: Report) -> Array:
    """Which rows training did not have, by their content; each copy there answers for one here."""
    report.log("Looking for rows that the model learned from.")
    train = prepared(spec, report).train.select(list(names)).to_pylist()
    had = Counter(tuple(row.values()) for row in train)
    fresh = np.ones(table.num_rows, dtype=bool)
    for place, row in enumerate(table.select(list(names)).to_pylist()):
        key = tuple(row.values())
        if had[key]:
            had[key] -= 1
            fresh[place] = False
    return fresh
