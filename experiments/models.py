"""Training as it happened: runs, what they measured, and the registered model versions."""

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


class Run(models.Model):
    """One training: what was asked, what came out. Its job row tells how it goes.

    `spec` holds target column, positive class, inputs, split (kind, seed, test share), methods with settings, seed.
    `metrics` maps a metric to {value, low, high, n} of the chosen method on the held-back rows.
    `evaluation` holds one entry per method (also the dummy): metrics, curves, importance, durations.
    `verdicts` is what the contract said, target by target, when the run ended.
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


class Model(models.Model):
    """A registered model: a name, under which versions follow each other."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="models")
    name = models.SlugField(max_length=60)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_model_name_per_project")]

    def __str__(self) -> str:
        return self.name


class ModelVersion(models.Model):
    """One version of a registered model: the bundle of the run that made it, never retrained, never changed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    run = models.OneToOneField(Run, on_delete=models.PROTECT, related_name="model_version")
    bundle = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField(blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = Present["ModelVersion"]()
    everything = models.Manager["ModelVersion"]()

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["model", "number"], name="one_model_version_number")]

    def __str__(self) -> str:
        return f"{self.model.name} v{self.number}" + (" (in the bin)" if self.deleted_at else "")


class Evaluation(models.Model):
    """One judging of a run's model on rows that it did not learn from, made once and never changed.

    `data` is the version whose rows were used; it is the run's own where the locked test rows were. `found` holds what
    `experiments.judging` answers, `verdicts` what the contract says of it, target by target.
    """

    class State(models.TextChoices):
        """Where the evaluation is."""

        WAITING = "waiting", "Waiting"
        FINISHED = "finished", "Finished"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="evaluations")
    number = models.PositiveIntegerField()
    data = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="evaluations")
    contract = models.ForeignKey(Contract, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    attributes = models.JSONField(default=list)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    message = models.TextField(blank=True)
    found = models.JSONField(default=dict)
    verdicts = models.JSONField(default=list)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="one_evaluation_number")]

    def __str__(self) -> str:
        return f"evaluation {self.number} of {self.run}"

    @property
    def mark(self) -> str:
        """The status that pages show."""
        return {"waiting": "run", "finished": "pass", "failed": "fail"}.get(self.state, "unmeasured")

    @property
    def on_held_back(self) -> bool:
        """Whether the run's own locked test rows were used."""
        return self.data_id == self.run.data_id


class EdgeCase(models.Model):
    """A row that must come out so. What it says stands in its revisions; the newest counts."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="edge_cases")
    number = models.PositiveIntegerField()
    owner = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    retired_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="one_edge_case_number")]

    def __str__(self) -> str:
        return f"edge case {self.number}"


class EdgeCaseRevision(models.Model):
    """What an edge case says: the row, what must come out (`answer`, or from `low` to `high`), why, and how much it
    counts.

    Written once. `origin` says where the row was picked from.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(EdgeCase, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=100)
    row = models.JSONField()
    answer = models.CharField(max_length=200, blank=True)
    low = models.FloatField(null=True, blank=True)
    high = models.FloatField(null=True, blank=True)
    reason = models.TextField()
    blocking = models.BooleanField(default=True)
    origin = models.CharField(max_length=200, blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["case", "number"], name="one_edge_case_revision")]

    def __str__(self) -> str:
        return f"{self.case}, revision {self.number}"


class EdgeCaseResult(models.Model):
    """How a run's model answered one revision of an edge case, last time it was asked."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    revision = models.ForeignKey(EdgeCaseRevision, on_delete=models.CASCADE, related_name="results")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="case_results")
    passed = models.BooleanField()
    said = models.CharField(max_length=300)
    checked_at = models.DateTimeField()

    class Meta:
        ordering = ["-checked_at"]
        constraints = [models.UniqueConstraint(fields=["revision", "run"], name="one_result_per_case_and_run")]

    def __str__(self) -> str:
        return f"{self.revision}: {'passed' if self.passed else 'failed'}"


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
