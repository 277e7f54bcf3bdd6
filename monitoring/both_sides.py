"""PURE: the engine of outcomes in a trial: what they say of the model in use and of its challenger, by one target."""

import json
from pathlib import Path
from typing import Any

from jobs.report import Report
from monitoring.performance.joined import known
from monitoring.window import inside_bundle
from storage import tables


def run(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """For each of `spec["sides"]` (name -> release, bundle, answered) the metric `spec["key"]`, or None.

    `spec`: outcomes (a file in `folder`: prediction id -> value), goals, key. Where a side is a shadow nobody got its
    answers: each counts by the outcome of the answer that it stood beside.
    """
    outcomes = json.loads((folder / spec["outcomes"]).read_text())
    found: dict[str, Any] = {}
    for number, (name, side) in enumerate(spec["sides"].items()):
        report.progress(number, len(spec["sides"]), "Joining outcomes")
        told = _of_shadow(side["answered"], outcomes) if side["is_shadow"] else outcomes
        (folder / f"{name}.json").write_text(json.dumps(told))
        inside = inside_bundle(Path(side["bundle"]))
        nobody = {"start": "1970-01-01T00:00:00+00:00", "end": "1970-01-01T00:00:00+00:00"}
        one = {**nobody, **side, "outcomes": f"{name}.json", "goals": spec["goals"]}
        metrics = known(one, folder, inside["signature"], inside["reference"])["performance"]["metrics"]
        metric = metrics.get(spec["key"]) or {}
        found[name] = metric if metric.get("value") is not None else None
    return found


def _of_shadow(paths: list[str], outcomes: dict[str, str]) -> dict[str, str]:
    told: dict[str, str] = {}
    for path in paths:
        for batch in tables.read_batches(Path(path), columns=["id", "beside"]):
            pairs = zip(batch.column("id").to_pylist(), batch.column("beside").to_pylist(), strict=True)
            told |= {mine: outcomes[theirs] for mine, theirs in pairs if theirs in outcomes}
    return told
