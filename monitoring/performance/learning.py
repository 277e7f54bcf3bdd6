"""PURE: the engine that learns once for each release what a model's doubt means, from held-back rows."""

from pathlib import Path
from typing import Any

import numpy as np

from experiments.packaging import Bundle
from experiments.preparing import prepared
from experiments.references import plain
from jobs.report import Report, Silent
from monitoring.performance import calibration, losses

KINDS = ("binary", "regression")


def run(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """`spec`: bundle (path) and run (the spec it was trained by, with kind, table and schema).

    Returns {"binary": …} or {"numbers": …}, either None where the held-back rows are too few, and their number;
    {"rows": 0} for any other kind of question.
    """
    bundle = Bundle.open(Path(spec["bundle"]))
    if bundle.signature["kind"] not in KINDS:
        return {"rows": 0}
    data = prepared(spec["run"], Silent())
    places = data.split.test[: losses.MOST_ROWS]
    rows = [{name: plain(value) for name, value in row.items()} for row in data.table.take(places).to_pylist()]
    report.progress(0, 1, "Asking the model about rows that it never saw")
    answers, truth = bundle.predictor().predict(rows), data.truth[places].astype(np.float64)
    if bundle.signature["kind"] == "binary":
        chances = np.array([answer.probability or 0.0 for answer in answers], dtype=np.float64)
        return {"binary": calibration.learned(chances, truth), "rows": len(rows)}
    said = np.array([float(answer.answer or 0.0) for answer in answers])
    return {"numbers": losses.learned(rows, bundle.signature["inputs"], said, truth), "rows": len(rows)}
