"""How work moves, as the overview, the rail's tabs and people's home show it: stages, rounds, hand-offs."""

from collections.abc import Iterable, Iterator, Mapping

from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from projects.activity import say
from projects.charts.flow import better_each_round
from projects.handing import Evidence
from projects.models.projects import Project
from projects.overview import Need, Section, evidence, need, rail, rails, section, tab
from projects.permissions import Role
from projects.queries.define import charter_of, goals_of, latest_contract, texts_of
from projects.queries.flow import rounds_of
from projects.queries.handoffs import offered_to
from projects.readiness import missing, readiness
from projects.services.rounds import reached

tab("", 20, "Stages", "stages", group="Flow")
tab("", 30, "Hand-offs", "handoffs", also=("handoff", "handoff-new"), group="Flow")
tab("", 40, "Rounds", "rounds", also=("round",), group="Flow")
tab("", 95, "Bin", "bin", also=("bin-put", "bin-delete"), group="Housekeeping")
tab("improve", 10, "Retraining", "improve", also=("retraining",))
tab("improve", 90, "Round review", "rounds", also=("round",))

say("stage.due_set", "set {stage} to be done by {due}")
say("stage.due_taken_back", "took back the day of {stage}")
say("stage.still_fine", "said that {stage} is still fine")
say("stage.redo", "will do {stage} again")
say("round.opened", "signed the review of the round before and opened round {number}")
say("handoff.offered", "offered hand-off {number}: {giver} to {receiver}")
say("handoff.accepted", "accepted hand-off {number}: {giver} to {receiver}")
say("handoff.returned", "sent hand-off {number} back: {reason}")
say("handoff.withdrawn", "withdrew hand-off {number}")
say("project.started_from", "started it from “{template}”")
say("project.archived", "archived the project")
say("project.unarchived", "opened the project again")
say("bin.put", "put the {kind} {what} into the bin")
say("bin.restored", "restored the {kind} {what}")
say("bin.purged", "deleted the {kind} {what} for good")
say("handoff.broke", "said that something of hand-off {number} broke: {words}")

Roles = Mapping[Project, frozenset[Role]]


@evidence(Role.BUSINESS_ANALYST)
def written_and_signed(project: Project) -> Iterator[Evidence]:
    """Define is filled in, and its newest targets are signed."""
    latest = latest_contract(project)
    url = reverse("define", args=[project.key])
    todo = " ".join(
        point.todo for point in missing(readiness(project.kind, texts_of(charter_of(project)), goals_of(latest)))
    )
    yield Evidence(
        "ready", "The problem, who could be harmed and the targets are written down", not todo, todo, "The problem", url
    )
    signed = latest is not None and latest.signed_at is not None
    name = f"Targets version {latest.version}" if latest else ""
    yield Evidence("signed", "The newest targets are signed", signed, "Sign the targets.", name, url)


@section
def better(project: Project, roles: frozenset[Role]) -> Iterable[Section]:
    """The deciding target round by round, once there is a round to compare with."""
    finished = [(each.number, each.reached) for each in rounds_of(project)[:20]]
    if not finished:
        return
    known = [*finished, (project.round, reached(project, rail(project)))]
    figure = better_each_round([(number, found.get("rows", [])) for number, found in known if found.get("fresh", True)])
    if figure:
        yield Section(30, "projects/parts/rounds.html", {"figure": figure, "finished": len(finished)})


@need
def offered(user: User, projects: Roles) -> Iterator[Need]:
    """Hand-offs that wait for a role that the person holds."""
    for handoff in offered_to(projects):
        who = handoff.offered_by.name if handoff.offered_by else "Somebody"
        asked = len(handoff.questions)
        why = f"{who} waits for your word as {handoff.receiver.label}."
        why += f" {asked} open question{'s' if asked != 1 else ''} with it." if asked else ""
        url = reverse("handoff", args=[handoff.project.key, handoff.number])
        title = f"Accept the work of the {handoff.giver.label.lower()}, or send it back"
        yield Need(10, "send", title, why, url, "Look", handoff.project, handoff.offered_at, handoff.receiver)


@need
def late_and_reopened(user: User, projects: Roles) -> Iterator[Need]:
    """Stages that passed their day, and stages that something upstream opened again, for whoever holds them."""
    today = timezone.localdate()
    stops = rails(list(projects))
    for project, roles in projects.items():
        url = reverse("stages", args=[project.key])
        for stop in stops[project.pk]:
            mine = next((role for role in stop.owners if role in roles), None)
            held = stop.holder if stop.holder in roles else None
            if stop.overdue and stop.due_on and (who := mine or held or (Role.OWNER if Role.OWNER in roles else None)):
                days = (today - stop.due_on).days
                why = f"It was to be done {days} day{'s' if days != 1 else ''} ago. {stop.note}."
                yield Need(12, "clock", f"{stop.name} of {project.name} is late", why, url, "Look", project, None, who)
            if stop.state == "reopened" and mine and stop.reasons:
                why = f"{'. '.join(stop.reasons)}. Say whether it is still fine or to be done again."
                title = f"{stop.name} of {project.name} is open again"
                yield Need(15, "rotate-ccw", title, why, url, "Look", project, None, mine)
