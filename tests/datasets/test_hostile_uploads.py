"""A25, A28, A29, A31, A34 and A55 of uploads: names, contents and bodies that mean harm, through both ways in."""

import errno
import gzip
import hashlib
import io
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.conf import settings as conf
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from datasets.downloads import streamed
from datasets.models.uploads import PartialUpload
from datasets.models.versions import Ingestion, Version
from datasets.services import uploads, versions
from jobs.models import Job
from projects.permissions import Role
from tests.conftest import Cast
from tests.datasets.conftest import CUSTOMERS

ONE_SHOT = "/api/v1/projects/churn/datasets/customers/uploads/"
PIECES = "/api/v1/projects/churn/datasets/customers/resumable/"
NAMES: dict[str, str | None] = {
    "../../etc/cron.d/x.csv": "x.csv",
    "..\\..\\windows\\x.csv": "x.csv",
    "/etc/passwd": "passwd",
    "C:\\x.csv": "x.csv",
    "%2e%2e%2fx.csv": "%2e%2e%2fx.csv",
    "%252e%252e%252fx.csv": "%252e%252e%252fx.csv",
    "a\0.csv": None,
    "a\r\nSet-Cookie: b=c.csv": "aSet-Cookie: b=c.csv",
    "ab\u202evsc.exe": "abvsc.exe",
    "a\u200b\u2066b.csv": "ab.csv",
    "CON": "CON",
    ".htaccess": ".htaccess",
    "..": "file",
    "": "file",
    "x" * 4096: None,
    "x" * 250: "x" * 200,
    "<script>alert(1)</script>.csv": "script>.csv",
}


@pytest.fixture
def client(cast: Cast, api_of: Callable[..., Client]) -> Client:
    return api_of(cast[Role.DATA_ENGINEER])


def in_pieces(client: Client, content: bytes, name: str = "c.csv") -> Any:
    begun = client.post(PIECES, {"file_name": name, "size": len(content)}, content_type="application/json")
    if begun.status_code != 201:
        return begun
    headers, kind = {"Upload-Offset": "0"}, "application/offset+octet-stream"
    assert client.patch(begun.json()["url"], content, content_type=kind, headers=headers).status_code == 204
    return client.post(f"{begun.json()['url']}finish/", {}, content_type="application/json")


def at_once(client: Client, content: bytes, name: str = "c.csv") -> Any:
    return client.post(ONE_SHOT, {"file": SimpleUploadedFile(name, content)})


@pytest.mark.parametrize("name", list(NAMES), ids=lambda name: repr(name[:20]))
def test_a_files_name_is_only_ever_shown(client: Client, name: str) -> None:
    """A25: in pieces the name comes as JSON, so that nothing on the way cleans it."""
    answer = in_pieces(client, CUSTOMERS, name or "/")
    if NAMES[name] is None:
        assert answer.status_code in (400, 422)
        return
    assert answer.status_code == 202, answer.content
    load = Ingestion.objects.get()
    assert load.file_name == NAMES[name]
    assert load.file_blob_id == hashlib.sha256(CUSTOMERS).hexdigest(), "bytes lie under their hash"
    root = Path(conf.DATA_DIR)
    assert not [place for place in (root, root.parent, root / "uploads") if (place / load.file_name).exists()]


@pytest.mark.parametrize("name", ["../../x.csv", "..\\x.csv", "ab\u202evsc.exe", "CON", ".htaccess", "x" * 250])
def test_a_name_in_a_form_is_cleaned_alike(client: Client, name: str) -> None:
    """A25, over the one-shot door."""
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="' + name.encode() + b'"\r\n\r\n' + CUSTOMERS
    answer = client.post(ONE_SHOT, body + b"\r\n--b--\r\n", content_type="multipart/form-data; boundary=b")
    assert answer.status_code == 202, answer.content
    shown = Ingestion.objects.get().file_name
    assert not set(shown) & set("/\\\u202e")
    assert shown
    assert len(shown) <= 200


def tar() -> bytes:
    """A link, and a file that would go through it."""
    place = io.BytesIO()
    with tarfile.open(fileobj=place, mode="w") as archive:
        link = tarfile.TarInfo("x")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo("x/passwd"))
    return place.getvalue()


def swollen() -> bytes:
    """A few kB of Parquet that declare 300 million rows."""
    place = io.BytesIO()
    with pq.ParquetWriter(place, pa.schema([("a", pa.null())])) as writer:
        for _ in range(3):
            writer.write_table(pa.table({"a": pa.nulls(100_000_000)}), row_group_size=100_000_000)
    return place.getvalue()


class Harm:
    """Would leave a mark if anybody unpickled it."""

    def __reduce__(self) -> Any:
        return (Path.touch, (Path(conf.DATA_DIR) / "unpickled",))


WRONG: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "a pickle": ("t.csv", lambda: pickle.dumps(Harm()), ""),
    "a program": ("t.csv", lambda: b"\x7fELF\x02\x01\x01" + bytes(200), "unknown_format"),
    "a picture": ("t.csv", lambda: b"\x89PNG\r\n\x1a\n" + bytes(200), "unknown_format"),
    "a tar with a link": ("t.csv", tar, ""),
    "random bytes": ("t.csv", lambda: hashlib.shake_256(b"x").digest(5000), ""),
    "a web page without a table": ("t.csv", lambda: b"<!doctype html><script>alert(1)</script>", ""),
    "rows without end": ("t.parquet", swollen, "too_many_rows"),
    "a gzip bomb": ("t.csv", lambda: gzip.compress(bytes(100_000_000), 9), "unpacks_too_large"),
}


def test_what_a_file_is_not_ends_in_a_plain_sentence_and_no_version(
    client: Client, run_jobs: Callable[[], list[Job]]
) -> None:
    """A29 and A34: whatever its name says, each is refused by the child that reads it."""
    for number, (what, (name, make, _)) in enumerate(WRONG.items()):
        answer = (at_once, in_pieces)[number % 2](client, make(), name)
        assert answer.status_code == 202, f"{what}: {answer.content}"
    for job, (what, (_, _, code)) in zip(run_jobs(), WRONG.items(), strict=True):
        assert job.state == "failed", what
        assert job.code not in ("error", "killed", "memory_limit"), f"{what}: {job.message}"
        assert not code or job.code == code, f"{what}: {job.code}"
        assert len(job.message) > 15, what
    assert not Version.objects.exists()
    assert not (Path(conf.DATA_DIR) / "unpickled").exists()


def test_a_name_decides_nothing_about_a_good_file(client: Client, run_jobs: Callable[[], list[Job]]) -> None:
    """A34: text that calls itself Parquet is read as what it is."""
    table = io.BytesIO()
    pq.write_table(pa.table({"a": [1, 2]}), table)
    at_once(client, CUSTOMERS, "customers.parquet")
    in_pieces(client, table.getvalue(), "table.csv")
    assert [job.state for job in run_jobs()] == ["succeeded", "succeeded"]
    assert sorted(Version.objects.values_list("rows", flat=True)) == [2, 4]


def multipart(parts: int, boundary: str = "b") -> bytes:
    one = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\na\r\n'
    return (one * parts + f"--{boundary}--\r\n").encode()


BODIES: dict[str, tuple[bytes, dict[str, Any]]] = {
    "ten thousand parts": (multipart(10_000), {"content_type": "multipart/form-data; boundary=b"}),
    "a boundary of a megabyte": (b"x", {"content_type": f"multipart/form-data; boundary={'b' * 1_000_000}"}),
    "no boundary": (multipart(1), {"content_type": "multipart/form-data"}),
    "a negative length": (multipart(1), {"content_type": "multipart/form-data; boundary=b", "CONTENT_LENGTH": "-5"}),
    "a length that is none": (multipart(1), {"content_type": "multipart/form-data; boundary=b", "CONTENT_LENGTH": "x"}),
    "cut off": (multipart(1)[:30], {"content_type": "multipart/form-data; boundary=b"}),
    "packed": (gzip.compress(multipart(1)), {"content_type": "multipart/form-data; boundary=b", "HTTP_CONTENT_ENCODING": "gzip"}),
    "another kind": (b"a,b\n1,2\n", {"content_type": "text/csv"}),
}  # fmt: skip


@pytest.mark.parametrize("body", list(BODIES))
def test_a_broken_body_is_refused_and_keeps_nothing(client: Client, body: str) -> None:
    """A55, and a packed body of A29."""
    content, more = BODIES[body]
    client.raise_request_exception = False
    for path in (ONE_SHOT, PIECES):
        answer = client.generic("POST", path, content, **more)
        assert answer.status_code in (400, 411, 413, 415, 422), f"{path}: {answer.status_code} {answer.content[:200]!r}"
    assert not Ingestion.objects.exists()
    assert not PartialUpload.objects.exists()


@pytest.mark.parametrize("length", ["-5", "x", ""])
def test_a_piece_of_no_known_length_is_refused(client: Client, length: str) -> None:
    url = client.post(PIECES, {"file_name": "c.csv", "size": 9}, content_type="application/json").json()["url"]
    kind, headers = "application/offset+octet-stream", {"Upload-Offset": "0"}
    answer = client.patch(url, b"abc", content_type=kind, headers=headers, CONTENT_LENGTH=length)
    assert answer.status_code in (400, 411, 422)
    assert client.head(url)["Upload-Offset"] == "0"


def test_a_full_disk_is_said_and_leaves_nothing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """F22 of uploads: on both ways."""
    url = client.post(PIECES, {"file_name": "c.csv", "size": 9}, content_type="application/json").json()["url"]

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    client.raise_request_exception = False
    monkeypatch.setattr(uploads.pieces._Piece, "take", full)
    piece = client.patch(url, b"abc", content_type="application/offset+octet-stream", headers={"Upload-Offset": "0"})
    assert (piece.status_code, piece.json()["code"]) == (507, "no_room")
    monkeypatch.setattr(versions.blobs.os, "fsync", full)
    whole = at_once(client, CUSTOMERS)
    assert (whole.status_code, whole.json()["code"]) == (507, "no_room")
    assert not list((Path(conf.DATA_DIR) / "tmp").glob("blob-*"))
    assert not Ingestion.objects.exists()


def test_what_is_sent_back_is_a_file_and_never_a_page() -> None:
    """A31: HTML in cells and names comes back as an attachment of a fixed kind that no browser runs."""
    answer = streamed([b"<script>alert(1)</script>"], "csv", 'x\r\n".html')
    assert answer["Content-Disposition"] == "attachment; filename*=utf-8''x%0D%0A%22.html"
    assert answer["Content-Type"].startswith("text/csv")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
