"""PURE: how old the newest moment in a column is."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from datasets.quality.base import FAILED, PASSED, Found, Judgement, Rule, Scene, cannot
from datasets.recipes.declared import Params
from datasets.recipes.fields import Field
from datasets.recipes.frame import TIMES, literal


class Freshness(Rule):
    """Moments in the future do not count, so that one wrong year does not make old data fresh."""

    kind = "freshness"
    title = "Fresh enough"
    help = "The newest date or time in a column is at most so many days old; what lies in the future does not count."
    fields = (
        Field("column", "column", "Column", types=TIMES),
        Field("days", "number", "Days", low=0, high=36_500),
    )

    def sentence(self, p: Params) -> str:
        return f"The newest {p['column'][:60]} is at most {p['days']:g} days old."

    def measures(self, scene: Scene, p: Params) -> dict[str, Any]:
        value, now = scene.frame[p["column"]], scene.now.replace(tzinfo=None, microsecond=0)
        kind = scene.frame.type_of(p["column"])
        latest = literal(now.date().isoformat() if kind == "date" else now.isoformat(" "), kind)
        return {"newest": value.max(where=value <= latest)}

    def judge(self, scene: Scene, p: Params, found: Found) -> Judgement:
        newest = found["newest"]
        if newest is None:
            raise cannot(f"{p['column'][:60]} holds no moment up to now.")
        if not isinstance(newest, datetime):
            assert isinstance(newest, date)
            newest = datetime(newest.year, newest.month, newest.day) + timedelta(days=1)  # a day lasts to its end
            shown = found["newest"].isoformat()
        else:
            shown = newest.isoformat(" ", "minutes")
        age = scene.now - newest.replace(tzinfo=UTC)
        fine = age <= timedelta(days=p["days"])
        return Judgement(PASSED if fine else FAILED, f"the newest is {shown}", f"at most {p['days']:g} days old")
