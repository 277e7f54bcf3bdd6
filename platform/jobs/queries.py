"""Reads about jobs that pages and rooms above need."""

from datetime import timedelta

from django.db import models
from django.db.models import QuerySet
from django.utils import timezone

from jobs.models import OPEN_STATES, Job, Worker

WORKER_SILENT_SECONDS = 30


def of_subject(subject: models.Model) -> QuerySet[Job]:
    """All jobs about one object, newest first."""
    return Job.objects.filter(subject_type=subject._meta.label_lower, subject_id=str(subject.pk))


def latest_of(subject: models.Model) -> Job | None:
    """The newest job about one object."""
    return of_subject(subject).first()


def open_in(project_keys: list[str]) -> QuerySet[Job]:
    """Jobs that wait or run in these projects."""
    return Job.objects.filter(project_key__in=project_keys, state__in=OPEN_STATES)


def open_by(actor_id: str) -> QuerySet[Job]:
    """Jobs of one person that wait or run."""
    return Job.objects.filter(created_by_id=actor_id, state__in=OPEN_STATES)


def before_in_queue(job: Job) -> int:
    """How many waiting jobs of the same queue came earlier."""
    return Job.objects.filter(queue=job.queue, state="queued", created_at__lt=job.created_at).count()


def workers_alive() -> bool:
    """Whether any worker was seen in the last half minute."""
    limit = timezone.now() - timedelta(seconds=WORKER_SILENT_SECONDS)
    return Worker.objects.filter(seen_at__gt=limit).exists()
