"""What talk adds to home and to people's mail: questions, tasks and webhooks that wait, and what roles are told."""

from collections.abc import Collection, Iterator, Mapping
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from notices.directory import Spoken, eyes, role_defaults
from notices.kinds import KINDS, Mail
from projects.access import roles_in
from projects.activity import say
from projects.models.projects import Project
from projects.models.tasks import Task
from projects.models.team import Membership
from projects.models.webhooks import Delivery
from projects.overview import Need, need, tab
from projects.permissions import Role, allows
from projects.prose import to_text
from projects.queries.questions import waiting_for
from projects.queries.tasks import tasks_for
from projects.results import words_in
from projects.telling import default_for

Roles = Mapping[Project, frozenset[Role]]

tab("", 50, "Questions", "questions", also=("question",), group="Talk")
tab("", 60, "Tasks", "tasks", also=("task",), group="Talk")
tab("", 70, "Decisions", "decision-log", also=("decision",), group="Talk")
tab("", 95, "Webhooks", "webhooks", also=("webhook",), group="Housekeeping")

say("question.asked", "asked question {number} about {about}")
say("question.answered", "answered in question {number} about {about}")
say("question.resolved", "marked question {number} as answered")
say("question.reopened", "opened question {number} again")
say("question.edited", "changed own words in question {number}")
say("task.opened", "opened task {number}: {title}")
say("task.closed", "finished task {number}")
say("task.dropped", "called task {number} off")
say("task.passed_on", "passed task {number} on to {to}")
say("task.due_set", "set task {number} to be done by {due_on}")
say("decision.recorded", "wrote down decision {number}: {choice}")
say("webhook.made", "made the webhook {hook} to {target}")
say("webhook.changed", "changed the webhook {hook}")
say("webhook.secret_renewed", "made a new secret for the webhook {hook}")
say("webhook.removed", "removed the webhook {hook}")
say("webhook.tested", "tested the webhook {hook}")
say("webhook.sent_again", "sent {event} again to the webhook {hook}")


@role_defaults
def by_roles(people: Collection[UUID]) -> dict[UUID, dict[str, Mail]]:
    """What people are told by e-mail, by the roles they hold in any project."""
    held: dict[UUID, set[Role]] = {}
    for user, role in Membership.objects.filter(user__in=people).values_list("user_id", "role").distinct():
        held.setdefault(user, set()).add(Role(role))
    return {user: {kind: default_for(roles, kind) for kind in KINDS} for user, roles in held.items()}


@eyes
def as_shown(person: UUID, keys: Collection[str]) -> dict[str, Spoken]:
    """Messages of these projects without the values that this person must not see there."""
    user = User.objects.filter(pk=person).first()
    return {key: said.text for key, said in words_in(roles_in(user, keys)).items()} if user else {}


@need
def questions(user: User, projects: Roles) -> Iterator[Need]:
    """Questions that nobody has answered: somebody waits."""
    for question, role in waiting_for(user, projects):
        who = question.created_by.name if question.created_by else "Somebody"
        title = f"{who} asks about {question.subject_name}"
        words = to_text(question.text)
        why = words if len(words) <= 200 else f"{words[:199]}…"
        url = reverse("question", args=[question.project.key, question.number])
        yield Need(10, "message-circle", title, why, url, "Answer", question.project, question.created_at, role)


@need
def tasks(user: User, projects: Roles) -> Iterator[Need]:
    """One's own tasks and those of one's roles: overdue ones first of all."""
    today = timezone.localdate()
    for task in tasks_for(user, projects):
        late = task.due_on is not None and task.due_on < today
        role = Role(task.role) if task.role and not task.assignee_id else None
        url = reverse("task", args=[task.project.key, task.number])
        yield Need(
            9 if late else 10,
            "list-checks",
            task.title,
            _why(task, late),
            url,
            "Open",
            task.project,
            task.created_at,
            role,
        )


def _why(task: Task, late: bool) -> str:
    who = task.created_by.name if task.created_by else "The platform"
    due = f" It was due on {task.due_on:%-d %B}." if late else f" Due on {task.due_on:%-d %B}." if task.due_on else ""
    about = f" about {task.subject_name}" if task.subject_name else ""
    return f"{who} asks{about}.{due}"


@need
def dead_deliveries(user: User, projects: Roles) -> Iterator[Need]:
    """For whoever looks after webhooks: those that give up."""
    mine = {project.pk: project for project, roles in projects.items() if allows(roles, "webhook.manage")}
    dead = Delivery.objects.filter(
        state=Delivery.State.DEAD, webhook__project__in=list(mine), webhook__dead_in_a_row__gt=0
    )
    seen = set()
    for row in dead.select_related("webhook").order_by("webhook", "-ended_at")[:200]:
        if row.webhook_id in seen:
            continue
        seen.add(row.webhook_id)
        project = mine[row.webhook.project_id]
        url = reverse("webhook", args=[project.key, row.webhook_id])
        title = f"The webhook {row.webhook.name} does not arrive"
        yield Need(40, "webhook", title, row.reason, url, "Look", project, row.ended_at)
