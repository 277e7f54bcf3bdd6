"""What leaves: exported files, and addresses from which other programs read."""

import uuid

from django.db import models

from accounts.models import User
from datasets.models.versions import Dataset, Version
from storage.models import Blob


class Export(models.Model):
    """One version written as a file by a job. `masked` are the columns that it hides."""

    class State(models.TextChoices):
        """Where it is."""

        WAITING = "waiting", "Being written"
        DONE = "done", "Ready"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="exports")
    format = models.CharField(max_length=8)
    raw = models.BooleanField(default=False)
    masked = models.JSONField(default=list)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    message = models.TextField(blank=True)
    file = models.ForeignKey(Blob, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.version} as {self.format}"


class Feed(models.Model):
    """An address of a dataset's newest published version. Its secret is kept as a hash; its owner's roles mask it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="feeds")
    name = models.CharField(max_length=60)
    digest = models.CharField(max_length=64, unique=True)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name


class RetentionRule(models.Model):
    """Which versions of a dataset go by themselves: those beyond the last `keep_last` that are older than `keep_days`.

    `left` are stored files of deleted versions that were too fresh to be freed at once.
    """

    dataset = models.OneToOneField(Dataset, on_delete=models.CASCADE, related_name="retention")
    keep_last = models.PositiveIntegerField()
    keep_days = models.PositiveIntegerField()
    left = models.JSONField(default=list)
    swept_at = models.DateTimeField(null=True, blank=True)
    set_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    set_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"the last {self.keep_last}, and {self.keep_days} days"
