"""How a project moves: its finished rounds, when stages are due, and what owners said about reopened ones."""

from django.db import models

from accounts.models import User
from projects.models.projects import Project
from projects.permissions import Role

STAGE = 12


class Round(models.Model):
    """One finished round: what it reached, and its review as it was signed. The round that runs has no row yet.

    `reached` holds the name and verdict rows of its result, the version of its targets, and its stages' outcomes.
    `closed_by` signed the review in that `role`; the signature is bound to the review's `fingerprint`.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="rounds")
    number = models.PositiveSmallIntegerField()
    note = models.TextField(blank=True)
    reached = models.JSONField(default=dict)
    review = models.JSONField(default=dict)
    fingerprint = models.CharField(max_length=64, blank=True)
    role = models.CharField(max_length=20, blank=True, choices=Role.pairs())
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField()
    closed_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="one_round_number")]

    def __str__(self) -> str:
        return f"{self.project} round {self.number}"


class StageDue(models.Model):
    """When a stage is to be done in a round."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="dues")
    round = models.PositiveSmallIntegerField()
    stage = models.CharField(max_length=STAGE)
    due_on = models.DateField()
    set_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "round", "stage"], name="one_day_per_stage")]

    def __str__(self) -> str:
        return f"{self.stage} by {self.due_on}"


class StageAnswer(models.Model):
    """An owner's word about a reopened stage, for exactly the upstream that was seen."""

    class Choice(models.TextChoices):
        """What the stage brought stays good, or is made again."""

        FINE = "fine", "Still fine"
        REDO = "redo", "Redo"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="stage_answers")
    round = models.PositiveSmallIntegerField()
    stage = models.CharField(max_length=STAGE)
    fingerprint = models.CharField(max_length=64)
    choice = models.CharField(max_length=4, choices=Choice.choices)
    note = models.TextField(blank=True)
    reasons = models.JSONField(default=list)
    by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["project", "round"])]

    def __str__(self) -> str:
        return f"{self.stage}: {self.get_choice_display()}"
