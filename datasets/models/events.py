"""Keys of sensors and applications that push events to a source."""

import uuid

from django.db import models
from django.utils import timezone

from accounts.models import User
from datasets.models.sources import Source


class EventKey(models.Model):
    """The key of one sender, for one source. Only its hash is kept, it always expires, and it can do nothing else.

    It works as long as the person who made it may load from sources of the project.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="event_keys")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=14)
    digest = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def works(self) -> bool:
        """Whether it was neither revoked nor has run out."""
        return self.revoked_at is None and self.expires_at > timezone.now()
