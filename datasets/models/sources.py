"""Sources: where data comes from by itself, who approved them, and each time they were loaded."""

import uuid

from django.db import models
from django.utils import timezone

from accounts.models import User
from datasets.models.versions import Dataset, Version
from projects.models.present import Present
from projects.models.projects import Project
from storage.models import Blob


class Source(models.Model):
    """One registered source. Only an approved one whose licence runs feeds the project.

    `params` are those of its connector without secrets; `sealed` holds the secrets by name, each sealed by itself.
    `mark` is where the next load begins; `revision` counts changes, so that nothing is decided or loaded on another
    state than the one that was seen.
    """

    class State(models.TextChoices):
        """Whether it may be loaded."""

        REGISTERED = "registered", "Waits for approval"
        APPROVED = "approved", "Approved"
        REFUSED = "refused", "Refused"

    class Mode(models.TextChoices):
        """What a load brings."""

        FULL = "full", "Everything, each time"
        INCREMENTAL = "incremental", "Only what is new"

    class Schedule(models.TextChoices):
        """When it is loaded by itself."""

        OFF = "off", "Only by hand"
        HOURLY = "hourly", "Every hour"
        DAILY = "daily", "Every day"
        WEEKLY = "weekly", "Every week"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="sources")
    name = models.SlugField(max_length=60)
    connector = models.CharField(max_length=40)
    params = models.JSONField(default=dict)
    sealed = models.JSONField(default=dict)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="sources")
    mode = models.CharField(max_length=11, choices=Mode.choices, default=Mode.FULL)
    keys = models.JSONField(default=list)
    options = models.JSONField(default=dict)
    mark = models.JSONField(default=dict)
    until = models.CharField(max_length=200, blank=True)
    schedule = models.CharField(max_length=6, choices=Schedule.choices, default=Schedule.OFF)
    at = models.CharField(max_length=5, default="02:00")
    weekday = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(null=True, blank=True, db_index=True)
    owner = models.CharField(max_length=120, blank=True)
    third_party = models.BooleanField(default=False)
    vendor = models.CharField(max_length=120, blank=True)
    licence = models.CharField(max_length=200, blank=True)
    licence_until = models.DateField(null=True, blank=True)
    expiry_told = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.REGISTERED)
    decided_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    revision = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = Present["Source"]()
    everything = models.Manager["Source"]()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_source_name_per_project")]

    def __str__(self) -> str:
        return self.name

    @property
    def expired(self) -> bool:
        """Whether its licence ran out; its last day still counts."""
        return self.licence_until is not None and self.licence_until < timezone.now().date()

    @property
    def standing(self) -> str:
        """Its state, or that it has expired."""
        return "expired" if self.expired else str(self.state)

    @property
    def feeds(self) -> bool:
        """Whether it may be loaded now."""
        return self.standing == self.State.APPROVED


class Pull(models.Model):
    """One load from one source. Its job row tells how it goes; the mark moves only with what it made.

    With `preview` what came is first looked at by a person: `found` and `table` hold it until it is taken or dropped.
    """

    class State(models.TextChoices):
        """Where the load is."""

        WAITING = "waiting", "Running"
        MADE = "made", "Made a version"
        UNCHANGED = "unchanged", "Nothing new"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Stopped"
        PREVIEW = "preview", "Waits for a look"
        DROPPED = "dropped", "Dropped"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="pulls")
    revision = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    by_schedule = models.BooleanField(default=False)
    again = models.BooleanField(default=False)
    preview = models.BooleanField(default=False)
    found = models.JSONField(null=True, blank=True)
    table = models.ForeignKey(Blob, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    mark_before = models.JSONField(default=dict)
    mark_after = models.JSONField(default=dict)
    until = models.CharField(max_length=200, blank=True)
    rows_fetched = models.BigIntegerField(default=0)
    bytes_fetched = models.BigIntegerField(default=0)
    notes = models.JSONField(default=list)
    message = models.TextField(blank=True)
    version = models.OneToOneField(Version, null=True, blank=True, on_delete=models.SET_NULL, related_name="pull")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["source"], condition=models.Q(state="waiting"), name="one_load_of_a_source_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"load of {self.source.name}"


class PullFile(models.Model):
    """A file as it came with one load, kept as proof of what was read.

    `options` are those that its connector reads it with, so that it can be read again; None where it was not read.
    """

    pull = models.ForeignKey(Pull, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=200)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    options = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.name
