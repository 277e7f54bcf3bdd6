"""The training engine on real data: as good as a plain script, repeatable, and honest about what it sees."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from experiments.guesses import columns_of
from experiments.packaging import Bundle
from experiments.signatures import check_rows
from experiments.specs import completed
from experiments.training import run
from jobs.report import Silent
from problems.problem import Invalid
from tests.experiments.tables import bikes, profile_of, schema_of, story, telco, write

Train = Callable[..., dict[str, Any]]


class Told(Silent):
    """A report that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.steps: list[tuple[int, int | None, str]] = []

    def progress(self, done: int, total: int | None, text: str) -> None:
        self.steps.append((done, total, text))

    def log(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def train(tmp_path: Path) -> Train:
    """Run the engine on a table with a completed spec."""

    def trained(
        table: pa.Table,
        kind: str = "binary",
        goals: list[dict[str, Any]] | None = None,
        report: Any = None,
        **given: Any,
    ) -> dict[str, Any]:
        schema = schema_of(table)
        spec = completed(given, kind=kind, columns=columns_of(schema, profile_of(table)))
        place = {"table": str(write(table, tmp_path / "t.parquet")), "schema": schema, "kind": kind}
        around = {"goals": goals or [], "unit": "", "run": "test", "data_sha256": "0" * 64}
        answer = run(spec | place | around, tmp_path, report or Silent())
        json.dumps(answer, allow_nan=False)
        return answer

    return trained


def test_telco_churn_is_as_good_as_a_plain_script(train: Train, sample_data: Path) -> None:
    table = telco(sample_data)
    answer = train(table, methods=["logistic"])
    frame = table.to_pandas()
    truth = (frame.pop("Churn") == "Yes").to_numpy().astype(int)
    frame = frame.drop(columns=["customerID"])
    words = [name for name in frame if frame[name].dtype.kind not in "if"]
    numbers = [name for name in frame if name not in words]
    script = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), words),
            (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        ),
        LogisticRegression(max_iter=1000),
    )
    held = _held_back(table, answer)
    script.fit(frame[~held], truth[~held])
    score = roc_auc_score(truth[held], script.predict_proba(frame[held])[:, 1])
    ours = answer["metrics"]["roc_auc"]["value"]
    assert ours > 0.83
    assert ours >= score - 0.002
    assert answer["evaluation"]["counts"] == {"rows": 7043, "missing_target": 0, "train": 5634, "test": 1409}
    assert answer["evaluation"]["methods"]["dummy"]["metrics"]["roc_auc"]["value"] == 0.5
    importance = answer["evaluation"]["importance"]
    assert importance[0]["loss"] >= importance[-1]["loss"]


def _held_back(table: pa.Table, answer: dict[str, Any]) -> np.ndarray:
    """The rows that the run held back, made again from its split."""
    from datasets.splitting import at_random

    split = answer["evaluation"]["split"]
    classes = (np.array(table["Churn"].to_pylist()) == "Yes").astype(float)
    again = at_random(np.arange(table.num_rows), split["test_share"], split["seed"], classes)
    assert again.fingerprint == split["fingerprint"]
    mask = np.zeros(table.num_rows, dtype=bool)
    mask[again.test] = True
    return mask


def test_bike_sharing_warns_of_the_parts_of_the_answer_and_does_well_without(train: Train, sample_data: Path) -> None:
    table = bikes(sample_data)
    warned = train(table, "regression", methods=["linear"])
    assert any("casual and registered add up" in note["text"] for note in warned["evaluation"]["warnings"])
    honest = [
        name for name in table.column_names if name not in ("instant", "dateday", "casual", "registered", "count")
    ]
    answer = train(table, "regression", methods=["boosted", "linear"], inputs=honest)
    assert answer["method"] == "boosted"
    assert answer["metrics"]["r2"]["value"] > 0.9
    assert answer["evaluation"]["warnings"] == []
    assert len(answer["evaluation"]["methods"]["boosted"]["residuals"]["dots"]["truth"]) <= 400


def test_the_same_run_twice_measures_the_same(train: Train) -> None:
    first = train(story(), target="left", methods=["boosted", "forest", "logistic"])
    again = train(story(), target="left", methods=["boosted", "forest", "logistic"])
    assert _timeless(first) == _timeless(again)
    other = train(story(), target="left", methods=["boosted", "forest", "logistic"], seed=8)
    assert other["evaluation"]["split"]["fingerprint"] != first["evaluation"]["split"]["fingerprint"]


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _timeless(inner) for name, inner in value.items() if not name.endswith("seconds")}
    return [_timeless(inner) for inner in value] if isinstance(value, list) else value


def test_columns_that_cannot_help_are_left_out_with_a_notice(train: Train) -> None:
    """F48."""
    names = ["customer", "plan", "tenure", "price", "price_again", "same", "empty"]
    answer = train(story(), target="left", inputs=names, methods=["logistic"])
    said = {note["column"]: note["text"] for note in answer["evaluation"]["notices"]}
    assert set(said) == {"customer", "price_again", "same", "empty"}
    assert "identifier" in said["customer"]
    assert "same as price" in said["price_again"]
    assert [field["name"] for field in answer["evaluation"]["signature"]["inputs"]] == ["plan", "tenure", "price"]


def test_an_input_that_knows_the_answer_is_named(train: Train) -> None:
    """F48."""
    table = story()
    reason = pa.array(["moved" if value == "Yes" else None for value in table["left"].to_pylist()])
    answer = train(
        table.append_column("cancel_reason", reason),
        target="left",
        inputs=["plan", "tenure", "cancel_reason"],
        methods=["logistic"],
    )
    [warning] = answer["evaluation"]["warnings"]
    assert warning["column"] == "cancel_reason"
    assert "knows the answer" in warning["text"]


def test_inputs_that_say_nothing_are_told_apart_from_luck(train: Train) -> None:
    chance = np.random.default_rng(4)
    table = pa.table(
        {"noise": chance.normal(size=400), "answer": np.where(chance.random(400) < 0.5, "yes", "no").tolist()}
    )
    answer = train(table, target="answer", methods=["logistic"])
    assert any("cannot be told from the yardstick" in note["text"] for note in answer["evaluation"]["warnings"])


def test_rows_without_an_answer_are_left_out_and_counted(train: Train) -> None:
    table = story()
    holes = pa.array([None if place % 10 == 0 else value for place, value in enumerate(table["left"].to_pylist())])
    table = table.set_column(table.column_names.index("left"), "left", holes)
    report = Told()
    answer = train(table, target="left", inputs=["plan", "tenure"], methods=["logistic"], report=report)
    counts = answer["evaluation"]["counts"]
    assert counts["missing_target"] == 60
    assert counts["train"] + counts["test"] == 540
    assert any("60 rows without" in line for line in report.lines)
    assert report.steps[-1][0] == report.steps[-1][1]


def test_odd_numbers_count_as_missing_and_are_told(train: Train) -> None:
    """F46 of training; of reading, see `test_other_formats`."""
    table = story()
    odd = np.array(table["price"].to_pylist(), dtype=float)
    odd[:6] = [np.inf, -np.inf, np.nan, 1e308, -1e308, 5e-324]
    table = table.set_column(table.column_names.index("price"), "price", pa.array(odd))
    for method in ("boosted", "logistic", "forest"):
        answer = train(table, target="left", inputs=["price", "tenure"], methods=[method])
        assert math.isfinite(answer["metrics"]["roc_auc"]["value"])
    assert any("price" in note["column"] for note in answer["evaluation"]["notices"])


def test_the_newest_rows_are_the_test_when_asked_so(train: Train) -> None:
    split = {"kind": "time", "column": "since", "test_share": 0.25}
    answer = train(story(), target="left", inputs=["plan", "tenure", "price"], split=split, methods=["logistic"])
    counts = answer["evaluation"]["counts"]
    assert 0.2 < counts["test"] / counts["rows"] < 0.3


def test_the_method_that_misses_fewest_targets_is_chosen(train: Train) -> None:
    goals = [
        {"name": "n", "metric": "recall", "direction": "at_least", "threshold": 0.1, "unit": "", "deciding": True},
        {"name": "o", "metric": "log_loss", "direction": "at_most", "threshold": 0.2, "unit": "", "deciding": False},
    ]
    answer = train(story(), target="left", inputs=["plan", "tenure"], methods=["logistic", "forest"], goals=goals)
    methods = answer["evaluation"]["methods"]
    best = max(("logistic", "forest"), key=lambda key: methods[key]["metrics"]["recall"]["value"])
    assert answer["method"] == best
    assert answer["evaluation"]["decide_by"] == "recall"


def test_the_bundle_answers_its_golden_rows_and_describes_its_inputs(train: Train, tmp_path: Path) -> None:
    inputs = ["plan", "tenure", "price", "senior", "since", "seen"]
    train(story(), target="left", inputs=inputs, methods=["boosted"], threshold=0.4)
    bundle = Bundle.open(tmp_path / "bundle.zip")
    signature, golden = bundle.signature, bundle.golden
    assert (signature["positive"], signature["negative"], signature["threshold"]) == ("Yes", "No", 0.4)
    assert signature["inputs"][0]["categories"] == ["flex", "monthly", "yearly"]
    assert len(golden["rows"]) == 50
    clean, errors = check_rows(signature, golden["rows"])
    assert errors == []
    for answer, wanted in zip(bundle.predictor().predict(clean), golden["answers"], strict=True):
        assert (answer.answer, answer.probability) == (
            wanted["answer"],
            pytest.approx(wanted["probability"], abs=1e-12),
        )
        assert (answer.answer == "Yes") == (answer.probability is not None and answer.probability >= 0.4)
    for field in bundle.reference["inputs"]:
        if "edges" in field:
            assert (field["edges"][0], field["edges"][-1]) == (None, None)
            assert len(field["shares"]) == len(field["edges"]) - 1
            assert sum(field["shares"]) == pytest.approx(1)
        else:
            assert sum(field["categories"].values()) == pytest.approx(1)
    assert {field["name"] for field in bundle.reference["inputs"]} == {"plan", "tenure", "price", "senior"}
    assert 0 < bundle.reference["answers"]["positive_share"] < 1


@pytest.mark.parametrize(
    ("column", "values", "sentence"),
    [
        ("left", ["Yes"] * 600, "exactly two"),
        ("left", ["Yes", *["No"] * 599], "Only 1 rows"),
        ("left", ["Yes"] * 19 + ["No"] * 581, "Only 19 rows"),
        ("left", [str(place) for place in range(600)], "600 different values"),
    ],
)
def test_what_cannot_be_learned_is_refused_with_the_reason(
    train: Train, tmp_path: Path, column: str, values: list[str], sentence: str
) -> None:
    """F47, as the job sees it who reads all rows."""
    good = story()
    bad = good.set_column(good.column_names.index(column), column, pa.array(values))
    spec = completed(
        {"target": "left", "methods": ["logistic"]},
        kind="binary",
        columns=columns_of(schema_of(good), profile_of(good)),
    )
    place = {"table": str(write(bad, tmp_path / "bad.parquet")), "schema": schema_of(bad), "kind": "binary"}
    with pytest.raises(Invalid, match=sentence) as refused:
        run(spec | place | {"goals": [], "unit": "", "run": "x", "data_sha256": "x"}, tmp_path, Silent())
    assert "target" in refused.value.fields
    with pytest.raises(Invalid):
        completed({"target": "left"}, kind="binary", columns=columns_of(schema_of(bad), profile_of(bad)))
