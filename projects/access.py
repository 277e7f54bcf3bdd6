"""THE DOOR: the only way from an address to a project, and the bases of every page and endpoint behind it."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from accounts.models import ApiToken, User
from accounts.scopes import READ
from problems.problem import Conflict, Denied, Missing
from projects.models.projects import Project
from projects.models.team import Membership
from projects.overview import Stop, Tab, holder, rail, tabs
from projects.permissions import Role, allows, is_read, scope_of
from projects.queries.rights import refusal
from projects.results import Words, spoken, words
from web.api import Endpoint
from web.looking import looking, refuse_writes
from web.pages import Page
from web.proof import ask_again
from web.sessions import lacks_second_step

Shown = tuple[str, str, bool]


def roles_of(user: User, project: Project) -> frozenset[Role]:
    """The roles that a person holds in a project. An administrator of the instance reads like an owner."""
    held = {Role(role) for role in Membership.objects.filter(user=user, project=project).values_list("role", flat=True)}
    return frozenset(held | {Role.OWNER} if user.is_admin else held)


def roles_in(user: User, keys: Iterable[str]) -> dict[str, frozenset[Role]]:
    """The same in many projects by their keys, in one query."""
    found: dict[str, set[Role]] = {key: {Role.OWNER} if user.is_admin else set() for key in keys}
    held = Membership.objects.filter(user=user, project__key__in=list(found))
    for key, role in held.values_list("project__key", "role"):
        found[key].add(Role(role))
    return {key: frozenset(roles) for key, roles in found.items()}


def project_for(
    user: Any, key: str, action: str, *, token: ApiToken | None = None, request: HttpRequest | None = None
) -> tuple[Project, frozenset[Role]]:
    """The project behind `key`, for a person who may do `action` there.

    Strangers get the same 404 as for a project that does not exist; members without the right get 403 that says
    which roles hold it. With a browser's request, its person may look as another role.
    """
    missing = Missing("There is no such project, or you are not in it.")
    project = Project.objects.filter(key=key).first() if isinstance(user, User) and user.is_active else None
    if project is None or (token and token.project_key and token.project_key != key):
        raise missing
    roles = roles_of(user, project)
    if not roles:
        raise missing
    if request is not None and token is None:
        roles = seen_as(request, project, roles)
    if not allows(roles, action):
        raise refusal(project, action, request.get_full_path() if request is not None else "")
    if project.archived_at and not is_read(action):
        text = "This project is archived: it can only be read. Its owner can open it again."
        raise Conflict(text, code="archived", archived_at=project.archived_at.isoformat())
    return project, roles


def check_scope(token: ApiToken, action: str, method: str) -> None:
    """A token may do less than its person: what its scopes name, and it never signs."""
    needed = scope_of(action)
    if needed is None:
        raise Denied("Signatures are given in the browser; no token can sign.", code="never_by_token", action=action)
    if method in SAFE_METHODS:
        needed = READ
    if needed not in token.scopes:
        text = f"This token lacks the scope “{needed}”. Make one that has it on your account page."
        raise Denied(text, code="scope", action=action, scope=needed)


def seen_as(request: HttpRequest, project: Project, held: frozenset[Role]) -> frozenset[Role]:
    """The roles that a browser acts in: the held ones, or the one that its person looks as, while they may."""
    look = looking(request)
    if look is None or look.project_key != project.key or not allows(held, "team.manage"):
        return held
    return frozenset({Role(look.role)})


def shown_tabs(found: Sequence[Tab], key: str, here: str) -> tuple[list[Shown], list[Shown]]:
    """The tabs of a stage, and the pages of the group in which one stands: title, address, whether one is there."""
    lines = [
        (each.group, (each.title, reverse(each.route, args=[key]), here in (each.route, *each.also))) for each in found
    ]
    first: dict[str, Shown] = {}
    inside: list[Shown] = []
    for group, line in lines:
        members = [other for name, other in lines if group and name == group]
        standing = any(other[2] for other in members)
        first.setdefault(group or line[0], (group, line[1], standing) if group else line)
        inside = members if standing else inside
    return list(first.values()), inside


class ProjectPage(Page):
    """A page of one project. `self.project` and `self.roles` are there before any method runs."""

    project: Project
    roles: frozenset[Role]
    stage: str = ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        action = self.declared(request.method or "GET")
        if not request.user.is_authenticated:
            return self.ask_to_sign_in(request)
        if lacks_second_step(request):
            return self.ask_for_second_step(request)
        self.project, self.roles = project_for(request.user, kwargs.pop("key"), action, request=request)
        if action.endswith(".sign") and request.method not in SAFE_METHODS:
            refuse_writes(request)
            if asked := ask_again(request):
                return asked
        return super().dispatch(request, *args, **kwargs)

    def may(self, action: str) -> bool:
        """Whether this person may do something here; pages show the button or say who can."""
        return allows(self.roles, action)

    @cached_property
    def stops(self) -> list[Stop]:
        """The rail of the project, worked out once for a page."""
        return rail(self.project)

    def frame(self) -> dict[str, Any]:
        """What the project's header needs on every page."""
        stops = self.stops
        here = self.request.resolver_match.view_name if self.request.resolver_match else ""
        return super().frame() | {
            "project": self.project,
            "rail": stops,
            "holder": holder(stops),
            "stage": self.stage,
            "tabs": shown_tabs(tabs(self.stage), self.project.key, here),
            "roles": self.roles,
            "may": May(self.roles),
            "project_url": reverse("project", args=[self.project.key]),
        }


class May:
    """For templates: `{% if may.run_start %}` asks for the action `run.start`."""

    def __init__(self, roles: frozenset[Role]) -> None:
        self.roles = roles

    def __getitem__(self, name: str) -> bool:
        room, _, verb = name.partition("_")
        return allows(self.roles, f"{room}.{verb}")


class ProjectEndpoint(Endpoint):
    """An endpoint of one project. `self.project` and `self.roles` are there before any method runs."""

    project: Project
    roles: frozenset[Role]

    def enter(self, request: Request) -> None:
        action = self.declared(request.method or "GET")
        self.project, self.roles = project_for(
            request.user, self.kwargs["key"], action, token=self.token, request=request._request
        )
        if self.token:
            check_scope(self.token, action, request.method or "GET")

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """What jobs said stands under `message` in answers; it comes in words that the caller may see."""
        if hasattr(self, "roles") and isinstance(getattr(response, "data", None), Mapping):
            response.data = spoken(response.data, self.words)
        return super().finalize_response(request, response, *args, **kwargs)

    @cached_property
    def words(self) -> Words:
        """How sentences of this project are shown to the caller."""
        return words(self.project.key, self.roles)

    @cached_property
    def token(self) -> ApiToken | None:
        """The API token that signed this request, if it was one."""
        return self.request.auth if isinstance(self.request.auth, ApiToken) else None
