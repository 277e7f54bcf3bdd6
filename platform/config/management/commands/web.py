"""Starts the pages and the API alone."""

import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from config.processes import environment, web


class Command(BaseCommand):
    """Becomes gunicorn."""

    help = "Serve the pages and the API on BATON_HOST and BATON_PORT."

    def handle(self, *args: Any, **options: Any) -> None:
        command = web(settings.HOST, settings.PORT)
        os.execve(command[0], command, environment(settings.DATA_DIR, settings.HOST, settings.PORT))  # noqa: S606
