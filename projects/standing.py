"""How projects stand: the Define stage, what waits for a person in this room, and the rows of lists."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, Q
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from projects.findings import counted, last_result
from projects.models.define import Charter, Contract, Target
from projects.models.projects import Project
from projects.models.team import Invitation
from projects.overview import (
    Need,
    Result,
    Section,
    StageNote,
    Stop,
    holder,
    holding,
    home_part,
    need,
    rails,
    results,
    stage_of_many,
    tab,
)
from projects.permissions import Role, allows
from projects.queries.define import goals_of, texts_of
from projects.queries.gates import asked_for_it, blocked_by, open_gates
from projects.queries.kpis import late_figures
from projects.queries.requirements import find_target, offer_targets
from projects.readiness import missing, readiness
from projects.stages import Outcome
from projects.things import Things, things

tab("", 10, "Overview", "project", also=("project-change",))
tab("", 80, "Team", "team", also=("member", "team-groups"), group="People")
tab("", 85, "Who can do what", "rights", group="People")
tab("", 90, "Activity", "activity")
tab("define", 10, "Problem and targets", "define", also=("target-add", "target-change", "contract-sign"))
tab("define", 40, "Worth", "worth", group="Value")
tab("define", 20, "Requirements", "requirements", also=("requirement", "requirement-link"))
tab(
    "define",
    30,
    "People and process",
    "people-touched",
    also=("process", "stakeholder-change"),
    group="People and risks",
)
tab("define", 35, "Risks", "risks", also=("risk-texts",), group="People and risks")
tab("define", 60, "Value and feasibility", "appraise", group="Value")
tab("define", 80, "History", "charter-history")
things(Things("target", offer_targets, find_target))
tab("define", 55, "KPIs", "kpis", also=("kpi", "kpi-value", "kpi-file"), group="Value")

Roles = Mapping[Project, frozenset[Role]]
SHOWN_AT_HOME = 20


def _contracts(projects: Sequence[Project]) -> dict[UUID, list[Contract]]:
    """The contracts of many projects, newest first."""
    found: dict[UUID, list[Contract]] = {project.pk: [] for project in projects}
    contracts = Contract.objects.filter(project__in=projects).order_by("-version")
    for contract in contracts.prefetch_related(Prefetch("targets", queryset=Target.objects.order_by("position"))):
        found[contract.project_id].append(contract)
    return found


@stage_of_many("define")
def define(projects: Sequence[Project]) -> dict[UUID, StageNote]:
    """Signed, waiting for the signature, or still being written."""
    contracts = _contracts(projects)
    written = set(Charter.objects.filter(project__in=projects, version__gt=0).values_list("project_id", flat=True))
    return {project.pk: _note(project, contracts[project.pk], project.pk in written) for project in projects}


def _note(project: Project, contracts: Sequence[Contract], written: bool) -> StageNote:
    url, writer = reverse("define", args=[project.key]), Role.BUSINESS_ANALYST
    latest = contracts[0] if contracts else None
    given: dict[str, Any] = {"holds": _holds(latest), "outcome": _outcome(contracts)}
    count = len(latest.targets.all()) if latest else 0
    words = f"{count} target{'s' if count != 1 else ''}"
    if latest and latest.signed_at:
        return StageNote("done", f"{words}, signed off", url, **given)
    if any(contract.signed_at for contract in contracts):
        return StageNote("reopened", "Changed since signed", url, writer, **given)
    if count:
        return StageNote("waiting", f"{words}, not signed", url, writer, **given)
    return StageNote("now", "Targets are missing" if written else "Write the problem", url, writer, **given)


def _holds(latest: Contract | None) -> frozenset[str]:
    """Which exit rules of Define hold."""
    decides = latest is not None and any(target.deciding for target in latest.targets.all())
    signed = latest is not None and latest.signed_at is not None
    return frozenset(key for key, holds in (("deciding", decides), ("signed", signed)) if holds)


def _outcome(contracts: Sequence[Contract]) -> Outcome | None:
    """What the later stages stand on: the contract signed last."""
    for contract in contracts:
        if contract.signed_at:
            number = str(contract.version)
            return Outcome({"contract": number}, f"Targets version {number} signed", contract.signed_at)
    return None


@need
def unsigned_targets(user: User, projects: Roles) -> Iterator[Need]:
    """For whoever may sign: targets that are ready and not signed; for writers: what is still missing."""
    mine = [project for project, roles in projects.items() if allows(roles, "contract.sign")]
    contracts = _contracts(mine)
    charters = {charter.project_id: texts_of(charter) for charter in Charter.objects.filter(project__in=mine)}
    for project in mine:
        latest = contracts[project.pk][0] if contracts[project.pk] else None
        if latest and latest.signed_at:
            continue
        points = readiness(project.kind, charters.get(project.pk, {}), goals_of(latest))
        todo = missing(points)
        url = reverse("define", args=[project.key])
        since = latest.created_at if latest else project.created_at
        if todo:
            why = " ".join(point.todo for point in todo[:2])
            yield Need(30, "flag", f"Define {project.name}", why, url, "Define", project, since)
        else:
            number = counted(len(goals_of(latest)), "target is set", "targets are set")
            why = f"{number} and everything is ready. Data and training wait for a signature."
            yield Need(10, "flag", f"Sign the targets of {project.name}", why, url, "Review", project, since)


@need
def late_values(user: User, projects: Roles) -> Iterator[Need]:
    """For whoever looks after a KPI: values that were due and did not come."""
    mine = [project for project, roles in projects.items() if any(allows(frozenset({r}), "kpi.enter") for r in roles)]
    contracts = _contracts(mine)
    signed = {key: next((one for one in found if one.signed_at), None) for key, found in contracts.items()}
    for figure in late_figures(mine, {key: goals_of(contract) for key, contract in signed.items()}):
        kpi, owner = figure.kpi, Role(figure.kpi.owner)
        roles = next(roles for project, roles in projects.items() if project.pk == kpi.project_id)
        if owner not in roles or figure.due is None:
            continue
        last = f"The last one is of {figure.last.on.day} {figure.last.on:%B}." if figure.last else "There is none yet."
        why = f"It was due on {figure.due.day} {figure.due:%B}. {last}"
        url = reverse("kpi", args=[kpi.project.key, kpi.key])
        yield Need(20, "flag", f"Bring the value of “{kpi.name}”", why, url, "Enter it", kpi.project, role=owner)


@need
def gates(user: User, projects: Roles) -> Iterator[Need]:
    """Gates that wait for a signature of a role that the person holds."""
    for gate in open_gates(list(projects)):
        held = projects[gate.project]
        waits = [wait.partition(":")[2] for wait in blocked_by(gate) if wait.startswith("signature:")]
        mine = [Role(role) for role in waits if role in held]
        signed = any(signature.user_id == user.pk for signature in gate.signatures.all())
        barred = (signed or asked_for_it(gate, user)) and not gate.project.one_person
        if not mine or barred:
            continue
        failing = sum(check.get("state") == "fail" for check in gate.checks)
        warning = sum(check.get("state") == "warn" for check in gate.checks)
        passing = len(gate.checks) - failing - warning
        why = f"{counted(passing, 'check passes', 'checks pass')}, {warning} to look at, {failing} failing. "
        why += f"It waits for {counted(len(waits), 'signature', 'signatures').lower()}."
        title = f"Sign {gate.subject_name} for {gate.environment}"
        yield Need(10, "lock", title, why, gate.subject_url, "Review", gate.project, gate.created_at, mine[0])


@need
def charters(user: User, projects: Roles) -> Iterator[Need]:
    """Charters that wait for an approval, and those that are to be looked at again."""
    today = timezone.localdate()
    waiting = Q(state=Charter.State.SUBMITTED) | Q(review_on__lte=today) & ~Q(state=Charter.State.CLOSED)
    for charter in Charter.objects.filter(waiting, project__in=projects).select_related("project"):
        project = charter.project
        roles, url = projects[project], reverse("define", args=[project.key])
        if charter.state == Charter.State.SUBMITTED and allows(roles, "charter.approve"):
            if charter.submitted_by_id != user.pk or project.one_person:
                why = f"Version {charter.version} is handed in; it waits for you or another who may approve."
                title = f"Approve the charter of {project.name}"
                yield Need(10, "file-text", title, why, url, "Review", project, charter.state_at)
        elif charter.review_on and charter.review_on <= today and allows(roles, "charter.change"):
            why = f"It was to be looked at again on {charter.review_on}. Is it still what we want?"
            yield Need(40, "calendar-clock", f"Look again at the charter of {project.name}", why, url, "Look", project)


@need
def unused_invitations(user: User, projects: Roles) -> Iterator[Need]:
    """For whoever invites: links that ran out before anybody used them."""
    managed = [project for project, roles in projects.items() if allows(roles, "team.manage")]
    expired = Invitation.objects.filter(
        project__in=managed, accepted_at=None, withdrawn_at=None, expires_at__lte=timezone.now()
    ).select_related("project")
    for invitation in expired:
        url = reverse("team", args=[invitation.project.key])
        why = "The link worked for 7 days and nobody used it. Invite again or withdraw it."
        title = f"The invitation of {invitation.email} has run out"
        yield Need(50, "user-plus", title, why, url, "Team", invitation.project, invitation.expires_at)


@home_part
def targets_across_projects(user: User, projects: Roles) -> Iterator[Section]:
    """For those who set targets: how they stand, project by project."""
    mine = holding(projects, Role.BUSINESS_ANALYST, Role.PRODUCT_MANAGER, Role.LEADERSHIP)[:SHOWN_AT_HOME]
    if not mine:
        return
    found, keys = results(mine), {project.pk: project for project in mine}
    words = dict(Charter.objects.filter(project__in=mine).values_list("project_id", "positive_word"))
    rows = [
        {
            "project": keys[key],
            "result": result,
            "said": last_result(result.rows, words.get(key, "")),
            "verdicts": [(row.get("name") or "", row["verdict"]) for row in result.rows],
        }
        for key, result in found.items()
    ]
    yield Section(10, "projects/parts/home_targets.html", {"targets": rows})


# ---- How projects stand, for lists ----


@dataclass(frozen=True)
class Standing:
    """One project as lists show it."""

    project: Project
    stops: list[Stop]
    at: Stop | None
    holder: Role | None
    last: str
    result: Result | None

    @property
    def done(self) -> int:
        """How many stages are done."""
        return sum(stop.state == "done" for stop in self.stops)


def standings(projects: Sequence[Project]) -> list[Standing]:
    """Many projects at once, in a number of queries that does not grow with them."""
    stops, found = rails(projects), results(projects)
    words = dict(Charter.objects.filter(project__in=projects).values_list("project_id", "positive_word"))
    return [
        Standing(
            project,
            stops[project.pk],
            next((stop for stop in stops[project.pk] if stop.state != "done"), None),
            holder(stops[project.pk]),
            last_result(result.rows, words.get(project.pk, "")) if result else "",
            result,
        )
        for project in projects
        for result in [found.get(project.pk)]
    ]
