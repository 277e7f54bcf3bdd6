"""The charter, the contract and its targets."""

import uuid

from django.db import models

from accounts.models import User
from projects.contract import TargetKind
from projects.kinds import CADENCES, SOURCES
from projects.models.projects import Project
from projects.permissions import Role


class Charter(models.Model):
    """The problem in words. Saving checks `version`, so that nobody's text is overwritten unseen.

    `state_version` is the version that was handed in or approved; a later text starts as a draft again.
    """

    class State(models.TextChoices):
        """From the first words to the end of the undertaking."""

        DRAFT = "draft", "Draft"
        SUBMITTED = "submitted", "Handed in"
        APPROVED = "approved", "Approved"
        CLOSED = "closed", "Closed"

    class MlNeeded(models.TextChoices):
        """Whether the question needs machine learning at all."""

        YES = "yes", "Yes"
        TRY = "try", "Not sure: compare with today’s practice"
        NO = "no", "No: a rule or a report is enough"

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="charter")
    version = models.PositiveIntegerField(default=0)
    problem = models.TextField(blank=True)
    decision = models.TextField(blank=True)
    prediction = models.TextField(blank=True)
    harmed = models.TextField(blank=True)
    positive_word = models.CharField(max_length=60, blank=True)
    ml_needed = models.CharField(max_length=8, choices=MlNeeded.choices, blank=True)
    ml_why = models.TextField(blank=True)
    sponsor = models.CharField(max_length=120, blank=True)
    users = models.TextField(blank=True)
    protected = models.CharField(max_length=1000, blank=True)
    assumptions = models.TextField(blank=True)
    risks = models.TextField(blank=True)
    fallback = models.TextField(blank=True)
    review_on = models.DateField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    state_version = models.PositiveIntegerField(default=0)
    state_reason = models.TextField(blank=True)
    state_at = models.DateTimeField(null=True, blank=True)
    submitted_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    approved_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    updated_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.project} v{self.version}"


class Contract(models.Model):
    """One version of the targets, as a whole. A signed one never changes; a change makes the next version."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="contracts")
    version = models.PositiveIntegerField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    signed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-version"]
        constraints = [models.UniqueConstraint(fields=["project", "version"], name="one_contract_version")]

    def __str__(self) -> str:
        return f"contract v{self.version}"


class Target(models.Model):
    """One thing that must hold, of one of the kinds of `contract.TargetKind`: a direction and a number in the metric's
    own unit (0.70, not 70). What its columns mean is told at `contract.Goal`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    contract = models.ForeignKey(Contract, on_delete=models.CASCADE, related_name="targets")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=80)
    metric = models.CharField(max_length=40)
    direction = models.CharField(max_length=8, choices=[("at_least", "at least"), ("at_most", "at most")])
    threshold = models.FloatField()
    unit = models.CharField(max_length=30, blank=True)
    deciding = models.BooleanField(default=False)
    kind = models.CharField(
        max_length=10, default=TargetKind.METRIC.value, choices=[(kind.value, kind.value) for kind in TargetKind]
    )
    column = models.CharField(max_length=120, blank=True)
    equals = models.CharField(max_length=120, blank=True)
    floor = models.FloatField(null=True, blank=True)
    ceiling = models.FloatField(null=True, blank=True)
    least_group = models.PositiveIntegerField(default=0)
    baseline = models.FloatField(null=True, blank=True)
    owner = models.CharField(max_length=20, blank=True, choices=Role.pairs())
    cadence = models.CharField(max_length=8, blank=True, choices=list(CADENCES.items()))
    source = models.CharField(max_length=8, blank=True, choices=list(SOURCES.items()))
    by_date = models.CharField(max_length=10, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["contract", "position"], name="one_target_per_place"),
            models.UniqueConstraint(fields=["contract"], condition=models.Q(deciding=True), name="one_deciding_target"),
        ]

    def __str__(self) -> str:
        return self.name
