"""Looks at versions that are started on demand: row by row against another, and how columns go together."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from audit.actors import Actor
from audit.services import record
from datasets.models.versions import Version
from datasets.queries.findings import ASSOCIATIONS, DIFFERENCE
from jobs import services as jobs
from jobs.models import Job
from jobs.queries import of_subject
from problems.problem import Invalid

MOST_KEYS = 8


@transaction.atomic
def start_difference(version: Version, before: Version, key: Sequence[str], *, by: Actor) -> Job:
    """Match the rows of two versions of a dataset by a key."""
    names = list(dict.fromkeys(name for name in key if name))
    shared = {column["name"] for column in version.schema} & {column["name"] for column in before.schema}
    if not 1 <= len(names) <= MOST_KEYS or not set(names) <= shared:
        text = f"Name between 1 and {MOST_KEYS} columns that both versions have."
        raise Invalid(text, fields={"key": text})
    if before.pk == version.pk:
        text = "A version is compared with another one."
        raise Invalid(text, fields={"before": text})
    title = f"Compare {version} with v{before.number} by {', '.join(names)}"
    payload = {"version": str(version.pk), "before": str(before.pk), "before_number": before.number, "key": names}
    return _start(version, DIFFERENCE, title, payload, by)


@transaction.atomic
def start_associations(version: Version, target: str, *, by: Actor) -> Job:
    """Measure how the columns of a version go together, and which tell about the chosen one."""
    if target and target not in {column["name"] for column in version.schema}:
        text = f"{version} has no column “{target[:60]}”."
        raise Invalid(text, fields={"target": text})
    payload = {"version": str(version.pk), "target": target}
    return _start(version, ASSOCIATIONS, f"How the columns of {version} go together", payload, by)


def _start(version: Version, kind: str, title: str, payload: dict[str, Any], by: Actor) -> Job:
    """One at a time for each version: the same question while one is being answered joins it."""
    open_one = of_subject(version).filter(kind=kind, state__in=("queued", "running")).first()
    if open_one is not None and open_one.payload == payload:
        return open_one
    key = version.dataset.project.key
    job = jobs.start(kind, by=by, title=title[:200], subject=version, project_key=key, payload=payload)
    facts = {"dataset": version.dataset.name, "number": version.number, "what": title}
    record(by, "data.study_started", version, project_key=key, **facts)
    return job
