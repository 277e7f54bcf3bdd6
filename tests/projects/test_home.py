"""Home: what each role sees, across projects and rooms."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from projects.models.projects import Project
from projects.models.team import Membership
from projects.permissions import Role
from projects.services.questions import ask
from projects.services.tasks import open_task
from projects.subjects import about
from tests.attacks.world import make_things
from tests.conftest import Cast

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]
BLOCKS = {
    "Targets and how they stand": {Role.BUSINESS_ANALYST, Role.PRODUCT_MANAGER, Role.LEADERSHIP},
    "Last loads": {Role.DATA_ENGINEER, Role.DBA, Role.DATA_ANALYST},
    "Your runs": {Role.DATA_SCIENTIST},
    "In production": {Role.ML_ENGINEER, Role.MLOPS_ENGINEER},
    "New data": {Role.DATA_SCIENTIST, Role.DATA_ANALYST},
}


def test_each_role_has_its_own_second_block_and_no_other(cast: Cast, browser_of: Browser) -> None:
    make_things(cast.project, cast[Role.OWNER], 1)
    for role in Role:
        page = browser_of(cast[role]).get("/").content.decode()
        assert {title for title in BLOCKS if f">{title}</h2>" in page} == {
            title for title, roles in BLOCKS.items() if role in roles
        }, role


def test_nobody_sees_a_block_of_somebody_elses_project(cast: Cast, browser_of: Browser) -> None:
    make_things(cast.other_project, cast.stranger, 2)
    for role in Role:
        page = browser_of(cast[role]).get("/").content.decode()
        assert "service-2" not in page
        assert "model-2" not in page
        assert "table-2" not in page


def test_what_i_asked_stands_under_what_i_wait_for(cast: Cast, browser_of: Browser) -> None:
    found = about(cast.project, "define", "churn")
    ask(cast.project, text="Why?", about=found, roles=[Role.DBA], people=[cast[Role.VIEWER].pk], by=cast[Role.OWNER])
    page = browser_of(cast[Role.OWNER]).get("/").content.decode()
    assert "An answer about The problem and its targets, from Viewer" in page


def test_what_is_mine_and_what_is_my_roles_can_be_seen_apart(cast: Cast, browser_of: Browser) -> None:
    person = cast[Role.ML_ENGINEER]
    open_task(cast.project, title="Only you", assignee=person, by=cast[Role.OWNER])
    open_task(cast.project, title="Any of you", role=Role.ML_ENGINEER, by=cast[Role.OWNER])
    seen = {}
    for word in ("me", "role", "all", "nonsense"):
        page = browser_of(person).get(f"/?for={word}").content.decode()
        page = page[: page.index("What happened lately")]
        seen[word] = ("Only you" in page, "Any of you" in page)
    assert seen == {"me": (True, False), "role": (False, True), "all": (True, True), "nonsense": (True, True)}


def test_nothing_needs_me_is_said_in_a_sentence(cast: Cast, browser_of: Browser) -> None:
    page = browser_of(cast[Role.VIEWER]).get("/").content.decode()
    assert "Nothing needs you. One project is moving without you." in page


def test_home_with_everything_asks_as_often_for_many_projects_as_for_few(cast: Cast, browser_of: Browser) -> None:
    person, browser = cast[Role.DATA_SCIENTIST], browser_of(cast[Role.DATA_SCIENTIST])

    def more(start: int, end: int) -> None:
        for number in range(start, end):
            project = Project.objects.create(key=f"p{number}", name=f"P {number}", question="?", created_by=person)
            roles = [Role.BUSINESS_ANALYST, Role.DATA_ENGINEER, Role.DATA_SCIENTIST, Role.ML_ENGINEER]
            Membership.objects.bulk_create(Membership(project=project, user=person, role=role) for role in roles)
            make_things(project, person, 10 + number)

    def asked() -> int:
        browser.get("/")
        with CaptureQueriesContext(connection) as seen:
            assert browser.get("/").status_code == 200
        return len(seen)

    more(0, 2)
    few = asked()
    more(2, 6)
    assert asked() <= few
