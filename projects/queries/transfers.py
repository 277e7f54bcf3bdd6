"""Archives of a project and archives that one brought; and all rows of a project as they are packed."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.serializers.python import Serializer
from django.db import connection, models, transaction
from django.db.models import QuerySet

from accounts.models import User
from audit.models import Entry
from problems.problem import Gone, Missing
from projects.models.projects import Project
from projects.models.transfers import Export, Import, TransferState
from projects.moving import BLOBS, MOVED, PEOPLE, Fields, Moved, in_order, links, target
from projects.queries.team import members_of

BATCH = 500
FACTS = ("name", "question", "kind", "round")


def exports_of(project: Project) -> QuerySet[Export]:
    """The archives of a project, newest first."""
    return Export.objects.filter(project=project).select_related("file", "created_by")


def export_for(project: Project, export_id: UUID) -> Export:
    """One archive of the project."""
    found = exports_of(project).filter(pk=export_id).first()
    if found is None:
        raise Missing("There is no such archive of this project.")
    return found


def file_of(export: Export) -> str:
    """The hash of an archive that can be downloaded."""
    if export.state == TransferState.GONE:
        raise Gone("This archive was deleted after its days. Make a new one.")
    if export.file_id is None:
        raise Missing("This archive is not ready.")
    return str(export.file_id)


def import_for(user: User, import_id: UUID) -> Import:
    """One import, for whoever brought it."""
    found = Import.objects.filter(pk=import_id, created_by=user).select_related("project").first()
    if found is None:
        raise Missing("There is no such import of yours.")
    return found


def imports_of(user: User) -> QuerySet[Import]:
    """What a person brought, newest first."""
    return Import.objects.filter(created_by=user).select_related("project")


# ---- Packing ----


@dataclass
class Packed:
    """What was written: how many rows of each kind, which stored contents they need, and how many rows stayed out."""

    project: dict[str, Any] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    blobs: set[str] = field(default_factory=set)
    people: dict[str, int] = field(default_factory=dict)
    kept: dict[str, set[str]] = field(default_factory=dict)


def pack_rows(project: Project, folder: Path) -> Packed:
    """Write every row that moves into files of lines under `folder`, all as of one moment."""
    packed = Packed({name: getattr(project, name) for name in FACTS} | {"key": project.key})
    with transaction.atomic():
        if connection.vendor == "postgresql" and len(connection.savepoint_ids) == 0:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        for kind in in_order():
            _write(folder / f"rows.{kind.label}.jsonl", _rows(kind, project, packed))
        _write(folder / "team.jsonl", _team(project))
        _write(folder / "people.jsonl", _people(packed))
        _write(folder / "audit.jsonl", _audit(project))
    return packed


def _write(path: Path, lines: Iterator[Fields]) -> None:
    with path.open("x") as file:
        for line in lines:
            file.write(json.dumps(line, default=_plain) + "\n")


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime | date) else str(value)


def _rows(kind: Moved, project: Project, packed: Packed) -> Iterator[Fields]:
    found = kind.model._default_manager.filter(**{kind.within: project}).order_by("pk")
    packed.kept[kind.label] = {str(pk) for pk in found.values_list("pk", flat=True)}
    for row in found.iterator(chunk_size=BATCH):
        made: Fields = Serializer().serialize([row])[0]
        fields = made["fields"]
        if _complete(kind, fields, packed):
            packed.counts[kind.label] += 1
            yield {"model": kind.label, "pk": str(made["pk"]), "fields": fields}
        else:
            packed.left_out[kind.label] += 1
            packed.kept[kind.label].discard(str(made["pk"]))


def _complete(kind: Moved, fields: Fields, packed: Packed) -> bool:
    """Put what the row points to into the archive's own words; False when it needs something that stays behind."""
    for name in kind.without:
        fields.pop(name)
    for column in links(kind.model):
        value, label = fields.get(column.name), target(column)
        if value is None:
            continue
        if label == PEOPLE:
            fields[column.name] = packed.people.setdefault(str(value), len(packed.people))
        elif label == BLOBS:
            packed.blobs.add(str(value))
        elif label in MOVED and str(value) not in packed.kept[label]:
            if not column.null:
                return False
            fields[column.name] = None
    return True


def _people(packed: Packed) -> Iterator[Fields]:
    names = dict(_names(list(packed.people)))
    for person in packed.people:
        yield {"name": names.get(person, "")}


def _names(ids: list[str]) -> Iterator[tuple[str, str]]:
    for start in range(0, len(ids), BATCH):
        for pk, name in User.objects.filter(pk__in=ids[start : start + BATCH]).values_list("pk", "name"):
            yield str(pk), name


def _team(project: Project) -> Iterator[Fields]:
    for member in members_of(project):
        yield {"name": member.user.name, "email": member.user.email, "roles": member.sorted_roles}


def _audit(project: Project) -> Iterator[Fields]:
    names: list[models.Field[Any, Any]] = list(Entry._meta.concrete_fields)
    for entry in Entry.objects.filter(project_key=project.key).order_by("seq").iterator(chunk_size=BATCH):
        yield {column.attname: getattr(entry, column.attname) for column in names}
