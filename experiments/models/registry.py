"""Registered models, their versions, the names that point at these, and what people say on their cards."""

import uuid

from django.db import models

from accounts.models import User
from experiments.models.runs import Run
from projects.models.present import Present
from projects.models.projects import Project
from storage.models import Blob


class Model(models.Model):
    """A registered model: a name, under which versions follow each other."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="models")
    name = models.SlugField(max_length=60)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_model_name_per_project")]

    def __str__(self) -> str:
        return self.name


class ModelVersion(models.Model):
    """One version of a registered model: the bundle of the run that made it, never retrained, never changed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    run = models.OneToOneField(Run, on_delete=models.PROTECT, related_name="model_version")
    bundle = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField(blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = Present["ModelVersion"]()
    everything = models.Manager["ModelVersion"]()

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["model", "number"], name="one_model_version_number")]

    def __str__(self) -> str:
        return f"{self.model.name} v{self.number}" + (" (in the bin)" if self.deleted_at else "")


class Alias(models.Model):
    """A name that points at one version of a model, until it is moved or removed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="aliases")
    name = models.SlugField(max_length=40)
    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="aliases")
    set_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    set_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["model", "name"], name="one_alias_name_per_model")]

    def __str__(self) -> str:
        return f"{self.model.name}@{self.name}"


class CardText(models.Model):
    """What people say on the card of a version, written once; the newest number counts."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="card_texts")
    number = models.PositiveIntegerField()
    intended_use = models.TextField(blank=True)
    not_for = models.TextField(blank=True)
    ethics = models.TextField(blank=True)
    contacts = models.TextField(blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["version", "number"], name="one_card_text_number")]

    def __str__(self) -> str:
        return f"card of {self.version}, text {self.number}"
