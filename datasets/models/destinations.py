"""Destinations: tables outside to which a dataset is written, who approved them, and each time it was done."""

import uuid

from django.db import models

from accounts.models import User
from datasets.models.versions import Dataset, Version
from projects.models.present import Present


class Destination(models.Model):
    """A table of a database outside. Nothing is written to it before somebody approved it as it is.

    `params` are those of its kind without secrets; `sealed` holds the secrets by name, each sealed by itself. `columns`
    are those that it takes, all when there is none; `released` the sensitive ones among them that the approver let go.
    `revision` counts changes, so that nothing is decided or written on another state than the one that was seen.
    """

    class State(models.TextChoices):
        """Whether it may be written to."""

        REGISTERED = "registered", "Waits for approval"
        APPROVED = "approved", "Approved"
        REFUSED = "refused", "Refused"

    class Mode(models.TextChoices):
        """What happens to the rows that are there."""

        APPEND = "append", "Add the rows"
        REPLACE = "replace", "Put them in the place of all rows"
        MERGE = "merge", "Change rows with the same key, add the others"

    class When(models.TextChoices):
        """When it is written to."""

        CLICK = "click", "Only by hand"
        PUBLISHED = "published", "With each version that is published"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="destinations")
    name = models.SlugField(max_length=60)
    connector = models.CharField(max_length=40)
    params = models.JSONField(default=dict)
    sealed = models.JSONField(default=dict)
    mode = models.CharField(max_length=7, choices=Mode.choices, default=Mode.APPEND)
    keys = models.JSONField(default=list)
    columns = models.JSONField(default=list)
    when = models.CharField(max_length=9, choices=When.choices, default=When.CLICK)
    released = models.JSONField(default=list)
    state = models.CharField(max_length=10, choices=State.choices, default=State.REGISTERED)
    decided_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    revision = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = Present["Destination"]()
    everything = models.Manager["Destination"]()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["dataset", "name"], name="one_destination_name_per_dataset")]

    def __str__(self) -> str:
        return self.name


class Writing(models.Model):
    """One version written to one destination, with what it did to the rows there. Its job row tells how it goes.

    `number` is that of the version, which stays when the version is deleted.
    """

    class State(models.TextChoices):
        """Where it is."""

        WAITING = "waiting", "Running"
        DONE = "done", "Written"
        UNCHANGED = "unchanged", "Stands there already"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Stopped"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="writings")
    version = models.ForeignKey(Version, null=True, on_delete=models.SET_NULL, related_name="writings")
    number = models.PositiveIntegerField()
    revision = models.PositiveIntegerField()
    mode = models.CharField(max_length=7, choices=Destination.Mode.choices)
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    by_publication = models.BooleanField(default=False)
    rows = models.BigIntegerField(default=0)
    added = models.BigIntegerField(default=0)
    changed = models.BigIntegerField(default=0)
    removed = models.BigIntegerField(default=0)
    seconds = models.FloatField(default=0.0)
    message = models.TextField(blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["destination", "version"],
                condition=models.Q(state="waiting"),
                name="one_writing_of_a_version_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"v{self.number} to {self.destination.name}"
