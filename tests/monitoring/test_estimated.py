"""How right answers probably are, before anybody knows: beside what was measured later, and beside the library's own."""

import csv
import gzip
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client

from experiments.evaluation.metrics import BINARY_KEYS, Binary
from jobs.models import Job
from jobs.report import Silent
from monitoring import demo_story
from monitoring.models import Learned, Window
from monitoring.performance import calibration, estimated, learning, losses
from monitoring.services import monitors, outcomes
from projects.permissions import Role
from tests.conftest import DATA
from tests.monitoring.world import START, Live, Trained, engine_spec

LOAN = DATA / "timeseries" / "nannyml_car_loan"
CHUNK = 5000
needs_loans = pytest.mark.skipif(not LOAN.exists(), reason="the car loans of NannyML are not on this machine")
Array = np.ndarray[Any, Any]


def column(name: str, *columns: str) -> list[Array]:
    with gzip.open(LOAN / f"synthetic_car_loan_{name}.csv.gz", "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [np.array([float(row[each]) for row in rows]) for each in columns]


# What nannyml 0.13.1 itself estimates: CBPE(chunk_size=5000) fitted on the reference part, of the analysis part.
NANNYML = {
    "roc_auc": [0.9707, 0.971, 0.9714, 0.9711, 0.9711, 0.9611, 0.9618, 0.9611, 0.9625, 0.9613],
    "accuracy": [0.9418, 0.9433, 0.9455, 0.9448, 0.9446, 0.9107, 0.9111, 0.9112, 0.9144, 0.9117],
    "f1": [0.943, 0.9413, 0.9436, 0.9432, 0.9442, 0.9118, 0.9118, 0.9117, 0.9138, 0.9148],
}


@needs_loans
def test_ten_windows_of_car_loans_are_estimated_as_they_were_measured_later() -> None:
    chances, truth = column("reference", "y_pred_proba", "repaid")
    kept = calibration.learned(chances, truth)
    now, said = column("analysis", "y_pred_proba", "y_pred")
    (happened,) = column("analysis_target", "repaid")
    for start in range(0, 50_000, CHUNK):
        part = slice(start, start + CHUNK)
        found = estimated.binary(kept, now[part], said[part], 0.5)["metrics"]
        held = Binary(happened[part], now[part])
        for key in ("roc_auc", "accuracy", "f1"):
            measured = held.value(key)
            assert measured is not None
            assert found[key]["value"] == pytest.approx(measured, abs=0.01)
            assert found[key]["value"] == pytest.approx(NANNYML[key][start // CHUNK], abs=0.0015)
        low, high = (0.930, 0.955) if start < 25_000 else (0.900, 0.925)  # the break of 31 March 2019
        assert low < found["accuracy"]["value"] < high


@pytest.mark.parametrize("seed", range(3))
def test_intervals_hold_what_happens_nineteen_times_of_twenty(seed: int) -> None:
    chance = np.random.default_rng(seed)

    def world(rows: int, a: float, b: float) -> tuple[Array, Array]:
        true = chance.beta(a, b, rows)
        return np.sqrt(true), (chance.random(rows) < true).astype(float)  # the model says too much

    kept, inside, told = calibration.learned(*world(4000, 1, 2)), 0, 0
    for _ in range(10):
        chances, truth = world(500, 2, 2)  # the inputs moved, the meaning of a chance did not
        found = estimated.binary(kept, chances, chances >= 0.6, 0.6)["metrics"]
        held = Binary(truth, chances, 0.6)
        for key in BINARY_KEYS:
            value = held.value(key)
            assert value is not None
            inside += found[key]["low"] <= value <= found[key]["high"]
            told += 1
    assert inside / told > 0.85


def test_few_rows_and_no_learning_are_called_unknown_with_the_reason() -> None:
    few = np.linspace(0, 1, 10)
    assert calibration.learned(few, few.round()) is None
    assert "too few" in estimated.binary(None, few, few, 0.5)["reason"]
    kept = calibration.learned(np.linspace(0, 1, 200), np.linspace(0, 1, 200).round())
    assert "10 answers" in estimated.binary(kept, few, few, 0.5)["reason"]
    assert losses.learned([], [], few, few) is None


def test_the_kept_trees_say_what_scikit_learn_says_and_errors_are_estimated_where_the_inputs_moved() -> None:
    chance = np.random.default_rng(5)
    fields = [{"name": "size", "type": "number"}, {"name": "kind", "type": "text"}]

    def world(rows: int, most: float) -> tuple[list[dict[str, Any]], Array, Array]:
        sizes, kinds = chance.uniform(0, most, rows), chance.choice(["calm", "wild"], rows)
        scale = (1 + sizes) * np.where(kinds == "wild", 3.0, 1.0)
        asked = [{"size": float(s), "kind": str(k)} for s, k in zip(sizes, kinds, strict=True)]
        return asked, 10 * sizes, 10 * sizes + scale * chance.standard_normal(rows)

    rows, answers, truth = world(4000, 10)
    kept = losses.learned(rows, fields, answers, truth)
    assert kept is not None
    for most in (3, 10):
        rows, answers, truth = world(2000, most)
        found = estimated.numbers(kept, *losses.probable(kept, rows, answers))
        for key, measured in (
            ("mae", np.abs(truth - answers).mean()),
            ("rmse", np.sqrt(((truth - answers) ** 2).mean())),
        ):
            one = found["metrics"][key]
            assert one["value"] == pytest.approx(measured, rel=0.12)
            assert one["low"] < measured * 1.05
            assert one["high"] > measured * 0.95
    matrix = losses._matrix(kept["places"], rows, answers)
    model = losses._trees(matrix, np.abs(truth - answers))
    plain = {"start": float(model.init_.constant_[0, 0]), "rate": model.learning_rate}
    plain["trees"] = [losses._plain(tree[0].tree_) for tree in model.estimators_]
    assert losses._asked(plain, matrix) == pytest.approx(model.predict(matrix))


def test_it_is_learned_from_held_back_rows_of_the_training(trained: Trained, place: Path) -> None:
    found = learning.run({"bundle": str(trained.bundle), "run": engine_spec(trained.table)}, place, Silent())
    assert found["rows"] == trained.answer["evaluation"]["counts"]["test"]
    assert sum(found["binary"]["rows"]) == found["rows"]


def test_a_window_is_estimated_at_once_and_measured_when_the_truth_arrives(
    live: Live, run_jobs: Callable[[], list[Job]], client: Client
) -> None:
    person = live.cast[Role.MLOPS_ENGINEER]
    piece = live.answered(demo_story.week(0))
    monitors.check_now(live.monitor, by=person)
    assert run_jobs()[-1].state == "succeeded"
    window = Window.objects.get()
    assert Learned.objects.get().reason == ""
    accuracy = window.estimated["metrics"]["accuracy"]
    assert accuracy["low"] < accuracy["value"] < accuracy["high"]
    assert window.measured == {}
    client.force_login(person)
    address = f"/p/{live.cast.project.key}/monitor/churn-classifier/"
    page = client.get(address).content.decode()
    assert "Estimated" in page
    live.answered(demo_story.week(1), start=START + timedelta(days=1))
    told = [{"id": i, "value": v} for i, v in zip(piece.ids, piece.truth, strict=True)]
    outcomes.send_outcomes(live.monitor.deployment, told, by=person)
    monitors.check_now(live.monitor, by=person)
    assert run_jobs()[-1].state == "succeeded"
    window.refresh_from_db()
    assert window.measured["joined"] == piece.rows
    assert accuracy["low"] - 0.02 < window.measured["metrics"]["accuracy"]["value"] < accuracy["high"] + 0.02
    page = client.get(address).content.decode()
    assert "How right it was, and probably is" in page
    assert Learned.objects.count() == 1
