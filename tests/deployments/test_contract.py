"""One contract from its signature over training to a refused promotion, and what a newly signed one does to all of it."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from audit.models import Entry
from datasets.models.versions import Dataset, Version
from deployments import gate_rules
from deployments.gate_rules import Facts
from deployments.models import Release
from deployments.queries.versions import latest_gate, rehearsal_of
from deployments.services.gates import request_promotion
from experiments.models.registry import ModelVersion
from experiments.models.runs import Run
from notices.models import Notice
from projects import targets
from projects.contract import Goal, Measurement, judge
from projects.models.gates import Gate
from projects.models.worth import Worth
from projects.permissions import Role
from projects.queries.define import goals_of, latest_contract
from projects.services.charter import save_charter
from projects.services.define import set_targets, sign_contract
from storage.blobs import put_file
from tests.conftest import Cast
from tests.deployments import stage
from tests.experiments.tables import profile_of, schema_of, story, write

RECALL = {"metric": "recall", "threshold": 0.8, "deciding": True}
SAVED = {"kind": "kpi", "name": "Saved", "threshold": 50_000, "source": "money", "unit": "EUR", "direction": "at_least"}
FAIR = {"kind": "fairness", "name": "Treat ages alike", "metric": "accuracy", "threshold": 0.9, "column": "senior"}
FAST = {"kind": "latency", "threshold": 60_000}
CHURN = {"kind": "kpi", "name": "Churn", "threshold": 2.5, "direction": "at_most", "unit": "%"}
TEXTS = {"problem": "They leave.", "decision": "We call.", "prediction": "Who leaves?", "harmed": "Nobody, because."}
Browser = Callable[..., Client]


def sent(client: Client, verb: str, path: str, body: Any = None) -> Any:
    """A JSON request; gives (status, answer)."""
    answer = getattr(client, verb)(f"/api/v1/projects/churn/{path}", body, content_type="application/json")
    return answer.status_code, json.loads(answer.content or b"null")


def sign(cast: Cast, browser_of: Browser) -> None:
    """As the business analyst does, in the browser."""
    seen = targets.fingerprint(goals_of(latest_contract(cast.project)))
    assert browser_of(cast[Role.BUSINESS_ANALYST]).post("/p/churn/define/sign/", {"seen": seen}).status_code == 302


@pytest.fixture
def data(cast: Cast, own_folder: Path, tmp_path: Path) -> Version:
    """A published version with a column that says who is old, which is no input."""
    table = story(1500)
    return Version.objects.create(
        dataset=Dataset.objects.create(project=cast.project, name="customers"),
        number=1,
        table=put_file(write(table, tmp_path / "t.parquet")),
        rows=table.num_rows,
        schema=schema_of(table),
        profile=profile_of(table),
        state=Version.State.PUBLISHED,
        published_at=timezone.now(),
    )


class Play:
    """The people at their clients, and what each of them does in this story."""

    def __init__(self, cast: Cast, browser_of: Browser, api_of: Browser, run_jobs: Callable[[], Any]) -> None:
        self.cast, self.browser_of, self.run_jobs = cast, browser_of, run_jobs
        self.analyst, self.scientist, self.engineer = (
            api_of(cast[role]) for role in (Role.BUSINESS_ANALYST, Role.DATA_SCIENTIST, Role.ML_ENGINEER)
        )

    def page(self, path: str, role: Role = Role.VIEWER) -> str:
        return str(self.browser_of(self.cast[role]).get(f"/p/churn/{path}").content.decode())

    def agree(self, *rows: dict[str, Any]) -> dict[str, Any]:
        status, answer = sent(self.analyst, "put", "contract/", {"targets": list(rows)})
        assert status == 200, answer
        sign(self.cast, self.browser_of)
        return dict(answer)

    def train(self, threshold: float) -> dict[str, Any]:
        inputs = ["plan", "tenure", "price"]
        spec = {"target": "left", "inputs": inputs, "methods": {"logistic": {}}, "threshold": threshold}
        status, answer = sent(self.scientist, "post", "runs/", spec)
        assert status in (201, 202), answer
        self.run_jobs()
        return self.run()

    def run(self) -> dict[str, Any]:
        return dict(sent(self.scientist, "get", "runs/1/")[1])

    def register(self) -> None:
        body = {"name": "churn-classifier", "reason": "first"}
        status, answer = sent(self.scientist, "post", "runs/1/register/", body)
        assert status == 201, answer

    def promote(self) -> tuple[int, dict[str, Any]]:
        path = "models/churn-classifier/versions/1/promote/"
        status, answer = sent(self.engineer, "post", path, {"to": "production"})
        self.run_jobs()
        return status, answer


@pytest.fixture
def play(cast: Cast, data: Version, browser_of: Browser, api_of: Browser, run_jobs: Callable[[], Any]) -> Play:
    """The problem is written, and the table of money too."""
    save_charter(cast.project, version=0, texts=TEXTS, by=cast[Role.BUSINESS_ANALYST])
    Worth.objects.create(
        project=cast.project, version=1, right_yes=100, wrong_yes=-5, cases_a_month=1000, created_by=cast[Role.OWNER]
    )
    return Play(cast, browser_of, api_of, run_jobs)


def test_one_contract_from_signing_over_training_to_the_refused_promotion(play: Play) -> None:
    assert play.agree(RECALL, SAVED, FAIR, FAST, CHURN)["latest"]["version"] == 1
    run = play.train(threshold=0.7)  # flags nearly nobody, so it finds surely fewer than 80 of 100
    judged_by_version_one(play, run)
    play.register()
    status, answer = play.promote()
    assert (status, "check:targets" in answer["blocked_by"]) == (409, True)
    status, answer = play.promote()  # the rehearsal has been, and nothing else is in the way but signatures
    assert (status, answer["blocked_by"][0]) == (409, "check:targets")
    check = Gate.objects.get(state=Gate.State.OPEN).checks[0]
    assert check["state"] == "fail"
    assert check["text"].endswith("Missed: Found, of 100, Saved. By version 1 of the targets.")
    assert "2 met, 2 missed, 1 known only after launch" in check["text"]  # the rehearsal knows how fast it is
    browser = play.browser_of(play.cast[Role.ML_ENGINEER])
    answer = browser.post("/p/churn/models/churn-classifier/v1/promote/", {"to": "production"})
    assert answer.status_code == 409
    assert not Release.objects.exists()
    kpi = sent(play.analyst, "get", "kpis/saved/")[1]
    assert (kpi["contract"], kpi["target"], kpi["verdict"]) == (1, 50_000, "unmeasured")  # nothing live yet
    assert "version 1" in play.page("")
    assert "version 1 of the targets" in play.page("models/churn-classifier/v1/")


def judged_by_version_one(play: Play, run: dict[str, Any]) -> None:
    """The run and its page say how it stands, and by what."""
    verdicts = {row["name"]: row for row in run["verdicts"]}
    assert (run["contract"], run["today"]) == (1, None)
    assert verdicts["Found, of 100"]["high"] < 0.8
    assert {name: row["verdict"] for name, row in verdicts.items()} == {
        "Found, of 100": "not_met",
        "Saved": "not_met",
        "Treat ages alike": "met",
        "Answer fast": "unmeasured",
        "Churn": "unmeasured",
    }
    assert verdicts["Churn"]["words"] == "After launch"
    assert 0 < verdicts["Saved"]["low"] < verdicts["Saved"]["value"] < verdicts["Saved"]["high"] < 50_000
    page = play.page("runs/1/")
    assert "Version 1 of the targets" in page
    assert "Groups under 30 rows are left out" in page
    assert "Under today’s targets" not in page


def test_only_the_business_changes_it_and_then_all_that_is_open_is_judged_again(play: Play) -> None:
    play.agree(RECALL, SAVED)
    play.train(threshold=0.7)
    play.register()
    play.promote()
    old = Gate.objects.get(state=Gate.State.OPEN)
    status, answer = sent(play.scientist, "put", "contract/", {"targets": [RECALL | {"threshold": 0.1}]})
    assert status == 403
    assert "Business analyst" in answer["detail"]
    browser = play.browser_of(play.cast[Role.DATA_SCIENTIST])
    assert browser.post("/p/churn/define/targets/0/", {"do": "change", "value": "10"}).status_code == 403

    answer = play.agree(RECALL | {"threshold": 0.05})
    assert (answer["latest"]["version"], answer["in_force"]["version"]) == (2, 1)
    assert "became at least 5" in " ".join(answer["changes"])
    run = play.run()
    assert (run["contract"], run["today"]["contract"]) == (1, 2)
    assert [row["verdict"] for row in run["today"]["verdicts"]] == ["met"]
    assert "Under today’s targets" in play.page("runs/1/")
    old.refresh_from_db()
    assert old.state == Gate.State.REPLACED
    fresh = Gate.objects.get(state=Gate.State.OPEN)
    assert fresh.requested_by == play.cast[Role.ML_ENGINEER]
    assert "version 2 of the targets" in fresh.checks[0]["text"]
    status, answer = play.promote()
    assert answer["blocked_by"] == ["signature:business_analyst", "signature:ml_engineer"]


@pytest.mark.parametrize("low", [0.76, 0.7849])
def test_a_run_at_0_79_misses_0_80_when_it_surely_does(low: float) -> None:
    goal = Goal("Find", "recall", "at_least", 0.8, "", True)
    judged = judge(goal, Measurement(0.79, low, 0.795, 25_000))
    assert judged.sentence.startswith("Not met: 79 of 100")
    assert gate_rules.checks(facts(judged))[0]["state"] == "fail"


def facts(*judged: Any) -> Facts:
    signature = {"kind": "binary", "inputs": []}
    return Facts(list(judged), 3, True, signature, {}, "rows")


def test_one_missed_target_of_any_kind_blocks_and_what_only_time_tells_does_not() -> None:
    recall = judge(Goal("Find", "recall", "at_least", 0.8, "", True), Measurement(0.9, 0.85, 0.95, 500))
    churn = judge(Goal("Churn", "churn", "at_most", 2.5, "%", kind="kpi", source="entered"), None)
    assert gate_rules.checks(facts(recall, churn))[0]["state"] == "pass"
    assert gate_rules.checks(facts(churn))[0]["state"] == "warn"
    for kind in ("slice", "fairness", "latency", "kpi"):
        goal = Goal("Other", "recall", "at_most", 0.1, "", kind=kind, source="money" if kind == "kpi" else "")
        missed = judge(goal, Measurement(0.5, 0.4, 0.6, 100))
        check = gate_rules.checks(facts(recall, churn, missed))[0]
        assert check["state"] == "fail", kind
        assert "Missed: Other" in check["text"]
        assert "By version 3 of the targets" in check["text"]
        unknown = judge(dataclasses.replace(goal, deciding=False), None)
        assert gate_rules.checks(facts(recall, unknown))[0]["state"] == "warn"


def test_newly_signed_targets_judge_the_model_in_use_again(cast: Cast, own_folder: Path, trained: Any) -> None:
    old = stage.agree_targets(cast.project, 0.1)
    version: ModelVersion = stage.version_of(cast.project, trained)
    release = stage.put_into_use(version, cast[Role.ML_ENGINEER])
    save_charter(cast.project, version=0, texts=TEXTS, by=cast[Role.OWNER])
    hard = [
        Goal("Found", "recall", "at_least", 0.999, "", True),
        Goal("Fast", "latency_p95", "at_most", 9.0, "ms", kind="latency"),
    ]
    analyst = cast[Role.BUSINESS_ANALYST]
    set_targets(cast.project, hard, by=analyst)
    release.refresh_from_db()
    assert release.contract is None  # nothing is judged by what nobody signed
    new = sign_contract(cast.project, seen=targets.fingerprint(hard), by=analyst)
    release.refresh_from_db()
    assert release.contract == new != old
    assert [row["verdict"] for row in release.verdicts] == ["not_met", "unmeasured"]
    assert Entry.objects.get(name="release.judged_again").data["missed"] == ["Found"]
    assert Notice.objects.filter(
        recipient_id=cast[Role.MLOPS_ENGINEER].pk, text__contains="misses the targets"
    ).exists()
    run = Run.objects.get(pk=version.run_id)
    assert run.verdicts == []  # a run keeps what it was judged by


def test_how_fast_the_rehearsal_was_is_judged(cast: Cast, own_folder: Path, trained: Any, run_jobs: Any) -> None:
    contract = stage.agree_targets(cast.project, 0.1)
    limit = {"position": 2, "name": "Fast", "metric": "latency_p95", "direction": "at_most"}
    contract.targets.create(kind="latency", threshold=0.000_1, unit="ms", **limit)
    version = stage.version_of(cast.project, trained)
    request_promotion(version, environment="production", comment="", by=cast[Role.ML_ENGINEER])
    run_jobs()
    gate = latest_gate(version)
    assert gate is not None
    check = gate.checks[0]
    assert (check["state"], check["limit"]) == ("fail", "target 0.0001 ms")
    measured = rehearsal_of(version)[0]
    assert measured is not None
    slowest = measured["p95"]
    assert 0 < slowest["low"] <= slowest["value"] <= slowest["high"]
    assert slowest["n"] >= 60
