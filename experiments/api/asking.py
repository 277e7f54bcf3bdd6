"""Asking a run's model about one row over REST."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from experiments.queries.runs import run_for
from experiments.services.asking import ask_model
from projects.access import ProjectEndpoint
from projects.api.projects import caller
from projects.queries.work import job_link


class RowToAsk(serializers.Serializer[Any]):
    """One row by the names of the model's inputs; what is left out is missing."""

    row = serializers.DictField(help_text='`{"tenure": 3, "plan": "monthly"}`')


class Ask(ProjectEndpoint):
    """Ask a model about a row."""

    action = "run.ask"

    @extend_schema(request=RowToAsk, responses={202: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, number: int) -> Response:
        """Watch `job.url`: its `result` holds the answer, and each input's share in it."""
        run, body = run_for(self.project, number), RowToAsk(data=request.data)
        body.is_valid(raise_exception=True)
        row = body.validated_data["row"]

        def make() -> tuple[int, dict[str, Any]]:
            with self.words.refusals():
                job = ask_model(run, row=row, by=caller(request))
            return 202, {"run": run.number, "job": job_link(job)}

        return self.once(make)
