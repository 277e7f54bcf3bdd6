"""PURE: steps of time: where a moment stands on a regular grid, what a season is there; only the standard library."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from experiments.moments import moment

EPOCH, MONDAY = datetime(1970, 1, 1), datetime(1970, 1, 5)
SEASONS = {"hour": (24, 168), "day": (7,), "week": (52,), "month": (12,), "quarter": (4,), "year": (1,)}
LAGS, SHORT_MEAN = 3, 3
AHEAD = "steps ahead"
HOUR, WEEKDAY, MONTH = "hour of the day", "day of the week", "month of the year"
HORIZONS = {"hour": 24, "day": 14, "week": 8, "month": 12, "quarter": 4, "year": 3}
_HOURS = {"hour": 1, "day": 24, "week": 168}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_WIDEST = (("hour", 0.5), ("day", 4), ("week", 15), ("month", 60), ("quarter", 200))  # gaps in days


@dataclass(frozen=True)
class Plan:
    """How a series is looked at: which columns, how wide a step is, how far ahead, and how its past becomes inputs."""

    target: str
    time: str
    key: str
    step: str
    horizon: int
    seasons: tuple[int, ...]
    together: str = "mean"

    @property
    def means(self) -> tuple[int, ...]:
        """Over how many steps the past is averaged."""
        return tuple(sorted({SHORT_MEAN, *self.seasons} - {1}))

    @property
    def least(self) -> int:
        """How many steps of the past are needed before anything can be said."""
        return max(LAGS, self.seasons[0])

    @property
    def memory(self) -> int:
        """How many steps of the past any input looks at."""
        return max(LAGS, 2 * self.seasons[0] + self.horizon, *(size + self.horizon for size in self.seasons))

    def as_row(self) -> dict[str, Any]:
        """The plan as plain JSON."""
        return asdict(self) | {"seasons": list(self.seasons)}


def plan_of(row: Mapping[str, Any], target: str) -> Plan:
    """The plan in a spec or a signature."""
    return Plan(target, row["time"], row["key"], row["step"], row["horizon"], tuple(row["seasons"]), row["together"])


def index_of(when: datetime, step: str) -> int:
    """The step that a moment lies in, counted from 1970."""
    if step in _MONTHS:
        return ((when.year - 1970) * 12 + when.month - 1) // _MONTHS[step]
    start = MONDAY if step == "week" else EPOCH
    return (when - start) // timedelta(hours=_HOURS[step])


def start_of(index: int, step: str) -> datetime:
    """The moment at which a step begins."""
    if step in _MONTHS:
        years, months = divmod(index * _MONTHS[step], 12)
        return datetime(1970 + years, months + 1, 1)
    return (MONDAY if step == "week" else EPOCH) + timedelta(hours=index * _HOURS[step])


def told(index: int, step: str) -> str:
    """A step's beginning as ISO text, with the hour only where steps are hours."""
    when = start_of(index, step)
    return when.isoformat() if step == "hour" else when.date().isoformat()


def place(value: Any, step: str) -> int | None:
    """The step of an ISO text or a date; None where it is no moment."""
    found = moment(value)
    return None if found is None else index_of(found, step)


def guessed_step(first: Any, last: Any, distinct: int) -> str:
    """The step nearest to the usual gap between so many different moments; days where nothing is known."""
    begin, end = moment(first), moment(last)
    if begin is None or end is None or distinct < 2:
        return "day"
    gap = (end - begin).total_seconds() / 86_400 / (distinct - 1)
    return next((step for step, widest in _WIDEST if gap < widest), "year")


def calendar(index: int, step: str) -> dict[str, str]:
    """What the calendar says of a step, in words, so that no method takes December for twelve times January."""
    when = start_of(index, step)
    return {HOUR: f"{when.hour:02}", WEEKDAY: f"{when:%A}", MONTH: f"{when:%B}"}


def calendar_names(step: str, span: int) -> list[str]:
    """The parts of the calendar that say something in steps of this width; months only once two years were seen."""
    if step == "year":
        return []
    years = (start_of(span, step) - start_of(0, step)).days / 365
    return [
        *([HOUR] if step == "hour" else []),
        *([WEEKDAY] if step in ("hour", "day") else []),
        *([MONTH] if years >= 2 else []),
    ]


def season_name(plan: Plan, size: int, back: int = 1) -> str:
    """The input that holds the value a whole number of seasons before what is asked for."""
    return f"{plan.target}, {'a season' if back == 1 else f'{back} seasons'} of {size} before"


def lag_name(plan: Plan, number: int) -> str:
    """The input that holds one of the last known values."""
    return f"{plan.target}, known last" if number == 0 else f"{plan.target}, {number} before the last"


def names(plan: Plan) -> list[str]:
    """The inputs that are made of the past, in order."""
    return [
        AHEAD,
        *(lag_name(plan, number) for number in range(LAGS)),
        *(season_name(plan, size) for size in plan.seasons),
        season_name(plan, plan.seasons[0], 2),
        *(f"{plan.target}, mean of the last {size}" for size in plan.means),
    ]


def with_past(hidden: frozenset[str], spec: Mapping[str, Any]) -> frozenset[str]:
    """Columns whose values somebody must not see, with all that a forecast makes of the past of its target."""
    if not spec.get("forecast") or spec["target"] not in hidden:
        return hidden
    return hidden | set(names(plan_of(spec["forecast"], spec["target"]))) - {AHEAD}
