"""A registered version as a file to take along, for those who may see all that is in it."""

from collections.abc import Mapping
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from datasets.queries.seen import Roles, hidden_of
from experiments import cards, taking_along
from experiments.models.registry import ModelVersion
from experiments.queries.models import bundle_path
from experiments.queries.registry import card_facts
from problems.problem import Denied


def package_of(version: ModelVersion, roles: Roles) -> BinaryIO:
    """The zip file, opened at its beginning."""
    return opened(parts_of(version, roles))


def parts_of(version: ModelVersion, roles: Roles) -> dict[str, bytes]:
    """The files of a package. It holds rows and words of the data, so nothing can be hidden."""
    data = version.run.data.dataset
    if hidden_of(data, roles):
        text = f"The package holds values of columns of {data.name} that you must not see."
        raise Denied(text, code="sensitive", action="data.see_sensitive")
    path = bundle_path(version)
    facts = card_facts(version, roles)
    told = {"card": cards.as_markdown(facts), "facts": cards.as_json(facts), "licences": facts["data"]["licences"]}
    return taking_along.parts(path, **told)


def opened(parts: Mapping[str, bytes]) -> BinaryIO:
    """The files as a zip file, at its beginning."""
    file = cast(BinaryIO, TemporaryFile())  # noqa: SIM115  whoever sends it closes it
    taking_along.write(file, parts)
    file.seek(0)
    return file
