"""Keys of senders on the page of a source that events are sent to: make one, shown once, and revoke one."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from datasets.pages.care import whole
from datasets.pages.listing import person
from datasets.pages.sources import OneSource, WholeSource
from datasets.queries import events as queries
from datasets.services import events as services


class EventKeys(WholeSource):
    """Make a key for one sender."""

    action = {"POST": "source.write"}

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Make it and show its secret, once."""
        source = self.source
        days = whole(request.POST.get("days", ""), "days")
        key, secret = services.make_key(source, name=request.POST.get("sender", ""), days=days, by=person(request))
        response = self.shown(made=key, command=queries.sending(source, self.address, secret), secret=secret)
        response.headers["Cache-Control"] = "private, no-store"
        return response


class EventKeyRevoke(OneSource):
    """Revoke a key."""

    action = {"POST": "source.write"}

    def post(self, request: HttpRequest, name: str, event_key: UUID) -> HttpResponse:
        """From now on it opens nothing."""
        key = services.revoke_key(queries.key_for(self.source, event_key), by=person(request))
        messages.success(request, f"What {key.name} sends is refused from now on.")
        return self.back()
