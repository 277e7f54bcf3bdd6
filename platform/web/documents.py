"""The API's own documents: the OpenAPI description, and pages to read and try it."""

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from web.api import Endpoint
from web.pages import SIGNED_IN, Page


@cache
def description() -> dict[str, Any]:
    """The OpenAPI document. Routes do not change while the process lives."""
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return schema


class Schema(Endpoint):
    """The OpenAPI document of this API."""

    action = SIGNED_IN

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        """As JSON."""
        return Response(description())


class Documents(Page):
    """Swagger, from our own files and under our own policy."""

    action = SIGNED_IN
    template = "web/docs.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show it."""
        return self.show()
