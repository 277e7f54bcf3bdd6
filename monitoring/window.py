"""PURE: the engine of one check: the answers of one window, in batches, against what the model learned from."""

import json
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson

from jobs.report import Report
from monitoring import rules
from monitoring.drift.catalog import MEASURES
from monitoring.drift.chance import psi_by_chance
from monitoring.drift.pair import pooled
from monitoring.drift.sketch import NumberSketch, Sketch, sketch_for
from monitoring.performance.answers import plain
from monitoring.performance.service import Service
from problems.problem import Corrupted
from projects.contract import Goal
from storage import tables

LEAST_OUTCOMES = 30


def run(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Measure the answers between two moments.

    `spec`: start, end (ISO moments; start <= at < end), release, bundle (path), segments and answered (paths of
    Parquet tables: for the window, and for the outcomes), outcomes (a file in `folder`: prediction id -> value),
    minimum_rows, limits, weights (input -> share of the decision), goals (the targets, as dicts).
    """
    inside = inside_bundle(Path(spec["bundle"]))
    start, end = datetime.fromisoformat(spec["start"]), datetime.fromisoformat(spec["end"])
    service = Service(start, end)
    live = Live(inside["reference"], inside["signature"])
    for i, path in enumerate(spec["segments"]):
        report.progress(i, len(spec["segments"]), "Reading answers")
        for batch in _batches(Path(path)):
            rows = [row for row in batch if row["release"] == spec["release"] and start <= row["at"] < end]
            service.add([r["at"] for r in rows], [r["latency_ms"] for r in rows], [r["unknown"] for r in rows])
            live.add(rows)
    limits = rules.Limits(**spec["limits"])
    inputs = live.inputs(limits, spec["weights"])
    report.progress(1, 1, "Joining outcomes")
    return {
        "rows": service.rows,
        "enough": service.rows >= spec["minimum_rows"],
        "inputs": inputs,
        "answers": live.answers(len(inputs)),
        "service": service.as_dict(),
        "performance": _performance(spec, folder, inside["signature"], inside["reference"]),
    }


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
    """Sketches of every input and of the answers, filled batch by batch."""

    def __init__(self, reference: dict[str, Any], signature: dict[str, Any]) -> None:
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
            "type": "text" if self.kind == "multiclass" else "number",
            "missing_share": 0.0,
        } | self.reference_answers
        self.said = sketch_for(answers, held_back or rows, signature.get("classes"))
        self.positives = 0
        self.policies: Counter[str] = Counter()
        self.decisions: Counter[str] = Counter()

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Count a batch of answered rows."""
        parsed = [orjson.loads(row["row"]) for row in rows]
        for sketch in self.sketches:
            sketch.add(row.get(sketch.name) for row in parsed)
        if self.kind == "multiclass":
            self.said.add(plain(row["answer"]) for row in rows)
        else:
            self.said.add(row["probability" if self.binary else "number"] for row in rows)
        if self.binary:
            positive = self.signature["positive"]
            self.positives += sum(plain(row["answer"]) == positive for row in rows)
            self.policies.update(str(row["policy"] or "") for row in rows)
            self.decisions.update(row["decision"] for row in rows if row["decision"])

    def inputs(self, limits: rules.Limits, weights: dict[str, float]) -> list[dict[str, Any]]:
        """One entry per input, ordered by change x weight."""
        tests = len(self.sketches) + 1
        entries = []
        for sketch in self.sketches:
            entry = _entry(sketch, tests) | {"weight": weights.get(sketch.name)}
            entry["state"] = rules.state_of(entry, limits, tests)
            entries.append(entry)
        return sorted(entries, key=lambda entry: -(entry["psi"] or 0.0) * _weight(entry["weight"]))

    def answers(self, tests: int) -> dict[str, Any]:
        """The same for what the model said."""
        entry = _entry(self.said, tests + 1)
        if self.binary:
            by_policy = any(self.policies.keys() - {""})  # the reference was counted at the model's own threshold
            before = None if by_policy else self.reference_answers.get("positive_share")
            now = self.positives / self.said.rows if self.said.rows else None
            labels = _as_percent(self.said)
            entry |= {"labels": labels, "change": change_words(labels, entry["reference"], entry["now"])}
            entry |= {"policies": dict(self.policies), "decisions": dict(self.decisions)}
            entry |= {"positive": self.signature["positive"], "positive_share": now, "positive_share_reference": before}
        return entry


def _weight(weight: float | None) -> float:
    return 1.0 if weight is None else max(weight, 0.001)


def _entry(sketch: Sketch, tests: int) -> dict[str, Any]:
    """All measures of one input, its shared-bin histograms, and the largest change in words."""
    pair, labels = sketch.pair(), sketch.labels()
    values = {key: measure.of(pair) for key, measure in MEASURES.items()}
    bins = len(pooled(pair)[0])
    return {
        "name": sketch.name,
        "type": sketch.type,
        "rows": sketch.valued,
        "all_rows": sketch.rows,
        "rows_reference": sketch.rows_reference,
        "psi": values["psi"],
        "js": values["js"],
        "ks": values["ks"],
        "chance": psi_by_chance(bins, pair.rows_reference, pair.rows_now, tests),
        "missing": pair.missing_now,
        "missing_reference": pair.missing_reference,
        "new_share": pair.new_share,
        "new": sketch.new(),
        "labels": labels,
        "reference": list(pair.reference),
        "now": list(pair.now),
        "change": change_words(labels, pair.reference, pair.now),
    }


def _as_percent(said: Sketch) -> list[str]:
    """The bins of a chance as people read them: `under 2%`, `2 to 5%`."""
    edges = [f"{100 * edge:.3g}" for edge in said.edges] if isinstance(said, NumberSketch) else []
    if not edges:
        return said.labels()
    middle = [f"{low} to {high}%" for low, high in pairwise(edges)]
    return [f"under {edges[0]}%", *middle, f"{edges[-1]}% and more"]


def change_words(labels: list[str], before: Sequence[float], now: Sequence[float]) -> str:
    """The bin that changed most: `“flex” rose from 0 to 17 of 100`."""
    if not labels or not any(now):
        return "there are no values to compare"
    at = max(range(len(labels)), key=lambda i: abs(now[i] - before[i]))
    was, is_now = f"{100 * before[at]:.0f}", f"{100 * now[at]:.0f}"
    if was == is_now:
        return f"about the same; “{labels[at]}” stayed near {was} of 100"
    verb = "rose" if now[at] > before[at] else "fell"
    return f"“{labels[at]}” {verb} from {was} to {is_now} of 100"


def _batches(path: Path, *more: str) -> Iterator[list[dict[str, Any]]]:
    columns = ["id", "at", "release", "latency_ms", "answer", "number", "probability", "row", "unknown"]
    columns += ["policy", "decision", *more]
    for batch in tables.read_batches(path, columns=columns):
        yield batch.to_pylist()


def _performance(
    spec: dict[str, Any], folder: Path, signature: dict[str, Any], reference: dict[str, Any]
) -> dict[str, Any]:
    """Measured metrics of this release's answers whose outcome is known, with their coverage."""
    if not spec.get("outcomes"):
        return {}
    outcomes = json.loads((folder / spec["outcomes"]).read_text())
    joined: list[dict[str, Any]] = []
    columns = sorted({goal["column"] for goal in spec.get("goals", ()) if goal["column"]})
    answered, newest = 0, ""
    for path in spec["answered"]:
        for batch in _batches(Path(path), *(["chances"] if signature["kind"] == "multiclass" else [])):
            newest = max([newest, *(row["id"] for row in batch)])  # ids sort by time
            ours = [row for row in batch if row["release"] == spec["release"]]
            answered += len(ours)
            joined += [_known(row, outcomes[row["id"]], columns) for row in ours if row["id"] in outcomes]
    goals = [Goal(**goal) for goal in spec.get("goals", ())]
    enough = len(joined) >= LEAST_OUTCOMES
    metrics, confusion = _metrics(signature, joined, goals) if enough else ({}, None)
    return {
        "joined": len(joined),
        "answered": answered,
        "early": sum(name > newest for name in outcomes),
        "coverage": len(joined) / answered if answered else 0.0,
        "needed": LEAST_OUTCOMES,
        "metrics": metrics,
        "confusion": confusion,
        "training": reference.get("metrics", {}),
    }


def _metrics(
    signature: dict[str, Any], joined: list[dict[str, Any]], goals: list[Goal]
) -> tuple[dict[str, Any], dict[str, float] | None]:
    """Measured late: most checks have no new outcome, and should not pay for loading scipy."""
    from monitoring.performance.measured import metrics

    return metrics(signature, joined, goals)


def _known(row: dict[str, Any], outcome: str, columns: list[str]) -> dict[str, Any]:
    """What was said and what happened, with what the caller sent in the columns that targets name."""
    said = {name: row[name] for name in ("answer", "number", "probability")} | {"outcome": outcome}
    if row.get("chances"):
        said["chances"] = orjson.loads(row["chances"])
    if not columns:
        return said
    sent = orjson.loads(row["row"])
    return said | {"values": {name: sent[name] for name in columns if name in sent}}
