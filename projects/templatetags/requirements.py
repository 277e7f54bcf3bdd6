"""The requirements that an object answers, for the object's own page."""

from typing import Any

from django import template

from projects.models.projects import Project
from projects.queries.requirements import answered_by

register = template.Library()


@register.inclusion_tag("projects/parts/answers.html")
def answers(project: Project, subject_type: str, subject_id: Any) -> dict[str, Any]:
    """`Answers requirement R3`, with links; nothing where it answers none."""
    return {"project": project, "requirements": answered_by(project, subject_type, str(subject_id))}
