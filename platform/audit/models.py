"""The audit's tables: an append-only chain of entries and its head."""

from typing import Any

from django.db import models


class Entry(models.Model):
    """One thing that happened. Never changed, never deleted."""

    seq = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    actor_id = models.CharField(max_length=80)
    actor_name = models.CharField(max_length=200)
    name = models.CharField(max_length=80)
    subject_type = models.CharField(max_length=60)
    subject_id = models.CharField(max_length=80)
    project_key = models.CharField(max_length=60, blank=True)
    data = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["seq"]
        indexes = [
            models.Index(fields=["project_key", "-seq"]),
            models.Index(fields=["subject_type", "subject_id", "-seq"]),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.name}"

    def content(self) -> dict[str, Any]:
        """What the hash covers."""
        return {
            "seq": self.seq,
            "at": self.at.isoformat(),
            "actor_id": self.actor_id,
            "actor_name": self.actor_name,
            "name": self.name,
            "subject_type": self.subject_type,
            "subject_id": self.subject_id,
            "project_key": self.project_key,
            "data": self.data,
        }


class Head(models.Model):
    """The end of the chain: one row, locked by whoever appends."""

    seq = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"head at {self.seq}"
