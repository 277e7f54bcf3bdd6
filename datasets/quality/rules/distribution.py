"""PURE: how far the values of a column moved since the last published version."""

from collections.abc import Mapping
from typing import Any

from datasets.profiling.comparison import stability
from datasets.quality.base import FAILED, FIRST, PASSED, Found, Judgement, Rule, Scene, cannot
from datasets.recipes.declared import Params
from datasets.recipes.fields import Field


class Distribution(Rule):
    """Measured as the population stability index of the two profiles: no further look at the rows is needed."""

    kind = "distribution"
    title = "Spread like last time"
    help = "The values are spread as in the last published version; 0.1 is a small move, 0.25 a large one."
    fields = (
        Field("column", "column", "Column"),
        Field("most", "number", "Moves at most", "The population stability index.", default=0.25, low=0, high=100),
    )

    def sentence(self, p: Params) -> str:
        return f"{p['column'][:60]} is spread as in the last published version; it moves by at most {p['most']:g}."

    def judge(self, scene: Scene, p: Params, found: Found) -> Judgement:
        if scene.before is None:
            return Judgement(PASSED, FIRST, f"at most {p['most']:g}")
        old, now = _column(scene.before, p["column"]), _column(scene.profile, p["column"])
        if old is None or now is None or old["type"] != now["type"]:
            raise cannot(f"{scene.before_name} has no such column of this type.")
        moved = stability(dict(old), dict(now)) if old["present"] and now["present"] else None
        if moved is None:
            raise cannot("The two versions have nothing that can be compared: no values, or too many different ones.")
        words = f"moved by {moved:.3f} since {scene.before_name}"
        return Judgement(PASSED if moved <= p["most"] else FAILED, words, f"at most {p['most']:g}")


def _column(profile: Mapping[str, Any] | None, name: str) -> Mapping[str, Any] | None:
    columns: list[Mapping[str, Any]] = profile["columns"] if profile else []
    return next((one for one in columns if one["name"] == name), None)
