"""A model judged on 1 M rows: from predictions alone, and whole, with the model asked, as the job does it.

The goal is under 30 s for metrics with intervals, groups, calibration and the weakest slices of 1 M predictions.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import ROOT

ROWS, TRAINED_ON = 1_000_000, 20_000
INPUTS = [
    {"name": f"number_{place}", "type": "number", "nullable": False} for place in range(5)
] + [{"name": f"word_{place}", "type": "text", "nullable": False} for place in range(5)]  # fmt: skip
SCHEMA = [*INPUTS, {"name": "left", "type": "text", "nullable": False}]


def main() -> None:
    """One run of each in a process of its own, with the most memory that it took."""
    rows = int(os.environ.get("ROWS", ROWS))
    print(
        f"{rows:,} rows, 5 numbers and 5 words, {os.environ.get('THREADS', '1')} thread(s); gradient boosting is asked"
    )
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as folder:
        for words, what in (("predictions alone", "predictions"), ("whole, with the model asked", "whole")):
            found = _run([sys.executable, "-m", "benchmarks.evaluation", what, folder, str(rows)])
            parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in found["parts"].items())
            print(f"{words:30} {found['seconds']:6.1f} s  {found['memory']:6.0f} MB   ({parts})")


def _run(command: list[str]) -> dict[str, Any]:
    path = f"{ROOT / 'platform'}{os.pathsep}{ROOT}"
    environment = os.environ | {"OMP_NUM_THREADS": os.environ.get("THREADS", "1"), "PYTHONPATH": path}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def _table(rows: int, seed: int) -> Any:
    import numpy as np
    import pyarrow as pa

    chance = np.random.default_rng(seed)
    columns: dict[str, Any] = {f"number_{place}": chance.normal(size=rows) for place in range(5)}
    words = {f"word_{place}": chance.integers(0, 6, rows) for place in range(5)}
    columns |= {name: pa.array(np.array(list("abcdef"))[codes]) for name, codes in words.items()}
    push = columns["number_0"] + 0.5 * columns["number_1"] * (words["word_0"] == 2) - 0.3 * words["word_1"]
    left = chance.random(rows) < 1 / (1 + np.exp(-push))
    return pa.table(columns | {"left": pa.array(np.where(left, "yes", "no"))})


def _predictions(rows: int) -> dict[str, float]:
    """The engines on given predictions; making them up is not counted."""
    import numpy as np

    from experiments.evaluation.calibration import calibrated
    from experiments.evaluation.fairness import fairness
    from experiments.evaluation.grouping import grouped
    from experiments.evaluation.many_rows import measured_all
    from experiments.evaluation.metrics import Binary
    from experiments.evaluation.slices import weakest

    chance, table = np.random.default_rng(1), _table(rows, 1)
    truth = (chance.random(rows) < 0.3).astype(float)
    said = np.clip(0.4 * truth + 0.6 * chance.random(rows), 0, 1)
    parts, clock = {}, time.perf_counter
    started = clock()
    groups = {field["name"]: grouped(table.column(field["name"])) for field in INPUTS}
    parts["groups"] = clock() - started
    held = Binary(truth, said)
    for key, part in (
        ("metrics", lambda: measured_all(held, 7)),
        ("fairness", lambda: [fairness(held, groups[name], name) for name in ("word_0", "word_1")]),
        ("calibration", lambda: calibrated(held)),
        ("slices", lambda: weakest(held, groups, "recall")),
    ):
        started = clock()
        part()
        parts[key] = clock() - started
    return parts


def _whole(folder: Path, rows: int) -> dict[str, float]:
    """Train on few rows, then judge on a version of many as the job's child does."""
    from experiments import judging, training
    from experiments.estimators.catalog import FAMILIES
    from jobs.report import Silent
    from storage import tables

    paths = {name: folder / f"{name}.parquet" for name in ("train", "judge")}
    for seed, (name, count) in enumerate((("train", TRAINED_ON), ("judge", rows))):
        table = _table(count, seed)
        tables.write(paths[name], table.schema, table.to_batches())
    settings = FAMILIES["boosted"].checked({}, "methods")
    spec: dict[str, Any] = {
        "target": "left", "positive": "yes", "inputs": [field["name"] for field in INPUTS], "seed": 7,
        "split": {"kind": "random", "seed": 7, "test_share": 0.2}, "methods": {"boosted": settings}, "threshold": 0.5,
        "decide_by": None, "kind": "binary", "table": str(paths["train"]), "schema": SCHEMA, "goals": [], "unit": "",
        "run": "run 1", "data_sha256": "0" * 64,
    }  # fmt: skip
    training.run(spec, folder, Silent())
    spec |= {"bundle": str(folder / "bundle.zip"), "metric": "recall", "attributes": ["word_0", "word_1"]}
    spec |= {"importance": spec["inputs"], "method": "boosted", "settings": settings, "fit_seconds": 1.0}
    spec["rows"] = {"table": str(paths["judge"]), "schema": SCHEMA, "own": False}
    found: dict[str, float] = judging.run(spec, folder, Silent())["seconds"]
    return found


def _measure(what: str, folder: Path, rows: int) -> None:
    parts = _predictions(rows) if what == "predictions" else _whole(folder, rows)
    told = {"parts": parts, "seconds": sum(parts.values())}
    print(json.dumps(told | {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    _measure(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
