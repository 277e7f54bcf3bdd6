"""Forecasts, from the table to the prediction log and back with what really came."""

import json
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pytest
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from sklearn.linear_model import LinearRegression

from datasets import masking
from datasets.models.tags import ColumnTag
from datasets.models.versions import Version
from deployments import sealing
from deployments.serving import inference, openapi
from deployments.serving.parsing import RowsInvalid
from experiments import training
from experiments.estimators.catalog import for_kind
from experiments.evaluation.forecasts import Forecasts
from experiments.evaluation.intervals import measured
from experiments.forecasting.frames import framed, series_of
from experiments.forecasting.past import beyond, looked, scale_of
from experiments.forecasting.steps import SEASONS, Plan, guessed_step, index_of, names, start_of
from experiments.guesses import columns_of
from experiments.models.evaluations import Evaluation
from experiments.models.runs import Run
from experiments.packaging import Bundle
from experiments.services.cases import add_case
from experiments.services.evaluations import start_evaluation
from experiments.specs import completed
from jobs.report import Silent
from monitoring import comparison, window
from problems.problem import Invalid
from projects.models.define import Contract, Target
from projects.models.projects import Kind, Project
from projects.permissions import Role
from storage import tables
from tests.conftest import Cast
from tests.experiments.tables import profile_of, schema_of, write

CLOSE = {"rel": 1e-9, "abs": 1e-9}
WEEKLY = Plan("sold", "day", "shop", "day", 7, (7,))


def shops(days: int = 240, noise: float = 3.0) -> pa.Table:
    """Two shops that sell by weekday and more on days of a sale, which is known ahead; one is half as large again."""
    chance, rows = np.random.default_rng(4), []
    for name, size in (("north", 1.0), ("south", 1.5)):
        for number in range(days):
            sale = bool(chance.random() < 0.15)
            sold = size * (40 + 12 * np.sin(2 * np.pi * number / 7) + 15 * sale + chance.normal(0, noise))
            rows.append({"day": date(2025, 1, 1) + timedelta(number), "shop": name, "sale": sale, "sold": float(sold)})
    return pa.Table.from_pylist(rows)


def spec_of(table: pa.Table, **asked: Any) -> dict[str, Any]:
    return completed(asked, kind="forecast", columns=columns_of(schema_of(table), profile_of(table)))


def trained(table: pa.Table, **asked: Any) -> tuple[dict[str, Any], bytes]:
    baseline = asked.pop("baseline", None)
    with TemporaryDirectory() as folder:
        place = {"table": str(write(table, Path(folder) / "t.parquet")), "schema": schema_of(table)}
        around = {"kind": "forecast", "goals": [], "unit": "", "run": "t", "data_sha256": "0" * 64}
        spec = spec_of(table, **asked) | place | around | {"baseline": baseline}
        answer = training.run(spec, Path(folder), Silent())
        return json.loads(json.dumps(answer, allow_nan=False)), (Path(folder) / "bundle.zip").read_bytes()


@cache
def sold() -> tuple[dict[str, Any], bytes]:
    practice = {"kind": "last_value", "column": "sold", "order_by": "day", "version": 1}
    plan = {"time": "day", "key": "shop", "horizon": 7}
    return trained(shops(), target="sold", inputs=["sale"], methods=["linear"], forecast=plan, baseline=practice)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "model.zip"
    path.write_bytes(sold()[1])
    return path


def sizes(days: int = 300) -> pa.Table:
    """Two shops alike in everything but their size: one sells ten a day, the other ten thousand."""
    chance, rows = np.random.default_rng(4), []
    for name, size in (("large", 10_000.0), ("small", 10.0)):
        for number in range(days):
            sale = bool(chance.random() < 0.2)
            sold = size * (1 + 0.3 * np.sin(2 * np.pi * number / 7) + 0.5 * sale + chance.normal(0, 0.05))
            rows.append({"day": date(2025, 1, 1) + timedelta(number), "shop": name, "sale": sale, "sold": float(sold)})
    return pa.Table.from_pylist(rows)


@pytest.mark.parametrize("method", ["linear", "boosted", "neural"])
def test_a_small_series_beside_a_giant_is_learned_as_well(method: str, tmp_path: Path) -> None:
    plan = {"time": "day", "key": "shop", "horizon": 7}
    answer, packed = trained(sizes(), target="sold", inputs=["sale"], methods=[method], forecast=plan)
    assert any("very different size" in one["text"] for one in answer["evaluation"]["notices"])
    path = tmp_path / "m.zip"
    path.write_bytes(packed)
    last = max(row["day"] for row in sizes().to_pylist())
    for name, size in (("small", 10.0), ("large", 10_000.0)):
        rows, truth = [], []
        for ahead in range(1, 8):
            sale = ahead in (2, 5)
            day = {"day": (last + timedelta(ahead)).isoformat(), "shop": name, "sale": sale, "history": None}
            rows.append(day)
            truth.append(size * (1 + 0.3 * np.sin(2 * np.pi * (299 + ahead) / 7) + 0.5 * sale))
        said = np.array([one.answer for one in Bundle.open(path).predictor().predict(rows)])
        assert np.abs(said - truth).mean() < 0.15 * size, (name, said, truth)


def test_series_of_like_size_or_below_zero_are_learned_as_they_are() -> None:
    assert "relative" not in sold()[0]["evaluation"]["signature"]
    table = sizes(120)
    lower = table.set_column(3, "sold", pa.array([value - 1 for value in table.column("sold").to_pylist()]))
    colder = table.set_column(3, "sold", pa.array([value - 20 for value in table.column("sold").to_pylist()]))
    found = [framed(one, WEEKLY, 2).relative for one in (table, lower, colder)]
    assert found == [True, True, False]


@given(st.integers(0, 2**31), st.integers(2, 60))
@settings(max_examples=60, deadline=None)
def test_every_metric_equals_its_definition(seed: int, rows: int) -> None:
    chance = np.random.default_rng(seed)
    truth, said, scales = chance.normal(5, 9, rows), chance.normal(5, 9, rows), chance.random(rows) + 0.1
    held = Forecasts(truth, said, scales)
    assert held.value("mae") == pytest.approx(sk.mean_absolute_error(truth, said), **CLOSE)
    assert held.value("rmse") == pytest.approx(sk.root_mean_squared_error(truth, said), **CLOSE)
    assert held.value("median_ae") == pytest.approx(sk.median_absolute_error(truth, said), **CLOSE)
    assert held.value("mase") == pytest.approx(np.mean(np.abs(truth - said) / scales), **CLOSE)
    wanted = np.mean([abs(t - s) / ((abs(t) + abs(s)) / 2) for t, s in zip(truth, said, strict=True)])
    assert held.value("smape") == pytest.approx(wanted, **CLOSE)
    assert held.part(np.arange(2)).value("mase") == Forecasts(truth[:2], said[:2], scales[:2]).value("mase")


def test_what_is_undefined_is_said() -> None:
    nought = Forecasts(np.zeros(4), np.zeros(4), np.zeros(4))
    found = measured(nought, 1)
    assert found["mase"]["value"] is None
    assert found["mase"]["reason"].startswith("nobody knows how far a series usually is")
    assert found["smape"]["value"] == 0
    assert Forecasts(np.ones(2), np.ones(2)).value("mase") is None


@given(st.sampled_from(list(SEASONS)), st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)))
def test_a_moment_lies_in_the_step_that_began_last(step: str, when: datetime) -> None:
    at = index_of(when, step)
    assert start_of(at, step) <= when < start_of(at + 1, step)
    assert index_of(start_of(at, step), step) == at


def test_steps_are_guessed_from_the_usual_gap() -> None:
    assert guessed_step("1949-01-01", "1960-12-01", 144) == "month"
    assert guessed_step("2001-01-01", "2021-11-30", 7639) == "day"
    assert guessed_step("2011-01-01T00:00", "2012-12-31T23:00", 17379) == "hour"
    assert guessed_step("2000-01-03", "2004-12-27", 261) == "week"
    assert guessed_step("", "", 5) == "day"


@given(st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_nothing_after_the_origin_is_ever_looked_at(seed: int) -> None:
    chance = np.random.default_rng(seed)
    values = np.where(chance.random(60) < 0.1, np.nan, chance.normal(size=60))
    origins, aheads = chance.integers(8, 59, 20), chance.integers(1, 8, 20)
    whole = looked(values, origins, aheads, WEEKLY)
    for row, (origin, ahead) in enumerate(zip(origins, aheads, strict=True)):
        cut = looked(values[: origin + 1], origins[[row]], aheads[[row]], WEEKLY)
        for name in names(WEEKLY):
            assert np.array_equal(whole[name][[row]], cut[name], equal_nan=True)
        season = whole["sold, a season of 7 before"][row]
        assert np.array_equal([season], [values[origin + ahead - 7]], equal_nan=True)


def test_the_last_windows_are_locked() -> None:
    frame = framed(shops(), WEEKLY, 3)
    end, train, test = frame.series[0].last, frame.split.train, frame.split.test
    assert frame.targets[train].max() == end - 21
    assert sorted(set(frame.origins[test])) == [end - 21, end - 14, end - 7]
    assert test.size == 2 * 3 * 7
    raw = shops()["sold"].to_numpy()
    assert np.array_equal(frame.truth, raw[frame.places])
    south = frame.names[test] == "south"
    assert frame.scales[test][south].min() > 1.2 * frame.scales[test][~south].max()


def test_rows_of_one_step_are_taken_together_and_gaps_stay_gaps() -> None:
    days = [date(2025, 1, 1), date(2025, 1, 1), date(2025, 1, 4), None]
    table = pa.table({"day": pa.array(days, pa.date32()), "sold": [1.0, 3.0, 5.0, 9.0]})
    for how, wanted in (("mean", 2.0), ("sum", 4.0), ("last", 3.0)):
        [one], told = series_of(table, Plan("sold", "day", "", "day", 1, (7,), how))
        assert (one.values[0], one.values[3], np.isnan(one.values[1:3]).all()) == (wanted, 5.0, True)
        assert [text.split()[0] for text in told] == ["1", "1", "2"]
    assert scale_of(np.array([1.0, np.nan, 4.0, 7.0]), 1) == 3.0


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"forecast": {"time": "sold"}}, "forecast.time"),
        ({"forecast": {"key": "sale"}}, "forecast.key"),
        ({"forecast": {"step": "hour"}}, "forecast.step"),
        ({"forecast": {"horizon": 0.5}}, "forecast.horizon"),
        ({"forecast": {"windows": 21}}, "forecast.windows"),
        ({"forecast": {"seasons": ["x"]}}, "forecast.seasons"),
        ({"forecast": {"together": "max"}}, "forecast.together"),
        ({"forecast": {"far": 1}}, "forecast.far"),
        ({"forecast": []}, "forecast"),
        ({"inputs": ["sold"]}, "inputs"),
        ({"split": {"kind": "random"}}, "split.kind"),
        ({"methods": ["stack"]}, "methods"),
        ({"target": "shop"}, "target"),
    ],
)
def test_what_cannot_be_forecast_is_refused_by_its_field(asked: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        spec_of(shops(60), **{"target": "sold"} | asked)
    assert list(caught.value.fields) == [field]


def test_a_past_that_is_too_short_is_refused() -> None:
    with pytest.raises(Invalid, match="The longest series has 60 steps"):
        trained(shops(60), target="sold", methods=["linear"], forecast={"horizon": 60, "key": "shop"})


def test_training_beats_the_season_before_and_what_is_done_today() -> None:
    found, metrics = sold()[0]["evaluation"], sold()[0]["metrics"]
    assert found["decide_by"] == "mae"
    assert metrics["mase"]["value"] < 0.75 * found["methods"]["dummy"]["metrics"]["mase"]["value"]
    assert {"sale", "steps ahead", "day of the week", "shop"} <= {row["name"] for row in found["importance"]}
    assert found["baseline"]["uplift"]["mae"]["value"] != 0
    assert found["baseline"]["rows"] == 42
    assert [entry["ahead"] for entry in found["forecast"]["by_step"]] == list(range(1, 8))
    assert "tail" not in found["signature"]
    closed = masking.tree(found, {"sold"})
    assert "residuals" not in closed["methods"]["linear"]


def test_the_ends_hold_what_they_promise() -> None:
    """Over many series whose noise is the same before and after, 9 of 10 locked values lie between the ends."""
    covered = []
    for seed in range(6):
        chance = np.random.default_rng(seed)
        days = [date(2024, 1, 1) + timedelta(number) for number in range(400)]
        table = pa.table({"day": pa.array(days), "sold": chance.normal(50, 5, 400)})
        plan = {"horizon": 7, "windows": 10, "time": "day"}
        found = trained(table, target="sold", methods=["linear"], forecast=plan)[0]["evaluation"]["forecast"]
        covered.append(found["covered"])
        assert found["sizes"] == sorted(found["sizes"])
    assert 0.86 < np.mean(covered) < 0.97
    assert beyond(np.arange(1, 10), 0.9) == 9
    assert beyond(np.arange(1, 9), 0.9) is None


def test_one_row_and_many_and_a_sent_past_are_answered_alike(bundle: Path) -> None:
    loaded = inference.load(bundle, "sha")
    rows = [row for row in Bundle.open(bundle).golden["rows"] if row["history"] is None]
    many = [one.answer for one in loaded.predictor.predict(loaded.checked(rows))]
    for row, answer in zip(rows, many, strict=True):
        assert loaded.predictor.predict(loaded.checked([row]))[0].answer == pytest.approx(answer, **CLOSE)
    table = shops().filter(pa.compute.equal(shops()["shop"], "south"))
    past = [{"time": row["day"].isoformat(), "value": row["sold"]} for row in table.to_pylist()]
    south = next(row for row in rows if row["shop"] == "south")
    stored, sent = loaded.predictor.predict(loaded.checked([south, south | {"history": past}]))
    assert sent.answer == pytest.approx(stored.answer, **CLOSE)
    moved = [one | {"value": one["value"] + 100} for one in past]
    assert loaded.predictor.predict(loaded.checked([south | {"history": moved}]))[0].answer > stored.answer + 1


@pytest.mark.parametrize(
    ("changed", "field", "told"),
    [
        ({"day": "2020-01-01"}, "day", "must lie from 2025-08-29 to 2025-09-04: 1 to 7 steps"),
        ({"day": None}, "day", "must not be null"),
        ({"shop": "west"}, "shop", "is no series that the model knows"),
        ({"history": "x"}, "history", "must be a list, not text"),
        ({"history": [{"time": "2025-01-01"}]}, "history", "entry 0 must be an object with time and value"),
        ({"history": [{"time": "2025-01-01", "value": "1"}]}, "history", "the value must be a number or null"),
        ({"history": [{"time": "2025-01-01", "value": 1}] * 2}, "history", "entry 1 is the second one of 2025-01-01"),
        ({"history": [{"time": "2025-01-01", "value": 1}]}, "history", "must reach back at least 7 steps"),
        ({"history": []}, "history", "must reach back at least 7 steps"),
    ],
)
def test_what_cannot_be_answered_is_refused_by_its_field(bundle: Path, changed: Any, field: str, told: str) -> None:
    row = {"day": "2025-08-29", "shop": "north", "sale": False} | changed
    with pytest.raises(RowsInvalid) as caught:
        inference.load(bundle, "sha").checked([row])
    [error] = caught.value.facts["errors"]
    assert error["field"] == field
    assert told in error["message"]


def test_from_the_server_through_the_log_to_what_monitoring_measures(bundle: Path, tmp_path: Path) -> None:
    loaded = inference.load(bundle, "sha")
    facts = inference.Facts("r1", "sales", "sold", 1, "sha", None, {"kind": "constant", "answer": 40.0})
    days = [(date(2025, 8, 29) + timedelta(number)).isoformat() for number in range(7)]
    rows = [{"day": day, "shop": shop, "sale": False} for day in days for shop in ("north", "south")] * 4
    done = inference.answer(loaded, facts, rows, b"key", time.perf_counter())
    first = done.predictions[0]
    assert first["low"] < first["answer"] < first["high"]
    assert (first["probability"], first["decision"]) == (None, None)
    described = openapi.document(facts, loaded.signature, "http://x")["paths"]["/v1/deployments/sales/predict"]["post"]
    answered = described["responses"]["200"]["content"]["application/json"]["schema"]["properties"]["predictions"]
    assert answered["items"]["properties"]["answer"] == {"type": "number"}
    assert "high" in answered["items"]["properties"]
    example = described["requestBody"]["content"]["application/json"]["example"]["row"]
    assert inference.answer(loaded, facts, [example], b"key", time.perf_counter()).rows == 1

    (tmp_path / "piece.jsonl").write_bytes(done.lines)
    sealed = sealing.run({"files": [str(tmp_path / "piece.jsonl")]}, tmp_path, Silent())["segments"][0]
    kept = tables.read(tmp_path / sealed["table"]).to_pylist()
    assert kept[0]["number"] == first["answer"]
    (tmp_path / "outcomes.json").write_text(json.dumps({one["id"]: one["answer"] + 2 for one in done.predictions}))
    now, piece = datetime.now(UTC), [str(tmp_path / sealed["table"])]
    asked = {"start": (now - timedelta(hours=1)).isoformat(), "end": (now + timedelta(hours=1)).isoformat()}
    asked |= {"release": "r1", "bundle": str(bundle), "segments": piece, "answered": piece, "weights": {}}
    asked |= {"outcomes": "outcomes.json", "minimum_rows": 50, "limits": {"watch_at": 0.1, "act_at": 0.2}}
    found = window.run(asked, tmp_path, Silent())
    metrics = found["performance"]["metrics"]
    assert metrics["mae"]["value"] == pytest.approx(2)
    assert metrics["mase"]["value"] is None
    assert [entry["name"] for entry in found["inputs"]] != []
    assert "history" not in [entry["name"] for entry in found["inputs"]]


@cache
def learned_before() -> bytes:
    """The same question answered by its neighbours, when 200 days were known."""
    plan = {"time": "day", "key": "shop", "horizon": 7}
    return trained(shops(200), target="sold", inputs=["sale"], methods=["neighbours"], forecast=plan)[1]


def _told_the_past(bundle: Path, table: pa.Table, origins: tuple[int, ...]) -> float:
    """How far a model is off in the week after each of these days, when callers send it the past until there."""
    rows, truth = [], []
    for shop in ("north", "south"):
        own = [row for row in table.to_pylist() if row["shop"] == shop]
        for origin in origins:
            known = [{"time": str(row["day"]), "value": row["sold"]} for row in own[: origin + 1]]
            for row in own[origin + 1 : origin + 8]:
                rows.append({"day": str(row["day"]), "shop": shop, "sale": row["sale"], "history": known})
                truth.append(row["sold"])
    said = [one.answer for one in Bundle.open(bundle).predictor().predict(rows)]
    return float(np.mean(np.abs(np.array(said) - np.array(truth))))


def test_a_retrained_forecast_is_compared_on_windows_that_neither_learned_from(bundle: Path, tmp_path: Path) -> None:
    """The one in use learned until day 179 of 200; the challenger's three locked weeks of 240 days are new to both."""
    (tmp_path / "old.zip").write_bytes(learned_before())
    (tmp_path / "none.json").write_text("{}")
    plan = {"time": "day", "key": "shop", "horizon": 7}
    asked = {"target": "sold", "inputs": ["sale"], "methods": ["linear"], "forecast": plan}
    table = shops()
    spec = spec_of(table, **asked) | {"kind": "forecast", "schema": schema_of(table)}
    spec |= {"table": str(write(table, tmp_path / "t.parquet"))}
    about = {"champion_run": spec, "challenger_run": spec, "segments": [], "outcomes": "none.json", "goals": []}
    models = {"champion": str(tmp_path / "old.zip"), "challenger": str(bundle)}
    found = comparison.run(about | models, tmp_path, Silent())
    [part] = found["sets"]
    assert (part["name"], part["rows"]) == ("held_back", 2 * 3 * 7)
    wanted = sold()[0]["metrics"]["mae"]["value"]
    assert part["metrics"]["challenger"]["mae"]["value"] == pytest.approx(wanted, rel=1e-9)
    said = _told_the_past(tmp_path / "old.zip", table, (218, 225, 232))
    assert part["metrics"]["champion"]["mae"]["value"] == pytest.approx(said, rel=1e-9)
    assert found["choice"] == "either"
    swapped = comparison.run(about | {"champion": str(bundle), "challenger": str(bundle)}, tmp_path, Silent())
    assert swapped["choice"] == "either"


@pytest.mark.parametrize("method", [family.key for family in for_kind("forecast") if family.key != "kernel_svm"])
def test_every_method_for_numbers_forecasts_and_is_stored(method: str, tmp_path: Path) -> None:
    few = {"max_iter": 10} if method in ("boosted",) else {"n_estimators": 10} if "forest" in method else {}
    plan = {"time": "day", "key": "shop", "horizon": 3, "windows": 2}
    answer, content = trained(shops(80), target="sold", methods={method: few}, forecast=plan)
    (tmp_path / "b.zip").write_bytes(content)
    opened = Bundle.open(tmp_path / "b.zip")
    found = [one.answer for one in opened.predictor().predict(opened.golden["rows"])]
    assert found == pytest.approx([one["answer"] for one in opened.golden["answers"]], rel=1e-9)
    assert answer["method"] == method


def test_real_passengers_are_forecast_at_least_as_well_as_by_a_plain_script(sample_data: Path) -> None:
    """The script: linear regression on the last 12 months, a model for each month ahead, on the same locked years."""
    read = csv.read_csv(sample_data / "timeseries" / "airline_passengers.csv")
    months = [date.fromisoformat(f"{str(value)[:7]}-01") for value in read.column(0).to_pylist()]
    values = read.column(1).to_numpy().astype(float)
    table = pa.table({"month": pa.array(months), "passengers": values})
    plan = {"time": "month", "step": "month"}
    metrics = trained(table, target="passengers", methods=["linear"], forecast=plan)[0]["metrics"]
    errors = []
    for ahead in range(1, 13):
        learn = [(values[o - 11 : o + 1], values[o + ahead]) for o in range(11, 108 - ahead)]
        model = LinearRegression().fit([x for x, _ in learn], [y for _, y in learn])
        for origin in (107, 119, 131):
            errors.append(abs(values[origin + ahead] - model.predict([values[origin - 11 : origin + 1]])[0]))
    assert metrics["mae"]["value"] <= np.mean(errors)
    assert metrics["mase"]["value"] < 0.7


def told_of_hidden_columns(run: Run, reader: Any) -> list[str]:
    """What somebody still reads of the sales and the shops after both were marked as sensitive."""
    for column in ("sold", "shop"):
        ColumnTag.objects.create(dataset=run.data.dataset, column=column, kind="personal")
    addresses = [f"runs/{run.number}/", f"runs/{run.number}/evaluations/1/"]
    read = [reader.get(f"/api/v1/projects/{run.project.key}/{address}").content.decode() for address in addresses]
    values = ["south", *(str(value) for value in shops()["sold"].to_pylist())]
    return [value for value in values if any(value in text for text in read)]


def asked_ahead(cast: Cast, make_version: Callable[..., Version]) -> Project:
    """The cast's project as one that asks for a number ahead of time, with a target and data."""
    project = cast.project
    project.kind = Kind.FORECAST
    project.save()
    contract = Contract.objects.create(project=project, version=1, created_by=cast[Role.BUSINESS_ANALYST])
    shared = {"contract": contract, "direction": "at_most", "metric": "mase"}
    Target.objects.create(position=0, name="Beat last week", threshold=1.0, deciding=True, **shared)
    make_version(project, shops())
    return project


def test_a_project_with_a_forecast_goes_from_the_form_to_the_verdict(
    cast: Cast, make_version: Callable[..., Version], browser_of: Any, api_of: Any, run_jobs: Any
) -> None:
    project, scientist = asked_ahead(cast, make_version), cast[Role.DATA_SCIENTIST]
    browser = browser_of(scientist)
    page = browser.get(reverse("run-new", args=[project.key]))
    form = page.context["form"]
    assert (form["target"].value(), form["time"].value(), form["seasons"].value()) == ("sold", "day", "7")
    assert "split_kind" not in form.fields
    sent = {name: form[name].value() or "" for name in form.fields} | {"methods": ["linear"], "inputs": ["sale"]}
    refused = browser.post(reverse("run-new", args=[project.key]), sent | {"seasons": "a week"})
    assert refused.status_code == 422
    assert "Use a whole number from 1 to 1000." in refused.content.decode()
    assert browser.post(reverse("run-new", args=[project.key]), sent | {"key": "shop", "horizon": 7}).status_code == 302
    run = Run.objects.get()
    assert run.spec["forecast"]["key"] == "shop"
    assert run_jobs()[0].state == "succeeded"
    run.refresh_from_db()
    assert run.verdicts[0]["verdict"] == "met"
    for name in ("train", "worth", "define", "decisions", "baseline", "evaluate", "cases"):
        assert browser.get(reverse(name, args=[project.key]), follow=True).status_code == 200, name
    assert browser.get(reverse("compare", args=[project.key]) + f"?runs={run.number}").status_code == 200
    assert browser.get(reverse("run-new", args=[project.key]) + f"?from={run.number}").status_code == 200
    told = browser.get(reverse("run", args=[project.key, run.number])).content.decode()
    assert "What it said, and what came" in told
    assert "How far ahead can it be trusted?" in told
    assert "A forecast has no edge cases" in browser.get(reverse("cases", args=[project.key])).content.decode()
    with pytest.raises(Invalid, match="A forecast has no edge cases"):
        add_case(project, values={"name": "x", "reason": "y", "row": {"shop": "north"}, "low": 1.0}, by=scientist)
    found = Evaluation.objects.get().found
    reasons = {name for name, part in found.items() if isinstance(part, dict) and "reason" in part}
    assert reasons <= {"windows", "rival", "relearned", "fairness", "calibration"}
    assert found["metrics"]["mase"]["value"] == pytest.approx(run.metrics["mase"]["value"], **CLOSE)
    for more in ("", "plain/"):
        assert browser.get(f"/p/{project.key}/runs/{run.number}/evaluations/1/{more}").status_code == 200
    assert told_of_hidden_columns(run, api_of(cast[Role.VIEWER])) == []
    start_evaluation(run, by=scientist, data=make_version(project, shops(260)), attributes=["shop"])
    [judging] = run_jobs()
    assert judging.state == "succeeded", judging.message
    assert Evaluation.objects.order_by("-number")[0].found["rows"] == {
        "on": "version", "count": 42, "left_out": 0, "seen": 0
    }  # fmt: skip
