"""What would go by a rule of retention, and why the rest stays."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from datasets.models.versions import Dataset, Version
from datasets.queries.versions import HEAVY
from projects.discarding import needed_by


@dataclass(frozen=True)
class Fate:
    """Versions that go, each with the bytes of its table, and old ones that stay with the reasons."""

    going: Sequence[tuple[Version, int]]
    staying: Sequence[tuple[Version, str]]

    @property
    def bytes(self) -> int:
        """What their tables hold; a content that something else shares stays."""
        return sum(size for _, size in self.going)


def would_go(dataset: Dataset, keep_last: int, keep_days: int) -> Fate:
    """Neither the last `keep_last`, nor younger than `keep_days`, nor the newest published, nor used by anything."""
    versions = list(dataset.versions.select_related("dataset", "table", "ingestion", "preparation").defer(*HEAVY))
    newest = next((version.pk for version in versions if version.state == Version.State.PUBLISHED), None)
    limit = timezone.now() - timedelta(days=keep_days)
    going: list[tuple[Version, int]] = []
    staying: list[tuple[Version, str]] = []
    for version in versions[keep_last:]:
        if version.created_at > limit:
            staying.append((version, f"It is younger than {keep_days} days."))
        elif version.pk == newest:
            staying.append((version, "It is the newest published version."))
        elif needs := needed_by("version", version):
            staying.append((version, needs[0]))
        else:
            going.append((version, version.table.size))
    return Fate(going, staying)
