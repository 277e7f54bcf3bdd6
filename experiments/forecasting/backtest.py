"""PURE: how sure a forecast is, by errors on windows before the locked ones, and how that held on the locked ones."""

from typing import Any

import numpy as np

from experiments.forecasting.asking import HISTORY
from experiments.forecasting.frames import LEAST_TRAIN, Frame
from experiments.forecasting.past import Array, beyond
from experiments.forecasting.steps import Plan, plan_of, told

LEVEL, MOST_DRAWN, SHORTEST_DRAWN = 0.9, 400, 60


def calibration_rows(frame: Frame, plan: Plan) -> tuple[Array, Array] | None:
    """Rows to learn from that come first, and those after them to hold answers against; None where there are too few.

    As far back from the locked windows as these reach themselves; no answer before the line is asked for after it.
    """
    train = frame.split.train
    line = frame.cut - max(plan.horizon, (frame.targets.max() - frame.cut))
    early = train[frame.targets[train] <= line]
    late = train[frame.origins[train] >= line]
    if early.size < LEAST_TRAIN or beyond(np.ones(late.size), LEVEL) is None:
        return None
    return early, late


def sizes_by_step(frame: Frame, plan: Plan, rows: Array, said: Array) -> list[float]:
    """For each step ahead the size of error, in usual changes of its series, that LEVEL of new ones stay within.

    A step with too few errors of its own takes those of all steps; further ahead is never surer.
    """
    usual = np.where(np.isfinite(frame.scales[rows]) & (frame.scales[rows] > 0), frame.scales[rows], 1.0)
    errors, ahead = np.abs(frame.truth[rows] - said) / usual, (frame.targets - frame.origins)[rows]
    every = beyond(errors, LEVEL) or 0.0
    sizes: list[float] = []
    for step in range(1, plan.horizon + 1):
        own = beyond(errors[ahead == step], LEVEL)
        sizes.append(max(every if own is None else own, sizes[-1] if sizes else 0.0))
    return sizes


def tested(frame: Frame, plan: Plan, said: Array, sizes: list[float] | None) -> dict[str, Any]:
    """The locked windows as they are drawn: what was known, what was said, between what, and how often that held."""
    test = frame.split.test
    usual = np.where(np.isfinite(frame.scales[test]) & (frame.scales[test] > 0), frame.scales[test], 1.0)
    ahead = (frame.targets - frame.origins)[test]
    found: dict[str, Any] = {"level": LEVEL, "sizes": sizes, "covered": None, "rows": int(test.size)}
    half = None if sizes is None else np.array(sizes)[ahead - 1] * usual
    if half is not None:
        found["covered"] = float((np.abs(frame.truth[test] - said) <= half).mean())
    found["by_step"] = [
        {"ahead": int(step), "mae": float(np.abs(frame.truth[test] - said)[ahead == step].mean())}
        for step in np.unique(ahead)
    ]
    return found


def drawn(frame: Frame, plan: Plan, said: Array, sizes: list[float] | None) -> dict[str, Any]:
    """The series with most rows, over its end: the truth by step, and each window's answers with their ends."""
    test = frame.split.test
    names, counts = np.unique(frame.names[test].astype(str), return_counts=True)
    name = str(names[np.argmax(counts)])
    one = next(series for series in frame.series if series.name == name)
    locked = one.last - frame.cut
    kept = min(one.values.size, MOST_DRAWN, max(SHORTEST_DRAWN, 2 * locked + 2 * plan.seasons[0]))
    truth = [
        {"at": told(one.last - back, plan.step), "value": float(one.values[-1 - back])}
        for back in range(kept - 1, -1, -1)
        if not np.isnan(one.values[-1 - back])
    ]
    windows: dict[int, list[dict[str, Any]]] = {}
    for row, answer in zip(test, said, strict=True):
        if str(frame.names[row]) != name:
            continue
        usual = frame.scales[row] if np.isfinite(frame.scales[row]) and frame.scales[row] > 0 else 1.0
        half = None if sizes is None else sizes[int(frame.targets[row] - frame.origins[row]) - 1] * usual
        entry = {"at": told(int(frame.targets[row]), plan.step), "said": float(answer)}
        ends = {} if half is None else {"low": float(answer - half), "high": float(answer + half)}
        windows.setdefault(int(frame.origins[row]), []).append(entry | ends)
    series = {"name": plan.key, "called": name}  # named after its column, so that it is masked with it
    return {"series": series, "truth": truth, "windows": [windows[origin] for origin in sorted(windows)]}


def coming(predictor: Any, signature: Any, name: str) -> list[dict[str, Any]]:
    """The steps after the last known one of a series, as the packed model answers; none where it must be told more."""
    plan = plan_of(signature["forecast"], signature["target"])
    if any(field["name"] not in (plan.time, plan.key, HISTORY) for field in signature["inputs"]):
        return []
    steps = [told(signature["tail"][name]["end"] + ahead, plan.step) for ahead in range(1, plan.horizon + 1)]
    rows = [{plan.time: step, HISTORY: None} | ({plan.key: name} if plan.key else {}) for step in steps]
    found = []
    for step, answer in zip(steps, predictor.predict(rows), strict=True):
        ends = {} if answer.ends is None else {"low": answer.ends[0], "high": answer.ends[1]}
        found.append({"at": step, "said": answer.answer} | ends)
    return found
