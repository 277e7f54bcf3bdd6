"""What a dataset must be: its rules, each check of a version, and what a person let pass or set aside."""

import uuid

from django.db import models

from accounts.models import User
from datasets.models.versions import Dataset, Version
from storage.models import Blob


class Severity(models.TextChoices):
    """What a failing rule does."""

    WARN = "warn", "Warns"
    BLOCK = "block", "Blocks publishing and every use"


class QualityRule(models.Model):
    """One thing that must hold. `kind` is a key of the catalog; a change makes its next revision."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="rules")
    number = models.PositiveIntegerField()
    revision = models.PositiveIntegerField(default=1)
    kind = models.CharField(max_length=40)
    params = models.JSONField(default=dict)
    severity = models.CharField(max_length=5, choices=Severity.choices, default=Severity.WARN)
    quarantine = models.BooleanField(default=False)
    owner = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["dataset", "number"], name="one_rule_number")]

    def __str__(self) -> str:
        return f"rule {self.number} of {self.dataset.name}"


class Check(models.Model):
    """One look at one version with all rules of that moment. Its job row tells how it goes."""

    class State(models.TextChoices):
        """Where the check is."""

        WAITING = "waiting", "Waiting"
        DONE = "done", "Done"
        FAILED = "failed", "Could not be done"
        CANCELLED = "cancelled", "Stopped"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="checks")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    message = models.TextField(blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"check of {self.version}"


class CheckResult(models.Model):
    """What one rule said in one check, with its words as they were then."""

    check_made = models.ForeignKey(Check, on_delete=models.CASCADE, related_name="results")
    rule = models.ForeignKey(QualityRule, on_delete=models.CASCADE, related_name="results")
    revision = models.PositiveIntegerField()
    sentence = models.TextField()
    severity = models.CharField(max_length=5, choices=Severity.choices)
    verdict = models.CharField(max_length=9)
    measured = models.TextField()
    limit = models.TextField(blank=True)
    failed_rows = models.BigIntegerField(null=True, blank=True)
    examples = models.JSONField(default=dict)

    class Meta:
        ordering = ["rule__number"]
        constraints = [models.UniqueConstraint(fields=["check_made", "rule"], name="one_result_per_rule")]

    def __str__(self) -> str:
        return f"{self.sentence} {self.verdict}"


class RuleWaiver(models.Model):
    """A person let one failing rule pass for one version, until a day, with a reason."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="waivers")
    rule = models.ForeignKey(QualityRule, on_delete=models.CASCADE, related_name="waivers")
    revision = models.PositiveIntegerField()
    role = models.CharField(max_length=30)
    reason = models.CharField(max_length=1000)
    until = models.DateField()
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.rule} waived for {self.version}"


class Quarantine(models.Model):
    """The rows of a version that broke its rules, kept beside the version that was made of the rest."""

    class State(models.TextChoices):
        """Where the split is."""

        WAITING = "waiting", "Waiting"
        DONE = "done", "Done"
        FAILED = "failed", "Could not be done"
        CANCELLED = "cancelled", "Stopped"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="quarantines")
    made = models.OneToOneField(Version, null=True, on_delete=models.SET_NULL, related_name="cleaned_by")
    table = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    rows = models.BigIntegerField(null=True)
    rules = models.JSONField(default=list)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    message = models.TextField(blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"rows set aside of {self.version}"
