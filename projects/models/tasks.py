"""What somebody is asked to do."""

import uuid

from django.db import models

from accounts.models import User
from projects.models.projects import Project
from projects.permissions import Role


class Task(models.Model):
    """Work for one person or for whoever holds a role, about one object that is known by word, name and address."""

    class State(models.TextChoices):
        """Open until it is done or called off."""

        OPEN = "open", "Open"
        DONE = "done", "Done"
        DROPPED = "dropped", "Called off"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="tasks")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    detail = models.TextField(blank=True)
    assignee = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="tasks")
    role = models.CharField(max_length=20, choices=Role.pairs(), blank=True)
    due_on = models.DateField(null=True, blank=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    subject_type = models.CharField(max_length=60, blank=True)
    subject_id = models.CharField(max_length=80, blank=True)
    subject_name = models.CharField(max_length=160, blank=True)
    subject_url = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    closed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="one_task_number")]
        indexes = [
            models.Index(fields=["project", "state", "role"]),
            models.Index(fields=["assignee", "state"]),
        ]

    def __str__(self) -> str:
        return self.title
