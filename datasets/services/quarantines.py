"""Set the rows that break rules aside: they are kept beside the next draft version, which is made of the rest."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.urls import reverse

from accounts.models import as_user
from audit.actors import Actor
from audit.services import record
from datasets.models.quality import Quarantine
from datasets.models.versions import Dataset, Version
from datasets.quality.base import FAILED
from datasets.queries import quality as queries
from datasets.services.checks import INSPECTOR, check_when_made
from jobs import services as jobs
from jobs.models import Job, State
from notices.services import tell
from problems.problem import Conflict, Invalid
from projects.permissions import Role
from projects.queries.team import members_with
from storage.models import Blob


@transaction.atomic
def start_quarantine(version: Version, *, numbers: Sequence[int] = (), by: Actor) -> tuple[Quarantine, Job]:
    """Split the failing rows of these rules (of all failing rules about rows, when none are named) away."""
    Version.objects.select_for_update(of=("self",)).get(pk=version.pk)
    there = queries.quarantine_of(version)
    if there is not None and there.state in (Quarantine.State.WAITING, Quarantine.State.DONE):
        raise Conflict(f"The bad rows of {version} are set aside already, or are just being.", code="too_late")
    check = queries.last_check(version)
    failing = {
        one.rule.number: one
        for one in (check.results.all() if check else [])
        if one.verdict == FAILED and one.failed_rows and one.revision == one.rule.revision and not one.rule.retired_at
    }
    chosen = sorted(set(numbers)) or sorted(failing)
    if not chosen or not set(chosen) <= set(failing):
        text = "No rows to set aside: only rules about rows that fail in the last check have them."
        raise Invalid(text, fields={"rules": text}, code="nothing_to_set_aside")
    kept = [{"number": n, "kind": failing[n].rule.kind, "params": failing[n].rule.params} for n in chosen]
    says = [{**one, "sentence": failing[one["number"]].sentence} for one in kept]
    split = Quarantine.objects.create(version=version, rules=says, created_by=as_user(by))
    project = version.dataset.project
    job = jobs.start(
        "datasets.quarantine",
        by=by,
        title=f"Set bad rows of {version} aside",
        subject=split,
        project_key=project.key,
        payload={"quarantine": str(split.pk)},
    )
    facts = {"dataset": version.dataset.name, "number": version.number, "rules": chosen}
    record(by, "quality.quarantine_started", split, project_key=project.key, **facts)
    return split, job


@transaction.atomic
def finish_quarantine(split: Quarantine, *, bad: Blob, good: Blob, answer: Mapping[str, Any]) -> Version:
    """Keep the bad rows, and make the next draft version of the others."""
    source = Version.everything.select_related("dataset__project").get(pk=split.version_id)
    dataset = Dataset.everything.select_for_update(of=("self",)).select_related("project").get(pk=source.dataset_id)
    last = Version.everything.filter(dataset=dataset).aggregate(last=Max("number"))["last"] or 0
    rules = ", ".join(str(one["number"]) for one in split.rules)
    version = Version.objects.create(
        dataset=dataset,
        number=last + 1,
        table=good,
        rows=answer["rows"],
        schema=answer["schema"],
        profile=answer["profile"],
        report={"format": f"{source} without {answer['bad_rows']} rows that break rule {rules}"},
    )
    split.state, split.message, split.made = Quarantine.State.DONE, "", version
    split.table, split.rows = bad, answer["bad_rows"]
    split.save(update_fields=["state", "message", "made", "table", "rows"])
    facts = {"dataset": dataset.name, "number": version.number, "rows": version.rows, "aside": split.rows}
    record(INSPECTOR, "quality.quarantined", split, project_key=dataset.project.key, **facts, sha256=good.sha256)
    check_when_made(version)
    text = f"{split.rows} rows of {source} were set aside; {version} is made of the other {version.rows}."
    people = {one.pk for one in members_with(dataset.project, [Role.DATA_ENGINEER, Role.DBA])}
    people |= {split.created_by_id} if split.created_by_id else set()
    url = reverse("dataset-version", args=[dataset.project.key, dataset.name, version.number])
    tell(list(people), text, url=url, project_key=dataset.project.key, kind="work")
    return version


def fail_quarantine(job: Job) -> None:
    """No rows were set aside; the job says why. Called in the transaction that ends the job."""
    waiting = Quarantine.objects.select_for_update(of=("self",)).filter(
        pk=job.payload.get("quarantine"), state=Quarantine.State.WAITING
    )
    split = waiting.select_related("version__dataset__project").first()
    if split is None:
        return
    stopped = job.state == State.CANCELLED
    split.state = Quarantine.State.CANCELLED if stopped else Quarantine.State.FAILED
    split.message = job.message
    split.save(update_fields=["state", "message"])
    dataset = split.version.dataset
    facts = {"dataset": dataset.name, "number": split.version.number, "reason": job.message[:500]}
    record(INSPECTOR, "quality.quarantine_failed", split, project_key=dataset.project.key, **facts)
