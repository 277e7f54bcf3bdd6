"""What the monitoring room shows on project pages and on people's home."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from deployments.queries.deployments import champion_of
from monitoring import retiring, seen
from monitoring.models import Alert, Retraining, Window
from monitoring.queries import watch as queries
from monitoring.queries.incidents import incident_for
from monitoring.queries.money import loss_of, practices_of
from projects.activity import say
from projects.handing import Evidence
from projects.models.projects import Project
from projects.overview import (
    Need,
    Section,
    StageNote,
    evidence,
    holding,
    home_part,
    need,
    remark,
    section,
    stage_of_many,
)
from projects.permissions import Role, allows
from projects.reviewing import Remark, tells
from projects.stages import Outcome
from projects.subjects import subject, whole

MOST_TOLD = 20


@stage_of_many("monitor")
def monitor_stage(projects: Sequence[Project]) -> Mapping[UUID, StageNote]:
    """Never done: it shows health."""
    health, seen = queries.health_of(projects), queries.looked_at(projects)
    return {project.pk: _monitor_note(project, health[project.pk], seen.get(project.pk)) for project in projects}


def _monitor_note(project: Project, health: queries.Health, seen: Window | None) -> StageNote:
    url = reverse("monitor", args=[project.key])
    if not health.monitors:
        return StageNote("todo", "Starts with the first release", url)
    holds = frozenset({"watched"} if seen else ())
    if health.late:
        return StageNote("alert", "Monitoring is late", url, Role.MLOPS_ENGINEER, holds=holds)
    if health.open_alerts:
        plural = "s" if health.open_alerts > 1 else ""
        return StageNote("alert", f"{health.open_alerts} open alert{plural}", url, Role.MLOPS_ENGINEER, holds=holds)
    return StageNote("now", "Watching, nothing open", url, holds=holds, outcome=_outcome(seen) if seen else None)


def _outcome(window: Window) -> Outcome:
    """The newest look, at the version that it saw."""
    watched = {window.monitor.deployment.name: str(window.release.version.number)}
    return Outcome({"window": str(window.pk)}, "Looked at", window.created_at, {"deploy": watched})


@stage_of_many("improve")
def improve_stage(projects: Sequence[Project]) -> Mapping[UUID, StageNote]:
    """A challenger in the making, or waiting for a decision."""
    newest = queries.newest_retrainings(projects)
    return {project.pk: _improve_note(project, newest.get(project.pk)) for project in projects}


def _improve_note(project: Project, newest: Retraining | None) -> StageNote:
    url = reverse("improve", args=[project.key])
    if newest is None:
        return StageNote("todo", f"Starts round {project.round + 1}", url)
    if newest.state == Retraining.State.TRAINING:
        return StageNote("now", f"Run {newest.run.number} is trained again", url)
    if queries.waits_for_choice(newest):
        return StageNote("waiting", f"Run {newest.run.number} waits for a choice", url, Role.ML_ENGINEER)
    return StageNote("now", f"Last: run {newest.run.number}", url)


@section
def open_alerts_section(project: Project, roles: frozenset[Role]) -> Iterable[Section]:
    """Open alerts beside the overview."""
    alerts = seen.alerts(queries.open_alerts(project)[:3], {project.pk: roles})
    if alerts:
        yield Section(5, "monitoring/overview_alerts.html", {"alerts": alerts, "project": project})


@need
def alerts_and_challengers(user: User, projects: dict[Project, frozenset[Role]]) -> Iterable[Need]:
    """Open alerts for those who handle them, and trained challengers for those who decide."""
    handled = {project.pk: project for project, roles in projects.items() if allows(roles, "alert.handle")}
    alerts = Alert.objects.filter(monitor__deployment__project__in=list(handled)).exclude(state=Alert.State.CLOSED)
    alerts = alerts.exclude(snoozed_until__gt=timezone.now())
    held = {project.pk: roles for project, roles in projects.items()}
    for alert in seen.alerts(alerts.select_related("monitor__deployment").order_by("opened_at")[:20], held):
        if alert.taken_by_id and alert.taken_by_id != user.pk:
            continue
        project = handled[alert.monitor.deployment.project_id]
        url = reverse("alert", args=[project.key, alert.number])
        button = "Go on" if alert.taken_by_id else "Look"
        icon = "triangle-alert"
        yield Need(
            20,
            icon,
            f"Alert {alert.number}",
            alert.sentence,
            url,
            button,
            project,
            alert.opened_at,
            Role.MLOPS_ENGINEER,
        )
    yield from _challengers(
        {project.pk: project for project, roles in projects.items() if allows(roles, "model.register")}
    )


@evidence(Role.MLOPS_ENGINEER)
def watched_and_in_hand(project: Project) -> Iterable[Evidence]:
    """The model in use is watched, and nobody has left an alert lying."""
    seen = queries.looked_at([project]).get(project.pk)
    where = reverse("monitor", args=[project.key])
    name = f"Monitor of {seen.monitor.deployment}" if seen else ""
    yield Evidence(
        "watched",
        "A check has looked at enough answers",
        seen is not None,
        "Let a check look at enough answers.",
        name,
        where,
    )
    lying = queries.open_alerts(project).filter(severity="act", state=Alert.State.OPEN).first()
    todo = f"Take alert {lying.number}, or close it." if lying else ""
    name = f"Alert {lying.number}" if lying else ""
    yield Evidence("alerts", "Every alert to act on is taken", lying is None, todo, name, where)


def _challengers(projects: dict[object, Project]) -> Iterable[Need]:
    compared = Retraining.objects.filter(
        state=Retraining.State.COMPARED, monitor__deployment__project__in=list(projects), run__model_version=None
    )
    for retraining in compared.select_related("monitor__deployment", "run").order_by("compared_at")[:10]:
        project = projects[retraining.monitor.deployment.project_id]
        yield Need(
            30,
            "rotate-cw",
            f"Choose: run {retraining.run.number} or the model in use",
            str(retraining.comparison.get("finding", "")),
            reverse("retraining", args=[project.key, retraining.pk]),
            "Compare",
            project,
            retraining.compared_at,
            Role.ML_ENGINEER,
        )


say("monitor.created", "began to watch {deployment}")
say("monitor.check_requested", "asked for a check of {deployment}")
say("alert.opened", "opened an alert: {sentence}")
say("alert.taken", "took alert {number}")
say("alert.snoozed", "left alert {number} alone for {hours} hours")
say("alert.escalated", "passed on alert {number}, which nobody took for {hours} hours")
say("alert.closed", "closed alert {number}: {note}")
say("alert.closed_by_itself", "closed alert {number}, because it was gone")
say("incident.opened", "opened an incident of {deployment}")
say("incident.taken", "took incident {number}")
say("incident.snoozed", "left incident {number} alone for {hours} hours")
say("incident.noted", "wrote a note at incident {number}")
say("incident.closed", "closed incident {number}: {note}")
say("incident.closed_by_itself", "closed incident {number} with its last alert")
say("alert_settings.changed", "changed how alerts of {deployment} speak: {reason}")
say("autonomy.trial", "began to try version {version} of {deployment} by the rule: {steps}")
say("autonomy.trial_told", "said of the trial at {deployment}: {said}")
say("autonomy.promoted", "put version {version} of {deployment} into use by the rule")
say("autonomy.went_back", "went back to version {version} of {deployment} by the rule")
say("outcomes.received", "sent {new} outcomes for {deployment}; {known} were known already")
say("autonomy.proposed", "proposed version {version} of how {deployment} is retrained by itself")
say("autonomy.signed", "signed version {version} of how {deployment} is retrained by itself")
say("autonomy.told", "said that it is time to retrain {deployment}: {trigger}")
say("autonomy.registered", "registered version {version} of run {run} by the rule for {deployment}")
say("autonomy.lowered", "stopped retraining {deployment} by itself: {reason}")
say("retraining.started", "started retraining as run {run}: {cause}")
say("retraining.compared", "compared run {run} with the model in use")
say("retraining.failed", "gave up the retraining with run {run}")

tells("changed", "autonomy.signed", "autonomy.promoted")
tells("learned", "incident.closed", "alert.closed", "autonomy.lowered", "autonomy.went_back")


@subject("monitor")
def find_monitor(project: Project, own: str) -> tuple[str, str]:
    """How a deployment does, by its name."""
    name = queries.monitor_for(project, own).deployment.name
    return f"How {name} does", reverse("monitor-deployment", args=[project.key, name])


@subject("alert")
def find_alert(project: Project, own: str) -> tuple[str, str]:
    """An alert by its number."""
    alert = queries.alert_for(project, whole(own))
    return f"Alert {alert.number}", reverse("alert", args=[project.key, alert.number])


@subject("incident")
def find_incident(project: Project, own: str) -> tuple[str, str]:
    """An incident by its number."""
    incident = incident_for(project, whole(own))
    return f"Incident {incident.number}", reverse("incident", args=[project.key, incident.number])


@home_part
def in_production(user: User, projects: dict[Project, frozenset[Role]]) -> Iterable[Section]:
    """For those who run models: what is in use and how it does, what needs a look first."""
    mine = holding(projects, Role.ML_ENGINEER, Role.MLOPS_ENGINEER)
    if mine:
        yield Section(20, "monitoring/home_live.html", {"rows": queries.live_in(mine)})


@remark
def lived(project: Project, since: datetime) -> Iterator[Remark]:
    """What live answers are worth, what opened alerts since then, and how challengers compared."""
    for monitor in queries.monitors_of(project):
        release = champion_of(monitor.deployment)
        window = queries.latest_enough(monitor, release) if release else None
        if window is None or release is None:
            continue
        url = reverse("monitor-deployment", args=[project.key, monitor.deployment.name])
        if loss := loss_of(window):
            yield Remark("worth", f"{monitor.deployment.name}: {loss.words}.", None, url)
        for one in practices_of(monitor, release)[:1]:
            if said := retiring.words(one):
                yield Remark("worth", f"{monitor.deployment.name}: {said}", None, url)
    roles = frozenset({Role.VIEWER})
    opened = Alert.objects.filter(monitor__deployment__project=project, opened_at__gte=since)
    for alert in seen.alerts(opened.select_related("monitor__deployment")[:MOST_TOLD], {project.pk: roles}):
        url = reverse("alert", args=[project.key, alert.number])
        yield Remark("learned", f"Alert {alert.number}: {alert.sentence}", alert.opened_at, url)
    compared = queries.retrainings_of(project).filter(state=Retraining.State.COMPARED, compared_at__gte=since)
    for again in seen.retrainings(compared[:MOST_TOLD], project, roles):
        text = f"Run {again.run.number}, trained again: {again.comparison.get('finding', '')}"
        yield Remark("learned", text, again.compared_at, reverse("retraining", args=[project.key, again.pk]))
