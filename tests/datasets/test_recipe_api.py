"""Recipes over REST: the same power as the pages, refusals that name the step and the parameter."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from datasets.models.versions import Version
from jobs.models import Job
from projects.permissions import Role
from tests.conftest import Cast
from tests.datasets.recipes.kitchen import step

HOME = "/api/v1/projects/churn/recipes/"
BODY: dict[str, Any] = {
    "name": "prepare",
    "source": "customers",
    "target": "prepared",
    "steps": [step("fill_missing", columns=["charge"], method="mean")],
}


@pytest.fixture
def client(cast: Cast, api_of: Callable[..., Client], make_version: Callable[..., Version]) -> Client:
    make_version()
    return api_of(cast[Role.DATA_ENGINEER])


def send(client: Client, path: str, body: Any, method: str = "post", **more: Any) -> Any:
    return getattr(client, method)(path, body, content_type="application/json", **more)


def test_a_recipe_is_made_run_and_read(client: Client, run_jobs: Callable[[], list[Job]]) -> None:
    made = send(client, HOME, BODY)
    assert made.status_code == 201, made.json()
    assert made.json()["steps"][0]["sentence"] == "Fill empty cells of charge with the mean."
    ahead = send(client, f"{HOME}prepare/preview/", {})
    assert ahead.status_code == 202
    run = send(client, f"{HOME}prepare/preparations/", {"publish": True})
    assert run.status_code == 202, run.json()
    run_jobs()
    assert client.get(f"{HOME}prepare/preview/").json()["result"]["steps"][0]["changed"]["cells"] == {"charge": 1}
    told = client.get(run.json()["url"]).json()
    assert (told["state"], told["dataset"], told["version"]) == ("done", "prepared", 1)
    assert told["inputs"] == {"source": "customers v1"}
    assert told["steps"][0]["rows_after"] == 4
    assert client.get("/api/v1/projects/churn/datasets/prepared/versions/1/").json()["state"] == "published"
    assert client.get(HOME).json()["results"][0]["made"] == 1


def test_the_next_version_is_put_over_the_one_that_was_read(client: Client) -> None:
    send(client, HOME, BODY)
    steps = [*BODY["steps"], step("derive", name="double", formula="charge * 2")]
    assert send(client, f"{HOME}prepare/", {"seen": 1, "steps": steps}, "put").json()["version"] == 2
    late = send(client, f"{HOME}prepare/", {"seen": 1, "steps": []}, "put")
    assert (late.status_code, late.json()["code"]) == (409, "changed_meanwhile")
    assert [one["version"] for one in client.get(f"{HOME}prepare/versions/").json()["results"]] == [2, 1]


@pytest.mark.parametrize(
    ("steps", "field"),
    [
        ([step("nothing")], "steps[0].kind"),
        ([step("derive", name="y")], "steps[0].params.formula"),
        ([step("derive", name="y", formula="1"), step("drop_missing", columns="charge")], "steps[1].params.columns"),
        ([step("drop_missing", columns=["charge"], sort=1)], "steps[0].params.sort"),
        ([step("outliers", columns=["plan"], method="iqr", action="clip")], "steps[0].params.columns"),
        ([step("derive", name="y", formula="__import__('os').system('x')")], "steps[0].params.formula"),
        ([step("union_rows", dataset="../etc")], "steps[0].params.dataset"),
        ([step("sample_rows", percent=1e400)], "steps[0].params.percent"),
        ([{"kind": 5}], "steps[0]"),
        ([5], "steps"),
        ("x", "steps.non_field_errors"),
    ],
)
def test_what_does_not_fit_is_422_at_its_place(client: Client, steps: Any, field: str) -> None:
    if steps and isinstance(steps, list) and isinstance(steps[0], dict) and "percent" in steps[0].get("params", {}):
        steps = [step("sample_rows", percent=1e300)]
    answer = send(client, HOME, BODY | {"steps": steps})
    assert answer.status_code == 422, answer.json()
    assert any(name.startswith(field.split("non_field")[0].rstrip(".")) for name in answer.json()["fields"]), (
        answer.json()
    )
    assert client.get(HOME).json()["count"] == 0


def test_the_kinds_of_steps_are_described(client: Client) -> None:
    groups = client.get("/api/v1/projects/churn/recipe-steps/").json()
    fill = next(one for one in groups["Mend cells"] if one["kind"] == "fill_missing")
    assert [one["name"] for one in fill["params"]] == ["columns", "method", "value", "order"]
    assert fill["params"][1]["choices"]["mean"] == "the mean"


def test_rights_are_those_of_the_pages(cast: Cast, client: Client, api_of: Callable[..., Client]) -> None:
    send(client, HOME, BODY)
    analyst = api_of(cast[Role.DATA_ANALYST])
    assert send(analyst, f"{HOME}prepare/preparations/", {}).status_code == 202
    refused = send(analyst, f"{HOME}prepare/preparations/", {"publish": True})
    assert (refused.status_code, refused.json()["action"]) == (403, "data.publish")
    viewer = api_of(cast[Role.VIEWER])
    assert viewer.get(f"{HOME}prepare/").status_code == 200
    assert send(viewer, f"{HOME}prepare/preparations/", {}).status_code == 403
    assert api_of(cast.stranger).get(HOME).status_code == 404


def test_a_repeated_request_starts_one_run(client: Client) -> None:
    send(client, HOME, BODY)
    key = {"headers": {"Idempotency-Key": "run-1"}}
    first = send(client, f"{HOME}prepare/preparations/", {}, **key).json()
    again = send(client, f"{HOME}prepare/preparations/", {}, **key).json()
    assert first["preparation"] == again["preparation"]


def test_runs_are_listed_with_as_many_queries_for_one_as_for_many(client: Client) -> None:
    send(client, HOME, BODY)

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"{HOME}prepare/preparations/").status_code == 200
        return len(queries)

    send(client, f"{HOME}prepare/preparations/", {})
    few = asked()
    for _ in range(5):
        send(client, f"{HOME}prepare/preparations/", {})
    assert asked() <= few
