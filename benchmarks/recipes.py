"""One recipe on a million rows against the same work in plain pandas: time, and memory at the top."""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import as_stored

ROOT = Path(__file__).resolve().parents[1]
ROWS, ROUNDS = 1_000_000, 3
WAYS = ("pandas", "recipe")
WORDS = {"pandas": "pandas, the whole table in memory", "recipe": "a recipe, out of core, with its counts"}
SCHEMA = [
    {"name": name, "type": kind}
    for name, kind in [
        ("id", "integer"),
        ("sex", "text"),
        ("salary", "text"),
        ("age", "number"),
        ("charge", "number"),
        ("joined", "text"),
        ("city", "integer"),
    ]
]
STEPS = [
    {"kind": "fill_missing", "params": {"columns": ["age"], "method": "mean"}},
    {"kind": "map_values", "params": {"column": "sex", "values": {"Male": "M", "male": "M", "Female": "F"}}},
    {"kind": "read_numbers", "params": {"columns": ["salary"], "decimal": "point"}},
    {"kind": "read_dates", "params": {"columns": ["joined"], "format": "D.M.Y"}},
    {"kind": "outliers", "params": {"columns": ["charge"], "method": "z", "times": 3, "action": "clip"}},
    {"kind": "derive", "params": {"name": "ratio", "formula": "charge / salary"}},
    {"kind": "join_dataset", "params": {"dataset": "cities", "keys": {"city": "city"}}},
    {"kind": "drop_duplicates", "params": {"columns": ["id"]}},
]


def main() -> None:
    """Interleaved rounds, each in a fresh process on one thread; medians and ratios."""
    rows = int(os.environ.get("ROWS", ROWS))
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as folder:
        _generate(Path(folder), rows)
        print(f"{rows:,} rows x 7 columns, {len(STEPS)} steps, Parquet to Parquet, 1 thread, {ROUNDS} rounds")
        found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
        for _ in range(ROUNDS):
            for way in WAYS:
                found[way].append(_in_child(way, Path(folder)))
    base = statistics.median(one["seconds"] for one in found["pandas"])
    for way in WAYS:
        seconds = statistics.median(one["seconds"] for one in found[way])
        memory = statistics.median(one["memory"] for one in found[way])
        print(f"{WORDS[way]:42} {seconds:6.2f} s  {memory:5.0f} MB  {seconds / base:4.2f}x the time of pandas")


def _generate(folder: Path, rows: int) -> None:
    import duckdb

    columns = f"""
        (hash(i) % {rows})::BIGINT AS id, ['Male', 'male', 'M', 'Female', 'F'][(1 + hash(i * 3) % 5)::INT] AS sex,
        CASE WHEN hash(i * 5) % 2 = 0 THEN (20 + hash(i * 7) % 80) || 'k' ELSE '$ ' || (20000 + hash(i) % 9999) END
        AS salary, CASE WHEN hash(i * 11) % 10 = 0 THEN NULL ELSE (hash(i * 13) % 90)::DOUBLE END AS age,
        (hash(i * 17) % 100000) / 100.0::DOUBLE AS charge,
        strftime(DATE '2020-01-01' + (hash(i * 23) % 1500)::INT, '%d.%m.%Y') AS joined,
        (hash(i * 29) % 600)::BIGINT AS city"""
    duckdb.sql(f"COPY (SELECT {columns} FROM range({rows}) t(i)) TO '{folder}/main.parquet'")
    as_stored(folder / "main.parquet")
    duckdb.sql(f"COPY (SELECT i AS city, 'city ' || i AS name FROM range(500) t(i)) TO '{folder}/cities.parquet'")
    as_stored(folder / "cities.parquet")


def _in_child(way: str, folder: Path) -> dict[str, float]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT / 'platform'}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "benchmarks.recipes", way, str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def _measure(way: str, folder: Path) -> None:
    """In the child: import first, then measure the work alone."""
    import pandas as pd
    import pyarrow  # noqa: F401

    from datasets.profiling import summary
    from datasets.recipes import engine
    from jobs.report import Silent

    names = [*(one["name"] for one in SCHEMA), "ratio", "name"]
    nothing = {"columns": [{"name": name, "missing": 0} for name in names]}
    summary.profile = lambda *_: nothing  # type: ignore[assignment]  # the profile is no part of either
    start = time.perf_counter()
    if way == "pandas":
        _pandas(pd, folder)
    else:
        cities = [{"name": "city", "type": "integer"}, {"name": "name", "type": "text"}]
        spec = {
            "main": {"path": str(folder / "main.parquet"), "schema": SCHEMA},
            "others": {"cities": {"path": str(folder / "cities.parquet"), "schema": cities}},
            "steps": STEPS,
        }
        engine.run(spec, folder, Silent())
    seconds = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "memory": memory}))


def _pandas(pd, folder: Path) -> None:  # type: ignore[no-untyped-def]
    """What a person writes in a notebook."""
    table = pd.read_parquet(folder / "main.parquet")
    table["age"] = table["age"].fillna(table["age"].mean())
    table["sex"] = table["sex"].replace({"Male": "M", "male": "M", "Female": "F"})
    text = table["salary"].str.replace(r"[$\s,]", "", regex=True)
    thousand = text.str.endswith("k")
    table["salary"] = pd.to_numeric(text.str.rstrip("k"), errors="coerce") * thousand.map({True: 1000.0, False: 1.0})
    table["joined"] = pd.to_datetime(table["joined"], format="%d.%m.%Y", errors="coerce")
    mean, width = table["charge"].mean(), 3 * table["charge"].std()
    table["charge"] = table["charge"].clip(mean - width, mean + width)
    table["ratio"] = table["charge"] / table["salary"]
    table = table.merge(pd.read_parquet(folder / "cities.parquet"), on="city", how="left")
    table.drop_duplicates("id").to_parquet(folder / "pandas.parquet", compression="zstd")


if __name__ == "__main__":
    _measure(sys.argv[1], Path(sys.argv[2]))
