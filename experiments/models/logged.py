"""What programs logged by MLflow's protocol: experiments, runs, files, inputs, models, and names they register."""

from django.db import models

from accounts.models import User
from datasets.models.versions import Version
from experiments.models.records import RunRecord
from experiments.models.runs import Run
from projects.models.projects import Project
from storage.models import Blob


class LogExperiment(models.Model):
    """A folder of logged runs. Number 0 is there in each project as soon as anybody asks for it."""

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="log_experiments")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=500)
    tags = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="one_log_experiment_number"),
            models.UniqueConstraint(fields=["project", "name"], name="one_log_experiment_name"),
        ]

    def __str__(self) -> str:
        return self.name


class LogRun(models.Model):
    """What the protocol says of a run beside its record. Moments are in milliseconds; `key` is its id there."""

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    experiment = models.ForeignKey(LogExperiment, on_delete=models.CASCADE, related_name="runs", db_index=False)
    record = models.OneToOneField(RunRecord, on_delete=models.CASCADE, related_name="logged")
    key = models.CharField(max_length=32)
    name = models.CharField(max_length=500)
    user_name = models.CharField(max_length=256, blank=True)
    started = models.BigIntegerField()
    ended = models.BigIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["-started", "key"]
        constraints = [models.UniqueConstraint(fields=["project", "key"], name="one_log_run_key")]
        indexes = [models.Index(fields=["experiment", "-started", "key"], name="log_run_by_start")]

    def __str__(self) -> str:
        return self.name


class LogModel(models.Model):
    """A logged model. `metrics` holds the latest value of each metric and dataset as {key, value, step, …}."""

    class State(models.TextChoices):
        """Where it is, in the protocol's words."""

        PENDING = "LOGGED_MODEL_PENDING", "Being logged"
        READY = "LOGGED_MODEL_READY", "Ready"
        FAILED = "LOGGED_MODEL_UPLOAD_FAILED", "Not completely logged"

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    experiment = models.ForeignKey(LogExperiment, on_delete=models.CASCADE, related_name="models")
    run = models.ForeignKey(LogRun, null=True, blank=True, on_delete=models.SET_NULL, related_name="models")
    key = models.CharField(max_length=34)
    name = models.CharField(max_length=500)
    kind = models.CharField(max_length=250, blank=True)
    state = models.CharField(max_length=30, choices=State.choices, default=State.PENDING)
    source_run = models.CharField(max_length=32, blank=True)
    params = models.JSONField(default=dict)
    tags = models.JSONField(default=dict)
    metrics = models.JSONField(default=list)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["project", "key"], name="one_log_model_key")]

    def __str__(self) -> str:
        return self.name


class LogFile(models.Model):
    """A file below a run, a logged model or a trace, which `root` names as its address has it; `path` is below that."""

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    run = models.ForeignKey(LogRun, null=True, blank=True, on_delete=models.CASCADE, related_name="files")
    model = models.ForeignKey(LogModel, null=True, blank=True, on_delete=models.CASCADE, related_name="files")
    root = models.CharField(max_length=120)
    path = models.CharField(max_length=1000)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ["path"]
        constraints = [models.UniqueConstraint(fields=["project", "root", "path"], name="one_log_file")]

    def __str__(self) -> str:
        return self.path


class LogInput(models.Model):
    """A dataset that a run says it used; `version` where it is one of this project's."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(LogRun, on_delete=models.CASCADE, related_name="inputs")
    version = models.ForeignKey(Version, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=500)
    digest = models.CharField(max_length=36)
    source_type = models.CharField(max_length=36, blank=True)
    source = models.TextField(blank=True)
    context = models.TextField(blank=True)
    schema = models.TextField(blank=True)
    profile = models.TextField(blank=True)
    tags = models.JSONField(default=dict)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["run", "name", "digest"], name="one_log_input")]

    def __str__(self) -> str:
        return f"{self.name} ({self.digest})"


class LogModelLink(models.Model):
    """A logged model that a run used or made."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(LogRun, on_delete=models.CASCADE, related_name="model_links")
    model_key = models.CharField(max_length=34)
    made = models.BooleanField()
    step = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["run", "model_key", "made"], name="one_log_model_link")]

    def __str__(self) -> str:
        return f"{self.model_key} of {self.run}"


class LogName(models.Model):
    """A name under which clients register models. `last` is the number given last; none is given twice."""

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="log_names")
    name = models.CharField(max_length=256)
    description = models.TextField(blank=True)
    tags = models.JSONField(default=dict)
    aliases = models.JSONField(default=dict)
    last = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_log_name")]

    def __str__(self) -> str:
        return self.name


class LogVersion(models.Model):
    """One version under such a name: where its files are."""

    id = models.BigAutoField(primary_key=True)
    name = models.ForeignKey(LogName, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    source = models.CharField(max_length=1000)
    place = models.CharField(max_length=1200)
    run_key = models.CharField(max_length=32, blank=True)
    run_link = models.CharField(max_length=500, blank=True)
    model_key = models.CharField(max_length=34, blank=True)
    description = models.TextField(blank=True)
    stage = models.CharField(max_length=20, default="None")
    tags = models.JSONField(default=dict)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["name", "number"], name="one_log_version_number")]

    def __str__(self) -> str:
        return f"{self.name} v{self.number}"


class LogJudged(models.Model):
    """A run that took in the file of a logged model, and where that had been logged."""

    id = models.BigAutoField(primary_key=True)
    run = models.OneToOneField(Run, on_delete=models.CASCADE, related_name="from_log")
    logged_run = models.ForeignKey(LogRun, null=True, blank=True, on_delete=models.SET_NULL, related_name="judged")
    logged_model = models.ForeignKey(LogModel, null=True, blank=True, on_delete=models.SET_NULL, related_name="judged")
    path = models.CharField(max_length=1000)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.run} from {self.path}"


class LogTrace(models.Model):
    """What happened inside one call of a program, in milliseconds. Its spans stand in a file below it."""

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    experiment = models.ForeignKey(LogExperiment, on_delete=models.CASCADE, related_name="traces", db_index=False)
    run = models.ForeignKey(LogRun, null=True, blank=True, on_delete=models.SET_NULL, related_name="traces")
    key = models.CharField(max_length=50)
    client_key = models.CharField(max_length=250, blank=True)
    state = models.CharField(max_length=20, default="IN_PROGRESS")
    began = models.BigIntegerField()
    lasted = models.BigIntegerField(null=True, blank=True)
    request = models.TextField(blank=True)
    response = models.TextField(blank=True)
    metadata = models.JSONField(default=dict)
    tags = models.JSONField(default=dict)

    class Meta:
        ordering = ["-began", "key"]
        constraints = [models.UniqueConstraint(fields=["project", "key"], name="one_log_trace_key")]
        indexes = [models.Index(fields=["experiment", "-began", "key"], name="log_trace_by_start")]

    def __str__(self) -> str:
        return self.key
