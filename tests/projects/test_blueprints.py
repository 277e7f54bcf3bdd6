"""Starting from a template: texts, unsigned targets, roles to find and tasks; no data, no people."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from problems.problem import Invalid
from projects import targets
from projects.blueprints import BLUEPRINTS
from projects.models.projects import Project
from projects.models.tasks import Task
from projects.models.team import Membership
from projects.permissions import Role
from projects.queries.define import charter_of, goals_of, latest_contract, texts_of
from projects.readiness import missing, readiness
from projects.services.blueprints import create_from
from projects.services.tasks import open_task
from tests.conftest import Cast
from tests.projects.test_handoffs import RECALL, TEXTS, publish, sign

pytestmark = pytest.mark.django_db
Api = Callable[..., Client]
Browser = Callable[[User], Client]


@pytest.mark.parametrize("name", sorted(BLUEPRINTS))
def test_every_template_is_ready_to_be_signed_and_signed_by_nobody(cast: Cast, name: str) -> None:
    project = create_from(name, name="New one", question="Who?", kind="binary", by=cast.stranger)
    contract = latest_contract(project)
    assert project.kind == BLUEPRINTS[name].kind
    assert contract is not None
    assert contract.signed_at is None
    assert missing(readiness(project.kind, texts_of(charter_of(project)), goals_of(contract))) == []
    assert targets.wrong_list(goals_of(contract)) == ""
    asked = Task.objects.get(project=project, role=Role.OWNER)
    assert "data engineer" in asked.title
    assert Task.objects.filter(project=project).count() == 1 + len(BLUEPRINTS[name].tasks)


def test_a_project_like_another_has_its_agreements_and_nothing_else(
    cast: Cast, api_of: Api, browser_of: Browser
) -> None:
    sign(cast)
    publish(cast)
    open_task(cast.project, title="Ask the call centre", role=Role.BUSINESS_ANALYST, by=cast[Role.OWNER])
    page = browser_of(cast[Role.DATA_SCIENTIST])
    assert "Like Customer churn" in page.get("/projects/new/").content.decode()
    given = {"name": "Churn again", "question": "Who now?", "kind": "regression", "template": "project:churn"}
    assert page.post("/projects/new/", given).headers["Location"] == "/p/churn-again/define/"
    project = Project.objects.get(key="churn-again")
    assert project.kind == "binary"
    assert texts_of(charter_of(project))["problem"] == TEXTS["problem"]
    contract = latest_contract(project)
    assert goals_of(contract) == [RECALL]
    assert contract is not None
    assert contract.signed_at is None
    assert set(Membership.objects.filter(project=project).values_list("user", flat=True)) == {
        cast[Role.DATA_SCIENTIST].pk
    }
    assert project.datasets.count() == 0
    assert "Ask the call centre" in Task.objects.filter(project=project).values_list("title", flat=True)


def test_nobody_learns_from_a_project_that_they_may_not_read(cast: Cast, api_of: Api) -> None:
    body = {"name": "Spy", "question": "Who?", "template": "project:churn"}
    refused = api_of(cast.stranger).post("/api/v1/projects/", body, content_type="application/json")
    assert refused.status_code == 422
    assert "template" in refused.json()["fields"]
    assert not Project.objects.filter(name="Spy").exists()
    with pytest.raises(Invalid):
        create_from("nothing", name="x", question="y", kind="binary", by=cast.stranger)
    made = api_of(cast.stranger).post(
        "/api/v1/projects/", body | {"template": "number"}, content_type="application/json"
    )
    assert (made.status_code, made.json()["kind"]) == (201, "regression")
