"""Projects on their way: archives that were made, and archives that were brought."""

import uuid

from django.db import models

from accounts.models import User
from projects.models.projects import Project
from storage.models import Blob


class TransferState(models.TextChoices):
    """Where the work is. An archive is gone after its days."""

    WAITING = "waiting", "Under way"
    DONE = "done", "Ready"
    FAILED = "failed", "Failed"
    GONE = "gone", "Deleted"


class Export(models.Model):
    """A project packed into one file, kept for some days. `left` holds hashes of what is still to be freed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="exports")
    state = models.CharField(max_length=8, choices=TransferState.choices, default=TransferState.WAITING)
    message = models.TextField(blank=True)
    file = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    counts = models.JSONField(default=dict)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)
    left = models.JSONField(default=list)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["project"], condition=models.Q(state="waiting"), name="one_export_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"archive of {self.project}"


class Import(models.Model):
    """An archive that became a project, or did not and why.

    `report` says what came, what stayed out, and who was in the team.
    `left` holds hashes of stored files that may be freed once it is over, unless a row needs them.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.CharField(max_length=40)
    name = models.CharField(max_length=120, blank=True)
    file_name = models.CharField(max_length=200)
    file = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=8, choices=TransferState.choices, default=TransferState.WAITING)
    message = models.TextField(blank=True)
    report = models.JSONField(default=dict)
    project = models.ForeignKey(Project, null=True, on_delete=models.SET_NULL, related_name="+")
    created_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    left = models.JSONField(default=list)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"import of {self.file_name}"
