"""Runs, comparison and models over REST."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from datasets.models.versions import Version
from experiments.models.runs import Run
from jobs.models import Job
from projects.models.define import Contract
from projects.permissions import Role
from tests.conftest import Cast

pytestmark = pytest.mark.django_db
Api = Callable[..., Client]
Train = Callable[..., Run]
BASE = "/api/v1/projects/churn"


def _post(client: Client, path: str, body: Any, **headers: str) -> Any:
    return client.post(f"{BASE}/{path}", body, content_type="application/json", headers=headers)


def test_a_run_starts_with_an_empty_body(cast: Cast, version: Version, api_of: Api) -> None:
    response = _post(api_of(cast[Role.DATA_SCIENTIST]), "runs/", {})
    assert response.status_code == 202
    body = response.json()
    assert (body["run"], body["url"]) == (1, f"{BASE}/runs/1/")
    assert body["job"]["url"] == f"{BASE}/jobs/{Job.objects.get().pk}/"


def test_a_repeated_request_starts_one_run(cast: Cast, version: Version, api_of: Api) -> None:
    client = api_of(cast[Role.DATA_SCIENTIST])
    first, again = (_post(client, "runs/", {"seed": 1}, **{"Idempotency-Key": "k"}) for _ in range(2))
    assert first.json() == again.json()
    assert Run.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"target": "nothing"}, "target"),
        ({"methods": {"boosted": {"n_jobs": 10_000}}}, "methods.boosted.n_jobs"),
        ({"methods": {"boosted": {"max_iter": 1_000_000_000}}}, "methods.boosted.max_iter"),
        ({"methods": {"forest": {"max_depth": "__import__"}}}, "methods.forest.max_depth"),
        ({"methods": {"logistic": {"class_weight": {"callable": "os.system"}}}}, "methods.logistic.class_weight"),
        ({"methods": {"__class__": {}}}, "methods"),
        ({"methods": 5}, "methods"),
        ({"methods": {"boosted": 5}}, "methods.boosted"),
        ({"split": {"test_share": 0.9}}, "split.test_share"),
        ({"split": {"kind": "magic"}}, "split.kind"),
        ({"data": {"dataset": "customers"}}, "data.version"),
        ({"inputs": "plan"}, "inputs"),
        ({"inputs": []}, "inputs"),
        ({"threshold": 2}, "threshold"),
        ({"seed": 1.5}, "seed"),
        ({"decide_by": "rmse"}, "decide_by"),
        ({"n_jobs": 4}, "n_jobs"),
    ],
)
def test_what_is_wrong_is_named(cast: Cast, version: Version, api_of: Api, body: dict[str, Any], field: str) -> None:
    response = _post(api_of(cast[Role.DATA_SCIENTIST]), "runs/", body)
    assert response.status_code == 422, response.content
    assert field in response.json()["fields"], response.json()
    assert not Run.objects.exists()


def test_bodies_that_are_no_objects_are_refused(cast: Cast, version: Version, api_of: Api) -> None:
    client = api_of(cast[Role.DATA_SCIENTIST])
    for body in ("[]", "5", '"text"', "null", "[[", '{"seed": NaN}'):
        assert client.post(f"{BASE}/runs/", body, content_type="application/json").status_code in (400, 422), body


def test_a_finished_run_is_read_compared_and_registered(
    cast: Cast, targets: Contract, trained: Train, api_of: Api
) -> None:
    trained()
    trained(spec={"inputs": ["plan", "tenure"]})
    client = api_of(cast[Role.DATA_SCIENTIST])
    run = client.get(f"{BASE}/runs/1/").json()
    assert run["state"] == "finished"
    assert run["verdicts"][0]["verdict"] == "met"
    assert 0 <= run["metrics"]["recall"]["low"] <= run["metrics"]["recall"]["value"]
    found = client.get(f"{BASE}/compare/?runs=1,2").json()
    assert sorted(found["ranked"]) == [1, 2]
    assert found["decide_by"] == "recall"
    registered = _post(client, "runs/1/register/", {"name": "churn-model", "reason": "finds most"})
    assert registered.status_code == 201
    assert registered.json()["version"] == 1
    assert _post(client, "runs/1/register/", {"name": "churn-model", "reason": "x"}).status_code == 409
    assert client.get(f"{BASE}/models/").json()["count"] == 1
    version = client.get(f"{BASE}/models/churn-model/versions/1/").json()
    assert version["signature"]["target"] == "left"
    assert client.get(f"{BASE}/models/churn-model/versions/2/").status_code == 404
    listed = client.get(f"{BASE}/runs/?sort=-recall&state=finished").json()
    assert listed["count"] == 2
    assert client.patch(f"{BASE}/runs/1/", {"notes": "odd"}, content_type="application/json").json()["notes"] == "odd"


def test_an_unfinished_run_is_neither_compared_nor_registered(cast: Cast, version: Version, api_of: Api) -> None:
    client = api_of(cast[Role.DATA_SCIENTIST])
    _post(client, "runs/", {})
    assert client.get(f"{BASE}/compare/?runs=1").status_code == 409
    assert _post(client, "runs/1/register/", {"name": "m", "reason": "r"}).status_code == 409
    assert client.get(f"{BASE}/compare/").status_code == 422


def test_rights_hold_over_rest(cast: Cast, version: Version, api_of: Api) -> None:
    viewer, stranger = api_of(cast[Role.VIEWER]), api_of(cast.stranger)
    assert viewer.get(f"{BASE}/runs/").status_code == 200
    assert _post(viewer, "runs/", {}).status_code == 403
    assert stranger.get(f"{BASE}/runs/").status_code == 404
    assert Client().get(f"{BASE}/runs/").status_code == 401
    assert _post(api_of(cast[Role.DATA_SCIENTIST], read_only=True), "runs/", {}).status_code == 403


def test_a_run_copied_from_another_takes_what_is_not_given(cast: Cast, trained: Train, api_of: Api) -> None:
    trained()
    assert _post(api_of(cast[Role.DATA_SCIENTIST]), "runs/", {"copy_from": 1, "seed": 9}).status_code == 202
    run = Run.objects.get(number=2)
    assert (run.spec["seed"], run.spec["inputs"], run.copied_from.number) == (9, ["plan", "tenure", "price"], 1)


def test_the_list_asks_little_of_the_database(
    cast: Cast, version: Version, trained: Train, api_of: Api, django_assert_max_num_queries: Any
) -> None:
    for seed in range(4):
        trained(spec={"seed": seed % 2})
    client = api_of(cast[Role.VIEWER])
    with django_assert_max_num_queries(9):
        assert client.get(f"{BASE}/runs/").json()["count"] == 4
