"""PURE: a file that grows by pieces: cut back to what was acknowledged, written, proved, and made durable."""

import base64
import binascii
import fcntl
import hashlib
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

from problems.problem import Conflict, Corrupted, Invalid, Problem

STEP = 256 * 1024
COMMIT_BYTES = 64 * 1024 * 1024
ALGORITHMS = ("sha256", "sha1", "md5")
REMEMBERED = 256


class ChecksumMismatch(Problem):
    """A piece arrived with other bytes than were sent (460, as tus has it); nothing of it was kept."""

    status = 460
    code = "checksum_mismatch"


@dataclass(frozen=True)
class Checksum:
    """What the sender says about one piece."""

    algorithm: str
    digest: bytes

    @classmethod
    def of(cls, header: str) -> "Checksum | None":
        """From `Upload-Checksum: sha256 <base64>`; None when there is none."""
        if not header.strip():
            return None
        algorithm, _, encoded = header.strip().partition(" ")
        if algorithm not in ALGORITHMS:
            raise Problem(f"Upload-Checksum is one of {', '.join(ALGORITHMS)} and a base64 digest.", code="checksum")
        try:
            digest = base64.b64decode(encoded.strip(), validate=True)
        except (binascii.Error, ValueError):
            raise Problem("The digest in Upload-Checksum is not base64.", code="checksum") from None
        return cls(algorithm, digest)


class Hashes:
    """Running hashes of files under way, so that a complete one is not read again only to be named.

    They live in memory alone: after a restart, or for a file that another process wrote to, the file is read.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[Path, tuple[int, Any]] = OrderedDict()
        self._lock = Lock()

    def at(self, path: Path, offset: int) -> Any:
        """The hash of the first `offset` bytes, or None."""
        if not offset:
            return hashlib.sha256()
        with self._lock:
            kept = self._kept.get(path)
        return kept[1].copy() if kept and kept[0] == offset else None

    def keep(self, path: Path, offset: int, running: Any) -> None:
        """Remember it; the ones that were used longest ago are forgotten."""
        with self._lock:
            self._kept[path] = (offset, running.copy())
            self._kept.move_to_end(path)
            while len(self._kept) > REMEMBERED:
                self._kept.popitem(last=False)

    def forget(self, path: Path) -> None:
        """The file has gone."""
        with self._lock:
            self._kept.pop(path, None)


HASHES = Hashes()


def begin(path: Path) -> None:
    """Make the file, empty."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def held(path: Path) -> Iterator[BinaryIO]:
    """The file, for one writer at a time."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        raise _lost() from None
    except PermissionError:
        raise Conflict("This upload is complete.", code="finished") from None
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Conflict("Another request is writing to this upload.", code="busy") from None
        yield file


def _lost() -> Corrupted:
    return Corrupted("What was sent of this file is not on disk any more. Begin the upload again.")


def append(
    path: Path,
    source: Any,
    length: int,
    *,
    offset: Callable[[], int],
    checksum: Checksum | None,
    commit: Callable[[int], None],
) -> int:
    """Write `length` bytes of `source` behind the acknowledged ones; returns how many are acknowledged now.

    `offset` looks that up while the file is held. `commit` writes it down, each time after the bytes are durable:
    every 64 MB, or only at the end when a checksum has first to prove the piece. When the sender breaks off, what came
    is kept, unless it cannot be proved.
    """
    with held(path) as file:
        start = offset()
        if os.fstat(file.fileno()).st_size < start:
            raise _lost()
        file.truncate(start)
        file.seek(start)
        piece = _Piece(file, path, start, checksum)
        try:
            for chunk in _chunks(source, length):
                piece.take(chunk)
                if checksum is None and piece.at - piece.safe >= COMMIT_BYTES:
                    commit(piece.make_durable())
            piece.prove(length)
            commit(piece.make_durable())
        except BaseException:
            with suppress(OSError):
                file.truncate(piece.safe)
            raise
        return piece.safe


class _Piece:
    def __init__(self, file: BinaryIO, path: Path, start: int, checksum: Checksum | None) -> None:
        self.file, self.path, self.checksum = file, path, checksum
        self.start = self.at = self.safe = start
        self.digest = hashlib.new(checksum.algorithm, usedforsecurity=False) if checksum else None
        self.running = HASHES.at(path, start)

    def take(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        while view:
            view = view[self.file.write(view) :]
        self.at += len(chunk)
        for each in (self.digest, self.running):
            if each is not None:
                each.update(chunk)

    def prove(self, length: int) -> None:
        """With a checksum, all of it has to be there and right."""
        if self.checksum is None or self.digest is None:
            return
        if self.at - self.start < length:
            text = f"Only {self.at - self.start} of {length} bytes of this piece arrived; it was not kept."
            raise Problem(text, code="piece_incomplete")
        if self.digest.digest() != self.checksum.digest:
            raise ChecksumMismatch("This piece arrived with other bytes than were sent. Send it again.")

    def make_durable(self) -> int:
        os.fdatasync(self.file.fileno())
        self.safe = self.at
        if self.running is not None:
            HASHES.keep(self.path, self.at, self.running)
        return self.safe


def _chunks(source: Any, length: int) -> Iterator[bytes]:
    """At most `length` bytes; it ends early when the sender does."""
    while length > 0:
        try:
            chunk = source.read(min(STEP, length))
        except OSError:
            return
        if not chunk:
            return
        length -= len(chunk)
        yield chunk


def whole_hash(path: Path, size: int) -> str:
    """The sha256 of a complete file: the running one, or by reading it."""
    if not path.exists() or path.stat().st_size != size:
        raise _lost()
    running = HASHES.at(path, size)
    if running is None or not size:
        with path.open("rb") as file:
            running = hashlib.file_digest(file, "sha256")
    return str(running.hexdigest())


def checked_sha256(text: str) -> str:
    """The sha256 that a sender states for the whole file, in hexadecimal or empty."""
    stated = text.strip().lower()
    if stated and (len(stated) != 64 or set(stated) - set("0123456789abcdef")):
        why = "A sha256 has 64 hexadecimal digits."
        raise Invalid(why, fields={"sha256": why})
    return stated


def remove(path: Path) -> int:
    """Take the file away; returns the bytes that this freed."""
    HASHES.forget(path)
    try:
        size = path.stat().st_size
        path.unlink()
    except FileNotFoundError:
        return 0
    return size
