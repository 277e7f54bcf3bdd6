"""What the project would do without a model."""

from django.db import models

from accounts.models import User
from projects import baselines
from projects.models.projects import Project


class Baseline(models.Model):
    """The practice that a model must beat, as `projects.baselines` writes it. Each change is a new version."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="baselines")
    version = models.PositiveIntegerField()
    spec = models.JSONField(default=dict)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-version"]
        constraints = [models.UniqueConstraint(fields=["project", "version"], name="one_baseline_version")]

    def __str__(self) -> str:
        return f"{self.project} baseline v{self.version}"

    @property
    def words(self) -> str:
        """The practice as people read it."""
        return baselines.sentence(self.spec)
