"""Models in use: deployments, the releases they served, keys, the segments of their log, data scored in batches."""

import uuid

from django.db import models
from django.utils import timezone

from accounts.models import User
from datasets.models.versions import Dataset, Version
from datasets.schedules import OFF, RHYTHMS
from experiments.models.registry import Model, ModelVersion
from projects.models.define import Contract
from projects.models.gates import Gate
from projects.models.projects import Project
from storage.models import Blob


class Environment(models.Model):
    """What a project says of one environment: who signs at its gate, and which data its models may have learned from.

    A project that says nothing has production only. One that has staging goes through it first. `signers` empty: as the
    risk tier has it. `datasets` empty: any. `conditions` are limits that a version has to keep there, by the names of
    `deployments.conditions`.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="environments")
    name = models.CharField(max_length=20)
    signers = models.JSONField(default=list, blank=True)
    datasets = models.JSONField(default=list, blank=True)
    conditions = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_row_per_environment")]

    def __str__(self) -> str:
        return self.name


class Deployment(models.Model):
    """A name under which predictions are asked for, in one environment.

    `seconds`: how long one request may take, where less than every server allows. `answers_unlogged`: whether it
    answers, and says so, while the log cannot be written.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="deployments")
    name = models.SlugField(max_length=60, unique=True)
    environment = models.CharField(max_length=20, default="production")
    model = models.ForeignKey(Model, null=True, on_delete=models.CASCADE, related_name="deployments")
    seconds = models.FloatField(null=True, blank=True)
    answers_unlogged = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["model", "environment"], name="one_deployment_per_model_and_environment")
        ]

    def __str__(self) -> str:
        return self.name


class Release(models.Model):
    """One stay of one model version in a deployment. At every instant at most one is the champion.

    `message` says why it failed, or why it was rolled back to. `trouble` is set while its stored bytes are damaged.
    `measured` holds what the rehearsal of its promotion found: golden rows, seconds, bytes. `verdicts` is how the
    version stands by `contract`, the targets in force; while it is in use, newly signed ones judge it again.
    """

    class State(models.TextChoices):
        """The one in use, one that is tried beside it, one of before, one that did not get there, or one of another
        instance."""

        PREPARING = "preparing", "Getting ready"
        CHAMPION = "champion", "In use"
        TRIAL = "trial", "On trial"
        TRIED = "tried", "Was tried"
        RETIRED = "retired", "Kept ready"
        FAILED = "failed", "Failed"
        ELSEWHERE = "elsewhere", "In use elsewhere"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="releases")
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="releases")
    gate = models.ForeignKey(Gate, null=True, on_delete=models.PROTECT, related_name="releases")
    state = models.CharField(max_length=10, choices=State.choices, default=State.PREPARING)
    message = models.TextField(blank=True)
    trouble = models.TextField(blank=True)
    measured = models.JSONField(default=dict)
    contract = models.ForeignKey(Contract, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    verdicts = models.JSONField(default=list)
    went_back_from = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["deployment"], condition=models.Q(state="champion"), name="one_champion_per_deployment"
            ),
            models.UniqueConstraint(
                fields=["deployment"], condition=models.Q(state="preparing"), name="one_promotion_at_a_time"
            ),
            models.UniqueConstraint(
                fields=["deployment"], condition=models.Q(state="trial"), name="one_trial_per_deployment"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version} in {self.deployment}"


class TrafficPlan(models.Model):
    """One trial of a challenger beside the model in use: its steps, its guards, where it stands and how it ended.

    `sticky` is the input whose value decides who answers; empty for the request's key header, else its body.
    `is_automatic`: whether it goes to the next step by itself; it stops by itself always.
    `authority`: what people signed in the place of a gate.
    """

    class State(models.TextChoices):
        """Waiting for the rehearsal, under way, ended with the challenger in use, or stopped."""

        WAITING = "waiting", "Getting ready"
        RUNNING = "running", "Under way"
        DONE = "done", "In use now"
        STOPPED = "stopped", "Stopped"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="plans")
    number = models.PositiveIntegerField()
    challenger = models.OneToOneField(Release, on_delete=models.CASCADE, related_name="plan")
    champion = models.ForeignKey(Release, null=True, on_delete=models.CASCADE, related_name="challenged_by")
    steps = models.JSONField()
    guards = models.JSONField(default=dict)
    sticky = models.CharField(max_length=200, blank=True)
    is_automatic = models.BooleanField(default=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    step = models.PositiveIntegerField(default=0)
    step_since = models.DateTimeField(null=True, blank=True)
    authority = models.TextField(blank=True)
    reason = models.TextField(blank=True)
    stopped_itself = models.BooleanField(default=False)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["deployment", "number"], name="one_number_per_plan"),
            models.UniqueConstraint(
                fields=["deployment"], condition=models.Q(state="running"), name="one_running_plan_per_deployment"
            ),
        ]

    def __str__(self) -> str:
        return f"trial {self.number} of {self.deployment}"


class TrafficCheck(models.Model):
    """One look at a running plan: the counts since its step began, the findings, and what followed."""

    plan = models.ForeignKey(TrafficPlan, on_delete=models.CASCADE, related_name="checks")
    step = models.PositiveIntegerField()
    action = models.CharField(max_length=10)
    reason = models.TextField()
    findings = models.JSONField(default=list)
    counts = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["plan", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.plan} {self.created_at:%H:%M:%S}: {self.action}"


class Tally(models.Model):
    """What one prediction server counted of one side of one step of a plan."""

    plan = models.ForeignKey(TrafficPlan, on_delete=models.CASCADE, related_name="tallies")
    server = models.CharField(max_length=120)
    step = models.PositiveIntegerField()
    role = models.CharField(max_length=10)
    counts = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "server", "step", "role"], name="one_tally_per_server_and_side")
        ]

    def __str__(self) -> str:
        return f"{self.plan} step {self.step} {self.role}"


class ConsumerKey(models.Model):
    """The key of one calling application, for one deployment and perhaps others `also`.

    Only its hash is kept, and it always expires. `per_minute` is how many requests each server takes of it in a minute,
    `rows_per_day` how many rows all servers together answer on one day of UTC; empty is as many as there are.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="keys")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    also = models.ManyToManyField(Deployment, related_name="shared_keys", blank=True)
    per_minute = models.PositiveIntegerField(null=True, blank=True)
    rows_per_day = models.PositiveBigIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def has_expired(self) -> bool:
        """Whether its time is over."""
        return self.expires_at <= timezone.now()


class KeyUse(models.Model):
    """What one key asked of one deployment on one day of UTC, as the servers counted it.

    `refused` were wrong in themselves, `limited` went beyond the key's limits, `failed` is what we could not answer.
    """

    key = models.ForeignKey(ConsumerKey, on_delete=models.CASCADE, related_name="uses")
    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    requests = models.BigIntegerField(default=0)
    rows = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    limited = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    last_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-day"]
        constraints = [
            models.UniqueConstraint(fields=["key", "deployment", "day"], name="one_count_per_key_deployment_and_day")
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.day}: {self.requests}"


class Segment(models.Model):
    """A sealed piece of the prediction log of one deployment: a Parquet table of answered rows, in order of time.

    Answers that nobody got, of a model in shadow, stand in pieces of their own.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="segments")
    source = models.CharField(max_length=120)
    is_shadow = models.BooleanField(default=False)
    table = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    rows = models.BigIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["first_at"]
        constraints = [models.UniqueConstraint(fields=["deployment", "source"], name="one_segment_per_source")]
        indexes = [models.Index(fields=["deployment", "-last_at"])]

    def __str__(self) -> str:
        return f"{self.deployment} {self.first_at:%Y-%m-%d %H:%M}"


class Revision(models.Model):
    """One row that counts the changes that prediction servers must see; they ask for it twice a second."""

    number = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.number)


class Server(models.Model):
    """A prediction server that was seen; the pages tell people when none is."""

    name = models.CharField(primary_key=True, max_length=120)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class BatchPlan(models.Model):
    """Data that a deployment scores by itself: each new published version, or the newest one by a schedule."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="batch_plans")
    number = models.PositiveIntegerField()
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="+")
    target = models.CharField(max_length=60)
    keep = models.JSONField(default=list)
    on_new = models.BooleanField(default=False)
    schedule = models.CharField(max_length=10, choices=list(RHYTHMS.items()), default=OFF)
    at = models.CharField(max_length=5, default="02:00")
    weekday = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(null=True, blank=True)
    message = models.TextField(blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["deployment", "number"], name="one_number_per_batch_plan")]

    def __str__(self) -> str:
        return f"batch plan {self.number} of {self.deployment}"


class BatchScoring(models.Model):
    """One data version, scored by one model version. Its job row tells how it goes.

    `key` tells what was meant to be done again from what was asked twice: the same input, model version and key are one
    batch. `made` is the version that came out, `aside` the table of the rows that were refused, with their reasons.
    """

    class State(models.TextChoices):
        """Where the batch is."""

        WAITING = "waiting", "Waiting"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Stopped"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="batches")
    number = models.PositiveIntegerField()
    plan = models.ForeignKey(BatchPlan, null=True, on_delete=models.SET_NULL, related_name="batches")
    source = models.ForeignKey(Version, null=True, on_delete=models.SET_NULL, related_name="batches")
    source_name = models.CharField(max_length=80)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="batches")
    key = models.CharField(max_length=100, blank=True)
    target = models.CharField(max_length=60)
    keep = models.JSONField(default=list)
    policy = models.PositiveIntegerField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    message = models.TextField(blank=True)
    made = models.OneToOneField(Version, null=True, on_delete=models.SET_NULL, related_name="scored_by")
    aside = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    rows = models.BigIntegerField(null=True)
    refused_rows = models.BigIntegerField(null=True)
    unseen = models.BigIntegerField(null=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["deployment", "number"], name="one_number_per_batch"),
            models.UniqueConstraint(
                fields=["deployment", "source", "version", "key"],
                condition=models.Q(state__in=["waiting", "done"]),
                name="one_batch_per_input_model_and_key",
            ),
        ]

    def __str__(self) -> str:
        return f"batch {self.number} of {self.deployment}"
