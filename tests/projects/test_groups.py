"""Groups: what they give takes effect, and ends, with the next request."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import Group, User
from audit.services import verify
from problems.problem import Conflict, Invalid
from projects.models.team import Membership
from projects.permissions import Role
from projects.queries.groups import groups_of
from projects.queries.team import member_for
from projects.services.groups import change_group, delete_group, remove_group, set_group_roles
from projects.services.team import remove_member, set_roles
from tests.conftest import Cast

Browser = Callable[[User], Client]
Api = Callable[..., Client]


@pytest.fixture
def crew(cast: Cast) -> Group:
    """The stranger's group, data engineers in the project of the cast."""
    group = change_group(None, name="Data crew", members=[cast.stranger], by=cast.admin)
    set_group_roles(cast.project, group, roles=["data_engineer"], by=cast[Role.OWNER])
    return group


def test_a_group_opens_the_project_and_its_end_closes_it_at_once(
    cast: Cast, crew: Group, browser_of: Browser, api_of: Api
) -> None:
    """A09: session and token alike."""
    session, token = browser_of(cast.stranger), api_of(cast.stranger)
    doors = [(session, "/p/churn/"), (token, "/api/v1/projects/churn/")]
    assert [client.get(path).status_code for client, path in doors] == [200, 200]
    change_group(crew, name=crew.name, members=[], by=cast.admin)
    assert [client.get(path).status_code for client, path in doors] == [404, 404]
    change_group(crew, name=crew.name, members=[cast.stranger], by=cast.admin)
    assert [client.get(path).status_code for client, path in doors] == [200, 200]
    remove_group(cast.project, crew, by=cast[Role.OWNER])
    assert [client.get(path).status_code for client, path in doors] == [404, 404]
    set_group_roles(cast.project, crew, roles=["viewer"], by=cast[Role.OWNER])
    delete_group(crew, by=cast.admin)
    assert [client.get(path).status_code for client, path in doors] == [404, 404]
    assert verify().first_bad is None


def test_roles_of_the_group_follow_its_row_in_the_project(cast: Cast, crew: Group) -> None:
    assert member_for(cast.project, cast.stranger.pk).roles == {Role.DATA_ENGINEER}
    set_group_roles(cast.project, crew, roles=["viewer", "data_analyst"], by=cast[Role.OWNER])
    assert member_for(cast.project, cast.stranger.pk).roles == {Role.VIEWER, Role.DATA_ANALYST}
    assert [(seat.group, seat.roles, seat.size) for seat in groups_of(cast.project)] == [
        (crew, [Role.DATA_ANALYST, Role.VIEWER], 1)
    ]


def test_own_roles_stay_when_the_group_goes(cast: Cast, crew: Group) -> None:
    analyst = cast[Role.DATA_ANALYST]
    change_group(crew, name=crew.name, members=[analyst], by=cast.admin)
    assert member_for(cast.project, analyst.pk).roles == {Role.DATA_ANALYST, Role.DATA_ENGINEER}
    set_roles(cast.project, analyst, roles=["viewer"], by=cast[Role.OWNER])
    assert member_for(cast.project, analyst.pk).roles == {Role.VIEWER, Role.DATA_ENGINEER}
    delete_group(crew, by=cast.admin)
    assert member_for(cast.project, analyst.pk).roles == {Role.VIEWER}


def test_who_is_in_through_a_group_leaves_through_it(cast: Cast, crew: Group) -> None:
    with pytest.raises(Conflict, match="Data crew"):
        remove_member(cast.project, cast.stranger, by=cast[Role.OWNER])


def test_the_last_owner_stays_by_whatever_way_they_came(cast: Cast, crew: Group) -> None:
    """A09."""
    set_group_roles(cast.project, crew, roles=["owner"], by=cast[Role.OWNER])
    remove_member(cast.project, cast[Role.OWNER], by=cast.stranger)
    for act in (
        lambda: remove_group(cast.project, crew, by=cast.stranger),
        lambda: set_group_roles(cast.project, crew, roles=["viewer"], by=cast.stranger),
        lambda: change_group(crew, name="Empty", members=[], by=cast.admin),
        lambda: delete_group(crew, by=cast.admin),
    ):
        with pytest.raises(Conflict) as refusal:
            act()
        assert refusal.value.code == "last_owner"
    assert Membership.objects.filter(project=cast.project, user=cast.stranger, role="owner").exists()
    assert Group.objects.get().name == "Data crew"


def test_names_are_unique_in_any_case_and_members_have_accounts(cast: Cast, crew: Group, api_of: Api) -> None:
    with pytest.raises(Invalid):
        change_group(None, name=" data  CREW", members=[], by=cast.admin)
    client = api_of(cast.admin)
    body = {"name": "Others", "members": ["nobody@example.org"]}
    assert client.post("/api/v1/groups/", body, "application/json").status_code == 422
    assert api_of(cast[Role.OWNER]).get("/api/v1/groups/").status_code == 403


def test_administrators_make_groups_and_owners_seat_them_on_pages(cast: Cast, browser_of: Browser) -> None:
    admin, owner = browser_of(cast.admin), browser_of(cast[Role.OWNER])
    assert admin.post("/groups/", {"name": "Crew", "members": "Stranger@example.org\n"}).status_code == 302
    group = Group.objects.get()
    form = {"group": str(group.pk), "roles": ["viewer"]}
    assert owner.post("/p/churn/team/groups/", form).status_code == 302
    assert "Crew" in owner.get("/p/churn/team/groups/").content.decode()
    assert browser_of(cast.stranger).get("/p/churn/").status_code == 200
    assert "stranger@example.org" in admin.get(f"/groups/{group.pk}/").content.decode()
    assert owner.post(f"/p/churn/team/groups/{group.pk}/remove/").status_code == 302
    assert admin.post(f"/groups/{group.pk}/delete/").status_code == 302
    assert not Group.objects.exists()


def test_the_list_of_groups_does_not_ask_once_for_each(
    cast: Cast, browser_of: Browser, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    for number in range(20):
        group = change_group(None, name=f"Group {number}", members=[cast.stranger], by=cast.admin)
        set_group_roles(cast.project, group, roles=["viewer"], by=cast[Role.OWNER])
    admin, owner = browser_of(cast.admin), browser_of(cast[Role.OWNER])
    with django_assert_max_num_queries(10):  # type: ignore[attr-defined]
        admin.get("/groups/")
    with django_assert_max_num_queries(35):  # type: ignore[attr-defined]
        owner.get("/p/churn/team/groups/")
