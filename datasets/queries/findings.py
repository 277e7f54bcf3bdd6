"""The looks at versions that jobs have answered, as a person may see them."""

from collections.abc import Collection

from datasets import masking
from datasets.models.versions import Version
from jobs.models import Job
from jobs.queries import of_subject

DIFFERENCE, ASSOCIATIONS = "datasets.difference", "datasets.associations"


def difference_of(version: Version, before: Version, hidden: Collection[str]) -> Job | None:
    """The newest comparison of these two, row by row."""
    newest = of_subject(version).filter(kind=DIFFERENCE, payload__before=str(before.pk)).first()
    if newest is not None and newest.result and hidden:
        newest.result = masking.difference(newest.result, hidden)
    return newest


def associations_of(version: Version) -> Job | None:
    """The newest look at how columns go together. It holds no values."""
    return of_subject(version).filter(kind=ASSOCIATIONS).first()
