"""PURE: the durable prediction log of one server: lines appended and fsynced before their request is answered."""

import contextlib
import fcntl
import os
import secrets
import socket
import threading
import time
from concurrent.futures import Future
from pathlib import Path

from problems.problem import Unavailable

SEGMENT_BYTES = 16 * 1024 * 1024
OPEN, SEALED, SUFFIX = "open", "sealed", ".jsonl"


def folders(data_dir: Path) -> tuple[Path, Path]:
    """Where open and sealed pieces of the log lie; made when they are not there."""
    root = data_dir / "predictions"
    for name in (OPEN, SEALED):
        (root / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    return root / OPEN, root / SEALED


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _File:
    """One open piece. The lock on it says that its server lives; the system lets go of it when the process dies."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path, self.size, self.began = folder / name, 0, time.monotonic()
        unnamed = folder / f"{name}.new"
        self.descriptor = os.open(unnamed, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            unnamed.rename(self.path)
            sync_folder(folder)
        except OSError:
            os.close(self.descriptor)
            raise
        self.inode = os.fstat(self.descriptor).st_ino

    def write(self, content: bytes) -> None:
        """Append and make durable; on failure nothing of it stays."""
        if os.stat(self.path).st_ino != self.inode:
            raise OSError("the open piece of the log is not the file that was made")
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(self.descriptor, view) :]
            os.fdatasync(self.descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self.descriptor, self.size)
                os.fdatasync(self.descriptor)
            raise
        self.size += len(content)


class Journal:
    """The log of one server process. One fsync serves every request that waits for it."""

    def __init__(self, data_dir: Path, segment_seconds: float, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.open_folder, self.sealed_folder = folders(data_dir)
        self._seconds, self._bytes = segment_seconds, segment_bytes
        self._server = f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(4)}"
        self._number = 0
        self._file: _File | None = None
        self._waiting: list[tuple[bytes, Future[None]]] = []
        self._wake, self._stopping = threading.Condition(), False
        self.commits, self.written, self.trouble = 0, 0, ""
        self._thread = threading.Thread(target=self._forever, name="journal", daemon=True)
        self._thread.start()

    def append(self, lines: bytes) -> "Future[None]":
        """Hand over whole lines; the future is done when they are on disk, and failed when they are not."""
        done: Future[None] = Future()
        done.set_running_or_notify_cancel()  # from here on its waiter may go away, but not take it back
        with self._wake:
            if self._stopping:
                done.set_exception(Unavailable("The server is stopping."))
                return done
            self._waiting.append((lines, done))
            self._wake.notify()
        return done

    def close(self) -> None:
        """Write what waits, seal the open piece, and stop."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join(timeout=30)

    def _forever(self) -> None:
        while True:
            with self._wake:
                if not self._waiting and not self._stopping:
                    self._wake.wait(timeout=self._until_due())
                batch, self._waiting = self._waiting, []
                stopping = self._stopping
            if batch:
                self._commit(batch)
            if stopping or self._due():
                self._seal()
            if stopping and not batch:
                return

    def _commit(self, batch: "list[tuple[bytes, Future[None]]]") -> None:
        content = b"".join(lines for lines, _ in batch)
        try:
            if self._file is None:
                self._number += 1
                self._file = _File(self.open_folder, f"{self._server}-{self._number:06d}{SUFFIX}")
            self._file.write(content)
        except OSError as error:
            self.trouble = f"The prediction log cannot be written ({error.strerror or error})."
            self._seal()
            for _, done in batch:
                done.set_exception(Unavailable(f"{self.trouble} Nothing was answered."))
            return
        self.trouble, self.commits, self.written = "", self.commits + 1, self.written + len(content)
        for _, done in batch:
            done.set_result(None)

    def _until_due(self) -> float | None:
        return None if self._file is None else max(0.0, self._file.began + self._seconds - time.monotonic())

    def _due(self) -> bool:
        file = self._file
        return file is not None and (file.size >= self._bytes or time.monotonic() - file.began >= self._seconds)

    def _seal(self) -> None:
        """Move the open piece to the sealed ones; one that cannot be moved is left for the recovery."""
        file, self._file = self._file, None
        if file is None:
            return
        with contextlib.suppress(OSError):
            if file.size:
                file.path.rename(self.sealed_folder / file.path.name)
                sync_folder(self.sealed_folder)
            else:
                file.path.unlink()
        os.close(file.descriptor)


def seal_leftovers(data_dir: Path) -> int:
    """Seal the open pieces of servers that died; a torn last line is dropped, it was never acknowledged."""
    open_folder, sealed_folder = folders(data_dir)
    sealed = 0
    for path in sorted(open_folder.glob(f"*{SUFFIX}")):
        with contextlib.suppress(OSError):
            sealed += _seal_leftover(path, sealed_folder)
    if sealed:
        sync_folder(sealed_folder)
    for path in open_folder.glob("*.new"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > 60:
                path.unlink()
    return sealed


def _seal_leftover(path: Path, sealed_folder: Path) -> int:
    with path.open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return 0  # its server lives
        if not path.exists():
            return 0
        keep = whole_lines(file.fileno())
        if keep == 0:
            path.unlink()
            return 0
        os.ftruncate(file.fileno(), keep)
        os.fsync(file.fileno())
        path.rename(sealed_folder / path.name)
        return 1


def whole_lines(descriptor: int) -> int:
    """The length of a file up to the end of its last whole line."""
    end = os.fstat(descriptor).st_size
    while end > 0:
        start = max(0, end - 65_536)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
