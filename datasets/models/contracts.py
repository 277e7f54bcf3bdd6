"""What the producer of a dataset promises, who signed it, and who counts on it."""

import uuid

from django.db import models

from accounts.models import User
from datasets.models.recipes import Recipe
from datasets.models.versions import Dataset


class DataContract(models.Model):
    """One version of the promise: columns with types, rules, how fresh. `fingerprint` binds the signature to it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="contracts")
    number = models.PositiveIntegerField()
    columns = models.JSONField(default=list)
    rules = models.JSONField(default=list)
    fresh_days = models.PositiveIntegerField(null=True, blank=True)
    promise = models.CharField(max_length=2000, blank=True)
    owner = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    fingerprint = models.CharField(max_length=64)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    signed_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    signed_at = models.DateTimeField(null=True, blank=True)
    late_told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["dataset", "number"], name="one_data_contract_number")]

    def __str__(self) -> str:
        return f"contract {self.number} of {self.dataset.name}"


class Subscription(models.Model):
    """A consumer that counts on the contract of a dataset and is told when it breaks or changes."""

    class Consumer(models.TextChoices):
        """What consumes."""

        RECIPE = "recipe", "A recipe"
        TRAINING = "training", "The training of this project"
        ROLE = "role", "Everybody of a role"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="subscriptions")
    consumer = models.CharField(max_length=8, choices=Consumer.choices)
    recipe = models.ForeignKey(Recipe, null=True, blank=True, on_delete=models.CASCADE, related_name="subscriptions")
    role = models.CharField(max_length=30, blank=True)
    name = models.CharField(max_length=100)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["dataset", "name"], name="one_subscription_of_a_consumer")]

    def __str__(self) -> str:
        return f"{self.name} on {self.dataset.name}"
