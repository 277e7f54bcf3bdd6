"""The rows of an archive as rows of this instance: new ids, references to them, people of elsewhere, new addresses."""

import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.serializers.base import DeserializationError
from django.core.serializers.python import Deserializer
from django.db import DataError, IntegrityError, models

from accounts.models import User
from projects.archives import lines_of, refused, taken
from projects.models.projects import Project
from projects.moving import BLOBS, PEOPLE, PROJECT, Column, Fields, Landing, Moved, in_order, links, target

MOST_DEPTH = 60


class Rows:
    """One landing: reads the checked lines of a folder and writes them as rows of a project."""

    def __init__(self, project: Project, landing: Landing, folder: Path, people: list[User]) -> None:
        self.project, self.landing, self.folder, self.people = project, landing, folder, people
        self.counts: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self._ids: dict[str, str] = {}
        self._here: dict[str, set[str]] = {}

    def keep(self) -> None:
        """Write all rows, each kind after those that it points to."""
        kinds = in_order()
        for kind in kinds:
            self._claim(kind)
        try:
            for kind in kinds:
                self._write(kind)
        except (IntegrityError, DataError) as error:
            raise refused("Its rows contradict each other.") from error

    def _lines(self, kind: Moved) -> Iterator[dict[str, Any]]:
        return lines_of(self.folder, f"rows/{kind.label}.jsonl")

    def _claim(self, kind: Moved) -> None:
        """New ids for all rows of a kind before any is written, and names that are free here."""
        ids = self.landing.ids.setdefault(kind.label, {})
        own = isinstance(kind.model._meta.pk, models.UUIDField)
        for row in self._lines(kind):
            if row["pk"] in ids:
                raise refused(f"Two rows of {kind.label} have the same id.")
            ids[row["pk"]] = str(uuid.uuid4()) if own else ""
            if kind.claim:
                kind.claim(row["fields"], self.landing)
        self._here[kind.label] = set(ids.values())
        if own:
            self._ids.update({old: new for old, new in ids.items() if len(old) == len(new)})

    def _write(self, kind: Moved) -> None:
        ids = self.landing.ids[kind.label]
        for number, row in enumerate(self._lines(kind), 1):
            where = f"line {number} of rows/{kind.label}.jsonl"
            fields: Fields = {name: self._value(kind, name, value, 0) for name, value in row["fields"].items()}
            self._named(kind, fields)
            if kind.arrive:
                kind.arrive(fields, self.landing)
            if not (self._is_about_this(fields) and self._pointed(kind, fields, where)):
                self.left_out[kind.label] += 1
                self._here[kind.label].discard(ids.pop(row["pk"]))
                continue
            made = _built(kind, ids[row["pk"]], fields, where)
            made.save_base(raw=True, force_insert=True)  # raw, so that moments stay what they were
            self.counts[kind.label] += 1
            if not ids[row["pk"]]:  # the database numbers these
                ids[row["pk"]] = str(made.pk)
                self._here[kind.label].add(str(made.pk))

    def _named(self, kind: Moved, fields: Fields) -> None:
        """What `claim` found free, now that the lines are read for the second time."""
        word = kind.model._meta.model_name or ""
        for column in ("name", "number") if kind.claim else ():
            new = self.landing.words.get((word, str(fields.get(column))))
            if new is not None:
                fields[column] = int(new) if column == "number" else new

    def _is_about_this(self, fields: Fields) -> bool:
        """A row by word and id must be one of this archive: nothing that is brought speaks of what was here before."""
        word, own = fields.get("subject_type"), fields.get("subject_id")
        if not isinstance(word, str) or not isinstance(own, str):
            return word is None
        if "." in word:
            return own in self._here.get(word, set())
        fields["subject_id"] = self.landing.words.get((word, own), own)
        return True

    def _pointed(self, kind: Moved, fields: Fields, where: str) -> bool:
        """Let every reference point to a row of here; False when one that must be there stayed out."""
        for column in links(kind.model):
            if column.name in kind.without:
                continue
            given = fields.get(column.name)
            fields[column.name] = found = self._found(column, given, where)
            if found is None and not column.null:
                if given is None:
                    raise refused(f"In {where}, {column.name} is missing.")
                return False
        return True

    def _found(self, column: Column, value: Any, where: str) -> str | None:
        label = target(column)
        if label == PROJECT:
            return str(self.project.pk)
        if value is None:
            return None
        if label == PEOPLE:
            if type(value) is not int or not 0 <= value < len(self.people):
                raise refused(f"In {where}, {column.name} is nobody who is listed.")
            return str(self.people[value].pk)
        if label == BLOBS:
            return taken(self.folder, value).name
        known = self.landing.ids.get(label, {}).get(str(value), str(value))
        return known if known and known in self._here.get(label, set()) else None

    # ---- Words inside of rows ----

    def _value(self, kind: Moved, name: str, value: Any, depth: int) -> Any:
        if depth > MOST_DEPTH:
            raise refused("Its rows are nested too deeply.")
        if isinstance(value, dict):
            return {key: self._value(kind, key, one, depth + 1) for key, one in value.items()}
        if isinstance(value, list):
            return [self._value(kind, name, one, depth + 1) for one in value]
        if not isinstance(value, str):
            return value
        if name.endswith("url") and (not depth or kind.model._meta.app_label == Project._meta.app_label):
            return self._address(value)
        return self._ids.get(value, value)

    def _address(self, value: str) -> str:
        """An address of the project as it is here; any other address is left out."""
        old, new = f"/p/{self.landing.old_key}/", f"/p/{self.landing.key}/"
        if not value.startswith(old):
            return ""
        path = "/" + value.removeprefix(old)
        for before, after in self.landing.paths.items():
            if path.startswith(before):
                path = after + path.removeprefix(before)
                break
        return new + path.removeprefix("/")


def _built(kind: Moved, pk: str, fields: Fields, where: str) -> models.Model:
    """The row, every column of it checked as a form would."""
    columns = {column.name: column for column in kind.model._meta.concrete_fields if not column.primary_key}
    carried = {name: value for name, value in fields.items() if name not in kind.without}
    if strange := sorted(carried.keys() - columns.keys()):
        raise refused(f"In {where} stands {strange[0][:40]!r}, which this version does not know.")
    for name, value in carried.items():
        shape = columns[name].default
        if shape in (dict, list) and not isinstance(value, shape):
            raise refused(f"In {where}, {name} is of another shape.")
    row = {"model": kind.label, "pk": pk or None, "fields": carried}
    try:
        made: models.Model = next(iter(Deserializer([row]))).object
    except (DeserializationError, TypeError, ValueError, OverflowError, LookupError) as error:
        raise refused(f"{where.capitalize()} is not a row of this version.") from error
    try:
        made.clean_fields(exclude=[column.name for column in links(kind.model)])
    except ValidationError as error:
        _refuse(error, where)
    return made


def _refuse(error: ValidationError, where: str) -> None:
    """Empty texts are as they were there; everything else that is wrong refuses the archive."""
    for name, found in error.error_dict.items():
        if wrong := [one for one in found if one.code != "blank"]:
            raise refused(f"In {where}, {name}: {' '.join(wrong[0].messages)[:200]}") from error
