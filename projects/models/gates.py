"""Gates and the signatures on them."""

import uuid

from django.db import models

from accounts.models import User
from projects.models.projects import Project
from projects.permissions import Role


class Gate(models.Model):
    """A request to let one thing through to an environment: checks by the platform, signatures by people.

    The subject is known by type word and id; `fingerprint` binds signatures to exactly what was asked for.
    """

    class State(models.TextChoices):
        """Open until everything needed is there; passed when it was used; withdrawn or sent back otherwise."""

        OPEN = "open", "Open"
        PASSED = "passed", "Passed"
        REFUSED = "refused", "Sent back"
        REPLACED = "replaced", "Asked again"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="gates")
    subject_type = models.CharField(max_length=60)
    subject_id = models.CharField(max_length=80)
    subject_name = models.CharField(max_length=120)
    subject_url = models.CharField(max_length=300)
    environment = models.CharField(max_length=20)
    fingerprint = models.CharField(max_length=64)
    checks = models.JSONField(default=list)
    roles = models.JSONField(default=list)
    rule = models.JSONField(default=dict)
    comment = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    requested_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["subject_type", "subject_id", "environment"],
                condition=models.Q(state="open"),
                name="one_open_gate_per_subject",
            )
        ]

    def __str__(self) -> str:
        return f"{self.subject_name} to {self.environment}"


class Signature(models.Model):
    """One person's word for one role on one gate, bound to the gate's fingerprint.

    `alone` marks what only the rule for one-person teams allowed.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    gate = models.ForeignKey(Gate, on_delete=models.CASCADE, related_name="signatures")
    role = models.CharField(max_length=20, choices=Role.pairs())
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    given = models.BooleanField(default=True)
    reason = models.TextField(blank=True)
    fingerprint = models.CharField(max_length=64)
    alone = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at"]
        constraints = [models.UniqueConstraint(fields=["gate", "role"], name="one_signature_per_role")]

    def __str__(self) -> str:
        return f"{self.user} for {self.get_role_display()}"


class Waiver(models.Model):
    """One check that may stay as it is: a warning accepted, or a failure waived until a day, each with a reason."""

    class Kind(models.TextChoices):
        """What was done about the check."""

        ACCEPTED = "accepted", "Warning accepted"
        WAIVED = "waived", "Failure waived"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    gate = models.ForeignKey(Gate, on_delete=models.CASCADE, related_name="waivers")
    check_key = models.CharField(max_length=60)
    check_name = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    reason = models.TextField()
    until = models.DateField(null=True, blank=True)
    role = models.CharField(max_length=20, choices=Role.pairs())
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    fingerprint = models.CharField(max_length=64)
    alone = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return f"{self.check_name} {self.get_kind_display().lower()}"
