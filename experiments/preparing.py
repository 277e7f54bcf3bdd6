"""PURE: a table made ready to learn from: the answers, the rows of both parts, the inputs that are left, warnings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from datasets.splitting import Split, at_random, by_group, by_time
from experiments import overlaps, recent_rows
from experiments.advice import group_columns
from experiments.columns import from_table, numbers_of, words_of
from experiments.evaluation.metrics import Array
from experiments.forecasting.frames import Frame, framed
from experiments.forecasting.steps import HOUR, MONTH, WEEKDAY, calendar_names, names, plan_of
from experiments.matrices import GAP, Layout, layout_of
from experiments.screening import kept_inputs, leaks, odd_numbers
from experiments.specs import LEAST_PER_CLASS, LEAST_ROWS, MOST_CLASSES, least_per_class
from jobs.report import Report
from problems.problem import Invalid, Problem
from projects.measures import NUMBERS, UNLABELLED
from storage import tables


@dataclass
class Prepared:
    """Rows ready to learn from.

    `truth` holds 0/1 (1 is the positive answer), places in `classes`, or numbers; NaN where nobody knows.
    """

    table: pa.Table
    split: Split
    truth: Array
    layout: Layout
    inputs: Sequence[Mapping[str, Any]]
    positive: str | None
    negative: str | None
    counts: dict[str, int]
    classes: list[str] | None = None
    notices: list[dict[str, str]] = field(default_factory=list)
    warnings: list[dict[str, str]] = field(default_factory=list)
    frame: Frame | None = None  # of a forecast: its rows are made of steps ahead

    @property
    def test_places(self) -> Array:
        """Where the held-back rows stand in the table as it is stored."""
        return self.split.test if self.frame is None else self.frame.places[self.split.test]

    @property
    def train(self) -> pa.Table:
        """The rows to learn from."""
        return self.table.take(self.split.train)

    @property
    def test(self) -> pa.Table:
        """The held-back rows."""
        return self.table.take(self.split.test)

    def held_back_values(self, column: str) -> Sequence[Any] | None:
        """One column of the held-back rows, while the data has it."""
        if column not in self.table.column_names:
            return None
        values: list[Any] = self.table.column(column).take(self.split.test).to_pylist()
        return values


def prepared(spec: Mapping[str, Any], report: Report) -> Prepared:
    """Read, check and split; every reason why this cannot work is a Problem that names the field."""
    if spec["kind"] == "forecast":
        return _ahead(spec, report)
    table = tables.read(Path(spec["table"]), columns=list(dict.fromkeys(_needed(spec))))
    truth, present, answers = _truth(table, spec)
    known = {"known": int((~np.isnan(truth)).sum())} if spec["kind"] in UNLABELLED else {}
    counts = {"rows": table.num_rows, "missing_target": int(table.num_rows - present.size)} | known
    if counts["missing_target"]:
        report.log(f"{counts['missing_target']} rows without “{spec['target']}” were left out.")
    types = {entry["name"]: entry for entry in spec["schema"]}
    present, outside = _recent(table, present, spec), present.size
    if present.size < outside:
        counts["outside_window"] = int(outside - present.size)
        report.log(f"Learning from {recent_rows.said(spec['window'])}; {counts['outside_window']} rows lie outside.")
    split = _split(table, truth, present, spec)
    counts |= {"train": int(split.train.size), "test": int(split.test.size)}
    _refuse_one_sided(truth[split.train], spec, answers.classes)
    train, test = table.take(split.train), table.take(split.test)
    inputs, notices = kept_inputs(train, _treated(types, spec))
    _refuse_without_inputs(inputs, notices)
    notices += odd_numbers(train, inputs)
    sides = (truth[split.train], truth[split.test])
    warned = [] if spec["kind"] in UNLABELLED else leaks(train, test, inputs, spec["kind"], sides)
    warned += _overlapping(table, split, inputs, spec, types)
    for note in notices + warned:
        report.log(note["text"])
    report.log(f"Learning from {counts['train']} rows, held back {counts['test']}.")
    return Prepared(
        table,
        split,
        truth,
        layout_of(inputs),
        inputs,
        answers.positive,
        answers.negative,
        counts,
        answers.classes,
        notices,
        warned,
    )


def _refuse_without_inputs(inputs: Sequence[Any], notices: Sequence[Mapping[str, Any]]) -> None:
    if not inputs:
        raise Invalid(f"No input is left to learn from. {notices[0]['text']}", fields={"inputs": "none is usable"})


def _overlapping(
    table: pa.Table,
    split: Split,
    inputs: Sequence[Mapping[str, Any]],
    spec: Mapping[str, Any],
    types: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """What both sides of the split share, and days that lie ahead."""
    column = spec["split"].get("column", "")
    found = overlaps.twins(table, split, [*(field["name"] for field in inputs), *_target(spec)])
    found += overlaps.shared_groups(table, split, _groups(spec), column)
    return found + overlaps.ahead(table, split, inputs, spec["split"], types[column]["type"] if column else "")


def _ahead(spec: Mapping[str, Any], report: Report) -> Prepared:
    """The same for steps ahead: what is made of the past, the moment, the series, and what is known ahead."""
    plan, types = plan_of(spec["forecast"], spec["target"]), {entry["name"]: entry for entry in spec["schema"]}
    asked = [goal["column"] for goal in spec.get("goals", ()) if goal.get("column") in types]
    own = [plan.time, *([plan.key] if plan.key else [])]
    columns = list(dict.fromkeys([spec["target"], *own, *spec["inputs"], *asked]))
    table = tables.read(Path(spec["table"]), columns=columns)
    if clash := [name for name in (*names(plan), HOUR, WEEKDAY, MONTH) if name in types]:
        raise _refused(f"A column is called “{clash[0]}”, which is what a forecast calls one of its own inputs.")
    frame = framed(table, plan, spec["forecast"]["windows"])
    train, test = frame.table.take(frame.split.train), frame.table.take(frame.split.test)
    known, notices = kept_inputs(train, _treated(types, spec))
    notices += [{"column": "", "text": text} for text in frame.notices] + odd_numbers(train, known)
    sides = frame.truth[frame.split.train], frame.truth[frame.split.test]
    warned = leaks(train, test, known, "regression", sides) if known else []
    past = [{"name": name, "type": "number", "nullable": True} for name in names(plan)]
    learned = frame.targets[frame.split.train]
    words = calendar_names(plan.step, int(learned.max() - learned.min()))
    past += [{"name": name, "type": "text", "nullable": False} for name in words]
    inputs = [*past, *([types[plan.key]] if plan.key else []), *known]
    counts = {"rows": table.num_rows, "missing_target": int(table.column(spec["target"]).null_count)}
    counts |= {"train": int(frame.split.train.size), "test": int(frame.split.test.size)}
    for note in notices + warned:
        report.log(note["text"])
    report.log(f"{len(frame.series)} series; the last {spec['forecast']['windows']} windows are locked.")
    layout = layout_of(inputs)
    return Prepared(
        frame.table, frame.split, frame.truth, layout, inputs, None, None, counts, None, notices, warned, frame
    )


def _treated(types: Mapping[str, Mapping[str, Any]], spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The inputs with what somebody wants done with them."""
    asked = spec.get("treatments") or {}
    return [{**types[name], "treatment": asked.get(name)} if name in asked else types[name] for name in spec["inputs"]]


def _target(spec: Mapping[str, Any]) -> list[str]:
    """The column with the answers, where there is one."""
    return [spec["target"]] if spec["target"] else []


def _groups(spec: Mapping[str, Any]) -> list[str]:
    return group_columns(spec["schema"], spec["target"])


def _refuse_one_sided(learned: Array, spec: Mapping[str, Any], classes: list[str] | None) -> None:
    """A method cannot learn an answer that it never saw."""
    if spec["kind"] in (*NUMBERS, *UNLABELLED):
        return
    seen = np.unique(learned)
    if seen.size < 2:
        raise Invalid(
            f"All rows to learn from have the same “{spec['target']}”. Split at random, or by another column.",
            fields={"split": "one class only"},
        )
    if classes is not None and seen.size < len(classes):
        missed = next(name for place, name in enumerate(classes) if place not in seen)
        raise Invalid(
            f"No row to learn from has “{spec['target']}” = “{missed}”. Split at random, or by another column.",
            fields={"split": "an answer is held back only"},
        )


def _needed(spec: Mapping[str, Any]) -> list[str]:
    """The columns to read; those that only targets name, such as protected attributes, are no inputs."""
    known = {entry["name"] for entry in spec["schema"]}
    asked = [goal["column"] for goal in spec.get("goals", ()) if goal.get("column") in known]
    ordered = (spec.get("window") or {}).get("column")
    names = [*_target(spec), *spec["inputs"], *asked, *_groups(spec), *([ordered] if ordered else [])]
    return [*names, spec["split"]["column"]] if spec["split"]["kind"] in ("time", "group") else names


def _recent(table: pa.Table, present: Array, spec: Mapping[str, Any]) -> Array:
    """The rows that the run's window lets it learn from and be tested on."""
    kinds = {entry["name"]: entry["type"] for entry in spec["schema"]}
    return recent_rows.inside(table, present, spec.get("window"), kinds)


@dataclass(frozen=True)
class Answers:
    """The words of the answers: two, of which one is looked for, or several in order; none where they are numbers."""

    positive: str | None = None
    negative: str | None = None
    classes: list[str] | None = None


def _truth(table: pa.Table, spec: Mapping[str, Any]) -> tuple[Array, Array, Answers]:
    """The answers of all rows as numbers, the rows that have an answer, and the words."""
    if spec["kind"] in UNLABELLED:
        return _known(table, spec)
    target, column = spec["target"], table.column(spec["target"])
    if spec["kind"] in NUMBERS:
        return *_numbers(target, numbers_of(column)), Answers()
    words = words_of(column)
    present = np.flatnonzero(words != GAP)
    values, counts = np.unique(words[present].astype(str), return_counts=True)
    _refuse_few(target, [str(value) for value in values], counts, spec["kind"])
    if spec["kind"] == "multiclass":
        places = {str(value): float(place) for place, value in enumerate(values)}
        truth = np.array([places.get(value, np.nan) for value in words])
        return truth, present, Answers(classes=[str(value) for value in values])
    positive = spec["positive"] or str(values[np.argmin(counts)])
    if positive not in values:
        raise Invalid(f"“{target}” never is “{positive}”.", fields={"positive": f"Use {values[0]} or {values[1]}."})
    other = str(next(value for value in values if value != positive))
    return (words == positive).astype(np.float64), present, Answers(positive, other)


def _known(table: pa.Table, spec: Mapping[str, Any]) -> tuple[Array, Array, Answers]:
    """The answers that are known for checking, NaN elsewhere; every row is learned from."""
    every = np.arange(table.num_rows)
    if every.size < LEAST_ROWS:
        raise Invalid(f"There are only {every.size} rows. At least {LEAST_ROWS} are needed.")
    if not spec["target"]:
        return np.full(every.size, np.nan), every, Answers()
    words = words_of(table.column(spec["target"]))
    values = [str(value) for value in np.unique(words[words != GAP].astype(str))]
    if len(values) != 2 or (spec["positive"] and spec["positive"] not in values):
        raise _refused(f"“{spec['target']}” must hold two words to check with, one of them what is looked for.")
    positive = spec["positive"] or min(values, key=lambda value: (int((words == value).sum()), value))
    other = next(value for value in values if value != positive)
    truth = np.where(words == GAP, np.nan, (words == positive).astype(np.float64))
    return truth.astype(np.float64), every, Answers(positive, other)


def _numbers(target: str, numbers: Array) -> tuple[Array, Array]:
    present = np.flatnonzero(~np.isnan(numbers))
    if present.size < LEAST_ROWS:
        raise _refused(f"Only {present.size} rows have a “{target}”. At least {LEAST_ROWS} are needed.")
    if np.ptp(numbers[present]) == 0:
        raise _refused(f"“{target}” has the same value in every row; there is nothing to learn.")
    return numbers, present


def _refuse_few(target: str, values: Sequence[str], counts: Array, kind: str) -> None:
    """Refuse answers that do not fit the kind of question, or of which there are too few rows."""
    if kind == "binary" and len(values) != 2:
        raise _refused(f"“{target}” has {len(values)} different values; a yes-or-no question needs exactly two.")
    if kind == "multiclass" and not 3 <= len(values) <= MOST_CLASSES:
        raise _refused(
            f"“{target}” has {len(values)} different values; a question with several answers needs from 3 to "
            f"{MOST_CLASSES}.",
        )
    if kind == "multiclass" and counts.sum() < LEAST_ROWS:
        raise _refused(f"Only {counts.sum()} rows have a “{target}”. At least {LEAST_ROWS} are needed.")
    for value, count in zip(values, counts, strict=True):
        if count < least_per_class(kind):
            raise _refused(
                f"Only {count} rows have “{target}” = “{value}”. At least {least_per_class(kind)} are needed to learn "
                "from some and test on others.",
            )


def _refused(text: str) -> Problem:
    return Invalid(text, fields={"target": text})


def _split(table: pa.Table, truth: Array, present: Array, spec: Mapping[str, Any]) -> Split:
    asked = spec["split"]
    if asked["kind"] == "random":
        classes = None if spec["kind"] in (*NUMBERS, *UNLABELLED) else truth[present]
        return at_random(present, asked["test_share"], asked["seed"], classes)
    if asked["kind"] == "group":
        return _enough(
            by_group(present, words_of(table.column(asked["column"]))[present], asked["test_share"], asked["seed"]),
            asked,
        )
    kinds = {entry["name"]: entry["type"] for entry in spec["schema"]}
    layout = layout_of([{"name": asked["column"], "type": kinds[asked["column"]]}])
    split = by_time(present, from_table(table, layout)[present, 0].astype(np.float64), asked["test_share"])
    return _enough(split, asked)


def _enough(split: Split, asked: Mapping[str, Any]) -> Split:
    """Refuse a split that leaves one part nearly empty."""
    if min(split.train.size, split.test.size) < LEAST_PER_CLASS:
        raise Invalid(
            f"Splitting by “{asked['column']}” leaves {split.train.size} rows to learn from and {split.test.size} to "
            "test on. Too many rows share one value of it; split at random, or by another column.",
            fields={"split": "too few rows in one part"},
        )
    return split
