"""Bringing an archive: from the upload to a project of its own, or to a refusal that leaves nothing behind."""

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from accounts.elsewhere import remember
from accounts.models import User
from audit.services import record
from jobs import services as jobs
from jobs.models import Job
from problems.problem import Conflict, Denied, Invalid, Problem, TooLarge
from projects.archives import lines_of, refused, taken
from projects.models.define import Charter
from projects.models.projects import Project
from projects.models.transfers import Import, TransferState
from projects.moving import MOVED, STAYS, Landing
from projects.naming import KEY_LENGTH, NAME_LENGTH, QUESTION_LENGTH, wrong_key
from projects.overview import rail, sections
from projects.permissions import Role
from projects.services.landing import Rows
from projects.services.projects import create_project
from projects.standing import standings
from storage import blobs
from storage.models import Blob

ZIP = b"PK\x03\x04"
MOST_PEOPLE = 1000
MOST_NOTES = 200


def check_size(size: int) -> None:
    """Refuse an upload beyond the limit of this instance."""
    if size > settings.UPLOAD_MAX_BYTES:
        most = filesizeformat(settings.UPLOAD_MAX_BYTES)
        text = f"The archive has {filesizeformat(size)}; at most {most} can be uploaded (BATON_UPLOAD_MAX_MB)."
        raise TooLarge(text, fields={"file": text})


def check_beginning(first: bytes) -> None:
    """What does not even begin like an archive is refused at once."""
    if not first.startswith(ZIP):
        text = "This is not an archive of a project: it is no zip file."
        raise Invalid(text, fields={"file": text}, code="bad_archive")


def check_key(key: str) -> str:
    """The key that the project is to have here: well written, and free."""
    key = key.strip().lower()
    text = wrong_key(key)
    if text:
        raise Invalid(text, fields={"key": text})
    if Project.everything.filter(key=key).exists():
        text = "This key is taken. Choose another."
        raise Conflict(text, code="key_taken", fields={"key": text})
    return key


@transaction.atomic
def start_import(*, key: str, name: str, file: Blob, file_name: str, by: User) -> tuple[Import, Job]:
    """Begin to make a project of a stored archive, under a key that is free. `name` may give it another name."""
    brought = Import.objects.create(
        key=check_key(key),
        name=name.strip()[:NAME_LENGTH],
        file_name=file_name[:200],
        file=file,
        left=[file.sha256],
        created_by=by,
    )
    job = jobs.start(
        "projects.import",
        by=by,
        title=f"Import {brought.file_name}"[:200],
        subject=brought,
        payload={"import": str(brought.pk)},
    )
    return brought, job


def fail_import(job: Job) -> None:
    """Its job ended badly: why is told, and the bytes are freed by the sweep."""
    waiting = Import.objects.filter(pk=job.payload["import"], state=TransferState.WAITING)
    waiting.update(state=TransferState.FAILED, message=job.message, file=None)


def to_check(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """What is looked at in the limited child before it is believed: for each entry the files, with what is said."""
    found: dict[str, list[dict[str, Any]]] = {}
    for kind in MOVED.values():
        if kind.check is None:
            continue
        for row in lines_of(folder, f"rows/{kind.label}.jsonl"):
            sha256 = row["fields"].get(kind.check.column)
            if sha256 is not None:
                path = taken(folder, sha256)
                found.setdefault(kind.check.entry, []).append(kind.check.facts(row["fields"]) | {"path": str(path)})
    return found


def keep_contents(brought: Import, folder: Path, beat: Callable[[], None]) -> None:
    """Store what the archive brought. The import remembers the hashes till the end, so that none is forgotten."""
    wanted = sorted(path.name for path in (folder / "taken").iterdir() if blobs.SHA256.fullmatch(path.name))
    Import.objects.filter(pk=brought.pk).update(left=sorted({*wanted, str(brought.file_id)}))
    for sha256 in wanted:
        blobs.put_file(folder / "taken" / sha256)
        beat()


def finish_import(brought: Import, manifest: dict[str, Any], folder: Path) -> Project:
    """Make the project with all its rows. Call it in the transaction that ends the job: all of it, or nothing."""
    by = brought.created_by
    if not by.is_active:
        raise Denied("Whoever brought it has no account here any more.")
    told = _told(manifest)
    project = create_project(
        name=brought.name or told["name"], question=told["question"], kind=told["kind"], key=brought.key, by=by
    )
    Charter.objects.filter(project=project).delete()
    Project.objects.filter(pk=project.pk).update(round=told["round"])
    project.refresh_from_db()
    landing = Landing(told["key"], project.key, told["packed_at"])
    people = remember(_people(lines_of(folder, "people.jsonl")), batch=project.pk)
    rows = Rows(project, landing, folder, people)
    rows.keep()
    if not Charter.objects.filter(project=project).exists():
        Charter.objects.create(project=project)
    _look(project)
    report = {
        "counts": dict(rows.counts),
        "left_out": dict(rows.left_out),
        "stays": sorted(set(STAYS.values())),
        "notes": list(dict.fromkeys(landing.notes))[:MOST_NOTES],
        "team": [one for one in _team(lines_of(folder, "team.jsonl")) if one["email"] != by.email],
        "was": told["key"],
    }
    Import.objects.filter(pk=brought.pk).update(
        state=TransferState.DONE, file=None, project=project, report=report, name=project.name
    )
    record(by, "project.imported", project, project_key=project.key, was=told["key"], rows=rows.counts.total())
    return project


def _told(manifest: dict[str, Any]) -> dict[str, Any]:
    """What the manifest says of the project itself, checked."""
    said = manifest.get("project")
    said = said if isinstance(said, dict) else {}
    texts = {"name": NAME_LENGTH, "question": QUESTION_LENGTH, "kind": 12, "key": KEY_LENGTH}
    wrong = [name for name, most in texts.items() if not isinstance(said.get(name), str) or len(said[name]) > most]
    number = said.get("round")
    if wrong or wrong_key(said["key"]) or type(number) is not int or not 1 <= number <= 30_000:
        raise refused("Its manifest.json does not say of which project it is.")
    try:
        packed_at = datetime.fromisoformat(str(manifest.get("packed_at")))
    except ValueError:
        packed_at = timezone.now()
    if packed_at.tzinfo is None:
        raise refused("Its manifest.json does not say when it was packed.")
    return {**said, "packed_at": packed_at}


def _people(lines: Iterable[dict[str, Any]]) -> list[str]:
    """The names that stand in the history, by place."""
    names = [str(line.get("name", ""))[:200] for line in lines]
    if len(names) > MOST_PEOPLE:
        raise refused(f"It names more than {MOST_PEOPLE} people.")
    return names


def _team(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Who was in the team, as a note: nobody gets a right by it."""
    found = []
    for line in lines:
        held = line.get("roles")
        roles = [role.value for role in Role if isinstance(held, list) and role in held]
        found.append({"name": str(line.get("name"))[:120], "email": str(line.get("email"))[:254], "roles": roles})
    return found[:MOST_PEOPLE]


def _look(project: Project) -> None:
    """Look at the project as the lists of everybody do: what cannot be shown is refused before it is there."""
    try:
        standings([project])
        rail(project)
        sections(project, frozenset(Role))
    except Problem:
        raise
    except Exception as error:
        raise refused(f"What it holds cannot be shown ({type(error).__name__}).") from error


def kinds() -> list[str]:
    """The kinds of rows that this version knows."""
    return sorted(MOVED)
