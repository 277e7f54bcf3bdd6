"""Uploads in pieces: the protocol, what breaks it, whose they are, and what stays on disk."""

import base64
import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from datasets.models.uploads import PartialUpload
from datasets.models.versions import Ingestion
from datasets.services import uploads as services
from jobs.models import Job
from projects.permissions import Role
from tests.conftest import Cast
from tests.datasets.conftest import CUSTOMERS

BEGIN = "/api/v1/projects/churn/datasets/customers/resumable/"
ApiOf = Callable[..., Client]


@pytest.fixture
def client(cast: Cast, api_of: ApiOf) -> Client:
    return api_of(cast[Role.DATA_ENGINEER])


def begin(client: Client, size: int = len(CUSTOMERS), **more: Any) -> str:
    answer = client.post(BEGIN, {"file_name": "c.csv", "size": size} | more, content_type="application/json")
    assert answer.status_code == 201, answer.content
    url: str = answer.json()["url"]
    assert answer["Location"] == url
    return url


def piece(client: Client, url: str, content: bytes, offset: int, checksum: str | None = "right", **headers: str) -> Any:
    digest = base64.b64encode(hashlib.sha256(content if checksum == "right" else b"other").digest()).decode()
    sent = {"Upload-Offset": str(offset)} | ({"Upload-Checksum": f"sha256 {digest}"} if checksum else {}) | headers
    return client.patch(url, content, content_type="application/offset+octet-stream", headers=sent)


def test_pieces_become_a_version_and_the_end_can_be_said_twice(
    client: Client, run_jobs: Callable[[], list[Job]]
) -> None:
    url = begin(client, delimiter="comma")
    assert piece(client, url, CUSTOMERS[:20], 0)["Upload-Offset"] == "20"
    early = client.post(f"{url}finish/", {}, content_type="application/json")
    assert (early.status_code, early.json()["code"], early.json()["offset"]) == (409, "incomplete", 20)
    assert client.head(url)["Upload-Offset"] == "20"
    assert client.get(url).json()["offset"] == 20
    assert piece(client, url, CUSTOMERS[20:], 20, checksum=None).status_code == 204
    wrong = client.post(f"{url}finish/", {"sha256": "0" * 64}, content_type="application/json")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "sha256_mismatch")
    whole = {"sha256": hashlib.sha256(CUSTOMERS).hexdigest()}
    first, second = (client.post(f"{url}finish/", whole, content_type="application/json") for _ in range(2))
    assert first.status_code == 202
    assert first.json()["ingestion"] == second.json()["ingestion"]
    assert not (services.folder() / url.split("/")[-2]).exists()
    assert piece(client, url, b"x", len(CUSTOMERS)).json()["code"] == "finished"
    assert client.delete(url).status_code == 409
    run_jobs()
    told = client.get(first.json()["url"]).json()
    assert (told["state"], told["version"], told["options"]) == ("read", 1, {"delimiter": "comma"})


def test_a_tus_client_is_understood(client: Client) -> None:
    metadata = (
        "filename " + base64.b64encode(b"../../evil\n.csv").decode() + ",preview " + base64.b64encode(b"true").decode()
    )
    made = client.post(BEGIN, headers={"Upload-Length": "5", "Upload-Metadata": metadata, "Tus-Resumable": "1.0.0"})
    assert (made.status_code, made["Tus-Resumable"], made["Upload-Offset"]) == (201, "1.0.0", "0")
    upload = PartialUpload.objects.get()
    assert (upload.file_name, upload.preview, upload.size) == ("evil.csv", True, 5)
    assert "checksum" in client.options(BEGIN)["Tus-Extension"]
    assert client.post(BEGIN, headers={"Upload-Length": "5", "Upload-Metadata": "filename %%"}).status_code == 400
    assert client.post(BEGIN, headers={"Upload-Length": "five"}).status_code == 422
    assert client.delete(made["Location"]).status_code == 204
    assert client.head(made["Location"]).status_code == 404
    assert not services.path_of(upload).exists()


def test_broken_pieces_change_nothing(client: Client) -> None:
    url = begin(client)
    piece(client, url, CUSTOMERS[:10], 0)
    for answer, status, code in [
        (piece(client, url, b"abc", 7), 409, "wrong_offset"),
        (piece(client, url, b"abc", 10, checksum="wrong"), 460, "checksum_mismatch"),
        (piece(client, url, b"a" * 500, 10), 413, "beyond_size"),
        (piece(client, url, b"abc", 10, checksum=None, **{"Upload-Checksum": "crc32 AAAA"}), 400, "checksum"),
        (piece(client, url, b"abc", 10, **{"Upload-Offset": "-1"}), 422, "invalid"),
        (client.patch(url, b"{}", content_type="application/json", headers={"Upload-Offset": "10"}), 415, None),
    ]:
        assert answer.status_code == status, answer.content
        assert code is None or answer.json()["code"] == code
        upload = PartialUpload.objects.get()
        assert upload.received == services.path_of(upload).stat().st_size == 10
    with services.path_of(upload).open("ab") as file:  # bytes that came before a crash and were never acknowledged
        file.write(b"never acknowledged")
    assert piece(client, url, CUSTOMERS[10:], 10).status_code == 204
    assert services.path_of(upload).read_bytes() == CUSTOMERS
    with services.pieces.held(services.path_of(upload)):
        assert client.post(f"{url}finish/", {}, content_type="application/json").json()["code"] == "busy"


def test_another_persons_upload_is_not_there(client: Client, cast: Cast, api_of: ApiOf) -> None:
    url = begin(client)
    other = api_of(cast[Role.OWNER])
    statuses = [
        other.get(url).status_code,
        piece(other, url, b"x", 0).status_code,
        other.post(f"{url}finish/", {}, content_type="application/json").status_code,
        other.delete(url).status_code,
    ]
    assert statuses == [404] * 4
    assert api_of(cast[Role.VIEWER]).get(url).status_code == 403


def test_too_much_is_refused_before_anything_is_sent(
    client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.UPLOAD_MAX_BYTES = 1000
    post = lambda size: client.post(BEGIN, {"file_name": "c", "size": size}, content_type="application/json")  # noqa: E731
    assert (post(1001).status_code, post(0).status_code) == (413, 422)
    begin(client, 600)
    monkeypatch.setattr(
        services.shutil, "disk_usage", lambda _: type("Disk", (), {"free": services.RESERVE_BYTES + 1000})
    )
    full = post(600)
    assert (full.status_code, full.json()["code"]) == (507, "no_room")
    assert "has room for 400" in full.json()["detail"]
    assert post(400).status_code == 201
    monkeypatch.setattr(services, "MOST_OPEN", 2)
    many = post(1)
    assert (many.status_code, many["Retry-After"]) == (429, "60")


def test_two_uploads_of_one_name_at_once_are_two_loads(client: Client, run_jobs: Callable[[], list[Job]]) -> None:
    more = CUSTOMERS + b"5,month,1,true\n"
    first, second = begin(client), begin(client, len(more))
    piece(client, second, more, 0)
    piece(client, first, CUSTOMERS, 0)
    for url in (second, first):
        assert client.post(f"{url}finish/", {}, content_type="application/json").status_code == 202
    run_jobs()
    assert sorted(Ingestion.objects.values_list("state", "version__rows")) == [("read", 4), ("read", 5)]


def test_what_nobody_goes_on_with_is_freed(client: Client) -> None:
    old, fresh = begin(client), begin(client)
    piece(client, old, CUSTOMERS[:30], 0)
    before = timezone.now() - services.KEEP_FOR - timedelta(minutes=1)
    PartialUpload.objects.filter(pk=old.split("/")[-2]).update(touched_at=before)
    assert services.expire() == 30
    assert client.head(old).status_code == 404
    assert client.head(fresh).status_code == 200
    assert [(services.folder() / url.split("/")[-2]).exists() for url in (old, fresh)] == [False, True]
