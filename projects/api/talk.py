"""Threads, tasks and decisions over REST."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from problems.problem import Invalid
from projects.access import ProjectEndpoint
from projects.api.projects import caller
from projects.models.decisions import Decision
from projects.models.projects import Project
from projects.models.questions import Question, Reply
from projects.models.tasks import Task
from projects.permissions import Role
from projects.queries.decisions import decision_for, decisions_of
from projects.queries.questions import question_for, questions_of, reply_for
from projects.queries.tasks import WHOSE, task_for, tasks_of
from projects.queries.team import member_for
from projects.services.decisions import record_decision
from projects.services.questions import ask, edit, reopen, reply, resolve
from projects.services.tasks import About, close_task, open_task, pass_on, set_due
from projects.subjects import about


class AboutBody(serializers.Serializer[Any]):
    """An object of the project: its kind and its own word in addresses, as run and 48, or data and customers/v3."""

    about_type = serializers.CharField(max_length=60, required=False, default="project")
    about_id = serializers.CharField(max_length=160, required=False, default="")


class QuestionBody(AboutBody):
    """A question, to roles and people; @names in the text are told too. Without an object it is about the project."""

    text = serializers.CharField(max_length=8000)
    roles = serializers.ListField(
        child=serializers.ChoiceField(choices=Role.pairs()), max_length=len(Role), required=False, default=list
    )
    people = serializers.ListField(child=serializers.UUIDField(), max_length=50, required=False, default=list)


class WordsBody(serializers.Serializer[Any]):
    """An answer, or other words."""

    text = serializers.CharField(max_length=8000)


class EditBody(WordsBody):
    """Other words for the question, or for one of its answers."""

    reply = serializers.UUIDField(required=False, allow_null=True, default=None)


class TaskBody(AboutBody):
    """A task for a person of the project or for whoever holds a role."""

    title = serializers.CharField(max_length=200)
    detail = serializers.CharField(max_length=8000, required=False, default="", allow_blank=True)
    role = serializers.ChoiceField(choices=Role.pairs(), required=False, allow_blank=True, default="")
    assignee = serializers.UUIDField(required=False, allow_null=True, default=None)
    due_on = serializers.DateField(required=False, allow_null=True, default=None)


class TaskChangeBody(serializers.Serializer[Any]):
    """What is to change: the day, whom it is for, and last whether it is over."""

    due_on = serializers.DateField(required=False, allow_null=True)
    role = serializers.ChoiceField(choices=Role.pairs(), required=False)
    assignee = serializers.UUIDField(required=False)
    state = serializers.ChoiceField(choices=["done", "dropped"], required=False)


class DecisionBody(AboutBody):
    """A decision; `supersedes` is the number of the one whose place it takes."""

    question = serializers.CharField(max_length=300)
    options = serializers.ListField(
        child=serializers.CharField(max_length=300), max_length=20, required=False, default=list
    )
    choice = serializers.CharField(max_length=300)
    reason = serializers.CharField(max_length=8000)
    supersedes = serializers.IntegerField(min_value=1, max_value=10**9, required=False, allow_null=True, default=None)


def _valid(body: serializers.Serializer[Any]) -> dict[str, Any]:
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)


def _about(project: Project, given: dict[str, Any]) -> About:
    word, own = given.pop("about_type"), given.pop("about_id")
    return about(project, word, own or (project.key if word in ("project", "define") else ""))


def _show_about(thing: Question | Task | Decision) -> dict[str, str] | None:
    if not thing.subject_type:
        return None
    shown = {"type": thing.subject_type, "id": thing.subject_id, "name": thing.subject_name, "url": thing.subject_url}
    return {name: str(value) for name, value in shown.items()}


def _name(user: Any) -> str | None:
    return user.name if user else None


def _time(value: Any) -> str | None:
    return value.isoformat() if value else None


def _written(thing: Question | Reply) -> dict[str, Any]:
    return {
        "text": thing.text,
        "by": _name(thing.created_by),
        "at": _time(thing.created_at),
        "edited_at": _time(thing.edited_at),
    }


def show_question(question: Question) -> dict[str, Any]:
    """A question as lists have it."""
    asked = list(question.asked.all())
    return {
        "number": question.number,
        "state": question.state,
        "about": _show_about(question),
        "roles": [each.role for each in asked if each.role],
        "people": [{"id": str(each.user_id), "name": _name(each.user)} for each in asked if each.user_id],
        "resolved_by": _name(question.resolved_by),
        "resolved_at": _time(question.resolved_at),
        **_written(question),
    }


def show_thread(question: Question) -> dict[str, Any]:
    """The whole thread, with what stood there before edits."""
    replies = [{"id": str(each.pk), **_written(each), "before": _before(each)} for each in question.replies.all()]
    return show_question(question) | {"before": _before(question), "replies": replies}


def _before(thing: Question | Reply) -> list[dict[str, Any]]:
    return [{"text": each.text, "until": _time(each.at)} for each in thing.revisions.all()]


class Questions(ProjectEndpoint):
    """The questions of the project."""

    action = {"GET": "project.read", "POST": "talk.ask"}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """Newest first; `?state=open` or `resolved`, `?q=` searches, `?about_type=&about_id=` takes one object."""
        given = request.query_params
        found = questions_of(self.project, state=given.get("state", ""), search=_search(given))
        if given.get("about_type"):
            found = found.filter(subject_type=given["about_type"][:60])
        if given.get("about_id"):
            found = found.filter(subject_id=given["about_id"][:160])
        return self.page_of(found, show_question)

    @extend_schema(request=QuestionBody, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str) -> Response:
        """Ask."""
        given = _valid(QuestionBody(data=request.data))
        found = _about(self.project, given)

        def make() -> tuple[int, dict[str, Any]]:
            made = ask(self.project, about=found, by=caller(request), **given)
            return 201, show_thread(question_for(self.project, made.number))

        return self.once(make)


def _search(given: Mapping[str, str]) -> str:
    return given.get("q", "").replace("\x00", "").strip()[:100]


class QuestionDetail(ProjectEndpoint):
    """One thread."""

    action = {"GET": "project.read", "PATCH": "talk.edit"}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, number: int) -> Response:
        """With its answers, and what stood there before edits."""
        return Response(show_thread(question_for(self.project, number)))

    @extend_schema(request=EditBody, responses={200: OpenApiTypes.OBJECT})
    def patch(self, request: Request, key: str, number: int) -> Response:
        """Change one's own words; `reply` names an answer."""
        question = question_for(self.project, number)
        given = _valid(EditBody(data=request.data))
        answer = reply_for(question, given["reply"]) if given["reply"] else None
        edit(question, text=given["text"], answer=answer, by=caller(request))
        return Response(show_thread(question_for(self.project, number)))


class QuestionReplies(ProjectEndpoint):
    """Answers."""

    action = "talk.ask"

    @extend_schema(request=WordsBody, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, number: int) -> Response:
        """Answer."""
        question = question_for(self.project, number)
        given = _valid(WordsBody(data=request.data))

        def make() -> tuple[int, dict[str, Any]]:
            reply(question, text=given["text"], by=caller(request))
            return 201, show_thread(question_for(self.project, number))

        return self.once(make)


class QuestionResolve(ProjectEndpoint):
    """Mark as answered."""

    action = "talk.ask"

    @extend_schema(request=None, responses={200: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, number: int) -> Response:
        """409 when it is answered already."""
        resolve(question_for(self.project, number), by=caller(request))
        return Response(show_thread(question_for(self.project, number)))


class QuestionReopen(ProjectEndpoint):
    """Open again."""

    action = "talk.ask"

    @extend_schema(request=None, responses={200: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, number: int) -> Response:
        """409 when it is open."""
        reopen(question_for(self.project, number), by=caller(request))
        return Response(show_thread(question_for(self.project, number)))


def show_task(task: Task) -> dict[str, Any]:
    """A task."""
    return {
        "number": task.number,
        "title": task.title,
        "detail": task.detail,
        "state": task.state,
        "role": task.role,
        "assignee": {"id": str(task.assignee_id), "name": _name(task.assignee)} if task.assignee_id else None,
        "due_on": _time(task.due_on),
        "about": _show_about(task),
        "opened_by": _name(task.created_by),
        "opened_at": _time(task.created_at),
        "closed_by": _name(task.closed_by),
        "closed_at": _time(task.closed_at),
    }


class Tasks(ProjectEndpoint):
    """The tasks of the project."""

    action = {"GET": "project.read", "POST": "task.handle"}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """The soonest due first; `?whose=mine|role|all`, `?state=open|done|dropped`, `?due=overdue`, `?q=`."""
        given = request.query_params
        whose = given.get("whose", "all")
        if whose not in WHOSE:
            raise Invalid(f"whose is one of {', '.join(WHOSE)}.", fields={"whose": "Unknown."})
        state, due = given.get("state", ""), given.get("due", "")
        found = tasks_of(self.project, caller(request), whose=whose, state=state, due=due, search=_search(given))
        return self.page_of(found, show_task)

    @extend_schema(request=TaskBody, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str) -> Response:
        """Open one, for a person or for a role."""
        given = _valid(TaskBody(data=request.data))
        found = _about(self.project, given)
        if given["assignee"]:
            given["assignee"] = member_for(self.project, given["assignee"]).user

        def make() -> tuple[int, dict[str, Any]]:
            task = open_task(self.project, about=found, by=caller(request), **given)
            return 201, show_task(task_for(self.project, task.number))

        return self.once(make)


class TaskDetail(ProjectEndpoint):
    """One task."""

    action = {"GET": "project.read", "PATCH": "task.handle"}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, number: int) -> Response:
        """As it stands."""
        return Response(show_task(task_for(self.project, number)))

    @extend_schema(request=TaskChangeBody, responses={200: OpenApiTypes.OBJECT})
    def patch(self, request: Request, key: str, number: int) -> Response:
        """Pass it on, set another day, close it or call it off; all of it or nothing."""
        task = task_for(self.project, number)
        given, by = _valid(TaskChangeBody(data=request.data)), caller(request)

        def make() -> tuple[int, dict[str, Any]]:
            if "due_on" in given:
                set_due(task, given["due_on"], by=by)
            if "assignee" in given or "role" in given:
                person = member_for(self.project, given["assignee"]).user if "assignee" in given else None
                pass_on(task, assignee=person, role="" if person else given["role"], by=by)
            if "state" in given:
                close_task(task, by=by, done=given["state"] == "done")
            return 200, show_task(task_for(self.project, number))

        return self.once(make)


def show_decision(decision: Decision) -> dict[str, Any]:
    """A decision."""
    later = getattr(decision, "superseded_by", None)
    return {
        "number": decision.number,
        "question": decision.question,
        "options": decision.options,
        "choice": decision.choice,
        "reason": decision.reason,
        "about": _show_about(decision),
        "supersedes": decision.supersedes.number if decision.supersedes else None,
        "superseded_by": later.number if later else None,
        "by": _name(decision.created_by),
        "at": _time(decision.created_at),
    }


class Decisions(ProjectEndpoint):
    """The decision log. Nothing in it can be changed or taken out."""

    action = {"GET": "project.read", "POST": "decision.record"}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """Newest first; `?q=` searches, `?state=force` leaves out what was superseded."""
        given = request.query_params
        found = decisions_of(self.project, search=_search(given), in_force=given.get("state") == "force")
        return self.page_of(found, show_decision)

    @extend_schema(request=DecisionBody, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str) -> Response:
        """Write one down."""
        given = _valid(DecisionBody(data=request.data))
        found = _about(self.project, given)
        before = given.pop("supersedes")
        supersedes = decision_for(self.project, before) if before else None

        def make() -> tuple[int, dict[str, Any]]:
            made = record_decision(self.project, about=found, supersedes=supersedes, by=caller(request), **given)
            return 201, show_decision(decision_for(self.project, made.number))

        return self.once(make)


class DecisionDetail(ProjectEndpoint):
    """One decision."""

    action = "project.read"

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, number: int) -> Response:
        """With what it superseded and what superseded it."""
        return Response(show_decision(decision_for(self.project, number)))
