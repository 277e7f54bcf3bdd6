"""PURE: the entry of the child that scores a whole data version, out of core; refused rows go to their own table."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from datasets.profiling import summary
from deployments.batch.answering import Scored, score
from deployments.batch.tables import REFUSED, ROW, answer_fields, columns_of, named
from deployments.serving.inference import Loaded, decided, load
from jobs.report import Report
from problems.problem import Invalid
from projects.policies import Rule
from storage import tables

BATCH = 20_000
TABLE, ASIDE, LINES = "scored.parquet", "refused.parquet", "refused.jsonl"


class Scoring:
    """One pass over one table: what was counted, and where refused rows go."""

    def __init__(self, spec: dict[str, Any], folder: Path, report: Report) -> None:
        self.model: Loaded = load(Path(spec["bundle"]), spec["model"])
        self.rule = Rule(**spec["policy"]) if spec["policy"] else None
        self.source, self.keep, self.aside = Path(spec["table"]), list(spec["keep"]), folder / LINES
        self.schema = {one["name"]: one for one in spec["schema"]}
        self.fields = answer_fields(self.model.signature)
        self.names = named([(ROW, "integer"), *self.fields], self.keep)
        self.report, self.total = report, tables.rows_of(self.source)
        self.seen = self.refused = self.unseen = 0
        self.reasons: list[str] = []

    @property
    def stored(self) -> pa.Schema:
        """The columns of what is made: those that are kept, the row's number in the source, the answers."""
        of_source = tables.schema_of(self.source)
        made = columns_of([(ROW, "integer"), *self.fields], [])
        fields = [pa.field(name, column.type) for name, column in zip(self.names, made, strict=True)]
        return pa.schema([*(of_source.field(name) for name in self.keep), *fields])

    @property
    def described(self) -> list[dict[str, Any]]:
        """The same as a dataset describes them."""
        kept = [dict(self.schema[name]) for name in self.keep]
        kinds = ["integer", *(kind for _, kind in self.fields)]
        new = [{"name": name, "type": kind, "nullable": True} for name, kind in zip(self.names, kinds, strict=True)]
        return kept + new

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The answered rows, batch by batch; refused ones are written beside."""
        inputs = [one["name"] for one in self.model.signature["inputs"] if one["name"] in self.schema]
        wanted = list(dict.fromkeys([*self.keep, *inputs]))
        schema = self.stored
        with self.aside.open("w") as aside:
            for batch in tables.read_batches(self.source, columns=wanted, size=BATCH):
                found = score(self.model, batch)
                for place, reason in found.refused.items():
                    aside.write(json.dumps([self.seen + place + 1, reason]) + "\n")
                self._count(found, batch.num_rows)
                if found.places:
                    yield self._made(batch, found, schema, self.seen - batch.num_rows)

    def _count(self, found: Scored, rows: int) -> None:
        for place, reason in list(found.refused.items())[: 3 - len(self.reasons)]:
            self.reasons.append(f"row {self.seen + place + 1}: {reason}")
        self.seen += rows
        self.refused += len(found.refused)
        self.unseen += found.unseen
        self.report.progress(self.seen, self.total, "scoring")

    def _made(self, batch: pa.RecordBatch, found: Scored, schema: pa.Schema, before: int) -> pa.RecordBatch:
        whole = len(found.places) == batch.num_rows
        kept = batch.select(self.keep)
        if not whole:
            kept = kept.take(pa.array(found.places, pa.int64()))
        numbers = pa.array([before + place + 1 for place in found.places], pa.int64())
        said = [decided(one, self.rule, self.model.signature) for one in found.answers]
        return pa.RecordBatch.from_arrays([*kept.columns, numbers, *columns_of(self.fields, said)], schema=schema)


def run(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Score `spec["table"]` (path; `schema` as its dataset describes it) with the model in `spec["bundle"]`.

    `keep` names the columns that go along, `policy` is the signed rule or None. Answers the two tables, their rows,
    schema and profile, how many values training never saw, and by which path the model answered.
    """
    scoring = Scoring(spec, folder, report)
    rows = tables.write(folder / TABLE, scoring.stored, scoring.batches())
    if not rows:
        why = "; ".join(scoring.reasons) or "the version is empty"
        raise Invalid(f"No row could be scored: {why}.", code="no_rows")
    tables.write(folder / ASIDE, REFUSED, _aside(folder / LINES))
    profile = summary.profile(folder / TABLE, scoring.described, folder, report)
    missing = {column["name"]: bool(column["missing"]) for column in profile["columns"]}
    return {
        "table": TABLE,
        "aside": ASIDE,
        "rows": rows,
        "refused_rows": scoring.refused,
        "reasons": scoring.reasons,
        "unseen": scoring.unseen,
        "path": getattr(scoring.model.predictor, "path", ""),
        "schema": [one | {"nullable": missing[one["name"]]} for one in scoring.described],
        "profile": profile,
    }


def _aside(path: Path) -> Iterator[pa.RecordBatch]:
    lines: list[Any] = []
    with path.open() as file:
        for line in file:
            lines.append(json.loads(line))
            if len(lines) == BATCH:
                yield _refused(lines)
                lines = []
    if lines:
        yield _refused(lines)


def _refused(lines: list[Any]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(part) for part in zip(*lines, strict=True)], schema=REFUSED)
