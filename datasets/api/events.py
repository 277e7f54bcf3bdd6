"""Events over REST: sensors and applications push them with a key of their own; people make and revoke the keys."""

import io
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.limits import BAD_TOKENS, count
from accounts.models import User
from datasets.api.versions import caller
from datasets.models.events import EventKey
from datasets.queries import events as queries
from datasets.queries.sources import source_for
from datasets.services import events as services
from problems.problem import Missing, TooLarge
from projects.access import ProjectEndpoint
from web.authentication import SessionAuthentication, TokenAuthentication
from web.parsing import MAX_BODY, StrictJSONParser
from web.sessions import caller as address_of


class EventKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer events_…`: a key that can push events to its source and nothing else."""

    def authenticate(self, request: Request) -> tuple[User, EventKey] | None:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secret.strip().startswith(f"{queries.KEY_PREFIX}_"):
            return None
        key = queries.key_of_secret(secret.strip())
        if key is None:
            count(BAD_TOKENS, address_of(request._request))
            raise exceptions.AuthenticationFailed("This key is unknown, expired or revoked.")
        services.note_use(key)
        return key.created_by, key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class LinesParser(BaseParser):
    """JSON lines, each as strict as a body of its own."""

    media_type = "application/x-ndjson"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        body = stream.read(MAX_BODY + 1)
        if len(body) > MAX_BODY:
            raise TooLarge(f"The body is larger than {MAX_BODY} bytes.")
        found = []
        for number, line in enumerate(body.split(b"\n"), 1):
            if not line.strip():
                continue
            try:
                found.append(StrictJSONParser().parse(io.BytesIO(line)))
            except exceptions.ParseError as error:
                raise exceptions.ParseError(f"Line {number}: {error.detail}") from None
        return found


class EventKeyBody(serializers.Serializer[Any]):
    """A new key: for whom, and how many days it works."""

    name = serializers.CharField(max_length=80)
    days = serializers.IntegerField(required=False, default=90, min_value=1, max_value=services.MOST_DAYS)


def show_key(key: EventKey) -> dict[str, Any]:
    """A key without its secret."""
    return {
        "id": str(key.pk),
        "name": key.name,
        "prefix": key.prefix,
        "works": key.works,
        "created_by": key.created_by.name,
        "created_at": key.created_at.isoformat(),
        "expires_at": key.expires_at.isoformat(),
        "last_used_at": key.last_used_at.isoformat() if key.last_used_at else None,
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
    }


class PushEvents(ProjectEndpoint):
    """Events into one source."""

    action = "source.run"
    authentication_classes: Sequence[type[BaseAuthentication]] = [
        EventKeyAuthentication,
        TokenAuthentication,
        SessionAuthentication,
    ]
    parser_classes = [StrictJSONParser, LinesParser]

    def enter(self, request: Request) -> None:
        """A key opens its own source only; all others are not there."""
        key = request.auth
        if isinstance(key, EventKey) and (key.source.project.key, key.source.name) != (
            self.kwargs["key"],
            self.kwargs["name"],
        ):
            raise Missing("There is no such project, or you are not in it.")
        super().enter(request)

    @extend_schema(
        request=OpenApiTypes.OBJECT,
        responses={201: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT},
    )
    def post(self, request: Request, key: str, name: str) -> Response:
        """Send one event (an object), many (a list), or JSON lines as `application/x-ndjson`; all are taken or none.

        They are on disk when the answer says how many. After a lost answer send the same ones again: events whose key
        is there already are dropped. 409 while the source is not approved, 429 with `Retry-After` when it is sent to
        too often.
        """
        source = source_for(self.project, name)
        return Response({"accepted": services.take(source, request.data)}, status=201)


class EventKeys(ProjectEndpoint):
    """The keys of a source that takes events."""

    action = "source.write"

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str) -> Response:
        """List them, newest first."""
        return self.page_of(queries.keys_of(source_for(self.project, name)), show_key)

    @extend_schema(request=EventKeyBody, responses={201: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str) -> Response:
        """Make one. `secret` is shown this once; give it to the sender."""
        body = EventKeyBody(data=request.data)
        body.is_valid(raise_exception=True)
        source = source_for(self.project, name)

        def make() -> tuple[int, dict[str, Any]]:
            made, secret = services.make_key(source, **body.validated_data, by=caller(request))
            return 201, show_key(made) | {"secret": secret}

        return self.once(make)


class EventKeyDetail(ProjectEndpoint):
    """One key."""

    action = "source.write"

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def delete(self, request: Request, key: str, name: str, event_key: UUID) -> Response:
        """Revoke it: what its sender sends is refused from now on."""
        found = queries.key_for(source_for(self.project, name), event_key)
        return Response(show_key(services.revoke_key(found, by=caller(request))))
