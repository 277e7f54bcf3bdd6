"""An app that exists in fault tests only."""

from django.apps import AppConfig


class FaultsConfig(AppConfig):
    name = "tests.faults"
    label = "faults"

    def ready(self) -> None:
        from tests.faults import kinds  # noqa: F401  they register themselves
