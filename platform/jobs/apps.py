"""The jobs room: registers the floor's own periodic functions."""

from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "jobs"

    def ready(self) -> None:
        from jobs import housekeeping  # noqa: F401  it registers itself
