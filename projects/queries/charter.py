"""The charter's texts through time, and what it still lacks before it can be handed in."""

from collections.abc import Mapping

from django.db.models import QuerySet

from problems.problem import Missing
from projects.models.charter_history import CharterVersion
from projects.models.define import Charter
from projects.models.projects import Project
from projects.models.risk import RiskAnswers
from projects.queries.define import CHARTER_FIELDS, texts_of
from projects.readiness import Point, before_approval

# What must be answered before the charter is handed in, with what to do where it is not.
NEEDED = {
    "problem": "Say what is going wrong.",
    "decision": "Say what someone will do with the answer.",
    "prediction": "Say what to predict.",
    "ml_needed": "Say whether machine learning is needed.",
    "ml_why": "Say why machine learning is needed, or not.",
    "sponsor": "Name the sponsor.",
    "users": "Say who uses the result.",
    "harmed": "Name who could be harmed, or say that it is nobody and why.",
    "review_on": "Say when the charter is looked at again.",
}
LABELS = {
    "problem": "What is going wrong",
    "decision": "What someone does with the answer",
    "prediction": "The prediction",
    "positive_word": "The yes cases",
    "ml_needed": "Machine learning needed?",
    "ml_why": "Why, or why not",
    "sponsor": "Sponsor",
    "users": "Who uses the result",
    "harmed": "Who could be harmed",
    "protected": "Protected attributes",
    "assumptions": "Assumptions",
    "risks": "Risks",
    "fallback": "What happens without the model",
    "review_on": "Review on",
}
assert set(LABELS) == set(CHARTER_FIELDS)


def lacking(texts: Mapping[str, str]) -> dict[str, str]:
    """The needed fields that are empty, each with what to do."""
    return {field: todo for field, todo in NEEDED.items() if not texts.get(field)}


def is_approved(charter: Charter) -> bool:
    """Whether exactly the text as it stands was approved."""
    return charter.state == Charter.State.APPROVED and charter.state_version == charter.version


def further_points(project: Project, charter: Charter) -> list[Point]:
    """What the readiness list says beside what the signature of the targets needs."""
    answered = RiskAnswers.objects.filter(project=project).exists()
    return before_approval(texts_of(charter), risk_answered=answered, approved=is_approved(charter))


def columns_of(protected: str) -> list[str]:
    """The protected attributes as names of columns."""
    return [name for line in protected.splitlines() for part in line.split(",") if (name := part.strip())]


def charter_history(project: Project) -> QuerySet[CharterVersion]:
    """Every text, newest first."""
    return project.charter_versions.select_related("saved_by")


def charter_version_for(project: Project, number: int) -> CharterVersion:
    """One text of the charter."""
    version = charter_history(project).filter(number=number).first()
    if version is None:
        raise Missing(f"The charter has no version {number}.")
    return version
