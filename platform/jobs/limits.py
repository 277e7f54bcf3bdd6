"""PURE: what one job may use, and how a child process binds itself to it."""

import ctypes
import os
import resource
import signal
import sys
from dataclasses import asdict, dataclass
from typing import Any

PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Limits:
    """Limits of one child process. Sizes in mebibytes, times in seconds."""

    memory_mb: int = 4096
    cpu_seconds: int = 4 * 3600
    wall_seconds: int = 4 * 3600
    file_mb: int = 20 * 1024
    threads: int = 1

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the child's task file."""
        return asdict(self)


def apply(limits: Limits) -> None:
    """Bind this process: address space, CPU time, file size, no core dumps, lower priority."""
    mebibyte = 1024 * 1024
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.file_mb * mebibyte,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 10))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory_mb * mebibyte,) * 2)
    os.nice(5)


def die_with_parent() -> None:
    """Ask Linux to end this process when its parent dies; elsewhere the lease does that work."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
