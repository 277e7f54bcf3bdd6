"""Words on datasets, and what kind of sensitive values a column holds."""

import uuid

from django.db import models

from accounts.models import User
from datasets.models.versions import Dataset


class Sensitivity(models.TextChoices):
    """The kinds; `none` says that somebody looked and that the column may be seen."""

    PERSONAL = "personal", "Personal: who somebody is"
    CONTACT = "contact", "Contact: how to reach somebody"
    HEALTH = "health", "Health"
    FINANCIAL = "financial", "Financial"
    LOCATION = "location", "Location: where somebody is"
    SECRET = "secret", "Secret: passwords and keys"
    DERIVED = "derived", "Made of sensitive columns"
    NONE = "none", "Looked at: not sensitive"


class ColumnTag(models.Model):
    """What one column of a dataset, by its name, holds. It counts for all versions."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="column_tags")
    column = models.CharField(max_length=500)
    kind = models.CharField(max_length=10, choices=Sensitivity.choices)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["column"]
        constraints = [models.UniqueConstraint(fields=["dataset", "column"], name="one_tag_per_column")]

    def __str__(self) -> str:
        return f"{self.column}: {self.kind}"


class DatasetTag(models.Model):
    """A word by which a dataset is found."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="words")
    word = models.SlugField(max_length=40)

    class Meta:
        ordering = ["word"]
        constraints = [models.UniqueConstraint(fields=["dataset", "word"], name="one_word_per_dataset")]

    def __str__(self) -> str:
        return self.word
