"""Every write to KPIs that are read from a dataset: say which columns, read them, stop."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from audit.actors import Machine
from audit.services import record
from datasets.counting import DAYS, NUMBERS
from datasets.models.countings import Counting
from datasets.models.versions import Dataset, Version
from datasets.queries import seen
from datasets.queries.catalog import newest_published
from jobs import services as jobs
from jobs.models import Job
from notices.services import tell
from problems.problem import Conflict, Invalid, Missing
from projects.models.kpis import Kpi, KpiValue
from projects.permissions import Role
from projects.points import Point
from projects.services.kpis import put_values

READER = Machine("KPIs read from data")
State = Counting.State


@transaction.atomic
def count_from(
    dataset: Dataset, kpi: Kpi, *, day: str, value: str, roles: frozenset[Role], by: User
) -> tuple[Counting, Job]:
    """Read a KPI's values from two columns of the newest published version, and of every one that follows."""
    newest = newest_published(dataset)
    if newest is None:
        raise Conflict(f"{dataset.name} has no published version to read from yet.", code="nothing_published")
    wrong = _wrong(newest, day=day, value=value, hidden=seen.hidden_of(dataset, roles))
    if wrong:
        raise Invalid(next(iter(wrong.values())), fields=wrong)
    rest = {"dataset": dataset, "day": day, "value": value, "set_by": by, "state": State.WAITING, "message": ""}
    counting, _ = Counting.objects.update_or_create(kpi=kpi, defaults=rest | {"number": None})
    facts = {"kpi": kpi.key, "dataset": dataset.name, "day": day, "value": value}
    record(by, "kpi.read_from", kpi, project_key=dataset.project.key, what=kpi.name, **facts)
    return counting, _start(counting, newest, by)


def _wrong(version: Version, *, day: str, value: str, hidden: frozenset[str]) -> dict[str, str]:
    types = {column["name"]: column["type"] for column in version.schema}
    wrong = {}
    for field, name, fit, words in (("day", day, DAYS, "days"), ("value", value, NUMBERS, "numbers")):
        if name not in types:
            wrong[field] = f"{version} has no column “{name[:60]}”."
        elif name in hidden:
            wrong[field] = f"“{name}” is hidden from you; somebody who sees it can have it read."
        elif types[name] not in fit:
            wrong[field] = f"“{name}” holds {types[name]} values, not {words}."
    return wrong


def _start(counting: Counting, version: Version, by: User | Machine) -> Job:
    return jobs.start(
        "datasets.count",
        by=by,
        title=f"Read {counting.kpi} from {version}",
        subject=counting,
        project_key=version.dataset.project.key,
        payload={"counting": str(counting.pk), "version": str(version.pk)},
    )


def read_published(version: Version) -> None:
    """A version was published: every KPI that is read from its dataset is read again."""
    for counting in version.dataset.countings.select_related("kpi"):
        _start(counting, version, READER)


@transaction.atomic
def finish_counting(counting: Counting, version: Version, answer: dict[str, Any]) -> None:
    """Put down what was read, unless a newer version was read meanwhile."""
    locked = Counting.objects.select_for_update(of=("self",)).select_related("kpi__project").get(pk=counting.pk)
    if locked.dataset_id != version.dataset_id or (locked.number or 0) > version.number:
        return
    points = _points(answer["values"], str(version))
    changed = put_values(locked.kpi, points, source=KpiValue.Source.READ, by=READER, first=1) if points else 0
    left = f" Rows without a number, left out: {answer['empty']}." if answer["empty"] else ""
    locked.message = f"{len(points)} values in {version}, {changed} of them new or other than before.{left}"
    locked.state, locked.number, locked.read_at = State.DONE, version.number, timezone.now()
    locked.save(update_fields=["message", "state", "number", "read_at"])


def _points(values: Sequence[Sequence[Any]], note: str) -> list[Point]:
    return [Point(date.fromisoformat(day), value, None, None, note) for day, value in values]


def fail_counting(job: Job) -> None:
    """What was read could not be put down; nothing was. Who asked for it is told why."""
    counting = Counting.objects.select_related("dataset__project", "kpi").filter(pk=job.payload["counting"]).first()
    if counting is None:
        return
    counting.state, counting.message = State.FAILED, job.message
    counting.save(update_fields=["state", "message"])
    if counting.set_by_id:
        dataset = counting.dataset
        url = reverse("dataset-care", args=[dataset.project.key, dataset.name])
        text = f"{counting} could not be read. {job.message}"
        tell([counting.set_by_id], text, url=url, project_key=dataset.project.key, kind="work")


@transaction.atomic
def stop_counting(dataset: Dataset, kpi_key: str, *, by: User) -> Kpi:
    """Read a KPI from this dataset no more; its values stay."""
    counting = dataset.countings.select_related("kpi").filter(kpi__key=kpi_key).first()
    if counting is None:
        raise Missing(f"“{kpi_key[:40]}” is not read from {dataset.name}.")
    kpi = counting.kpi
    counting.delete()
    record(by, "kpi.read_no_more", kpi, project_key=dataset.project.key, what=kpi.name, dataset=dataset.name)
    return kpi
