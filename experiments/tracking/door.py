"""The base of the protocol's endpoints: a project's door, and refusals in the protocol's words."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import orjson
from django.core.cache import caches
from django.http.response import HttpResponse, HttpResponseBase
from rest_framework import exceptions
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken, User
from experiments.tracking.wire import INVALID, UNKNOWN, Asked, Refused
from problems.problem import Problem
from projects.access import ProjectEndpoint
from web.api import answer_problem
from web.authentication import DeclaredAction, SessionAuthentication, TokenAuthentication
from web.parsing import StrictJSONParser

WORDS = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: UNKNOWN,
    413: "REQUEST_LIMIT_EXCEEDED",
    429: "REQUEST_LIMIT_EXCEEDED",
    503: "TEMPORARILY_UNAVAILABLE",
    507: "RESOURCE_LIMIT_EXCEEDED",
}
REMEMBERED_SECONDS = 1
Verb = Callable[["Tracking", Asked], "dict[str, Any] | HttpResponseBase"]


class MayRead(BasePermission):
    """The protocol searches by POST, so that a reading token may send it where the action is to read."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """What the declared action needs of the caller."""
        if isinstance(request.auth, ApiToken) and view.declared(request.method or "GET").endswith(".read"):
            return True
        return DeclaredAction().has_permission(request, view)


def refuse(error: Exception, context: dict[str, Any]) -> Response | None:
    """Every refusal as {error_code, message}: mistakes of clients are 4xx, so that none tries again for minutes."""
    response = answer_problem(error, context)
    if response is None:
        return None
    if isinstance(error, Refused):
        word, text = error.code, error.text
    else:
        word = WORDS.get(response.status_code, INVALID)
        said = response.data if isinstance(response.data, Mapping) else {}
        text = error.text if isinstance(error, Problem) else str(said.get("detail", "The request was refused."))
        if response.status_code in (409, 410, 415, 422):
            response.status_code = 400
    response.data = {"error_code": word, "message": text}
    return response


class RememberedToken(TokenAuthentication):
    """A program logs point by point: a token that was just looked up counts for a second more."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """As for every endpoint, from memory where it was just the same."""
        place = f"logs-as:{hashlib.sha256(request.headers.get('Authorization', '').encode()).hexdigest()}"
        found: tuple[User, ApiToken] | None = caches["here"].get(place)
        if found is None and (found := super().authenticate(request)):
            caches["here"].set(place, found, REMEMBERED_SECONDS)
        return found


class AnyBytes(BaseParser):
    """A body that is not read here: files are streamed to disk."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """Nothing."""
        return {}


class AnyJSON(StrictJSONParser):
    """JSON under any content type: curl and old clients say none."""

    media_type = "*/*"


class Tracking(ProjectEndpoint):
    """An address of the protocol. `verbs` maps each method to what answers it."""

    authentication_classes = [RememberedToken, SessionAuthentication]
    permission_classes = [MayRead]
    parser_classes = [AnyJSON]
    schema = None
    verbs: ClassVar[Mapping[str, Verb]] = {}

    @property
    def person(self) -> User:
        """Whose token it is."""
        assert isinstance(self.request.user, User)
        return self.request.user

    def enter(self, request: Request) -> None:
        """The project's door; what it said to a token counts for a second more."""
        method = request.method or "GET"
        about = [str(self.token.pk), self.kwargs["key"], self.declared(method), method] if self.token else []
        place = f"logs-into:{':'.join(about)}"
        if about and (found := caches["here"].get(place)):
            self.project, self.roles = found
            return
        super().enter(request)
        if about:
            caches["here"].set(place, (self.project, self.roles), REMEMBERED_SECONDS)

    def get_exception_handler(self) -> Any:
        """Refusals in the protocol's words."""
        return refuse

    def asked(self, request: Request) -> Asked:
        """The parameters, wherever they stand: address, query or body."""
        path = {name: value for name, value in self.kwargs.items() if name != "key"}
        lists: dict[str, Any] = {name: request.query_params.getlist(name) for name in request.query_params}
        if request.method in ("GET", "HEAD"):
            return Asked({**lists, **path}, from_query=True)
        body = request.data if request.META.get("CONTENT_LENGTH") not in (None, "", "0") else {}
        if not isinstance(body, Mapping):
            raise exceptions.ParseError("The body must be a JSON object.")
        plain = {name: values[-1] for name, values in lists.items()} if request.method == "DELETE" else {}
        return Asked({**plain, **body, **path})

    def answer(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """What the verb says, as JSON unless it is a file."""
        method = "GET" if request.method == "HEAD" else request.method or "GET"
        found = self.verbs[method](self, self.asked(request))
        if isinstance(found, HttpResponseBase):
            return found
        return HttpResponse(orjson.dumps(found), content_type="application/json")  # pages of runs are large


class TrackingFiles(Tracking):
    """An address of the protocol whose bodies are files."""

    parser_classes = [AnyBytes]

    def asked(self, request: Request) -> Asked:
        """The parameters of address and query."""
        path = {name: value for name, value in self.kwargs.items() if name != "key"}
        return Asked({**{name: request.query_params.getlist(name) for name in request.query_params}, **path},
                     from_query=True)  # fmt: skip
