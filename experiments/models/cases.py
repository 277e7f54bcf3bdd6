"""The edge-case book: rows that must come out so, and how models answered them."""

import uuid

from django.db import models

from accounts.models import User
from experiments.models.runs import Run
from projects.models.projects import Project


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
