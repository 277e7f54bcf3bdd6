"""Searches over REST: their trials, and stopping one with the best so far."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import tried
from experiments.models.runs import Run
from experiments.models.searches import Trial
from experiments.queries.runs import run_for
from experiments.services.tunings import stop_search
from projects.access import ProjectEndpoint
from projects.api.projects import caller


def show_trial(trial: Trial) -> dict[str, Any]:
    """A trial in lists."""
    return {
        "number": trial.number,
        "state": trial.state,
        "share": trial.share,
        "settings": trial.settings,
        "value": trial.value,
        "folds": trial.folds,
        "seconds": trial.seconds,
        "rows": trial.rows,
        "message": trial.message,
        "ended_at": trial.ended_at.isoformat() if trial.ended_at else None,
    }


def show_search(run: Run) -> dict[str, Any] | None:
    """How a run's search stands; null where it has none."""
    standing = tried.standing_of(run)
    if standing is None:
        return None
    tuning = standing.tuning
    return {
        "plan": standing.plan,
        "metric": tuning.metric,
        "trials": standing.counts,
        "best": show_trial(standing.best) if standing.best else None,
        "nested": tuning.nested,
        "ended_at": tuning.ended_at.isoformat() if tuning.ended_at else None,
        "url": f"/api/v1/projects/{run.project.key}/runs/{run.number}/trials/",
    }


class Trials(ProjectEndpoint):
    """The trials of a run's search."""

    action = "run.read"

    @extend_schema(
        parameters=[OpenApiParameter("state", str), OpenApiParameter("sort", str)], responses=OpenApiTypes.OBJECT
    )
    def get(self, request: Request, key: str, number: int) -> Response:
        """In their order, or as `sort` says (`-value`, `seconds`); `state` filters."""
        run = run_for(self.project, number)
        tried.tuning_for(run)
        asked = request.query_params
        return self.page_of(tried.trials_of(run, sort=asked.get("sort", ""), state=asked.get("state", "")), show_trial)


class StopSearch(ProjectEndpoint):
    """Stop a search."""

    action = {"POST": "run.start"}

    @extend_schema(request=None, responses={200: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, number: int) -> Response:
        """Try nothing further; the best so far is trained on all rows to learn from."""
        run = run_for(self.project, number)
        stop_search(run, by=caller(request))
        return Response(show_search(run))
