"""Who is told what happened to a deployment."""

from django.urls import reverse

from audit.actors import Machine
from deployments.models import Deployment
from notices.services import tell
from projects.models.projects import Project
from projects.permissions import Role
from projects.queries.team import members_with

SERVER, PLATFORM = Machine("prediction server"), Machine("platform")
TOLD = [
    Role.OWNER,
    Role.BUSINESS_ANALYST,
    Role.PRODUCT_MANAGER,
    Role.DATA_SCIENTIST,
    Role.ML_ENGINEER,
    Role.MLOPS_ENGINEER,
]


def tell_team(project: Project, text: str, deployment: Deployment) -> None:
    people = [user.pk for user in members_with(project, TOLD)]
    tell(people, text, url=reverse("deployment", args=[project.key, deployment.name]), project_key=project.key)
