"""Addresses of fault tests: start, look at and cancel jobs in the real web process; and a fail point around requests."""

import json
import os
import signal
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from audit.actors import Machine
from audit.models import Entry
from config import urls
from jobs import queries, services
from jobs.models import Job, Worker
from problems.problem import Problem


def show(job: Job) -> dict[str, Any]:
    """A job as the tests look at it."""
    names = ("state", "attempt", "lease_token", "lease_owner", "code", "message", "history", "result", "done")
    done = Entry.objects.filter(name="faults.done", subject_id=str(job.pk)).count()
    return {"id": str(job.pk), "times_done": done} | {name: getattr(job, name) for name in names}


@csrf_exempt
def jobs(request: HttpRequest) -> HttpResponse:
    """Start some."""
    wish = json.loads(request.body)
    started = [
        services.start(wish["kind"], by=Machine("tests"), title=wish["kind"], payload=wish.get("payload"))
        for _ in range(wish.get("count", 1))
    ]
    return JsonResponse({"ids": [str(job.pk) for job in started]}, status=202)


def one(request: HttpRequest, job_id: str) -> HttpResponse:
    """Look at one."""
    return JsonResponse(show(Job.objects.get(pk=job_id)))


def all_of_them(request: HttpRequest) -> HttpResponse:
    """Look at all light ones."""
    shown = [show(job) for job in Job.objects.filter(kind="faults.light")]
    return JsonResponse({"jobs": shown})


@csrf_exempt
def cancel(request: HttpRequest, job_id: str) -> HttpResponse:
    """Stop one."""
    try:
        return JsonResponse(show(services.cancel(Job.objects.get(pk=job_id), by=Machine("tests"))))
    except Problem as problem:
        return JsonResponse(problem.as_dict(), status=problem.status)


def workers(request: HttpRequest) -> HttpResponse:
    """Who was seen."""
    return JsonResponse(
        {"alive": queries.workers_alive(), "names": list(Worker.objects.values_list("name", flat=True))}
    )


def die_on_request(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A header lets the process die in the middle of this request, once for each name in it.

    X-Die-Before-Row: when the row of the stored bytes would be written. X-Die-After-Commit: before the answer goes.
    """

    def die(name: str) -> None:
        marker = Path(settings.DATA_DIR) / f"died-{name}"
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    def answer(request: HttpRequest) -> HttpResponse:
        def watch(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
            if sql.startswith('INSERT INTO "storage_blob"'):
                die(request.headers["X-Die-Before-Row"])
            return execute(sql, *rest)

        with connection.execute_wrapper(watch) if "X-Die-Before-Row" in request.headers else nullcontext():
            response = get_response(request)
        if name := request.headers.get("X-Die-After-Commit"):
            die(name)
        return response

    return answer


handler400, handler403, handler404, handler500 = urls.handler400, urls.handler403, urls.handler404, urls.handler500
urlpatterns = [
    *urls.urlpatterns,
    path("faults/jobs/", jobs),
    path("faults/light/", all_of_them),
    path("faults/jobs/<uuid:job_id>/", one),
    path("faults/jobs/<uuid:job_id>/cancel/", cancel),
    path("faults/workers/", workers),
]
