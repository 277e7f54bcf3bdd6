"""PURE: which settings a trial tries: the next of a grid, some at random, the best of a rung, or what earlier trials
suggest (TPE, Bergstra et al. 2011, by Optuna).

The first trial tries the settings as they were asked for, so that a search is never worse than none by its own measure.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.estimators.catalog import FAMILIES
from experiments.searching.plans import ETA, grid_axes

STARTUP = 8  # trials at random before earlier ones are learned from
Settings = dict[str, Any]
Row = Mapping[str, Any]


def proposed(plan: Row, asked: Row, number: int, seed: int, history: Sequence[Row], sign: int) -> Settings:
    """The settings of trial `number` (from 1). `history` holds earlier trials: {number, settings, state, value, folds}.

    `sign` is 1 where larger is better, else -1. The same history gives the same settings.
    """
    if plan["search"] == "grid":
        return dict(asked) | _of_grid(plan, number)
    if number == 1:
        return dict(asked)
    if plan["search"] == "bayesian" and sum(one["value"] is not None for one in history) >= STARTUP:
        return dict(asked) | _learned(plan, number, seed, history, sign)
    return dict(asked) | _at_random(plan, number, seed)


def _of_grid(plan: Row, number: int) -> Settings:
    axes = grid_axes(plan)
    found = next(itertools.islice(itertools.product(*axes.values()), number - 1, None))
    return dict(zip(axes, found, strict=True))


def _at_random(plan: Row, number: int, seed: int) -> Settings:
    chance = np.random.default_rng([seed, number])
    return {name: _drawn(plan, name, part, chance) for name, part in plan["space"].items()}


def _drawn(plan: Row, name: str, part: Row, chance: np.random.Generator) -> Any:
    if "values" in part:
        return part["values"][int(chance.integers(len(part["values"])))]
    share, low, high = float(chance.random()), part["low"], part["high"]
    value = low * (high / low) ** share if part["scale"] == "log" else low + (high - low) * share
    return min(high, max(low, round(value))) if _whole(plan, name) else float(value)


def _whole(plan: Row, name: str) -> bool:
    return any(one.name == name and one.kind == "integer" for one in FAMILIES[plan["method"]].settings)


def promoted(history: Sequence[Row], place: int, sign: int) -> Settings:
    """The settings of the `place`-th best (from 0) of a rung's trials."""
    known = [one for one in history if one["value"] is not None]
    ranked = sorted(known, key=lambda one: (-sign * one["value"], one["number"]))
    return dict(ranked[place]["settings"])


def kept(count: int) -> int:
    """How many of a rung go on."""
    return max(1, count // ETA)


def _learned(plan: Row, number: int, seed: int, history: Sequence[Row], sign: int) -> Settings:
    import optuna  # an optional library

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space = {name: _distribution(plan, name, part) for name, part in plan["space"].items()}
    sampler = optuna.samplers.TPESampler(
        seed=(seed * 7919 + number) % 2**31, n_startup_trials=0, multivariate=True, group=False
    )
    study = optuna.create_study(direction="maximize" if sign > 0 else "minimize", sampler=sampler)
    for one in history:
        if one["value"] is not None and _inside(plan, one["settings"]):
            study.add_trial(_past(one, space))
    trial = study.ask(space)
    return {name: _plain(plan, name, trial.params[name]) for name in space}


def _distribution(plan: Row, name: str, part: Row) -> Any:
    from optuna import distributions

    if "values" in part:
        return distributions.CategoricalDistribution(part["values"])
    kind = distributions.IntDistribution if _whole(plan, name) else distributions.FloatDistribution
    return kind(part["low"], part["high"], log=part["scale"] == "log")


def _inside(plan: Row, settings: Row) -> bool:
    """Whether a trial's settings lie in the space; those that were asked for may not."""
    return all(
        settings[name] in part["values"] if "values" in part else part["low"] <= settings[name] <= part["high"]
        for name, part in plan["space"].items()
    )


def _past(one: Row, space: Mapping[str, Any]) -> Any:
    import optuna

    pruned = one["state"] == "pruned"
    state = optuna.trial.TrialState.PRUNED if pruned else optuna.trial.TrialState.COMPLETE
    return optuna.trial.create_trial(
        state=state,
        params={name: one["settings"][name] for name in space},
        distributions=dict(space),
        value=None if pruned else one["value"],
        intermediate_values={len(one["folds"]): one["value"]} if pruned else {},
    )


def _plain(plan: Row, name: str, value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} is not a number")
    return int(value) if _whole(plan, name) else value
