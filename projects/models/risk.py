"""How much harm a wrong answer can do, as the team answered, version by version."""

import uuid

from django.db import models

from accounts.models import User
from projects.models.projects import Project
from projects.risk import Tier


class RiskAnswers(models.Model):
    """One set of answers with the tier that followed; a change is a new version."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="risk_answers")
    version = models.PositiveIntegerField()
    answers = models.JSONField()
    tier = models.CharField(max_length=6, choices=[(tier.value, tier.words) for tier in Tier])
    weight = models.PositiveSmallIntegerField()
    reasons = models.JSONField(default=list)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-version"]
        constraints = [models.UniqueConstraint(fields=["project", "version"], name="one_risk_version")]

    def __str__(self) -> str:
        return f"{self.project} risk v{self.version}"
