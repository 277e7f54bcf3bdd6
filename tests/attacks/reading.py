"""What an endpoint reads of a body, seen while it reads a good one: so that a sweep asks only what can differ."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from rest_framework.serializers import BaseSerializer

from experiments.tracking.wire import Asked


@dataclass
class Reading:
    """The serializer that read the body, and the parameters that the tracking protocol asked for."""

    forms: list[BaseSerializer[Any]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def reads(self, name: str) -> bool:
        """Whether this field can change anything at all."""
        return not self.names or name in self.names

    def refuses(self, body: Any) -> bool:
        """Whether the serializer refuses this body, so that nothing behind it ever sees it."""
        if len(self.forms) != 1:
            return False
        form = self.forms[0]
        again = type(form)(*form._args, **(form._kwargs | {"data": body}))  # type: ignore[attr-defined]
        return not again.is_valid()


@contextmanager
def reading() -> Iterator[Reading]:
    """Notes who reads what while the body of a good request is read."""
    seen = Reading()
    valid, made = BaseSerializer.is_valid, Asked.__init__

    class Noting(dict[str, Any]):
        def get(self, name: str, other: Any = None) -> Any:
            seen.names.add(name)
            return super().get(name, other)

    def noting_form(self: BaseSerializer[Any], **options: Any) -> bool:
        seen.forms.append(self)
        return valid(self, **options)

    def noting_names(self: Asked, given: Mapping[str, Any], **options: Any) -> None:
        made(self, Noting(given), **options)

    with patch.object(BaseSerializer, "is_valid", noting_form), patch.object(Asked, "__init__", noting_names):
        yield seen
