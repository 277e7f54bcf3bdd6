"""PURE: the engine that judges a challenger and the model in use on the same rows, held-back and recent."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from experiments.evaluation.asked import in_slice, measured_goals
from experiments.evaluation.choice import deciding_metric
from experiments.evaluation.intervals import Held
from experiments.evaluation.intervals import measured as all_measured
from experiments.evaluation.paired import NOTHING, difference
from experiments.packaging import Bundle
from experiments.preparing import prepared
from experiments.references import plain
from experiments.unlabelled.asking import UNUSUAL, USUAL
from experiments.unlabelled.judging import grouped_rows
from jobs.report import Report, Silent
from monitoring import comparison_ahead
from monitoring.performance import measured
from problems.problem import Invalid
from projects.contract import Goal, Judgement, TargetKind, goal_of, judged_from
from projects.measures import MEASURES, UNLABELLED
from storage import tables

LEAST_ROWS, MOST_ROWS, DRAWS, SEED = 30, 20_000, 300, 7
Known = Held
Models = dict[str, Bundle]
Asked = tuple[dict[str, Known], list[dict[str, Any]]]


def run(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Compare two bundles.

    `spec`: champion and challenger (paths of bundles), champion_run and challenger_run (their specs with kind, table
    and schema), segments (paths of answered rows), outcomes (a file in `folder`), goals, the version of their
    contract, and the thresholds of both where a decision policy is in force.
    """
    models = {name: Bundle.open(Path(spec[name])) for name in ("champion", "challenger")}
    kind = models["challenger"].signature["kind"]
    goals = [Goal(**goal) for goal in spec["goals"]]
    checked = bool(spec["challenger_run"]["target"])
    goals += [] if any(goal.deciding for goal in goals) else [_usual(kind, deciding=True, checked=checked)]
    beside = _usual(kind, deciding=False, checked=checked)
    goals += [] if any(goal.key == beside.key for goal in goals) else [beside]
    sets: list[dict[str, Any]] = []
    for name, asked in (("held_back", _asked_held_back), ("recent", _asked_recent)):
        report.progress(len(sets), 2, "Asking both models the same")
        if found := asked(spec, models, folder):
            sets.append(_compared(name, found[0], goals, spec, found[1]))
    if not sets:
        raise Invalid(f"There are fewer than {LEAST_ROWS} rows on which both models can be compared.")
    choice = _choice(sets)
    return {"sets": sets, "choice": choice, "finding": _finding(sets, choice), "contract": spec.get("contract")}


def _usual(kind: str, *, deciding: bool, checked: bool) -> Goal:
    """The metric that decides where nobody set a target. It is always compared too: a model that flags everybody
    reaches any target for what it finds.
    """
    measure = MEASURES[deciding_metric(kind, [], None, checked=checked)]
    return Goal(measure.words, measure.key, measure.better, measure.default, "", deciding)


def _asked_held_back(spec: dict[str, Any], models: Models, folder: Path) -> Asked | None:
    """What both say of held-back rows, and the rows, where there are enough."""
    if models["challenger"].signature["kind"] == "forecast":
        known, rows = comparison_ahead.held_back(spec, models)
        return (known, rows) if len(rows) >= LEAST_ROWS else None
    return _asked(spec, models, *_held_back(spec))


def _asked_recent(spec: dict[str, Any], models: Models, folder: Path) -> Asked | None:
    """The same for live rows whose outcome is known by now."""
    rows, truth = _recent(spec, folder)
    if models["challenger"].signature["kind"] == "forecast":
        kept = comparison_ahead.answerable(rows, truth, models)
        rows, truth = [rows[place] for place in kept], [truth[place] for place in kept]
    return _asked(spec, models, rows, truth)


def _asked(spec: dict[str, Any], models: Models, rows: list[dict[str, Any]], truth: list[str]) -> Asked | None:
    if len(rows) < LEAST_ROWS:
        return None
    moved = spec.get("thresholds") or {}
    return {which: _known(bundle, rows, truth, moved.get(which)) for which, bundle in models.items()}, rows


def _held_back(spec: dict[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows that neither model learned from, with their truth.

    A newer version of the data mostly repeats the older one, and the model in use learned from most of that: those
    rows are found by their content and left out, or its good memory would be taken for good judgement.
    """
    data = prepared(spec["challenger_run"], Silent())
    places = data.split.test.tolist()
    rows = [{name: plain(value) for name, value in row.items()} for row in data.table.take(data.split.test).to_pylist()]
    if spec["champion_run"] != spec["challenger_run"]:
        before = prepared(spec["champion_run"], Silent())
        names = sorted(set(before.table.column_names) & set(data.table.column_names))
        seen = Counter(tuple(row.values()) for row in before.train.select(names).to_pylist())
        fresh = [not _was_seen(row, seen) for row in data.test.select(names).to_pylist()]
        places = [place for place, new in zip(places, fresh, strict=True) if new]
        rows = [row for row, new in zip(rows, fresh, strict=True) if new]
    places, rows = places[:MOST_ROWS], rows[:MOST_ROWS]
    if data.classes is not None:
        return rows, [data.classes[int(value)] for value in data.truth[places]]
    if spec["challenger_run"]["kind"] in UNLABELLED:
        return rows, [{1.0: UNUSUAL, 0.0: USUAL}.get(float(value), "") for value in data.truth[places]]
    if data.positive is None:
        return rows, [str(value) for value in data.truth[places]]
    return rows, [str(data.positive if value else data.negative) for value in data.truth[places]]


def _was_seen(row: dict[str, Any], seen: Counter[tuple[Any, ...]]) -> bool:
    """Whether training had this row; each of its copies there answers for one here."""
    key = tuple(row.values())
    if not seen[key]:
        return False
    seen[key] -= 1
    return True


def _recent(spec: dict[str, Any], folder: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Live rows whose outcome is known by now, the newest `MOST_ROWS`."""
    outcomes = json.loads((folder / spec["outcomes"]).read_text())
    rows: list[dict[str, Any]] = []
    truth: list[str] = []
    for path in spec["segments"]:
        for batch in tables.read_batches(Path(path), columns=["id", "row"]):
            for answered in batch.to_pylist():
                if answered["id"] in outcomes:
                    rows.append(orjson.loads(answered["row"]))
                    truth.append(outcomes[answered["id"]])
    return rows[-MOST_ROWS:], truth[-MOST_ROWS:]


def _known(bundle: Bundle, rows: list[dict[str, Any]], truth: list[str], threshold: float | None) -> Known:
    """What a model says of these rows, at the decision policy's threshold where one is in force."""
    predictor, kind = bundle.predictor(), bundle.signature["kind"]
    if kind == "clustering":
        return grouped_rows(predictor, bundle.signature, rows)
    answers = predictor.predict(rows)
    said: list[Any] = [a.chances for a in answers]
    if kind == "anomaly":
        return measured.held(bundle.signature, truth, [a.score for a in answers])
    if kind != "multiclass":
        said = [float((a.probability if kind == "binary" else a.answer) or 0.0) for a in answers]
    moved = {} if threshold is None else {"threshold": threshold}
    return measured.held(bundle.signature | moved, truth, said)


def _compared(
    name: str, known: dict[str, Known], goals: list[Goal], spec: dict[str, Any], rows: list[dict[str, Any]]
) -> dict[str, Any]:
    """One set of rows: all metrics of both, and each target with both verdicts and the paired difference."""
    agreed = {goal["name"] for goal in spec["goals"]}

    def values(column: str) -> list[Any] | None:
        return [row.get(column) for row in rows] if any(column in row for row in rows) else None

    metrics = {which: all_measured(of, SEED) | measured_goals(goals, of, values, SEED) for which, of in known.items()}
    judged = {which: judged_from(goals, of) for which, of in metrics.items()}
    targets = [
        {
            **asdict(goal),
            "agreed": goal.name in agreed,
            "champion": _plain(judged["champion"][i]),
            "challenger": _plain(judged["challenger"][i]),
            "difference": _difference_of(known, goal, values),
        }
        for i, goal in enumerate(goals)
    ]
    return {
        "name": name,
        "rows": int(known["champion"].truth.size),
        "metrics": metrics,
        "targets": targets,
    }


def _plain(judgement: Judgement) -> dict[str, Any]:
    found = judgement.measurement
    return {
        "verdict": judgement.verdict.value,
        "sentence": judgement.sentence,
        "value": found.value if found else None,
        "low": found.low if found else None,
        "high": found.high if found else None,
    }


def _difference_of(known: dict[str, Known], goal: Goal, values: Callable[[str], list[Any] | None]) -> dict[str, Any]:
    """The paired difference where the same rows can show one: a metric of the whole, or of a slice."""
    champion, challenger = known["champion"], known["challenger"]
    if goal.kind == TargetKind.SLICE:
        column = values(goal.column)
        mask = in_slice(goal, column) if column is not None else np.zeros(0, dtype=bool)
        if mask.sum() < LEAST_ROWS:
            return dict(NOTHING)
        champion, challenger = champion.part(mask), challenger.part(mask)
    elif goal.kind != TargetKind.METRIC:
        return dict(NOTHING)
    return difference(champion, challenger, goal.metric, goal.direction, draws=DRAWS, seed=SEED)


def _choice(sets: list[dict[str, Any]]) -> str:
    """The challenger only where it is surely better in something, and surely worse in nothing."""
    results = [target["difference"]["better"] for part in sets for target in part["targets"]]
    if any(better is False for better in results):
        return "champion"
    return "challenger" if any(results) else "either"


def _finding(sets: list[dict[str, Any]], choice: str) -> str:
    """The sentence that people read first, with the numbers that decide."""
    part, target = _speaking(sets, choice)
    goal = goal_of(target)
    now, before = target["challenger"]["value"], target["champion"]["value"]
    where = "recent rows whose outcome is known" if part["name"] == "recent" else "held-back rows"
    if now is None or before is None:
        return f"On {part['rows']} {where} “{target['name']}” could not be measured. Keep the model in use."
    numbers = f"{goal.said(now)} against {goal.said(before)}"
    about = f"On {part['rows']} {where}, “{target['name']}”: {numbers}."
    if choice == "champion":
        return f"Keep the model in use: the new one is surely worse in something. {about}"
    if choice == "challenger":
        return f"The new model is better, and surely worse in nothing. {about}"
    return f"The new model is about as good; the difference could be chance. {about}"


def _speaking(sets: list[dict[str, Any]], choice: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The rows and the target behind the choice; the deciding target before others, the newest rows before others."""
    told = [(part, target) for part in reversed(sets) for target in part["targets"]]
    told.sort(key=lambda pair: not pair[1]["deciding"])
    wanted = {"champion": False, "challenger": True}.get(choice)
    behind = [pair for pair in told if wanted is not None and pair[1]["difference"]["better"] is wanted]
    return (behind or told)[0]
