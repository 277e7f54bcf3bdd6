"""Judgings of a run's model on rows that it did not learn from."""

import uuid

from django.db import models

from accounts.models import User
from datasets.models.versions import Version
from experiments.models.runs import Run
from projects.models.define import Contract


class Evaluation(models.Model):
    """One judging of a run's model on rows that it did not learn from, made once and never changed.

    `data` is the version whose rows were used; it is the run's own where the locked test rows were. `found` holds what
    `experiments.judging` answers, `verdicts` what the contract says of it, target by target.
    """

    class State(models.TextChoices):
        """Where the evaluation is."""

        WAITING = "waiting", "Waiting"
        FINISHED = "finished", "Finished"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="evaluations")
    number = models.PositiveIntegerField()
    data = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="evaluations")
    contract = models.ForeignKey(Contract, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    attributes = models.JSONField(default=list)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    message = models.TextField(blank=True)
    found = models.JSONField(default=dict)
    verdicts = models.JSONField(default=list)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="one_evaluation_number")]

    def __str__(self) -> str:
        return f"evaluation {self.number} of {self.run}"

    @property
    def mark(self) -> str:
        """The status that pages show."""
        return {"waiting": "run", "finished": "pass", "failed": "fail"}.get(self.state, "unmeasured")

    @property
    def on_held_back(self) -> bool:
        """Whether the run's own locked test rows were used."""
        return self.data_id == self.run.data_id
