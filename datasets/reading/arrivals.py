"""PURE: whether a table that came with an archive is the table that its version says it is."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.report import Report
from problems.problem import Invalid
from storage.tables import read_batches

MOST_GROUP_BYTES = 1024**3


def check(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Read every table whole, page by page; one that is damaged, or is not what is said of it, is refused."""
    for done, said in enumerate(spec["files"]):
        report.progress(done, len(spec["files"]), "checking tables")
        _check(Path(said["path"]), said)
    return {}


def _check(path: Path, said: dict[str, Any]) -> None:
    names = _names(said["schema"])
    try:
        with pq.ParquetFile(path) as file:
            metadata, found = file.metadata, file.schema_arrow.names
            largest = max((metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)), default=0)
    except (OSError, pa.ArrowException) as error:
        raise _refused(path, "cannot be read") from error
    if found != names or metadata.num_rows != said["rows"]:
        raise _refused(path, "has other rows or columns than its version says")
    if largest > MOST_GROUP_BYTES:
        raise _refused(path, "is packed in parts that are too large")
    if sum(batch.num_rows for batch in read_batches(path)) != said["rows"]:
        raise _refused(path, "has fewer rows than it says")


def _names(schema: Any) -> list[str]:
    whole = isinstance(schema, list) and all(
        isinstance(one, dict) and isinstance(one.get("name"), str) and isinstance(one.get("type"), str)
        for one in schema
    )
    return [one["name"] for one in schema] if whole else []


def _refused(path: Path, why: str) -> Invalid:
    return Invalid(f"The table {path.name[:12]} {why}.", code="bad_archive")
