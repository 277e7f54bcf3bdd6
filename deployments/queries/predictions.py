"""Reads of the prediction log, as the reader’s roles may see it."""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID

from django.conf import settings

from datasets.models.tags import ColumnTag, Sensitivity
from datasets.models.versions import Dataset
from datasets.queries.seen import Roles, hidden_in, may_see
from deployments import log_reading, prediction_ids
from deployments.log_reading import Logged, Source
from deployments.models import Deployment, Segment
from deployments.queries.deployments import segments_between
from experiments.forecasting.asking import HISTORY
from experiments.models.runs import Run
from problems.problem import Missing
from storage.blobs import unverified_path

MOST_ROWS = 200


def hidden_from(deployment: Deployment, roles: Roles) -> frozenset[str]:
    """The columns whose values these roles must not see, of everything that versions of its model learned from."""
    datasets = Dataset.everything.filter(versions__runs__model_version__model=deployment.model_id)
    return hidden_in(datasets.distinct(), roles)


def hidden_by(deployments: Iterable[Deployment], roles: Mapping[UUID, Roles]) -> dict[UUID, frozenset[str]]:
    """The same for many deployments by their ids, with the roles held in each project, in one query."""
    tags = ColumnTag.objects.exclude(kind=Sensitivity.NONE)
    closed = {one.model_id: one for one in deployments if not may_see(roles.get(one.project_id, frozenset()))}
    field = "dataset__versions__runs__model_version__model"
    found: dict[UUID, set[str]] = {}
    for model, column in tags.filter(**{f"{field}__in": list(closed)}).values_list(field, "column").distinct():
        found.setdefault(model, set()).add(column)
    return {closed[model].pk: frozenset(columns) for model, columns in found.items()}


def target_of(deployment: Deployment) -> str:
    """What its model predicts; all its versions predict the same."""
    runs = Run.everything.filter(model_version__model=deployment.model_id)
    return str(runs.values_list("spec__target", flat=True).first() or "")


def recent_predictions(deployment: Deployment, roles: Roles, *, before: str = "", limit: int = 50) -> list[Logged]:
    """The newest answered rows, or those before one of them, as these roles may see them.

    Only the pieces that hold them are read.
    """
    if before and not prediction_ids.belongs(settings.SERVING_KEY, deployment.name, before):
        raise Missing("There is no such prediction in this deployment.")
    with ExitStack() as stack:
        files = log_reading.open_files(settings.DATA_DIR)
        for file in files:
            stack.enter_context(file)
        streams = [log_reading.from_file(file, deployment.name, before) for file in files]
        rows = log_reading.newest(streams, _sources(deployment, before))
        found = list(islice(rows, min(limit, MOST_ROWS)))
    return _seen(found, deployment, roles)


def _seen(rows: list[Logged], deployment: Deployment, roles: Roles) -> list[Logged]:
    hidden = hidden_from(deployment, roles) if rows else frozenset()
    target = target_of(deployment) if hidden else ""
    hidden = hidden | {HISTORY} if target in hidden else hidden  # a past that was sent holds values of the target
    return [row.seen(hidden, target) for row in rows] if hidden else rows


def _sources(deployment: Deployment, before: str) -> "list[Source] | map[Source]":
    segments = deployment.segments.filter(is_shadow=False).order_by("-last_at")
    if before:
        moment = datetime.fromtimestamp(prediction_ids.time_of(before), UTC)
        segments = segments.filter(first_at__lte=moment)

    def source(segment: Segment) -> Source:
        return Source(segment.last_at, lambda: log_reading.from_table(unverified_path(segment.table_id), before))

    return map(source, segments.iterator(chunk_size=50))


def prediction(deployment: Deployment, prediction_id: str, roles: Roles) -> Logged:
    """One answered row by its id, as these roles may see it."""
    if found := _found(deployment, prediction_id):
        return _seen([found], deployment, roles)[0]
    raise Missing("There is no such prediction in this deployment.")


def _found(deployment: Deployment, prediction_id: str) -> Logged | None:
    if prediction_ids.belongs(settings.SERVING_KEY, deployment.name, prediction_id):
        at = datetime.fromtimestamp(prediction_ids.time_of(prediction_id), UTC)
        for file in log_reading.open_files(settings.DATA_DIR):
            with file:
                if found := log_reading.find_in_file(file, prediction_id):
                    return found
        margin = timedelta(seconds=1)
        for segment in segments_between(deployment, at - margin, at + margin):
            if found := log_reading.find_in_table(unverified_path(segment.table_id), prediction_id):
                return found
    return None
