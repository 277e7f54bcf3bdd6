"""Recipes: how one dataset is made of others, and each time it was made."""

import uuid

from django.db import models

from accounts.models import User
from datasets.models.versions import Dataset, Version
from projects.models.present import Present
from projects.models.projects import Project


class Recipe(models.Model):
    """Steps that make one dataset of another. What they are lives in versions; the newest is the one in use."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="recipes")
    name = models.SlugField(max_length=60)
    source = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="recipes")
    target = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="made_by_recipes")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = Present["Recipe"]()
    everything = models.Manager["Recipe"]()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_recipe_name_per_project")]

    def __str__(self) -> str:
        return self.name


class RecipeVersion(models.Model):
    """One saved state of a recipe: `steps` is a list of {kind, params}. It never changes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    recipe = models.ForeignKey(Recipe, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    steps = models.JSONField(default=list)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["recipe", "number"], name="one_recipe_version_number")]

    def __str__(self) -> str:
        return f"{self.recipe.name} v{self.number}"


class Preparation(models.Model):
    """One run of one recipe version on pinned versions of its inputs. Its job row tells how it goes.

    `report` holds for each step rows and columns before and after, and what it learned.
    """

    class State(models.TextChoices):
        """Where the run is."""

        WAITING = "waiting", "Waiting"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    recipe_version = models.ForeignKey(RecipeVersion, on_delete=models.PROTECT, related_name="preparations")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    message = models.TextField(blank=True)
    publish = models.BooleanField(default=False)
    learned_from = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")
    report = models.JSONField(default=list)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"run of {self.recipe_version}"


class PreparationInput(models.Model):
    """One version that a run read: under an empty `key` the input itself, else the table that a step names."""

    preparation = models.ForeignKey(Preparation, on_delete=models.CASCADE, related_name="inputs")
    key = models.CharField(max_length=80, blank=True)
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="uses")

    class Meta:
        ordering = ["key"]
        constraints = [models.UniqueConstraint(fields=["preparation", "key"], name="one_input_per_key")]

    def __str__(self) -> str:
        return f"{self.key or 'input'}: {self.version}"
