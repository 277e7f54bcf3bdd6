"""Reading a CSV to a typed table (checked cell by cell, and profiled) beside DuckDB's plain COPY and pandas.

ROWS=10000000 makes the file of 1.4 GB; THREADS says how many threads each way may use (pandas parses with one).
TWICE=1 adds a file of a quarter of the rows, to see that memory does not grow with the file.
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

from benchmarks import ROOT, as_job

ROWS, ROUNDS = 200_000, 5
WAYS = ("copy", "pandas", "read", "engine")
WORDS = {
    "copy": "DuckDB COPY, types from a sample, nothing counted",
    "pandas": "pandas read_csv (C engine) and to_parquet",
    "read": "ours, types of the whole file, every cell checked",
    "engine": "ours with the profile of every column",
}
COLUMNS = """
    i AS id, 'C' || lpad((hash(i) % 1000000)::VARCHAR, 7, '0') AS customer, (hash(i * 3) % 100)::INT AS age,
    (hash(i * 7) % 120)::INT AS tenure, round((hash(i * 11) % 1000000) / 100.0, 2) AS charge,
    round(sin(i) * 1000, 6) AS score, (hash(i * 13) % 2)::INT AS flag,
    ['month', 'year', 'two_year', 'flex'][(1 + hash(i * 17) % 4)::INT] AS contract,
    ['debit', 'card', 'transfer', 'cheque', 'other'][(1 + hash(i * 19) % 5)::INT] AS payment,
    DATE '2020-01-01' + (hash(i * 23) % 1500)::INT AS joined,
    CASE WHEN hash(i * 29) % 10 = 0 THEN NULL ELSE round((hash(i * 31) % 10000) / 7.0, 3) END AS usage,
    (hash(i * 37) % 100000)::INT AS visits, CASE WHEN hash(i * 41) % 2 = 0 THEN 'Yes' ELSE 'No' END AS paperless,
    'city ' || (hash(i * 43) % 500) AS city, (hash(i * 47) % 10)::INT AS tickets, round(cos(i), 4) AS ratio,
    'some longer text about ' || (hash(i * 53) % 9999) AS note, (hash(i * 59) % 3)::INT AS segment,
    ['a', 'b', 'c'][(1 + hash(i * 61) % 3)::INT] AS grp, hash(i * 67) % 2 = 0 AS leaves
"""


def main() -> None:
    """Interleaved rounds, each in a fresh process; medians and ratios."""
    rows = int(os.environ.get("ROWS", ROWS))
    for size in (rows // 4, rows) if os.environ.get("TWICE") else (rows,):
        _compare(size, int(os.environ.get("ROUNDS", ROUNDS)), int(os.environ.get("THREADS", "1")))


def _compare(rows: int, rounds: int, threads: int) -> None:
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as folder:
        source = Path(folder) / "source.csv"
        _generate(source, rows)
        size = source.stat().st_size / 1e6
        print(f"{rows:,} rows x 20 columns, {size:.0f} MB of CSV, {threads} threads, {rounds} rounds")
        found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
        for _ in range(rounds):
            for way in WAYS:
                found[way].append(_in_child(way, source, Path(folder), threads))
    base = {name: statistics.median(one[name] for one in found["copy"]) for name in ("seconds", "cpu")}
    for way in WAYS:
        seconds, cpu, memory = (statistics.median(one[k] for one in found[way]) for k in ("seconds", "cpu", "memory"))
        told = f"{WORDS[way]:52} {seconds:6.2f} s  {cpu:6.2f} CPU s  {memory:5.0f} MB"
        print(f"{told}  {seconds / base['seconds']:4.2f}x the time and {cpu / base['cpu']:4.2f}x the CPU of COPY")


def _generate(source: Path, rows: int) -> None:
    import duckdb

    duckdb.sql(f"COPY (SELECT {COLUMNS} FROM range({rows}) t(i)) TO '{source}' (HEADER)")


def _in_child(way: str, source: Path, folder: Path, threads: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.ingestion", way, str(source), str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=as_job(str(threads)), capture_output=True, text=True, check=True)
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def _measure(way: str, source: Path, folder: Path) -> None:
    """In the child: import first, then measure the work alone."""
    import duckdb
    import pandas

    from datasets.reading import delimited, engine
    from datasets.reading.findings import Findings
    from datasets.reading.options import Options
    from jobs.report import Silent

    delimited.read(_tiny(folder), Options(), folder, Findings(), Silent())
    threads = int(os.environ["OMP_NUM_THREADS"])
    start, cpu = time.perf_counter(), time.process_time()
    if way == "copy":
        connection = duckdb.connect()
        connection.execute(f"SET threads = {threads}")
        target = folder / "copy.parquet"
        connection.execute(f"COPY (SELECT * FROM read_csv('{source}')) TO '{target}' (FORMAT parquet, CODEC zstd)")
    elif way == "pandas":
        frame = pandas.read_csv(source, parse_dates=["joined"])
        frame.to_parquet(folder / "pandas.parquet")
    elif way == "read":
        delimited.read(source, Options(), folder, Findings(), Silent())
    else:
        engine.run({"source": str(source), "options": {}}, folder, Silent())
    seconds = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "cpu": time.process_time() - cpu, "memory": memory}))


def _tiny(folder: Path) -> Path:
    """A first file, so that lazy imports are not measured."""
    place = folder / "tiny.csv"
    place.write_text("a,b\n1,x\n2,y\n")
    return place


if __name__ == "__main__":
    _measure(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
