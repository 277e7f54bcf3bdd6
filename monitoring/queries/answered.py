"""Reads of single answered rows."""

from datetime import UTC, datetime, timedelta

from django.conf import settings

from datasets.queries.seen import Roles
from deployments import prediction_ids
from deployments.log_reading import Logged, from_table
from deployments.models import Deployment
from deployments.queries.predictions import hidden_from, target_of
from problems.problem import Missing
from storage.blobs import unverified_path


def answered_row(deployment: Deployment, prediction: str, roles: Roles) -> Logged:
    """One stored answer by its id, as these roles may see it."""
    if not prediction_ids.belongs(settings.SERVING_KEY, deployment.name, prediction):
        raise Missing("There is no such prediction in this deployment.")
    at = datetime.fromtimestamp(prediction_ids.time_of(prediction), UTC)
    slack = timedelta(seconds=1)
    pieces = deployment.segments.filter(is_shadow=False, first_at__lte=at + slack, last_at__gte=at - slack)
    for piece in pieces:
        newest = next(iter(from_table(unverified_path(piece.table_id), f"{prediction}~")), None)
        if newest and newest.id == prediction:
            hidden = hidden_from(deployment, roles)
            return newest.seen(hidden, target_of(deployment)) if hidden else newest
    raise Missing("This prediction is not stored yet, or not any more.")
