"""F06 and F07: a web process that dies in the middle of an upload, or after its commit and before its answer."""

import hashlib
import os
import secrets
import socket
import time
import urllib.request
from contextlib import suppress

import pytest

from tests.faults.conftest import Patient
from tests.live import Http, Reply, multipart, until

ROWS = 60_000
CONTENT = b"customer,months,charge,left\n" + b"".join(
    b"c-%05d,%d,%d.5,%s\n" % (n, n % 72, n % 90, b"yes" if n % 4 == 0 else b"no") for n in range(ROWS)
)


@pytest.fixture(scope="module")
def admin(_patient: Patient) -> Http:
    """The first administrator, with a token."""
    return _patient.live.set_up()


@pytest.fixture
def project(patient: Patient, admin: Http) -> str:
    """The address of a fresh project's API."""
    key = f"f-{secrets.token_hex(4)}"
    body = {"key": key, "name": f"Faults {key}", "question": "Who will leave?"}
    reply = admin.post("/api/v1/projects/", body | {"roles": ["owner", "data_engineer"]})
    assert reply.status == 201, reply.text
    return f"/api/v1/projects/{key}"


def versions(admin: Http, project: str) -> int:
    """How many versions of the data set there are, or 0 while there is no data set."""
    reply = admin.get(f"{project}/datasets/customers/versions/")
    return len(reply.json["results"]) if reply.status == 200 else 0


def the_file(project: str) -> dict[str, tuple[str, bytes]]:
    """Other bytes for each project: bytes that are stored already would not be stored again."""
    return {"file": ("customers.csv", CONTENT + f"{project[-10:]},1,2.5,yes\n".encode())}


def upload(admin: Http, project: str, **headers: str) -> Reply:
    return admin.send("POST", f"{project}/datasets/customers/uploads/", files=the_file(project), headers=headers)


def wait_for_ingestion(admin: Http, reply: Reply) -> None:
    assert reply.status == 202, reply.text
    address = reply.json["job"]["url"]
    until(lambda: admin.get(address).json["state"] not in ("queued", "running"), 60, "the ingestion")
    job = admin.get(address).json
    assert job["state"] == "succeeded", job


def send_part(patient: Patient, admin: Http, project: str, share: float, key: str) -> socket.socket:
    """Send this share of the upload's bytes, and leave the connection open."""
    kind, body = multipart({}, the_file(project))
    head = f"POST {project}/datasets/customers/uploads/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
    head += f"Authorization: Bearer {admin.token}\r\nIdempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    connection = socket.create_connection(("127.0.0.1", patient.live.port), timeout=10)
    connection.sendall(head.encode() + body[: int(len(body) * share)])
    return connection


def back(patient: Patient) -> None:
    until(lambda: "web" in patient.live.pids() and patient.live._is_up(), 40, "the web process")


@pytest.mark.parametrize("share", [pytest.param(0.3, marks=pytest.mark.once), 0.99])
def test_f06_an_upload_that_broke_off_leaves_no_version_and_its_repeat_succeeds_once(
    patient: Patient, admin: Http, project: str, share: float
) -> None:
    key = secrets.token_hex(8)
    with send_part(patient, admin, project, share, key) as connection:
        time.sleep(0.5)  # let the bytes arrive
        patient.live.kill("web")
        with suppress(OSError):
            assert connection.recv(100) == b""
    back(patient)
    assert versions(admin, project) == 0
    wait_for_ingestion(admin, upload(admin, project, **{"Idempotency-Key": key}))
    assert versions(admin, project) == 1


def test_f06_an_upload_whose_bytes_were_complete_before_the_process_died_is_not_half_there(
    patient: Patient, admin: Http, project: str
) -> None:
    key = secrets.token_hex(8)
    with pytest.raises(OSError):
        upload(admin, project, **{"Idempotency-Key": key, "X-Die-Before-Row": key})
    back(patient)
    assert versions(admin, project) == 0
    wait_for_ingestion(admin, upload(admin, project, **{"Idempotency-Key": key}))
    assert versions(admin, project) == 1


@pytest.mark.once
def test_f06_what_the_broken_upload_left_on_disk_goes_with_the_hourly_sweep(
    patient: Patient, admin: Http, project: str
) -> None:
    folder = patient.live.data / "tmp"
    with send_part(patient, admin, project, 0.5, secrets.token_hex(8)):
        until(lambda: list(folder.glob("*.upload*")), 10, "the temporary file")
        patient.live.kill("web")
    back(patient)
    for path in folder.glob("*.upload*"):
        os.utime(path, (time.time() - 7200, time.time() - 7200))
    patient.live.run("shell", "-c", "from jobs.housekeeping import sweep_temporary_files as go; go()")
    assert list(folder.glob("*.upload*")) == []


def test_f07_an_answer_that_got_lost_is_given_again_to_the_same_key(
    patient: Patient, admin: Http, project: str
) -> None:
    key = secrets.token_hex(8)
    with pytest.raises(OSError):
        upload(admin, project, **{"Idempotency-Key": key, "X-Die-After-Commit": key})
    back(patient)
    first, second = (upload(admin, project, **{"Idempotency-Key": key}) for _ in range(2))
    assert first.json == second.json
    wait_for_ingestion(admin, first)
    assert versions(admin, project) == 1


def test_f07_a_project_that_was_made_before_the_answer_got_lost_is_made_once(patient: Patient, admin: Http) -> None:
    key = secrets.token_hex(8)
    body = {"key": f"once-{key}", "name": f"Once {key}", "question": "Who?"}
    with pytest.raises(OSError):
        admin.post("/api/v1/projects/", body, headers={"Idempotency-Key": key, "X-Die-After-Commit": key})
    back(patient)
    first, second = (admin.post("/api/v1/projects/", body, headers={"Idempotency-Key": key}) for _ in range(2))
    assert (first.status, first.json) == (second.status, second.json) == (201, first.json)
    listed = admin.get("/api/v1/projects/").json["results"]
    assert [project["key"] for project in listed].count(body["key"]) == 1


def test_f06_an_upload_in_pieces_goes_on_after_kill_9_where_it_was(patient: Patient, admin: Http, project: str) -> None:
    content = the_file(project)["file"][1]
    half = len(content) // 2
    begun = admin.post(f"{project}/datasets/customers/resumable/", {"file_name": "c.csv", "size": len(content)})
    assert begun.status == 201, begun.text
    url = begun.json["url"]
    assert send_piece(admin, url, content[:half], 0) == 204
    head = f"PATCH {url} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/offset+octet-stream\r\n"
    head += f"Authorization: Bearer {admin.token}\r\nUpload-Offset: {half}\r\n"
    head += f"Content-Length: {len(content) - half}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", patient.live.port), timeout=10) as connection:
        connection.sendall(head.encode() + content[half : half + 300_000])
        lying = patient.live.data / "uploads" / begun.json["upload"]
        until(lambda: lying.stat().st_size > half, 10, "bytes of the second piece")
        patient.live.kill("web")
    back(patient)
    offset = admin.get(url).json["offset"]
    assert offset == half
    assert send_piece(admin, url, content[offset:], offset) == 204
    sha256 = hashlib.sha256(content).hexdigest()
    wait_for_ingestion(admin, admin.post(f"{url}finish/", {"sha256": sha256}))
    assert versions(admin, project) == 1
    assert not lying.exists()


def send_piece(admin: Http, url: str, content: bytes, offset: int) -> int:
    headers = {"Authorization": f"Bearer {admin.token}", "Upload-Offset": str(offset)}
    headers |= {"Content-Type": "application/offset+octet-stream"}
    request = urllib.request.Request(admin.base + url, content, headers, method="PATCH")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        return int(answer.status)
