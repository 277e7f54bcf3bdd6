"""PURE: what of this machine a child of a job can reach: on Linux, of what the platform keeps only its own files.

Landlock (kernel 5.13 and later; https://docs.kernel.org/userspace-api/landlock.html) lets a process without rights give
up access for good. It names what stays open, so everything beside the way to the closed folder is opened, and below it
the job's own folder and the files that its task names. Other processes' memory and environment close with it, and from
kernel 6.12 on their signals. Elsewhere nothing happens here: the other limits hold.
"""

import ctypes
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

CREATE, ADD_RULE, RESTRICT = 444, 445, 446  # numbers of the system calls, the same on every processor
PATH_BENEATH, VERSION = 1, 1
SCOPE_SIGNALS = 2
NO_NEW_PRIVILEGES = 38
OF_FILES = 1 | 2 | 4 | 1 << 14 | 1 << 15  # run, write, read, shorten, control a device
READ, READ_LIST = 4, 4 | 8
RIGHTS = {1: 1 << 13, 2: 1 << 14, 3: 1 << 15, 5: 1 << 16}  # all rights below this one, by version
RIGHTS_VERSION = 0x20080522
LOOKING = (5, 19, 21, 38)  # CAP_KILL, CAP_SYS_PTRACE, CAP_SYS_ADMIN, CAP_PERFMON
KEYS = "keys"


class _Rules(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def confine(closed: str, own: Path, spec: Any) -> bool:
    """Close the folder `closed` to this process for good, but for `own` and the files in it that `spec` names.

    Gives whether that was possible here. A key is never opened, whatever a spec says.
    """
    library = ctypes.CDLL(None, use_errno=True)
    version = int(library.syscall(CREATE, None, 0, VERSION)) if sys.platform == "linux" else 0
    if version < 1 or not closed:
        return False
    rights = RIGHTS[max(known for known in RIGHTS if known <= version)] - 1
    wanted = _Rules(rights, 0, SCOPE_SIGNALS if version >= 6 else 0)
    size = ctypes.sizeof(_Rules) if version >= 6 else 16 if version >= 4 else 8
    rules = int(library.syscall(CREATE, ctypes.byref(wanted), size, 0))
    if rules < 0:
        return False
    base = Path(os.path.realpath(closed))
    for place in _beside(base):
        _open(library, rules, place, rights)
    _open(library, rules, Path(os.path.realpath(own)), rights)
    for place in named(spec, base):
        _open(library, rules, place, READ_LIST)
    done = library.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0 and library.syscall(RESTRICT, rules, 0) == 0
    os.close(rules)
    return bool(done) and _drop_rights(library)


def _drop_rights(library: Any) -> bool:
    """A platform that runs as root: its child may no longer look into other processes, whatever root may."""
    header, rights = (ctypes.c_uint32 * 2)(RIGHTS_VERSION, 0), (ctypes.c_uint32 * 6)()
    if library.capget(header, rights) != 0:
        return False
    for number in LOOKING:
        for kind in range(3):  # in force, permitted, inherited; 32 of them in each half
            rights[number // 32 * 3 + kind] &= ~(1 << number % 32) & 0xFFFFFFFF
    return bool(library.capset(header, rights) == 0)


def named(spec: Any, base: Path) -> set[Path]:
    """The files and folders below `base` that a spec names; none of the keys, nothing at the top."""
    found = set()
    for text in _texts(spec):
        if not text.startswith("/") or "\0" in text or len(text) > 4096:
            continue
        place = Path(os.path.realpath(text))
        inside = place.relative_to(base).parts if place.is_relative_to(base) else ()
        if len(inside) > 1 and inside[0] != KEYS:
            found.add(place)
    return found


def _texts(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list | tuple):
            waiting.extend(one)


def _beside(base: Path) -> Iterable[Path]:
    """Everything that does not lie on the way to `base`."""
    for folder in base.parents:
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        yield from (folder / name for name in names if not base.is_relative_to(folder / name))


def _open(library: Any, rules: int, place: Path, rights: int) -> None:
    """Let this place, and what is below it, be used; what is gone or may not be looked at is left out."""
    try:
        descriptor = os.open(place, os.O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return
    allowed = rights if place.is_dir() else rights & OF_FILES
    beneath = _Beneath(allowed, descriptor)
    library.syscall(ADD_RULE, rules, PATH_BENEATH, ctypes.byref(beneath), 0)
    os.close(descriptor)
