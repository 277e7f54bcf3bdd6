"""What the experiments room shows on project pages and on people's home."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.urls import reverse

from accounts.models import User
from datasets.models.versions import Version
from datasets.using import Use, uses
from experiments.findings import standing_note, thin
from experiments.models.logged import LogInput
from experiments.models.records import RunRecord
from experiments.models.registry import ModelVersion
from experiments.models.runs import Run
from experiments.queries.models import newest_versions
from experiments.queries.runs import HEAVY, newest_finished, newest_runs, run_for, runs_by, with_finished_runs
from projects.activity import say
from projects.handing import Evidence
from projects.models.projects import Project
from projects.overview import (
    Need,
    Result,
    Section,
    StageNote,
    evidence,
    holding,
    home_part,
    need,
    remark,
    result_of_many,
    stage_of_many,
    tab,
)
from projects.permissions import Role, allows
from projects.results import words_in
from projects.reviewing import Remark, tells
from projects.stages import Outcome
from projects.subjects import subject, whole
from projects.things import Thing, Things, things

tab("evaluate", 10, "Compare", "evaluate", also=("compare", "evaluation", "evaluation-plain", "evaluation-new"))
tab("evaluate", 20, "Edge cases", "cases", also=("case", "case-new", "case-change", "case-retire"))
tab("define", 45, "Without a model", "baseline", group="Value")

say("model.registered", "registered {model} v{version} of run {run}")
say("edge_case.added", "wrote edge case {case}: {title}")

tells("changed", "model.registered")
tells("learned", "edge_case.added")

Roles = Mapping[Project, frozenset[Role]]
MOST_OFFERED = 50
MOST_USES = 10
MOST_SUPPOSED = 10


@stage_of_many("train")
def train(projects: Sequence[Project]) -> dict[UUID, StageNote]:
    """Done from the first finished run on."""
    newest = {run.project_id: run for run in newest_runs(projects)}
    finished = {run.project_id: run for run in newest_finished(projects)}
    return {project.pk: _train(project, newest.get(project.pk), finished.get(project.pk)) for project in projects}


def _basis(run: Run) -> dict[str, dict[str, str]]:
    """The targets and the data version that a run was made on."""
    contract = {"define": {"contract": str(run.contract.version)}} if run.contract else {}
    return contract | {"data": {run.data.dataset.name: str(run.data.number)}}


def _train(project: Project, run: Run | None, finished: Run | None) -> StageNote:
    url, holder = reverse("train", args=[project.key]), Role.DATA_SCIENTIST
    if run is None:
        return StageNote("todo", "No run yet", url, holder)
    note = {
        Run.State.WAITING: f"Run {run.number} under way",
        Run.State.FAILED: f"Run {run.number} failed",
        Run.State.CANCELLED: f"Run {run.number} was stopped",
    }.get(Run.State(run.state), f"Run {run.number} finished")
    if finished:
        parts = {"run": str(finished.number)}
        at = finished.finished_at or finished.created_at
        outcome = Outcome(parts, f"Run {finished.number} finished", at, _basis(finished))
        return StageNote("done", note, url, holds=frozenset({"finished"}), outcome=outcome)
    return StageNote("alert" if run.state == Run.State.FAILED else "now", note, url, holder)


@stage_of_many("evaluate")
def evaluate(projects: Sequence[Project]) -> dict[UUID, StageNote]:
    """Done when a run was chosen, which is what registering says."""
    versions, finished = newest_versions(projects), with_finished_runs(projects)
    found = {}
    for project in projects:
        url, holder = reverse("evaluate", args=[project.key]), Role.DATA_SCIENTIST
        if version := versions.get(project.pk):
            words, holds = standing_note(version.run.verdicts), frozenset({"chosen"})
            found[project.pk] = StageNote("done", words, url, holds=holds, outcome=_choice(version))
        elif project.pk in finished:
            found[project.pk] = StageNote("now", "Choose a run", url, holder)
        else:
            found[project.pk] = StageNote("todo", "Nothing to compare yet", url, holder)
    return found


def _choice(version: ModelVersion) -> Outcome:
    """The version registered last, on what its run was made."""
    parts = {version.model.name: str(version.number)}
    words = f"{version.model.name} version {version.number} chosen"
    return Outcome(parts, words, version.created_at, _basis(version.run))


@result_of_many
def result(projects: Sequence[Project]) -> dict[UUID, Result]:
    """The version registered last, else the newest finished run. A deployment's own result comes later and wins."""
    chosen = {key: (version.run, str(version)) for key, version in newest_versions(projects).items()}
    without = [project for project in projects if project.pk not in chosen]
    if without:
        runs = newest_finished(without)
        chosen |= {run.project_id: (run, f"Run {run.number}") for run in runs}
    keys = {project.pk: project.key for project in projects}
    return {
        key: Result(name=name, url=reverse("run", args=[keys[key], run.number]), rows=run.verdicts, detail=_detail(run))
        for key, (run, name) in chosen.items()
    }


def _detail(run: Run) -> str:
    """On what it was measured; every metric is measured on the same held-back rows, of which some count them all."""
    rows = max((found["n"] for found in run.metrics.values()), default=0)
    return f"Measured on {thin(rows)} rows of {run.data} that it had never seen."


@need
def to_look_at(user: User, projects: Roles) -> Iterator[Need]:
    """The newest run of each project: finished and newer than the last choice, or failed and one's own."""
    newest = newest_runs(list(projects))
    versions = newest_versions([run.project for run in newest])
    said = words_in({project.key: roles for project, roles in projects.items()})
    for run in newest:
        roles, version = projects[run.project], versions.get(run.project_id)
        url = reverse("run", args=[run.project.key, run.number])
        chosen = version is not None and version.created_at > run.created_at
        if run.state == Run.State.FAILED and run.created_by_id == user.pk:
            title, since = f"Run {run.number} of {run.project.name} failed", run.finished_at
            why = said[run.project.key].text(run.message)
            yield Need(40, "triangle-alert", title, why, url, "Look", run.project, since, Role.DATA_SCIENTIST)
        elif run.state == Run.State.FINISHED and not chosen and allows(roles, "model.register"):
            if Role.DATA_SCIENTIST not in roles and run.created_by_id != user.pk:
                continue
            title, why = f"Look at run {run.number} of {run.project.name}", f"{standing_note(run.verdicts)}. "
            why += "Register it, or train another one."
            yield Need(30, "flask-conical", title, why, url, "Open", run.project, run.finished_at, Role.DATA_SCIENTIST)


@evidence(Role.DATA_SCIENTIST)
def judged_and_registered(project: Project) -> Iterator[Evidence]:
    """A finished run that was judged, and one that was chosen with a reason."""
    run = next(iter(newest_finished([project])), None)
    version = newest_versions([project]).get(project.pk)
    shown = version.run if version else run
    where = reverse("run", args=[project.key, shown.number]) if shown else reverse("train", args=[project.key])
    judged = shown is not None and bool(shown.verdicts)
    name = f"Run {shown.number}" if shown else ""
    todo = "Finish a run while targets are set, so that it is judged."
    yield Evidence("judged", "A run has finished and was judged by the targets", judged, todo, name, where)
    where = reverse("evaluate", args=[project.key])
    if version:
        where = reverse("model-version", args=[project.key, version.model.name, version.number])
    chosen = version is not None and bool(version.reason)
    name, todo = str(version or ""), "Register the chosen run, with a reason."
    yield Evidence("registered", "A model version is registered, with a reason", chosen, todo, name, where)


@subject("run")
def find_run(project: Project, own: str) -> tuple[str, str]:
    """A run by its number."""
    run = run_for(project, whole(own))
    return f"Run {run.number}", reverse("run", args=[project.key, run.number])


@home_part
def my_runs(user: User, projects: Roles) -> Iterator[Section]:
    """For data scientists: the own runs, the newest first."""
    mine = holding(projects, Role.DATA_SCIENTIST)
    if mine:
        yield Section(20, "experiments/parts/home_runs.html", {"runs": runs_by(user, mine)})


def _thing(project: Project, number: int) -> Thing:
    return Thing("run", str(number), f"run {number}", reverse("run", args=[project.key, number]))


def _offer_runs(project: Project, search: str) -> list[Thing]:
    runs = Run.objects.filter(project=project).order_by("-number")
    wanted = search.lower().removeprefix("run").strip()
    found = runs.filter(number=int(wanted)) if wanted.isascii() and wanted.isdecimal() and len(wanted) < 10 else runs
    return [_thing(project, number) for number in found.values_list("number", flat=True)[:MOST_OFFERED]]


def _find_run(project: Project, name: str) -> Thing | None:
    if not (name.isascii() and name.isdecimal() and len(name) < 10):
        return None
    found = Run.objects.filter(project=project, number=int(name)).exists()
    return _thing(project, int(name)) if found else None


# What requirements can be linked to.
things(Things("run", _offer_runs, _find_run))


@uses(10)
def runs_and_models(version: Version) -> Iterable[Use]:
    """The newest runs that learned from a data version, and the models that were registered of them."""
    models = ModelVersion.objects.filter(run__data=version).select_related("model__project", "run")
    for one in models.defer("run__evaluation", "run__environment").order_by("-number")[:MOST_USES]:
        project = one.model.project
        url = reverse("run", args=[project.key, one.run.number])
        yield Use("model", str(one), f"registered from run {one.run.number}", url)
    runs = Run.objects.filter(data=version).select_related("project", "data__dataset").order_by("-number")
    for run in runs.defer(*HEAVY)[:MOST_USES]:
        words = f"learned from it, {run.get_state_display().lower()}"
        yield Use("run", f"Run {run.number}", words, reverse("run", args=[run.project.key, run.number]))


@uses(11)
def logged_runs(version: Version) -> Iterable[Use]:
    """The newest runs that notebooks logged and that say they used a data version."""
    rows = LogInput.objects.filter(version=version, run__record__deleted_at=None).order_by("-pk")
    for one in rows.select_related("run__record", "run__project")[:MOST_USES]:
        number = one.run.record.number
        words = "logged from a notebook, used it" + (f" for {one.context}" if one.context else "")
        yield Use("run", f"Run {number}", words, reverse("logged-run", args=[one.run.project.key, number]))


@remark
def suppositions(project: Project, since: datetime) -> Iterator[Remark]:
    """How many runs there were, and what came of those that somebody supposed something of."""
    ended = RunRecord.objects.filter(project=project, trial=None, finished_at__gte=since)
    states = Counter(ended.values_list("state", flat=True))
    if runs := sum(states.values()):
        failed = f", {states[RunRecord.State.FAILED]} of them in vain" if states[RunRecord.State.FAILED] else ""
        text = f"{runs} run{'' if runs == 1 else 's'} ended{failed}."
        yield Remark("changed", text, None, reverse("train", args=[project.key]))
    supposed = ended.exclude(hypothesis="").filter(run__isnull=False).select_related("run").order_by("-number")
    for one in supposed.defer(*(f"run__{name}" for name in HEAVY))[:MOST_SUPPOSED]:
        verdicts = one.run.verdicts if one.run else []
        found = next((row["sentence"] for row in verdicts if row.get("deciding")), one.get_state_display())
        text = f"Run {one.number} supposed: “{one.hypothesis.strip()[:300]}” {found}"
        yield Remark("learned", text, one.finished_at, reverse("run", args=[project.key, one.number]))
