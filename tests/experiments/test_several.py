"""Questions with several answers, from the table to the prediction log and back with what really happened."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from datasets import masking
from datasets.models.versions import Version
from deployments import sealing
from deployments.serving import inference, openapi
from experiments import training, value
from experiments.evaluation.classes import CLASS_KEYS, Classes
from experiments.evaluation.curves import class_matrix
from experiments.evaluation.intervals import measured, measured_one
from experiments.guesses import columns_of, guess_target
from experiments.models.evaluations import Evaluation
from experiments.models.runs import Run
from experiments.packaging import Bundle
from experiments.services.evaluations import start_evaluation
from experiments.services.runs import engine_spec, finish_run, start_run
from experiments.specs import completed
from jobs import services as job_services
from jobs.report import Silent
from monitoring import comparison, window
from problems.problem import Invalid
from projects import baselines
from projects.models.define import Contract, Target
from projects.models.projects import Kind
from projects.money import Money
from projects.permissions import Role
from storage import tables
from storage.blobs import put_bytes
from tests.conftest import Cast
from tests.experiments.tables import profile_of, schema_of, write

CLOSE = {"rel": 1e-9, "abs": 1e-9}
NAMES = ["billing", "fault", "praise"]


@st.composite
def answers(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    rows, size = draw(st.integers(6, 60)), draw(st.integers(3, 5))
    chance = np.random.default_rng(draw(st.integers(0, 2**31)))
    truth = np.append(np.arange(size), chance.integers(0, size, rows))
    raw = np.round(chance.random((truth.size, size)), draw(st.sampled_from([1, 2, 12]))) + 1e-3
    return truth, raw / raw.sum(axis=1, keepdims=True)


@given(answers())
@settings(max_examples=60, deadline=None)
def test_every_metric_equals_scikit_learns_and_says_undefined_where_that_counts_nought(
    given: tuple[np.ndarray, np.ndarray],
) -> None:
    truth, chances = given
    held = Classes(truth, chances, [str(i) for i in range(chances.shape[1])])
    said = chances.argmax(axis=1)
    assert held.value("accuracy") == pytest.approx(sk.accuracy_score(truth, said), **CLOSE)
    assert held.value("balanced_accuracy") == pytest.approx(sk.balanced_accuracy_score(truth, said), **CLOSE)
    assert held.value("log_loss") == pytest.approx(sk.log_loss(truth, chances), **CLOSE)
    theirs = sk.roc_auc_score(truth, chances, multi_class="ovr", average="macro")
    assert held.value("macro_roc_auc") == pytest.approx(theirs, **CLOSE)
    scores = {"precision": sk.precision_score, "recall": sk.recall_score, "f1": sk.f1_score}
    never_said = len(np.unique(said)) < chances.shape[1]
    for how in ("macro", "weighted"):
        for name, score in scores.items():
            found = held.value(f"{how}_{name}")
            if name == "precision" and never_said:
                assert found is None
            else:
                assert found == pytest.approx(score(truth, said, average=how, zero_division=0), **CLOSE)


@given(answers())
@settings(max_examples=20, deadline=None)
def test_weights_count_rows_as_often_as_they_say(given: tuple[np.ndarray, np.ndarray]) -> None:
    truth, chances = given
    names = [str(i) for i in range(chances.shape[1])]
    weights = np.random.default_rng(3).integers(0, 3, truth.size)
    weights[: len(names)] = 1
    repeated = Classes(np.repeat(truth, weights), np.repeat(chances, weights, axis=0), names)
    for key, found in Classes(truth, chances, names).values(weights.astype(float)).items():
        again = repeated.value(key)
        assert found == (again if again is None else pytest.approx(again, **CLOSE)), key


def test_an_answer_that_no_row_has_leaves_what_needs_it_undefined_with_its_reason() -> None:
    held = Classes(np.array([0, 0, 1, 1] * 10), np.tile([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]], (20, 1)), NAMES)
    found = measured(held, 1)
    assert {key for key, one in found.items() if one["value"] is None} == {
        "macro_precision",
        "macro_recall",
        "macro_f1",
        "macro_roc_auc",
    }
    assert found["macro_recall"]["reason"] == "some answer is that of no held-back row"
    assert found["accuracy"]["low"] < found["accuracy"]["value"] < found["accuracy"]["high"]
    assert class_matrix(held)["each"][2]["recall"]["value"] is None
    assert measured_one(held, "accuracy", 1) == found["accuracy"]
    silent = measured(Classes(held.truth, None, NAMES, held.said), 1)
    assert silent["log_loss"]["reason"] == silent["macro_roc_auc"]["reason"] == "it gives no percentages"
    assert set(found) == set(CLASS_KEYS)


def tickets(rows: int = 420) -> pa.Table:
    """Tickets of three kinds; words and numbers tell them apart mostly."""
    chance = np.random.default_rng(4)
    kind = chance.choice(NAMES, rows, p=[0.5, 0.35, 0.15])
    channel = np.where(chance.random(rows) < 0.7, np.where(kind == "fault", "phone", "mail"), "chat")
    amount = np.round(chance.normal(20, 8, rows) + 60 * (kind == "billing"), 2)
    stars = np.clip(chance.integers(1, 4, rows) + 2 * (kind == "praise"), 1, 5)
    return pa.table(
        {
            "channel": pa.array(channel.tolist(), mask=chance.random(rows) < 0.05),
            "amount": amount,
            "stars": pa.array(stars, pa.int64()),
            "usual": pa.array(np.where(kind == "praise", "praise", "billing").tolist()),
            "kind": pa.array(kind.tolist()),
        }
    )


@cache
def _trained(method: str = "logistic") -> tuple[dict[str, Any], bytes, dict[str, Any]]:
    table = tickets()
    asked = {"target": "kind", "inputs": ["channel", "amount", "stars"], "methods": [method]}
    spec = completed(asked, kind="multiclass", columns=columns_of(schema_of(table), profile_of(table)))
    baseline = {"kind": "column", "column": "usual", "version": 1}
    goal = {"name": "Find praise", "metric": "accuracy", "direction": "at_least", "threshold": 0.5}
    goals = [goal | {"kind": "slice", "column": "kind", "equals": "praise"}]
    with TemporaryDirectory() as folder:
        place = {"table": str(write(table, Path(folder) / "t.parquet")), "schema": schema_of(table)}
        around = {"kind": "multiclass", "goals": goals, "unit": "", "run": "t", "data_sha256": "0" * 64}
        spec |= place | around | {"baseline": baseline}
        answer = training.run(spec, Path(folder), Silent())
        return json.loads(json.dumps(answer, allow_nan=False)), (Path(folder) / "bundle.zip").read_bytes(), spec


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "model.zip"
    path.write_bytes(_trained()[1])
    return path


def test_training_measures_every_method_and_packs_the_best() -> None:
    answer, _, _ = _trained()
    found, metrics = answer["evaluation"], answer["metrics"]
    assert (found["classes"], found["positive"], found["threshold"]) == (NAMES, None, None)
    assert found["decide_by"] == found["importance_by"] == "balanced_accuracy"
    assert metrics["balanced_accuracy"]["value"] > 0.75
    assert metrics["macro_roc_auc"]["low"] > 0.8
    dummy = found["methods"]["dummy"]["metrics"]
    assert dummy["balanced_accuracy"]["value"] == pytest.approx(1 / 3)
    assert dummy["macro_precision"]["reason"].startswith("some answer was never given")
    chosen = found["methods"]["logistic"]
    assert sum(map(sum, chosen["matrix"])) == found["counts"]["test"]
    praise = chosen["each"][2]["recall"]
    assert metrics["accuracy@kind = praise"]["value"] == praise["value"]  # recall of one answer, as a target says it
    assert {row["name"] for row in found["importance"]} == {"channel", "amount", "stars"}
    practice = found["baseline"]
    assert practice["metrics"]["accuracy"]["value"] < metrics["accuracy"]["value"]
    assert practice["metrics"]["log_loss"]["reason"] == "it gives no percentages"
    assert practice["uplift"]["balanced_accuracy"]["value"] > 0


def test_each_answer_keeps_its_share_on_both_sides() -> None:
    answer, _, spec = _trained()
    table, matrix = tickets(), answer["evaluation"]["methods"]["dummy"]["matrix"]
    for name, row in zip(NAMES, matrix, strict=True):
        assert sum(row) == round(0.2 * table["kind"].to_pylist().count(name))
    assert spec["split"]["kind"] == "random"


def test_money_counts_right_and_wrong_answers() -> None:
    answer, _, _ = _trained()
    money = Money(right_yes=2.0, wrong_yes=-1.0, cases_a_month=100)
    found = value.value_of(answer["evaluation"], answer["metrics"], rule=None, money=money, key="accuracy")
    share = answer["metrics"]["accuracy"]["value"]
    assert found.money is not None
    assert found.gain is not None
    assert found.uplift is not None
    assert found.money.said.startswith(f"€\u00a0{100 * (3 * share - 1):.0f}")
    cells = value.confusion_under(answer["evaluation"], "logistic", None)
    assert cells is not None
    assert cells["tp"] / sum(cells.values()) == pytest.approx(share)


def test_what_cannot_be_learned_is_refused_before_the_queue() -> None:
    def refused(values: list[Any], **spec: Any) -> str:
        table = pa.table({"x": np.arange(len(values)) % 7, "y": pa.array(values)})
        columns = columns_of(schema_of(table), profile_of(table))
        with pytest.raises(Invalid) as caught:
            completed({"target": "y"} | spec, kind="multiclass", columns=columns)
        return caught.value.text

    assert "2 different values" in refused(["a", "b"] * 40)
    assert "from 3 to 100" in refused([f"v{i % 101}" for i in range(4000)])
    assert "Only 9 rows have “y” = “c”" in refused(["a", "b"] * 40 + ["c"] * 9)
    assert (
        "positive"
        not in completed(
            {"target": "kind"}, kind="multiclass", columns=columns_of(schema_of(tickets()), profile_of(tickets()))
        )
        or guess_target(columns_of(schema_of(tickets()), profile_of(tickets())), "multiclass") == "kind"
    )


def test_an_answer_that_is_only_among_the_newest_rows_is_refused(tmp_path: Path) -> None:
    table = pa.table({"x": np.arange(200), "day": np.arange(200), "y": ["a", "b"] * 90 + ["c"] * 20})
    _, _, spec = _trained()
    path = str(write(table, tmp_path / "t.parquet"))
    asked = spec | {"target": "y", "inputs": ["x"], "schema": schema_of(table), "table": path, "baseline": None}
    split = {"kind": "time", "column": "day", "test_share": 0.1, "seed": 1}
    with pytest.raises(Invalid, match="No row to learn from has “y” = “c”"):
        training.run(asked | {"split": split}, tmp_path, Silent())


@pytest.mark.parametrize("method", ["boosted", "svm", "bayes"])
def test_the_stored_model_gives_each_answer_its_chance(method: str, tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_bytes(_trained(method)[1])
    opened = Bundle.open(tmp_path / "b.zip")
    first = opened.predictor().predict(opened.golden["rows"])
    assert all(sum(one.chances.values()) == pytest.approx(1) for one in first if one.chances)
    for one in first:
        assert one.chances is not None
        assert one.answer == max(one.chances, key=lambda name: one.chances[name])  # type: ignore[index]
        assert one.probability == one.chances[one.answer]


def test_from_the_server_through_the_log_to_what_monitoring_measures(bundle: Path, tmp_path: Path) -> None:
    loaded = inference.load(bundle, "sha")
    practice = {"kind": "column", "column": "usual"}
    facts = inference.Facts("r1", "tickets", "kinds", 1, "sha", None, practice)
    table = tickets(120)
    rows = table.drop_columns(["kind"]).to_pylist()
    done = inference.answer(loaded, facts, rows, b"key", time.perf_counter())
    first = done.predictions[0]
    assert set(first["chances"]) == set(NAMES)
    assert first["decision"] is None
    assert first["probability"] == max(first["chances"].values())
    described = openapi.document(facts, loaded.signature, "http://x")
    answered = described["paths"]["/v1/deployments/tickets/predict"]["post"]["responses"]["200"]
    properties = answered["content"]["application/json"]["schema"]["properties"]["predictions"]["items"]["properties"]
    assert properties["answer"] == {"enum": NAMES}
    assert set(properties["chances"]["properties"]) == set(NAMES)

    (tmp_path / "piece.jsonl").write_bytes(done.lines)
    sealed = sealing.run({"files": [str(tmp_path / "piece.jsonl")]}, tmp_path, Silent())["segments"][0]
    kept = tables.read(tmp_path / sealed["table"]).to_pylist()
    assert json.loads(kept[0]["chances"]) == first["chances"]
    assert json.loads(kept[0]["baseline"]) == rows[0]["usual"]

    truth = {one["id"]: kind for one, kind in zip(done.predictions, table["kind"].to_pylist(), strict=True)}
    truth[done.predictions[0]["id"]] = "an answer of tomorrow"
    (tmp_path / "outcomes.json").write_text(json.dumps(truth))
    now = datetime.now(UTC)
    found = window.run(
        {
            "start": (now - timedelta(hours=1)).isoformat(),
            "end": (now + timedelta(hours=1)).isoformat(),
            "release": "r1",
            "bundle": str(bundle),
            "segments": [str(tmp_path / sealed["table"])],
            "answered": [str(tmp_path / sealed["table"])],
            "outcomes": "outcomes.json",
            "minimum_rows": 50,
            "limits": {"watch_at": 0.1, "act_at": 0.2},
            "weights": {},
        },
        tmp_path,
        Silent(),
    )
    assert found["answers"]["labels"][:3] == NAMES
    assert sum(found["answers"]["now"]) == pytest.approx(1)
    assert "positive_share" not in found["answers"]
    metrics = found["performance"]["metrics"]
    right = sum(one["answer"] == truth[one["id"]] for one in done.predictions)
    assert metrics["accuracy"]["value"] == pytest.approx(right / 120)
    assert metrics["log_loss"]["value"] > 0


def test_two_models_are_compared_on_the_same_rows(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "other.zip").write_bytes(_trained("bayes")[1])
    (tmp_path / "none.json").write_text("{}")
    spec = _trained()[2] | {"table": str(write(tickets(), tmp_path / "t.parquet"))}
    found = comparison.run(
        {
            "champion": str(bundle),
            "challenger": str(tmp_path / "other.zip"),
            "champion_run": spec,
            "challenger_run": spec,
            "segments": [],
            "outcomes": "none.json",
            "goals": [],
        },
        tmp_path,
        Silent(),
    )
    assert found["sets"][0]["targets"][0]["metric"] == "balanced_accuracy"
    assert found["sets"][0]["targets"][0]["difference"]["value"] is not None


def test_a_practice_answers_with_one_of_the_words() -> None:
    spec, wrong = baselines.make("constant", "multiclass", {"answer": " fault "})
    assert spec == {"kind": "constant", "answer": "fault"}
    assert not wrong
    assert baselines.make("constant", "multiclass", {"answer": ""})[1] == {"answer": "Give one of the answers."}


def test_the_words_of_a_hidden_answer_are_numbered() -> None:
    found = masking.tree(_trained()[0]["evaluation"], {"kind"})
    assert found["classes"] == found["signature"]["classes"] == ["answer 1", "answer 2", "answer 3"]


def test_a_project_with_several_answers_goes_from_the_form_to_the_verdict(
    cast: Cast, make_version: Callable[..., Version], browser_of: Any, api_of: Any, run_jobs: Any
) -> None:
    project, scientist = cast.project, cast[Role.DATA_SCIENTIST]
    project.kind = Kind.MULTICLASS
    project.save()
    contract = Contract.objects.create(project=project, version=1, created_by=cast[Role.BUSINESS_ANALYST])
    shared = {"contract": contract, "direction": "at_least", "metric": "balanced_accuracy"}
    Target.objects.create(position=0, name="Find each", threshold=0.5, deciding=True, **shared)
    make_version(project, tickets())
    browser = browser_of(scientist)
    form = browser.get(reverse("run-new", args=[project.key]))
    assert form.status_code == 200
    assert "threshold" not in form.context["form"].fields
    assert form.context["form"]["target"].value() == "kind"
    run, job = start_run(project, spec={"methods": ["logistic"]}, by=scientist)
    job_services.claim(str(job.pk), "test")
    job.refresh_from_db()
    with TemporaryDirectory() as folder:
        spec = engine_spec(run, write(tickets(), Path(folder) / "t.parquet"))
        answer = json.loads(json.dumps(training.run(spec, Path(folder), Silent()), allow_nan=False))
        job_services.succeed(job)
        run = finish_run(run, answer, put_bytes((Path(folder) / "bundle.zip").read_bytes()))
    assert run.state == Run.State.FINISHED
    assert run.verdicts[0]["verdict"] == "met"
    for name in ("train", "worth", "define", "decisions", "baseline", "evaluate"):
        assert browser.get(reverse(name, args=[project.key]), follow=True).status_code == 200, name
    assert browser.get(reverse("compare", args=[project.key]) + f"?runs={run.number}").status_code == 200
    page = browser.get(reverse("run", args=[project.key, run.number])).content.decode()
    assert "Which answers does it know?" in page
    assert "Where is it wrong?" in page
    told = api_of(scientist).get(f"/api/v1/projects/{project.key}/runs/{run.number}/").json()
    assert told["evaluation"]["classes"] == NAMES
    start_evaluation(run, by=scientist, attributes=["channel"])
    [judging] = run_jobs()
    assert judging.state == "succeeded", judging.message
    found = Evaluation.objects.get().found
    assert {name for name, part in found.items() if isinstance(part, dict) and "reason" in part} <= {"windows", "rival"}
    assert set(found["fairness"]["attributes"][0]["measures"]) == {"accuracy"}
    assert found["dependence"][0]["of"] in NAMES
    assert {one["reasons"]["of"] for one in found["examples"]} <= set(NAMES)
    assert {one["truth"] for one in found["examples"]} <= set(NAMES)
    for more in ("", "plain/"):
        assert browser.get(f"/p/{project.key}/runs/{run.number}/evaluations/1/{more}").status_code == 200
