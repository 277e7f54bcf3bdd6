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


def fork(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """A thousand processes, each in a session of its own, that start others as soon as they can."""
    for _ in range(1000):
        if os.fork() == 0:
            os.setsid()
            time.sleep(120)
            os._exit(0)
    time.sleep(60)
    return {}


def fill(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Many files, each as large as one may be."""
    for number in range(10_000):
        (folder / f"part-{number}").write_bytes(b"x" * 512 * 1024)
        time.sleep(0.005)
    return {}


def allocate(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """All the memory there is."""
    kept = []
    while True:
        kept.append(bytearray(64 * 1024 * 1024))


def pry_asked(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """The same with places that no spec names, and one that it does."""
    lines = (folder / "asked.txt").read_text().splitlines()
    places = dict(line.split("=", 1) for line in lines)
    return pry(spec | {"places": places | {"own": spec["table"]}}, folder, report)


def pry(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Try each of the places, and tell what could be read, listed, written or ended."""
    found: dict[str, str] = {}
    for name, place in spec["places"].items():
        try:
            listed = os.listdir(place) if os.path.isdir(place) else Path(place).read_bytes()[:10_000]
            found[name] = f"read {len(listed)}"
        except OSError as error:
            found[name] = type(error).__name__
    try:
        (Path(spec["places"]["data"]) / "planted").write_text("x")
        found["plant"] = "written"
    except OSError as error:
        found["plant"] = type(error).__name__
    try:
        os.kill(os.getppid(), 0)
        found["signal"] = "allowed"
    except OSError as error:
        found["signal"] = type(error).__name__
    return found
