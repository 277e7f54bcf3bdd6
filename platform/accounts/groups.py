"""Groups of people: their names and members. What a group may do where, the projects say."""

from collections.abc import Iterable
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Count, QuerySet

from accounts.models import Group, User, plain_address
from audit.actors import Actor
from audit.services import record
from problems.problem import Invalid, Missing


def all_groups() -> QuerySet[Group]:
    """Every group by name, with the number of its members in `size`."""
    return Group.objects.annotate(size=Count("members")).order_by("name")


def group_for(pk: UUID) -> Group:
    """One group."""
    group = Group.objects.filter(pk=pk).first()
    if group is None:
        raise Missing("There is no such group.")
    return group


def people_at(addresses: Iterable[str]) -> list[User]:
    """The people with these e-mail addresses; an unknown one is refused."""
    wanted = sorted({plain_address(address) for address in addresses if address.strip()})
    found = {user.email.lower(): user for user in User.objects.filter(email__in=wanted, is_active=True)}
    if unknown := [address for address in wanted if address not in found]:
        text = f"Nobody here has the address {unknown[0]}."
        raise Invalid(text, fields={"members": text})
    return [found[address] for address in wanted]


def _checked(name: str) -> str:
    plain = " ".join(name.split())
    if not 1 <= len(plain) <= 80 or not plain.isprintable():
        raise Invalid("A group needs a name.", fields={"name": "1 to 80 printable characters."})
    return plain


@transaction.atomic
def save_group(group: Group | None, *, name: str, members: list[User], by: Actor) -> Group:
    """A new group, or another name and other members for one."""
    verb = "group.changed" if group else "group.created"
    group = Group.objects.select_for_update().get(pk=group.pk) if group else Group()
    group.name = _checked(name)
    try:
        with transaction.atomic():
            group.save()
    except IntegrityError:
        raise Invalid("There is a group of this name.", fields={"name": "There is a group of this name."}) from None
    group.members.set(members)
    record(by, verb, group, title=group.name, members=sorted(user.email for user in members))
    return group


@transaction.atomic
def delete_group(group: Group, *, by: Actor) -> None:
    """The group goes; its people stay."""
    record(by, "group.deleted", group, title=group.name)
    group.delete()
