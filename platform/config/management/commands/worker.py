"""Starts one worker: it runs jobs, and its relay gives lost work back."""

import os
import warnings
from typing import Any

from celery.exceptions import SecurityWarning
from celery.signals import worker_ready, worker_shutting_down
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from config.celery import app
from jobs import context, relay
from jobs.registry import QUEUES


class Command(BaseCommand):
    """A Celery worker with threads: each job's heavy work is in a process of its own anyway."""

    help = "Run jobs. As many workers as wanted may run, on as many machines."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--queues", default=",".join(QUEUES), help="which queues, separated by commas")

    def handle(self, *args: Any, **options: Any) -> None:
        warnings.simplefilter("ignore", SecurityWarning)  # root in a container is what it is
        worker_ready.connect(_start_relay)
        worker_shutting_down.connect(_give_back_soon)
        arguments = ["--quiet", "worker", "--pool", "threads", "--concurrency", str(settings.WORKER_SLOTS)]
        arguments += ["--queues", options["queues"], "--hostname", f"worker-{os.getpid()}@%h"]
        app.worker_main([*arguments, "--without-mingle", "--without-gossip", "--without-heartbeat"])


def _start_relay(**_: Any) -> None:
    relay.start()


def _give_back_soon(**_: Any) -> None:
    context.stop_in(settings.STOP_SECONDS)
