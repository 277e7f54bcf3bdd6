"""A data version of a million rows and twenty columns, scored by the engine of batches: time and memory.

`ROWS` and BATON_BENCH_METHODS choose another size and among the methods.
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

from benchmarks import as_stored

ROOT = Path(__file__).resolve().parents[1]
ROWS, TAUGHT, NUMBERS, WORDS = 1_000_000, 3000, 12, 8
METHODS = os.environ.get("BATON_BENCH_METHODS", "logistic boosted forest").split()


def main() -> None:
    """Each method in a fresh process on one thread, as the job runs it."""
    rows = int(os.environ.get("ROWS", ROWS))
    print(f"{rows:,} rows x {NUMBERS + WORDS} columns, Parquet to Parquet with profile, 1 thread")
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as folder:
        _generate(Path(folder), rows)
        for method in METHODS:
            found = _in_child(method, Path(folder))
            print(
                f"{method:9} {found['seconds']:6.1f} s ({found['processor']:.1f} s of the processor)  "
                f"{found['memory']:5.0f} MB  "
                f"{found['rows']:,} answered, {found['refused_rows']:,} refused, {found['path']}",
                flush=True,
            )


def _schema() -> list[dict[str, Any]]:
    numbers = [{"name": f"n{i}", "type": "number", "nullable": i % 3 == 0} for i in range(NUMBERS)]
    return numbers + [{"name": f"w{i}", "type": "text", "nullable": False} for i in range(WORDS)]


def _generate(folder: Path, rows: int) -> None:
    """What is learned from, and what is scored: a thousandth of its rows lacks a number that must be there."""
    import duckdb

    def columns(gap: str) -> str:
        parts = []
        for i in range(NUMBERS):
            value = f"(hash(i * 31 + {i}) % 100000) / 1000.0::DOUBLE"
            lacks = "hash(i * 7) % 10 = 0" if i % 3 == 0 else gap if i == 1 else "false"
            parts.append(f"CASE WHEN {lacks} THEN NULL ELSE {value} END AS n{i}")
        parts += [f"'word ' || (hash(i * 17 + {i}) % {5 + i * 3}) AS w{i}" for i in range(WORDS)]
        return ", ".join(parts)

    target = "CASE WHEN (hash(i * 31 + 2) % 100000) + (hash(i) % 60000) > 80000 THEN 'yes' ELSE 'no' END AS gone"
    for name, sql in (
        ("taught", f"SELECT {columns('false')}, {target} FROM range({TAUGHT}) t(i)"),
        ("main", f"SELECT {columns('hash(i * 3) % 1000 = 0')} FROM range({rows}) t(i)"),
    ):
        duckdb.sql(f"COPY ({sql}) TO '{folder}/{name}.parquet'")
        as_stored(folder / f"{name}.parquet")


def _in_child(method: str, folder: Path) -> dict[str, Any]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT / 'platform'}{os.pathsep}{ROOT}"}
    answer: dict[str, Any] = {}
    for part in ("teach", "score"):
        command = [sys.executable, "-m", "benchmarks.batch", part, method, str(folder)]
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        answer = json.loads(done.stdout or "{}")
    return answer


def _teach(method: str, folder: Path) -> None:
    from experiments import training
    from experiments.estimators.catalog import FAMILIES
    from jobs.report import Silent

    (folder / method).mkdir()
    spec = {
        "target": "gone",
        "positive": "yes",
        "inputs": [one["name"] for one in _schema()],
        "split": {"kind": "random", "seed": 7, "test_share": 0.2},
        "methods": {method: FAMILIES[method].checked({}, "methods")},
        "seed": 7,
        "threshold": 0.5,
        "decide_by": None,
        "kind": "binary",
        "table": str(folder / "taught.parquet"),
        "schema": [*_schema(), {"name": "gone", "type": "text", "nullable": False}],
        "goals": [],
        "unit": "",
        "run": "run 1",
        "data_sha256": "0" * 64,
    }
    training.run(spec, folder / method, Silent())


def _score(method: str, folder: Path) -> None:
    """In the child: the whole of what the job's child does, from the first import on."""
    began = time.perf_counter()
    from deployments.batch import engine
    from jobs.report import Silent

    schema = [one | {"nullable": True} for one in _schema()]
    names = [one["name"] for one in schema]
    spec = {
        "bundle": str(folder / method / "bundle.zip"),
        "model": "m",
        "policy": None,
        "table": str(folder / "main.parquet"),
        "schema": schema,
        "keep": names,
    }
    answer = engine.run(spec, folder / method, Silent())
    kept = {name: answer[name] for name in ("rows", "refused_rows", "path")}
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    times = {"seconds": time.perf_counter() - began, "processor": time.process_time()}
    print(json.dumps(kept | times | {"memory": memory}))


if __name__ == "__main__":
    {"teach": _teach, "score": _score}[sys.argv[1]](sys.argv[2], Path(sys.argv[3]))
