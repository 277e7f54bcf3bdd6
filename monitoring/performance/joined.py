"""PURE: answers beside what really happened: of a release's last months together, and of each window on its own."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from monitoring.performance.measured import metrics
from monitoring.performance.practice import beside
from monitoring.performance.slices import worst
from projects.contract import Goal
from storage import tables

LEAST_OUTCOMES = 30
COLUMNS = ["id", "at", "release", "answer", "number", "probability", "row", "baseline"]
WORDS = ("binary", "multiclass")


def known(spec: dict[str, Any], folder: Path, signature: dict[str, Any], reference: dict[str, Any]) -> dict[str, Any]:
    """`performance`: measured metrics of this release's answers whose outcome is known, with their coverage.

    `measured`: the same for each window in which more outcomes are known than before, by its id; this one is `now`.
    """
    outcomes = json.loads((folder / spec["outcomes"]).read_text())
    texts = [one["name"] for one in signature["inputs"] if one["type"] in ("text", "boolean")]
    sliced = texts if signature["kind"] in WORDS else []
    columns = sorted({goal["column"] for goal in spec.get("goals", ()) if goal["column"]} | set(sliced))
    more = ["chances"] if signature["kind"] == "multiclass" else []
    rows, answered, newest = _joined(spec, outcomes, columns, more)
    goals = [Goal(**goal) for goal in spec.get("goals", ())]
    found, confusion = metrics(signature, rows, goals) if len(rows) >= LEAST_OUTCOMES else ({}, None)
    performance = {
        "joined": len(rows),
        "answered": answered,
        "early": sum(name > newest for name in outcomes),
        "coverage": len(rows) / answered if answered else 0.0,
        "needed": LEAST_OUTCOMES,
        "metrics": found,
        "confusion": confusion,
        "training": reference.get("metrics", {}),
        "practice": beside(signature["kind"], rows),
        "slice": worst(rows, sliced),
    }
    this = {"id": "now", "start": spec["start"], "end": spec["end"], "joined": 0}
    windows = {one["id"]: _of_window(signature, rows, one, goals) for one in [*spec.get("past", ()), this]}
    return {"performance": performance, "measured": {key: one for key, one in windows.items() if one}}


def _joined(
    spec: dict[str, Any], outcomes: dict[str, str], columns: list[str], more: list[str]
) -> tuple[list[dict[str, Any]], int, str]:
    """What was said and what happened, how many answers there are, and the newest answer's id (they sort by time)."""
    rows: list[dict[str, Any]] = []
    answered, newest = 0, ""
    for path in spec["answered"]:
        for batch in tables.read_batches(Path(path), columns=[*COLUMNS, *more]):
            newest = max(newest, pc.max(batch.column("id")).as_py() or "")
            ours = batch.filter(pc.equal(batch.column("release"), spec["release"]))
            answered += ours.num_rows
            told = ours.filter(pa.array([name in outcomes for name in ours.column("id").to_pylist()], pa.bool_()))
            rows += [_said(row, outcomes[row["id"]], columns) for row in told.to_pylist()]
    return rows, answered, newest


def _said(row: dict[str, Any], outcome: str, columns: list[str]) -> dict[str, Any]:
    """One answer with its outcome, and with what the caller sent in the columns that targets name."""
    said = {name: row[name] for name in ("at", "answer", "number", "probability")} | {"outcome": outcome}
    said["baseline"] = row.get("baseline")
    if row.get("chances"):
        said["chances"] = orjson.loads(row["chances"])
    if not columns:
        return said
    sent = orjson.loads(row["row"])
    return said | {"values": {name: sent[name] for name in columns if name in sent}}


def _of_window(
    signature: dict[str, Any], rows: list[dict[str, Any]], window: dict[str, Any], goals: list[Goal]
) -> dict[str, Any] | None:
    """None where no more outcomes are known than before."""
    start, end = datetime.fromisoformat(window["start"]), datetime.fromisoformat(window["end"])
    inside = [row for row in rows if start <= row["at"] < end]
    if len(inside) <= window["joined"]:
        return None
    found, confusion = metrics(signature, inside, goals) if len(inside) >= LEAST_OUTCOMES else ({}, None)
    practice = beside(signature["kind"], inside)
    return {"joined": len(inside), "metrics": found, "confusion": confusion, "practice": practice}
