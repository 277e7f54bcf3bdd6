"""PURE: the engine of one check: the answers of one window, in batches, against what the model learned from."""

import json
import zipfile
from collections import Counter
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from jobs.report import Report
from monitoring import rules
from monitoring.drift.report import change_words, entry_of
from monitoring.drift.sketch import NumberSketch, Sketch, sketch_for
from monitoring.performance.answers import plain
from monitoring.performance.probable import Probable
from monitoring.performance.service import Service
from problems.problem import Corrupted
from storage import tables

COLUMNS = ["id", "at", "release", "latency_ms", "answer", "number", "probability", "row", "unknown"]
COLUMNS += ["policy", "decision"]
WORDS = ("multiclass", "clustering")  # answers that are counted by their words


def run(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Measure the answers between two moments.

    `spec`: start, end (ISO moments; start <= at < end), release, bundle (path), segments and answered (paths of
    Parquet tables: for the window, and for the outcomes), outcomes (a file in `folder`: prediction id -> value),
    minimum_rows, limits, weights (input -> share of the decision), goals (the targets, as dicts), learned (what
    `performance.learning` found) and past (earlier windows that new outcomes may measure: id, start, end, joined).
    """
    inside = inside_bundle(Path(spec["bundle"]))
    start, end = datetime.fromisoformat(spec["start"]), datetime.fromisoformat(spec["end"])
    service = Service(start, end)
    live = Live(inside["reference"], inside["signature"], spec.get("learned"))
    for i, path in enumerate(spec["segments"]):
        report.progress(i, len(spec["segments"]), "Reading answers")
        for batch in tables.read_batches(Path(path), columns=COLUMNS):
            answered = _between(batch, spec["release"], start, end)
            service.add(answered)
            live.add(answered)
    limits = rules.Limits(**spec["limits"])
    inputs = live.inputs(limits, spec["weights"])
    report.progress(1, 1, "Joining outcomes")
    return {
        "rows": service.rows,
        "enough": service.rows >= spec["minimum_rows"],
        "inputs": inputs,
        "answers": live.answers(len(inputs)),
        "service": service.as_dict(),
        "estimated": live.estimated(),
    } | _known(spec, folder, inside)


def _known(spec: dict[str, Any], folder: Path, inside: dict[str, Any]) -> dict[str, Any]:
    """What outcomes say, read late: most checks have none, and should not pay for loading scipy."""
    if not spec.get("outcomes"):
        return {"performance": {}, "measured": {}}
    from monitoring.performance.joined import known

    return known(spec, folder, inside["signature"], inside["reference"])


def inside_bundle(path: Path) -> dict[str, Any]:
    """The reference and the signature of a model's bundle, without opening the model itself."""
    try:
        with zipfile.ZipFile(path) as bundle:
            return {name: json.loads(bundle.read(f"{name}.json")) for name in ("reference", "signature")}
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise Corrupted(
            f"The model's bundle {path.name[:12]} has no readable reference. Nothing was compared."
        ) from error


class Live:
    """Sketches of every input and of the answers, filled batch by batch, and what is needed to estimate."""

    def __init__(
        self, reference: dict[str, Any], signature: dict[str, Any], learned: dict[str, Any] | None = None
    ) -> None:
        self.signature = signature
        self.kind = signature["kind"]
        self.binary = self.kind == "binary"
        known = {field["name"]: field["categories"] for field in signature["inputs"]}
        rows = int(reference["rows"])
        self.sketches = [sketch_for(entry, rows, known.get(entry["name"])) for entry in reference["inputs"]]
        self.reference_answers = reference["answers"]
        held_back = max((int(metric["n"]) for metric in reference.get("metrics", {}).values()), default=0)
        answers = {
            "name": "answers",
            "type": "text" if self.kind in WORDS else "number",
            "missing_share": 0.0,
        } | self.reference_answers
        self.said = sketch_for(answers, held_back or rows, signature.get("classes"))
        self.positives = 0
        self.policies: Counter[str] = Counter()
        self.decisions: Counter[str] = Counter()
        self.probable = Probable(signature, learned or {})
        self.first: dict[str, dict[str, Any]] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Count a batch of answered rows."""
        parsed = orjson.loads(f"[{','.join(batch.column('row').to_pylist())}]")
        for sketch in self.sketches:
            values = [row.get(sketch.name) for row in parsed]
            sketch.add(values)
            if sketch.name not in self.first and (place := sketch.first_unseen(values)) is not None:
                at, name = batch.column("at")[place].as_py(), batch.column("id")[place].as_py()
                self.first[sketch.name] = {"id": name, "at": at.isoformat(), "value": str(values[place])[:80]}
        if self.kind in WORDS:
            self.said.add([plain(answer) for answer in batch.column("answer").to_pylist()])
        else:
            self.said.add(batch.column("probability" if self.binary else "number"))
        if self.binary or self.kind == "anomaly":
            positive = self.signature["positive"]
            answers = Counter(batch.column("answer").to_pylist())
            self.positives += sum(count for answer, count in answers.items() if plain(answer) == positive)
        if self.binary:
            self.policies.update(str(policy or "") for policy in batch.column("policy").to_pylist())
            self.decisions.update(word for word in batch.column("decision").to_pylist() if word)
        self.probable.add(batch, parsed)

    def estimated(self) -> dict[str, Any]:
        """What the metrics of these answers probably are."""
        return self.probable.found()

    def inputs(self, limits: rules.Limits, weights: dict[str, float]) -> list[dict[str, Any]]:
        """One entry per input, ordered by change x weight."""
        tests = len(self.sketches) + 1
        entries = []
        for sketch in self.sketches:
            entry = entry_of(sketch, tests) | {"weight": weights.get(sketch.name)}
            if first := self.first.get(sketch.name):
                entry["first"] = first
            entry["state"] = rules.state_of(entry, limits, tests)
            entries.append(entry)
        return sorted(entries, key=lambda entry: -(entry["psi"] or 0.0) * _weight(entry["weight"]))

    def answers(self, tests: int) -> dict[str, Any]:
        """The same for what the model said."""
        entry = entry_of(self.said, tests + 1)
        if self.binary:
            by_policy = any(self.policies.keys() - {""})  # the reference was counted at the model's own threshold
            before = None if by_policy else self.reference_answers.get("positive_share")
            now = self.positives / self.said.rows if self.said.rows else None
            labels = _as_percent(self.said)
            entry |= {"labels": labels, "change": change_words(labels, entry["reference"], entry["now"])}
            entry |= {"policies": dict(self.policies), "decisions": dict(self.decisions)}
            entry |= {"positive": self.signature["positive"], "positive_share": now, "positive_share_reference": before}
        elif self.kind == "anomaly":
            now = self.positives / self.said.rows if self.said.rows else None
            before = self.reference_answers.get("positive_share")
            entry |= {"positive": self.signature["positive"], "positive_share": now, "positive_share_reference": before}
        return entry


def _weight(weight: float | None) -> float:
    return 1.0 if weight is None else max(weight, 0.001)


def _as_percent(said: Sketch) -> list[str]:
    """The bins of a chance as people read them: `under 2%`, `2 to 5%`."""
    edges = [f"{100 * edge:.3g}" for edge in said.edges] if isinstance(said, NumberSketch) else []
    if not edges:
        return said.labels()
    middle = [f"{low} to {high}%" for low, high in pairwise(edges)]
    return [f"under {edges[0]}%", *middle, f"{edges[-1]}% and more"]


def _between(batch: pa.RecordBatch, release: str, start: datetime, end: datetime) -> pa.RecordBatch:
    """The answers of one release at or after the start and before the end."""
    at = batch.column("at")
    first, last = pa.scalar(start, at.type), pa.scalar(end, at.type)
    inside = pc.and_(pc.greater_equal(at, first), pc.less(at, last))
    return batch.filter(pc.and_(inside, pc.equal(batch.column("release"), release)))
