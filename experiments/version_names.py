"""How addresses of REST name a registered version: by its number, or by `@` and an alias."""

from django.urls import register_converter


class VersionName:
    """A version in an address."""

    regex = "[0-9]{1,9}|@[a-z][a-z0-9-]{0,39}"

    def to_python(self, value: str) -> int | str:
        """What `experiments.queries.models.model_version_for` takes."""
        return value if value.startswith("@") else int(value)

    def to_url(self, value: int | str) -> str:
        """The same in an address."""
        return str(value)


register_converter(VersionName, "version")
