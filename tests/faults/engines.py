"""Engines that go wrong on purpose, each in its own way."""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from jobs.report import Report


def sleep(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Work for some seconds, telling where it is."""
    steps = round(spec["seconds"] * 10)
    for step in range(steps):
        report.progress(step, steps, "working")
        time.sleep(0.1)
    report.log("the engine is done")
    return {"steps": steps}


def killed(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """As the kernel does when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def memory_error(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Ask for more than the limit."""
    return {"size": len(bytearray(8 * 1024 * 1024 * 1024))}


def segfault(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Read where nothing is."""
    ctypes.string_at(0)
    return {}


def quits(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """End without an answer, and say that all is well."""
    os._exit(0)


def exits(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """A library that thinks it owns the process."""
    sys.exit(3)


def unpicklable(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """An error that cannot be sent anywhere."""

    class Odd(Exception):
        def __init__(self) -> None:
            super().__init__(lambda: None)

        def __reduce__(self) -> Any:
            raise TypeError("no")

    raise Odd


def not_json(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """An answer that is not plain."""
    return {"value": float("nan"), "folder": folder}
