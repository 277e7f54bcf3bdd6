"""Training as it happened: what was asked and what came out."""

import uuid

from django.db import models

from accounts.models import User
from datasets.models.versions import Version
from projects.models.define import Contract
from projects.models.present import Present
from projects.models.projects import Project
from storage.models import Blob


class Cause(models.TextChoices):
    """Why a run was started."""

    PERSON = "person", "Started by a person"
    RETRAINING = "retraining", "Started by retraining"
    REPRODUCTION = "reproduction", "Made again to see whether it comes out the same"
    UPLOAD = "upload", "Made elsewhere and uploaded"


class Run(models.Model):
    """One training: what was asked, what came out. Its job row tells how it goes.

    `spec` holds target column, positive class, inputs, split (kind, seed, test share), methods with settings, seed.
    `metrics` maps a metric to {value, low, high, n} of the chosen method on the held-back rows.
    `evaluation` holds one entry per method (also the dummy): metrics, curves, importance, durations.
    `verdicts` is what the contract said, target by target, when the run ended. `given` is the file of a model that was
    made elsewhere, until it is taken in or refused.
    """

    class State(models.TextChoices):
        """Where the run is."""

        WAITING = "waiting", "Waiting"
        FINISHED = "finished", "Finished"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="runs")
    number = models.PositiveIntegerField()
    data = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="runs")
    contract = models.ForeignKey(Contract, null=True, blank=True, on_delete=models.PROTECT, related_name="runs")
    copied_from = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    spec = models.JSONField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    message = models.TextField(blank=True)
    method = models.CharField(max_length=40, blank=True)
    metrics = models.JSONField(default=dict)
    evaluation = models.JSONField(default=dict)
    verdicts = models.JSONField(default=list)
    bundle = models.ForeignKey(Blob, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    given = models.ForeignKey(Blob, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    environment = models.JSONField(default=dict)
    cause = models.CharField(max_length=12, choices=Cause.choices, default=Cause.PERSON)
    cause_text = models.CharField(max_length=300, blank=True)
    notes = models.TextField(blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = Present["Run"]()
    everything = models.Manager["Run"]()

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="one_run_number")]

    def __str__(self) -> str:
        return f"run {self.number}"
