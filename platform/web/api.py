"""The base of every endpoint: its declared action, plain errors, and answers that a repeat gets again."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NoReturn

from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import Http404
from rest_framework import exceptions
from rest_framework.fields import ChoiceField, Field
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.views import exception_handler as default_handler

from problems.problem import Problem
from web.errors import trouble_of
from web.pages import declared
from web.paging import Pages
from web.services import Make, answer_once

MAX_KEY = 200
MOST_CHOICES = 40


def name_choices(field: ChoiceField, key: str, **facts: Any) -> NoReturn:
    """Refuse a value in a field of choices with the choices that there are; the framework's words leave them out."""
    if key == "invalid_choice":
        words = [str(choice) for choice in field.choices if choice != ""]
        more = f" and {len(words) - MOST_CHOICES} more" if len(words) > MOST_CHOICES else ""
        given = str(facts.get("input", ""))[:60]
        text = f"“{given}” is not one of the choices: {', '.join(words[:MOST_CHOICES])}{more}."
        raise exceptions.ValidationError(text, code=key)
    Field.fail(field, key, **facts)


ChoiceField.fail = name_choices  # type: ignore[method-assign, assignment]


def answer_problem(error: Exception, context: dict[str, Any]) -> Response | None:
    """Every refusal in one shape: `code`, `detail`, and `fields` where a field is to blame."""
    error = trouble_of(error) or error
    if isinstance(error, Problem):
        return Response(error.as_dict(), status=error.status, headers=error.headers)
    if isinstance(error, Http404):
        return Response({"code": "not_found", "detail": "There is nothing here for you."}, status=404)
    if isinstance(error, PermissionDenied):
        return Response({"code": "forbidden", "detail": "You may not do this."}, status=403)
    response = default_handler(error, context)
    if response is not None and isinstance(error, exceptions.ValidationError):
        fields = _flat(error.detail)
        response.data = {"code": "invalid", "detail": " ".join(fields.values())[:500], "fields": fields}
        response.status_code = 422
    elif response is not None and isinstance(error, exceptions.APIException):
        response.data = {"code": error.get_codes(), "detail": str(error.detail)}
    return response


def _flat(detail: Any, path: str = "") -> dict[str, str]:
    if isinstance(detail, Mapping):
        return {
            k: v for key, value in detail.items() for k, v in _flat(value, f"{path}.{key}" if path else key).items()
        }
    if isinstance(detail, list):
        if all(isinstance(item, str) for item in detail):
            return {path or "body": " ".join(str(item) for item in detail)}
        return {k: v for i, item in enumerate(detail) for k, v in _flat(item, f"{path}[{i}]").items()}
    return {path or "body": str(detail)}


class Endpoint(APIView):
    """An endpoint with a declared action, and answers that a repeated request gets again."""

    action: ClassVar[str | Mapping[str, str] | None] = None

    def declared(self, method: str) -> str:
        """The action that this method needs."""
        return declared(self.action, method)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Who it is and whether they may, at last whether the body is of a kind that is read here."""
        super().initial(request, *args, **kwargs)
        self.enter(request)
        if request.method in SAFE_METHODS or request.META.get("CONTENT_LENGTH") in (None, "", "0"):
            return
        if self.get_content_negotiator().select_parser(request, request.parsers or ()) is None:
            raise exceptions.UnsupportedMediaType(request.content_type)

    def enter(self, request: Request) -> None:
        """The door of the object that the address names; raises for those who may not come in."""

    def options(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # type: ignore[override]
        """Which methods there are, and nothing else."""
        return Response(status=204, headers={"Allow": ", ".join(self.allowed_methods)})

    def once(self, make: Make) -> Response:
        """Do `make` in one transaction; with an `Idempotency-Key`, a repeat gets the first answer.

        Secrets that are shown once (see `web.services.SHOWN_ONCE`) are null in the repeated answer.
        """
        key = self.request.headers.get("Idempotency-Key", "").strip()
        if not key:
            with transaction.atomic():
                status, body = make()
            return Response(body, status=status)
        if len(key) > MAX_KEY:
            raise exceptions.ParseError(f"An Idempotency-Key has at most {MAX_KEY} characters.")
        place = f"{self.request.user.pk} {self.request.method} {self.request.get_full_path()} {key}"
        kept = answer_once(place, self._request_digest(), make)
        return Response(kept.body, status=kept.status, headers={"Idempotent-Replay": "true"} if kept.repeated else {})

    def _request_digest(self) -> str:
        data = self.request.data
        plain = {name: _plain(value) for name, value in data.items()} if isinstance(data, Mapping) else data
        return hashlib.sha256(json.dumps(plain, sort_keys=True, default=str).encode()).hexdigest()

    def page_of(
        self, queryset: Any, show: Callable[[Any], dict[str, Any]], prepare: Callable[[list[Any]], Any] = list
    ) -> Response:
        """One page of a list, each row by `show`; `prepare` sees all rows of the page at once before."""
        pages = Pages()
        rows: list[Any] = prepare(pages.paginate_queryset(queryset, self.request, view=self) or [])
        return pages.get_paginated_response([show(row) for row in rows])


def _plain(value: Any) -> Any:
    """A file stands for itself by its content, so that another file under the same key is noticed."""
    if not isinstance(value, UploadedFile):
        return value
    value.seek(0)
    digest = hashlib.file_digest(value.file, "sha256").hexdigest()  # type: ignore[arg-type]
    value.seek(0)
    return [value.name, digest]
