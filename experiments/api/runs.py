"""Runs, comparison and registered models over REST."""

from dataclasses import asdict
from typing import Any

from django.db import transaction
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from datasets.queries.seen import Roles
from datasets.queries.versions import version_for
from experiments.api.trials import show_search
from experiments.evaluation.choice import deciding_metric
from experiments.evaluation.comparison import best_values, numbers_in, setting_rows, standing
from experiments.findings import comparison_finding
from experiments.listing import look_in, plain, read
from experiments.models.records import RunKey
from experiments.models.registry import ModelVersion
from experiments.models.runs import Run
from experiments.queries.models import Named, model_version_for, model_versions, signature_of
from experiments.queries.records import Line, Table, record_of, texts_of
from experiments.queries.runs import entry_of, hide_all, hide_values, judged_run, run_for, runs_for
from experiments.services.models import register
from experiments.services.records import describe
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
    share = serializers.FloatField(
        required=False, allow_null=True, help_text="Of rows to flag as unusual: 0.05 flags 5 of 100."
    )
    seed = serializers.IntegerField(required=False)
    threshold = serializers.FloatField(required=False)
    decide_by = serializers.CharField(required=False, allow_null=True)
    notes = serializers.CharField(required=False, allow_blank=True)
    hypothesis = serializers.CharField(required=False, allow_blank=True, max_length=2000)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Names that no run has are refused, so that a slip is not silently ignored."""
        for name in self.initial_data:
            if name not in self.fields:
                raise serializers.ValidationError({name: "A run has no such field."})
        return attrs


class NotesBody(serializers.Serializer[Any]):
    """What people say of a run: notes, what it is to show, tags (all of them). What is not sent stays."""

    notes = serializers.CharField(required=False, allow_blank=True)
    hypothesis = serializers.CharField(required=False, allow_blank=True, max_length=2000)
    tags = serializers.DictField(required=False, child=serializers.CharField(allow_blank=True, max_length=250))


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


def show_line(line: Line) -> dict[str, Any]:
    """A line of the runs table: the run as lists show it, or a trial, and what the asked columns say."""
    record = line.record
    columns = {str(cell.field): plain(cell) for cell in line.cells}
    if record.run:
        return show_run(record.run) | {"kind": record.kind, "columns": columns}
    return {
        "number": record.number,
        "trial": record.trial_number,
        "kind": record.kind,
        "state": record.state,
        "method": record.method,
        "created_at": record.created_at.isoformat(),
        "finished_at": record.finished_at.isoformat() if record.finished_at else None,
        "columns": columns,
    }


def show_record(run: Run) -> dict[str, Any]:
    """What is kept beside a run: hypothesis, tags, parameters, time computed and cost."""
    record = record_of(run)
    if record is None:
        return {}
    said = {name: getattr(record, name) for name in ("hypothesis", "seconds", "cost", "currency")}
    return said | {"params": texts_of(record, RunKey.Kind.PARAM), "tags": texts_of(record, RunKey.Kind.TAG)}


def show_whole_run(run: Run, roles: Roles) -> dict[str, Any]:
    """A run with its spec, what every method measured, and its job, as these roles may see it."""
    hide_values(run, roles)
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
        "record": show_record(run),
        "series": f"/api/v1/projects/{run.project.key}/runs/{run.number}/series/",
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
        "verdicts": [as_row(judged) for judged in judged_run(run, in_force)],
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
        parameters=[
            OpenApiParameter("filter", str, description='metrics.recall > 0.7 and params.method = "forest"'),
            OpenApiParameter("order", str, description="-metrics.recall"),
            OpenApiParameter("columns", str, description="metrics.recall,params.learning_rate,duration,cost"),
            OpenApiParameter("state", str, description="One state."),
            OpenApiParameter("sort", str, description="Short for order: -recall, number."),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request, key: str) -> Response:
        """Newest first, or as `order` says; `filter` chooses; what `columns` name stands in each run's `columns`."""
        given = request.query_params
        return self.page_of(
            Table(self.project, read(look_in(given), given.get("state", ""), ())), show_line, self._seen
        )

    def _seen(self, lines: list[Line]) -> list[Line]:
        hide_all([line.record.run for line in lines if line.record.run], self.roles)
        return lines

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
        hypothesis = given.pop("hypothesis", "")
        copied = run_for(self.project, number) if number is not None else None
        version = version_for(self.project, data["dataset"], data["version"]) if data else None
        spec = (copied.spec if copied else {}) | given
        with self.words.refusals():
            run, job = start_run(
                self.project,
                spec=spec,
                data=version,
                by=caller(self.request),
                copied_from=copied,
                notes=notes,
                hypothesis=hypothesis,
            )
        url = f"/api/v1/projects/{self.project.key}/runs/{run.number}/"
        return 202, {"run": run.number, "url": url, "job": job_link(job)}


class RunDetail(ProjectEndpoint):
    """One run."""

    action = {"GET": "run.read", "PATCH": "run.start"}

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, key: str, number: int) -> Response:
        """What was asked, how it goes, what came out."""
        return Response(show_whole_run(run_for(self.project, number), self.roles))

    @extend_schema(request=NotesBody, responses=OpenApiTypes.OBJECT)
    def patch(self, request: Request, key: str, number: int) -> Response:
        """Write notes, hypothesis and tags of a run."""
        body = NotesBody(data=request.data)
        body.is_valid(raise_exception=True)
        run, given = run_for(self.project, number), dict(body.validated_data)
        if not given:
            raise Invalid("Send notes, a hypothesis or tags.", fields={"notes": "Nothing was sent."})
        with transaction.atomic():
            if "notes" in given:
                set_notes(run, notes=given.pop("notes"), by=caller(request))
            if given:
                describe(run, by=caller(request), **given)
        return Response(show_whole_run(run, self.roles))


class Reproduce(ProjectEndpoint):
    """Make a run again."""

    action = {"POST": "run.start"}

    @extend_schema(request=None, responses={202: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, number: int) -> Response:
        """The same settings on the same data; the new run's `evaluation.reproduction` says how it came out."""
        run = run_for(self.project, number)

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
        run = run_for(self.project, number)

        def make() -> tuple[int, dict[str, Any]]:
            version = register(run, **body.validated_data, by=caller(request))
            return 201, show_version(model_version_for(self.project, version.model.name, version.number))

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
        runs = hide_all(runs_for(self.project, numbers), self.roles)
        if unfinished := [run.number for run in runs if run.state != Run.State.FINISHED]:
            raise Conflict(f"Run {unfinished[0]} is not finished.", blocked_by=[f"run:{n}" for n in unfinished])
        targets = goals_of(contract_in_force(self.project))
        decide_by = deciding_metric(self.project.kind, targets, None)
        entries = [entry_of(run) for run in runs]
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
        return self.page_of(model_versions(self.project), show_version)


class ModelVersionDetail(ProjectEndpoint):
    """One registered model version."""

    action = "model.read"

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, key: str, name: str, number: Named) -> Response:
        """Its run, its signature and what it measured."""
        version = model_version_for(self.project, name, number)
        hide_values(version.run, self.roles)
        extra = {"signature": signature_of(version), "metrics": version.run.metrics}
        return Response(show_version(version) | extra)
