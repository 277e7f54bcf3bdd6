"""PURE: a table of moments as rows to learn from: one for each origin and each step ahead of it, and the back-test."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from datasets.splitting import Split
from experiments.columns import numbers_of, words_of
from experiments.forecasting.past import Array, looked, on_grid, scale_of
from experiments.forecasting.relative import apart
from experiments.forecasting.steps import HOUR, MONTH, WEEKDAY, Plan, calendar, names, place, start_of
from experiments.matrices import GAP
from problems.problem import Invalid

MOST_ROWS, MOST_SERIES, LEAST_TRAIN = 60_000, 500, 50


TOGETHER: dict[str, Callable[[Array], float]] = {
    "mean": lambda values: float(values.mean()),
    "sum": lambda values: float(values.sum()),
    "last": lambda values: float(values[-1]),
}


@dataclass(frozen=True)
class Series:
    """One series on its grid from step `first` on; `rows` are the places of its moments in the table, -1 in gaps."""

    name: str
    first: int
    values: Array
    rows: Array

    @property
    def last(self) -> int:
        """The last step with a value."""
        return self.first + self.values.size - 1


@dataclass(frozen=True)
class Frame:
    """Rows of origins and steps ahead: what was looked at, the truth, the row of the table, how much is usual."""

    table: pa.Table
    truth: Array
    places: Array
    origins: Array
    targets: Array
    names: Array
    scales: Array
    split: Split
    series: tuple[Series, ...]
    cut: int
    notices: list[str]
    relative: bool = False  # learned in multiples of each series' own size


def series_of(table: pa.Table, plan: Plan) -> tuple[list[Series], list[str]]:
    """Every series of a table, several rows of one step taken together, and what has to be said about that."""
    numbers = numbers_of(table.column(plan.target))
    steps = [place(value, plan.step) for value in table.column(plan.time).to_pylist()]
    keys = words_of(table.column(plan.key)) if plan.key else np.full(table.num_rows, "", dtype=object)
    cells: dict[str, dict[int, list[int]]] = {}
    left_out = 0
    for row, (step, key) in enumerate(zip(steps, keys, strict=True)):
        if step is None or key == GAP:
            left_out += 1
        else:
            cells.setdefault(str(key), {}).setdefault(step, []).append(row)
    if len(cells) > MOST_SERIES:
        raise Invalid(f"“{plan.key}” names {len(cells)} series; at most {MOST_SERIES} can be learned together.",
                      fields={"forecast.key": "too many series"})  # fmt: skip
    found = [one for name, own in sorted(cells.items()) if (one := _series(name, own, numbers, plan)) is not None]
    twice = sum(len(rows) > 1 for own in cells.values() for rows in own.values())
    notices = [f"{left_out} rows without a moment or a series were left out."] if left_out else []
    if twice:
        notices.append(f"{twice} steps have several rows; their {plan.together} counts.")
    if gaps := sum(int(np.isnan(one.values).sum()) for one in found):
        notices.append(f"{gaps} steps between the first and the last have no “{plan.target}”; they stay gaps.")
    return found, notices


def _series(name: str, cells: Mapping[int, list[int]], numbers: Array, plan: Plan) -> Series | None:
    known: dict[int, float | None] = {}
    for step, own in cells.items():
        values = numbers[own][~np.isnan(numbers[own])]
        if values.size:
            known[step] = TOGETHER[plan.together](values)
    if not known:
        return None
    first, values = on_grid(known)
    rows = np.full(values.size, -1)
    for step, own in cells.items():
        if first <= step < first + values.size:
            rows[step - first] = own[-1]
    return Series(name, first, values, rows)


def framed(table: pa.Table, plan: Plan, windows: int) -> Frame:
    """The rows to learn from and those of the back-test: `windows` origins, a horizon apart, at the very end.

    Every row whose answer lies at or before the first of these origins may be learned from; none after it is.
    """
    series, notices = series_of(table, plan)
    end = max((one.last for one in series), default=0)
    cut = end - windows * plan.horizon
    parts = [part for one in series for part in _pairs(one, plan, cut, windows, sum(o.values.size for o in series))]
    if not any(not test for *_, test in parts):
        raise _too_short(plan, windows, series)
    made = [looked(one.values, origins - one.first, aheads, plan) for one, origins, aheads, _ in parts]
    columns = {name: np.concatenate([found[name] for found in made]) for name in names(plan)}
    origins = np.concatenate([origins for _, origins, _, _ in parts])
    targets = origins + np.concatenate([aheads for _, _, aheads, _ in parts])
    owner = np.concatenate([np.full(origins.size, number) for number, (_, origins, _, _) in enumerate(parts)])
    truth, places, scales = np.empty(owner.size), np.empty(owner.size, dtype=np.int64), np.empty(owner.size)
    for number, (one, *_rest) in enumerate(parts):
        own = owner == number
        truth[own] = one.values[targets[own] - one.first]
        places[own] = one.rows[targets[own] - one.first]
        scales[own] = scale_of(one.values[: max(0, cut - one.first + 1)], plan.seasons[0])
    tested = np.array([test for *_, test in parts])[owner]
    split = Split(np.flatnonzero(~tested), np.flatnonzero(tested))
    if split.train.size < LEAST_TRAIN or not split.test.size:
        raise _too_short(plan, windows, series)
    kept = table.take(places)
    for name, values in columns.items():
        kept = kept.append_column(name, pa.array(values, mask=np.isnan(values)))
    kept = kept.set_column(kept.column_names.index(plan.target), plan.target, pa.array(truth))
    said = [calendar(int(target), plan.step) for target in targets]
    for name in (HOUR, WEEKDAY, MONTH):
        kept = kept.append_column(name, pa.array([one[name] for one in said]))
    kind = kept.column(plan.time).type
    begun = pa.array([start_of(int(target), plan.step) for target in targets], pa.timestamp("us")).cast(kind)
    kept = kept.set_column(kept.column_names.index(plan.time), plan.time, begun)
    called = np.array([one.name for one, *_ in parts], dtype=object)[owner]
    relative = _sizes_differ(series, cut, plan, notices)
    return Frame(kept, truth, places, origins, targets, called, scales, split, tuple(series), cut, notices, relative)


def _sizes_differ(series: list[Series], cut: int, plan: Plan, notices: list[str]) -> bool:
    """Whether each series is learned in multiples of its own size; it is told."""
    if not apart([one.values[: max(0, cut - one.first + 1)] for one in series]):
        return False
    notices.append(f"The series of “{plan.key}” are of very different size; each counts in multiples of its own.")
    return True


def _too_short(plan: Plan, windows: int, series: list[Series]) -> Invalid:
    longest = max((one.values.size for one in series), default=0)
    return Invalid(
        f"The longest series has {longest} steps. A season ({plan.seasons[0]}), {windows} windows of {plan.horizon} "
        f"and at least {LEAST_TRAIN} rows to learn from need more. Look less far ahead, or choose a narrower step.",
        fields={"forecast.horizon": "too far for so short a past"},
    )


def _pairs(one: Series, plan: Plan, cut: int, windows: int, steps: int) -> list[tuple[Series, Array, Array, bool]]:
    """Origins and steps ahead of one series: those to learn from, then those of the back-test."""
    stride = max(1, -(-steps * plan.horizon // MOST_ROWS))
    early = np.arange(one.first + plan.least - 1, min(cut, one.last), stride)
    late = cut + plan.horizon * np.arange(windows)
    late = late[(late >= one.first + plan.least - 1) & (late < one.last)]
    found = []
    for origins, test in ((early, False), (late, True)):
        starts, aheads = np.repeat(origins, plan.horizon), np.tile(np.arange(1, plan.horizon + 1), origins.size)
        inside = starts + aheads <= (one.last if test else min(cut, one.last))
        starts, aheads = starts[inside], aheads[inside]
        known = ~np.isnan(one.values[starts + aheads - one.first])
        if known.any():
            found.append((one, starts[known], aheads[known], test))
    return found


def tail_of(frame: Frame, plan: Plan) -> dict[str, Any]:
    """What a model must remember of each series to answer without being told the past."""
    usual = float(np.nanmean(frame.scales)) if np.isfinite(frame.scales).any() else 1.0
    found = {}
    for one in frame.series:
        scale = scale_of(one.values[: max(0, frame.cut - one.first + 1)], plan.seasons[0])
        kept = [None if np.isnan(value) else float(value) for value in one.values[-plan.memory :]]
        found[one.name] = {"end": one.last, "values": kept, "scale": scale if np.isfinite(scale) else usual}
    return found
