"""The inbox over REST."""

from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken
from notices.kinds import KINDS
from notices.models import Notice
from notices.queries import as_read, notices_of, settings_of
from notices.services import choose_mail, mark_all_read, mark_read
from problems.problem import Denied
from web.account_api import person_of
from web.api import Endpoint
from web.pages import SIGNED_IN


class SettingsBody(serializers.Serializer[Any]):
    """Kind of message -> now, daily, off, or empty for the default of one's roles."""

    mail = serializers.DictField(child=serializers.CharField(max_length=6, allow_blank=True))


def show_notice(notice: Notice) -> dict[str, Any]:
    """A message."""
    return {
        "id": str(notice.pk),
        "kind": notice.kind,
        "text": notice.text,
        "url": notice.url,
        "project": notice.project_key or None,
        "at": notice.created_at.isoformat(),
        "read_at": notice.read_at.isoformat() if notice.read_at else None,
    }


def unbound(request: Request) -> UUID:
    """The reader. A token of one project does not read a whole inbox."""
    if isinstance(request.auth, ApiToken) and request.auth.project_key:
        raise Denied("This token belongs to one project; it cannot read your inbox.")
    return person_of(request).pk


class Inbox(Endpoint):
    """My messages."""

    action = SIGNED_IN

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request) -> Response:
        """Newest first; `?state=unread`, `?kind=` takes one kind."""
        given = request.query_params
        reader = unbound(request)
        found = notices_of(reader, unread=given.get("state") == "unread", kind=given.get("kind", ""))
        return self.page_of(found, show_notice, partial(as_read, reader))

    @extend_schema(request=None, responses={200: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Mark all as read."""
        return Response({"marked": mark_all_read(unbound(request))})


class OneNotice(Endpoint):
    """One of my messages."""

    action = SIGNED_IN

    @extend_schema(request=None, responses={200: OpenApiTypes.OBJECT})
    def post(self, request: Request, pk: UUID) -> Response:
        """Mark it as read."""
        reader = unbound(request)
        (notice,) = as_read(reader, [mark_read(reader, pk)])
        return Response(show_notice(notice))


class InboxSettings(Endpoint):
    """Which messages come by e-mail too."""

    action = SIGNED_IN

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request) -> Response:
        """For every kind: the own choice, and the default of one's roles."""
        return Response({"mail_ready": settings.MAIL_READY, "kinds": settings_of(unbound(request))})

    @extend_schema(request=SettingsBody, responses={200: OpenApiTypes.OBJECT})
    def patch(self, request: Request) -> Response:
        """Choose; kinds that are not named stay."""
        body = SettingsBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = {kind: mail for kind, mail in body.validated_data["mail"].items() if kind in KINDS}
        choose_mail(unbound(request), given)
        return Response({"mail_ready": settings.MAIL_READY, "kinds": settings_of(unbound(request))})
