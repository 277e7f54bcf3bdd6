"""PURE: sealed pieces of the prediction log become Parquet tables, one for each deployment; shadows apart."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from deployments.serving.lines import rows_in
from jobs.report import Report
from storage import tables

BATCH = 5_000
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("release", pa.string()),
        ("version", pa.int64()),
        ("latency_ms", pa.float64()),
        ("answer", pa.string()),
        ("number", pa.float64()),
        ("probability", pa.float64()),
        ("row", pa.string()),
        ("unknown", pa.int64()),
        ("decision", pa.string()),
        ("policy", pa.int64()),
        ("baseline", pa.string()),
        ("chances", pa.string()),
        ("role", pa.string()),
        ("beside", pa.string()),
    ]
)


PLAIN = ("id", "release", "version", "latency_ms", "unknown", "decision", "policy", "role", "beside")


def run(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Read the files `spec["files"]`; leave a table in `folder` for each file and deployment, in order of time."""
    found: list[dict[str, Any]] = []
    damaged: dict[str, int] = {}
    for number, name in enumerate(spec["files"]):
        report.progress(number, len(spec["files"]), "writing the prediction log")
        path = Path(name)
        if not path.is_file():
            continue  # another job was faster
        by_deployment, broken = _read(path)
        if broken:
            damaged[name] = broken
            report.log(f"{path.name}: {broken} damaged lines were left out.")
        for place, ((deployment, is_shadow), rows) in enumerate(sorted(by_deployment.items())):
            table = f"{number}-{place}.parquet"
            tables.write(folder / table, SCHEMA, _batches(rows))
            found.append(
                {
                    "source": f"{path.name}#shadow" if is_shadow else path.name,
                    "is_shadow": is_shadow,
                    "deployment": deployment,
                    "table": table,
                    "rows": len(rows),
                    "first_at": _iso(rows[0]["at"]),
                    "last_at": _iso(rows[-1]["at"]),
                }
            )
    return {"segments": found, "damaged": damaged}


def _read(path: Path) -> tuple[dict[tuple[str, bool], list[dict[str, Any]]], int]:
    rows: dict[tuple[str, bool], dict[str, dict[str, Any]]] = {}
    broken = 0
    with path.open("rb") as file:
        for line in file:
            try:
                typed = [(row, _typed(row)) for row in rows_in(orjson.loads(line))]
                for row, kept in typed:
                    place = str(row["deployment"]), row.get("role") == "shadow"
                    rows.setdefault(place, {})[str(row["id"])] = kept
            except (ValueError, KeyError, TypeError):
                broken += 1
    return {name: [kept[key] for key in sorted(kept)] for name, kept in rows.items()}, broken


def _batches(rows: list[dict[str, Any]]) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(rows), BATCH):
        yield pa.RecordBatch.from_pylist(rows[start : start + BATCH], schema=SCHEMA)


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {name: row.get(name) for name in PLAIN}
    return kept | {
        "at": round(row["at"] * 1_000_000),
        "answer": orjson.dumps(row["answer"]).decode(),
        "number": None if row.get("number") is None else float(row["number"]),
        "probability": row.get("probability"),
        "row": orjson.dumps(row["row"]).decode(),
        "baseline": orjson.dumps(row.get("baseline")).decode(),
        "chances": None if row.get("chances") is None else orjson.dumps(row["chances"]).decode(),
    }


def _iso(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).isoformat()
