"""What right and wrong answers are worth to the business."""

from django.db import models

from accounts.models import User
from projects.models.projects import Project


class Worth(models.Model):
    """The project's table of money. Each change is a new version, so that what was counted can be counted again."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="worths")
    version = models.PositiveIntegerField()
    currency = models.CharField(max_length=8, default="EUR")
    right_yes = models.FloatField(default=0.0)
    wrong_yes = models.FloatField(default=0.0)
    right_no = models.FloatField(default=0.0)
    wrong_no = models.FloatField(default=0.0)
    per_unit_off = models.FloatField(default=0.0)
    cases_a_month = models.FloatField(null=True, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-version"]
        constraints = [models.UniqueConstraint(fields=["project", "version"], name="one_worth_version")]

    def __str__(self) -> str:
        return f"{self.project} worth v{self.version}"
