"""The report of a table of 1 M x 20 against a kept reference, beside Evidently's preset on the same two tables.

PEER_PYTHON names the Python of an environment of its own: `python -m venv E`, `E/bin/pip install evidently`.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import ROOT, as_job, as_stored

ROWS, ROUNDS = 1_000_000, 3
NUMBERS = [
    "random() * 100", "ln(1 + random()) * 40", "floor(random() * 12)", "floor(random() * 400)", "round(random(), 2)",
    "CASE WHEN random() < 0.7 THEN 0 ELSE random() * 30 END", "random() + random() + random() + {shift}",
    "round(20 + 15 * random() * random(), 1)", "-ln(random() + 1e-9)",
    "CASE WHEN random() < 0.05 THEN NULL ELSE random() END",
    "floor(random() * 90) + 10 * {shift}", "1e6 + 1000 * random()",
]  # fmt: skip
WORDS = [2, 3, 5, 8, 12, 25, 50, 200]
PEER = """
import json, resource, sys, time
import pandas
from evidently import Report
from evidently.presets import DataDriftPreset
before, now = pandas.read_parquet(sys.argv[1]), pandas.read_parquet(sys.argv[2])
start, cpu = time.perf_counter(), time.process_time()
Report([DataDriftPreset()]).run(now, before).dict()
spent = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu}
print(json.dumps(spent | {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def main() -> None:
    """Medians of ours, reading the file included; one run of the peer, which takes a minute, without its reading."""
    rows, rounds = int(os.environ.get("ROWS", ROWS)), int(os.environ.get("ROUNDS", ROUNDS))
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as folder:
        before, now, reference = (Path(folder) / name for name in ("before.parquet", "now.parquet", "reference.json"))
        for table, shift in ((before, 0.0), (now, 0.3)):
            _generate(table, rows, shift)
        _run([sys.executable, "-m", "benchmarks.drift", "keep", str(before), str(reference)])
        kept = reference.stat().st_size / 1e6
        print(f"{rows:,} rows x 20 columns; the kept reference has {kept:.1f} MB; {rounds} rounds")
        runs = [
            _run([sys.executable, "-m", "benchmarks.drift", "report", str(now), str(reference)]) for _ in range(rounds)
        ]
        ours = {name: statistics.median(one[name] for one in runs) for name in runs[0]}
        _tell("ours, every measure of every column", ours, ours)
        peer = os.environ.get("PEER_PYTHON", "")
        if not peer:
            print("Evidently is absent: PEER_PYTHON names no Python that has it")
            return
        _tell("Evidently, DataDriftPreset", _run([peer, "-c", PEER, str(before), str(now)]), ours)


def _tell(words: str, found: dict[str, float], ours: dict[str, float]) -> None:
    told = f"{words:42} {found['seconds']:6.2f} s  {found['cpu']:6.2f} CPU s  {found['memory']:5.0f} MB"
    print(f"{told}  {found['seconds'] / ours['seconds']:5.1f}x our time")


def _generate(table: Path, rows: int, shift: float) -> None:
    import duckdb

    numbers = [f"({text.format(shift=shift)})::DOUBLE AS n{i}" for i, text in enumerate(NUMBERS)]
    words = [f"'v' || floor(pow(random(), {1 + shift}) * {size})::INT AS w{size}" for size in WORDS]
    duckdb.sql(f"COPY (SELECT {', '.join(numbers + words)} FROM range({rows})) TO '{table}' (FORMAT parquet)")
    as_stored(table)


def _run(command: list[str]) -> dict[str, float]:
    environment = as_job(os.environ.get("THREADS", "2"))
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    answer: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def _keep(table: Path, reference: Path) -> None:
    """What training keeps of its table."""
    from experiments.references import reference_inputs
    from storage import tables

    whole = tables.read(table)
    kinds = [{"name": name, "type": "number" if name[0] == "n" else "text"} for name in whole.column_names]
    reference.write_text(json.dumps({"rows": whole.num_rows, "inputs": reference_inputs(whole, kinds)}))
    print("{}")


def _report(table: Path, reference: Path) -> None:
    """In the child: import first, then measure the work alone."""
    from monitoring.drift.report import of_table
    from storage import tables

    start, cpu = time.perf_counter(), time.process_time()
    kept = json.loads(reference.read_text())
    entries = of_table(tables.read_batches(table), kept["inputs"], kept["rows"])
    spent = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu}
    assert len(entries) == 20
    print(json.dumps(spent | {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    {"keep": _keep, "report": _report}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
