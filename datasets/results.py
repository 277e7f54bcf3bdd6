"""What of the results of this room's jobs is shown to whom."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from datasets import masking
from datasets.models.recipes import RecipeVersion
from datasets.models.versions import Version
from datasets.queries import seen
from datasets.queries.findings import DIFFERENCE
from datasets.queries.recipes import PREVIEW
from jobs.models import Job
from projects.permissions import Role
from projects.results import Words, result_of, words_of


@result_of(PREVIEW)
def preview(job: Job, roles: frozenset[Role]) -> Any:
    """A look ahead, without the values of sensitive columns."""
    versions = RecipeVersion.objects.select_related("recipe__project", "recipe__source", "recipe__target")
    version = versions.filter(pk=job.payload.get("version")).first()
    if version is None:
        return None
    return masking.preview(job.result or {}, seen.hidden_for(version.recipe, version.steps, roles))


@result_of(DIFFERENCE)
def difference(job: Job, roles: frozenset[Role]) -> Any:
    """Two versions row by row, without them."""
    version = Version.everything.select_related("dataset").filter(pk=job.payload.get("version")).first()
    if version is None:
        return None
    return masking.difference(job.result or {}, seen.hidden_of(version.dataset, roles))


@result_of("datasets.ingest")
def ingest(job: Job, roles: frozenset[Role]) -> Any:
    """How a reading went; a refusal may quote a cell."""
    result = dict(job.result or {})
    if "refused" in result and isinstance(result["refused"], str):
        result["refused"] = masking.unquoted(result["refused"])
    return result


@words_of
def words(roles: Mapping[str, frozenset[Role]]) -> dict[str, Words]:
    """Of projects with columns that these roles must not see: sentences that quote nothing but names of columns."""
    return {
        key: Words(
            partial(masking.unquoted, known=hidden),
            partial(masking.line, known=hidden),
            partial(masking.entry, hidden=hidden, known=hidden),
        )
        for key, hidden in seen.hidden_in_projects(roles).items()
    }
