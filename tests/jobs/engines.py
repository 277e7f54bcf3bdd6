"""Small engines for the tests of the limited child."""

import os
import stat
import sys
import time
from pathlib import Path
from typing import Any

from numpy import random

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


def born(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Who this process is, and what it drew."""
    report.progress(1, 2, "born")
    time.sleep(spec.get("seconds", 0))
    facts = {"pid": os.getpid(), "parent": os.getppid(), "session": os.getsid(0), "drawn": random.random()}
    return facts | {
        "folder": os.environ["TMPDIR"],
        "sockets": [number for number in range(3, 64) if _is_socket(number)],
    }


def _is_socket(number: int) -> bool:
    try:
        return stat.S_ISSOCK(os.fstat(number).st_mode)
    except OSError:
        return False
