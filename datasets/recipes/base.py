"""PURE: the shape that every recipe step has: declared fields, what it learns, what it does."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from datasets.recipes.declared import Declared
from datasets.recipes.frame import Frame

Params = Mapping[str, Any]
Learned = dict[str, Any]
Ask = Callable[[Any], list[dict[str, Any]]]
Tables = Mapping[str, Frame]


class Step(Declared, ABC):
    """One kind of step.

    `learn` asks for statistics of the step's input; they are plain JSON, stored with the result and applied as
    literals, so that a model's inputs can later be prepared with the same numbers. `apply` gives the new frame and
    must work with nothing learned (`{}`), for a look at the columns before there is data.
    """

    learns: ClassVar[bool] = False
    changes_rows: ClassVar[bool] = False

    @abstractmethod
    def sentence(self, p: Params) -> str:
        """What the step does, as one sentence."""

    def learn(self, frame: Frame, p: Params, ask: Ask, tables: Tables) -> Learned:
        """Statistics of the input; `ask` runs an Ibis table and returns its rows."""
        return {}

    @abstractmethod
    def apply(self, frame: Frame, p: Params, learned: Learned, tables: Tables) -> Frame:
        """The frame after the step."""

    def tables(self, p: Params) -> list[tuple[str, int]]:
        """Other datasets that it reads, each with a version number; 0 is the newest published one."""
        return []

    def noted(self, learned: Learned) -> str:
        """What was learned, in words, for the report."""
        return ""


def names_in_words(names: Sequence[str], most: int = 4) -> str:
    """`a, b and c` or `a, b, c and 5 more`."""
    shown = [name[:60] for name in names]
    if len(shown) > most:
        return f"{', '.join(shown[:most])} and {len(shown) - most} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def table_key(name: str, version: int) -> str:
    """Under which name another table is handed to a step."""
    return f"{name}@{version}" if version else name
