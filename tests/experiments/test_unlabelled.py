"""Groups and unusual rows, from real tables to answers: scores as plain scikit-learn's, and what people are told."""

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from sklearn import metrics as sk
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.ensemble import IsolationForest
from sklearn.preprocessing import StandardScaler

from datasets import masking
from deployments import golden
from deployments.serving import inference, openapi
from deployments.serving.lines import rows_in
from experiments import alone_charts, alone_words, judging, training
from experiments.evaluation.clusters import Grouped
from experiments.evaluation.intervals import measured
from experiments.evaluation.oddities import Odd
from experiments.findings import beside_dummy, run_finding
from experiments.guesses import columns_of
from experiments.packaging import Bundle
from experiments.preparing import prepared
from experiments.reproduction import compared
from experiments.specs import completed
from jobs.report import Silent
from monitoring import comparison
from monitoring.window import Live
from problems.problem import Invalid
from projects.measures import for_kind
from tests.experiments.tables import profile_of, schema_of, write

SMALL = {"isolation": {"n_estimators": 50}, "outlier_factor": {}}


def wine() -> pa.Table:
    """178 wines by what a laboratory found in them; a word and a sensitive name beside."""
    data = load_wine(as_frame=True).frame
    table = pa.table({name: data[name].tolist() for name in data.columns if name != "target"})
    strong = ["strong" if value > 13 else "light" for value in data["alcohol"]]
    return table.append_column("style", pa.array(strong))


def tumours() -> pa.Table:
    """357 benign tumours and 40 malignant ones, which a doctor named; every tenth name is not known."""
    data = load_breast_cancer(as_frame=True).frame
    keep = np.concatenate([np.flatnonzero(data["target"] == 1), np.flatnonzero(data["target"] == 0)[:40]])
    data = data.iloc[keep]
    table = pa.table({name: data[name].tolist() for name in list(data.columns)[:10]})
    named = ["fine" if one else "bad" for one in data["target"]]
    return table.append_column(
        "doctor", pa.array([None if place % 10 == 9 else one for place, one in enumerate(named)])
    )


def spec_for(table: pa.Table, kind: str, folder: Path, **asked: Any) -> dict[str, Any]:
    spec = completed(asked, kind=kind, columns=columns_of(schema_of(table), profile_of(table)))
    place = {"table": str(write(table, folder / "t.parquet")), "schema": schema_of(table)}
    around = {"kind": kind, "goals": [], "unit": "", "run": "t", "data_sha256": "0" * 64, "baseline": None}
    return spec | place | around


@cache
def trained(kind: str, again: int = 0) -> tuple[dict[str, Any], bytes, dict[str, Any], dict[str, Any]]:
    """The answer of training, the bundle, the spec, and the answer of judging; once for all tests."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        asked: dict[str, Any] = {"methods": {"k_means": {"groups": 3}}}
        if kind == "anomaly":
            asked = {"methods": SMALL, "target": "doctor", "positive": "bad", "share": 0.1}
        spec = spec_for(wine() if kind == "clustering" else tumours(), kind, folder, **asked)
        answer = json.loads(json.dumps(training.run(spec, folder, Silent()), allow_nan=False))
        bundle = folder / "bundle.zip"
        found = answer["evaluation"]
        more = {"bundle": str(bundle), "metric": found["decide_by"], "method": answer["method"], "fit_seconds": 0.1}
        method = found["methods"][answer["method"]]
        more |= {"attributes": [], "importance": [found["importance"][0]["name"]], "settings": method["settings"]}
        judged = {} if again else judging.run(spec | more, folder, Silent())
        return answer, bundle.read_bytes(), spec, json.loads(json.dumps(judged, allow_nan=False))


def opened(kind: str) -> Bundle:
    with TemporaryDirectory() as name:
        path = Path(name) / "b.zip"
        path.write_bytes(trained(kind)[1])
        return Bundle.open(path)


def split_of(kind: str) -> tuple[pa.Table, np.ndarray, np.ndarray]:
    """The table and the places of both parts, as the run had them."""
    with TemporaryDirectory() as name:
        table = wine() if kind == "clustering" else tumours()
        spec = trained(kind)[2] | {"table": str(write(table, Path(name) / "t.parquet"))}
        data = prepared(spec, Silent())
        return table, data.split.train, data.split.test


def test_k_means_scores_as_a_plain_script() -> None:
    table, train, test = split_of("clustering")
    frame = table.to_pandas()
    numbers = frame.drop(columns="style").to_numpy(dtype=float)
    words = np.stack([(frame["style"] == word).to_numpy(dtype=float) for word in ("light", "strong")], axis=1)
    x = np.hstack([StandardScaler().fit(numbers[train]).transform(numbers), words])
    model = KMeans(3, n_init=10, max_iter=300, random_state=7).fit(x[train])
    labels = model.predict(x[test])
    found = trained("clustering")[0]["metrics"]
    for key in ("silhouette", "davies_bouldin", "calinski_harabasz"):
        name = "silhouette_score" if key == "silhouette" else f"{key}_score"
        assert found[key]["value"] == pytest.approx(getattr(sk, name)(x[test], labels), rel=1e-9), key
        assert found[key]["low"] <= found[key]["value"] <= found[key]["high"]


def test_isolation_forest_scores_as_a_plain_script_and_known_answers_only_check() -> None:
    table, train, test = split_of("anomaly")
    frame = table.to_pandas()
    x = (
        StandardScaler()
        .fit(frame.drop(columns="doctor").to_numpy()[train])
        .transform(frame.drop(columns="doctor").to_numpy())
    )
    model = IsolationForest(n_estimators=50, max_samples=256, contamination=0.1, random_state=7).fit(x[train])
    score, known = -model.score_samples(x[test]), frame["doctor"].notna().to_numpy()[test]
    truth = (frame["doctor"] == "bad").to_numpy()[test][known]
    found = trained("anomaly")[0]["evaluation"]["methods"]["isolation"]["metrics"]
    assert found["roc_auc"]["value"] == pytest.approx(sk.roc_auc_score(truth, score[known]), rel=1e-9)
    assert found["average_precision"]["value"] == pytest.approx(
        sk.average_precision_score(truth, score[known]), rel=1e-9
    )
    assert found["flagged_share"]["value"] == pytest.approx((model.predict(x[test]) == -1).mean())
    most = np.argsort(-score[known], kind="stable")[: int(np.ceil(0.1 * known.sum()))]
    assert found["recall_at_share"]["value"] == pytest.approx(truth[most].sum() / truth.sum())
    assert found["precision_at_share"]["value"] == pytest.approx(truth[most].mean())


def test_metrics_equal_those_of_scikit_learn_with_weights_as_copies() -> None:
    chance = np.random.default_rng(3)
    x, labels = chance.normal(size=(60, 3)), chance.integers(0, 4, 60)
    weights = chance.integers(0, 4, 60).astype(float)
    copies = np.repeat(np.arange(60), weights.astype(int))
    held = Grouped(x, labels)
    for key in ("davies_bouldin", "calinski_harabasz"):
        theirs = getattr(sk, f"{key}_score")(x[copies], labels[copies])
        assert held.value(key, weights) == pytest.approx(theirs, rel=1e-9)
    alone = measured(Grouped(x, np.zeros(60, dtype=int)), 1)
    assert all(one["value"] is None and one["reason"] for one in alone.values())
    odd = Odd(np.full(60, np.nan), x[:, 0], 1.0, 0.1)
    found = measured(odd, 1)
    assert found["roc_auc"]["value"] is None
    assert found["flagged_share"]["value"] == (x[:, 0] > 1).mean()
    truth = (chance.random(60) < 0.3).astype(float)
    told = Odd(truth, x[:, 0], 1.0, 0.1)
    assert told.value("roc_auc", weights) == pytest.approx(sk.roc_auc_score(truth[copies], x[copies, 0]))


@pytest.mark.parametrize("kind", ["clustering", "anomaly"])
def test_a_run_says_what_it_found_beside_chance_and_comes_out_the_same_again(kind: str) -> None:
    answer, _, _, judged = trained(kind)
    found = answer["evaluation"]
    assert {measure.key for measure in for_kind(kind)} == set(answer["metrics"])
    said = "".join(part.text for part in run_finding("Run 1", found, answer["metrics"], [], ""))
    assert ("Run 1 found three groups" if kind == "clustering" else "held-back rows as unusual") in said
    assert "answers at random" in beside_dummy(found, found["decide_by"])
    stable = answer["metrics"]["group_stability" if kind == "clustering" else "flag_stability"]
    assert (
        stable["value"]
        > 0.5
        > found["methods"]["dummy"]["metrics"]["group_stability" if kind == "clustering" else "flag_stability"]["high"]
    )
    assert all(figure.finding for figure in alone_charts.figures(found["alone"]))
    told = alone_words.told(found)
    lines = [line for one in next(iter(told.values())) for line in one["lines"]]
    assert any("usually" in line for line in lines)
    again = trained(kind, 1)[0]
    assert compared({**answer, "spec": {}}, {**again, "spec": {}})["exact"]
    assert judged["kind"] == kind
    assert judged["stress"]["tests"][0]["points"]
    assert judged["metrics"]["silhouette" if kind == "clustering" else "roc_auc"]["value"] is not None
    if kind == "anomaly":
        assert judged["examples"][0]["why"] == "most unusual"


def test_what_is_sensitive_is_hidden_in_groups_and_reasons() -> None:
    found = trained("clustering")[0]["evaluation"]
    column = found["alone"]["groups"][0]["unlike"][0]["name"]
    hidden = masking.tree(found, {column})
    shown = hidden["alone"]["groups"][0]["unlike"][0]
    assert (shown["name"], shown["here"], shown["off"]) == (column, None, None)
    assert hidden["alone"]["plane"]["points"] == []
    assert f"{column}: hidden" in alone_words.told(hidden)["groups"][0]["lines"]
    odd = trained("anomaly")[0]["evaluation"]
    column = odd["alone"]["unusual"][0]["why"][0]["name"]
    first = masking.tree(odd, {column})["alone"]["unusual"][0]
    assert next(one for one in first["cells"] if one["name"] == column)["value"] is None
    assert f"{column}: hidden" in [alone_words.why(one, first["cells"]) for one in first["why"]]


@pytest.mark.parametrize("kind", ["clustering", "anomaly"])
def test_it_is_served_logged_and_watched(kind: str) -> None:
    bundle, facts = opened(kind), inference.Facts("r", "d", "m", 1, "b")
    assert golden.different(bundle.predictor(), bundle.golden) == []
    model = inference.Loaded("b", bundle.signature, bundle.predictor())
    rows = bundle.golden["rows"][:20]
    answered = inference.answer(model, facts, rows, b"k" * 32, 0.0)
    names = {"clustering": {"distance"}, "anomaly": {"score", "flagged"}}[kind]
    assert names <= set(answered.predictions[0])
    words = bundle.signature["classes"] or ["unusual", "usual"]
    assert {one["answer"] for one in answered.predictions} <= set(words)
    lines = [row for line in answered.lines.splitlines() for row in rows_in(orjson.loads(line))]
    assert all(isinstance(line["number"], float) for line in lines)
    schema = openapi.document(facts, bundle.signature, "http://here")["paths"]
    body = schema["/v1/deployments/d/predict"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert names <= set(body["properties"]["predictions"]["items"]["properties"])
    live = Live(bundle.reference, bundle.signature)
    columns = {
        name: [line.get(name) for line in lines] for name in ("id", "number", "probability", "policy", "decision")
    }
    columns["at"] = [datetime.fromtimestamp(line["at"], UTC) for line in lines]
    columns |= {"answer": [orjson.dumps(line["answer"]).decode() for line in lines]}
    columns |= {"row": [orjson.dumps(line["row"]).decode() for line in lines]}
    live.add(pa.RecordBatch.from_pydict(columns))
    entry = live.answers(3)
    assert live.said.rows == len(rows)
    if kind == "anomaly":
        assert entry["positive_share"] == np.mean([one["flagged"] for one in answered.predictions])


@pytest.mark.parametrize("kind", ["clustering", "anomaly"])
def test_a_challenger_is_compared_on_the_same_rows(kind: str, tmp_path: Path) -> None:
    spec = trained(kind)[2]
    table = wine() if kind == "clustering" else tumours()
    own = spec | {"table": str(write(table, tmp_path / "t.parquet"))}
    bundle = tmp_path / "b.zip"
    bundle.write_bytes(trained(kind)[1])
    (tmp_path / "o.json").write_text("{}")
    whole = {"champion": str(bundle), "challenger": str(bundle), "champion_run": own, "challenger_run": own}
    found = comparison.run(whole | {"segments": [], "outcomes": "o.json", "goals": []}, tmp_path, Silent())
    assert found["choice"] == "either"
    assert found["sets"][0]["targets"][0]["difference"]["value"] == 0


def test_what_cannot_be_asked_is_refused_in_words(tmp_path: Path) -> None:
    columns = columns_of(schema_of(wine()), profile_of(wine()))
    for kind, asked, field in (
        ("clustering", {"target": "style"}, "target"),
        ("clustering", {"share": 0.1}, "share"),
        ("clustering", {"tuning": {"method": "k_means"}}, "tuning"),
        ("clustering", {"methods": ["isolation"]}, "methods"),
        ("clustering", {"treatments": {"style": {"coding": "target"}}}, "treatments.style.coding"),
        ("anomaly", {"target": "alcohol"}, "target"),
        ("anomaly", {"target": "nothing"}, "target"),
        ("anomaly", {"share": 0.7}, "share"),
        ("anomaly", {"share": True}, "share"),
    ):
        with pytest.raises(Invalid) as refused:
            completed(asked, kind=kind, columns=columns)
        assert field in refused.value.fields
