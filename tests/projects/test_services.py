"""Projects and teams: what the services keep true."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from audit.models import Entry
from notices.models import Notice
from problems.problem import Conflict, Denied, Gone, Invalid, Missing
from projects.access import project_for
from projects.models.projects import Project
from projects.models.team import Invitation, Membership
from projects.permissions import Role
from projects.queries.define import charter_of
from projects.queries.team import invitation_by, member_for, open_invitations
from projects.services.projects import create_project
from projects.services.team import accept_invitation, remove_member, set_roles, withdraw_invitation
from projects.services.team import invite as invite_person
from tests.conftest import PASSWORD, Cast

pytestmark = pytest.mark.django_db


def new(by: User, **fields: object) -> Project:
    given = {"name": "Delivery time", "question": "How long?", "kind": "regression"} | fields
    return create_project(**given, by=by)  # type: ignore[arg-type]


def test_the_creator_owns_the_project_and_holds_the_ticked_roles(cast: Cast) -> None:
    project = new(cast.stranger, roles=[Role.DATA_SCIENTIST])
    assert project.key == "delivery-time"
    assert member_for(project, cast.stranger.pk).roles == {Role.OWNER, Role.DATA_SCIENTIST}
    assert charter_of(project).version == 0
    assert Entry.objects.get(name="project.created").project_key == "delivery-time"


def test_a_second_project_of_the_same_name_gets_another_key(cast: Cast) -> None:
    keys = [new(cast.stranger).key for _ in range(3)]
    assert keys == ["delivery-time", "delivery-time-2", "delivery-time-3"]


def test_a_chosen_key_that_is_taken_is_refused_by_the_database_itself(cast: Cast) -> None:
    with pytest.raises(Conflict) as refusal:
        new(cast.stranger, key="churn")
    assert refusal.value.code == "key_taken"
    assert "key" in refusal.value.fields
    assert Project.objects.filter(key="churn").count() == 1


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"question": ""}, "question"),
        ({"kind": "ranking"}, "kind"),
        ({"key": "Not A Key"}, "key"),
        ({"key": "a--b"}, "key"),
        ({"key": "../etc"}, "key"),
        ({"name": "客户"}, "key"),
    ],
)
def test_what_is_wrong_with_a_new_project_is_said_by_field(cast: Cast, fields: dict[str, str], wrong: str) -> None:
    with pytest.raises(Invalid) as refusal:
        new(cast.stranger, **fields)
    assert list(refusal.value.fields) == [wrong]


def test_an_invitation_makes_an_account_once(cast: Cast) -> None:
    owner = cast[Role.OWNER]
    invitation, secret = invite_person(cast.project, email="New@Example.org", roles=["viewer", "dba"], by=owner)
    assert secret not in str(vars(Invitation.objects.get(pk=invitation.pk)))
    project, person = accept_invitation(secret, user=None, name="New Person", password=PASSWORD)
    assert project == cast.project
    assert person.check_password(PASSWORD)
    assert member_for(project, person.pk).roles == {Role.VIEWER, Role.DBA}
    assert Notice.objects.get(recipient_id=owner.pk).text == "New Person joined Customer churn."
    with pytest.raises(Gone):
        accept_invitation(secret, user=person)


def test_an_invitation_adds_roles_to_the_account_with_its_address_and_to_no_other(cast: Cast) -> None:
    owner, stranger = cast[Role.OWNER], cast.stranger
    _, secret = invite_person(cast.project, email="STRANGER@example.org", roles=["viewer"], by=owner)
    with pytest.raises(Denied):
        accept_invitation(secret, user=cast[Role.VIEWER])
    with pytest.raises(Denied) as refusal:
        accept_invitation(secret, user=None, name="Impostor", password=PASSWORD)
    assert refusal.value.code == "sign_in_first"
    accept_invitation(secret, user=stranger)
    assert member_for(cast.project, stranger.pk).roles == {Role.VIEWER}


def test_a_refused_acceptance_leaves_the_invitation_usable(cast: Cast) -> None:
    _, secret = invite_person(cast.project, email="new@example.org", roles=["viewer"], by=cast[Role.OWNER])
    with pytest.raises(Invalid) as refusal:
        accept_invitation(secret, user=None, name="New", password="short")
    assert list(refusal.value.fields) == ["password"]
    accept_invitation(secret, user=None, name="New", password=PASSWORD)


def test_an_invitation_ends_by_time_by_withdrawal_and_by_a_newer_one(cast: Cast) -> None:
    def invite() -> tuple[Invitation, str]:
        return invite_person(cast.project, email="new@example.org", roles=["viewer"], by=cast[Role.OWNER])

    old, first = invite()
    assert timedelta(days=6, hours=23) < old.expires_at - timezone.now() <= timedelta(days=7)
    expired, second = invite()
    with pytest.raises(Gone, match="withdrawn"):
        invitation_by(first)
    Invitation.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
    with pytest.raises(Gone, match="expired"):
        accept_invitation(second, user=None, name="New", password=PASSWORD)
    withdrawn, third = invite()
    withdraw_invitation(withdrawn, by=cast[Role.OWNER])
    with pytest.raises(Gone, match="withdrawn"):
        accept_invitation(third, user=None, name="New", password=PASSWORD)
    with pytest.raises(Conflict):
        withdraw_invitation(withdrawn, by=cast[Role.OWNER])
    assert not User.objects.filter(email="new@example.org").exists()


@pytest.mark.parametrize("secret", ["", "invite_unknown", "ü" * 20, "x" * 5000])
def test_an_unknown_secret_is_missing(cast: Cast, secret: str) -> None:
    with pytest.raises(Missing):
        invitation_by(secret)


def test_whoever_holds_the_roles_already_is_not_invited_again(cast: Cast) -> None:
    with pytest.raises(Conflict):
        invite_person(cast.project, email="viewer@example.org", roles=["viewer"], by=cast[Role.OWNER])
    invite_person(cast.project, email="viewer@example.org", roles=["viewer", "dba"], by=cast[Role.OWNER])


@pytest.mark.parametrize("roles", [[], ["emperor"]])
def test_roles_are_checked(cast: Cast, roles: list[str]) -> None:
    with pytest.raises(Invalid):
        set_roles(cast.project, cast[Role.VIEWER], roles=roles, by=cast[Role.OWNER])


def test_changed_roles_hold_from_the_next_look_on(cast: Cast) -> None:
    viewer = cast[Role.VIEWER]
    with pytest.raises(Denied):
        project_for(viewer, "churn", "run.start")
    set_roles(cast.project, viewer, roles=["data_scientist"], by=cast[Role.OWNER])
    assert project_for(viewer, "churn", "run.start")[1] == {Role.DATA_SCIENTIST}
    assert Entry.objects.get(name="member.roles_changed").data["before"] == ["viewer"]


def test_a_removed_person_meets_a_closed_door(cast: Cast) -> None:
    viewer = cast[Role.VIEWER]
    invite_person(cast.project, email=viewer.email, roles=["dba"], by=cast[Role.OWNER])
    remove_member(cast.project, viewer, by=cast[Role.OWNER])
    with pytest.raises(Missing):
        project_for(viewer, "churn", "project.read")
    assert not open_invitations(cast.project).exists()


def test_the_last_owner_stays(cast: Cast) -> None:
    owner, viewer = cast[Role.OWNER], cast[Role.VIEWER]
    for act in (
        lambda: remove_member(cast.project, owner, by=owner),
        lambda: set_roles(cast.project, owner, roles=["viewer"], by=owner),
    ):
        with pytest.raises(Conflict) as refusal:
            act()
        assert refusal.value.code == "last_owner"
    set_roles(cast.project, viewer, roles=["owner"], by=owner)
    remove_member(cast.project, owner, by=viewer)
    assert list(Membership.objects.filter(project=cast.project, role="owner").values_list("user", flat=True)) == [
        viewer.pk
    ]


def test_an_owner_who_cannot_sign_in_does_not_count(cast: Cast) -> None:
    owner, viewer = cast[Role.OWNER], cast[Role.VIEWER]
    set_roles(cast.project, viewer, roles=["owner"], by=owner)
    User.objects.filter(pk=viewer.pk).update(is_active=False)
    with pytest.raises(Conflict):
        remove_member(cast.project, owner, by=owner)


def test_strangers_are_not_in_the_team(cast: Cast) -> None:
    with pytest.raises(Missing):
        remove_member(cast.project, cast.stranger, by=cast[Role.OWNER])
    with pytest.raises(Missing):
        set_roles(cast.project, cast.stranger, roles=["viewer"], by=cast[Role.OWNER])


def test_the_link_of_somebody_who_may_no_longer_invite_is_dead(cast: Cast) -> None:
    owner, viewer = cast[Role.OWNER], cast[Role.VIEWER]
    set_roles(cast.project, viewer, roles=["owner"], by=owner)
    _, secret = invite_person(cast.project, email="new@example.org", roles=["owner"], by=viewer)
    set_roles(cast.project, viewer, roles=["viewer"], by=owner)
    with pytest.raises(Gone, match="no longer invites"):
        accept_invitation(secret, user=None, name="New", password=PASSWORD)
