"""The notices room: registers the post."""

from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "notices"

    def ready(self) -> None:
        from notices import jobs  # noqa: F401  it registers itself
