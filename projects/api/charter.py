"""The charter over REST: its text, its history, handing it in. Approving and closing are done in the browser only."""

import re
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from problems.problem import Invalid
from projects import differences
from projects.access import ProjectEndpoint
from projects.api.projects import caller
from projects.models.charter_history import CharterVersion
from projects.models.define import Charter
from projects.queries.charter import charter_history, charter_version_for, columns_of
from projects.queries.define import charter_of, texts_of
from projects.services.charter import save_charter, submit_charter

OBJECT = OpenApiTypes.OBJECT
IF_MATCH = OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, description="The ETag of the text that was read")
TAG = re.compile(r'(?:W/)?"?(\d{1,9})"?')
BIG = 2_000_000_000


def _words(limit: int = 4000) -> serializers.CharField:
    return serializers.CharField(max_length=limit, required=False, allow_blank=True)


class CharterBody(serializers.Serializer[Any]):
    """The problem in words; a text that is left out stays. `version` is the one that the writer has read; it may also
    come as `If-Match`."""

    version = serializers.IntegerField(min_value=0, max_value=BIG, required=False)
    problem = _words()
    decision = _words()
    prediction = _words()
    positive_word = _words(60)
    ml_needed = serializers.ChoiceField(choices=Charter.MlNeeded.choices, required=False, allow_blank=True)
    ml_why = _words()
    sponsor = _words(120)
    users = _words()
    harmed = _words()
    protected = _words(1000)
    assumptions = _words()
    risks = _words()
    fallback = _words()
    review_on = serializers.DateField(required=False, allow_null=True)


class SeenBody(serializers.Serializer[Any]):
    """The version that the caller has read."""

    version = serializers.IntegerField(min_value=0, max_value=BIG)


def show_charter(charter: Charter) -> dict[str, Any]:
    """The problem in words, and how it stands."""
    names = {name: getattr(charter, name) for name in ("updated_by", "submitted_by", "approved_by")}
    return {
        "version": charter.version,
        **texts_of(charter),
        "protected_columns": columns_of(charter.protected),
        "state": charter.state,
        "state_version": charter.state_version,
        "state_reason": charter.state_reason,
        **{name: person.name if person else None for name, person in names.items()},
    }


def show_version(version: CharterVersion) -> dict[str, Any]:
    """One text of the past."""
    who = version.saved_by.name if version.saved_by else None
    return {"version": version.number, "saved_by": who, "saved_at": version.saved_at.isoformat(), **version.texts}


def answer(charter: Charter) -> Response:
    """The charter with its ETag."""
    return Response(show_charter(charter), headers={"ETag": f'"{charter.version}"'})


class CharterEndpoint(ProjectEndpoint):
    """The problem in words."""

    action = {"GET": "project.read", "PUT": "charter.change"}

    @extend_schema(responses={200: OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """Read it; the ETag is its version."""
        return answer(charter_of(self.project))

    @extend_schema(request=CharterBody, parameters=[IF_MATCH], responses={200: OBJECT, 409: OBJECT})
    def put(self, request: Request, key: str) -> Response:
        """Write it. When somebody saved meanwhile: 409 with `theirs`, `yours` and the `version` to send next."""
        body = CharterBody(data=request.data)
        body.is_valid(raise_exception=True)
        texts = {name: str(value or "") for name, value in body.validated_data.items() if name != "version"}
        version = seen_version(request, body.validated_data.get("version"))
        return answer(save_charter(self.project, version=version, texts=texts, by=caller(request)))


def seen_version(request: Request, stated: int | None) -> int:
    """The version that the caller has read, from the body or from `If-Match`; both must agree."""
    header = request.headers.get("If-Match", "").strip()
    tag = TAG.fullmatch(header)
    if header and not tag:
        raise Invalid('If-Match holds one ETag of this charter, such as "3".', fields={"If-Match": "Not understood."})
    found = int(tag[1]) if tag else stated
    if found is None:
        text = "Say which version you have read: `version`, or its ETag as If-Match."
        raise Invalid(text, fields={"version": text})
    if tag and stated is not None and stated != found:
        raise Invalid("`version` and If-Match name different versions.", fields={"version": "Not that of If-Match."})
    return found


class CharterHistory(ProjectEndpoint):
    """Every text of the charter."""

    action = "project.read"

    @extend_schema(responses={200: OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """Newest first."""
        return self.page_of(charter_history(self.project), show_version)


class CharterText(ProjectEndpoint):
    """One text of the past."""

    action = "project.read"

    @extend_schema(
        parameters=[OpenApiParameter("against", int, description="An earlier version, to see what changed since")],
        responses={200: OBJECT},
    )
    def get(self, request: Request, key: str, number: int) -> Response:
        """Read it; with `?against=`, also what changed since that version, word by word."""
        version = charter_version_for(self.project, number)
        against = request.query_params.get("against", "")
        if not against:
            return Response(show_version(version))
        if not (against.isascii() and against.isdecimal() and len(against) < 10):
            raise Invalid("`against` is a version's number.", fields={"against": "A number."})
        older = charter_version_for(self.project, int(against))
        found = differences.changes(older.texts, version.texts)
        changed = {one.field: [{"kind": piece.kind, "text": piece.text} for piece in one.pieces] for one in found}
        return Response(show_version(version) | {"against": older.number, "changes": changed})


class CharterSubmit(ProjectEndpoint):
    """Handing the charter in."""

    action = "charter.change"

    @extend_schema(request=SeenBody, responses={200: OBJECT, 409: OBJECT})
    def post(self, request: Request, key: str) -> Response:
        """Hand in the version that was read; 409 with `blocked_by` while something is not answered."""
        body = SeenBody(data=request.data)
        body.is_valid(raise_exception=True)
        submit_charter(self.project, version=body.validated_data["version"], by=caller(request))
        return answer(charter_of(self.project))
