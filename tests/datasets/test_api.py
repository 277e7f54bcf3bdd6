"""Datasets over REST: the same verbs, refusals with a code, and answers that a repeat gets again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from datasets.models.versions import Ingestion, Version
from jobs.models import Job
from projects.permissions import Role
from tests.conftest import Cast
from tests.datasets.conftest import CUSTOMERS

API = "/api/v1/projects/churn/datasets/"
RunJobs = Callable[[], list[Job]]
ApiOf = Callable[..., Client]


def send(client: Client, content: bytes = CUSTOMERS, name: str = "customers", key: str = "", **options: str) -> Any:
    file = SimpleUploadedFile("c.csv", content)
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(f"{API}{name}/uploads/", {"file": file, **options}, headers=headers)


def test_upload_watch_look_publish(cast: Cast, api_of: ApiOf, run_jobs: RunJobs) -> None:
    client = api_of(cast[Role.DATA_ENGINEER])
    answer = send(client)
    assert answer.status_code == 202
    body = answer.json()
    assert set(body) == {"ingestion", "dataset", "url", "job"}
    assert body["job"]["state"] == "queued"
    assert client.get(body["url"]).json()["state"] == "waiting"
    run_jobs()
    done = client.get(body["url"]).json()
    assert (done["state"], done["version"]) == ("read", 1)
    assert client.get(body["job"]["url"]).json()["state"] == "succeeded"
    version = client.get(f"{API}customers/versions/1/").json()
    assert version["schema"][0] == {"name": "id", "type": "integer", "nullable": False}
    assert version["profile"]["rows"] == 4
    assert version["report"]["columns"] == {"charge": {"empty": 1}}
    assert client.get(API).json()["results"][0]["newest"] == 1
    published = client.post(f"{API}customers/versions/1/publish/")
    assert (published.status_code, published.json()["state"]) == (200, "published")
    again = client.post(f"{API}customers/versions/1/publish/")
    assert (again.status_code, again.json()["code"]) == (409, "already_published")
    assert client.get(f"{API}customers/versions/").json()["results"][0]["published_by"] == "Data engineer"


def test_a_repeat_with_the_same_key_is_one_load(cast: Cast, api_of: ApiOf) -> None:
    client = api_of(cast[Role.DATA_ENGINEER])
    first, second = send(client, key="k1"), send(client, key="k1")
    assert first.json() == second.json()
    assert second["Idempotent-Replay"] == "true"
    assert Ingestion.objects.count() == 1
    other = send(client, CUSTOMERS + b"5,month,1,true\n", key="k1")
    assert (other.status_code, other.json()["code"]) == (409, "key_reused")


def test_a_refused_file_is_told_by_the_upload(cast: Cast, api_of: ApiOf, run_jobs: RunJobs) -> None:
    client = api_of(cast[Role.DATA_ENGINEER])
    body = send(client, b"%PDF-1.7 something").json()
    run_jobs()
    told = client.get(body["url"]).json()
    assert (told["state"], told["version"]) == ("failed", None)
    assert "PDF" in told["message"]
    assert client.get(body["job"]["url"]).json()["state"] == "failed"


def test_wrong_requests_are_refused_with_the_field(cast: Cast, api_of: ApiOf, settings: Any) -> None:
    client = api_of(cast[Role.DATA_ENGINEER])
    missing = client.post(f"{API}customers/uploads/", {"delimiter": "comma"})
    assert (missing.status_code, set(missing.json()["fields"])) == (422, {"file"})
    wrong = send(client, delimiter="colon")
    assert (wrong.status_code, set(wrong.json()["fields"])) == (422, {"delimiter"})
    assert send(client, b"").status_code == 422
    as_json = client.post(f"{API}customers/uploads/", "{}", content_type="application/json")
    assert as_json.status_code == 415
    settings.UPLOAD_MAX_BYTES = 10
    large = send(client)
    assert (large.status_code, large.json()["code"]) == (413, "too_large")
    assert not Ingestion.objects.exists()


def test_roles_and_strangers(cast: Cast, api_of: ApiOf, run_jobs: RunJobs) -> None:
    body = send(api_of(cast[Role.DATA_ENGINEER])).json()
    run_jobs()
    viewer, stranger = api_of(cast[Role.VIEWER]), api_of(cast.stranger)
    assert send(viewer).status_code == 403
    assert viewer.get(body["url"]).status_code == 200
    assert viewer.post(f"{API}customers/versions/1/publish/").status_code == 403
    for address in (API, body["url"], f"{API}customers/versions/1/"):
        assert stranger.get(address).status_code == 404
    assert send(stranger).status_code == 404
    other = f"/api/v1/projects/other/datasets/customers/uploads/{body['ingestion']}/"
    assert stranger.get(other).status_code == 404
    assert viewer.get(f"{API}customers/uploads/{uuid4()}/").status_code == 404
    assert Version.objects.get().state == "draft"


def test_every_messy_file_is_accepted_and_then_read_or_refused_in_words(
    cast: Cast, api_of: ApiOf, run_jobs: RunJobs, sample_data: Path
) -> None:
    client = api_of(cast[Role.DATA_ENGINEER])
    paths = [path for path in sorted((sample_data / "messy/edge_cases").iterdir()) if path.suffix != ".xlsx"]
    paths += [sample_data / "messy/utf16_tab.txt", sample_data / "messy/montreal_bikes_latin1.csv"]
    for path in paths:
        assert send(client, path.read_bytes(), path.stem.replace("_", "-").lower()).status_code == 202, path
    for job in run_jobs():
        assert job.state == "succeeded" or job.code in ("too_many_refused", "empty_file"), (job.title, job.message)
    refused = set(Ingestion.objects.filter(state="failed").values_list("dataset__name", flat=True))
    assert refused == {"bad", "empty", "null-byte", "test-extra-header", "montreal-bikes-latin1"}
    assert not Ingestion.objects.filter(state="failed", message="").exists()
