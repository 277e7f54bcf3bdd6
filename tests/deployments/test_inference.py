"""The compiled form answers where it is right; where it is not, the stored pipeline does, and says why."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import orjson
import pytest

from deployments.serving.inference import Facts, answer, answer_all, load
from deployments.serving.lines import rows_in
from deployments.serving.parsing import RowsInvalid
from experiments.packaging import Bundle
from tests.deployments import stage
from tests.deployments.stage import ROW

FACTS = Facts("r", "d", "m", 1, "b")
ROWS = [ROW, ROW | {"charge": None}, ROW | {"plan": "never seen"}]


def chances(model, rows=ROWS):
    return [one["probability"] for one in answer(model, FACTS, rows, b"key", 0.0).predictions]


def with_part(path: Path, to: Path, change) -> Path:
    """A copy of a bundle with its compiled form changed, or without it."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(to, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "compiled.npz":
                content = change(content)
            if content is not None:
                new.writestr(name, content)
    return to


def test_a_bundle_whose_compiled_form_is_gone_or_damaged_or_wrong_is_answered_by_its_pipeline(trained, tmp_path):
    usual = load(trained.bundle, "b")
    assert usual.predictor.path == "compiled"

    def wrong(content: bytes) -> bytes:
        import io

        with np.load(io.BytesIO(content)) as stored:
            arrays = {name: stored[name] for name in stored.files}
        arrays["model.weights"] = arrays["model.weights"] * 1.01
        file = io.BytesIO()
        np.savez(file, **arrays)
        return file.getvalue()

    for change, why in ((lambda _: None, "without"), (lambda c: c[: len(c) // 2], "damaged"), (wrong, "differently")):
        model = load(with_part(trained.bundle, tmp_path / "b.zip", change), "b")
        assert model.predictor.path == "stored"
        assert chances(model) == pytest.approx(chances(usual), abs=1e-9)
        if why != "without":
            assert why in model.why


def test_requests_that_share_a_call_are_answered_as_alone_and_one_that_does_not_fit_refuses_the_call(retrained):
    model = load(retrained.bundle, "b")
    assert model.predictor.path == "compiled"
    together = answer_all(model, FACTS, [(ROWS[:1], 0.0), (ROWS[1:], 0.0)], b"key")
    assert [one.rows for one in together] == [1, 2]
    assert [one.unknown for one in together] == [0, 1]
    said = [row["probability"] for one in together for row in one.predictions]
    assert said == pytest.approx(chances(model), abs=1e-12)
    logged = [rows_in(orjson.loads(one.lines)) for one in together]
    assert [[row["id"] for row in rows] for rows in logged] == [
        [row["id"] for row in one.predictions] for one in together
    ]
    with pytest.raises(RowsInvalid):
        answer_all(model, FACTS, [(ROWS, 0.0), ([ROW | {"months": "3"}], 0.0)], b"key")


def test_a_server_of_a_compiled_model_loads_neither_scikit_learn_nor_pandas(trained, tmp_path):
    shutil.copy(trained.bundle, tmp_path / "bundle.zip")
    code = (
        "import sys; sys.path[:0] = ['platform', '.']\n"
        "from pathlib import Path\n"
        "from deployments.serving.inference import Facts, answer, load\n"
        f"model = load(Path({str(tmp_path / 'bundle.zip')!r}), 'b')\n"
        f"answer(model, Facts('r', 'd', 'm', 1, 'b'), [{ROW!r}], b'key', 0.0)\n"
        "print([name for name in ('sklearn', 'skops', 'scipy', 'pandas', 'pyarrow') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=stage.ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


@pytest.mark.parametrize("path", ["compiled", "stored"])
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"plan": "never seen"}, None),
        ({"charge": None}, None),
        ({"extra": {"deep": [1]}}, None),
        ({"months": 10**9}, None),
        ({"charge": -1e29}, None),
        ({"Months": 4}, None),
        ({"months": None}, "months"),
        ({"months": "3"}, "months"),
        ({"months": 3.5}, "months"),
        ({"months": True}, "months"),
        ({"charge": "80.5"}, "charge"),
        ({"charge": [80.5]}, "charge"),
        ({"charge": 1e300}, "charge"),
        ({"plan": 7}, "plan"),
        ({"plan": None}, "plan"),
        ({"plan": "x" * 20_000}, "plan"),
    ],
)
def test_f49_each_odd_value_is_answered_by_a_stated_policy_or_refused_by_name(path, change, field, trained) -> None:
    model = load(trained.bundle, "b")
    if path == "stored":
        model.predictor, model.reader = Bundle.open(trained.bundle).predictor(), None
    usual, odd = answer(model, FACTS, [ROW], b"key", 0.0), ROW | change
    if field is not None:
        with pytest.raises(RowsInvalid) as refusal:
            answer(model, FACTS, [ROW, odd], b"key", 0.0)
        assert [(one["row"], one["field"]) for one in refusal.value.facts["errors"]] == [(1, field)]
        return
    found = answer(model, FACTS, [dict(reversed(odd.items()))], b"key", 0.0)
    assert found.unknown == ("plan" in change)
    if change.keys() & ROW.keys():
        return
    assert found.predictions[0]["probability"] == usual.predictions[0]["probability"]


@pytest.mark.parametrize("missing", ["months", "charge", "plan"])
def test_f49_a_missing_field_is_a_gap_where_gaps_are_allowed(missing, trained) -> None:
    model = load(trained.bundle, "b")
    row = {name: value for name, value in ROW.items() if name != missing}
    if missing == "charge":
        assert answer(model, FACTS, [row], b"key", 0.0).rows == 1
        return
    with pytest.raises(RowsInvalid) as refusal:
        answer(model, FACTS, [row], b"key", 0.0)
    assert refusal.value.facts["errors"][0]["field"] == missing
