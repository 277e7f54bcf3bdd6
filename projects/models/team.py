"""Who is in a project, and who is invited."""

import uuid

from django.db import models

from accounts.models import Group, User
from projects.models.projects import Project
from projects.permissions import Role


class GroupRole(models.Model):
    """One role of a group in a project; each of its members holds it through a `Membership` of that group."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="group_roles")
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="roles")
    role = models.CharField(max_length=20, choices=Role.pairs())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "group", "role"], name="one_group_role_once")]

    def __str__(self) -> str:
        return f"{self.group} as {self.get_role_display()}"


class Membership(models.Model):
    """One role of one person in one project. A person may hold several, some of them through a group.

    What a group brings stands here too, as a row with its `group`: whoever asks for memberships then asks one table.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.pairs())
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "user", "role"], condition=models.Q(group=None), name="one_role_once"
            ),
            models.UniqueConstraint(fields=["project", "user", "role", "group"], name="one_role_once_per_group"),
        ]
        indexes = [models.Index(fields=["user", "project"])]

    def __str__(self) -> str:
        return f"{self.user} as {self.get_role_display()}"


class Invitation(models.Model):
    """An invitation by a one-time link; only its hash is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()
    roles = models.JSONField(default=list)
    digest = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.email
