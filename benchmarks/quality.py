"""Ten rules on a million rows: one scan of ours beside Great Expectations, if it stands in an environment of its own.

`PEER_PYTHON` names its interpreter (`pip install great_expectations pyarrow` in a new one); without it this says so.
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
from typing import Any

from benchmarks import ROOT, as_job, as_stored

ROWS, ROUNDS = 1_000_000, int(os.environ.get("ROUNDS", "3"))
THREADS = os.environ.get("THREADS", "2")  # what the job that checks may use
SCHEMA = [
    {"name": name, "type": kind}
    for name, kind in [("id", "integer"), ("plan", "text"), ("code", "text"), ("charge", "number"), ("age", "integer")]
]
RULES: list[dict[str, Any]] = [
    {"kind": "not_missing", "params": {"columns": ["id"]}},
    {"kind": "not_missing", "params": {"columns": ["charge"], "allowed": 10.0}},
    {"kind": "not_missing", "params": {"columns": ["plan"]}},
    {"kind": "unique", "params": {"columns": ["id"]}},
    {"kind": "in_set", "params": {"column": "plan", "values": ["month", "year", "two years"]}},
    {"kind": "in_range", "params": {"column": "charge", "low": "0", "high": "990"}},
    {"kind": "in_range", "params": {"column": "age", "low": "18", "high": "120"}},
    {"kind": "pattern", "params": {"column": "code", "pattern": "[A-Z]{2}-[0-9]{4}"}},
    {"kind": "row_count", "params": {"low": 1, "high": 10_000_000}},
    {"kind": "formula", "params": {"formula": "charge <= 2000"}},
]


def main() -> None:
    """Interleaved rounds, each in a fresh process; medians and ratios, with and without imports."""
    rows, peer = int(os.environ.get("ROWS", ROWS)), os.environ.get("PEER_PYTHON", "")
    ways = {"ours": sys.executable} | ({"peer": peer} if peer else {})
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as folder:
        _generate(Path(folder), rows)
        print(f"{rows:,} rows x 5 columns, {len(RULES)} rules, Parquet, {THREADS} threads, {ROUNDS} rounds")
        found: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
        for _ in range(ROUNDS):
            for way, python in ways.items():
                found[way].append(_in_child(way, python, Path(folder)))
    base = {}
    for way in ways:
        middle = {
            key: statistics.median(one[key] for one in found[way]) for key in ("seconds", "cpu", "whole", "memory")
        }
        base[way] = middle
        words = "one scan, with examples" if way == "ours" else f"Great Expectations {found[way][0]['version']}"
        times = f"{middle['seconds']:6.2f} s  of CPU {middle['cpu']:5.2f} s  with imports {middle['whole']:6.2f} s"
        print(f"{words:32} {times}  {middle['memory']:5.0f} MB")
    if peer:
        same = found["ours"][0]["failed"] == found["peer"][0]["failed"]
        wall, cpu = (base["peer"][key] / base["ours"][key] for key in ("seconds", "cpu"))
        print(
            f"{wall:.1f}x faster, {cpu:.1f}x by CPU time (another load moves the first); failing rules the same: {same}"
        )
    else:
        print("Great Expectations is absent (PEER_PYTHON is not set): nothing to compare with.")


def _generate(folder: Path, rows: int) -> None:
    import duckdb

    columns = """
        i::BIGINT AS id, ['month', 'year', 'two years', 'flex'][(1 + hash(i * 3) % 400 // 133)::INT] AS plan,
        chr((65 + hash(i * 5) % 26)::INT) || chr((65 + hash(i * 7) % 26)::INT) || '-' || (1000 + hash(i * 11) % 9000)
        AS code, CASE WHEN hash(i * 13) % 20 = 0 THEN NULL ELSE (hash(i * 17) % 100000) / 100.0::DOUBLE END AS charge,
        (16 + hash(i * 19) % 80)::BIGINT AS age"""
    duckdb.sql(f"COPY (SELECT {columns} FROM range({rows}) t(i)) TO '{folder}/main.parquet'")
    as_stored(folder / "main.parquet")


def _in_child(way: str, python: str, folder: Path) -> dict[str, Any]:
    began = time.perf_counter()
    command = [python, "-m", "benchmarks.quality", way, str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=as_job(THREADS), capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer | {"whole": time.perf_counter() - began}


def _measure(way: str, folder: Path) -> None:
    """In the child: import first, then measure the work alone."""
    answer = _ours(folder) if way == "ours" else _peer(folder)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(answer | {"memory": memory}))


def _ours(folder: Path) -> dict[str, Any]:
    import ibis

    from datasets.quality import engine
    from datasets.recipes.database import sql_of
    from jobs.report import Silent

    sql_of(ibis.table({"c0": "int64"}, name="t").aggregate(n=ibis._.count()))  # it imports its compiler at first use
    spec = {
        "main": {"path": str(folder / "main.parquet"), "schema": SCHEMA},
        "others": {},
        "now": "2026-01-01T00:00:00+00:00",
        "rules": [{"number": number, **rule} for number, rule in enumerate(RULES)],
    }
    start, used = time.perf_counter(), time.process_time()
    results = engine.check(spec, folder, Silent())["results"]
    seconds = time.perf_counter() - start
    cpu = time.process_time() - used
    return {"seconds": seconds, "cpu": cpu, "failed": [one["number"] for one in results if one["verdict"] != "passed"]}


def _peer(folder: Path) -> dict[str, Any]:
    """The same ten expectations on a pandas table, as its documentation does; reading is counted for both."""
    import great_expectations as gx  # type: ignore[import-not-found,unused-ignore]
    import pandas as pd

    e = gx.expectations
    expectations = [
        e.ExpectColumnValuesToNotBeNull(column="id"),
        e.ExpectColumnValuesToNotBeNull(column="charge", mostly=0.9),
        e.ExpectColumnValuesToNotBeNull(column="plan"),
        e.ExpectColumnValuesToBeUnique(column="id"),
        e.ExpectColumnValuesToBeInSet(column="plan", value_set=["month", "year", "two years"]),
        e.ExpectColumnValuesToBeBetween(column="charge", min_value=0, max_value=990),
        e.ExpectColumnValuesToBeBetween(column="age", min_value=18, max_value=120),
        e.ExpectColumnValuesToMatchRegex(column="code", regex="^[A-Z]{2}-[0-9]{4}$"),
        e.ExpectTableRowCountToBeBetween(min_value=1, max_value=10_000_000),
        e.ExpectColumnMaxToBeBetween(column="charge", max_value=2000),
    ]
    start, used = time.perf_counter(), time.process_time()
    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_pandas("p").add_dataframe_asset("a")
    batch = asset.add_batch_definition_whole_dataframe("b")
    table = pd.read_parquet(folder / "main.parquet")
    suite = context.suites.add(gx.ExpectationSuite(name="s", expectations=expectations))
    definition = context.validation_definitions.add(gx.ValidationDefinition(name="v", data=batch, suite=suite))
    result = definition.run(batch_parameters={"dataframe": table})
    seconds, cpu = time.perf_counter() - start, time.process_time() - used
    ids = [one.expectation_config.type + str(one.expectation_config.kwargs.get("column")) for one in result.results]
    order = [f"expect_{_snake(type(one).__name__)}{getattr(one, 'column', None)}" for one in expectations]
    failed = sorted(order.index(name) for name, one in zip(ids, result.results, strict=True) if not one.success)
    return {"seconds": seconds, "cpu": cpu, "failed": failed, "version": gx.__version__}


def _snake(name: str) -> str:
    return "".join("_" + char.lower() if char.isupper() else char for char in name).removeprefix("_expect_")


if __name__ == "__main__":
    _measure(sys.argv[1], Path(sys.argv[2]))
