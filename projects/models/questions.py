"""Threads: questions about any object, whom they are addressed to, replies, and what stood there before an edit."""

import uuid

from django.db import models

from accounts.models import User
from projects.models.projects import Project
from projects.permissions import Role


class Question(models.Model):
    """A question about one object that is known by word, id, name and address; the beginning of a thread."""

    class State(models.TextChoices):
        """Open until somebody says that it is answered."""

        OPEN = "open", "Open"
        RESOLVED = "resolved", "Resolved"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="questions")
    number = models.PositiveIntegerField()
    text = models.TextField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    subject_type = models.CharField(max_length=60)
    subject_id = models.CharField(max_length=160)
    subject_name = models.CharField(max_length=160)
    subject_url = models.CharField(max_length=300)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    edited_at = models.DateTimeField(null=True, blank=True)
    replied_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="one_question_number")]
        indexes = [
            models.Index(fields=["project", "subject_type", "subject_id"]),
            models.Index(fields=["project", "state"]),
        ]

    def __str__(self) -> str:
        return f"question {self.number}"


class Asked(models.Model):
    """Whom a question is addressed to: a role or a person."""

    question = models.ForeignKey(Question, on_delete=models.CASCADE, related_name="asked")
    role = models.CharField(max_length=20, choices=Role.pairs(), blank=True)
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["question", "role", "user"], name="asked_once")]
        indexes = [models.Index(fields=["role"])]

    def __str__(self) -> str:
        return self.get_role_display() if self.role else str(self.user)


class Reply(models.Model):
    """One answer in a thread."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    question = models.ForeignKey(Question, on_delete=models.CASCADE, related_name="replies")
    text = models.TextField()
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    edited_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return f"reply in {self.question}"


class Revision(models.Model):
    """What a question or a reply said before it was edited."""

    question = models.ForeignKey(Question, on_delete=models.CASCADE, related_name="revisions")
    reply = models.ForeignKey(Reply, null=True, blank=True, on_delete=models.CASCADE, related_name="revisions")
    text = models.TextField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"earlier words of {self.reply or self.question}"
