"""What right and wrong answers are worth in a project."""

from django.db.models import QuerySet

from projects.models.projects import Project
from projects.models.worth import Worth
from projects.money import Money

FIELDS = ("currency", "right_yes", "wrong_yes", "right_no", "wrong_no", "per_unit_off", "cases_a_month")


def worth_of(project: Project) -> Worth | None:
    """The newest table of money, while there is one."""
    return worths_of(project).first()


def worths_of(project: Project) -> QuerySet[Worth]:
    """All versions, newest first."""
    return Worth.objects.filter(project=project).select_related("created_by")


def money_of(worth: Worth | None) -> Money | None:
    """The table as the engines count with it."""
    return Money(**{field: getattr(worth, field) for field in FIELDS}) if worth else None
