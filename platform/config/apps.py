"""Loads the Celery app in every Django process, so that tasks find their broker; brings the commands that start."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        from config import celery  # noqa: F401  it becomes the current app
