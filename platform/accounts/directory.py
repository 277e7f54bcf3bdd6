"""Fills the address book of the notices room."""

from collections.abc import Collection
from uuid import UUID

from accounts.models import User
from notices.directory import Reached, book


@book
def active_people(people: Collection[UUID]) -> dict[UUID, Reached]:
    """Everybody who can sign in."""
    rows = User.objects.filter(pk__in=people, is_active=True).values_list("pk", "name", "email")
    return {pk: Reached(name, email) for pk, name, email in rows}
