"""Data as the team knows it: datasets, their immutable versions, and the loads that made them."""

import uuid

from django.db import models

from accounts.models import User
from projects.models.present import Present
from projects.models.projects import Project
from storage.models import Blob


class SchemaPolicy(models.TextChoices):
    """What happens when a version has other columns than the last published one."""

    BLOCK = "block", "Hold it back until it is accepted"
    WARN = "warn", "Warn, and let it be published"
    ACCEPT = "accept", "Take it as it comes"


class Dataset(models.Model):
    """A named table of a project; its content lives in versions."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="datasets")
    name = models.SlugField(max_length=60)
    schema_policy = models.CharField(max_length=6, choices=SchemaPolicy.choices, default=SchemaPolicy.WARN)
    description = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = Present["Dataset"]()
    everything = models.Manager["Dataset"]()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_dataset_name_per_project")]

    def __str__(self) -> str:
        return self.name


class Ingestion(models.Model):
    """One load of one file into one dataset. Its job row tells how it goes.

    With `preview` the reading is first looked at by a person: `found` and `table` hold it until it is taken or dropped.
    """

    class State(models.TextChoices):
        """Where the load is."""

        WAITING = "waiting", "Waiting"
        READ = "read", "Read"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"
        PREVIEW = "preview", "Waits for a look"
        DROPPED = "dropped", "Dropped"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="ingestions")
    file_name = models.CharField(max_length=200)
    file_blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    options = models.JSONField(default=dict)
    preview = models.BooleanField(default=False)
    found = models.JSONField(null=True, blank=True)
    table = models.ForeignKey(Blob, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    message = models.TextField(blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.file_name


class Version(models.Model):
    """One immutable state of a dataset: its table, schema, profile, and the report of what was read and refused.

    `schema` is a list of {name, type, nullable}; types are integer, number, boolean, text, date, datetime.
    `profile` holds one summary per column; `report` the counts, guesses and refused rows of the reading.
    """

    class State(models.TextChoices):
        """A draft may be looked at; only a published version may be trained on."""

        DRAFT = "draft", "Draft"
        PUBLISHED = "published", "Published"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    ingestion = models.OneToOneField(Ingestion, null=True, on_delete=models.PROTECT, related_name="version")
    preparation = models.OneToOneField("Preparation", null=True, on_delete=models.PROTECT, related_name="version")
    table = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    rows = models.BigIntegerField()
    refused_rows = models.BigIntegerField(default=0)
    schema = models.JSONField()
    profile = models.JSONField()
    report = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    schema_accepted_against = models.PositiveIntegerField(null=True, blank=True)
    schema_accepted_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    schema_accepted_at = models.DateTimeField(null=True, blank=True)
    published_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    published_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = Present["Version"]()
    everything = models.Manager["Version"]()

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["dataset", "number"], name="one_version_number")]

    def __str__(self) -> str:
        return f"{self.dataset.name} v{self.number}"
