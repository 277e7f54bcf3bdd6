"""Which columns of a dataset hold the values of a KPI."""

import uuid

from django.db import models

from accounts.models import User
from datasets.models.versions import Dataset
from projects.models.kpis import Kpi


class Counting(models.Model):
    """A KPI whose values are read from every published version of a dataset. `number` is the last one read."""

    class State(models.TextChoices):
        """How the last reading went."""

        WAITING = "waiting", "Being read"
        DONE = "done", "Read"
        FAILED = "failed", "Could not be read"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="countings")
    kpi = models.OneToOneField(Kpi, on_delete=models.CASCADE, related_name="counting")
    day = models.CharField(max_length=200)
    value = models.CharField(max_length=200)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    number = models.PositiveIntegerField(null=True, blank=True)
    message = models.TextField(blank=True)
    set_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    set_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["kpi__name"]

    def __str__(self) -> str:
        return f"{self.kpi} from {self.dataset.name}"
