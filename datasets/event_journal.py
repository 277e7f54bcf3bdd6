"""PURE: events that were pushed to a source: appended and fsynced before their sender is answered, sealed by windows.

A source has a folder: `open.jsonl` takes what comes, numbered pieces hold the windows that were sealed. They stay as
long as the source, so that a load from the beginning has all of it.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from problems.problem import Unavailable

OPEN = "open.jsonl"
MILLISECONDS_FROM = 1e11


def append(folder: Path, events: Sequence[Mapping[str, Any]]) -> None:
    """All of them, durable when this returns; on failure none."""
    lines = b"".join(json.dumps(one, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for one in events)
    try:
        with _locked(folder), (folder / OPEN).open("a+b", buffering=0) as file:
            _append(file.fileno(), lines, folder)
    except OSError as error:
        raise Unavailable(f"The events could not be written ({error.strerror or error}). None was taken.") from None


def _append(descriptor: int, lines: bytes, folder: Path) -> None:
    size = _whole_lines(descriptor)
    is_new = not size
    try:
        os.ftruncate(descriptor, size)  # half a line of a process that died was never acknowledged
        view = memoryview(lines)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fdatasync(descriptor)
    except OSError:
        with suppress(OSError):
            os.ftruncate(descriptor, size)
        raise
    if is_new:
        _sync(folder)


def seal(folder: Path) -> int:
    """Close the window that is open, if it holds anything; returns the number of the newest sealed one."""
    if not folder.is_dir():
        return 0
    with _locked(folder):
        newest, place = max(_numbers(folder), default=0), folder / OPEN
        if not place.exists():
            return newest
        with place.open("r+b") as file:
            whole = _whole_lines(file.fileno())
            os.ftruncate(file.fileno(), whole)
            os.fsync(file.fileno())
        if not whole:
            return newest
        place.rename(folder / f"{newest + 1:08d}.jsonl")
        _sync(folder)
        return newest + 1


def pieces(folder: Path, after: int) -> list[tuple[int, Path]]:
    """The sealed windows behind that number, in order."""
    numbers = sorted(number for number in _numbers(folder) if number > after) if folder.is_dir() else []
    return [(number, folder / f"{number:08d}.jsonl") for number in numbers]


def events_of(path: Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """The events of one window: the line as it is kept, and what it says."""
    with path.open("rb") as file:
        for line in file:
            yield line, json.loads(line)


def open_bytes(folder: Path) -> int:
    """How much the open window holds."""
    place = folder / OPEN
    return place.stat().st_size if place.exists() else 0


def all_bytes(folder: Path) -> int:
    """How much of the disk the source takes."""
    return sum(path.stat().st_size for path in folder.glob("*.jsonl")) if folder.is_dir() else 0


def moment(value: Any) -> datetime | None:
    """When an event happened: ISO 8601 (UTC where no zone is named), or seconds or milliseconds since 1970."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000 if abs(value) >= MILLISECONDS_FROM else value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _numbers(folder: Path) -> list[int]:
    return [int(path.stem) for path in folder.glob("*.jsonl") if path.stem.isdigit()]


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _whole_lines(descriptor: int) -> int:
    """The length up to the end of the last whole line."""
    end = os.fstat(descriptor).st_size
    while end > 0:
        start = max(0, end - 65_536)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
