"""Writing the problem down, and taking the charter from draft to approval and to its end."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import User, as_user
from audit.actors import Actor
from audit.services import record
from notices.services import tell
from problems.problem import Conflict, Denied, Invalid
from projects.models.charter_history import CharterVersion
from projects.models.define import Charter
from projects.models.projects import Project
from projects.models.team import Membership
from projects.permissions import Role, allows, holders
from projects.queries.charter import lacking
from projects.queries.define import CHARTER_FIELDS, texts_of
from projects.queries.team import members_with, works_alone

TEXT_LENGTH = 4000
LIMITS = dict.fromkeys(CHARTER_FIELDS, TEXT_LENGTH) | {"positive_word": 60, "sponsor": 120, "protected": 1000}
State = Charter.State


def _clean(texts: Mapping[str, str]) -> dict[str, str]:
    clean = {field: str(texts[field] or "").strip() for field in CHARTER_FIELDS if field in texts}
    wrong = {key: f"Keep it under {LIMITS[key]} characters." for key, text in clean.items() if len(text) > LIMITS[key]}
    if clean.get("ml_needed") and clean["ml_needed"] not in Charter.MlNeeded.values:
        wrong["ml_needed"] = f"Choose one of: {', '.join(Charter.MlNeeded.values)}."
    if clean.get("review_on") and _day(clean["review_on"]) is None:
        wrong["review_on"] = "Write the day as 2027-03-31."
    if wrong:
        raise Invalid(" ".join(dict.fromkeys(wrong.values())), fields=wrong)
    return clean


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@transaction.atomic
def save_charter(project: Project, *, version: int, texts: Mapping[str, str], by: Actor) -> Charter:
    """Write the problem down; what is left out stays.

    `version` is the one that the writer saw; a newer one is never overwritten unseen. Text that was handed in or
    approved is a draft again once it is changed.
    """
    clean = _clean(texts)
    charter, _ = Charter.objects.get_or_create(project=project)
    before = texts_of(charter)
    changed = [field for field in clean if clean[field] != before[field]]
    if charter.version == version and not changed:
        return charter
    values: dict[str, Any] = dict(clean)
    if "review_on" in values:
        values["review_on"] = _day(clean["review_on"])
    seen = Charter.objects.filter(pk=charter.pk, version=version).exclude(state=State.CLOSED)
    now = timezone.now()
    if not seen.update(version=version + 1, state=State.DRAFT, updated_by=as_user(by), updated_at=now, **values):
        raise _clash(charter, clean)
    charter.refresh_from_db()
    CharterVersion.objects.create(
        project=project, number=charter.version, texts=texts_of(charter), saved_by=as_user(by)
    )
    record(by, "charter.changed", project, project_key=project.key, version=charter.version, changed=changed)
    return charter


def _clash(charter: Charter, clean: Mapping[str, str]) -> Conflict:
    """Both texts, so that nothing is lost; or that the charter is closed."""
    charter.refresh_from_db()
    theirs = texts_of(charter)
    facts: dict[str, Any] = {"version": charter.version, "theirs": theirs, "yours": theirs | dict(clean)}
    if charter.state == State.CLOSED:
        return Conflict("The charter is closed. Open it again before you change it.", code="charter_closed", **facts)
    who = charter.updated_by or "Somebody"
    text = f"{who} saved this page since you opened it. Both texts are shown."
    return Conflict(text, code="changed_meanwhile", **facts)


def _locked(project: Project, version: int, *states: str) -> Charter:
    """The charter's row in one of these states, exactly as it was seen."""
    Charter.objects.get_or_create(project=project)
    charter = Charter.objects.select_for_update(of=("self",)).select_related("project").get(project=project)
    if charter.version != version:
        raise Conflict(
            "The charter changed since you opened this page. Look at it again.",
            code="changed_meanwhile",
            version=charter.version,
        )
    if charter.state not in states:
        text = f"The charter is {charter.get_state_display().lower()}; this is not possible now."
        raise Conflict(text, code="wrong_state", state=charter.state)
    return charter


def _enter(charter: Charter, state: str, reason: str = "", **more: Any) -> Charter:
    charter.state, charter.state_version, charter.state_at = state, charter.version, timezone.now()
    charter.state_reason = reason
    for name, value in more.items():
        setattr(charter, name, value)
    charter.save(update_fields=["state", "state_version", "state_at", "state_reason", *more])
    return charter


@transaction.atomic
def submit_charter(project: Project, *, version: int, by: User) -> Charter:
    """Hand the charter in for approval, exactly as it was seen and with everything answered."""
    charter = _locked(project, version, State.DRAFT)
    if todo := lacking(texts_of(charter)):
        text = "Not ready to hand in. " + " ".join(todo.values())
        raise Conflict(text, code="blocked", blocked_by=[f"field:{field}" for field in todo])
    _enter(charter, State.SUBMITTED, submitted_by=by)
    record(by, "charter.submitted", project, project_key=project.key, version=version)
    approvers = [user.pk for user in members_with(project, holders("charter.approve")) if user != by]
    text = f"The charter of {project.name} waits for your approval."
    tell(approvers, text, url=reverse("define", args=[project.key]), project_key=project.key)
    return charter


@transaction.atomic
def decide_charter(project: Project, *, version: int, approve: bool, reason: str = "", by: User) -> Charter:
    """Approve the charter, or send it back with a reason. Whoever handed it in does not approve it."""
    _must_hold_approval(project, by)
    charter = _locked(project, version, State.SUBMITTED)
    reason = reason.strip()[:TEXT_LENGTH]
    if approve and charter.submitted_by_id == by.pk and not works_alone(project):
        text = "You handed this charter in, so somebody else approves it: a product manager or business leadership."
        raise Conflict(text, code="requester_signs")
    if not approve and not reason:
        raise Invalid("Say why you send it back.", fields={"reason": "Say why you send it back."})
    submitter = charter.submitted_by_id
    _enter(charter, State.APPROVED if approve else State.DRAFT, reason, approved_by=by if approve else None)
    name = "charter.approved" if approve else "charter.sent_back"
    record(by, name, project, project_key=project.key, version=version, reason=reason)
    if submitter and submitter != by.pk:
        verb = "approved" if approve else "sent back"
        text = f"{by.name} {verb} the charter of {project.name}{f': {reason}' if reason else '.'}"
        tell([submitter], text, url=reverse("define", args=[project.key]), project_key=project.key)
    return charter


@transaction.atomic
def close_charter(project: Project, *, version: int, reason: str, by: User) -> Charter:
    """The undertaking has ended: nobody changes the charter any more."""
    return _end(project, version, reason, by, State.CLOSED, (State.DRAFT, State.SUBMITTED, State.APPROVED))


@transaction.atomic
def reopen_charter(project: Project, *, version: int, reason: str, by: User) -> Charter:
    """A closed charter goes on as a draft."""
    return _end(project, version, reason, by, State.DRAFT, (State.CLOSED,))


def _end(project: Project, version: int, reason: str, by: User, to: str, states: tuple[str, ...]) -> Charter:
    _must_hold_approval(project, by)
    if not reason.strip():
        raise Invalid("Say why.", fields={"reason": "Say why."})
    charter = _enter(_locked(project, version, *states), to, reason.strip()[:TEXT_LENGTH])
    name = "charter.closed" if to == State.CLOSED else "charter.reopened"
    record(by, name, project, project_key=project.key, version=version, reason=charter.state_reason)
    return charter


def _must_hold_approval(project: Project, by: User) -> None:
    roles = frozenset(Role(m.role) for m in Membership.objects.filter(project=project, user=by))
    if not allows(roles, "charter.approve"):
        raise Denied("Approving and closing the charter needs a product manager or business leadership.")
