"""The web room: what every page and endpoint shares."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "web"

    def ready(self) -> None:
        from web import jobs  # noqa: F401  it registers itself
