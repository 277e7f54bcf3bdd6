"""PURE: steps that read cells: those that cannot be read become missing and are counted, or stop the recipe."""

from abc import abstractmethod
from typing import Any

from datasets.recipes.base import Ask, Learned, Params, Step, Tables
from datasets.recipes.fields import Field
from datasets.recipes.frame import Frame
from problems.problem import Invalid

OTHERWISE = Field(
    "otherwise",
    "choice",
    "What cannot be read",
    default="missing",
    choices={"missing": "becomes missing and is counted", "stop": "stops the recipe"},
)


class ReadingStep(Step):
    """A step that turns cells into values of another kind."""

    learns = True

    @abstractmethod
    def values(self, frame: Frame, p: Params) -> tuple[Frame, dict[str, tuple[str, Any]]]:
        """Type and new values of each column that is read, and the frame that they belong to (it may have stages)."""

    def apply(self, frame: Frame, p: Params, learned: Learned, tables: Tables) -> Frame:
        staged, values = self.values(frame, p)
        return staged.put(values)

    def learn(self, frame: Frame, p: Params, ask: Ask, tables: Tables) -> Learned:
        """How many cells cannot be read; the first of them is told when they stop the recipe."""
        frame, values = self.values(frame, p)
        found = {name: frame[name].notnull() & value.isnull() for name, (_, value) in values.items()}
        counts = {f"n{i}": lost.sum() for i, lost in enumerate(found.values())}
        (row,) = ask(frame.table.aggregate(**counts))
        lost = {name: int(row[f"n{i}"] or 0) for i, name in enumerate(found)}
        if p["otherwise"] == "stop" and any(lost.values()):
            name = next(name for name, count in lost.items() if count)
            table = frame.table.filter(found[name]).order_by("r").select(v=frame[name].cast("string")).limit(1)
            example = str(ask(table)[0]["v"])[:60]
            raise Invalid(
                f"{lost[name]} cells of “{name[:100]}” cannot be read; the first is “{example}”.", code="unreadable"
            )
        return {"unreadable": lost}

    def noted(self, learned: Learned) -> str:
        lost = [f"{name} {count}" for name, count in learned.get("unreadable", {}).items() if count]
        return f"Could not be read and are missing now: {', '.join(lost)}" if lost else ""
