"""One row for each stored content, by its hash."""

from django.db import models


class Blob(models.Model):
    """Bytes that are on disk, fsynced and hashed. The row is written after the bytes."""

    sha256 = models.CharField(primary_key=True, max_length=64)
    size = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.sha256[:12]
