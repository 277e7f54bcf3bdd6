"""Every write to words on datasets and to what their columns hold."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from accounts.models import User
from audit.actors import Actor, Machine
from audit.services import record
from datasets import masking
from datasets.models.recipes import Preparation
from datasets.models.tags import ColumnTag, DatasetTag, Sensitivity
from datasets.models.versions import Dataset, Version
from problems.problem import Invalid

KEEPER = Machine("data preparation")
WORD = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
MOST_WORDS = 20


@transaction.atomic
def set_words(dataset: Dataset, words: Sequence[str], *, by: Actor) -> list[str]:
    """The words by which a dataset is found; those that are not named go."""
    clean = sorted({word.strip().lower() for word in words if word.strip()})
    for word in clean:
        if not WORD.fullmatch(word):
            text = f"“{word[:60]}” is no tag: small letters, digits and hyphens, at most 40."
            raise Invalid(text, fields={"words": text})
    if len(clean) > MOST_WORDS:
        text = f"A dataset has at most {MOST_WORDS} tags."
        raise Invalid(text, fields={"words": text})
    Dataset.objects.select_for_update().get(pk=dataset.pk)
    was = list(dataset.words.values_list("word", flat=True))
    dataset.words.all().delete()
    DatasetTag.objects.bulk_create(DatasetTag(dataset=dataset, word=word) for word in clean)
    facts = {"dataset": dataset.name, "was": was, "now": clean}
    record(by, "data.words_set", dataset, project_key=dataset.project.key, **facts)
    return clean


@transaction.atomic
def tag_column(dataset: Dataset, column: str, kind: str, *, by: Actor) -> ColumnTag | None:
    """Say what a column holds; an empty kind takes the tag away. It counts at once, for all versions."""
    if kind and kind not in Sensitivity.values:
        text = f"“{kind[:60]}” is not one of: {', '.join(Sensitivity.values)}."
        raise Invalid(text, fields={"kind": text})
    schemas = Version.everything.filter(dataset=dataset).values_list("schema", flat=True)
    if column not in {one["name"] for schema in schemas for one in schema}:
        text = f"No version of {dataset.name} has a column “{column[:100]}”."
        raise Invalid(text, fields={"column": text})
    person = by if isinstance(by, User) else None
    was = ColumnTag.objects.filter(dataset=dataset, column=column).values_list("kind", flat=True).first()
    if (was or "") == kind:
        return ColumnTag.objects.filter(dataset=dataset, column=column).first()
    facts = {"dataset": dataset.name, "column": column, "was": was or "", "now": kind}
    record(by, "data.column_tagged", dataset, project_key=dataset.project.key, **facts)
    if not kind:
        ColumnTag.objects.filter(dataset=dataset, column=column).delete()
        return None
    made, _ = ColumnTag.objects.update_or_create(
        dataset=dataset, column=column, defaults={"kind": kind, "created_by": person}
    )
    return made


@transaction.atomic
def tag_columns(dataset: Dataset, kinds: Mapping[str, str], *, by: Actor) -> None:
    """Several at once, all or none."""
    for column, kind in kinds.items():
        tag_column(dataset, column, kind, by=by)


def inherit(version: Version, run: Preparation) -> None:
    """Tag what a recipe made of sensitive columns, unless somebody has decided about the column."""
    read = [one.version for one in run.inputs.select_related("version")]
    inherit_from(version, read, [column["name"] for column in version.schema])


def inherit_from(version: Version, read: Sequence[Version], names: Sequence[str]) -> None:
    """Tag those of the columns `names` of a new version that were made of sensitive ones."""
    inputs: list[tuple[Any, dict[str, str]]] = []
    for one in read:
        tags = ColumnTag.objects.filter(dataset_id=one.dataset_id)
        inputs.append((one.schema, dict(tags.values_list("column", "kind"))))
    decided = set(ColumnTag.objects.filter(dataset_id=version.dataset_id).values_list("column", flat=True))
    new = {name: kind for name, kind in masking.inherited(inputs, names).items() if name not in decided}
    ColumnTag.objects.bulk_create(
        ColumnTag(dataset_id=version.dataset_id, column=name, kind=kind) for name, kind in new.items()
    )
    if new:
        project = version.dataset.project
        facts = {"dataset": version.dataset.name, "number": version.number, "columns": new}
        record(KEEPER, "data.tags_inherited", version.dataset, project_key=project.key, **facts)
