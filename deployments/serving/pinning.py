"""PURE: a request that names the version it wants, by number or alias: that version answers, or nobody."""

from deployments.serving.inference import Facts, Loaded
from deployments.serving.traffic import CHAMPION, OnTrial
from problems.problem import Missing

CHALLENGER = "challenger"


def pinned(wanted: str, in_use: tuple[Facts, Loaded], trial: OnTrial | None) -> tuple[Facts, Loaded]:
    """What answers as `wanted`: the model in use, or its challenger while that answers callers.

    A challenger in shadow answers nobody, so not even by name; what is asked for by name is not counted in a trial.
    """
    facts, _ = in_use
    known = {alias: number for alias, number in facts.aliases} | {CHAMPION: facts.version}
    if trial:
        known[CHALLENGER] = trial.facts.version
    number = int(wanted) if wanted.isdigit() else known.get(wanted)
    if number is None:
        raise Missing(f"“{wanted}” names no version of {facts.model}.")
    if number == facts.version:
        return in_use
    if trial and trial.percent and number == trial.facts.version:
        return trial.facts, trial.model
    name = f"Version {number}" if wanted.isdigit() else f"“{wanted}” names version {number}, which"
    raise Missing(f"{name} does not answer here; version {facts.version} does.")
