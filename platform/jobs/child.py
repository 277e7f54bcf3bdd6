"""PURE: the child process of a job: reads its task, binds itself to its limits, calls one engine, writes the answer."""

import importlib
import json
import os
import re
import resource
import sys
import traceback
from pathlib import Path
from typing import Any

from jobs.confinement import confine
from jobs.limits import Limits, apply, die_with_parent
from jobs.report import PipeReport
from problems.problem import Problem

NO_ROOM = (
    "outofmemory", "out of memory", "bad_alloc", "unable to allocate", "cannot allocate", "malloc of",
    "start new thread", "resource temporarily unavailable",
)  # fmt: skip


def run(folder: Path, descriptor: int) -> dict[str, Any]:
    """Call the engine that the task names; every ending but a killed process becomes an answer."""
    task = json.loads((folder / "task.json").read_text())
    apply(Limits(**task["limits"]))
    confine(task["closed"], folder, task["spec"])
    report = PipeReport(descriptor)
    if task.get("private"):
        task["spec"]["private"] = json.load(sys.stdin)
    module, _, function = task["entry"].partition(":")
    try:
        engine = getattr(importlib.import_module(module), function)
        return {"result": engine(task["spec"], folder, report)}
    except Problem as problem:
        return {"problem": problem.as_dict() | {"status": problem.status}}
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        if isinstance(error, MemoryError) or _is_memory(error):
            return {"memory": {"may": task["limits"]["memory_mb"], "had": _had(), "asked": _asked(str(error))}}
        return {"error": "".join(traceback.format_exception(error))[-20_000:], "kind": type(error).__name__}


def _is_memory(error: BaseException) -> bool:
    """Some libraries wrap an allocation failure in an error of their own; a thread needs room for its stack too."""
    text = f"{type(error).__name__} {error}".lower()
    return any(sign in text for sign in NO_ROOM)


def _had() -> int:
    """The most memory that this process had so far, in mebibytes (Linux counts kibibytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _asked(text: str) -> int | None:
    """What the piece that could not be had would have taken, in mebibytes, where the library says it as numpy does."""
    found = re.search(r"allocate ([\d.]+) (Mi|Gi|Ti)B", text)
    return round(float(found[1]) * {"Mi": 1, "Gi": 1024, "Ti": 1024**2}[found[2]]) if found else None


def main() -> None:
    """Entry of `python -P -m jobs.child FOLDER REPORT_DESCRIPTOR PARENT`."""
    folder, descriptor, parent = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    die_with_parent()
    if os.getppid() != parent:
        os._exit(1)  # it died before we were bound to it
    answer = run(folder, descriptor)
    unfinished = folder / "result.part"
    try:
        unfinished.write_text(json.dumps(answer, allow_nan=False))
    except (TypeError, ValueError) as error:
        unfinished.write_text(
            json.dumps({"error": f"The engine's answer is not plain JSON: {error}", "kind": "TypeError"})
        )
    unfinished.rename(folder / "result.json")
    sys.stdout.flush()
    os._exit(0)  # skip the teardown of heavy libraries: the answer is on disk


if __name__ == "__main__":
    main()
