"""Whether this process answers, and whether what it needs does."""

import shutil
from dataclasses import dataclass

from celery import current_app
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from jobs.queries import workers_alive
from web.pages import PUBLIC, Page

FULL_BYTES = 100 * 1024 * 1024
LOW_BYTES = 1024 * 1024 * 1024
BROKER_SECONDS = 1


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. `needed`: without it no page can be served."""

    name: str
    state: str  # ok, degraded, down
    text: str


class Healthz(Page):
    """This process answers. Nothing else is asked."""

    action = PUBLIC

    def get(self, request: HttpRequest) -> HttpResponse:
        """Two letters."""
        return HttpResponse("ok\n", content_type="text/plain; charset=utf-8")


class Readyz(Page):
    """Whether requests can be served: 503 without database or disk; without broker or workers only degraded."""

    action = PUBLIC

    def get(self, request: HttpRequest) -> HttpResponse:
        """One word for everybody, the details for administrators."""
        checks = look()
        states = {check.state for check in checks}
        word = "unavailable" if "down" in states else "degraded" if "degraded" in states else "ready"
        body: dict[str, object] = {"status": word}
        if checks[0].state == "ok" and getattr(request.user, "is_admin", False):
            body["checks"] = {check.name: {"state": check.state, "text": check.text} for check in checks}
        return JsonResponse(body, status=503 if word == "unavailable" else 200)


def look() -> list[Check]:
    """All checks, the database first."""
    database = check_database()
    if database.state != "ok":
        return [database, check_disk(), check_broker()]
    return [database, check_disk(), check_broker(), check_workers()]


def check_database() -> Check:
    """Does it answer?"""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return Check("database", "down", f"It does not answer ({type(error).__name__}).")
    return Check("database", "ok", "It answers.")


def check_disk() -> Check:
    """Is there room in the data folder?"""
    try:
        free = shutil.disk_usage(settings.DATA_DIR).free
    except OSError as error:
        return Check("disk", "down", f"The data folder cannot be read ({type(error).__name__}).")
    state = "down" if free < FULL_BYTES else "degraded" if free < LOW_BYTES else "ok"
    return Check("disk", state, f"{free // (1024 * 1024)} MB are free.")


def check_broker() -> Check:
    """Does the doorbell's broker answer? Without it work starts some seconds later."""
    try:
        with current_app.connection_for_read() as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=BROKER_SECONDS)
    except Exception as error:  # each transport has errors of its own
        return Check("broker", "degraded", f"It does not answer ({type(error).__name__}). Work starts later.")
    return Check("broker", "ok", "It answers.")


def check_workers() -> Check:
    """Was any worker seen lately?"""
    if workers_alive():
        return Check("workers", "ok", "At least one was seen in the last half minute.")
    return Check("workers", "degraded", "None was seen in the last half minute. Work waits in the queue.")
