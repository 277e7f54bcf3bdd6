"""A socket: the rooms above register how they judge what is live again, once other targets are signed."""

from collections.abc import Callable

from projects.models.define import Contract
from projects.models.projects import Project
from projects.queries.define import contract_in_force

Judge = Callable[[Project, Contract], None]
_judges: list[Judge] = []


def on_new_targets(judge: Judge) -> Judge:
    """Register a function that judges what its room holds by a contract that has just been signed.

    It runs in the transaction of the signature: new targets and their verdicts come together or not at all.
    """
    _judges.append(judge)
    return judge


def judge_again(project: Project, contract: Contract) -> None:
    """All that is live in a project, by the targets that are in force from now on."""
    for judge in _judges:
        judge(project, contract)


def judge_as_of_today(project: Project) -> None:
    """The same by the targets in force, where something else that verdicts rest on has changed: policy or money."""
    if contract := contract_in_force(project):
        judge_again(project, contract)
