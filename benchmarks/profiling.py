"""The profile of a table of 1 M x 20 beside ydata-profiling (minimal), which lives in an environment of its own.

YDATA names the Python of that environment: `python -m venv E`, `E/bin/pip install ydata-profiling`, YDATA=E/bin/python
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
from benchmarks.ingestion import COLUMNS

ROWS, ROUNDS = 1_000_000, 3
PEER = """
import json, resource, sys, time
import pandas
from ydata_profiling import ProfileReport
frame = pandas.read_parquet(sys.argv[1])
start, cpu = time.perf_counter(), time.process_time()
ProfileReport(frame, minimal=True, progress_bar=False).get_description()
spent = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu}
print(json.dumps(spent | {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def main() -> None:
    """Medians of ours; one run of the peer, which takes a minute."""
    rows, rounds = int(os.environ.get("ROWS", ROWS)), int(os.environ.get("ROUNDS", ROUNDS))
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as folder:
        table = Path(folder) / "table.parquet"
        _generate(table, rows)
        print(f"{rows:,} rows x 20 columns, {table.stat().st_size / 1e6:.0f} MB of Parquet, {rounds} rounds")
        runs = [_run([sys.executable, "-m", "benchmarks.profiling", str(table), folder]) for _ in range(rounds)]
        ours = {name: statistics.median(one[name] for one in runs) for name in runs[0]}
        _tell("ours, every figure of the profile page", ours, ours)
        peer = os.environ.get("YDATA", "")
        if not peer:
            print("ydata-profiling is absent: YDATA names no Python that has it")
            return
        _tell("ydata-profiling, minimal", _run([peer, "-c", PEER, str(table)]), ours)


def _tell(words: str, found: dict[str, float], ours: dict[str, float]) -> None:
    told = f"{words:42} {found['seconds']:6.2f} s  {found['cpu']:6.2f} CPU s  {found['memory']:5.0f} MB"
    print(f"{told}  {found['seconds'] / ours['seconds']:5.1f}x our time")


def _generate(table: Path, rows: int) -> None:
    import duckdb

    duckdb.sql(f"COPY (SELECT {COLUMNS} FROM range({rows}) t(i)) TO '{table}' (FORMAT parquet)")
    as_stored(table)


def _run(command: list[str]) -> dict[str, float]:
    environment = as_job(os.environ.get("THREADS", "2"))
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    answer: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def _measure(table: Path, folder: Path) -> None:
    """In the child: import first, then measure the work alone."""
    import pyarrow.parquet as pq

    from datasets.profiling import summary
    from jobs.report import Silent

    kinds = {"string": "text", "bool": "boolean", "date32[day]": "date", "double": "number"}
    schema = [{"name": one.name, "type": kinds.get(str(one.type), "integer")} for one in pq.read_schema(table)]
    start, cpu = time.perf_counter(), time.process_time()
    summary.profile(table, schema, folder, Silent())
    spent = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu}
    print(json.dumps(spent | {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    _measure(Path(sys.argv[1]), Path(sys.argv[2]))
