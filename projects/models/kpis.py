"""What the business counts: its key figures, and their values as dated points."""

import uuid

from django.db import models

from accounts.models import User
from projects.kinds import CADENCES, SOURCES
from projects.models.projects import Project
from projects.permissions import Role


class Kpi(models.Model):
    """One key figure of a project. Targets name it by its key; `baseline` is what it was before there was a model."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="kpis")
    key = models.SlugField(max_length=40)
    name = models.CharField(max_length=80)
    unit = models.CharField(max_length=30, blank=True)
    direction = models.CharField(max_length=8, choices=[("at_least", "at least"), ("at_most", "at most")])
    baseline = models.FloatField(null=True, blank=True)
    owner = models.CharField(max_length=20, choices=Role.pairs())
    cadence = models.CharField(max_length=8, choices=list(CADENCES.items()))
    source = models.CharField(max_length=8, choices=list(SOURCES.items()))
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "key"], name="one_kpi_key_per_project")]

    def __str__(self) -> str:
        return self.name


class KpiValue(models.Model):
    """A KPI on one day, with its interval where one is known. A later word for the same day takes its place."""

    class Source(models.TextChoices):
        """How the value came in."""

        ENTERED = "entered", "Entered"
        UPLOADED = "uploaded", "Uploaded"
        SENT = "sent", "Sent over REST"
        READ = "read", "Read from data"
        COMPUTED = "computed", "Counted from the table of money"

    id = models.BigAutoField(primary_key=True)
    kpi = models.ForeignKey(Kpi, on_delete=models.CASCADE, related_name="values")
    on = models.DateField()
    value = models.FloatField()
    low = models.FloatField(null=True, blank=True)
    high = models.FloatField(null=True, blank=True)
    source = models.CharField(max_length=8, choices=Source.choices, default=Source.ENTERED)
    note = models.CharField(max_length=200, blank=True)
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-on"]
        constraints = [models.UniqueConstraint(fields=["kpi", "on"], name="one_kpi_value_per_day")]

    def __str__(self) -> str:
        return f"{self.kpi} on {self.on}"
