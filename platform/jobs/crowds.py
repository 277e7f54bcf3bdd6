"""PURE: what a job's child has started, and how much it has written: more than any engine does, and it is ended."""

import os
import signal
from pathlib import Path

PROC = Path("/proc")
MOST_PROCESSES = 64
MEBIBYTE = 1024 * 1024


def descendants(pid: int) -> set[int]:
    """The processes below this one or in its session, however they were started; empty where nothing tells of them."""
    below: dict[int, list[int]] = {}
    found = set()
    for name in os.listdir(PROC) if PROC.is_dir() else ():
        if not name.isdigit():
            continue
        try:
            state, parent, _, session = (PROC / name / "stat").read_text().rpartition(")")[2].split()[:4]
        except (OSError, ValueError):
            continue
        if state != "Z":
            below.setdefault(int(parent), []).append(int(name))
            found |= {int(name)} if int(session) == pid else set()
    waiting = [pid, *found]
    while waiting:
        for one in below.get(waiting.pop(), []):
            if one not in found:
                found.add(one)
                waiting.append(one)
    return found - {pid}


def end_all(pid: int) -> None:
    """End them until none is left; one that starts others is stopped before it is looked for them."""
    for _ in range(50):
        left = descendants(pid)
        for signalled in (signal.SIGSTOP, signal.SIGKILL):
            for one in left:
                try:
                    os.kill(one, signalled)
                except (ProcessLookupError, PermissionError):
                    continue
        if not left:
            return


def written(folder: Path) -> int:
    """How many mebibytes the files below a folder take."""
    total, waiting = 0, [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
        except OSError:
            continue
    return total // MEBIBYTE
