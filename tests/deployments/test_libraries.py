"""F59: a library changed between training and loading: it is told, warned of at the gate, and never served otherwise."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from deployments import gate_rules, rehearsal
from deployments.serving.inference import load
from experiments import environment
from jobs.report import Silent
from problems.problem import Corrupted
from tests.deployments import stage


def _changed(bundle: Path, to: Path, part: str, change: Any) -> Path:
    """The bundle with one of its descriptions changed, and without its compiled form."""
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(to, "w") as new:
        for name in old.namelist():
            if name != "compiled.npz":
                content = old.read(name)
                new.writestr(name, json.dumps(change(json.loads(content))) if name == part else content)
    return to


def _older(card: dict[str, Any]) -> dict[str, Any]:
    packages = card["environment"]["packages"] | {"scikit-learn": "1.2.0", "pyarrow": "1.0"}
    return card | {"environment": card["environment"] | {"packages": packages, "python": "3.8.1"}}


def test_another_version_is_told_and_warned_of_at_the_gate(trained: stage.Trained, tmp_path: Path) -> None:
    assert environment.changed(trained.answer["environment"]) == []
    path = _changed(trained.bundle, tmp_path / "old.zip", "card.json", _older)
    for bundle, state in ((trained.bundle, "pass"), (path, "warn")):
        found = rehearsal.run({"bundle": str(bundle)}, tmp_path, Silent())
        check = gate_rules._same_answers(gate_rules.Facts([], None, True, {}, {}, "", rehearsal=found))
        assert check["state"] == state, check
    assert "scikit-learn 1.2.0 is" in check["text"]
    assert "Python 3.8.1 is" in check["text"]
    assert "pyarrow" not in check["text"]
    assert load(path, "b").predictor.path == "stored"


def test_answers_that_became_others_are_refused_at_load(trained: stage.Trained, tmp_path: Path) -> None:
    def other(golden: dict[str, Any]) -> dict[str, Any]:
        first, *rest = golden["answers"]
        return golden | {"answers": [first | {"probability": 1 - first["probability"]}, *rest]}

    path = _changed(trained.bundle, tmp_path / "other.zip", "golden.json", other)
    with pytest.raises(Corrupted, match="1 of 50 stored rows differently"):
        load(path, "b")
    assert rehearsal.run({"bundle": str(path)}, tmp_path, Silent())["different"] == 1
