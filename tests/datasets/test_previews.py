"""Looking before a file becomes a version: every guess correctable, nothing lost, and the short way still open."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import User
from audit.models import Entry
from datasets.models.versions import Ingestion, Version
from datasets.services import versions as services
from jobs.models import Job
from notices.models import Notice
from problems.problem import Conflict, Invalid
from projects.permissions import Role
from tests.conftest import Cast
from tests.datasets.conftest import CUSTOMERS

RunJobs = Callable[[], list[Job]]
Browser = Callable[[User], Client]
ApiOf = Callable[..., Client]
Look = Callable[..., Ingestion]
CODES = b"Report\nid;code\n1;7\n2;8\n3;9;x\n" + b"4;10\n" * 20
API = "/api/v1/projects/churn/datasets/customers/uploads/"


def text(response: Any, status: int = 200) -> str:
    assert response.status_code == status, response.content[:800]
    return " ".join(response.content.decode().split())


@pytest.fixture
def look(cast: Cast, run_jobs: RunJobs) -> Look:
    """A file that was read to be looked at."""

    def start(content: bytes = CUSTOMERS, **options: Any) -> Ingestion:
        ingestion, _ = services.start_ingestion(
            cast.project,
            name="customers",
            file_name="customers.csv",
            blob=services.keep_file([content]),
            options=options,
            by=cast[Role.DATA_ENGINEER],
            preview=True,
        )
        run_jobs()
        ingestion.refresh_from_db()
        return ingestion

    return start


def test_a_look_makes_no_version_until_it_is_taken(look: Look, cast: Cast) -> None:
    ingestion = look()
    assert ingestion.state == Ingestion.State.PREVIEW
    assert not Version.objects.exists()
    assert Notice.objects.filter(text__contains="waits for your look").exists()
    version = services.take_preview(ingestion, by=cast[Role.DATA_ENGINEER])
    assert isinstance(version, Version)
    assert (version.rows, version.state, version.number) == (4, "draft", 1)
    ingestion.refresh_from_db()
    assert (ingestion.state, ingestion.found) == (Ingestion.State.READ, None)
    names = list(Entry.objects.order_by("seq").values_list("name", flat=True))
    assert names == ["data.load_started", "data.preview_made", "data.preview_taken", "data.version_made"]
    with pytest.raises(Conflict):
        services.take_preview(ingestion, by=cast[Role.DATA_ENGINEER])


def test_what_is_taken_is_exactly_what_the_short_way_makes(
    look: Look, make_version: Callable[..., Version], cast: Cast
) -> None:
    looked = services.take_preview(look(), by=cast[Role.DATA_ENGINEER])
    assert isinstance(looked, Version)
    short = make_version()
    assert (looked.table_id, looked.schema, looked.profile, looked.report) == (
        short.table_id,
        short.schema,
        short.profile,
        short.report,
    )


def test_other_options_read_again_and_a_refusal_comes_back_to_who_looks(
    look: Look, cast: Cast, run_jobs: RunJobs
) -> None:
    ingestion = look(CODES)
    assert ingestion.found is not None
    assert "refusal" in ingestion.found
    with pytest.raises(Invalid):
        services.take_preview(ingestion, by=cast[Role.DATA_ENGINEER])
    services.take_preview(ingestion, {"preamble": "1", "types": {"nope": "text"}}, by=cast[Role.DATA_ENGINEER])
    run_jobs()
    ingestion.refresh_from_db()
    assert ingestion.state == Ingestion.State.PREVIEW
    assert "no such column" in ingestion.message
    services.take_preview(ingestion, {"preamble": "1", "types": {"code": "text"}}, by=cast[Role.DATA_ENGINEER])
    (job,) = run_jobs()
    assert job.state == "succeeded"
    version = Version.objects.get()
    assert (version.rows, version.refused_rows) == (22, 1)
    assert version.schema[1] == {"name": "code", "type": "text", "nullable": False}
    assert version.report["refused"][0]["line"] == 5


def test_dropping_forgets_what_was_read(look: Look, cast: Cast) -> None:
    ingestion = look()
    services.drop_preview(ingestion, by=cast[Role.DATA_ENGINEER])
    ingestion.refresh_from_db()
    assert (ingestion.state, ingestion.found, ingestion.table) == (Ingestion.State.DROPPED, None, None)
    with pytest.raises(Conflict):
        services.look_again(ingestion, {}, by=cast[Role.DATA_ENGINEER])
    assert not Version.objects.exists()


def test_a_job_that_dies_gives_the_file_back_to_who_looks(look: Look, cast: Cast) -> None:
    ingestion = look()
    job = services.look_again(ingestion, {}, by=cast[Role.DATA_ENGINEER])
    Job.objects.filter(pk=job.pk).update(state="failed", message="It needed more memory.", code="memory_limit")
    job.refresh_from_db()
    services.fail_ingestion(job)
    ingestion.refresh_from_db()
    assert (ingestion.state, ingestion.message) == (Ingestion.State.PREVIEW, "It needed more memory.")


def test_in_the_browser_from_the_box_over_the_guesses_to_the_version(
    cast: Cast, browser_of: Browser, run_jobs: RunJobs
) -> None:
    client = browser_of(cast[Role.DATA_ENGINEER])
    assert "Show me the guesses first" in text(client.get("/p/churn/data/upload/"))
    file = SimpleUploadedFile("codes.csv", CODES)
    sent = client.post("/p/churn/data/upload/", {"file": file, "name": "customers", "preview": "on"})
    address = sent["Location"]
    assert "/uploads/" in address
    assert "Look at codes.csv for customers" in text(client.get(address))
    waiting = {"HX-Request": "true"}
    assert client.get(f"{address}?waiting=1", headers=waiting).status_code == 204
    run_jobs()
    assert client.get(f"{address}?waiting=1", headers=waiting)["HX-Refresh"] == "true"
    assert "Waits for a look" in text(client.get("/p/churn/data/"))
    assert "Look at how codes.csv was read" in text(client.get("/"))
    page = text(client.get(address))
    assert "It cannot be read so." in page
    assert "line 2: it has 2 cells where 1 are expected" in page or "cells where" in page
    assert client.post(address, {"do": "look", "preamble": "1"}).status_code == 302
    run_jobs()
    page = text(client.get(address))
    assert "23 rows" in page or "22 rows" in page
    assert "As found: Semicolon" in page
    assert "it has 3 cells where 2 are expected" in page
    assert 'aria-label="Type of code"' in page
    seen = page.split('name="seen" value="')[1].split('"')[0]
    form = {"do": "read", "preamble": "1", "seen": seen, "type_0": "integer", "type_1": "text"}
    assert client.post(address, form)["Location"] == "/p/churn/data/"
    run_jobs()
    version = Version.objects.get()
    assert [column["type"] for column in version.schema] == ["integer", "text"]
    assert client.get(address)["Location"] == "/p/churn/data/customers/v1/"
    assert "refused" in text(client.get("/p/churn/data/customers/v1/"))


def test_the_same_options_make_the_version_at_once(look: Look, cast: Cast, browser_of: Browser) -> None:
    ingestion = look()
    address = services.preview_address(ingestion)
    client = browser_of(cast[Role.DATA_ENGINEER])
    stale = client.post(address, {"do": "read", "seen": "0" * 64})
    assert "Somebody has it read in another way" in text(stale, 409)
    done = client.post(address, {"do": "read", "seen": ingestion.table_id})
    assert done["Location"] == "/p/churn/data/customers/v1/"


def test_wrong_corrections_are_said_beside_their_field_and_nothing_is_lost(
    look: Look, cast: Cast, browser_of: Browser
) -> None:
    ingestion = look()
    client = browser_of(cast[Role.DATA_ENGINEER])
    page = text(
        client.post(services.preview_address(ingestion), {"do": "look", "preamble": "-4", "delimiter": "pipe"}), 422
    )
    assert 'value="-4"' in page
    assert '<option value="pipe" selected>' in page
    assert text(client.post(services.preview_address(ingestion), {"do": "x"}), 422)
    ingestion.refresh_from_db()
    assert ingestion.state == Ingestion.State.PREVIEW


def test_start_again_leads_back_to_the_upload(look: Look, cast: Cast, browser_of: Browser) -> None:
    ingestion = look()
    client = browser_of(cast[Role.DATA_ENGINEER])
    address = services.preview_address(ingestion)
    assert client.post(address, {"do": "drop"})["Location"] == "/p/churn/data/upload/?dataset=customers"
    assert "was dropped" in text(client.get(address))


def test_viewers_look_and_do_not_decide_and_strangers_see_nothing(look: Look, cast: Cast, browser_of: Browser) -> None:
    address = services.preview_address(look())
    viewer = browser_of(cast[Role.VIEWER])
    assert "Read it so" not in text(viewer.get(address))
    assert viewer.post(address, {"do": "read"}).status_code == 403
    assert browser_of(cast.stranger).get(address).status_code == 404
    assert viewer.get(address.replace("/customers/", "/other/")).status_code == 404


def test_cells_and_names_are_shown_as_text(look: Look, cast: Cast, browser_of: Browser) -> None:
    ingestion = look(b'"<img src=x onerror=alert(1)>",b\n<script>alert(1)</script>,2\nx,3\n', header="yes")
    page = text(browser_of(cast[Role.VIEWER]).get(services.preview_address(ingestion)))
    assert "<img src=x" not in page
    assert "<script>alert" not in page


def test_the_same_over_rest(cast: Cast, api_of: ApiOf, run_jobs: RunJobs) -> None:
    client = api_of(cast[Role.DATA_ENGINEER])
    file = SimpleUploadedFile("codes.csv", CODES)
    body = client.post(API, {"file": file, "preview": "true", "preamble": 1}).json()
    run_jobs()
    told = client.get(body["url"]).json()
    assert (told["state"], told["version"]) == ("preview", None)
    assert told["preview"]["report"]["refused"][0]["line"] == 5
    assert len(told["preview"]["first_rows"]) == 22
    assert told["preview"]["schema"][1]["type"] == "integer"
    options = {"preamble": 1, "types": {"code": "text"}}
    asked = client.post(f"{body['url']}look/", options, content_type="application/json")
    assert asked.status_code == 202
    run_jobs()
    assert client.get(body["url"]).json()["preview"]["schema"][1]["type"] == "text"
    wrong = client.post(f"{body['url']}look/", {"types": {"code": "colour"}}, content_type="application/json")
    assert (wrong.status_code, set(wrong.json()["fields"])) == (422, {"types"})
    taken = client.post(f"{body['url']}read/")
    assert (taken.status_code, taken.json()["number"]) == (201, 1)
    again = client.post(f"{body['url']}drop/")
    assert (again.status_code, again.json()["code"]) == (409, "no_preview")


def test_a_look_can_be_dropped_over_rest_and_not_by_a_viewer(look: Look, cast: Cast, api_of: ApiOf) -> None:
    address = f"{API}{look().pk}/"
    assert api_of(cast[Role.VIEWER]).post(f"{address}drop/").status_code == 403
    assert api_of(cast[Role.DATA_ENGINEER]).post(f"{address}drop/").json() == {"state": "dropped"}
    assert api_of(cast.stranger).post(f"{address}read/").status_code == 404


@pytest.mark.parametrize("count", [1, 6])
def test_the_list_takes_the_same_number_of_queries_however_many_wait(
    cast: Cast, browser_of: Browser, django_assert_max_num_queries: Any, count: int
) -> None:
    for place in range(count):
        ingestion, _ = services.start_ingestion(
            cast.project,
            name=f"set-{place}",
            file_name="a.csv",
            blob=services.keep_file([CUSTOMERS]),
            options={},
            by=cast[Role.DATA_ENGINEER],
            preview=True,
        )
        Ingestion.objects.filter(pk=ingestion.pk).update(state="preview", found={})
    client = browser_of(cast[Role.DATA_ENGINEER])
    client.get("/p/churn/data/")
    with django_assert_max_num_queries(40):
        client.get("/p/churn/data/")
