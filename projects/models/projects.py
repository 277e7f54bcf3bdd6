"""Projects: one question that a team works on."""

import uuid

from django.db import models

from accounts.models import User
from projects.models.present import Present


class Kind(models.TextChoices):
    """What sort of question the project asks; it decides which metrics and methods fit."""

    BINARY = "binary", "A yes-or-no question"
    MULTICLASS = "multiclass", "One of several answers"
    REGRESSION = "regression", "A number"
    FORECAST = "forecast", "A number ahead of time"
    CLUSTERING = "clustering", "Groups that nobody named yet"
    ANOMALY = "anomaly", "What is unlike the rest"


class Project(models.Model):
    """One question that a team works on, in rounds."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    question = models.CharField(max_length=300)
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.BINARY)
    round = models.PositiveSmallIntegerField(default=1)
    is_sample = models.BooleanField(default=False)
    one_person = models.BooleanField(default=False)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = Present["Project"]()
    everything = models.Manager["Project"]()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
