"""Reviewing a round, signing the review, and opening the next."""

from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from audit.models import Entry
from audit.services import record
from notices.services import tell
from problems.problem import Conflict, Denied, Invalid
from projects import reviewing
from projects.activity import told
from projects.models.flow import Round
from projects.models.projects import Project
from projects.overview import Stop, rail, remarks, results
from projects.permissions import Role, allows
from projects.queries.define import contract_in_force
from projects.queries.flow import begun_of, rounds_of
from projects.queries.kpis import kpis_of, newest_values
from projects.queries.team import members_with
from projects.results import words
from projects.reviewing import Remark
from projects.services.flow import roles_held
from projects.services.projects import lock_project
from projects.stages import Begun

LONGEST = 4000
MOST_ENTRIES = 400
EVERYBODY = frozenset({Role.VIEWER})  # a review is kept in the words that every reader may see


@transaction.atomic
def open_next_round(project: Project, *, seen: int, review: str, note: str, by: User) -> Round:
    """Sign the review that was seen, keep what this round reached, and begin the next.

    Earlier outcomes stay and are looked at again. The signature is bound to `review`, the fingerprint of what was seen.
    """
    held = roles_held(project, by)
    signing = sorted(role for role in held if allows(frozenset({role}), "round.sign"))
    if not (signing or by.is_admin):
        raise Denied("Signing the review of a round needs a business role or the owner.")
    if len(note) > LONGEST:
        raise Invalid("The note is too long.", fields={"note": f"Use at most {LONGEST} characters."})
    lock_project(project)
    project.refresh_from_db(fields=["round"])
    if seen != project.round:
        raise Conflict(f"Round {project.round} is open already.", code="changed_meanwhile", round=project.round)
    begun, stops = begun_of(project), rail(project)
    now = reached(project, stops)
    found = review_of(project, begun, now)
    if review != reviewing.fingerprint(found):
        text = "The review has grown since you opened this page. Read it once more."
        raise Conflict(text, code="changed_meanwhile", fingerprint=reviewing.fingerprint(found))
    closed = Round.objects.create(
        project=project,
        number=project.round,
        note=note.strip(),
        reached=now,
        review=found,
        fingerprint=review,
        role=signing[0] if signing else "",
        opened_at=begun.at,
        closed_at=timezone.now(),
        closed_by=by,
    )
    project.round += 1
    project.save(update_fields=["round"])
    facts = {"number": project.round, "note": closed.note, "fingerprint": review, "role": closed.role}
    record(by, "round.opened", closed, project_key=project.key, **facts)
    people = {person.pk for person in members_with(project, list(Role))} - {by.pk}
    text = f"{by.name} signed the review of round {closed.number} and opened round {project.round} of {project.name}."
    tell(people, text, url=reverse("round", args=[project.key, closed.number]), project_key=project.key)
    return closed


def reached(project: Project, stops: list[Stop]) -> dict[str, Any]:
    """What a round has brought so far: the result with its verdicts, the targets' version, each stage's outcome.

    `fresh` is false while the result is still the one of an earlier round.
    """
    result, contract = results([project]).get(project.pk), contract_in_force(project)
    begun = begun_of(project)
    made = [stop for stop in stops if stop.outcome and stop.stage in ("train", "evaluate", "deploy")]
    return {
        "fresh": any(stop.outcome and stop.outcome.at >= begun.at for stop in made) or begun.number == 1,
        "result": result.name.strip(" ,") if result else "",
        "url": result.url if result else "",
        "detail": result.detail if result else "",
        "rows": [dict(row) for row in result.rows] if result else [],
        "contract": contract.version if contract else None,
        "stages": [
            {"stage": stop.name, "words": stop.outcome.words, "at": stop.outcome.at.isoformat()}
            for stop in stops
            if stop.outcome and stop.stage != "monitor"
        ],
    }


def review_of(project: Project, begun: Begun, now: dict[str, Any]) -> dict[str, Any]:
    """The review of the round that runs, from the ledger and from what rooms have measured."""
    last = rounds_of(project).first()
    found = [
        Remark("worth", text) for text in reviewing.moved(last.reached.get("rows", []) if last else [], now["rows"])
    ]
    found += [*_counted(project, begun), *_ledger(project, begun), *remarks(project, begun.at)]
    return reviewing.written(begun.number, now["rows"], found)


def _ledger(project: Project, begun: Begun) -> Iterator[Remark]:
    said = words(project.key, EVERYBODY)
    entries = Entry.objects.filter(project_key=project.key, name__in=reviewing.LEDGER, at__gte=begun.at)
    for entry in entries.order_by("-seq")[:MOST_ENTRIES]:
        text = f"{entry.actor_name} {told(entry.name, said.data(entry.data))}."
        yield Remark(reviewing.LEDGER[entry.name], text.replace("..", "."), entry.at)


def _counted(project: Project, begun: Begun) -> Iterator[Remark]:
    """What the business counts: the newest value of each KPI beside the last one from before the round."""
    kpis = list(kpis_of(project)[:20])
    newest, day = newest_values(kpis), timezone.localdate(begun.at)
    for kpi in kpis:
        value = newest.get(kpi.pk)
        if value is None or value.on < day:
            continue
        before = kpi.values.filter(on__lt=day).order_by("-on").first()
        unit = f" {kpi.unit}" if kpi.unit else ""
        was = f"; before this round it was {before.value:,.4g}{unit}" if before else ""
        url = reverse("kpi", args=[project.key, kpi.key])
        yield Remark("worth", f"{kpi.name}: {value.value:,.4g}{unit} on {value.on.day} {value.on:%B}{was}.", None, url)
