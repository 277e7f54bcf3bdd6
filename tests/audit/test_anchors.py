"""A60: what SQL can do to the audit, and how each is found."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client

from audit.actors import Machine
from audit.anchors import read_anchors, verify_against, write_anchor
from audit.chain import GENESIS, entry_hash
from audit.models import Entry, Head
from audit.protection import lift, protect
from audit.services import record, verify
from storage.blobs import put_bytes
from tests.conftest import Cast

pytestmark = pytest.mark.django_db
BY = Machine("test")


@pytest.fixture
def anchors(tmp_path: Path) -> Path:
    """Nine entries, with an anchor after the sixth and the ninth, in a file elsewhere."""
    blob, path = put_bytes(b"x"), tmp_path / "anchors.jsonl"
    for number in range(1, 10):
        record(BY, "test.happened", blob, number=number)
        if number in (6, 9):
            write_anchor(path)
    lift(connection)  # as the owner of the table can
    return path


def sql(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def rewrite_from(first: int, key: bytes) -> None:
    """A new chain from a row on, its head too: all that somebody with the database and a key can do."""
    before = Entry.objects.filter(seq=first - 1).first()
    previous = before.hash if before else GENESIS
    for entry in Entry.objects.filter(seq__gte=first).order_by("seq"):
        entry.actor_name, entry.previous_hash = "Somebody else", previous
        entry.hash = previous = entry_hash(key, previous, entry.content())
        entry.save()
    Head.objects.update(hash=previous)


FIELDS = {
    "actor_id": "'user:x'", "actor_name": "'Eve'", "name": "'test.else'", "subject_type": "'x.y'", "subject_id": "'0'",
    "project_key": "'other'", "at": "'2020-01-01 00:00:00'", "data": "'{}'", "previous_hash": "'0'", "hash": "'0'",
}  # fmt: skip


def told(path: Path) -> str:
    with pytest.raises(CommandError) as refusal:
        call_command("audit_verify", anchors=path)
    return str(refusal.value)


def test_an_honest_chain_holds_and_says_how_many(anchors: Path) -> None:
    out = io.StringIO()
    call_command("audit_verify", anchors=anchors, stdout=out)
    assert out.getvalue().strip() == "9 entries hold, and 2 anchors agree."


@pytest.mark.parametrize("field", FIELDS)
def test_any_changed_field_is_found(anchors: Path, field: str) -> None:
    sql(f"UPDATE audit_entry SET {field} = {FIELDS[field]} WHERE seq = 4")
    assert told(anchors).startswith("Entry 4 breaks the chain")


def test_a_deleted_middle_row_is_found(anchors: Path) -> None:
    sql("DELETE FROM audit_entry WHERE seq = 5")
    assert told(anchors).startswith("Entry 5 breaks the chain: an entry is missing")


def test_a_deleted_tail_is_found(anchors: Path) -> None:
    sql("DELETE FROM audit_entry WHERE seq > 7")
    assert told(anchors).startswith("Entry 8 breaks the chain")


def test_a_tail_cut_together_with_the_head_is_found_by_the_anchor(anchors: Path) -> None:
    sql(
        "DELETE FROM audit_entry WHERE seq > 7",
        "UPDATE audit_head SET seq = 7, hash = (SELECT hash FROM audit_entry WHERE seq = 7)",
    )
    assert verify().first_bad is None, "the chain alone cannot know"
    assert told(anchors).startswith("Entry 8 breaks the chain: the end was cut")


def test_two_rows_that_changed_places_are_found(anchors: Path) -> None:
    sql(
        "UPDATE audit_entry SET seq = 100 WHERE seq = 3",
        "UPDATE audit_entry SET seq = 3 WHERE seq = 4",
        "UPDATE audit_entry SET seq = 4 WHERE seq = 100",
    )
    assert told(anchors).startswith("Entry 3 breaks the chain")


def test_an_inserted_row_is_found(anchors: Path) -> None:
    last = Entry.objects.get(seq=9)
    last.pk = 10
    last.save(force_insert=True)
    assert told(anchors).startswith("Entry 10 breaks the chain")


def test_the_database_refuses_to_change_or_delete_entries(anchors: Path) -> None:
    """As the migration left it; and lifting it is the only way round."""
    protect(connection)
    tries = ["UPDATE audit_entry SET actor_name = 'Eve' WHERE seq = 4", "DELETE FROM audit_entry WHERE seq > 7",
             "DELETE FROM audit_entry", *["TRUNCATE audit_entry"] * (connection.vendor == "postgresql")]  # fmt: skip
    for statement in tries:
        with pytest.raises(DatabaseError, match="never changed or deleted"), transaction.atomic():
            sql(statement)
    with pytest.raises(DatabaseError, match="never changed or deleted"), transaction.atomic():
        Entry.objects.filter(seq=9).delete()
    assert record(BY, "test.happened", put_bytes(b"y")).seq == 10
    assert verify().checked == 10


def test_the_migrations_leave_the_entries_protected() -> None:
    record(BY, "test.happened", put_bytes(b"x"))
    with pytest.raises(DatabaseError, match="never changed or deleted"), transaction.atomic():
        sql("UPDATE audit_entry SET actor_name = 'Eve'")
    with pytest.raises(DatabaseError, match="never changed or deleted"), transaction.atomic():
        sql("DELETE FROM audit_entry")


@pytest.mark.parametrize("first", [1, 2, 5])
def test_a_chain_rewritten_from_a_row_on_is_found_without_the_key(anchors: Path, first: int) -> None:
    rewrite_from(first, b"a guessed key")
    assert told(anchors).startswith(f"Entry {first} breaks the chain")


@pytest.mark.parametrize(("first", "found"), [(1, 6), (5, 6), (8, 9)])
def test_a_chain_rewritten_with_the_key_is_found_by_the_anchor(anchors: Path, first: int, found: int) -> None:
    rewrite_from(first, settings.AUDIT_KEY)
    assert verify().first_bad is None, "the chain alone cannot know"
    assert told(anchors).startswith(f"Entry {found} breaks the chain: it was rewritten")


def test_anchors_are_written_once_for_each_state_and_survive_a_cut_line(anchors: Path) -> None:
    assert write_anchor(anchors) is None
    assert [anchor.seq for anchor in read_anchors(anchors)] == [6, 9]
    with anchors.open("a") as file:
        file.write('{"at": "2026-')
    assert [anchor.seq for anchor in read_anchors(anchors)] == [6, 9]
    assert verify_against(read_anchors(anchors)).first_bad is None
    assert oct(anchors.stat().st_mode & 0o777) == "0o600"


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    assert "There is no file" in told(tmp_path / "nothing.jsonl")


def test_nobody_changes_the_audit_over_rest(cast: Cast, api_of: Callable[..., Client]) -> None:
    client = api_of(cast.admin)
    for verb in (client.patch, client.delete, client.put, client.post):
        assert verb("/api/v1/projects/churn/activity/", {}, "application/json").status_code == 405
