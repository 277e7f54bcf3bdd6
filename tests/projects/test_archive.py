"""An archived project can be read and nothing else, and nothing of it runs by itself."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from jobs.models import Job
from monitoring.services.monitors import check_due
from problems.problem import Conflict
from projects.permissions import ACTIONS, Role, is_read
from projects.services.archive import archive, unarchive
from tests.conftest import Cast
from tests.deployments import stage as scene
from tests.projects.test_flow import choose, finished_run
from tests.projects.test_handoffs import publish

pytestmark = pytest.mark.django_db
Api = Callable[..., Client]
Browser = Callable[[User], Client]
A = "/api/v1/projects/churn/"


def put(client: Client, address: str, body: Any) -> Any:
    return client.put(address, body, content_type="application/json")


def test_it_can_be_read_and_not_be_changed(cast: Cast, api_of: Api, browser_of: Browser) -> None:
    owner = api_of(cast[Role.OWNER])
    assert put(owner, f"{A}archive/", {"archived": True}).json()["archived_at"]
    assert owner.get(A).status_code == 200
    assert "Archived" in browser_of(cast[Role.VIEWER]).get("/p/churn/").content.decode()
    refused = put(owner, f"{A}charter/", {"version": 0, "problem": "They leave."})
    assert (refused.status_code, refused.json()["code"]) == (409, "archived")
    page = browser_of(cast[Role.OWNER]).post("/p/churn/change/", {"name": "x", "question": "y"})
    assert page.status_code == 409
    assert "can only be read" in page.content.decode()
    assert put(api_of(cast[Role.VIEWER]), f"{A}archive/", {"archived": False}).status_code == 403
    assert put(owner, f"{A}archive/", {"archived": False}).status_code == 200
    assert put(owner, f"{A}charter/", {"version": 0, "problem": "They leave."}).status_code == 200


def test_every_action_but_reading_is_refused_then() -> None:
    allowed = {action for action in ACTIONS if is_read(action)}
    assert allowed == {
        "project.read",
        "data.read",
        "run.read",
        "model.read",
        "monitor.read",
        "project.archive",
        "project.delete",
        "project.export",
    }


def test_a_model_in_use_must_be_chosen_and_is_not_watched(cast: Cast) -> None:
    scene.put_into_use(choose(cast, finished_run(cast, publish(cast))), cast[Role.OWNER])
    with pytest.raises(Conflict, match="go on answering, unwatched"):
        archive(cast.project, by=cast[Role.OWNER])
    archive(cast.project, even_live=True, by=cast[Role.OWNER])
    assert check_due() == 0
    unarchive(cast.project, by=cast[Role.OWNER])
    assert check_due() == 1


def test_work_under_way_ends_first(cast: Cast) -> None:
    Job.objects.create(kind="t", title="Train run 9", project_key="churn", created_by_id="x")
    with pytest.raises(Conflict, match="“Train run 9” is under way"):
        archive(cast.project, even_live=True, by=cast[Role.OWNER])
