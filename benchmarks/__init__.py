"""Measurements against peers and limits."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def as_job(threads: str) -> dict[str, str]:
    """The environment of a measured process, ours or a peer's: that of a job which reads, checks or compares tables."""
    sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]
    from jobs.limits import quick_sorting

    path = f"{ROOT / 'platform'}{os.pathsep}{ROOT}"
    return os.environ | quick_sorting() | {"OMP_NUM_THREADS": threads, "PYTHONPATH": path}


def as_stored(table: Path) -> None:
    """Make a Parquet file that another program wrote one that the engines take: with its footer sealed."""
    sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]
    from storage import tables

    tables.seal(table)
