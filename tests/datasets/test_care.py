"""Looking after data: addresses for programs, retention that frees bytes, the catalog, and looks by jobs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from datasets.models.feeds import Export, Feed, RetentionRule
from datasets.models.versions import Dataset, Ingestion, Version
from datasets.services import exports, retention, tags
from datasets.services import versions as services
from jobs.models import Job
from projects.models.team import Membership
from projects.permissions import Role
from storage import blobs
from tests.conftest import Cast
from tests.datasets.conftest import CUSTOMERS, Load

DATASET = "/api/v1/projects/churn/datasets/customers/"


def body_of(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


def test_an_address_reads_the_newest_published_version_as_its_owner_may(
    cast: Cast, make_version: Callable[..., Version], api_of: Callable[..., Client], client: Client
) -> None:
    engineer, analyst = cast[Role.DATA_ENGINEER], cast[Role.BUSINESS_ANALYST]
    version = make_version()
    tags.tag_column(version.dataset, "plan", "personal", by=engineer)
    made = api_of(analyst).post(f"{DATASET}feeds/", {"name": "Report", "days": 30}, "application/json").json()
    assert client.get(made["url"], {"token": made["secret"]}).status_code == 409, "nothing is published"
    services.publish(version, by=engineer)
    make_version()  # a draft
    answer = client.get(made["url"], headers={"Authorization": f"Bearer {made['secret']}"})
    rows = body_of(answer).decode().replace('"', "").splitlines()
    assert rows[:2] == ["id,plan,charge,leaves", "1,hidden,10.5,true"]
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="customers.csv"'
    assert answer.headers["X-Baton-Version"] == "1"
    feed = Feed.objects.get()
    assert made["secret"] not in (feed.digest, str(api_of(engineer).get(f"{DATASET}feeds/").json()))
    assert client.get(made["url"]).status_code == 401
    assert client.get(made["url"], {"token": "feed_wrong"}).status_code == 404
    theirs, _ = exports.make_feed(version.dataset, name="Other", days=1, by=engineer)
    assert client.get(f"/data/feeds/{theirs.pk}.csv", {"token": made["secret"]}).status_code == 404
    Membership.objects.filter(user=analyst).delete()
    assert client.get(made["url"], {"token": made["secret"]}).status_code == 404, "its owner left"
    Membership.objects.create(user=analyst, project=cast.project, role=Role.BUSINESS_ANALYST)
    Feed.objects.filter(pk=feed.pk).update(expires_at=timezone.now())
    assert client.get(made["url"], {"token": made["secret"]}).status_code == 404, "expired"
    Feed.objects.filter(pk=feed.pk).update(expires_at=timezone.now() + timedelta(days=1))
    exports.revoke_feed(feed, by=engineer)
    assert client.get(made["url"], {"token": made["secret"]}).status_code == 404, "revoked"


def test_a_large_version_is_written_by_a_job_and_kept_from_those_who_see_less(
    cast: Cast,
    make_version: Callable[..., Version],
    run_jobs: Callable[[], list[Job]],
    browser_of: Callable[[User], Client],
    api_of: Callable[..., Client],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    version = make_version()
    tags.tag_column(version.dataset, "plan", "personal", by=cast[Role.DATA_ENGINEER])
    monkeypatch.setattr("datasets.exporting.AT_ONCE_ROWS", 3)
    assert (
        api_of(cast[Role.DATA_ENGINEER])
        .post(f"{DATASET}versions/1/file/", {"format": "csv"}, "application/json")
        .status_code
        == 413
    )
    page = "/p/churn/data/customers/v1/export/"
    assert browser_of(cast[Role.DATA_ENGINEER]).post(page, {"format": "xlsx"}).status_code == 302
    assert [job.state for job in run_jobs()] == ["succeeded"]
    export = Export.objects.get()
    address = f"/p/churn/data/customers/v1/exports/{export.pk}/"
    assert body_of(browser_of(cast[Role.DATA_ENGINEER]).get(address))[:2] == b"PK"
    assert browser_of(cast[Role.VIEWER]).get(address).status_code == 403
    assert browser_of(cast[Role.VIEWER]).post(page, {"format": "csv"}).status_code == 403
    assert (
        api_of(cast[Role.DATA_ENGINEER])
        .post(f"{DATASET}versions/1/file/", {"format": "ods"}, "application/json")
        .status_code
        == 422
    )
    Export.objects.update(expires_at=timezone.now())
    monkeypatch.setattr(blobs, "GRACE_SECONDS", -60)
    assert exports.sweep_exports() > 0
    assert not Export.objects.exists()


def test_old_versions_that_nothing_uses_go_and_their_bytes_with_them(
    cast: Cast, make_version: Callable[..., Version], api_of: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    engineer = cast[Role.DATA_ENGINEER]
    made = [make_version(CUSTOMERS + f"{i},x,1,true\n".encode()) for i in range(5, 9)]
    services.publish(made[1], by=engineer)
    Version.objects.update(created_at=timezone.now() - timedelta(days=40))
    api = api_of(engineer)
    shown = api.get(f"{DATASET}retention/?keep_last=1&keep_days=30").json()
    assert [one["number"] for one in shown["goes"]] == [3, 1]
    assert shown["stays"] == [{"number": 2, "why": "It is the newest published version."}]
    assert Version.objects.count() == 4, "looking changes nothing"
    assert api.put(f"{DATASET}retention/", {"keep_last": 1, "keep_days": 30}, "application/json").status_code == 200
    monkeypatch.setattr(blobs, "GRACE_SECONDS", -60)
    place = blobs.verified_path(made[0].table_id)
    assert retention.sweep() > 0
    assert not place.exists()
    assert sorted(Version.everything.values_list("number", flat=True)) == [2, 4]
    assert RetentionRule.objects.get().left == []
    assert api.put(f"{DATASET}retention/", {"keep_last": 0, "keep_days": 30}, "application/json").status_code == 422


def test_the_catalog_finds_by_everything_and_asks_little(
    cast: Cast,
    make_version: Callable[..., Version],
    api_of: Callable[..., Client],
    browser_of: Callable[[User], Client],
) -> None:
    version = make_version()
    make_version(b"sensor,kept\n1,2\n2,3\n", "sensors")
    tags.set_words(version.dataset, ["Sales", "eu"], by=cast[Role.DATA_ENGINEER])
    tags.tag_column(version.dataset, "plan", "personal", by=cast[Role.DATA_ENGINEER])
    viewer = api_of(cast[Role.VIEWER])

    def found(**sought: str) -> list[str]:
        return [one["name"] for one in viewer.get("/api/v1/catalog/", sought).json()["results"]]

    assert sorted(found()) == ["customers", "sensors"]
    for sought in ({"q": "SENS"}, {"column": "Kept"}, {"q": "kept"}, {"fresh": "1", "q": "sensors"}):
        assert found(**sought) == ["sensors"], sought
    for sought in ({"tag": "sales"}, {"sensitive": "personal"}, {"column": "char"}):
        assert found(**sought) == ["customers"], sought
    assert found(q="integer") == [], "types are no names"
    assert found(state="published") == []
    assert api_of(cast.stranger).get("/api/v1/catalog/").json()["count"] == 0
    browser = browser_of(cast[Role.VIEWER])
    page = browser.get("/data/?tag=sales").content.decode()
    assert "customers" in page
    assert "sensitive columns" in page
    assert "sensors" not in page


def test_the_catalog_takes_twelve_queries_however_much_it_shows(
    cast: Cast, make_version: Callable[..., Version], load: Load, browser_of: Callable[[User], Client]
) -> None:
    first = make_version()
    browser = browser_of(cast[Role.VIEWER])
    browser.get("/data/")
    counts = []
    for names in (range(1, 3), range(3, 30)):
        for place in names:
            dataset = Dataset.objects.create(project=cast.project, name=f"set-{place}")
            Version.objects.create(
                dataset=dataset, number=1, table=first.table, rows=4, schema=first.schema, profile=first.profile
            )
            tags.set_words(dataset, ["sales", f"word-{place}"], by=cast[Role.DATA_ENGINEER])
            tags.tag_column(dataset, "plan", "personal", by=cast[Role.DATA_ENGINEER])
            Ingestion.objects.create(dataset=dataset, file_name="a.csv", file_blob=first.table, state="failed")
        load(name="coming")
        with CaptureQueriesContext(connection) as taken:
            page = browser.get("/data/").content.decode()
        assert f"set-{names[-1]}" in page
        assert "Load customers.csv into coming" in page, "what is being read is shown"
        assert page.count("Upload again") == names[-1], "each failed load is shown beside its dataset"
        counts.append(len(taken))
    assert counts[0] == counts[1] <= 12
