"""A registered version as a file to take along, for those who may see all that is in it."""

from tempfile import TemporaryFile
from typing import BinaryIO, cast

from datasets.queries.seen import Roles, hidden_of
from experiments import cards, taking_along
from experiments.models.registry import ModelVersion
from experiments.queries.models import bundle_path
from experiments.queries.registry import card_facts
from problems.problem import Denied


def package_of(version: ModelVersion, roles: Roles) -> BinaryIO:
    """The zip file, opened at its beginning. A package holds rows and words of the data, so nothing can be hidden."""
    data = version.run.data.dataset
    if hidden_of(data, roles):
        text = f"The package holds values of columns of {data.name} that you must not see."
        raise Denied(text, code="sensitive", action="data.see_sensitive")
    path = bundle_path(version)
    facts = card_facts(version, roles)
    file = cast(BinaryIO, TemporaryFile())  # noqa: SIM115  whoever sends it closes it
    told = {"card": cards.as_markdown(facts), "facts": cards.as_json(facts), "licences": facts["data"]["licences"]}
    taking_along.pack(file, path, **told)
    file.seek(0)
    return file
