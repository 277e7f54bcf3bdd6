"""PURE: how many rows there are."""

from datasets.quality.base import FAILED, FIRST, PASSED, Found, Judgement, Rule, Scene, spaced
from datasets.recipes.declared import Params
from datasets.recipes.fields import Field
from problems.problem import Invalid

BIG = 10**15


class RowCount(Rule):
    """Bounds, and how far the number may move since the last published version."""

    kind = "row_count"
    title = "Number of rows"
    help = "The number of rows lies within bounds, and near that of the last published version."
    fields = (
        Field("low", "integer", "At least", required=False, low=0, high=BIG),
        Field("high", "integer", "At most", required=False, low=0, high=BIG),
        Field("moves", "number", "Moves since the last published version, of 100", required=False, low=0, high=10_000),
    )

    def check(self, p: Params) -> None:
        if all(p[name] is None for name in ("low", "high", "moves")):
            raise Invalid("State at least one bound.", fields={"low": "State at least one bound."})
        if p["low"] is not None and p["high"] is not None and p["low"] > p["high"]:
            raise Invalid("The lower bound is above the upper one.", fields={"low": "Above the upper bound."})

    def sentence(self, p: Params) -> str:
        return f"There are {_limit(p)}."

    def judge(self, scene: Scene, p: Params, found: Found) -> Judgement:
        rows, measured = scene.rows, f"{spaced(scene.rows)} row{'' if scene.rows == 1 else 's'}"
        fine = (p["low"] is None or rows >= p["low"]) and (p["high"] is None or rows <= p["high"])
        if p["moves"] is not None and fine:
            if scene.before is None:
                return Judgement(PASSED, f"{measured}; {FIRST}", _limit(p))
            before = scene.before["rows"]
            fine = abs(rows - before) * 100 <= p["moves"] * before
            measured += f", {spaced(before)} in {scene.before_name}"
        return Judgement(PASSED if fine else FAILED, measured, _limit(p))


def _limit(p: Params) -> str:
    said = [
        f"{word} {spaced(p[name])}" for word, name in (("at least", "low"), ("at most", "high")) if p[name] is not None
    ]
    words = f"{' and '.join(said)} rows" if said else "rows"
    if p["moves"] is not None:
        words += f"{',' if said else ''} within {p['moves']:g} of 100 of the last published version"
    return words
