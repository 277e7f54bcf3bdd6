"""The runs table and the comparison over HTTP: filter, columns, file, views, what people say of a run, and its cost."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from audit.models import Entry
from datasets.models.tags import ColumnTag
from experiments.models.cases import EdgeCase, EdgeCaseRevision
from experiments.models.records import RunRecord, RunView
from experiments.models.runs import Run
from experiments.services.records import close_record, set_price
from projects.permissions import Role
from tests.conftest import Cast

pytestmark = pytest.mark.django_db
PAGE, API = "/p/churn/train/", "/api/v1/projects/churn/runs/"


def _queries(client: Client, address: str) -> int:
    client.get(address)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def _copies(run: Run, count: int) -> None:
    """More runs like this one, each a little better, with a series."""
    for number in range(run.number + 1, run.number + 1 + count):
        fields = {one.attname: getattr(run, one.attname) for one in Run._meta.concrete_fields if not one.primary_key}
        fields["spec"] = run.spec | {"methods": {"logistic": {"C": number / 10}}, "seed": number}
        found = run.metrics["recall"]
        fields["metrics"] = run.metrics | {"recall": found | {"value": found["value"] + number / 100}}
        again = Run.objects.create(**fields | {"number": number})
        points = [[step, 1 / (step + number)] for step in range(1, 6)]
        close_record(again, series=[{"key": "held_back.log_loss", "points": points}])


def test_the_table_and_the_comparison_of_many(
    cast: Cast, trained: Callable[..., Run], browser_of: Callable[[User], Client]
) -> None:
    set_price(cast.project, an_hour=3.6, currency="eur", by=cast[Role.OWNER])
    run = trained(hypothesis="Price alone says it.")
    record = RunRecord.objects.get(run=run)
    assert record.state == "finished"
    assert record.seconds is not None
    assert record.cost == pytest.approx(record.seconds / 1000)
    client = browser_of(cast[Role.DATA_SCIENTIST])
    few = _queries(client, PAGE)
    _copies(run, 9)
    assert _queries(client, PAGE) <= few + 1

    columns = "metrics.recall,min.held_back.log_loss,params.method,cost,data"
    look = f"?filter=metrics.recall > 0 and number > 3 and data = customers/v1&order=-metrics.recall&columns={columns}"
    text = client.get(PAGE + look).content.decode()
    assert text.index("Run 10") < text.index("Run 9<")
    assert "Run 3<" not in text
    assert "at step 5" in text
    file = b"".join(client.get(f"{PAGE}runs.csv{look}").streaming_content).decode().splitlines()
    assert file[0] == f"run,trial,state,{columns}"
    assert [line.split(",")[0] for line in file[1:]] == ["10", "9", "8", "7", "6", "5", "4"]
    rows = client.get(API + look).json()["results"]
    assert [row["number"] for row in rows] == [10, 9, 8, 7, 6, 5, 4]
    assert rows[0]["columns"]["params.method"] == "logistic"
    wrong = client.get(f"{PAGE}?filter=metrics.recall > much")
    assert wrong.status_code == 422
    assert "at character 18" in wrong.content.decode()
    assert client.get(f"{API}?filter=recal = 1").json()["position"] == 1
    added = client.get(f"{PAGE}?add=recall")
    assert "metrics.recall" in added["Location"]

    _compares(client)
    _keeps_views(cast, client, browser_of)
    _is_described(client)


def _compares(client: Client) -> None:
    numbers = ",".join(str(number) for number in range(1, 11))
    page = client.get(f"/p/churn/compare/?runs={numbers}")
    text = page.content.decode()
    assert page.status_code == 200
    for words in (
        "Which settings lead to good results?",
        "The best first.",
        "How did held_back.log_loss go?",
        "Run 1 and run 2 are equal by ROC AUC.",
    ):
        assert words in text
    assert (
        _queries(client, f"/p/churn/compare/?runs={numbers}")
        <= _queries(client, "/p/churn/compare/?runs=1,2,3,4,5,6,7") + 1
    )
    assert client.get(f"{API}10/series/?metric=held_back.log_loss").json()["drawn"][0]["step"] == 1


def _keeps_views(cast: Cast, client: Client, browser_of: Callable[[User], Client]) -> None:
    sent = {"name": "Good ones", "filter": "metrics.recall > 0.1", "state": "finished", "columns": "cost"}
    client.post(f"{PAGE}views/", sent)
    view = RunView.objects.get()
    assert view.filter == "(metrics.recall > 0.1) and state = finished"
    assert "view=Good+ones" in client.get(f"{PAGE}views/Good ones/")["Location"]
    assert client.get(f"{API}views/").json()["results"][0]["name"] == "Good ones"
    assert client.post(f"{API}views/", {"name": "x", "filter": "a ="}, "application/json").status_code == 422
    assert client.post(f"{PAGE}views/Good ones/delete/").status_code == 302
    assert Entry.objects.filter(name__startswith="run_view.").count() == 2

    assert browser_of(cast[Role.VIEWER]).post(f"{PAGE}views/", sent).status_code == 403


def _is_described(client: Client) -> None:
    said = {"hypothesis": "Fewer leaves.", "tag_lines": "team: pricing\nhot"}
    assert client.post("/p/churn/runs/1/describe/", said).status_code == 302
    told = client.get(f"{API}1/").json()["record"]
    assert told["tags"] == {"team": "pricing", "hot": ""}
    assert told["hypothesis"] == "Fewer leaves."
    assert client.get(f"{API}?filter=tags.team = pricing").json()["count"] == 1
    body: Any = json.dumps({"tags": {"team": "churn"}})
    assert client.patch(f"{API}1/", body, "application/json").json()["record"]["tags"] == {"team": "churn"}
    assert b"Fewer leaves." in client.get("/p/churn/runs/1/").content


def test_the_edge_case_book_asks_the_database_as_often_for_many_cases(
    cast: Cast, trained: Callable[..., Run], browser_of: Callable[[User], Client]
) -> None:
    run = trained()
    ColumnTag.objects.create(dataset=run.data.dataset, column="left", kind="personal")
    client = browser_of(cast[Role.VIEWER])

    def write(count: int) -> None:
        for number in range(EdgeCase.objects.count() + 1, count + 1):
            case = EdgeCase.objects.create(project=cast.project, number=number, owner=cast[Role.DOMAIN_EXPERT])
            EdgeCaseRevision.objects.create(case=case, number=1, name="x", row={}, answer="Yes", reason="y")

    counts = []
    for count in (2, 12):
        write(count)
        counts.append([_queries(client, address) for address in ("/p/churn/cases/", "/api/v1/projects/churn/cases/")])
    assert counts[0] == counts[1]
