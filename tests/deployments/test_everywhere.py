"""The same rows, the same answers wherever a model answers: in process, by the server (one by one, many, batched under
load), by a batch, and by the generated projects; for every method in the registry.

The suite asks four of them; `make everywhere` asks all, a thousand rows each.
"""

import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from deployments.batch import engine
from deployments.models import Deployment
from deployments.packages import projects
from deployments.services.keys import make_key
from deployments.serving.inference import Facts, answer, load
from experiments import taking_along, training
from experiments.estimators.catalog import FAMILIES, for_kind
from experiments.guesses import columns_of
from experiments.specs import completed
from jobs.report import Silent
from projects.permissions import Role
from storage import tables
from tests.deployments import stage
from tests.deployments.test_packages import CARD, python, unpacked
from tests.experiments.tables import profile_of, schema_of, write

ALL = bool(os.environ.get("BATON_ALL_METHODS"))
TARGETS = {"binary": "left", "multiclass": "plan", "regression": "charge", "clustering": "", "anomaly": ""}
EVERY = [(kind, family.key) for kind in TARGETS for family in for_kind(kind)]
FEW = [("binary", "forest"), ("binary", "neighbours"), ("regression", "boosted"), ("clustering", "k_means")]
ASKED = EVERY if ALL else FEW
ROWS, SINGLE, CALLERS = (1000, 40, 16) if ALL else (300, 20, 8)
SAID = ("answer", "probability", "low", "high", "score", "distance")
ASK = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("test_app", "test_app.py")
tests = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tests)
rows = json.loads(open(sys.argv[1]).read())
found = []
for part in (rows[start : start + 500] for start in range(0, len(rows), 500)):
    status, body = tests.post({"rows": part})
    assert status == 200, body
    found += body["predictions"]
json.dump(found, open(sys.argv[2], "w"))
"""


def story(rows: int, seed: int, *, odd: bool = False) -> pa.Table:
    """Customers; where they are odd, with gaps, words that nobody saw and far numbers."""
    chance = np.random.default_rng(seed)
    months, charge = chance.integers(1, 60, rows), chance.normal(60, 20, rows).round(2)
    plan = chance.choice(["flex", "year", "two years", *(["never seen"] if odd else [])], rows)
    gone = 1 / (1 + np.exp(-(1.5 - months / 12 + (plan == "flex") * 1.2 + (charge - 60) / 30))) > chance.random(rows)
    charges = [
        None if i % 20 == 0 else 1e9 if odd and i % 33 == 0 else value for i, value in enumerate(charge.tolist())
    ]
    left = ["yes" if one else "no" for one in gone]
    return pa.table({"months": months, "charge": charges, "plan": plan.tolist(), "left": left})


@dataclass(frozen=True)
class Subject:
    """A trained method, and the rows that it is asked."""

    name: str
    trained: stage.Trained
    rows: list[dict[str, Any]]
    wanted: list[dict[str, Any]]


def subject(kind: str, method: str, folder: Path) -> Subject:
    """Train a method, and ask it in this process."""
    folder.mkdir()
    table, target = story(400, 3), TARGETS[kind]
    if target == "charge":
        table = table.filter(pa.compute.is_valid(table["charge"]))
    parts = {"logistic" if kind != "regression" else "linear", "forest"} if FAMILIES[method].combine else set()
    asked: dict[str, Any] = {"target": target, "methods": [*sorted(parts), method]}
    asked |= {"positive": "yes"} if kind == "binary" else {}
    schema = schema_of(table)
    spec = completed(asked, kind=kind, columns=columns_of(schema, profile_of(table)))
    around = {"kind": kind, "goals": [], "unit": "", "run": "run 1", "data_sha256": "0" * 64, "baseline": None}
    place = {"table": str(write(table, folder / "table.parquet")), "schema": schema}
    done = training.run(spec | place | around, folder, Silent())
    trained = stage.Trained(Path(place["table"]), folder / "bundle.zip", done, spec)
    model = load(trained.bundle, "b")
    names = [one["name"] for one in model.signature["inputs"]]
    rows = story(ROWS, 5, odd=True).select(names).to_pylist()
    if target != "charge" and not next(one for one in model.signature["inputs"] if one["name"] == "charge")["nullable"]:
        rows = [row | {"charge": 1.0 if row["charge"] is None else row["charge"]} for row in rows]
    wanted = answer(model, Facts("r", "d", "m", 1, "b"), rows, b"key", 0.0).predictions
    return Subject(f"{kind}-{method}".replace("_", "-"), trained, rows, wanted)


def alike(found: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]]) -> bool:
    """Words equal; numbers equal, or as near as another size of a matrix product comes."""
    assert len(found) == len(wanted)
    for name in SAID:
        if name not in found[0] or name not in wanted[0]:
            continue
        pairs = [(one[name], two[name]) for one, two in zip(found, wanted, strict=True)]
        if any(isinstance(two, float) for _, two in pairs):
            ours, theirs = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
        else:
            assert all(one == two for one, two in pairs), name
    return True


@pytest.fixture
def subjects(tmp_path: Path) -> list[Subject]:
    return [subject(kind, method, tmp_path / f"{kind}-{method}") for kind, method in ASKED]


def by_batch(one: Subject, folder: Path) -> list[dict[str, Any]]:
    columns = {name: [row[name] for row in one.rows] for name in one.rows[0]}
    table = pa.table(columns)
    path = write(table, folder / "in.parquet")
    schema = [field | {"nullable": True} for field in schema_of(table)]
    spec = {
        "bundle": str(one.trained.bundle),
        "model": "m",
        "policy": None,
        "table": str(path),
        "schema": schema,
        "keep": [],
    }
    found = engine.run(spec, folder, Silent())
    assert found["refused_rows"] == 0, found["reasons"]
    return tables.read(folder / found["table"]).to_pylist()


def by_project(kind: str, one: Subject, folder: Path) -> list[dict[str, Any]]:
    """By the project's own client, in a process that has nothing of ours."""
    parts = taking_along.parts(one.trained.bundle, card="# it", facts=CARD, licences=[])
    place = unpacked(projects.project(kind, parts), folder / kind)
    (folder / "rows.json").write_text(json.dumps(one.rows))
    done = python("-c", ASK, str(folder / "rows.json"), str(folder / f"{kind}.json"), cwd=place)
    assert done.returncode == 0, done.stderr[-2000:]
    found: list[dict[str, Any]] = json.loads((folder / f"{kind}.json").read_text())
    return found


def by_server(server: stage.PredictionServer, one: Subject, key: str) -> dict[str, list[dict[str, Any]]]:
    """Many at once, some one by one, and all one by one from many callers, so that they share calls."""

    def ask(body: Any) -> list[dict[str, Any]]:
        status, said = server.predict(body, key, name=one.name)
        assert status == 200, said
        found: list[dict[str, Any]] = said["predictions"]
        return found

    with ThreadPoolExecutor(CALLERS) as pool:
        batched = [said[0] for said in pool.map(lambda row: ask({"row": row}), one.rows)]
    single = [ask({"row": row})[0] for row in one.rows[:SINGLE]]
    return {"many": ask({"rows": one.rows}), "single": single, "batched": batched}


def test_the_list_is_the_registry() -> None:
    """A method that joins the registry is asked too; one that is not installed here is not."""
    missing = {family.key for family in FAMILIES.values() if family.installed} - {key for _, key in EVERY} - {"dummy"}
    assert missing == set()
    assert set(FEW) <= set(EVERY)


@pytest.mark.timeout(3600)
def test_the_same_rows_get_the_same_answers_everywhere(shared_cast, server, subjects, tmp_path) -> None:
    by = shared_cast[Role.ML_ENGINEER]
    keys = {}
    for one in subjects:
        version = stage.version_of(shared_cast.project, one.trained, name=one.name)
        deployment: Deployment = stage.put_into_use(version, by).deployment
        keys[one.name] = make_key(deployment, name="shop", days=1, by=by)[1]
    with stage.running(server):
        for one in subjects:
            for found in by_server(server, one, keys[one.name]).values():
                assert alike(found, one.wanted[: len(found)]), one.name
    for one in subjects:
        folder = tmp_path / one.name
        folder.mkdir(exist_ok=True)
        assert alike(by_batch(one, folder), one.wanted)
        for kind in projects.KINDS:
            if not python("-c", f"import {kind}", cwd=tmp_path).returncode:
                assert alike(by_project(kind, one, folder), one.wanted), f"{one.name} as {kind}"
