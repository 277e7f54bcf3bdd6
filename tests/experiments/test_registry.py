"""Registered versions: aliases, cards, what changed, and the file that answers without the platform."""

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from audit.models import Entry
from datasets.models.tags import ColumnTag
from experiments import cards, release_notes
from experiments.evaluation.comparison import Entry as Compared
from experiments.models.registry import Alias, CardText, ModelVersion
from experiments.models.runs import Run
from experiments.queries.registry import card_facts, texts_to_begin_with
from experiments.services.models import register
from experiments.services.registry import remove_alias, set_alias, write_card
from problems.problem import Conflict, Gone, Invalid, Missing
from projects.models.define import Contract
from projects.permissions import Role
from tests.conftest import Cast

Train = Callable[..., Run]


@pytest.fixture
def versions(cast: Cast, targets: Contract, trained: Train) -> list[ModelVersion]:
    """Two versions of one model."""
    by = cast[Role.DATA_SCIENTIST]
    runs = [trained(), trained(spec={"inputs": ["plan", "tenure"]})]
    return [register(run, name="churn", reason="the best so far", by=by) for run in runs]


@pytest.mark.django_db
def test_an_alias_stands_for_its_version_in_every_address(
    cast: Cast, versions: list[ModelVersion], api_of: Any
) -> None:
    by = cast[Role.DATA_SCIENTIST]
    set_alias(versions[0].model, name="staging", version=versions[0], by=by)
    api, base = api_of(by), f"/api/v1/projects/{cast.project.key}/models/churn/versions/"
    assert api.get(f"{base}@staging/").json()["version"] == 1
    for rest in ("card/", "card.md", "lineage/", "download/", "package/fastapi/"):
        assert api.get(f"{base}@staging/{rest}").status_code == 200, rest
    assert "churn-v1" in api.get(f"{base}@staging/download/").headers["Content-Disposition"]
    set_alias(versions[0].model, name="staging", version=versions[1], by=by)
    assert api.get(f"{base}@staging/").json()["version"] == 2
    assert api.get(f"{base}@staging/changes/").json() == api.get(f"{base}2/changes/").json()
    engineer = api_of(cast[Role.ML_ENGINEER])
    asked = engineer.post(f"{base}@staging/promote/", {"to": "production"}, content_type="application/json")
    assert asked.status_code == 409
    assert "churn v2 may not go to production" in asked.json()["detail"]
    for name in ("@champion", "@nobody", "9", "@"):
        assert api.get(f"{base}{name}/").status_code == 404, name
    stranger = api_of(cast.stranger)
    assert stranger.get(f"{base}@staging/").status_code == 404


@pytest.mark.django_db
def test_an_alias_is_set_moved_and_removed_by_name(cast: Cast, versions: list[ModelVersion], api_of: Any) -> None:
    first, second = versions
    by, model = cast[Role.DATA_SCIENTIST], first.model
    set_alias(model, name="staging", version=first, by=by)
    set_alias(model, name=" Staging ", version=second, by=by)
    set_alias(model, name="staging", version=second, by=by)
    assert Alias.objects.get().version == second
    told = [entry.name for entry in Entry.objects.filter(name__startswith="alias.").order_by("seq")]
    assert told == ["alias.set", "alias.moved"], "what changes nothing is not written down"
    for name in ("champion", "Champion "):
        with pytest.raises(Conflict, match="follows what is in use"):
            set_alias(model, name=name, version=first, by=by)
    for name in ("", "2", "a b", "-a", "ä", "a" * 41, "a--b", "@"):
        with pytest.raises(Invalid):
            set_alias(model, name=name, version=first, by=by)
    api = api_of(by)
    address = f"/api/v1/projects/{cast.project.key}/models/churn/aliases/"
    assert api.put(f"{address}candidate/", {"version": 1}, "application/json").json()["version"] == 1
    assert api.put(f"{address}candidate/", {"version": 9}, "application/json").status_code == 404
    assert api.get(f"{address}staging/").json()["version"] == 2
    assert {one["alias"] for one in api.get(address).json()["results"]} == {"candidate", "staging"}
    assert api.delete(f"{address}candidate/").status_code == 204
    assert api.get(f"{address}candidate/").status_code == 404
    assert api_of(cast[Role.VIEWER]).put(f"{address}x/", {"version": 1}, "application/json").status_code == 403
    remove_alias(model, name="staging", by=by)
    with pytest.raises(Missing):
        remove_alias(model, name="staging", by=by)
    ModelVersion.everything.filter(pk=first.pk).update(deleted_at=first.created_at)
    with pytest.raises(Gone):
        set_alias(model, name="staging", version=first, by=by)


@pytest.mark.django_db
def test_a_card_fills_itself_and_keeps_what_people_say(
    cast: Cast, versions: list[ModelVersion], browser_of: Any, api_of: Any
) -> None:
    first, second = versions
    by, key = cast[Role.DATA_SCIENTIST], cast.project.key
    facts = card_facts(first, frozenset({Role.DATA_SCIENTIST}))
    found = {one.key: one for one in cards.sections(facts)}
    assert [one.by_people for one in found.values()].count(True) == 4
    assert f"{first.run.data.table_id}" in found["data"].lines[0]
    assert found["results"].table is not None
    recall = next(row for row in found["results"].table.rows if row[0] == "Recall")
    assert recall[1].endswith("of 100")
    assert " to " in recall[2]
    assert found["targets"].table is not None
    assert [row[0] for row in found["targets"].table.rows] == ["Find the leavers", "Do not waste calls"]
    assert found["environment"].table is not None
    assert dict(found["environment"].table.rows)["scikit-learn"]
    assert "yet to write: intended use, not for, ethical notes, contacts" in cards.finding(facts)
    write_card(first, texts={"intended_use": "Calls to those who may leave"}, seen=0, by=by)
    with pytest.raises(Conflict, match="Read it again"):
        write_card(first, texts={"intended_use": "unseen"}, seen=0, by=by)
    with pytest.raises(Invalid):
        write_card(first, texts={"accuracy": "99%"}, seen=1, by=by)
    write_card(first, texts={"intended_use": "Calls", "not_for": "# Prices | [x](y)"}, seen=1, by=by)
    assert [text.number for text in CardText.objects.filter(version=first)] == [2, 1]
    assert texts_to_begin_with(second)["not_for"] == "# Prices | [x](y)"
    api = api_of(by)
    address = f"/api/v1/projects/{key}/models/churn/versions/1/"
    put = api.put(f"{address}card/", {"seen": 2, "contacts": "Ada"}, "application/json").json()
    assert put["facts"]["texts"] == {"intended_use": "Calls", "not_for": "# Prices | [x](y)", "ethics": "", "contacts": "Ada"}  # fmt: skip
    assert api.put(f"{address}card/", {"seen": 2, "contacts": "Bob"}, "application/json").status_code == 409
    text = api.get(f"{address}card.md").content.decode()
    assert "\\# Prices \\| \\[x\\](y)" in text
    browser = browser_of(by)
    for name in ("model-card", "model-card-write", "model-card-json", "model-card-markdown", "model-changes"):
        assert browser.get(reverse(name, args=[key, "churn", 1])).status_code == 200, name
    sent = {"seen": 3, "intended_use": "a", "not_for": "b", "ethics": "c", "contacts": "d"}
    assert browser.post(reverse("model-card-write", args=[key, "churn", 1]), sent).status_code == 302
    again = browser.post(reverse("model-card-write", args=[key, "churn", 1]), sent)
    assert "Read it again" in again.content.decode()
    page = browser.get(reverse("model-version", args=[key, "churn", 1])).content.decode()
    assert "Where it comes from, what it became" in page
    before = [one["kind"] for one in api.get(f"{address}lineage/").json()["before"]]
    assert before == ["data", "run"]


def _entry(number: int, recall: tuple[float, float, float], **spec: Any) -> Compared:
    value, low, high = recall
    return Compared(
        number, "logistic", spec, {"recall": {"value": value, "low": low, "high": high, "n": 100}}, ("a", "b"), "left"
    )


def _facts(entry: Compared, **more: Any) -> dict[str, Any]:
    data = {"name": "customers v1", "rows": 9, "columns": 3, "sha256": "0" * 64, "licences": []}
    usual = {"version": entry.number, "kind": "binary", "unit": "", "data": data, "counts": {"train": 7, "test": 2}}
    usual |= {"inputs": [], "verdicts": [], "environment": {"python": "3.12", "packages": {"numpy": "2"}}}
    return usual | {"metrics": entry.metrics} | more


def test_what_changed_is_told_apart_from_chance() -> None:
    old = _entry(1, (0.60, 0.55, 0.65), seed=7)
    for recall, standing in (
        ((0.8, 0.75, 0.85), "better"),
        ((0.62, 0.57, 0.67), "chance"),
        ((0.4, 0.35, 0.45), "worse"),
    ):
        new = _entry(2, recall, seed=8)
        found = release_notes.notes(_facts(old), _facts(new), (old, new))
        assert [row["standing"] for row in found["metrics"]] == [standing]
        assert found["settings"] == [{"name": "seed", "before": "7", "after": "8"}]
        assert found["same_rows"]
        assert found["data"] == found["inputs"] == found["environment"] == found["verdicts"] == []
    inputs = [{"name": "price", "type": "number", "treatment": None, "categories": None}]
    new_environment = {"python": "3.13", "packages": {"numpy": "2"}}
    found = release_notes.notes(_facts(old), _facts(old, inputs=inputs, environment=new_environment), (old, old))
    assert found["inputs"] == [{"name": "price", "before": "–", "after": "number"}]
    assert found["environment"] == [{"name": "python", "before": "3.12", "after": "3.13"}]
    assert found["metrics"][0]["standing"] == "same"


@pytest.mark.django_db
def test_what_is_taken_along_answers_without_the_platform(
    cast: Cast, versions: list[ModelVersion], api_of: Any, tmp_path: Path
) -> None:
    address = f"/api/v1/projects/{cast.project.key}/models/churn/versions/1/"
    notes = (
        api_of(cast[Role.VIEWER]).get(f"/api/v1/projects/{cast.project.key}/models/churn/versions/2/changes/").json()
    )
    assert [row["name"] for row in notes["inputs"]] == ["price"]
    assert api_of(cast[Role.VIEWER]).get(f"{address}changes/").status_code == 409
    assert api_of(cast[Role.VIEWER]).get(f"{address}download/").status_code == 403
    answer = api_of(cast[Role.ML_ENGINEER]).get(f"{address}download/")
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
        archive.extractall(tmp_path)
    assert (
        f"scikit-learn=={versions[0].run.environment['packages']['scikit-learn']}"
        in (tmp_path / "requirements.txt").read_text()
    )
    assert "No licence" in (tmp_path / "DATA_LICENCE.txt").read_text()

    def script(*more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", str(tmp_path / "predict.py"), *more]
        return subprocess.run(command, cwd="/", env={}, capture_output=True, text=True, check=False)

    done = script()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads((tmp_path / "expected_output.json").read_text())
    (tmp_path / "rows.json").write_text('[{"plan": 5, "tenure": 1, "price": 2}]')
    assert "Row 0, plan: must be text" in script(str(tmp_path / "rows.json")).stderr
    (tmp_path / "card.md").write_text("a better card")
    assert "card.md was changed" in script().stderr
    ColumnTag.objects.create(dataset=versions[0].run.data.dataset, column="plan", kind="personal")
    assert api_of(cast[Role.ML_ENGINEER]).get(f"{address}download/").status_code == 403
