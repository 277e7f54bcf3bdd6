"""The audit chain."""

import pytest
from django.db import connection

from audit.actors import Machine
from audit.models import Entry, Head
from audit.protection import lift
from audit.services import record, verify
from storage.blobs import put_bytes

pytestmark = pytest.mark.django_db
BY = Machine("test")


@pytest.fixture
def five_entries() -> None:
    blob = put_bytes(b"x")
    for number in range(5):
        record(BY, "test.happened", blob, number=number)
    lift(connection)  # as the owner of the table can


def test_an_honest_chain_holds(five_entries: None) -> None:
    proof = verify()
    assert proof.first_bad is None
    assert proof.checked == 5


def test_a_changed_field_is_found(five_entries: None) -> None:
    Entry.objects.filter(seq=3).update(data={"number": 99})
    assert verify().first_bad == 3


def test_a_deleted_middle_row_is_found(five_entries: None) -> None:
    Entry.objects.filter(seq=2).delete()
    assert verify().first_bad == 2


def test_a_cut_tail_is_found(five_entries: None) -> None:
    Entry.objects.filter(seq=5).delete()
    assert verify().first_bad == 5


def test_a_chain_rewritten_without_the_key_is_found(five_entries: None) -> None:
    from audit.chain import entry_hash

    previous = "0" * 64
    for entry in Entry.objects.order_by("seq"):
        entry.actor_name, entry.previous_hash = "Somebody else", previous
        entry.hash = previous = entry_hash(b"wrong key", previous, entry.content())
        entry.save()
    Head.objects.update(hash=previous)
    assert verify().first_bad == 1
