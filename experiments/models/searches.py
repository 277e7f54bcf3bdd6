"""Searches for better settings and their trials."""

import uuid

from django.db import models

from experiments.models.runs import Run


class Tuning(models.Model):
    """A search for better settings of one of a run's methods; its plan stands in the run's spec under `tuning`.

    `nested` holds what the search gave on each part of the rows that it did not see: {value, search, rows} or {reason}.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.OneToOneField(Run, on_delete=models.CASCADE, related_name="tuning")
    metric = models.CharField(max_length=40)
    nested = models.JSONField(default=dict)
    began_at = models.DateTimeField(null=True, blank=True)
    stop_asked_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-run__number"]

    def __str__(self) -> str:
        return f"search of {self.run}"


class Trial(models.Model):
    """One try of a search: settings, and what each fold of the rows to learn from measured. `job` has it in hand."""

    class State(models.TextChoices):
        """Where the trial is."""

        WAITING = "waiting", "Waiting"
        TRYING = "trying", "Under way"
        FINISHED = "finished", "Measured"
        PRUNED = "pruned", "Given up early"
        FAILED = "failed", "Failed"
        SKIPPED = "skipped", "Not tried"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="trials")
    number = models.PositiveIntegerField()
    rung = models.PositiveSmallIntegerField(default=0)
    share = models.FloatField(default=1.0)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    job = models.CharField(max_length=40, blank=True)
    settings = models.JSONField(default=dict)
    value = models.FloatField(null=True, blank=True)
    folds = models.JSONField(default=list)
    seconds = models.FloatField(default=0)
    rows = models.PositiveBigIntegerField(default=0)
    message = models.TextField(blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="one_trial_number")]
        indexes = [models.Index(fields=["run", "state", "rung"])]

    def __str__(self) -> str:
        return f"trial {self.number} of {self.run}"

    @property
    def mark(self) -> str:
        """The status that pages show."""
        marks = {"finished": "pass", "failed": "fail", "trying": "run", "waiting": "wait"}
        return marks.get(self.state, "unmeasured")
