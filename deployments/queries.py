"""Reads about deployments that pages, jobs, the prediction server's pages and the rooms above need."""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Prefetch, Q, QuerySet, Sum
from django.utils import timezone

from datasets.masking import tree
from datasets.models.tags import ColumnTag, Sensitivity
from datasets.models.versions import Dataset
from datasets.queries.seen import Roles, hidden_in, hidden_of, may_see
from deployments import gate_rules, log_reading, prediction_ids
from deployments.gate_rules import Book, Champion, Facts, FailedCase
from deployments.log_reading import Logged, Source
from deployments.models import ConsumerKey, Deployment, Release, Segment, Server
from experiments import valuing
from experiments.forecasting.asking import HISTORY
from experiments.models.cases import EdgeCase
from experiments.models.registry import ModelVersion
from experiments.models.runs import Run
from experiments.queries.cases import book_of, results_for, unasked
from experiments.queries.runs import finished_runs, judged_run, run_for
from experiments.value import under
from jobs.models import Job, State
from problems.problem import Missing
from projects.contract import LATENCY_KEY, Judgement
from projects.gate_policy import GateRule, stands_for
from projects.gate_policy import rule_for as gate_rule_for
from projects.models.define import Contract
from projects.models.gates import Gate
from projects.models.projects import Project
from projects.policies import Rule
from projects.queries.charter import is_approved
from projects.queries.define import charter_of, contract_in_force
from projects.queries.policies import policy_in_force
from projects.queries.risk import tier_of
from storage.blobs import unverified_path

SERVER_SILENT_SECONDS = 20
MOST_ROWS = 200


def deployments_of(project: Project) -> QuerySet[Deployment]:
    """All deployments of a project, each with its champion at hand as `champions`."""
    champions = Release.objects.filter(state=Release.State.CHAMPION).select_related("version__model", "version__run")
    return project.deployments.prefetch_related(Prefetch("releases", queryset=champions, to_attr="champions")).order_by(
        "name"
    )


def deployment_for(project: Project, name: str) -> Deployment:
    """One deployment of the project."""
    deployment = Deployment.objects.select_related("project", "model").filter(project=project, name=name).first()
    if deployment is None:
        raise Missing(f"There is no deployment {name} in this project.")
    return deployment


def deployment_of(version: ModelVersion, environment: str = "production") -> Deployment | None:
    """Where a version's model is deployed, if it ever was."""
    return Deployment.objects.filter(model_id=version.model_id, environment=environment).first()


def _releases(deployment: Deployment) -> QuerySet[Release]:
    return deployment.releases.select_related(
        "version__model", "version__run__data__dataset", "created_by", "went_back_from__version", "contract"
    )


def champion_of(deployment: Deployment) -> Release | None:
    """The release in use."""
    return _releases(deployment).filter(state=Release.State.CHAMPION).first()


def releases_of(deployment: Deployment) -> QuerySet[Release]:
    """Every stay of every version, newest first."""
    return _releases(deployment).order_by("-created_at")


def release_for(deployment: Deployment, release_id: UUID | str) -> Release:
    """One release of the deployment."""
    release = _releases(deployment).filter(pk=release_id).first()
    if release is None:
        raise Missing("There is no such release in this deployment.")
    return release


def ways_back(deployment: Deployment) -> list[Release]:
    """Releases that one can go back to: once in use, each version once, the latest stay first."""
    champion = champion_of(deployment)
    found: dict[Any, Release] = {}
    retired = _releases(deployment).filter(state=Release.State.RETIRED, started_at__isnull=False)
    retired = retired.filter(version__deleted_at=None)
    for release in retired.order_by("-ended_at")[:100]:
        if champion is None or release.version_id != champion.version_id:
            found.setdefault(release.version_id, release)
    return list(found.values())


def versions_of(project: Project) -> QuerySet[ModelVersion]:
    """All model versions of a project, newest first, with what lists of them show."""
    return (
        ModelVersion.objects.filter(model__project=project)
        .select_related("model", "run__data__dataset", "created_by")
        .prefetch_related(Prefetch("releases", queryset=Release.objects.order_by("-created_at")))
        .order_by("-created_at")
    )


def latest_gate(version: ModelVersion, environment: str = "production") -> Gate | None:
    """The newest request to let this version through, with its signatures."""
    return (
        Gate.objects.filter(subject_type=version._meta.label_lower, subject_id=str(version.pk), environment=environment)
        .select_related("requested_by", "project")
        .prefetch_related("signatures__user", "waivers__user")
        .order_by("-created_at")
        .first()
    )


def version_at(gate: Gate) -> ModelVersion | None:
    """The model version that a gate is about, if it is about one."""
    if gate.subject_type != ModelVersion._meta.label_lower:
        return None
    versions = ModelVersion.objects.select_related("model__project", "run__data__dataset", "run__project")
    return versions.filter(pk=gate.subject_id).first()


def rehearsal_of(version: ModelVersion) -> tuple[dict[str, Any] | None, bool]:
    """What the last rehearsal of this version measured, and whether one is under way."""
    jobs = Job.objects.filter(
        kind="deployments.rehearse", subject_type=version._meta.label_lower, subject_id=str(version.pk)
    )
    done = jobs.filter(state=State.SUCCEEDED).exclude(result=None).first()
    under_way = jobs.filter(state__in=[State.QUEUED, State.RUNNING]).exists()
    return (done.result if done else None), under_way


# ---- The gate's facts ----


def rule_for_version(version: ModelVersion, environment: str) -> GateRule:
    """What the project's risk tier asks of a version on its way to an environment."""
    return gate_rule_for(tier_of(version.model.project), environment)


def fingerprint_of(version: ModelVersion, environment: str = "production") -> str:
    """What signatures for this version are bound to."""
    contract = contract_in_force(version.model.project)
    named = (str(contract.pk), contract.version, contract.signed_at is not None) if contract else None
    rule = stands_for(rule_for_version(version, environment))
    return gate_rules.fingerprint(version.bundle_id, version.run.data.table_id, named, rule)


def facts_of(version: ModelVersion, environment: str) -> Facts:
    """Everything that the checks of one version need."""
    project = version.model.project
    contract = contract_in_force(project)
    rehearsal, running = rehearsal_of(version)
    rule = rule_for(project, version.run)
    return Facts(
        judgements=judgements_of(version, contract, rehearsal),
        contract_version=contract.version if contract else None,
        contract_signed=bool(contract and contract.signed_at),
        signature=signature_of(version),
        metrics=under(version.run.evaluation, version.run.metrics, rule),
        held_back=_held_back(version.run),
        champion=_champion(version, environment),
        rehearsal=rehearsal,
        rehearsal_running=running,
        judged_at=f"{rule.named}, {100 * rule.threshold:.4g}%" if rule else "",
        charter_approved=is_approved(charter_of(version.model.project)),
        must=rule_for_version(version, environment).must,
        book=answered_book(version.run),
    )


def answered_book(run: Run) -> Book:
    """How a run's model answers what the edge-case book says now."""
    book = book_of(run.project)
    results = results_for(run, book)
    wrong = [one for one in book if one.pk in results and not results[one.pk].passed]
    failed = tuple(FailedCase(one.case.number, one.name, one.reason, one.blocking) for one in wrong)
    return Book(len(results), len(book) - len(results), failed)


def champions_to_ask(hours: int = 24) -> list[Release]:
    """What is in use and was not asked about the whole edge-case book for so long."""
    with_book = EdgeCase.objects.filter(retired_at=None).values("project")
    champions = Release.objects.filter(state=Release.State.CHAMPION, deployment__project__in=with_book)
    long_ago, found = timezone.now() - timedelta(hours=hours), []
    for release in champions.select_related("version__run__project"):
        book = book_of(release.version.run.project)
        results = results_for(release.version.run, book)
        if len(results) < len(book) or any(one.checked_at < long_ago for one in results.values()):
            found.append(release)
    return found


def needs_rehearsal(version: ModelVersion) -> bool:
    """Whether nobody has measured this version yet, or asked it about what the edge-case book says now."""
    return rehearsal_of(version)[0] is None or bool(unasked(version.run))


def judgements_of(
    version: ModelVersion, contract: Contract | None, rehearsal: dict[str, Any] | None = None
) -> list[Judgement]:
    """A version's measurements against the targets in force now; those of its run's own day may have been others.

    With a policy in force what a threshold changes is measured at the policy's.
    """
    slowest = (rehearsal or {}).get("p95")
    rule = rule_for(version.model.project, version.run)
    return judged_run(version.run, contract, {LATENCY_KEY: slowest} if slowest else {}, rule=rule)


def signature_of(version: ModelVersion) -> dict[str, Any]:
    """What the model accepts, as its run kept it."""
    signature: dict[str, Any] = version.run.evaluation.get("signature") or {"kind": "", "inputs": []}
    return signature


def seen_signature(version: ModelVersion, roles: Roles) -> dict[str, Any]:
    """The same as these roles may see it: without examples and known values of hidden columns."""
    seen: dict[str, Any] = tree(signature_of(version), hidden_of(version.run.data.dataset, roles))
    return seen


def _held_back(run: Run) -> str:
    """Names the rows that a run was measured on: the same data, cut the same way, for the same target."""
    spec = run.spec
    return f"{run.data.table_id} {sorted(spec.get('split', {}).items())} {spec.get('target')} {spec.get('positive')}"


def _champion(version: ModelVersion, environment: str) -> Champion | None:
    deployment = deployment_of(version, environment)
    release = champion_of(deployment) if deployment else None
    if release is None or release.version_id == version.pk:
        return None
    live = release.version
    metrics = under(live.run.evaluation, live.run.metrics, rule_for(version.model.project, live.run))
    return Champion(live.number, signature_of(live), metrics, _held_back(live.run))


# ---- Decision policies ----


def reference_run(project: Project, number: int | None = None) -> Run | None:
    """Whose held-back scores show what a policy does: the run asked for, that of the model in use, the newest one."""
    if number is not None:
        return run_for(project, number)
    champions = Release.objects.filter(deployment__project=project, state=Release.State.CHAMPION)
    used = champions.order_by("-started_at").values_list("version__run__number", flat=True).first()
    newest = used if used is not None else finished_runs(project).values_list("number", flat=True).first()
    return None if newest is None else run_for(project, newest)


def scores_of(run: Run | None) -> list[int]:
    """A run's held-back rows by thousandths of their chance; empty while there are none."""
    kept = run.evaluation.get("thresholds") if run else None
    return [yes + no for yes, no in zip(kept["yes"], kept["no"], strict=True)] if kept else []


def rule_for(project: Project, run: Run) -> Rule | None:
    """The policy in force as it decides on a run's scores."""
    return valuing.rule_for(policy_in_force(project), run.evaluation)


# ---- Keys, segments and servers ----


def keys_of(deployment: Deployment) -> QuerySet[ConsumerKey]:
    """All keys, newest first."""
    return deployment.keys.select_related("created_by").order_by("-created_at")


def key_for(deployment: Deployment, key_id: UUID) -> ConsumerKey:
    """One key of the deployment."""
    key = ConsumerKey.objects.filter(deployment=deployment, pk=key_id).first()
    if key is None:
        raise Missing("There is no such key for this deployment.")
    return key


def segments_between(deployment: Deployment, start: datetime, end: datetime) -> QuerySet[Segment]:
    """Stored pieces of the log that hold answers from `start` (inclusive) to `end` (exclusive), in order of time."""
    return deployment.segments.filter(last_at__gte=start, first_at__lt=end).select_related("table").order_by("first_at")


def stored_rows(deployments: list[Deployment]) -> dict[UUID, tuple[int, int]]:
    """Answers in the stored log by deployment: ever, and in the last 24 hours."""
    day = timezone.now() - timedelta(days=1)
    rows = (
        Segment.objects.filter(deployment__in=deployments)
        .values("deployment")
        .annotate(ever=Sum("rows"), day=Sum("rows", filter=Q(first_at__gte=day)), pieces=Count("pk"))
    )
    return {row["deployment"]: (row["ever"] or 0, row["day"] or 0) for row in rows}


def servers_alive() -> int:
    """How many prediction servers were seen in the last seconds."""
    return Server.objects.filter(seen_at__gt=timezone.now() - timedelta(seconds=SERVER_SILENT_SECONDS)).count()


# ---- The prediction log ----


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
    segments = deployment.segments.order_by("-last_at")
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
