"""A data version that a room above made of another: kept, with its origin in words and its inherited tags."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Max

from accounts.models import User
from audit.actors import Actor
from audit.services import record
from datasets.models.versions import Dataset, Version
from datasets.services import contracts, tags, versions
from datasets.services.checks import check_when_made
from problems.problem import Conflict
from projects.models.projects import Project
from storage.models import Blob


@transaction.atomic
def target_for(project: Project, name: str, *, by: Actor) -> Dataset:
    """The dataset of that name, new if there is none."""
    clean = versions.dataset_name(name)
    person = by if isinstance(by, User) else None
    dataset, _ = Dataset.everything.get_or_create(project=project, name=clean, defaults={"created_by": person})
    if dataset.deleted_at:
        text = f"{clean} is in the bin. Restore it there, or give this one another name."
        raise Conflict(text, code="in_the_bin", fields={"target": text})
    return dataset


@transaction.atomic
def add_made(
    dataset: Dataset,
    *,
    table: Blob,
    answer: Mapping[str, Any],
    read: Version,
    kept: Sequence[str],
    words: str,
    publish: bool,
    by: Actor,
) -> Version:
    """The next version of a dataset, made of `read`; `kept` are the columns that came from there as they were.

    With `publish` it is published where nothing stands in its way.
    """
    target = Dataset.everything.select_for_update(of=("self",)).select_related("project").get(pk=dataset.pk)
    last = Version.everything.filter(dataset=target).aggregate(last=Max("number"))["last"] or 0
    version = Version.objects.create(
        dataset=target,
        number=last + 1,
        table=table,
        rows=answer["rows"],
        schema=answer["schema"],
        profile=answer["profile"],
        report={"format": words, "answered": True},  # by a model: the newest data of the project is another
    )
    tags.inherit_from(version, [read], kept)
    facts = {"dataset": target.name, "number": version.number, "rows": version.rows, "of": str(read)}
    record(by, "data.version_scored", version, project_key=target.project.key, **facts, sha256=table.sha256)
    if check_when_made(version) is None:
        contracts.tell_broken(version)
    if publish and not versions.why_not(version):
        versions.publish(version, by=by)
    return version
