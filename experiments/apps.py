"""The experiments room: registers its jobs and what it shows on project pages."""

from django.apps import AppConfig


class ExperimentsConfig(AppConfig):
    name = "experiments"

    def ready(self) -> None:
        from experiments import discarding, jobs, moving, overview  # noqa: F401  they register themselves
