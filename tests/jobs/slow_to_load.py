"""An engine that takes long to load, and leaves a word where it runs."""

import time
from pathlib import Path
from typing import Any

from jobs.report import Report

time.sleep(1.5)


def run(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Say that it ran."""
    Path(spec["ran"]).touch()
    return {}
