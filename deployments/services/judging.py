"""How a release stands by the targets in force."""

from deployments.models import Release
from deployments.queries.versions import judgements_of
from projects.contract import as_row
from projects.models.define import Contract


def judge(release: Release, contract: Contract | None) -> None:
    """How the version stands by these targets, from what was measured of it."""
    judged = judgements_of(release.version, contract, release.measured)
    release.contract, release.verdicts = contract, [as_row(one) for one in judged]
