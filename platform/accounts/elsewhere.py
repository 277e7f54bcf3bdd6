"""People of other instances, whose names stand in imported history: accounts that nobody can ever use."""

from collections.abc import Iterable
from uuid import UUID

from accounts.models import User

ELSEWHERE = "@imported.invalid"  # a domain that never exists, so no mail and no single sign-on reaches them
MARK = " (imported)"


def _address(place: str, batch: UUID) -> str:
    return f"{place}.{batch.hex}{ELSEWHERE}"


def remember(names: Iterable[str], *, batch: UUID) -> list[User]:
    """One unusable account for each name, in order. History never names people of this instance for others' deeds."""
    people = []
    for place, name in enumerate(names):
        plain = "".join(char for char in name if char.isprintable()).removesuffix(MARK)[: 120 - len(MARK)].strip()
        person = User(email=_address(str(place), batch), name=f"{plain or 'Somebody'}{MARK}", is_active=False)
        person.set_unusable_password()
        people.append(person)
    return User.objects.bulk_create(people)


def forget(batch: UUID) -> None:
    """They go with the last row that names them."""
    User.objects.filter(email__endswith=f".{batch.hex}{ELSEWHERE}").delete()
