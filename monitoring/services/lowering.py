"""Taking a rule back by itself, and telling people about a rule."""

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from audit.services import record
from monitoring import autonomy
from monitoring.models import Monitor, RetrainPolicy
from monitoring.queries.rule import policy_in_force
from monitoring.services.monitors import PLATFORM
from notices.services import tell
from projects.permissions import Role
from projects.queries.team import members_with

TOLD = [Role.MLOPS_ENGINEER, Role.ML_ENGINEER, Role.DATA_SCIENTIST]
SIGNERS = [Role.BUSINESS_ANALYST, Role.PRODUCT_MANAGER, Role.LEADERSHIP]


@transaction.atomic
def lower(monitor: Monitor, reason: str, *, to: int = autonomy.TELL) -> None:
    """Back to telling, or as far as `to`, until people sign again."""
    policy = policy_in_force(monitor)
    if policy is None or policy.level_now <= to:
        return
    policy.lowered_at, policy.lowered_reason, policy.lowered_to = timezone.now(), reason[:300], to
    policy.save(update_fields=["lowered_at", "lowered_reason", "lowered_to"])
    project, name = monitor.deployment.project, monitor.deployment.name
    facts = {"deployment": name, "reason": policy.lowered_reason, "level": to}
    record(PLATFORM, "autonomy.lowered", policy, project_key=project.key, **facts)
    less = "is no longer retrained by itself" if to == autonomy.TELL else f"goes only as far as level {to} by itself"
    tell_about(policy, [*TOLD, *SIGNERS], f"{name} {less}. {reason}")


def tell_about(policy: RetrainPolicy, roles: list[Role], text: str, by: User | None = None) -> None:
    """Tell those who hold these roles, except the one who did it."""
    project = policy.monitor.deployment.project
    url = reverse("autonomy", args=[project.key, policy.monitor.deployment.name])
    people = [person.pk for person in members_with(project, roles) if person != by]
    tell(people, text, url=url, project_key=project.key)
