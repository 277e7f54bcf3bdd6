"""Bytes by their hash: whole or not at all, checked at every read."""

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from problems.problem import Corrupted, Missing
from storage import blobs
from storage.models import Blob

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def data_folder(settings: object, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path  # type: ignore[attr-defined]
    return tmp_path


def test_what_was_stored_comes_back_and_cannot_be_written_to() -> None:
    blob = blobs.put_bytes(b"some content")
    assert blob.sha256 == hashlib.sha256(b"some content").hexdigest()
    assert blob.size == 12
    path = blobs.verified_path(blob.sha256)
    assert path.read_bytes() == b"some content"
    assert path.stat().st_mode & 0o222 == 0


def test_the_same_bytes_are_kept_once() -> None:
    assert blobs.put_bytes(b"same") == blobs.put([b"sa", b"me"])
    assert Blob.objects.count() == 1


def test_a_write_that_breaks_leaves_neither_bytes_nor_row(data_folder: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise OSError("the connection broke")

    with pytest.raises(OSError):
        blobs.put(broken())
    assert not Blob.objects.exists()
    assert [path for path in data_folder.rglob("*") if path.is_file()] == []


def test_one_flipped_bit_is_noticed() -> None:
    path = blobs.verified_path(blobs.put_bytes(b"a model").sha256)
    path.chmod(0o600)
    path.write_bytes(b"a modem")
    with pytest.raises(Corrupted):
        blobs.verified_path(path.name)


@pytest.mark.parametrize("name", ["0" * 64, "../../keys/secret_key", "", "A" * 64])
def test_what_is_not_there_or_not_a_hash_is_missing(name: str) -> None:
    with pytest.raises(Missing):
        blobs.verified_path(name)


def test_the_sweep_takes_what_is_old_and_leaves_what_is_new_or_in_use() -> None:
    folder = blobs.temporary_folder()
    old_time = time.time() - 2 * blobs.STALE_SECONDS
    for name in ("old", "new", "job-running-1/rows", "job-lost-1/rows", "job-mixed/old"):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    (folder / "job-mixed" / "new").write_text("x")
    for name in ("old", "job-running-1/rows", "job-running-1", "job-lost-1/rows", "job-lost-1", "job-mixed/old"):
        os.utime(folder / name, (old_time, old_time))
    assert blobs.sweep_temporary(keep=("job-running-",)) == 2
    assert sorted(path.name for path in folder.iterdir()) == ["job-mixed", "job-running-1", "new"]


def test_a_link_is_removed_and_what_it_points_to_stays(data_folder: Path) -> None:
    precious = data_folder / "precious"
    precious.mkdir()
    (precious / "file").write_text("x")
    link = blobs.temporary_folder() / "link"
    link.symlink_to(precious)
    assert blobs.sweep_temporary(now=time.time() + 2 * blobs.STALE_SECONDS) == 1
    assert (precious / "file").exists()
    assert not link.is_symlink()
