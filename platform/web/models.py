"""Answers already given, so that a repeated request gets the same one."""

from django.db import models


class Answer(models.Model):
    """The stored answer to one request with an `Idempotency-Key`."""

    key = models.CharField(primary_key=True, max_length=64)
    request_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return f"{self.key[:8]} {self.status}"
