"""Template tags that show long work, and the parts that the rooms above register for the overview."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import template
from django.template.context import RequestContext
from django.template.loader import get_template
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from jobs.models import Job, Line, State
from jobs.queries import before_in_queue
from projects.access import May, roles_in
from projects.models.projects import Project
from projects.overview import Section
from projects.queries.projects import visible_to
from projects.results import Words, words, words_in

register = template.Library()
LINES = 12
STATUS = {
    State.QUEUED: ("wait", "Waiting"),
    State.RUNNING: ("run", "Running"),
    State.SUCCEEDED: ("pass", "Done"),
    State.FAILED: ("fail", "Failed"),
    State.CANCELLED: ("unmeasured", "Stopped"),
}


@dataclass(frozen=True)
class JobView:
    """A job as pages show it."""

    job: Job
    status: str
    word: str
    before: int
    stopped_at: datetime | None
    elapsed: float | None
    left: str
    url: str
    cancel_url: str
    message: str
    progress: str
    lines: list[str]
    history: list[dict[str, Any]]
    wanted: int


@register.simple_tag(takes_context=True)
def job_view(context: RequestContext, job: Job, lines: Any = 0) -> JobView:
    """All that the live part of a job shows, with the last lines of its log, in words that the reader may see."""
    wanted, may = int(lines or LINES), context.get("may")
    said = words(job.project_key, may.roles if isinstance(may, May) else frozenset())
    log = Line.objects.filter(job=job).order_by("-pk")[:wanted]
    status, word = STATUS[State(job.state)]
    address = [job.project_key, job.pk]
    return JobView(
        job,
        status,
        word,
        before_in_queue(job) if job.state == State.QUEUED else 0,
        stopped_at(job),
        elapsed(job),
        time_left(job),
        reverse("job", args=address) if job.project_key else "",
        reverse("job-cancel", args=address) if job.project_key else "",
        said.text(job.message),
        said.text(job.progress_text),
        [said.line(one.text) for one in log][::-1],
        [note | {"message": said.text(str(note.get("message", "")))} for note in job.history],
        wanted,
    )


@register.simple_tag(takes_context=True)
def said(context: RequestContext, text: str, length: int = 0, key: str = "") -> str:
    """What a job said, in words that the reader may see. Pages of many projects name the project's `key`."""
    if not text:
        return ""
    shown = _words(context, key).text(text)
    return Truncator(shown).chars(length) if length else shown


def _words(context: RequestContext, key: str) -> Words:
    """Those of the page's project, or of one of the reader's; asked for once for each page."""
    project, may = context.get("project"), context.get("may")
    if isinstance(project, Project) and isinstance(may, May):
        key, roles = project.key, {project.key: may.roles}
    else:
        user = context["request"].user
        roles = roles_in(user, visible_to(user).values_list("key", flat=True))
    known: dict[str, Words] = context.render_context.setdefault("words", {})  # type: ignore[arg-type, assignment]
    if key not in known:
        known |= words_in(roles)
    return known[key]


@register.simple_tag(takes_context=True)
def section(context: RequestContext, part: Section) -> SafeString:
    """A registered part of the overview, with its own context on top of the page's."""
    page = {name: value for name, value in context.flatten().items() if isinstance(name, str)}
    return SafeString(get_template(part.template).render(page | part.context, context.request))


@register.filter
def job_status(job: Job) -> str:
    """The job's state as the `status` tag wants it."""
    return STATUS[State(job.state)][0]


@register.filter
def job_word(job: Job) -> str:
    """The job's state in a word."""
    return STATUS[State(job.state)][1]


@register.filter
def stopped_at(job: Job) -> datetime | None:
    """When the worker of a running job fell silent: its lease is over and nobody took the job yet."""
    expired = job.state == State.RUNNING and job.lease_expires_at and job.lease_expires_at < timezone.now()
    return job.lease_expires_at if expired else None


@register.filter
def elapsed(job: Job) -> float | None:
    """Seconds since the work began, or that it took."""
    if job.started_at is None:
        return None
    return ((job.ended_at or timezone.now()) - job.started_at).total_seconds()


@register.filter
def time_left(job: Job) -> str:
    """A rounded guess from the pace so far; nothing while there is too little to go by."""
    percent, spent = job.percent, elapsed(job)
    if job.state != State.RUNNING or not percent or percent < 5 or not spent or spent < 3 or job.attempt > 1:
        return ""
    left = spent * (100 - percent) / percent
    return "under 1 min left" if left < 60 else f"about {round(left / 60)} min left"
