"""Jobs and activity of a project."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.urls import reverse

from audit.models import Entry
from jobs.models import OPEN_STATES, Job
from problems.problem import Missing
from projects.models.projects import Project
from projects.results import OPEN, Words

MOST_SEARCHED = 2000


def job_for(project: Project, job_id: UUID) -> Job:
    """One job of the project."""
    job = Job.objects.filter(project_key=project.key, pk=job_id).first()
    if job is None:
        raise Missing("There is no such job in this project.")
    return job


def job_link(job: Job) -> dict[str, Any]:
    """A job as other answers name it."""
    url = reverse("api-job", args=[job.project_key, job.pk]) if job.project_key else ""
    return {"id": str(job.pk), "state": job.state, "url": url}


def jobs_in(keys: Collection[str] | QuerySet[Any], *, only_open: bool = False) -> QuerySet[Job]:
    """The jobs of these projects, newest first."""
    jobs = Job.objects.filter(project_key__in=keys)
    return jobs.filter(state__in=OPEN_STATES) if only_open else jobs


@dataclass(frozen=True)
class Sought:
    """What a reader of the activity asks for; what is empty is not asked."""

    who: str = ""
    event: str = ""
    about: str = ""
    search: str = ""


def activity_of(project: Project, sought: Sought | None = None, said: Words = OPEN) -> QuerySet[Entry]:
    """What happened in the project, newest first: by a person, of a kind (`gate`, `gate.signed`), about one object.

    Words are found only where the reader, to whom entries are shown by `said`, sees them.
    """
    entries, sought = _entries_of(project), sought or Sought()
    if sought.who:
        entries = entries.filter(actor_id=sought.who)
    if sought.event:
        entries = entries.filter(Q(name=sought.event) | Q(name__startswith=f"{sought.event}."))
    if sought.about:
        word, _, own = sought.about.partition(":")
        entries = entries.filter(subject_type=word)
        entries = entries.filter(subject_id=own) if own else entries
    if sought.search:
        entries = entries.annotate(text=Cast("data", TextField()))
        found = Q(actor_name__icontains=sought.search) | Q(name__icontains=sought.search)
        # SQLite keeps what is not ASCII in its escaped form
        for text in {sought.search, json.dumps(sought.search)[1:-1]}:
            found |= Q(text__icontains=text)
        entries = entries.filter(found)
        if said is not OPEN:
            entries = entries.filter(seq__in=_seen_with(entries, sought.search.casefold(), said))
    return entries.order_by("-seq")


def _seen_with(entries: QuerySet[Entry], search: str, said: Words) -> list[int]:
    """Those of the newest entries found whose words, as they are shown, hold what is searched."""
    found = []
    for entry in entries.order_by("-seq")[:MOST_SEARCHED].iterator(chunk_size=500):
        shown = json.dumps(said.data(entry.data), ensure_ascii=False)
        if any(search in text.casefold() for text in (entry.actor_name, entry.name, shown)):
            found.append(entry.seq)
    return found


def _entries_of(project: Project) -> QuerySet[Entry]:
    """Nothing of an earlier project that had the same key."""
    return Entry.objects.filter(project_key=project.key, at__gte=project.created_at)
