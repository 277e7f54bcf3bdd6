"""KPIs that are read from a dataset: chosen columns, read again with each published version, refused where they lie."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from datasets.models.countings import Counting
from datasets.models.versions import Version
from datasets.services import tags
from datasets.services import versions as services
from jobs.models import Job
from notices.models import Notice
from projects.permissions import Role
from projects.queries.kpis import values_of
from projects.services.kpis import define_kpi
from tests.conftest import Cast

SAVED = b"month,saved,who\n2026-08-01,41000,ada\n2026-09-01,,bo\n2026-10-01,52500.5,cy\n"
MORE = SAVED + b"2026-11-01,61000,di\n"
TWICE = SAVED + b"2026-08-01,1,ed\n"
ADDRESS = "/api/v1/projects/churn/datasets/money/kpis/"
JSON = "application/json"
Make = Callable[..., Version]
Run = Callable[[], list[Job]]


@pytest.fixture
def kept(cast: Cast, make_version: Make) -> Version:
    """A published version with months and money, and a KPI to be read from it."""
    define_kpi(
        cast.project, by=cast[Role.BUSINESS_ANALYST], name="Saved", unit="€", direction="at_least", source="data"
    )
    version = make_version(SAVED, "money")
    services.publish(version, by=cast[Role.DATA_ENGINEER])
    return version


def test_a_kpi_is_read_from_each_published_version(
    cast: Cast, kept: Version, make_version: Make, run_jobs: Run, browser_of: Callable[[User], Client]
) -> None:
    analyst = browser_of(cast[Role.BUSINESS_ANALYST])
    sent = analyst.post("/p/churn/data/money/kpis/", {"kpi": "saved", "day": "month", "value": "saved"})
    assert sent.url == "/p/churn/data/money/care/"
    run_jobs()
    kpi = Counting.objects.get().kpi
    assert [(str(one.on), one.value, one.source, one.note) for one in values_of(kpi)] == [
        ("2026-10-01", 52500.5, "read", "money v1"),
        ("2026-08-01", 41000.0, "read", "money v1"),
    ]
    page = analyst.get("/p/churn/data/money/care/").content.decode()
    assert "2 values in money v1, 2 of them new or other than before. Rows without a number, left out: 1." in page
    newer = make_version(MORE, "money")
    assert not Job.objects.filter(state="queued").exists(), "a draft is not read"
    services.publish(newer, by=cast[Role.DATA_ENGINEER])
    run_jobs()
    assert values_of(kpi).count() == 3
    assert Counting.objects.get().number == 2
    assert analyst.post("/p/churn/data/money/kpis/saved/stop/").status_code == 302
    assert values_of(kpi).count() == 3, "what was read stays"
    assert not Counting.objects.exists()


def test_what_is_no_day_or_comes_twice_changes_nothing_and_is_told(
    cast: Cast, kept: Version, make_version: Make, run_jobs: Run, api_of: Callable[..., Client]
) -> None:
    api = api_of(cast[Role.PRODUCT_MANAGER])
    wrong = api.post(ADDRESS, {"kpi": "saved", "day": "saved", "value": "who"}, JSON)
    assert wrong.status_code == 422
    assert set(wrong.json()["fields"]) == {"day", "value"}
    text = api.post(ADDRESS, {"kpi": "saved", "day": "who", "value": "saved"}, JSON)
    assert text.status_code == 202, "a text may hold days; whether it does is seen when it is read"
    run_jobs()
    (row,) = api.get(ADDRESS).json()["results"]
    assert (row["state"], row["message"]) == (
        "failed",
        "Row 1: “who” has “ada” where a day like 2027-06-01 belongs.",
    )
    assert Notice.objects.filter(
        recipient_id=cast[Role.PRODUCT_MANAGER].pk, text__contains="could not be read"
    ).exists()
    services.publish(make_version(TWICE, "money"), by=cast[Role.DATA_ENGINEER])
    run_jobs()
    assert api.post(ADDRESS, {"kpi": "saved", "day": "month", "value": "saved"}, JSON).status_code == 202
    run_jobs()
    (row,) = api.get(ADDRESS).json()["results"]
    assert "repeats the day 2026-08-01" in row["message"]
    assert not values_of(Counting.objects.get().kpi).exists()
    assert api.delete(f"{ADDRESS}saved/").status_code == 204
    assert api.delete(f"{ADDRESS}saved/").status_code == 404


def test_a_hidden_column_is_not_read_for_who_may_not_see_it(
    cast: Cast, kept: Version, api_of: Callable[..., Client]
) -> None:
    tags.tag_column(kept.dataset, "saved", "financial", by=cast[Role.DATA_ENGINEER])
    body = {"kpi": "saved", "day": "month", "value": "saved"}
    refused = api_of(cast[Role.BUSINESS_ANALYST]).post(ADDRESS, body, JSON)
    assert refused.status_code == 422
    assert "hidden from you" in refused.json()["detail"]
    assert api_of(cast[Role.VIEWER]).post(ADDRESS, body, JSON).status_code == 403
