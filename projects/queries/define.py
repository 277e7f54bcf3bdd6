"""The problem in words, and the targets."""

from django.db.models import F, Prefetch, QuerySet

from audit.models import Entry
from projects.contract import GOAL_FIELDS, Goal, goal_of
from projects.models.define import Charter, Contract, Target
from projects.models.projects import Project
from projects.targets import fingerprint

CHARTER_FIELDS = (
    "problem",
    "decision",
    "prediction",
    "positive_word",
    "ml_needed",
    "ml_why",
    "sponsor",
    "users",
    "harmed",
    "protected",
    "assumptions",
    "risks",
    "fallback",
    "review_on",
)


def charter_of(project: Project) -> Charter:
    """The problem in words; an empty one at version 0 while nothing is written."""
    people = ("updated_by", "submitted_by", "approved_by")
    charter = Charter.objects.filter(project=project).select_related(*people).first()
    return charter or Charter(project=project)


def texts_of(charter: Charter) -> dict[str, str]:
    """The charter's texts by field."""
    return {field: str(getattr(charter, field) or "") for field in CHARTER_FIELDS}


def _contracts(project: Project) -> QuerySet[Contract]:
    targets = Prefetch("targets", queryset=Target.objects.order_by("position"))
    return project.contracts.select_related("signed_by", "created_by").prefetch_related(targets)


def contract_in_force(project: Project) -> Contract | None:
    """The latest signed contract; the latest one at all while none is signed."""
    return _contracts(project).order_by(F("signed_at").desc(nulls_last=True), "-version").first()


def latest_contract(project: Project) -> Contract | None:
    """The newest version, signed or not: what Define shows and changes."""
    return _contracts(project).first()


def contract_history(project: Project) -> QuerySet[Contract]:
    """All versions, newest first."""
    return _contracts(project)


def goals_of(contract: Contract | None) -> list[Goal]:
    """A contract's targets as the judge sees them, in order."""
    targets = sorted(contract.targets.all(), key=lambda target: target.position) if contract else []
    return [Goal(**{name: getattr(target, name) for name in GOAL_FIELDS}) for target in targets]


# ---- Lists that were there before ----


def _list_changes(project: Project) -> QuerySet[Entry]:
    return Entry.objects.filter(project_key=project.key, name="contract.changed").order_by("-seq")


def seen_goals(project: Project, seen: str) -> list[Goal] | None:
    """The list with this fingerprint, if it was one of the last hundred; None when nobody knows it."""
    if seen == fingerprint([]):
        return []
    for entry in _list_changes(project)[:100]:
        goals = [goal_of(row) for row in entry.data.get("targets", [])]
        if fingerprint(goals) == seen:
            return goals
    return None


def last_writer(project: Project) -> str:
    """Who changed the list last, by name."""
    entry = _list_changes(project).first()
    return entry.actor_name if entry else ""
