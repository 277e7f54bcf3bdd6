"""PURE: what one job may use, and how a child process binds itself to it."""

import ctypes
import os
import resource
import signal
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
PROCESSORS = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Limits:
    """Limits of one child process. Sizes in mebibytes, times in seconds; `sorts`: it mostly sorts numbers."""

    memory_mb: int = 4096
    cpu_seconds: int = 4 * 3600
    wall_seconds: int = 4 * 3600
    file_mb: int = 20 * 1024
    threads: int = 1
    sorts: bool = False

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


def quick_sorting() -> dict[str, str]:
    """What NumPy is told, before it is loaded, so that it sorts as quickly as this processor can.

    On AMD's Zen 4 (family 25 with AVX-512) its sorting with AVX-512 takes five times as long as that with AVX2, because
    storing chosen lanes to memory is done in microcode there. Source: numpy/x86-simd-sort, issue 6. Its exponentials
    and logarithms are quicker with AVX-512, so this is for what sorts.
    """
    try:
        told = PROCESSORS.read_text().split("\n\n", 1)[0]
    except OSError:
        return {}
    facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in told.splitlines())}
    zen4 = (facts.get("vendor_id"), facts.get("cpu family")) == ("AuthenticAMD", "25")
    if not zen4 or "avx512f" not in facts.get("flags", "").split():
        return {}
    return {"NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL"}


def die_with_parent() -> None:
    """Ask Linux to end this process when its parent dies; elsewhere the lease does that work."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
