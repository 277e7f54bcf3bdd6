"""The experiments room: registers its jobs and what it shows on project pages."""

from importlib import import_module
from pkgutil import iter_modules

from django.apps import AppConfig


class ExperimentsConfig(AppConfig):
    name = "experiments"

    def import_models(self) -> None:
        """The tables lie in a folder whose `__init__` stays empty: every file of it is imported here."""
        super().import_models()
        assert self.models_module is not None
        for module in iter_modules(self.models_module.__path__, f"{self.models_module.__name__}."):
            import_module(module.name)

    def ready(self) -> None:
        from experiments import discarding, jobs, moving, overview, results  # noqa: F401  they register themselves
