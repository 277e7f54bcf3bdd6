"""The accounts room: tells the notices room how people are reached."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import directory  # noqa: F401  it registers itself
