"""The decision log: written once, never changed."""

from collections.abc import Collection

from django.db import transaction
from django.db.models import Max

from accounts.models import User
from audit.services import record
from problems.problem import Conflict, Invalid
from projects.models.decisions import Decision
from projects.models.projects import Project
from projects.services.projects import lock_project
from projects.services.tasks import About

MAX_LINE, MAX_REASON, MAX_OPTIONS = 300, 8000, 20


@transaction.atomic
def record_decision(
    project: Project,
    *,
    question: str,
    options: Collection[str],
    choice: str,
    reason: str,
    by: User,
    about: About | None = None,
    supersedes: Decision | None = None,
) -> Decision:
    """Write down what was decided and why; a decision that it takes the place of stays readable and says so."""
    given = {"question": " ".join(question.split()), "choice": " ".join(choice.split()), "reason": reason.strip()}
    limits = {"question": MAX_LINE, "choice": MAX_LINE, "reason": MAX_REASON}
    wrong = {
        name: f"Write it down, in at most {limits[name]} characters."
        for name, text in given.items()
        if not 1 <= len(text) <= limits[name]
    }
    lines = list(dict.fromkeys(line for option in options if (line := " ".join(option.split()))))
    if len(lines) > MAX_OPTIONS or any(len(line) > MAX_LINE for line in lines):
        wrong["options"] = f"At most {MAX_OPTIONS} options of {MAX_LINE} characters."
    if wrong:
        raise Invalid(" ".join(wrong.values()), fields=wrong)
    lock_project(project)
    if supersedes is not None and Decision.objects.filter(supersedes=supersedes).exists():
        raise Conflict(
            f"Decision {supersedes.number} was superseded already. Take the place of the newer one.", code="superseded"
        )
    about = about or About()
    number = (Decision.objects.filter(project=project).aggregate(last=Max("number"))["last"] or 0) + 1
    decision = Decision.objects.create(
        project=project,
        number=number,
        options=lines,
        supersedes=supersedes,
        subject_type=about.type,
        subject_id=about.id,
        subject_name=about.name[:160],
        subject_url=about.url,
        created_by=by,
        **given,
    )
    data = {"number": number, "choice": given["choice"], "question": given["question"]}
    if supersedes:
        data["supersedes"] = supersedes.number
    record(by, "decision.recorded", decision, project_key=project.key, **data)
    return decision
