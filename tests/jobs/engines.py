"""Small engines for the tests of the limited child."""

import os
import sys
import time
from pathlib import Path
from typing import Any

from jobs.report import Report
from problems.problem import Invalid


def look(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Tell what the child sees."""
    report.progress(1, 4, "looking")
    report.log("a line")
    (folder / "made.txt").write_text("by the child")
    return {
        "spec": spec,
        "environment": sorted(os.environ),
        "here": os.getcwd(),
        "django": "django" in sys.modules,
        "priority": os.nice(0),
    }


def refuse(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """An expected refusal."""
    raise Invalid("Line 3 has 5 fields, the header has 4.", code="ragged", fields={"file": "Line 3."}, line=3)


def slow(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Longer than anybody waits."""
    time.sleep(60)
    return {}


def big_file(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """More than a file may hold."""
    (folder / "big").write_bytes(b"x" * 4 * 1024 * 1024)
    return {}


def burn(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Use up the computing time."""
    while True:
        pass
