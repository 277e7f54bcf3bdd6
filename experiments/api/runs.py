"""Runs, comparison and registered models over REST."""

from dataclasses import asdict
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from datasets.queries.seen import Roles
from datasets.queries.versions import version_for
from experiments import queries
from experiments.api.trials import show_search
from experiments.evaluation.choice import deciding_metric
from experiments.evaluation.comparison import best_values, numbers_in, setting_rows, standing
from experiments.findings import comparison_finding
from experiments.models import ModelVersion, Run
from experiments.services.models import register
from experiments.services.runs import reproduce, set_notes, start_run
from experiments.valuing import Values
from jobs.queries import latest_of
from problems.problem import Conflict, Invalid
from projects.access import ProjectEndpoint
from projects.api.projects import caller
from projects.contract import as_row
from projects.measures import for_kind
from projects.queries.define import charter_of, contract_in_force, goals_of
from projects.queries.work import job_link


class DataBody(serializers.Serializer[Any]):
    """A published data version."""

    dataset = serializers.CharField(max_length=60)
    version = serializers.IntegerField(min_value=1)


class SplitBody(serializers.Serializer[Any]):
    """How rows are held back; `column` names the time or group column."""

    kind = serializers.ChoiceField(choices=["random", "time", "group"], required=False)
    seed = serializers.IntegerField(required=False)
    test_share = serializers.FloatField(required=False)
    column = serializers.CharField(required=False)


class MethodsField(serializers.JSONField):
    """`["logistic"]`, or `{"boosted": {"learning_rate": 0.1}}`. Settings are checked against each method's bounds."""


class RunBody(serializers.Serializer[Any]):
    """What a run is asked to do. Everything has a default; an empty object trains on the newest published version."""

    data = DataBody(required=False)  # type: ignore[assignment]  # DRF takes fields out of the class
    copy_from = serializers.IntegerField(required=False, help_text="Take what is not given here from this run.")
    target = serializers.CharField(required=False, allow_blank=True)
    positive = serializers.CharField(required=False)
    inputs = serializers.ListField(child=serializers.CharField(), required=False, max_length=5000)
    split = SplitBody(required=False)
    methods = MethodsField(required=False)
    treatments = serializers.JSONField(required=False, help_text='`{"price": {"gaps": "mean", "scale": "robust"}}`')
    tuning = serializers.JSONField(
        required=False,
        help_text='`{"method": "boosted", "search": "random", "trials": 30, "seconds": 600, "folds": 5, "prune": true, '
        '"nested": false, "space": {"learning_rate": {"low": 0.01, "high": 0.3, "scale": "log"}}}`',
    )
    forecast = serializers.JSONField(
        required=False, help_text='`{"time": "day", "key": "shop", "step": "day", "horizon": 14, "windows": 3}`'
    )
    share = serializers.FloatField(required=False, help_text="Of rows to flag as unusual: 0.05 flags 5 of 100.")
    seed = serializers.IntegerField(required=False)
    threshold = serializers.FloatField(required=False)
    decide_by = serializers.CharField(required=False, allow_null=True)
    notes = serializers.CharField(required=False, allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Names that no run has are refused, so that a slip is not silently ignored."""
        for name in self.initial_data:
            if name not in self.fields:
                raise serializers.ValidationError({name: "A run has no such field."})
        return attrs


class NotesBody(serializers.Serializer[Any]):
    """The text of a run's notes."""

    notes = serializers.CharField(allow_blank=True)


class RegisterBody(serializers.Serializer[Any]):
    """The model's name (small letters, digits, hyphens) and why this run."""

    name = serializers.CharField(max_length=60)
    reason = serializers.CharField(max_length=2000)


def show_run(run: Run) -> dict[str, Any]:
    """A run in lists."""
    version = getattr(run, "model_version", None)
    return {
        "number": run.number,
        "state": run.state,
        "message": run.message,
        "method": run.method,
        "data": {"dataset": run.data.dataset.name, "version": run.data.number},
        "metrics": run.metrics,
        "verdicts": run.verdicts,
        "cause": run.cause,
        "cause_text": run.cause_text,
        "created_by": run.created_by.name if run.created_by else None,
        "created_at": run.created_at.isoformat(),
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
        "model_version": {"model": version.model.name, "version": version.number} if version else None,
        "url": f"/api/v1/projects/{run.project.key}/runs/{run.number}/",
    }


def show_whole_run(run: Run, roles: Roles) -> dict[str, Any]:
    """A run with its spec, what every method measured, and its job, as these roles may see it."""
    queries.hide_values(run, roles)
    job = latest_of(run)
    return show_run(run) | {
        "spec": run.spec,
        "contract": run.contract.version if run.contract else None,
        "today": show_today(run),
        "copied_from": run.copied_from.number if run.copied_from else None,
        "evaluation": run.evaluation,
        "environment": run.environment,
        "bundle_sha256": run.bundle_id,
        "notes": run.notes,
        "value": show_value(run),
        "evaluations": f"/api/v1/projects/{run.project.key}/runs/{run.number}/evaluations/",
        "job": job_link(job) if job else None,
        "search": show_search(run),
    }


def show_value(run: Run) -> dict[str, Any] | None:
    """What a finished run adds to the practice without a model, by the policy in force, and in money: estimates."""
    if run.state != Run.State.FINISHED:
        return None
    found = Values(run.project).of(run)
    return asdict(found) | {"measure": found.measure.key}


def show_today(run: Run) -> dict[str, Any] | None:
    """The verdicts by the targets in force, where the run was judged by others; null where they are the same."""
    in_force = contract_in_force(run.project)
    if run.state != Run.State.FINISHED or in_force is None or run.contract_id == in_force.pk:
        return None
    return {
        "contract": in_force.version,
        "verdicts": [as_row(judged) for judged in queries.judged_run(run, in_force)],
    }


def show_version(version: ModelVersion) -> dict[str, Any]:
    """A registered model version."""
    key = version.model.project.key
    return {
        "model": version.model.name,
        "version": version.number,
        "run": version.run.number,
        "reason": version.reason,
        "bundle_sha256": version.bundle_id,
        "verdicts": version.run.verdicts,
        "created_by": version.created_by.name if version.created_by else None,
        "created_at": version.created_at.isoformat(),
        "url": f"/api/v1/projects/{key}/models/{version.model.name}/versions/{version.number}/",
    }


class Runs(ProjectEndpoint):
    """The runs of a project."""

    action = {"GET": "run.read", "POST": "run.start"}

    @extend_schema(
        parameters=[OpenApiParameter("state", str), OpenApiParameter("sort", str)], responses=OpenApiTypes.OBJECT
    )
    def get(self, request: Request, key: str) -> Response:
        """Newest first, or as `sort` says (`-recall`, `number`); `state` filters."""
        runs = queries.runs_of(
            self.project, state=request.query_params.get("state", ""), sort=request.query_params.get("sort", "")
        )
        return self.page_of(
            runs.select_related("project", "data__dataset", "created_by", "model_version__model"),
            show_run,
            lambda found: queries.hide_all(found, self.roles),
        )

    @extend_schema(request=RunBody, responses={202: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str) -> Response:
        """Start training. What cannot work is refused at once; the rest waits in the queue as a job."""
        if not isinstance(request.data, dict):
            raise Invalid("A run is described by an object.")
        body = RunBody(data=request.data)
        body.is_valid(raise_exception=True)
        return self.once(lambda: self._start(dict(body.validated_data)))

    def _start(self, given: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        data, notes, number = given.pop("data", None), given.pop("notes", ""), given.pop("copy_from", None)
        copied = queries.run_for(self.project, number) if number is not None else None
        version = version_for(self.project, data["dataset"], data["version"]) if data else None
        spec = (copied.spec if copied else {}) | given
        with self.words.refusals():
            run, job = start_run(
                self.project, spec=spec, data=version, by=caller(self.request), copied_from=copied, notes=notes
            )
        url = f"/api/v1/projects/{self.project.key}/runs/{run.number}/"
        return 202, {"run": run.number, "url": url, "job": job_link(job)}


class RunDetail(ProjectEndpoint):
    """One run."""

    action = {"GET": "run.read", "PATCH": "run.start"}

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, key: str, number: int) -> Response:
        """What was asked, how it goes, what came out."""
        return Response(show_whole_run(queries.run_for(self.project, number), self.roles))

    @extend_schema(request=NotesBody, responses=OpenApiTypes.OBJECT)
    def patch(self, request: Request, key: str, number: int) -> Response:
        """Write the notes of a run."""
        body = NotesBody(data=request.data)
        body.is_valid(raise_exception=True)
        run = queries.run_for(self.project, number)
        set_notes(run, notes=body.validated_data["notes"], by=caller(request))
        return Response(show_whole_run(run, self.roles))


class Reproduce(ProjectEndpoint):
    """Make a run again."""

    action = {"POST": "run.start"}

    @extend_schema(request=None, responses={202: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, number: int) -> Response:
        """The same settings on the same data; the new run's `evaluation.reproduction` says how it came out."""
        run = queries.run_for(self.project, number)

        def start() -> tuple[int, dict[str, Any]]:
            with self.words.refusals():
                again, job = reproduce(run, by=caller(request))
            url = f"/api/v1/projects/{self.project.key}/runs/{again.number}/"
            return 202, {"run": again.number, "url": url, "job": job_link(job)}

        return self.once(start)


class Register(ProjectEndpoint):
    """Make a run a model version."""

    action = {"POST": "model.register"}

    @extend_schema(request=RegisterBody, responses={201: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, number: int) -> Response:
        """The next version of a known model, or the first of a new one. A run is registered once."""
        body = RegisterBody(data=request.data)
        body.is_valid(raise_exception=True)
        run = queries.run_for(self.project, number)

        def make() -> tuple[int, dict[str, Any]]:
            version = register(run, **body.validated_data, by=caller(request))
            return 201, show_version(queries.model_version_for(self.project, version.model.name, version.number))

        return self.once(make)


class Compare(ProjectEndpoint):
    """Runs side by side."""

    action = "run.read"

    @extend_schema(
        parameters=[OpenApiParameter("runs", str, required=True, description="48,45")], responses=OpenApiTypes.OBJECT
    )
    def get(self, request: Request, key: str) -> Response:
        """Ranked where they share their held-back rows; the others are listed apart."""
        numbers = numbers_in(request.query_params.getlist("runs"))
        if not numbers:
            raise Invalid("Name the runs, like ?runs=48,45.", fields={"runs": "Name at least one run."})
        runs = queries.hide_all(queries.runs_for(self.project, numbers), self.roles)
        if unfinished := [run.number for run in runs if run.state != Run.State.FINISHED]:
            raise Conflict(f"Run {unfinished[0]} is not finished.", blocked_by=[f"run:{n}" for n in unfinished])
        targets = goals_of(contract_in_force(self.project))
        decide_by = deciding_metric(self.project.kind, targets, None)
        entries = [queries.entry_of(run) for run in runs]
        found = standing(entries, targets, decide_by)
        rows, hidden = setting_rows(entries, everything=request.query_params.get("diff") == "0")
        finding = comparison_finding(found, decide_by, "", charter_of(self.project).positive_word)
        keys = [measure.key for measure in for_kind(self.project.kind)]
        return Response(
            {
                "finding": "".join(part.text for part in finding).strip(),
                "decide_by": decide_by,
                "ranked": [entry.number for entry in found.ranked],
                "apart": [entry.number for entry in found.apart],
                "best": found.best.number if found.best else None,
                "beyond_chance": found.beyond_chance,
                "best_values": best_values(found.ranked, keys),
                "settings": [{"name": name, "values": values} for name, values in rows],
                "same_settings": hidden,
                "runs": [show_run(run) for run in runs],
            }
        )


class Models(ProjectEndpoint):
    """The registered model versions of a project."""

    action = "model.read"

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, key: str) -> Response:
        """Newest first."""
        return self.page_of(queries.model_versions(self.project), show_version)


class ModelVersionDetail(ProjectEndpoint):
    """One registered model version."""

    action = "model.read"

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, key: str, name: str, number: int) -> Response:
        """Its run, its signature and what it measured."""
        version = queries.model_version_for(self.project, name, number)
        queries.hide_values(version.run, self.roles)
        extra = {"signature": queries.signature_of(version), "metrics": version.run.metrics}
        return Response(show_version(version) | extra)
