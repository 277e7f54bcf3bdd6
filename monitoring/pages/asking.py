"""What every page of this room needs: one page of a list, the person who asks, and the answer while work is awaited."""

from typing import Any

from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse

from accounts.models import User

PER_PAGE = 50


def page_of(request: HttpRequest, rows: Any) -> Page[Any]:
    """One page of a list."""
    return Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))


def person(request: HttpRequest) -> User:
    """The person who asks; pages behind a declared action always have one."""
    assert isinstance(request.user, User)
    return request.user


def awaited(under_way: bool) -> HttpResponse:
    """The answer to a page that waits for work: nothing while it lasts, then load again."""
    return HttpResponse(status=204) if under_way else HttpResponse(headers={"HX-Refresh": "true"})
