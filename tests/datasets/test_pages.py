"""The pages of the datasets room, over HTTP as each person sees them."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import User
from datasets.models.versions import Ingestion, Version
from datasets.services import versions as services
from jobs.models import Job
from projects.permissions import Role
from tests.conftest import Cast
from tests.datasets.conftest import CUSTOMERS, Load

Make = Callable[..., Version]
RunJobs = Callable[[], list[Job]]
Browser = Callable[[User], Client]
VERSION = "/p/churn/data/customers/v1/"


def text(response: Any, status: int = 200) -> str:
    assert response.status_code == status, response.content[:500]
    return " ".join(response.content.decode().split())


def upload(client: Client, content: bytes = CUSTOMERS, name: str = "Customers", **options: str) -> Any:
    file = SimpleUploadedFile("c.csv", content, content_type="text/csv")
    return client.post("/p/churn/data/upload/", {"file": file, "name": name, **options})


def streamed(response: Any) -> list[list[str]]:
    assert response.status_code == 200
    assert response["Content-Disposition"].startswith("attachment")
    return list(csv.reader(io.StringIO(response.getvalue().decode())))


def test_an_upload_leads_from_the_form_over_the_running_load_to_the_version(
    cast: Cast, browser_of: Browser, run_jobs: RunJobs
) -> None:
    client = browser_of(cast[Role.DATA_ENGINEER])
    assert 'enctype="multipart/form-data"' in text(client.get("/p/churn/data/upload/"))
    response = upload(client)
    assert response.status_code == 302
    waiting = text(client.get(response["Location"]))
    assert "Load c.csv into customers" in waiting
    assert 'hx-get="/p/churn/data/?open=1"' in waiting
    assert client.get("/p/churn/data/?open=1", headers={"HX-Request": "true"}).status_code == 204
    run_jobs()
    assert client.get("/p/churn/data/?open=1", headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    assert VERSION in text(client.get("/p/churn/data/"))
    page = text(client.get(VERSION))
    assert "4 rows were read, none refused. charge is empty in 1 row." in page
    assert "Publish v1" in page


def test_the_form_says_what_is_wrong_and_keeps_what_was_typed(cast: Cast, browser_of: Browser) -> None:
    client = browser_of(cast[Role.DATA_ENGINEER])
    page = text(upload(client, b"", header="no"), 422)
    assert "The submitted file is empty." in page
    assert 'value="Customers"' in page
    assert '<details class="more" open>' in page
    assert "A dataset needs a name" in text(upload(client, name="!!!"), 422)
    assert not Ingestion.objects.exists()


def test_a_file_beyond_the_limit_is_413_in_words(cast: Cast, browser_of: Browser, settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = 10
    page = text(upload(browser_of(cast[Role.DATA_ENGINEER])), 413)
    assert "at most 10 bytes can be uploaded" in page
    assert "BATON_UPLOAD_MAX_MB" in page
    assert not Ingestion.objects.exists()


def test_a_failed_load_says_why_and_offers_the_next_try(
    load: Load, run_jobs: RunJobs, cast: Cast, browser_of: Browser
) -> None:
    load(b"a,b\n1\n")
    run_jobs()
    page = text(browser_of(cast[Role.DATA_ENGINEER]).get("/p/churn/data/"))
    assert "line 2: it has 1 cell where 2 are expected" in page
    assert "/p/churn/data/upload/?dataset=customers" in page


def test_publishing_is_one_button_for_who_may_and_a_reason_for_who_may_not(
    make_version: Make, cast: Cast, browser_of: Browser
) -> None:
    make_version()
    viewer = text(browser_of(cast[Role.VIEWER]).get(VERSION))
    assert "Publishing needs Project owner, Data engineer or Database administrator." in viewer
    assert browser_of(cast[Role.VIEWER]).post(VERSION).status_code == 403
    engineer = browser_of(cast[Role.DATA_ENGINEER])
    done = text(engineer.post(VERSION, follow=True))
    assert "customers v1 is published" in done
    assert "Publish v1" not in done
    assert "It never changes" in done
    assert engineer.post(VERSION).status_code == 409


def test_refused_rows_stand_with_their_lines_and_leave_as_safe_csv(
    make_version: Make, cast: Cast, browser_of: Browser
) -> None:
    rows = b"".join(b"%d,x\n" % i for i in range(50))
    make_version(b"a,b\n" + rows + b"=cmd(),1,2\n" + b"<script>alert(1)</script>,1,2\n")
    client = browser_of(cast[Role.VIEWER])
    page = text(client.get(VERSION))
    assert "2 were refused" in page
    assert "it has 3 cells where 2 are expected" in page
    assert "<script>alert" not in page
    assert streamed(client.get(f"{VERSION}refused.csv"))[1] == [
        "52",
        "1",
        "it has 3 cells where 2 are expected",
        "'=cmd(),1,2",
    ]


def test_the_columns_leave_as_csv_with_plain_numbers(make_version: Make, cast: Cast, browser_of: Browser) -> None:
    make_version(b"=a,b\n-5,@x\n-4,=y\n")
    table = streamed(browser_of(cast[Role.VIEWER]).get(f"{VERSION}columns.csv"))
    assert table[1][:7] == ["'=a", "whole number", "0", "0.0", "2", "-5", "-4"]
    assert table[2][5] == "'=y"


def test_what_changed_since_the_version_before_comes_first(make_version: Make, cast: Cast, browser_of: Browser) -> None:
    before = b"".join(b"%d,month,%d\n" % (i, i % 7) for i in range(200))
    make_version(b"id,plan,n\n" + before)
    after = b"".join(b"%d,%s,%d\n" % (i, b"flex" if i % 3 else b"month", i % 7) for i in range(200))
    make_version(b"id,plan,n\n" + after)
    client = browser_of(cast[Role.DATA_ENGINEER])
    page = text(client.get("/p/churn/data/customers/v2/"))
    assert "1 column changed since v1: plan." in page
    assert "New value flex (133 rows)" in page
    rows = page.split('aria-label="Columns table"')[1]
    assert rows.index(">plan<") < rows.index(">id<")
    in_order = text(client.get("/p/churn/data/customers/v2/?sort=file")).split('aria-label="Columns table"')[1]
    assert in_order.index(">id<") < in_order.index(">plan<")


def test_explore_draws_the_chosen_column_with_caption_and_table(
    make_version: Make, cast: Cast, browser_of: Browser
) -> None:
    client = browser_of(cast[Role.DATA_ANALYST])
    assert "None is yet." in text(client.get("/p/churn/explore/"))
    services.publish(make_version(), by=cast[Role.OWNER])
    page = text(client.get("/p/churn/explore/?column=plan"))
    assert "How is plan spread?" in page
    assert "month 75%, year 25%" in page
    assert "View as table" in page
    services.publish(make_version(CUSTOMERS.replace(b"year", b"month")), by=cast[Role.OWNER])
    assert "The grey outline is v1." in text(client.get("/p/churn/explore/?column=charge"))
    assert client.get("/p/churn/explore/?column=nothing").status_code == 404
    assert client.get("/p/churn/explore/?dataset=nothing").status_code == 404


def test_a_column_without_a_picture_says_so(make_version: Make, cast: Cast, browser_of: Browser) -> None:
    services.publish(make_version(b"name,empty\nanna,\nbert,\ncarl,\n"), by=cast[Role.OWNER])
    client = browser_of(cast[Role.VIEWER])
    assert "every value stands there once" in text(client.get("/p/churn/explore/?column=name"))
    assert "every cell is missing" in text(client.get("/p/churn/explore/?column=empty"))


def test_odd_column_names_are_shown_as_text_and_can_be_opened(
    make_version: Make, cast: Cast, browser_of: Browser
) -> None:
    name = '<img src=x onerror="alert(1)"> & {{7*7}}'
    head = ("n," + '"' + name.replace('"', '""') + '"\n').encode()
    services.publish(make_version(head + b"1,2\n3,4\n"), by=cast[Role.OWNER])
    client = browser_of(cast[Role.VIEWER])
    for address in (VERSION, "/p/churn/explore/"):
        page = text(client.get(address))
        assert "<img src=x" not in page
        assert "&lt;img src=x" in page
    assert "49" not in text(client.get("/p/churn/explore/", {"column": name})).split("How is")[1][:80]


def test_data_of_all_projects_shows_only_ones_own(make_version: Make, cast: Cast, browser_of: Browser) -> None:
    make_version()
    assert VERSION in text(browser_of(cast[Role.VIEWER]).get("/data/"))
    assert VERSION not in text(browser_of(cast.stranger).get("/data/"))
    assert browser_of(cast.stranger).get(VERSION).status_code == 404
    assert Client().get("/data/").status_code == 302


def test_the_rail_and_home_tell_what_waits(
    make_version: Make, load: Load, run_jobs: RunJobs, cast: Cast, browser_of: Browser
) -> None:
    client = browser_of(cast[Role.DATA_ENGINEER])
    assert "No data yet" in text(client.get("/p/churn/data/"))
    version = make_version()
    assert "customers v1 waits" in text(client.get("/p/churn/data/"))
    assert "Look at customers v1 and publish it" in text(client.get("/"))
    assert "Look at customers v1" not in text(browser_of(cast[Role.VIEWER]).get("/"))
    services.publish(version, by=cast[Role.OWNER])
    assert "customers v1 published" in text(client.get("/p/churn/data/"))
    load(b"a,b\n1\n")
    run_jobs()
    assert "could not be loaded into customers" in text(client.get("/"))


@pytest.mark.parametrize("rows", [1, 12])
def test_the_list_page_takes_the_same_number_of_queries(
    load: Load, cast: Cast, browser_of: Browser, django_assert_max_num_queries: Any, rows: int
) -> None:
    for number in range(rows):
        load(CUSTOMERS, f"set-{number}")
    Ingestion.objects.update(state=Ingestion.State.FAILED, message="x")
    client = browser_of(cast[Role.DATA_ENGINEER])
    with django_assert_max_num_queries(40):
        client.get("/p/churn/data/")
