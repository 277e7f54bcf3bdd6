"""Reads about what programs logged: by their own ids, always inside one project."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from experiments.models.logged import (
    LogExperiment,
    LogFile,
    LogInput,
    LogModel,
    LogModelLink,
    LogName,
    LogRun,
    LogVersion,
)
from experiments.models.records import RunMetric, RunPoints, RunRecord, RunText
from experiments.records.points import Point, unpacked
from experiments.tracking.wire import Refused, unknown
from problems.problem import Missing
from projects.models.projects import Project


def experiment_for(project: Project, number: str) -> LogExperiment | None:
    """A folder by its number; None where it is 0 and nobody asked for it yet."""
    if number.isascii() and number.isdecimal() and len(number) < 10:
        row = LogExperiment.objects.filter(project=project, number=int(number)).first()
        if row is not None:
            row.project = project
            return row
        if int(number) == 0:
            return None
    raise unknown(f"No Experiment with id={number[:60]} exists")


def run_of(project: Project, key: str) -> LogRun:
    """A run by its id, deleted ones too."""
    row = LogRun.objects.select_related("record", "experiment").filter(project=project, key=key).first()
    if row is None:
        raise unknown(f"Run with id={key[:60]} not found")
    row.project = row.record.project = row.experiment.project = project
    return row


def logged_run(project: Project, number: int) -> LogRun:
    """A logged run by its number in the project."""
    rows = LogRun.objects.select_related("record__created_by", "record__data__dataset", "experiment")
    row = rows.filter(project=project, record__number=number, record__deleted_at=None).first()
    if row is None:
        raise Missing(f"There is no logged run {number} in this project.")
    row.project = row.record.project = project
    return row


def model_of(project: Project, key: str) -> LogModel:
    """A logged model by its id."""
    rows = LogModel.objects.select_related("experiment", "run__record")
    row = rows.filter(project=project, key=key, deleted_at=None).first()
    if row is None:
        raise unknown(f"Logged model with ID '{key[:60]}' not found.")
    row.project = project
    return row


def name_of(project: Project, name: str) -> LogName:
    """A registered name."""
    row = LogName.objects.filter(project=project, name=name).first()
    if row is None:
        raise unknown(f"Registered Model with name={name[:300]} not found")
    row.project = project
    return row


def version_of(project: Project, name: str, number: str) -> LogVersion:
    """A version of a registered name."""
    if not (number.isascii() and number.isdecimal() and len(number) < 10):
        raise Refused(f"Parameter 'version' must be an integer, got '{number[:60]}'.")
    rows = LogVersion.objects.select_related("name__project").filter(name__project=project)
    row = rows.filter(name__name=name, number=int(number)).first()
    if row is None:
        raise unknown(f"Model Version (name={name[:300]}, version={number}) not found")
    return row


# ---- What runs hold ----


@dataclass
class Held:
    """What one run holds: latest metrics as (name, step, moment, value), texts, inputs and models."""

    metrics: list[tuple[str, int, int, float]] = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    inputs: list[LogInput] = field(default_factory=list)
    links: list[LogModelLink] = field(default_factory=list)


def held_by(runs: Sequence[LogRun]) -> dict[int, Held]:
    """What these runs hold, by their record's id: four queries however many runs."""
    found: dict[int, Held] = defaultdict(Held)
    ids = [run.record_id for run in runs]
    by_run = {run.pk: run.record_id for run in runs}
    metrics = RunMetric.objects.filter(record__in=ids).order_by("key__name")
    for record, name, step, at, last in metrics.values_list("record_id", "key__name", "step", "at", "last"):
        found[record].metrics.append((name, step, at, math.nan if last is None else last))
    texts = RunText.objects.filter(record__in=ids).order_by("key__name")
    for record, kind, name, value in texts.values_list("record_id", "key__kind", "key__name", "value"):
        (found[record].params if kind == "param" else found[record].tags)[name] = value
    for given in LogInput.objects.filter(run__in=by_run):
        found[by_run[given.run_id]].inputs.append(given)
    for link in LogModelLink.objects.filter(run__in=by_run):
        found[by_run[link.run_id]].links.append(link)
    return found


def points_of(record: RunRecord, name: str) -> list[Point]:
    """All points of one metric, sorted by moment, step and value."""
    row = RunMetric.objects.filter(record=record, key__name=name, key__kind="metric").first()
    if row is None:
        return []
    if row.points == 1:
        return [(row.step, row.at, math.nan if row.last is None else row.last)]
    pieces = RunPoints.objects.filter(metric=row).order_by("pk").values_list("content", flat=True)
    points = [point for content in pieces for point in unpacked(bytes(content))]
    return sorted(
        points, key=lambda one: (one[1], one[0], not math.isnan(one[2]), 0.0 if math.isnan(one[2]) else one[2])
    )


# ---- Files ----


def file_at(project: Project, root: str, path: str) -> LogFile | None:
    """A file."""
    return LogFile.objects.select_related("blob").filter(project=project, root=root, path=path).first()


def files_below(project: Project, root: str, path: str) -> list[tuple[str, bool, int]]:
    """What lies directly in a folder: name from the root, whether a folder, size."""
    rows = LogFile.objects.filter(project=project, root=root)
    if path:
        rows = rows.filter(path__startswith=f"{path}/")
    start = len(path) + 1 if path else 0
    found: dict[str, tuple[bool, int]] = {}
    for full, size in rows.order_by("path").values_list("path", "blob__size"):
        first, _, more = full[start:].partition("/")
        found[full[: start + len(first)]] = (True, 0) if more else (False, size)
    return [(name, is_folder, size) for name, (is_folder, size) in found.items()]


# ---- Names ----


def versions_of(names: Iterable[LogName]) -> dict[int, list[LogVersion]]:
    """The versions of these names, the newest first, by the name's id."""
    found: dict[int, list[LogVersion]] = defaultdict(list)
    by_id = {name.pk: name for name in names}
    for row in LogVersion.objects.filter(name__in=by_id).order_by("-number"):
        row.name = by_id[row.name_id]
        found[row.name_id].append(row)
    return found


def latest_of(rows: Sequence[LogVersion], stages: Sequence[str] = ()) -> list[LogVersion]:
    """The newest of each stage."""
    newest: dict[str, LogVersion] = {}
    for row in rows:
        newest.setdefault(row.stage, row)
    wanted = {stage.lower() for stage in stages}
    return [row for stage, row in newest.items() if not wanted or stage.lower() in wanted]


def models_of(project: Project, keys: Iterable[str]) -> Mapping[str, LogModel]:
    """Logged models by their ids."""
    rows = LogModel.objects.filter(project=project, key__in=list(keys), deleted_at=None)
    return {row.key: row for row in rows.select_related("experiment")}


def everything_named(project: Project) -> list[Any]:
    """All registered names of a project."""
    return list(LogName.objects.filter(project=project))
