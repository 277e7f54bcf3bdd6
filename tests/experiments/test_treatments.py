"""How columns are made ready, how rows are held back, and what looks unfair about it."""

import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from datasets.splitting import Split, at_random, by_group, packed, unpacked
from experiments import overlaps, training, treatments
from experiments.advice import foreseen, group_columns
from experiments.columns import from_table
from experiments.estimators.catalog import FAMILIES, for_kind
from experiments.estimators.preprocessing import pipeline, plain_vocabularies
from experiments.guesses import columns_of, is_prose
from experiments.matrices import from_rows, layout_of
from experiments.packaging import Bundle, dumped, loaded
from experiments.reproduction import compared
from experiments.specs import completed
from jobs.report import Silent
from problems.problem import Invalid
from tests.experiments.tables import profile_of, schema_of, story, write

TYPES = {"price": "number", "since": "date", "plan": "text", "senior": "boolean"}
EVERY = [
    *[{"price": {"gaps": gaps}} for gaps in treatments.GAPS if gaps],
    *[{"price": {"scale": scale}, "since": {"scale": scale}} for scale in treatments.SCALES if scale],
    *[{"plan": {"coding": coding}} for coding in treatments.CODINGS if coding],
]


def _fields(treated: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, "type": kind, "treatment": treated.get(name)} for name, kind in TYPES.items()]


@pytest.mark.parametrize("treated", EVERY, ids=[str(one) for one in EVERY])
@pytest.mark.parametrize("key", ["logistic", "extra_trees", "boosted"])
def test_every_treatment_is_learned_stored_and_answers_gaps_and_unseen_words(key: str, treated: dict[str, Any]) -> None:
    table, layout = story(240), layout_of(_fields(treated))
    truth = (np.array(table["left"].to_pylist()) == "Yes").astype(float)
    settings = FAMILIES[key].checked({}, "m")
    settings |= {name: 12 for name in ("n_estimators", "max_iter") if name in settings and key != "logistic"}
    matrix = from_table(table, layout)
    model = plain_vocabularies(pipeline(FAMILIES[key], "binary", settings, layout, 3).fit(matrix, truth))
    again = loaded(dumped(model))
    assert again.predict_proba(matrix).tobytes() == model.predict_proba(matrix).tobytes()
    odd = from_rows([dict.fromkeys(TYPES), {"plan": "never seen", "price": 1e9}], layout)
    assert np.isfinite(again.predict_proba(odd)).all()


def test_what_is_learned_comes_from_the_rows_to_learn_from_only() -> None:
    layout = layout_of([{"name": "x", "type": "number", "treatment": {"gaps": "mean", "scale": "none"}}])
    train, settings = pa.table({"x": [1.0, 3.0, None]}), FAMILIES["logistic"].checked({}, "m")
    model = pipeline(FAMILIES["logistic"], "binary", settings, layout, 1).fit(from_table(train, layout), [0, 1, 1])
    assert model[:-1].transform(from_rows([{"x": None}, {"x": 900.0}], layout)).ravel().tolist() == [2.0, 900.0]


def test_the_average_answer_of_a_word_does_not_know_its_own_row() -> None:
    chance = np.random.default_rng(1)
    words = [
        f"w{number}" for number in chance.permutation(300)
    ]  # every row has its own: only its own answer could help
    truth = chance.integers(0, 2, 300).astype(float)
    layout = layout_of([{"name": "w", "type": "text", "treatment": {"coding": "target"}}])
    prepare = pipeline(FAMILIES["forest"], "binary", FAMILIES["forest"].checked({}, "m"), layout, 1)[:-1]
    seen = prepare.fit_transform(from_table(pa.table({"w": words}), layout), truth)
    assert abs(np.corrcoef(seen.ravel(), truth)[0, 1]) < 0.2


def test_wrong_treatments_name_their_field() -> None:
    table = story(100)
    columns = columns_of(schema_of(table), profile_of(table))
    for given, field in (
        ({"nothing": {}}, "treatments.nothing"),
        ({"price": {"gaps": "__import__"}}, "treatments.price.gaps"),
        ({"price": {"coding": "text"}}, "treatments.price.coding"),
        ({"senior": {"gaps": "mean"}}, "treatments.senior.gaps"),
        ({"plan": {"coding": {"callable": "os.system"}}}, "treatments.plan.coding"),
        ({"plan": "text"}, "treatments.plan"),
        ([], "treatments"),
    ):
        with pytest.raises(Invalid) as refused:
            completed({"target": "left", "treatments": given}, kind="binary", columns=columns)
        assert list(refused.value.fields) == [field]
    spec = completed({"target": "left", "treatments": {"price": {"gaps": "", "scale": "robust"}}}, kind="binary",
                     columns=columns)  # fmt: skip
    assert spec["treatments"] == {"price": {"scale": "robust"}}


def test_whole_groups_are_held_back() -> None:
    chance = np.random.default_rng(2)
    groups = np.array([f"g{number}" for number in chance.zipf(1.6, 2000) % 90])
    split = by_group(np.arange(2000), groups, 0.2, 3)
    assert not set(groups[split.train]) & set(groups[split.test])
    assert np.array_equal(np.sort(np.concatenate([split.train, split.test])), np.arange(2000))
    assert np.array_equal(split.test, by_group(np.arange(2000), groups, 0.2, 3).test)
    assert 0.1 < split.test.size / 2000 <= 0.22
    sites = np.repeat(["large", "middle", "small"], [600, 300, 100])
    for seed in range(9):
        held = set(sites[by_group(np.arange(1000), sites, 0.05, seed).test])
        assert held == {"small"}, "the smallest, where each is more than was asked for"
        assert set(sites[by_group(np.arange(1000), sites, 0.3, seed).test]) in ({"middle"}, {"small"})


def test_the_held_back_rows_are_kept_as_short_text() -> None:
    for rows in (np.array([], dtype=np.int64), np.array([7]), at_random(np.arange(50_000), 0.2, 1).test):
        assert np.array_equal(unpacked(packed(rows)), rows)
    assert len(packed(at_random(np.arange(50_000), 0.2, 1).test)) < 20_000


def test_twins_groups_on_both_sides_and_days_ahead_are_warned_of() -> None:
    rows = np.arange(400)
    table = pa.table(
        {
            "patient_id": [f"p{number // 8}" for number in rows],
            "a": rows % 9,
            "b": rows % 4,
            "c": rows % 5,
            "d": rows % 2,
            "e": rows % 3,
            "g": rows % 6,
            "asked": pa.array(np.datetime64("2025-01-01") + rows),
            "paid": pa.array(np.datetime64("2025-01-01") + rows + 30 * (rows % 2)),
        }
    )
    split = at_random(rows, 0.2, 1)
    (twin,) = overlaps.twins(table, split, ["a", "b", "c", "d", "e", "g"])
    assert "held-back rows are among the rows to learn from" in twin["text"]
    schema = schema_of(table)
    assert group_columns(schema, "a") == ["patient_id"]
    (group,) = overlaps.shared_groups(table, split, ["patient_id"], "")
    assert group["column"] == "patient_id"
    assert "hold back whole groups" in group["text"]
    assert overlaps.shared_groups(table, split, ["patient_id"], "patient_id") == []
    whole = by_group(rows, np.array(table["patient_id"].to_pylist()), 0.2, 1)
    assert overlaps.shared_groups(table, whole, ["patient_id"], "") == []
    time = {"kind": "time", "column": "asked"}
    late = Split(rows[:320], rows[320:])
    (note,) = overlaps.ahead(table, late, [{"name": "paid", "type": "date"}], time, "date")
    assert "paid lies after asked in 200 of 400 rows" in note["text"]
    assert overlaps.ahead(table, late, [{"name": "paid", "type": "date"}], {"kind": "random"}, "") == []
    unique = pa.table(
        {name: chance for name, chance in zip("abcdeg", np.random.default_rng(1).random((6, 400)), strict=True)}
    )
    assert overlaps.twins(unique, split, ["a", "b", "c", "d", "e", "g"]) == []


def test_sentences_are_told_from_names() -> None:
    assert is_prose(["the train was late and nobody said why"] * 3)
    assert not is_prose(["Anna Maria Lopez", "Jo Ann Smith"])
    assert not is_prose([])


def reviews(folder: Path) -> pa.Table:
    """The movie reviews: 2 000 texts, half of them of people who liked the film."""
    with tarfile.open(folder / "text" / "review_polarity.tar.gz") as archive:
        files = sorted((one for one in archive.getmembers() if one.name.endswith(".txt")), key=lambda one: one.name)
        told = [(archive.extractfile(one).read().decode("latin-1"), "/pos/" in one.name) for one in files]  # type: ignore[union-attr]
    return pa.table({"review": [text for text, _ in told], "liked": ["yes" if liked else "no" for _, liked in told]})


def test_texts_are_classified_as_well_as_by_a_plain_script(sample_data: Path, tmp_path: Path) -> None:
    table = reviews(sample_data).take(np.arange(0, 2000, 4))
    profile = profile_of(table) | {"sample": table.slice(0, 20).to_pylist()}
    asked = {"target": "liked", "methods": ["logistic"]}
    spec = completed(asked, kind="binary", columns=columns_of(schema_of(table), profile))
    assert spec["inputs"] == ["review"]
    assert spec["treatments"] == {"review": {"coding": "text"}}
    place = {"table": str(write(table, tmp_path / "t.parquet")), "schema": schema_of(table), "kind": "binary"}
    around = {"goals": [], "unit": "", "run": "t", "data_sha256": "0" * 64}
    answer = training.run(spec | place | around, tmp_path, Silent())
    bundle = Bundle.open(tmp_path / "bundle.zip")
    test = unpacked(bundle.card["split"]["held_back"])
    train = np.setdiff1d(np.arange(table.num_rows), test)
    texts, liked = np.array(table["review"].to_pylist(), dtype=object), np.array(table["liked"].to_pylist()) == "yes"
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_features=20_000).fit(texts[train])
    plain = LogisticRegression(max_iter=1000).fit(words.transform(texts[train]), liked[train])
    theirs = roc_auc_score(liked[test], plain.predict_proba(words.transform(texts[test]))[:, 1])
    assert answer["metrics"]["roc_auc"]["value"] == pytest.approx(theirs, abs=1e-9)
    assert theirs > 0.8
    (field,) = bundle.signature["inputs"]
    assert field["categories"] is None
    assert field["treatment"] == {"coding": "text"}
    assert bundle.reference["inputs"] == []
    assert 0 <= (bundle.predictor().predict([{"review": "a " * 40_000}])[0].probability or 0) <= 1


def _record(value: float | None, **environment: Any) -> dict[str, Any]:
    methods = {"m": {"name": "M", "metrics": {"recall": {"value": value}, "gap of x": {"value": 9.0}}}}
    around = {"packages": {"numpy": "2"}, "machine": "here"} | environment
    return {
        "evaluation": {"methods": methods, "split": {"fingerprint": "f"}},
        "environment": around,
        "spec": {"seed": 1},
    }


def test_a_run_made_again_is_equal_to_the_last_bit_or_says_what_differs() -> None:
    assert compared(_record(0.7), _record(0.7))["exact"]
    nearly = compared(_record(0.7), _record(0.7 + 1e-12))
    assert not nearly["same"]
    assert nearly["differences"] == ["M, Recall: 0.7 became 0.7"]
    elsewhere = compared(_record(0.7), _record(0.7 + 1e-12, machine="there"))
    assert elsewhere["same"]
    assert not elsewhere["exact"]
    assert "machine there" in elsewhere["sentence"]
    assert compared(_record(None), _record(0.7))["differences"] == ["M, Recall: undefined became 0.7"]
    other = _record(0.7) | {"spec": {"seed": 2}}
    assert compared(_record(0.7), other)["differences"] == ["seed was asked for differently"]


def _small(key: str) -> dict[str, Any]:
    small = {"n_estimators": 10, "max_iter": 8 if key == "boosted" else 50, "folds": 2}
    return {one.name: small[one.name] for one in FAMILIES[key].settings if one.name in small}


@pytest.mark.parametrize("kind", ["multiclass", "regression"])
def test_every_method_made_again_comes_out_equal_to_the_last_bit(kind: str, tmp_path: Path) -> None:
    table = story(160)
    table = table.append_column("size", pa.array(np.digitize(np.array(table["spend"]), [75, 110]).astype(str)))
    families = for_kind(kind)
    few = ["linear" if kind == "regression" else "logistic", "neighbours"]
    for keys in (
        [family.key for family in families if family.make],
        [*few, *(family.key for family in families if family.combine)],
    ):
        target = "spend" if kind == "regression" else "size"
        asked = {"target": target, "inputs": ["plan", "tenure", "price"], "methods": {key: _small(key) for key in keys}}
        spec = completed(asked, kind=kind, columns=columns_of(schema_of(table), profile_of(table)))
        place = {"table": str(write(table, tmp_path / "t.parquet")), "schema": schema_of(table), "kind": kind}
        around = {"goals": [], "unit": "", "run": "t", "data_sha256": "0" * 64}
        first, second = (training.run(spec | place | around, tmp_path, Silent()) for _ in range(2))
        assert set(first["evaluation"]["methods"]) == {*keys, "dummy"}
        verdict = compared({**first, "spec": spec}, {**second, "spec": spec})
        assert verdict["exact"], verdict["differences"]


def test_the_form_warns_before_anything_is_trained() -> None:
    table = pa.table(
        {
            "patient_id": [f"p{number // 8}" for number in range(400)],
            "seen": pa.array(np.datetime64("2025-01-01") + np.arange(400)),
            "y": ["a", "b"] * 200,
        }
    )
    columns = columns_of(schema_of(table), profile_of(table))
    groups, times = foreseen(columns, "y", "random", "")
    assert groups == (
        "patient_id repeats: 50 different ones in 400 rows. If new ones will come in use, hold back whole groups of it."
    )
    assert "seen" in times
    assert "hold back the newest rows" in times
    assert foreseen(columns, "y", "time", "seen") == [groups]
    assert foreseen(columns, "y", "group", "patient_id") == []
