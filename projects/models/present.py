"""What lies in the bin is hidden from every ordinary query."""

from typing import TypeVar

from django.db import models

Kept = TypeVar("Kept", bound=models.Model)


class Present(models.Manager[Kept]):
    """Rows that are not in the bin. As a model's first manager it also serves what points at the model from behind.

    A forward foreign key still finds a row of the bin, so that history can be told.
    """

    def get_queryset(self) -> models.QuerySet[Kept]:
        return super().get_queryset().filter(deleted_at=None)
