"""Looking at a project as another role would see it."""

from accounts.models import User
from audit.services import record
from problems.problem import Invalid
from projects.models.projects import Project
from projects.permissions import Role


def look_as(project: Project, role: str, *, by: User) -> Role:
    """Write down that somebody begins to look as a role; what they see and may not do, the doors decide."""
    if role not in set(Role):
        raise Invalid("There is no such role.", fields={"role": "One of the roles of the table."})
    record(by, "team.looked_as", project, project_key=project.key, role=Role(role).label)
    return Role(role)
