"""Who has an account here: for administrators."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.models import User
from accounts.queries import all_people, person_for
from accounts.services import activate_user, deactivate_user, set_admin
from web.pages import ADMIN, Page

PAGE_SIZE = 50
ACTS: dict[str, tuple[Any, str]] = {
    "deactivate": (deactivate_user, "{} can no longer sign in. Sessions and tokens have ended."),
    "activate": (activate_user, "{} can sign in again."),
    "make-admin": (lambda person, by: set_admin(person, True, by=by), "{} is an administrator now."),
    "remove-admin": (lambda person, by: set_admin(person, False, by=by), "{} is no longer an administrator."),
}


class People(Page):
    """Everybody with an account."""

    action = ADMIN
    template = "web/people.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show a page of them."""
        return self.show(page_obj=Paginator(all_people(), PAGE_SIZE).get_page(request.GET.get("page")))


class ChangePerson(Page):
    """One act on one account; which one is in the address."""

    action = ADMIN
    http_method_names = ["post", "options"]
    act: str = ""

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Carry it out."""
        assert isinstance(request.user, User)
        person = person_for(pk)
        service, text = ACTS[self.act]
        service(person, by=request.user)
        messages.success(request, text.format(person.name))
        return redirect("people")
