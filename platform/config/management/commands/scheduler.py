"""Starts the scheduler: one process of an instance that calls the rooms' periodic functions in time."""

from typing import Any

from django.core.management.base import BaseCommand

from config.celery import app


class Command(BaseCommand):
    """Celery's beat."""

    help = "Call the periodic functions. Exactly one scheduler runs for an instance."

    def handle(self, *args: Any, **options: Any) -> None:
        app.Beat(scheduler_cls="config.celery:Ticks", quiet=True, loglevel="WARNING").run()
