"""What was logged from notebooks, over REST: judge a logged model on a version, import from an MLflow server."""

from collections.abc import Sequence
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from experiments.api.uploads import StatedBody, measured_on, stated_in
from experiments.models.logged import LogFile
from experiments.queries.log_import import imports_of, shown_import
from experiments.queries.log_models import chosen_file, files_of_model, files_of_run, model_page
from experiments.queries.logged import logged_run
from experiments.services.log_import import MOST_NAMES, start_import
from experiments.services.log_judging import judge_logged
from projects.access import ProjectEndpoint
from projects.api.projects import caller
from projects.queries.work import job_link


class JudgeBody(StatedBody):
    """Which version measures it, what the file does not say, and which file, where several were logged."""

    path = serializers.CharField(required=False, max_length=1000, help_text="Needed where there are several files.")


DESCRIBED = extend_schema(
    request=JudgeBody,
    responses={202: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT},
)


class _Judging(ProjectEndpoint):
    """What both addresses do once they know the files."""

    action = "run.upload"

    def start(self, request: Request, files: Sequence[LogFile]) -> Response:
        body = JudgeBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        file = chosen_file(files, given.pop("path", ""))
        data = measured_on(self.project, given)

        def make() -> tuple[int, dict[str, Any]]:
            with self.words.refusals():
                run, job = judge_logged(
                    self.project, file, stated=stated_in(given), data=data, notes=given.get("notes", ""),
                    by=caller(request),
                )  # fmt: skip
            url = f"/api/v1/projects/{self.project.key}/runs/{run.number}/"
            return 202, {"run": run.number, "url": url, "job": job_link(job)}

        return self.once(make)


class JudgeModel(_Judging):
    """Judge a logged model."""

    @DESCRIBED
    def post(self, request: Request, key: str, model_id: str) -> Response:
        """Judge a model that the `mlflow` client logged, by its id (`m-…`). The answer names the run that it becomes.

        Its skops file is checked and measured on held-back rows of the version, as one that is uploaded. Without
        `dataset` and `version` the newest published version measures it. A model that is kept as a pickle is refused.
        """
        return self.start(request, files_of_model(model_page(self.project, model_id).model))


class JudgeRun(_Judging):
    """Judge a model among the files of a logged run."""

    @DESCRIBED
    def post(self, request: Request, key: str, number: int) -> Response:
        """Judge the model of a logged run, by the run's number; `path` names the file, where it logged several.

        See the address of logged models for the rest.
        """
        return self.start(request, files_of_run(logged_run(self.project, number)))


class ServerBody(serializers.Serializer[Any]):
    """Which MLflow server, how to sign in there, and what of it."""

    address = serializers.CharField(max_length=2000, help_text="What clients have as MLFLOW_TRACKING_URI.")
    user = serializers.CharField(required=False, allow_blank=True, max_length=200, help_text="With a password only.")
    secret = serializers.CharField(
        required=False, allow_blank=True, max_length=8000, help_text="A token, or the password of the user."
    )
    experiments = serializers.ListField(
        child=serializers.CharField(max_length=500), required=False, max_length=MOST_NAMES, help_text="Names; or all."
    )
    registry = serializers.BooleanField(required=False, default=True, help_text="Registered names and versions too.")


class Imports(ProjectEndpoint):
    """Imports from MLflow servers."""

    action = {"GET": "run.read", "POST": "run.import"}

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, key: str) -> Response:
        """The imports of the project, newest first, with what is there, what is here and what stays there."""
        return self.page_of(imports_of(self.project), shown_import)

    @extend_schema(request=ServerBody, responses={202: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str) -> Response:
        """Bring experiments, runs with all points and files, logged models and registered names of an MLflow server.

        Runs keep their ids. What is here whole is not brought again, so an import that was interrupted, or is started
        again later, brings the rest. The secret is sealed, goes to this address alone and is forgotten at the end.
        """
        body = ServerBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)

        def make() -> tuple[int, dict[str, Any]]:
            return 202, {"job": job_link(start_import(self.project, **given, by=caller(request)))}

        return self.once(make)
