"""Threads and what waits for an answer."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db.models import Count, Prefetch, Q, QuerySet

from accounts.models import User
from problems.problem import Missing
from projects.models.projects import Project
from projects.models.questions import Asked, Question, Reply, Revision
from projects.models.team import Membership
from projects.permissions import Role

OPEN, RESOLVED = Question.State.OPEN, Question.State.RESOLVED


def _with_people(questions: QuerySet[Question]) -> QuerySet[Question]:
    asked = Prefetch("asked", queryset=Asked.objects.select_related("user").order_by("pk"))
    return questions.select_related("created_by", "resolved_by", "project").prefetch_related(asked)


def _with_words(questions: QuerySet[Question]) -> QuerySet[Question]:
    history = Revision.objects.order_by("-pk")
    replies = Reply.objects.select_related("created_by").prefetch_related(Prefetch("revisions", queryset=history))
    return _with_people(questions).prefetch_related(
        Prefetch("replies", queryset=replies.order_by("created_at", "pk")),
        Prefetch("revisions", queryset=history.filter(reply=None)),
    )


def questions_of(
    project: Project, *, state: str = "", search: str = "", mine: User | None = None
) -> QuerySet[Question]:
    """The questions of a project, newest first; `mine` are those one asked, or was asked in person or by a role."""
    questions = Question.objects.filter(project=project)
    if state in (OPEN, RESOLVED):
        questions = questions.filter(state=state)
    if search:
        questions = questions.filter(Q(text__icontains=search) | Q(subject_name__icontains=search))
    if mine is not None:
        held = Membership.objects.filter(project=project, user=mine).values("role")
        asked = Asked.objects.filter(Q(user=mine) | Q(role__in=held), question__project=project).values("question")
        questions = questions.filter(Q(created_by=mine) | Q(pk__in=asked))
    return _with_people(questions).annotate(answers=Count("replies")).order_by("-number")


def question_for(project: Project, number: int) -> Question:
    """One thread of the project, with all its words."""
    question = _with_words(Question.objects.filter(project=project, number=number)).first()
    if question is None:
        raise Missing("There is no such question in this project.")
    return question


def reply_for(question: Question, reply_id: object) -> Reply:
    """One answer of a thread."""
    found = next((reply for reply in question.replies.all() if str(reply.pk) == str(reply_id)), None)
    if found is None:
        raise Missing("There is no such answer in this thread.")
    return found


@dataclass(frozen=True)
class Threads:
    """What is said about one object: the open threads with all their words, and how many are settled."""

    open: list[Question]
    open_total: int
    resolved: int


SHOWN = 5


def threads_about(project: Project, word: str, own: str) -> Threads:
    """The threads about one object."""
    questions = Question.objects.filter(project=project, subject_type=word, subject_id=own)
    count = questions.aggregate(open=Count("pk", filter=Q(state=OPEN)), resolved=Count("pk", filter=Q(state=RESOLVED)))
    shown = list(_with_words(questions.filter(state=OPEN))[:SHOWN]) if count["open"] else []
    return Threads(shown, count["open"], count["resolved"])


def waiting_for(user: User, projects: Mapping[Project, frozenset[Role]]) -> list[tuple[Question, Role | None]]:
    """Open questions that nobody has answered yet and that wait for this person or one of the roles held."""
    asked = Asked.objects.filter(question__project__in=list(projects), question__state=OPEN, question__replied_at=None)
    roles = {role for held in projects.values() for role in held}
    asked = asked.filter(Q(user=user) | Q(role__in=roles)).exclude(question__created_by=user)
    found: dict[Question, Role | None] = {}
    for row in asked.select_related("question__project", "question__created_by").order_by("question__created_at")[:200]:
        question = row.question
        if row.user_id == user.pk or row.role in projects[question.project]:
            found.setdefault(question, Role(row.role) if row.role else None)
    return list(found.items())


def asked_and_open(user: User, projects: Collection[Project]) -> list[Question]:
    """The open questions that a person asked, oldest first: what one waits for."""
    questions = Question.objects.filter(project__in=projects, created_by=user, state=OPEN, replied_at=None)
    return list(_with_people(questions).order_by("created_at")[:10])
