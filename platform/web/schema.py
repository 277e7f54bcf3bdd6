"""What the OpenAPI document says about every endpoint: how to sign in, and the one shape of refusals."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

REFUSALS = {
    "400": "The request cannot be understood: not JSON, too deep, a bad header.",
    "401": "No token or session, or one that is unknown, expired or revoked.",
    "403": "You are known, and lack the role; the text says which and who holds it.",
    "404": "There is no such object for you.",
    "409": "Not now: the state of the object does not allow it. `blocked_by` lists what stands in the way.",
    "415": "The body has a content type that is not read here.",
    "422": "Understood, and something in it is wrong; `fields` names each wrong field.",
    "429": "Too many requests; `Retry-After` says how many seconds to wait.",
}
WITH_BODY = ("post", "put", "patch")
PROBLEM = {
    "type": "object",
    "required": ["code", "detail"],
    "properties": {
        "code": {"type": "string", "description": "A stable name of the problem, for programs."},
        "detail": {"type": "string", "description": "What is wrong, for people."},
        "fields": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "For each wrong field what is wrong with it.",
        },
        "blocked_by": {"type": "array", "items": {"type": "string"}, "description": "What has to happen first."},
    },
}


class BearerToken(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """`Authorization: Bearer baton_…`."""

    target_class = "web.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "An API token from your account page."}


class Browser(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A signed-in browser."""

    target_class = "web.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        from django.conf import settings

        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}


class EndpointSchema(AutoSchema):
    """Describes an endpoint. Ours declare with `action` what a method needs; the generator means the method by it."""

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        vars(self.view)["action"] = self.method.lower()  # this view was made for the description and answers nobody
        return super().get_operation(*args, **kwargs)


def document_refusals(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Give every operation the answers that any of them may give."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    for operations in result.get("paths", {}).values():
        for method, operation in operations.items():
            for status, words in REFUSALS.items():
                if status in ("409", "415", "422") and method not in WITH_BODY:
                    continue
                operation["responses"].setdefault(
                    status,
                    {
                        "description": words,
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
                    },
                )
    return result
