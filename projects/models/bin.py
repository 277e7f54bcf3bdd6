"""What was deleted: hidden for 30 days, then gone with its bytes."""

import uuid

from django.db import models

from accounts.models import User
from projects.models.projects import Project


class Binned(models.Model):
    """One deleted thing, known by its kind and id. After its end the row stays and says how many bytes were freed.

    `left` holds hashes of stored files that were too fresh to be freed at that moment.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, null=True, on_delete=models.SET_NULL, related_name="binned")
    project_key = models.CharField(max_length=60)
    kind = models.CharField(max_length=20)
    subject_id = models.CharField(max_length=80)
    name = models.CharField(max_length=160)
    deleted_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    deleted_at = models.DateTimeField()
    purge_at = models.DateTimeField(db_index=True)
    purged_at = models.DateTimeField(null=True, blank=True)
    freed_bytes = models.BigIntegerField(default=0)
    left = models.JSONField(default=list)

    class Meta:
        ordering = ["-deleted_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject_id"], condition=models.Q(purged_at=None), name="one_place_in_the_bin"
            )
        ]

    def __str__(self) -> str:
        return self.name
