"""What is kept of every run, whoever made it: parameters, tags, metrics with their points, cost; and named views."""

import uuid

from django.db import models

from accounts.models import User
from datasets.models.versions import Version
from experiments.models.runs import Cause, Run
from experiments.models.searches import Trial
from projects.models.present import Present
from projects.models.projects import Project


class RunRecord(models.Model):
    """One line of the runs table: a training, or a trial of its search, which bears its run's number and its own.

    What a run and its record both say is written by the same verb; the table is sorted and filtered by the record.
    `seconds` is how long it computed, without waiting; `cost` what that cost by the price of an hour at its end.
    """

    class Kind(models.TextChoices):
        """Who made it."""

        TRAINING = "training", "Training"
        TRIAL = "trial", "Trial of a search"
        NOTEBOOK = "notebook", "Logged from a notebook"

    class State(models.TextChoices):
        """Where it is."""

        WAITING = "waiting", "Under way"
        RUNNING = "running", "Running"
        FINISHED = "finished", "Finished"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Stopped"

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="run_records")
    number = models.PositiveIntegerField()
    trial_number = models.PositiveIntegerField(default=0)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.TRAINING)
    run = models.OneToOneField(Run, null=True, blank=True, on_delete=models.CASCADE, related_name="record")
    trial = models.OneToOneField(Trial, null=True, blank=True, on_delete=models.CASCADE, related_name="record")
    data = models.ForeignKey(Version, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    method = models.CharField(max_length=40, blank=True)
    cause = models.CharField(max_length=12, choices=Cause.choices, default=Cause.PERSON)
    hypothesis = models.TextField(blank=True)
    seconds = models.FloatField(null=True, blank=True)
    cost = models.FloatField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = Present["RunRecord"]()
    everything = models.Manager["RunRecord"]()

    class Meta:
        ordering = ["-number", "trial_number"]
        constraints = [
            models.UniqueConstraint(fields=["project", "number", "trial_number"], name="one_record_of_a_run_or_trial")
        ]

    def __str__(self) -> str:
        return f"run {self.number}" + (f", trial {self.trial_number}" if self.trial_number else "")


class RunKey(models.Model):
    """A name under which runs of a project log: rows of metrics and texts point here, so that no name is kept twice."""

    class Kind(models.TextChoices):
        """What is logged under it."""

        METRIC = "metric", "Metric"
        PARAM = "param", "Parameter"
        TAG = "tag", "Tag"

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=6, choices=Kind.choices)
    name = models.CharField(max_length=250)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "kind", "name"], name="one_run_key")]

    def __str__(self) -> str:
        return self.name


class RunMetric(models.Model):
    """What is known of one metric of one run: latest value, lowest and highest with their steps, how many points.

    A single point is kept here alone. `last` is null where the latest value is not a number; `at` is in milliseconds.
    """

    id = models.BigAutoField(primary_key=True)
    record = models.ForeignKey(RunRecord, on_delete=models.CASCADE, related_name="metrics", db_index=False)
    key = models.ForeignKey(RunKey, on_delete=models.CASCADE, related_name="+", db_index=False)
    last = models.FloatField(null=True)
    step = models.BigIntegerField(default=0)
    at = models.BigIntegerField(default=0)
    low = models.FloatField(null=True)
    low_step = models.BigIntegerField(null=True)
    high = models.FloatField(null=True)
    high_step = models.BigIntegerField(null=True)
    points = models.BigIntegerField(default=1)

    class Meta:
        ordering = ["record", "key"]
        constraints = [models.UniqueConstraint(fields=["record", "key"], name="one_metric_of_a_run")]
        indexes = [models.Index(fields=["key", "last", "record"], name="metric_by_value")]

    def __str__(self) -> str:
        return f"{self.key} of {self.record}"


class RunPoints(models.Model):
    """Up to a thousand points of a metric, packed (`experiments.records.points`), with what is drawn of many pieces."""

    id = models.BigAutoField(primary_key=True)
    metric = models.ForeignKey(RunMetric, on_delete=models.CASCADE, related_name="pieces")
    points = models.PositiveIntegerField()
    first_step = models.BigIntegerField()
    first = models.FloatField(null=True)
    last_step = models.BigIntegerField()
    last = models.FloatField(null=True)
    low_step = models.BigIntegerField(null=True)
    low = models.FloatField(null=True)
    high_step = models.BigIntegerField(null=True)
    high = models.FloatField(null=True)
    content = models.BinaryField()

    class Meta:
        ordering = ["metric", "id"]

    def __str__(self) -> str:
        return f"{self.points} points of {self.metric}"


class RunText(models.Model):
    """A parameter or a tag of one run; `number` is its value as a number, where it reads as one."""

    id = models.BigAutoField(primary_key=True)
    record = models.ForeignKey(RunRecord, on_delete=models.CASCADE, related_name="texts", db_index=False)
    key = models.ForeignKey(RunKey, on_delete=models.CASCADE, related_name="+", db_index=False)
    value = models.TextField(blank=True)
    number = models.FloatField(null=True, blank=True)

    class Meta:
        ordering = ["record", "key"]
        constraints = [models.UniqueConstraint(fields=["record", "key"], name="one_text_of_a_run")]
        indexes = [models.Index(fields=["key", "number", "record"], name="text_by_number")]

    def __str__(self) -> str:
        return f"{self.key} of {self.record}"


class RunView(models.Model):
    """A way to look at a project's runs, under a name that the team shares: filter, order and columns as an address."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="run_views")
    name = models.CharField(max_length=60)
    filter = models.TextField(blank=True)
    order = models.CharField(max_length=300, blank=True)
    columns = models.TextField(blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_run_view_name")]

    def __str__(self) -> str:
        return self.name


class ComputingPrice(models.Model):
    """What an hour of computing costs a project from a moment on; the newest counts for runs that end."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="computing_prices")
    an_hour = models.FloatField()
    currency = models.CharField(max_length=3)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.an_hour:g} {self.currency} an hour"
