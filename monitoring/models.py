"""Watching: monitors, the windows they measured, the truth as it arrives, alerts and retrainings."""

import uuid

from django.db import models

from accounts.models import User
from deployments.models import Deployment, Release, TrafficPlan
from experiments.models.runs import Run
from jobs.models import Job


class Monitor(models.Model):
    """The watch over one deployment: how often it looks, and from when on a change counts."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    deployment = models.OneToOneField(Deployment, on_delete=models.CASCADE, related_name="monitor")
    every_seconds = models.PositiveIntegerField(default=3600)
    minimum_rows = models.PositiveIntegerField(default=200)
    watch_at = models.FloatField(default=0.1)
    act_at = models.FloatField(default=0.2)
    checked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"monitor of {self.deployment}"


class Window(models.Model):
    """One check: the answers between two moments against the training version.

    `inputs` holds one entry per input: drift measures, shared-bin histograms, share missing, new values.
    `answers`, `service` and `performance` hold the same for predictions, latency, and the truth that arrived about
    the release so far. `estimated` is how right these answers probably are, `measured` how right they were, once known.
    `lead` is the line of the chart over time (input, psi, answers), so that a year of windows is read without the rest.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    monitor = models.ForeignKey(Monitor, on_delete=models.CASCADE, related_name="windows")
    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="windows")
    from_at = models.DateTimeField()
    to_at = models.DateTimeField()
    rows = models.BigIntegerField()
    enough = models.BooleanField(default=True)
    inputs = models.JSONField(default=list)
    lead = models.JSONField(default=dict)
    answers = models.JSONField(default=dict)
    service = models.JSONField(default=dict)
    performance = models.JSONField(default=dict)
    estimated = models.JSONField(default=dict)
    measured = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-to_at"]
        indexes = [models.Index(fields=["monitor", "-to_at"])]

    def __str__(self) -> str:
        return f"{self.monitor} to {self.to_at:%Y-%m-%d %H:%M}"


class Learned(models.Model):
    """What the doubt of a release's model means, learned once on held-back rows; or why it could not be learned."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    release = models.OneToOneField(Release, on_delete=models.CASCADE, related_name="learned")
    content = models.JSONField(default=dict)
    reason = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"what the doubt of {self.release} means"


class Outcome(models.Model):
    """What really happened, by prediction id. Sent once; a second word for the same prediction is refused."""

    id = models.BigAutoField(primary_key=True)
    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="outcomes")
    prediction_id = models.CharField(max_length=64)
    value = models.CharField(max_length=120)
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["deployment", "prediction_id"], name="one_outcome_per_prediction")
        ]
        indexes = [models.Index(fields=["deployment", "-received_at"])]

    def __str__(self) -> str:
        return f"{self.prediction_id} = {self.value}"


class AlertSettings(models.Model):
    """Which rules speak at one deployment, how loud, after how many sights, to whom and when. The newest counts.

    `rules` and `quiet` are as `monitoring.speaking` keeps them; what is left out is usual.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    monitor = models.ForeignKey(Monitor, on_delete=models.CASCADE, related_name="alert_settings")
    version = models.PositiveIntegerField()
    rules = models.JSONField(default=dict)
    quiet = models.JSONField(default=dict)
    escalate_hours = models.PositiveIntegerField(default=24)
    reason = models.CharField(max_length=300)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-version"]
        constraints = [models.UniqueConstraint(fields=["monitor", "version"], name="one_version_of_alert_settings")]

    def __str__(self) -> str:
        return f"alert settings v{self.version} of {self.monitor.deployment}"


class Incident(models.Model):
    """What is wrong at one deployment at one time: the alerts that opened together, or while it was open.

    It closes with its last alert, or by a person with a note, and its alerts with it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.PositiveIntegerField(unique=True)
    monitor = models.ForeignKey(Monitor, on_delete=models.CASCADE, related_name="incidents")
    taken_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    opened_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closing_note = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["monitor"], condition=models.Q(closed_at=None), name="one_open_incident_per_monitor"
            )
        ]

    def __str__(self) -> str:
        return f"incident {self.number}"


class IncidentNote(models.Model):
    """What somebody wrote down while an incident was looked into; written once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="notes")
    text = models.CharField(max_length=1000)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return self.text[:60]


class Alert(models.Model):
    """One matter: what is wrong in a sentence, since when, who took it, how it ended.

    `held_until`: it came in quiet hours, and is told when they end.
    """

    class State(models.TextChoices):
        """Open until somebody takes it; closed by a person or by itself."""

        OPEN = "open", "Open"
        TAKEN = "taken", "Taken"
        CLOSED = "closed", "Closed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.PositiveIntegerField(unique=True)
    monitor = models.ForeignKey(Monitor, on_delete=models.CASCADE, related_name="alerts")
    window = models.ForeignKey(Window, null=True, on_delete=models.SET_NULL, related_name="alerts")
    incident = models.ForeignKey(Incident, null=True, blank=True, on_delete=models.SET_NULL, related_name="alerts")
    rule = models.CharField(max_length=40)
    subject = models.CharField(max_length=120, blank=True)
    sentence = models.CharField(max_length=300)
    severity = models.CharField(max_length=6, choices=[("watch", "Look"), ("act", "Act")])
    state = models.CharField(max_length=6, choices=State.choices, default=State.OPEN)
    taken_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    opened_at = models.DateTimeField(auto_now_add=True)
    last_seen_at = models.DateTimeField(auto_now_add=True)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    escalated_at = models.DateTimeField(null=True, blank=True)
    held_until = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closing_note = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["monitor", "rule", "subject"],
                condition=~models.Q(state="closed"),
                name="one_open_alert_per_matter",
            )
        ]

    def __str__(self) -> str:
        return f"alert {self.number}"


class RetrainPolicy(models.Model):
    """When a model is retrained by itself, and how far that goes. Versions follow each other; the newest signed counts.

    `lowered_at` says that the level fell back by itself, to `lowered_to`; to go further again a new version is signed.
    `share` is how many of 100 requests a challenger answers by itself at most, `trial_minutes` how long each step of
    its trial holds, `answer_shift` how far its answers may lie from those of the model in use. `window` (all, rows,
    days, since) says from which rows a challenger learns; `window_column` holds their time.
    """

    class Level(models.IntegerChoices):
        """How far it goes by itself."""

        TELL = 0, "Tell"
        PROPOSE = 1, "Retrain and propose"
        SHADOW = 2, "Answer beside"
        CANARY = 3, "Answer a share"
        FULL = 4, "Replace"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    monitor = models.ForeignKey(Monitor, on_delete=models.CASCADE, related_name="policies")
    version = models.PositiveIntegerField()
    level = models.PositiveSmallIntegerField(choices=Level.choices, default=Level.TELL)
    every_days = models.PositiveIntegerField(default=0)
    on_new_data = models.BooleanField(default=True)
    on_drift = models.BooleanField(default=True)
    on_performance = models.BooleanField(default=True)
    on_kpi = models.BooleanField(default=False)
    cool_down_hours = models.PositiveIntegerField(default=24)
    most_a_day = models.PositiveIntegerField(default=1)
    minutes_a_month = models.PositiveIntegerField(default=600)
    least_new_rows = models.PositiveIntegerField(default=0)
    share = models.PositiveSmallIntegerField(default=10)
    trial_minutes = models.PositiveIntegerField(default=60)
    answer_shift = models.FloatField(default=0.25)
    window = models.CharField(max_length=8, default="all")
    window_size = models.PositiveIntegerField(default=0)
    window_since = models.DateField(null=True, blank=True)
    window_column = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=300)
    proposed_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    proposed_at = models.DateTimeField(auto_now_add=True)
    signed_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    signed_at = models.DateTimeField(null=True, blank=True)
    lowered_at = models.DateTimeField(null=True, blank=True)
    lowered_to = models.PositiveSmallIntegerField(default=0)
    lowered_reason = models.CharField(max_length=300, blank=True)
    told = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-version"]
        constraints = [models.UniqueConstraint(fields=["monitor", "version"], name="one_version_of_a_retrain_policy")]

    def __str__(self) -> str:
        return f"retraining rule v{self.version} of {self.monitor.deployment}"

    @property
    def in_force(self) -> bool:
        """Whether it was signed."""
        return self.signed_at is not None

    @property
    def level_now(self) -> int:
        """How far it goes after it may have been lowered."""
        return min(self.level, self.lowered_to) if self.lowered_at else self.level


class PolicySignature(models.Model):
    """One person's word for one side that a rule needs: the business, engineering, or leadership."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    policy = models.ForeignKey(RetrainPolicy, on_delete=models.CASCADE, related_name="signatures")
    side = models.CharField(max_length=12)
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    alone = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at"]
        constraints = [models.UniqueConstraint(fields=["policy", "side"], name="one_signature_per_side")]

    def __str__(self) -> str:
        return f"{self.side} for {self.policy}"


class Retraining(models.Model):
    """A challenger in the making: why, the run that trains it, how it compares with the one in use.

    `plan` is the trial that the signed rule let it have; `trial_over_at` is set once what follows from its end is done.
    """

    class State(models.TextChoices):
        """From the start of its run to the choice."""

        TRAINING = "training", "Training"
        COMPARED = "compared", "Compared"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    monitor = models.ForeignKey(Monitor, on_delete=models.CASCADE, related_name="retrainings")
    alert = models.ForeignKey(Alert, null=True, blank=True, on_delete=models.SET_NULL, related_name="retrainings")
    champion = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="+")
    run = models.OneToOneField(Run, on_delete=models.CASCADE, related_name="retraining")
    policy = models.ForeignKey(
        RetrainPolicy, null=True, blank=True, on_delete=models.SET_NULL, related_name="retrainings"
    )
    trigger = models.CharField(max_length=20, default="person")
    cause = models.CharField(max_length=300)
    state = models.CharField(max_length=10, choices=State.choices, default=State.TRAINING)
    message = models.TextField(blank=True)
    comparison = models.JSONField(default=dict)
    comparison_job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    compared_at = models.DateTimeField(null=True, blank=True)
    plan = models.OneToOneField(
        TrafficPlan, null=True, blank=True, on_delete=models.SET_NULL, related_name="retraining"
    )
    trial_note = models.CharField(max_length=300, blank=True)
    trial_over_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["monitor"], condition=models.Q(state="training"), name="one_open_retraining_per_monitor"
            )
        ]

    def __str__(self) -> str:
        return f"retraining of {self.monitor.deployment}"
