"""What a person was told, and how they want to be told."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect

from accounts.models import User
from notices.kinds import KINDS, Mail
from notices.queries import as_read, notices_of, settings_of
from notices.services import choose_mail, mark_all_read, mark_read
from web.pages import SIGNED_IN, Page

PAGE_SIZE = 50


def _reader(request: HttpRequest) -> UUID:
    assert isinstance(request.user, User)
    return request.user.pk


class Inbox(Page):
    """All messages, newest first."""

    action = SIGNED_IN
    template = "web/inbox.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show a page of them, all or the unread ones, of every kind or of one."""
        unread, kind = request.GET.get("state") == "unread", request.GET.get("kind", "")
        pages = Paginator(notices_of(_reader(request), unread=unread, kind=kind), PAGE_SIZE)
        page = pages.get_page(request.GET.get("page"))
        page.object_list = as_read(_reader(request), page.object_list)
        kinds = [(word, words) for word, (words, _) in KINDS.items()]
        return self.show(page_obj=page, unread=unread, kind=kind, kinds=kinds)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Mark all as read."""
        mark_all_read(_reader(request))
        return redirect("inbox")


class OneNotice(Page):
    """Read one message: it is marked, and what it is about is shown."""

    action = {"POST": SIGNED_IN}

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Mark it; the button says whether to go there."""
        notice = mark_read(_reader(request), pk)
        # only our own addresses are ever in a message; one that is not stays in the inbox
        here = notice.url.startswith("/") and not notice.url.startswith(("//", "/\\"))
        return HttpResponseRedirect(notice.url if here and request.POST.get("go") else "/inbox/")


class InboxSettings(Page):
    """Which messages come by e-mail too."""

    action = SIGNED_IN
    template = "web/inbox_settings.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show what was chosen, and what holds without a choice."""
        rows = [row | {"default": Mail(row["default"]).words} for row in settings_of(_reader(request))]
        choices = [(mail.value, mail.words) for mail in Mail]
        return self.show(rows=rows, choices=choices, mail_ready=settings.MAIL_READY)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Save."""
        choose_mail(_reader(request), {kind: request.POST[kind] for kind in KINDS if kind in request.POST})
        messages.success(request, "Saved.")
        return redirect("inbox-settings")
