"""The one place that decides which values a person sees: pages and endpoints fetch what they show through it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db.models import QuerySet

from datasets import masking
from datasets.models.quality import QualityRule
from datasets.models.recipes import Recipe
from datasets.models.sources import Pull, Source
from datasets.models.tags import ColumnTag, Sensitivity
from datasets.models.versions import Dataset, Ingestion, Version
from datasets.queries.quality import Block
from datasets.queries.sources import pull_for
from datasets.queries.versions import ingestion_for, version_before, version_for
from datasets.recipes.plan import read_steps, tables_of
from jobs.models import Job
from problems.problem import Problem
from projects.models.projects import Project
from projects.permissions import Role, allows

Roles = frozenset[Role]


def may_see(roles: Roles) -> bool:
    """Whether nothing has to be hidden from these roles."""
    return allows(roles, "data.see_sensitive")


def hidden_in(datasets: Iterable[Dataset], roles: Roles) -> frozenset[str]:
    """The columns of these datasets whose values these roles must not see."""
    if may_see(roles):
        return frozenset()
    tags = ColumnTag.objects.filter(dataset__in=list(datasets)).exclude(kind=Sensitivity.NONE)
    return frozenset(tags.values_list("column", flat=True))


def hidden_of(dataset: Dataset, roles: Roles) -> frozenset[str]:
    """The same for one dataset."""
    return hidden_in([dataset], roles)


def held_back(dataset: Dataset, names: Iterable[str], *, released: Collection[str], roles: Roles) -> list[str]:
    """The columns that must not go where nothing is hidden: sensitive ones that nobody released by name, or whose
    values these roles, those of who released them, must not see."""
    sensitive, closed = hidden_of(dataset, frozenset()), hidden_of(dataset, roles)
    return [name for name in names if name in sensitive and (name not in released or name in closed)]


def hidden_by(datasets: Iterable[Dataset], roles: Roles) -> dict[Any, frozenset[str]]:
    """The same for each of many datasets by its id; those without hidden columns are left out. One query."""
    if may_see(roles):
        return {}
    return _by(ColumnTag.objects.filter(dataset__in={one.pk for one in datasets}), "dataset")


def hidden_in_projects(roles: Mapping[str, Roles]) -> dict[str, frozenset[str]]:
    """By the project's key, the columns whose values the roles held there must not see, where there are such."""
    keys = [key for key, held in roles.items() if not may_see(held)]
    return _by(ColumnTag.objects.filter(dataset__project__key__in=keys), "dataset__project__key") if keys else {}


def _by(tags: QuerySet[ColumnTag], field: str) -> dict[Any, frozenset[str]]:
    found: dict[Any, set[str]] = {}
    for key, column in tags.exclude(kind=Sensitivity.NONE).values_list(field, "column"):
        found.setdefault(key, set()).add(column)
    return {key: frozenset(columns) for key, columns in found.items()}


def masked(version: Version, hidden: Collection[str]) -> Version:
    """The version as it may be shown; never save it."""
    if hidden:
        version.profile = masking.profile(version.profile, hidden)
        version.report = masking.report(version.report, hidden)
    return version


def seen_version(project: Project, name: str, number: int, roles: Roles) -> Version:
    """One version of one dataset, whole, as these roles may see it."""
    version = version_for(project, name, number)
    return masked(version, hidden_of(version.dataset, roles))


def seen_before(version: Version, roles: Roles) -> Version | None:
    """What it is compared with, as these roles may see it."""
    before = version_before(version)
    return masked(before, hidden_of(version.dataset, roles)) if before else None


def seen_ingestion(project: Project, name: str, ingestion_id: Any, roles: Roles) -> Ingestion:
    """One load, with what was found as these roles may see it."""
    load = ingestion_for(project, name, ingestion_id)
    _mask_found(load, hidden_of(load.dataset, roles))
    return load


def seen_pull(source: Source, pull_id: Any, roles: Roles) -> Pull:
    """One load from a source, with what was found as these roles may see it."""
    pull = pull_for(source, pull_id)
    _mask_found(pull, hidden_of(source.dataset, roles))
    return pull


def _mask_found(load: Ingestion | Pull, hidden: Collection[str]) -> None:
    if hidden and load.found:
        found = dict(load.found)
        found["profile"] = masking.profile(found.get("profile", {}), hidden)
        found["report"] = masking.report(found.get("report", {}), hidden)
        if found.get("refusal"):
            found["refusal"] = found["refusal"] | {"text": masking.unquoted(found["refusal"]["text"])}
        load.found = found
    if hidden:
        load.message = masking.unquoted(load.message)


def hidden_for(recipe: Recipe, steps: Any, roles: Roles) -> frozenset[str]:
    """The columns of everything that a recipe reads whose values these roles must not see."""
    if may_see(roles):
        return frozenset()
    try:
        names = {name for name, _ in tables_of(read_steps(steps))}
    except Problem:
        names = set()
    others = Dataset.everything.filter(project=recipe.project, name__in=names)
    return hidden_in([recipe.source, recipe.target, *others], roles)


def seen_steps(raw: Any, hidden: Collection[str]) -> list[dict[str, Any]]:
    """The steps of a recipe, each with its sentence, as they may be shown."""
    return [
        masking.step(one.as_dict, one.step.title, hidden)
        if hidden and masking.touches(one.params, hidden)
        else one.as_dict | {"sentence": one.sentence}
        for one in read_steps(raw)
    ]


def seen_preview(job: Job | None, hidden: Collection[str]) -> Job | None:
    """A look ahead as it may be shown; never save it."""
    if job is not None and hidden:
        job.result = masking.preview(job.result, hidden) if job.result else job.result
        job.message = masking.unquoted(job.message)
    return job


def seen_run(report: list[dict[str, Any]], hidden: Collection[str]) -> list[dict[str, Any]]:
    """What the steps of a run did, without what they learned of hidden columns."""
    if not hidden:
        return report
    closed = {"learned": None, "note": ""}
    return [one | closed | {"sentence": "What it writes is hidden."} for one in report]


def rule_words(rule: QualityRule, sentence: str, hidden: Collection[str]) -> str:
    """The sentence of a rule; without its values where it is about a hidden column."""
    return f"Rule {rule.number} is about a hidden column" if masking.touches(rule.params, hidden) else sentence


def masked_lines(lines: list[Any], hidden: Collection[str]) -> list[Any]:
    """What the rules said of a version, as it may be shown; never save it."""
    for result in (line.result for line in lines if hidden):
        result.examples = {}
        if masking.touches(result.rule.params, hidden):
            result.sentence = rule_words(result.rule, result.sentence, hidden)
            result.measured = result.limit = masking.HIDDEN
    return lines


def masked_blocks(found: Sequence[Block], hidden: Collection[str]) -> list[Block]:
    """What stands in the way of a version, as it may be shown."""
    return [
        replace(one, text=f"{rule_words(one.rule, '', hidden)} and stands in the way.")
        if one.rule and masking.touches(one.rule.params, hidden)
        else one
        for one in found
    ]
