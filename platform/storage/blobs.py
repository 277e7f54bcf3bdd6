"""Bytes by their hash: written under a temporary name, hashed, fsynced, renamed, and only then a row."""

import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import ProtectedError
from django.utils import timezone

from problems.problem import Corrupted, Missing
from storage.models import Blob

CHUNK = 1024 * 1024
STALE_SECONDS = 3600
GRACE_SECONDS = 60
SHA256 = re.compile(r"[0-9a-f]{64}")


def _root() -> Path:
    return Path(settings.DATA_DIR) / "blobs"


def _place(sha256: str) -> Path:
    if not SHA256.fullmatch(sha256):
        raise Missing("That is not the name of a stored file.", code="blob_missing")
    return _root() / sha256[:2] / sha256


def temporary_folder() -> Path:
    """Where unfinished files live; the sweeper empties it after an hour."""
    folder = Path(settings.DATA_DIR) / "tmp"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def read_chunks(path: Path) -> Iterator[bytes]:
    """A file in pieces of one mebibyte."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def put(chunks: Iterable[bytes]) -> Blob:
    """Store the bytes and return their row. The same bytes stored twice are one blob."""
    temporary = temporary_folder() / f"blob-{secrets.token_hex(8)}"
    digest, size = hashlib.sha256(), 0
    try:
        with temporary.open("xb") as file:
            for chunk in chunks:
                digest.update(chunk)
                size += file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        _settle(temporary, digest.hexdigest())
    finally:
        temporary.unlink(missing_ok=True)
    return _row(digest.hexdigest(), size)


def adopt(path: Path, sha256: str, size: int) -> Blob:
    """Store a complete file of our own disk whose hash is known and whose bytes are durable, without copying it.

    It gets its second name here; the caller removes the first one when nothing needs it any more.
    """
    temporary = temporary_folder() / f"blob-{secrets.token_hex(8)}"
    try:
        os.link(path, temporary)
        _settle(temporary, sha256)
    finally:
        temporary.unlink(missing_ok=True)
    return _row(sha256, size)


def _settle(temporary: Path, sha256: str) -> None:
    """Give the file its place by its hash."""
    place = _place(sha256)
    if not place.parent.is_dir():
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sync_folder(_root())
    temporary.chmod(0o400)
    temporary.rename(place)
    _sync_folder(place.parent)


def _row(sha256: str, size: int) -> Blob:
    """The content's row, which says when the bytes were last brought: `free` leaves fresh ones alone."""
    blob, is_new = Blob.objects.get_or_create(sha256=sha256, defaults={"size": size})
    if not is_new and not Blob.objects.filter(pk=sha256).update(created_at=timezone.now()):
        blob = Blob.objects.create(sha256=sha256, size=size)  # it was freed at this very moment
    return blob


def put_file(path: Path) -> Blob:
    """Store a file's content."""
    return put(read_chunks(path))


def put_bytes(content: bytes) -> Blob:
    """Store a small content that is already in memory."""
    return put([content])


def unverified_path(sha256: str) -> Path:
    """Where a content lies, for who checks its bytes while reading them. Read only."""
    place = _place(sha256)
    if not place.is_file():
        raise Missing(f"Stored file {sha256[:12]} is not on disk.", code="blob_missing")
    return place


def verified_path(sha256: str) -> Path:
    """The path of a blob whose bytes were just checked against their hash. Read only."""
    place = unverified_path(sha256)
    digest = hashlib.sha256()
    for chunk in read_chunks(place):
        digest.update(chunk)
    if digest.hexdigest() != sha256:
        raise Corrupted(f"Stored file {sha256[:12]} does not match its hash. It was not used.")
    return place


def read_bytes(sha256: str) -> bytes:
    """A small blob's verified content."""
    return verified_path(sha256).read_bytes()


@dataclass(frozen=True)
class Freed:
    """How many bytes left the disk, and which contents are too fresh to be let go now."""

    bytes: int
    later: frozenset[str]


def free(hashes: Iterable[str]) -> Freed:
    """Let go of contents that no row needs any more; those that anybody needs stay. Call it outside a transaction.

    Somebody may have brought the same bytes a moment ago and not yet written the row that needs them: contents that
    were brought within the last minute wait.
    """
    gone, later = 0, set()
    for sha256 in sorted(set(hashes)):
        size = _let_go(sha256)
        if size is None:
            later.add(sha256)
        else:
            gone += size
    return Freed(gone, frozenset(later))


def _let_go(sha256: str) -> int | None:
    """Bytes freed: 0 when somebody needs it, None when it is too fresh."""
    try:
        with transaction.atomic(durable=True):
            blob = Blob.objects.select_for_update().filter(pk=sha256).first()
            if blob is None:
                return 0
            if blob.created_at > timezone.now() - timedelta(seconds=GRACE_SECONDS):
                return None
            blob.delete()
    except ProtectedError:
        return 0
    return _unlink(sha256)


def _unlink(sha256: str) -> int:
    """Take the file away, unless it was brought anew since the row went: then it is put back."""
    place, aside = _place(sha256), temporary_folder() / f"freed-{secrets.token_hex(8)}"
    try:
        place.rename(aside)
    except FileNotFoundError:
        return 0
    if Blob.objects.filter(pk=sha256).exists() or aside.stat().st_mtime > time.time() - GRACE_SECONDS:
        aside.rename(place)
        return 0
    size = aside.stat().st_size
    aside.unlink()
    return size


def sweep_temporary(*, keep: tuple[str, ...] = (), now: float | None = None) -> int:
    """Remove what unfinished work left behind more than an hour ago; returns how many entries.

    An entry whose name begins with one of `keep` stays, however old it is.
    """
    limit, removed = (now or time.time()) - STALE_SECONDS, 0
    for entry in temporary_folder().iterdir():
        if entry.name.startswith(keep) or _changed_at(entry) >= limit:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
        removed += 1
    return removed


def _changed_at(entry: Path) -> float:
    """When anything in it last changed; 0 for an entry that has just gone."""
    newest = 0.0
    for path in (entry, *entry.rglob("*")):
        try:
            newest = max(newest, path.lstat().st_mtime)
        except FileNotFoundError:
            continue
    return newest


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
