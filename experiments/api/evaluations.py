"""Evaluations over REST: start one, read what it found."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from datasets.queries.versions import version_for
from experiments.api.runs import DataBody
from experiments.models.evaluations import Evaluation
from experiments.queries.evaluations import evaluation_for, evaluations_of, seen_evaluations
from experiments.queries.runs import run_for
from experiments.services.evaluations import start_evaluation
from jobs.queries import latest_of
from projects.access import ProjectEndpoint
from projects.api.projects import caller
from projects.queries.work import job_link


class EvaluationBody(serializers.Serializer[Any]):
    """On what: without `data` on the run's locked test rows. `attributes`: whose groups must be treated alike."""

    data = DataBody(required=False)  # type: ignore[assignment]  # DRF takes fields out of the class
    attributes = serializers.ListField(child=serializers.CharField(max_length=300), required=False, max_length=8)


def show_evaluation(evaluation: Evaluation) -> dict[str, Any]:
    """An evaluation in lists."""
    key, run = evaluation.run.project.key, evaluation.run.number
    return {
        "number": evaluation.number,
        "run": run,
        "state": evaluation.state,
        "message": evaluation.message,
        "data": {"dataset": evaluation.data.dataset.name, "version": evaluation.data.number},
        "held_back": evaluation.on_held_back,
        "attributes": evaluation.attributes,
        "contract": evaluation.contract.version if evaluation.contract else None,
        "verdicts": evaluation.verdicts,
        "created_by": evaluation.created_by.name if evaluation.created_by else None,
        "created_at": evaluation.created_at.isoformat(),
        "finished_at": evaluation.finished_at.isoformat() if evaluation.finished_at else None,
        "url": f"/api/v1/projects/{key}/runs/{run}/evaluations/{evaluation.number}/",
    }


class Evaluations(ProjectEndpoint):
    """The evaluations of a run."""

    action = {"GET": "run.read", "POST": "evaluation.start"}

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, key: str, number: int) -> Response:
        """Newest first, without what they found."""
        found = evaluations_of(run_for(self.project, number)).select_related("run__project")
        return self.page_of(found, show_evaluation, lambda rows: seen_evaluations(rows, self.roles))

    @extend_schema(request=EvaluationBody, responses={202: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, number: int) -> Response:
        """Judge the run's model. What cannot work is refused at once; the rest waits in the queue as a job."""
        body = EvaluationBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        return self.once(lambda: self._start(number, given.get("data"), given.get("attributes")))

    def _start(self, number: int, data: Any, attributes: list[str] | None) -> tuple[int, dict[str, Any]]:
        run = run_for(self.project, number)
        version = version_for(self.project, data["dataset"], data["version"]) if data else None
        evaluation, job = start_evaluation(run, data=version, attributes=attributes, by=caller(self.request))
        return 202, show_evaluation(evaluation) | {"job": job_link(job)}


class EvaluationDetail(ProjectEndpoint):
    """One evaluation."""

    action = {"GET": "run.read"}

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, key: str, number: int, evaluation: int) -> Response:
        """Everything that was found, as the caller may see it."""
        found = evaluation_for(self.project, number, evaluation)
        seen_evaluations([found], self.roles)
        job = latest_of(found)
        return Response(show_evaluation(found) | {"found": found.found, "job": job_link(job) if job else None})
