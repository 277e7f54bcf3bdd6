"""PURE: a recipe's steps as they are kept: read, checked one by one against the columns that each will find."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from datasets.recipes.base import Step, Tables
from datasets.recipes.catalog import STEPS
from datasets.recipes.frame import Frame, table_of
from problems.problem import Invalid, Problem

MOST_STEPS = 100
PARAMS = {"kind", "params"}


@dataclass(frozen=True)
class Planned:
    """One step with its parameters."""

    step: Step
    params: Mapping[str, Any]

    @property
    def as_dict(self) -> dict[str, Any]:
        """As it is kept."""
        return {"kind": self.step.kind, "params": dict(self.params)}

    @property
    def sentence(self) -> str:
        """What it does."""
        return self.step.sentence(self.params)


@contextmanager
def at_step(place: int) -> Iterator[None]:
    """Around the work of one step (from 0): a refusal says which step it is, and names its parameter by path."""
    try:
        yield
    except Problem as problem:
        fields = {
            f"steps[{place}].{name if name in PARAMS else f'params.{name}'}": text
            for name, text in problem.fields.items()
        }
        facts = problem.facts | {"step": place + 1}
        kept = fields or {f"steps[{place}]": problem.text}
        raise Invalid(f"Step {place + 1}: {problem.text}", code=problem.code, fields=kept, **facts) from problem


def read_step(raw: Any) -> Planned:
    """One step from JSON; refuses unknown kinds and wrong parameters by name."""
    if not isinstance(raw, Mapping) or not set(raw) <= PARAMS or not isinstance(raw.get("kind"), str):
        raise Invalid("A step is an object with kind and params.", fields={"kind": "This is not a step."})
    step = STEPS.get(raw["kind"])
    if step is None:
        text = f"There is no step “{raw['kind'][:60]}”. There are {', '.join(STEPS)}."
        raise Invalid(text, fields={"kind": text}, code="unknown_step")
    return Planned(step, step.read(raw.get("params", {})))


def read_steps(raw: Any) -> list[Planned]:
    """All steps of a recipe."""
    if not isinstance(raw, list):
        raise Invalid("The steps are a list.", fields={"steps": "This is not a list."})
    if len(raw) > MOST_STEPS:
        text = f"A recipe has at most {MOST_STEPS} steps."
        raise Invalid(text, fields={"steps": text})
    found = []
    for place, one in enumerate(raw):
        with at_step(place):
            found.append(read_step(one))
    return found


def tables_of(steps: Sequence[Planned]) -> list[tuple[str, int]]:
    """The other datasets that the steps read, each once, with the version that was stated (0: the newest)."""
    return list(dict.fromkeys(table for one in steps for table in one.step.tables(one.params)))


def outline(steps: Sequence[Planned], schema: Sequence[Mapping[str, Any]], others: Mapping[str, Any]) -> list[Frame]:
    """The frame before each step and after the last, without any data; refuses the first step that does not fit.

    Ends early after a step whose columns only data can tell.
    """
    frames = [table_of("main", schema)]
    tables: Tables = {key: table_of(f"other{i}", one) for i, (key, one) in enumerate(others.items())}
    for place, one in enumerate(steps):
        with at_step(place):
            one.step.fits(frames[-1], one.params)
            frames.append(one.step.apply(frames[-1], one.params, {}, tables))
        if not frames[-1].columns_known:
            break
    return frames
