"""Uploads on their way: files that arrive in pieces, one row and one file on disk for each."""

import uuid

from django.db import models

from accounts.models import User
from datasets.models.versions import Ingestion
from projects.models.projects import Project


class PartialUpload(models.Model):
    """A file that is being sent by one person. `received` bytes of it are on disk, fsynced; whatever lies behind is
    not acknowledged and is cut off before the next piece is written. With `ingestion` it is complete and being read.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="partial_uploads")
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    dataset_name = models.SlugField(max_length=60)
    file_name = models.CharField(max_length=200)
    size = models.BigIntegerField()
    received = models.BigIntegerField(default=0)
    options = models.JSONField(default=dict)
    preview = models.BooleanField(default=False)
    ingestion = models.OneToOneField(Ingestion, null=True, blank=True, on_delete=models.CASCADE, related_name="upload")
    touched_at = models.DateTimeField(auto_now_add=True, db_index=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.file_name

    @property
    def missing(self) -> int:
        """Bytes that are still to come."""
        return self.size - self.received
