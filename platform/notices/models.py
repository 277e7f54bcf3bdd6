"""What people are told: the inbox, the letters that go out by e-mail, and how each person wants it."""

import uuid

from django.db import models


class Letter(models.Model):
    """One e-mail to one person. `key` says what it is for, so that the same is never written twice."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.CharField(max_length=120, unique=True)
    recipient_id = models.UUIDField(db_index=True)
    created_at = models.DateTimeField(auto_now_add=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    given_up_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["created_at"]
        indexes = [models.Index(fields=["sent_at", "given_up_at", "next_try_at"])]

    def __str__(self) -> str:
        return self.key


class Notice(models.Model):
    """One message to one person, about one object."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    recipient_id = models.UUIDField(db_index=True)
    kind = models.CharField(max_length=12, default="other")
    text = models.CharField(max_length=300)
    url = models.CharField(max_length=300)
    project_key = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True)
    mail = models.CharField(max_length=6, default="off")
    letter = models.ForeignKey(Letter, null=True, blank=True, on_delete=models.SET_NULL, related_name="notices")

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["recipient_id", "read_at"]),
            models.Index(fields=["mail", "letter"]),
        ]

    def __str__(self) -> str:
        return self.text


class Preference(models.Model):
    """How one person wants one kind of message by e-mail; without a row the default of the person's roles holds."""

    recipient_id = models.UUIDField()
    kind = models.CharField(max_length=12)
    mail = models.CharField(max_length=6)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["recipient_id", "kind"], name="one_choice_per_kind")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.mail}"
