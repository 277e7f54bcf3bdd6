"""What is done with a model's chances: the business's own rule, separate from the model."""

from django.db import models

from accounts.models import User
from projects.models.projects import Project
from projects.models.worth import Worth


class Policy(models.Model):
    """One version of the decision policy. It never changes; it is in force from its signature until a newer one's.

    `threshold` rules by itself, or was found for `capacity` (at most so many yes in a `period` that brings
    `cases_a_period` cases) on the held-back scores of `reference`. From `person_low` up to, not including,
    `person_high` a case goes to a person.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="policies")
    version = models.PositiveIntegerField()
    threshold = models.FloatField()
    capacity = models.PositiveIntegerField(null=True, blank=True)
    period = models.CharField(
        max_length=5, choices=[("day", "day"), ("week", "week"), ("month", "month")], blank=True, default=""
    )
    cases_a_period = models.FloatField(null=True, blank=True)
    person_low = models.FloatField(null=True, blank=True)
    person_high = models.FloatField(null=True, blank=True)
    person_cost = models.FloatField(default=0.0)
    worth = models.ForeignKey(Worth, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reference = models.CharField(max_length=80, blank=True, default="")
    reason = models.TextField(blank=True, default="")
    copied_from = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    signed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-version"]
        constraints = [models.UniqueConstraint(fields=["project", "version"], name="one_policy_version")]

    def __str__(self) -> str:
        return f"{self.project} policy v{self.version}"
