"""What the deployments room shows on project pages and on people's home."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from datasets.models.versions import Version
from datasets.using import Use, uses
from deployments.models import BatchScoring, Deployment, Release
from deployments.queries.decisions import reference_run
from deployments.queries.deployments import deployment_for, ways_back
from deployments.queries.environments import PRODUCTION
from deployments.queries.versions import fingerprint_of as version_stands_for
from experiments.models.registry import Model, ModelVersion
from experiments.pages.value import value_context
from experiments.pointers import became, pointer
from experiments.queries.models import model_version_for
from experiments.valuing import rows_under
from projects.activity import say
from projects.handing import Evidence
from projects.models.gates import Gate, Waiver
from projects.models.projects import Project
from projects.models.worth import Worth
from projects.money import sentences
from projects.overview import (
    Need,
    Result,
    Section,
    StageNote,
    aside,
    evidence,
    fingerprint_of,
    need,
    result_of_many,
    section,
    stage_of_many,
    tab,
)
from projects.permissions import Role, allows
from projects.policies import sentences as sentences_of
from projects.queries.define import charter_of
from projects.queries.gates import blocked_by, open_gates
from projects.queries.policies import policies_in_force, policies_waiting
from projects.queries.worth import money_of, worth_of
from projects.reviewing import tells
from projects.stages import Outcome
from projects.subjects import split_number, subject
from projects.things import Thing, Things, things

say("data.version_scored", "made {dataset} v{number} by scoring {of}")
say("batch.started", "began to score {of} with {model}: batch {number} of {deployment}")
say("batch.done", "scored {rows} rows, refused {refused}, and made {made}: batch {number} of {deployment}")
say("batch.stopped", "stopped batch {number} of {deployment}")
say("batch.failed", "could not end batch {number} of {deployment}: {reason}")
say("batch.plan_made", "planned to have {dataset} scored {when} under {deployment}")
say("batch.plan_ended", "ended plan {number} of {deployment}, which scored data by itself")
say("key.changed", "changed what {key_name} may ask of {deployment}")
say("environment.set_up", "said what {environment} asks of versions")
say("environment.dropped", "took {environment} off the way of versions")
say("model.onnx_asked", "had {version} made as ONNX")
say("batch.skipped", "did not score what plan {number} of {deployment} asks for: {reason}")
say("release.promoted", "put {version} into use")
say("release.rolled_back", "rolled back to {version}: {reason}")
say("release.taken_out", "took {version} out of use: {reason}")
say("trial.stopped", "stopped the trial of {version}: {why}")

tells("changed", "release.promoted")
tells("learned", "release.rolled_back", "release.taken_out", "trial.stopped")

tab("deploy", 10, "Versions and deployments", "deploy", also=("model-version", "deployment", "batches", "batch"))
tab("deploy", 20, "Environments", "environments", also=("environment",))
tab("deploy", 30, "Applications", "applications", also=("application",))
tab("define", 50, "Decisions", "decisions", also=("policy-sign", "policy-back"))


@section
def worth_of_result(project: Project, roles: frozenset[Role]) -> list[Section]:
    """What the model in use, or the newest result, is worth: on the overview."""
    return [Section(30, "experiments/parts/worth_box.html", context) for context in _worth(project)]


@aside("define")
def worth_beside_definition(project: Project, roles: frozenset[Role]) -> list[Section]:
    """The same beside the problem and its targets."""
    return [Section(30, "experiments/parts/worth_box.html", context, side=True) for context in _worth(project)]


def _worth(project: Project) -> list[dict[str, Any]]:
    run = reference_run(project)
    if run is None or not run.evaluation:
        worth = worth_of(project)
        return [{"worth": worth, "value": None, "measured_run": None, "lines": _lines(project, worth)}]
    return [value_context(run)]


def _lines(project: Project, worth: Worth | None) -> list[str]:
    money = money_of(worth)
    return sentences(money, project.kind, charter_of(project).positive_word) if money else []


MOST_OFFERED = 50
WAIVER_NOTICE_DAYS = 14


def _champions(projects: Sequence[Project]) -> dict[UUID, Release]:
    """The release in use of each project; of several deployments the newest."""
    live = {"state": Release.State.CHAMPION, "deployment__environment": PRODUCTION}
    releases = Release.objects.filter(deployment__project__in=projects, **live)
    rows = releases.select_related(
        "deployment__project", "version__model", "version__run__data__dataset", "gate"
    ).order_by("started_at")
    return {release.deployment.project_id: release for release in rows}


def _gates(projects: Sequence[Project]) -> dict[UUID, Gate]:
    """The newest open gate of each project."""
    return {gate.project_id: gate for gate in open_gates(projects)}


@stage_of_many("deploy")
def deploy_stage(projects: Sequence[Project]) -> dict[UUID, StageNote]:
    """Damaged first, then what waits at the gate, then what is in use."""
    champions, gates = _champions(projects), _gates(projects)
    versions = set(ModelVersion.objects.filter(model__project__in=projects).values_list("model__project_id", flat=True))
    return {
        project.pk: _note(project, champions.get(project.pk), gates.get(project.pk), project.pk in versions)
        for project in projects
    }


def _note(project: Project, champion: Release | None, gate: Gate | None, has_versions: bool) -> StageNote:
    url = reverse("deploy", args=[project.key])
    if champion and champion.trouble:
        live = reverse("deployment", args=[project.key, champion.deployment.name])
        return StageNote("alert", f"v{champion.version.number}: file damaged", live, Role.ML_ENGINEER)
    if gate:
        waits = blocked_by(gate)
        missing = [Role(wait.partition(":")[2]) for wait in waits if wait.startswith("signature:")]
        if missing:
            words = "1 signature missing" if len(missing) == 1 else f"{len(missing)} signatures missing"
            return StageNote("waiting", words, gate.subject_url, missing[0])
        failing = any(wait.startswith("check:") for wait in waits)
        words = "A check fails" if failing else "A warning to accept" if waits else "Ready to promote"
        return StageNote("now", words, gate.subject_url, Role.ML_ENGINEER)
    if champion:
        holds = frozenset({"live"} if champion.trouble else {"live", "sound"})
        return StageNote("done", f"{champion.version} is live", url, holds=holds, outcome=_outcome(champion))
    if has_versions:
        return StageNote("now", "A version can go live", url, Role.ML_ENGINEER)
    return StageNote("todo", "After a version is registered", url)


def _outcome(champion: Release) -> Outcome:
    """The version in use, which is one that was chosen before."""
    version = champion.version
    name, number = version.model.name, str(version.number)
    at = champion.started_at or champion.created_at
    words = f"{name} version {number} in use"
    return Outcome({champion.deployment.name: number}, words, at, {"evaluate": {name: number}})


@fingerprint_of(ModelVersion._meta.label_lower)
def what_signatures_mean(version_id: str, environment: str) -> str | None:
    """The bytes of model and data, the targets and the rules as they are now."""
    version = ModelVersion.objects.select_related("model__project", "run__data").filter(pk=version_id).first()
    return version_stands_for(version, environment) if version else None


def _find_version(project: Project, name: str) -> Thing | None:
    model, _, number = name.rpartition(" v")
    if not (number.isascii() and number.isdecimal() and len(number) < 10):
        return None
    found = ModelVersion.objects.filter(model__project=project, model__name=model, number=int(number))
    version = found.select_related("model").first()
    return _thing(project, version) if version else None


def _thing(project: Project, version: ModelVersion) -> Thing:
    url = reverse("model-version", args=[project.key, version.model.name, version.number])
    return Thing("model version", str(version), str(version), url)


def _offer_versions(project: Project, search: str) -> Iterable[Thing]:
    found = ModelVersion.objects.filter(model__project=project, model__name__icontains=search).select_related("model")
    return [_thing(project, version) for version in found.order_by("-created_at")[:MOST_OFFERED]]


things(Things("model version", _offer_versions, _find_version))


@need
def waivers_that_end(user: User, projects: dict[Project, frozenset[Role]]) -> Iterable[Need]:
    """Waived failures of gates that are open or that let what is in use in: they end soon, or have ended."""
    soon = timezone.localdate() + timedelta(days=WAIVER_NOTICE_DAYS)
    here = Q(gate__state=Gate.State.OPEN) | Q(gate__releases__state=Release.State.CHAMPION)
    ending = Waiver.objects.filter(here, gate__project__in=projects, kind=Waiver.Kind.WAIVED, until__lte=soon)
    newest: dict[tuple[UUID, str], Waiver] = {}
    prolonged = Waiver.objects.filter(
        gate=OuterRef("gate"), check_key=OuterRef("check_key"), kind=Waiver.Kind.WAIVED, until__gt=soon
    )
    for waiver in ending.filter(~Exists(prolonged)).select_related("gate__project").order_by("until", "created_at"):
        newest[(waiver.gate_id, waiver.check_key)] = waiver
    for waiver in newest.values():
        gate = waiver.gate
        if Role(waiver.role) not in projects[gate.project]:
            continue
        ended = waiver.until is not None and waiver.until < timezone.localdate()
        yield Need(
            5 if ended else 50,
            "calendar-clock",
            f"The waiver for {gate.subject_name} {'has ended' if ended else 'ends soon'}",
            f"“{waiver.check_name}” was waived until {waiver.until}: {waiver.reason}",
            gate.subject_url,
            "Look",
            gate.project,
            waiver.created_at,
            Role(waiver.role),
        )


@result_of_many
def model_in_use(projects: Sequence[Project]) -> dict[UUID, Result]:
    """The champion, by the verdicts of the targets in force, at the threshold of the policy in force."""
    found, policies = {}, policies_in_force(projects)
    for project_id, release in _champions(projects).items():
        run = release.version.run
        url = reverse(
            "model-version", args=[release.deployment.project.key, release.version.model.name, release.version.number]
        )
        detail = f"Measured when it was trained, on held-back rows of {run.data}."
        rows, judged_at = rows_under(run, release.verdicts or run.verdicts, policies.get(project_id))
        detail += f" Judged at {judged_at}." if judged_at else ""
        found[project_id] = Result(f"Version {release.version.number}, in use,", url, rows, detail)
    return found


@need
def unsigned_policies(user: User, projects: dict[Project, frozenset[Role]]) -> Iterable[Need]:
    """For whoever may sign: a proposed decision policy that nobody signed."""
    mine = [project for project, roles in projects.items() if allows(roles, "policy.sign")]
    for policy in policies_waiting(mine):
        project = policy.project
        title, why = f"Sign decision policy v{policy.version} of {project.name}", sentences_of(policy)[0]
        url = reverse("decisions", args=[project.key])
        yield Need(10, "scale", title, why, url, "Review", project, policy.created_at)


@need
def what_delivery_should_do(user: User, projects: dict[Project, frozenset[Role]]) -> Iterable[Need]:
    """A gate that only waits for the promotion, and a model whose file is damaged."""
    mine = [project for project, roles in projects.items() if allows(roles, "model.promote")]
    for gate in open_gates(mine):
        if not blocked_by(gate):
            yield Need(
                10,
                "upload",
                f"Promote {gate.subject_name}",
                "All checks pass and everybody has signed.",
                gate.subject_url,
                "Promote",
                gate.project,
                gate.created_at,
                Role.ML_ENGINEER,
            )
    damaged = Release.objects.filter(deployment__project__in=mine, state=Release.State.CHAMPION).exclude(trouble="")
    for release in damaged.select_related("deployment__project", "version"):
        deployment: Deployment = release.deployment
        yield Need(
            5,
            "triangle-alert",
            f"{deployment.name}: the stored model is damaged",
            f"{release.trouble} {len(ways_back(deployment))} earlier versions are kept ready.",
            reverse("deployment", args=[deployment.project.key, deployment.name]),
            "Look",
            deployment.project,
            release.started_at,
            Role.ML_ENGINEER,
        )


@evidence(Role.ML_ENGINEER)
def through_the_gate_and_live(project: Project) -> Iterable[Evidence]:
    """A version that passed its gate is in use, with whole bytes."""
    champion = _champions([project]).get(project.pk)
    where = reverse("deploy", args=[project.key])
    if champion:
        where = reverse("deployment", args=[project.key, champion.deployment.name])
    name = champion.deployment.name if champion else ""
    gate = champion.gate if champion else None
    passed = gate is not None and gate.state == Gate.State.PASSED
    yield Evidence(
        "gate", "It went through its gate", passed, "Ask for production and gather the signatures.", name, where
    )
    yield Evidence("live", "A version is in use", champion is not None, "Promote a version.", name, where)
    whole = champion is not None and not champion.trouble
    yield Evidence("sound", "Its stored bytes are whole", whole, "Roll back, or register the run again.", name, where)


@subject("model")
def find_model_version(project: Project, own: str) -> tuple[str, str]:
    """A model version as `churn/v7`."""
    name, number = split_number(own)
    version = model_version_for(project, name, number)
    return str(version), reverse("model-version", args=[project.key, name, number])


@subject("deployment")
def find_deployment(project: Project, own: str) -> tuple[str, str]:
    """A deployment by its name."""
    deployment = deployment_for(project, own)
    return deployment.name, reverse("deployment", args=[project.key, deployment.name])


@uses(5)
def in_use(version: Version) -> Iterable[Use]:
    """Where models that learned from a data version answer, or stand ready."""
    states = (Release.State.CHAMPION, Release.State.RETIRED)
    releases = Release.objects.filter(version__run__data=version, state__in=states)
    found = releases.select_related("deployment__project", "version__model").order_by("state", "-started_at")[:10]
    for one in found:
        project, name = one.deployment.project, one.deployment.name
        words = f"{one.version} is {one.get_state_display().lower()}"
        yield Use("deployment", name, words, reverse("deployment", args=[project.key, name]))


@uses(6)
def scored(version: Version) -> Iterable[Use]:
    """The batches that it went into, and the one that it came out of."""
    found = BatchScoring.objects.filter(Q(source=version) | Q(made=version), state=BatchScoring.State.DONE)
    for one in found.select_related("deployment__project", "version__model", "made__dataset").order_by("-number")[:10]:
        project, name = one.deployment.project, one.deployment.name
        came = one.made_id == version.pk
        words = f"{one.version} made it of {one.source_name}" if came else f"{one.version} made {one.made} of it"
        yield Use("batch", f"{name} batch {one.number}", words, reverse("batch", args=[project.key, name, one.number]))


@pointer("champion")
def champion(model: Model) -> ModelVersion | None:
    """The version that answers in production."""
    found = Release.objects.filter(
        deployment__model=model, deployment__environment="production", state=Release.State.CHAMPION
    )
    release = found.select_related("version__model").first()
    return release.version if release else None


@pointer("challenger")
def challenger(model: Model) -> ModelVersion | None:
    """The version that is on trial in production."""
    found = Release.objects.filter(
        deployment__model=model, deployment__environment="production", state=Release.State.TRIAL
    )
    release = found.select_related("version__model").first()
    return release.version if release else None


@became
def where_it_answers(version: ModelVersion) -> Iterable[Use]:
    """Each stay of a version in a deployment."""
    for one in version.releases.select_related("deployment__project").order_by("-created_at")[:10]:
        project, name = one.deployment.project, one.deployment.name
        address = reverse("deployment", args=[project.key, name])
        yield Use("deployment", name, f"{one.get_state_display().lower()} in {one.deployment.environment}", address)
