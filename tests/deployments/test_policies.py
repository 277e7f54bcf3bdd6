"""The signed decision policy in the prediction server, in its log, on its pages, at the gate."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.test import Client

from accounts.models import User
from deployments import log_reading, sealing
from deployments.models import Deployment
from deployments.queries.decisions import scores_of
from deployments.queries.gates import facts_of
from deployments.queries.predictions import recent_predictions
from deployments.services.keys import make_key
from deployments.serving.inference import Facts, Loaded, answer, decided, shadow
from experiments.packaging import Answer
from jobs.report import Silent
from projects.models.policy import Policy
from projects.permissions import Role
from projects.policies import Rule
from projects.queries.policies import policy_in_force
from projects.services.policies import go_back, propose_policy, sign_policy
from projects.services.worth import set_baseline, set_worth
from tests.conftest import Cast
from tests.deployments import stage
from tests.deployments.stage import ROW

ALL = frozenset({Role.OWNER})

PRACTICE = {"conditions": [{"column": "months", "op": "<", "value": "12"}]}
SIGNATURE: dict[str, Any] = {"kind": "binary", "positive": "yes", "negative": "no", "threshold": 0.5, "inputs": []}


def signed(cast: Cast, threshold: float, **more: Any) -> Policy:
    manager = cast[Role.PRODUCT_MANAGER]
    values = {"threshold": threshold} | more
    policy = propose_policy(cast.project, values=values, bins=[], reference="", by=manager)
    return sign_policy(policy, by=manager)


@pytest.fixture
def live(
    shared_cast: Cast, server: stage.PredictionServer, trained: stage.Trained
) -> Iterator[tuple[stage.PredictionServer, Deployment, str, Cast]]:
    """A server with one model in use, one key, and a practice without a model."""
    by = shared_cast[Role.ML_ENGINEER]
    set_baseline(shared_cast.project, kind="rule", values=PRACTICE, by=shared_cast[Role.PRODUCT_MANAGER])
    release = stage.put_into_use(stage.version_of(shared_cast.project, trained), by)
    _, secret = make_key(release.deployment, name="shop", days=30, by=by)
    with stage.running(server):
        yield server, release.deployment, secret, shared_cast


def until(ready: Callable[[], Any], seconds: float = 2.0) -> float:
    """How long it took; fails when it took longer than allowed."""
    began = time.monotonic()
    while not ready():
        assert time.monotonic() - began < seconds, "too slow"
        time.sleep(0.02)
    return time.monotonic() - began


def test_a_threshold_that_the_product_manager_signs_rules_the_next_answers_without_a_restart(live, settings):
    server, deployment, key, cast = live
    body = server.predict({"row": ROW}, key)[1]
    (one,) = body["predictions"]
    chance = one["probability"]
    assert body["policy"] is None
    assert one["decision"] == one["answer"] == ("yes" if chance >= 0.5 else "no")
    process = server.process.pid
    signed(cast, 0.0)
    until(lambda: server.predict({"row": ROW}, key)[1]["policy"] == 1)
    assert server.predict({"row": ROW}, key)[1]["predictions"][0]["decision"] == "yes"
    second = signed(cast, 1.0, person_low=0.999, person_high=1.0)
    until(lambda: server.predict({"row": ROW}, key)[1]["policy"] == 2)
    moved = server.predict({"row": ROW}, key)[1]
    assert (moved["version"], moved["policy"]) == (1, 2)
    assert (moved["predictions"][0]["answer"], moved["predictions"][0]["decision"]) == ("no", "no")
    first = cast.project.policies.get(version=1)
    go_back(first, reason="Too few were called.", by=cast[Role.BUSINESS_ANALYST])
    until(lambda: server.predict({"row": ROW}, key)[1]["policy"] == 3)
    assert (server.process.pid, server.process.poll()) == (process, None)
    logged = recent_predictions(deployment, ALL, limit=200)
    assert {(row.version, row.policy) for row in logged} == {(1, None), (1, 1), (1, 2), (1, 3)}
    assert {row.decision for row in logged if row.policy == 2} == {"no"}
    assert {row.baseline for row in logged} == {"yes"}
    document = orjson.loads(
        server.get(f"/v1/deployments/{deployment.name}/openapi.json", Authorization=f"Bearer {key}")[2]
    )
    answered = document["paths"][f"/v1/deployments/{deployment.name}/predict"]["post"]["responses"]["200"]
    shown = answered["content"]["application/json"]["schema"]["properties"]
    assert "policy" in shown
    assert shown["predictions"]["items"]["properties"]["decision"]["enum"] == ["yes", "no", "person"]
    assert second.version == 2


def fixed(chance: float) -> Answer:
    return Answer("yes" if chance >= 0.5 else "no", chance)


def test_the_answer_follows_the_policy_and_the_band_asks_a_person():
    rule = Rule(0.4, 0.3, 0.45, 7)
    found = [decided(fixed(chance), rule, SIGNATURE) for chance in (0.2, 0.35, 0.42, 0.46)]
    assert [(one["answer"], one["decision"]) for one in found] == [
        ("no", "no"),
        ("no", "person"),
        ("yes", "person"),
        ("yes", "yes"),
    ]
    assert decided(fixed(0.45), None, SIGNATURE) == {"answer": "no", "probability": 0.45, "decision": "no"}
    assert decided(Answer(3.5, None), rule, SIGNATURE | {"kind": "regression"})["decision"] is None


def test_the_shadow_answers_where_the_row_says_enough():
    rule = {"kind": "rule", "join": "and", "conditions": PRACTICE["conditions"], "answer": "yes", "otherwise": "no"}
    assert shadow(rule, {"months": 3}, SIGNATURE) == "yes"
    assert shadow(rule, {"months": 30}, SIGNATURE) == "no"
    assert shadow(rule, {"plan": "flex"}, SIGNATURE) is None
    assert shadow(None, {"months": 3}, SIGNATURE) is None
    assert shadow({"kind": "last_value", "column": "", "order_by": "day"}, {"day": 3}, SIGNATURE) is None


def test_sealed_pieces_keep_decision_policy_and_shadow(tmp_path: Path) -> None:
    predictor = type("Predictor", (), {"predict": lambda self, rows: [fixed(0.42) for _ in rows]})()
    facts = Facts("r1", "shop", "m", 4, "b", Rule(0.4, 0.41, 0.45, 9), {"kind": "constant", "answer": "no"})
    model = Loaded("b", SIGNATURE, predictor)
    answered = answer(model, facts, [{}, {}], b"k" * 16, time.perf_counter())
    lines = tmp_path / "one.jsonl"
    lines.write_bytes(answered.lines)
    (piece,) = sealing.run({"files": [str(lines)]}, tmp_path, Silent())["segments"]
    stored = list(log_reading.from_table(tmp_path / piece["table"], ""))
    assert [(row.answer, row.decision, row.policy, row.baseline, row.version) for row in stored] == [
        ("yes", "person", 9, "no", 4)
    ] * 2
    found = log_reading.find_in_table(tmp_path / piece["table"], stored[0].id)
    assert found == stored[0]
    with lines.open("rb") as file:
        unsealed = {row.id: (row.decision, row.policy, row.baseline) for row in log_reading.from_file(file, "shop", "")}
    assert unsealed == {row.id: ("person", 9, "no") for row in stored}


def test_a_capacity_is_kept_for_the_model_in_use(cast: Cast, trained: stage.Trained) -> None:
    from deployments.serving import snapshot

    manager = cast[Role.PRODUCT_MANAGER]
    set_worth(cast.project, values={"cases_a_month": 4348.0}, by=manager)
    version = stage.version_of(cast.project, trained)
    stage.put_into_use(version, cast[Role.ML_ENGINEER])
    bins = scores_of(version.run)
    before = snapshot.revision()
    values = {"capacity": 200, "period": "week"}
    policy = propose_policy(cast.project, values=values, bins=bins, reference="run 1", by=manager)
    assert next(iter(snapshot.read().champions.values())).policy is None
    sign_policy(policy, by=manager)
    assert snapshot.revision() != before
    rule = next(iter(snapshot.read().champions.values())).policy
    assert rule is not None
    assert (rule.version, rule.threshold) == (1, policy.threshold)
    flagged = sum(bins[round(rule.threshold * 1000) :])
    assert flagged / sum(bins) <= 200 / 1000 + 1e-9


@pytest.fixture
def version(cast: Cast, trained: stage.Trained) -> Any:
    """A registered model with agreed targets."""
    stage.agree_targets(cast.project, 0.99, metric="recall")
    return stage.version_of(cast.project, trained)


def test_the_gate_judges_under_the_policy_and_says_so(cast: Cast, version: Any) -> None:
    before = facts_of(version, "production")
    assert before.judged_at == ""
    signed(cast, 0.01)
    after = facts_of(version, "production")
    assert after.judged_at == "policy v1, 1%"
    values = [facts.judgements[0].measurement.value for facts in (before, after)]  # type: ignore[union-attr]
    assert values[0] < values[1] == 1.0


def test_the_page_previews_without_saving_and_the_business_proposes_and_signs(
    cast: Cast, version: Any, browser_of: Callable[[User], Client]
) -> None:
    manager = browser_of(cast[Role.PRODUCT_MANAGER])
    set_worth(cast.project, values={"right_yes": 40.0, "wrong_yes": -6.5}, by=cast[Role.PRODUCT_MANAGER])
    page = manager.get("/p/churn/define/decisions/?threshold=30&person_low=25&person_high=35").content.decode()
    assert "a preview, nothing is saved" in page
    assert "Brings most" in page
    assert not Policy.objects.exists()
    assert (
        "The band lies around"
        in manager.get("/p/churn/define/decisions/?threshold=30&person_low=40&person_high=50").content.decode()
    )
    sent = {"threshold": "30", "capacity": "", "person_low": "25", "person_high": "35", "reason": "Calls are cheap."}
    assert manager.post("/p/churn/define/decisions/", sent).status_code == 302
    assert policy_in_force(cast.project) is None
    assert manager.post("/p/churn/define/decisions/sign/", {"version": "1"}).status_code == 302
    force = policy_in_force(cast.project)
    assert force is not None
    assert (force.threshold, force.person_low, force.reason) == (0.3, 0.25, "Calls are cheap.")
    assert (
        manager.post(
            "/p/churn/define/decisions/", sent | {"threshold": "60", "person_low": "", "person_high": ""}
        ).status_code
        == 302
    )
    assert manager.post("/p/churn/define/decisions/sign/", {"version": "2"}).status_code == 302
    assert "Go back to v1" in manager.get("/p/churn/define/decisions/").content.decode()
    assert manager.post("/p/churn/define/decisions/back/", {"version": "1", "reason": ""}).status_code == 422
    assert manager.post("/p/churn/define/decisions/back/", {"version": "1", "reason": "too few"}).status_code == 302
    force = policy_in_force(cast.project)
    assert force is not None
    assert (force.version, force.threshold) == (3, 0.3)
    for name in ("run", "models/churn-classifier/v1"):
        path = f"/p/churn/{name}/" if name != "run" else f"/p/churn/runs/{version.run.number}/"
        assert "policy v3" in manager.get(path).content.decode()


def test_a_proposed_policy_waits_on_the_home_of_whoever_may_sign(
    cast: Cast, browser_of: Callable[[User], Client]
) -> None:
    values = {"threshold": 0.4}
    propose_policy(cast.project, values=values, bins=[], reference="", by=cast[Role.PRODUCT_MANAGER])
    waiting = "Sign decision policy v1 of Customer churn"
    assert waiting in browser_of(cast[Role.BUSINESS_ANALYST]).get("/").content.decode()
    assert waiting not in browser_of(cast[Role.DATA_SCIENTIST]).get("/").content.decode()


def test_a_data_scientist_is_refused_with_who_can(
    cast: Cast, version: Any, browser_of: Callable[[User], Client], api_of: Callable[..., Client]
) -> None:
    signed(cast, 0.4)
    browser, api = browser_of(cast[Role.DATA_SCIENTIST]), api_of(cast[Role.DATA_SCIENTIST])
    for path in ("", "sign/", "back/"):
        refused = browser.post(f"/p/churn/define/decisions/{path}", {"threshold": "90", "version": "1"})
        assert refused.status_code == 403
        assert "Product manager" in refused.content.decode()
    refused = api.post("/api/v1/projects/churn/policies/", {"threshold": 0.9}, "application/json")
    assert refused.status_code == 403
    assert "Product manager" in refused.json()["detail"]
    assert policy_in_force(cast.project).threshold == 0.4  # type: ignore[union-attr]
    assert browser.get("/p/churn/define/decisions/").status_code == 200


def test_over_rest_policies_are_read_and_proposed_and_never_signed(
    cast: Cast, version: Any, api_of: Callable[..., Client], django_assert_max_num_queries: Any
) -> None:
    api = api_of(cast[Role.PRODUCT_MANAGER])
    base = "/api/v1/projects/churn/policies/"
    made = api.post(base, {"threshold": 0.35, "reason": "try"}, "application/json")
    assert made.status_code == 201, made.content
    assert (made.json()["version"], made.json()["signed_by"]) == (1, None)
    assert api.get(f"{base}1/").json()["in_force"] is False
    for path in (f"{base}1/sign/", f"{base}sign/"):
        assert api.post(path, {}, "application/json").status_code == 404
    assert api.post(base, {"threshold": 0.3, "capacity": 5}, "application/json").status_code == 422
    for threshold in range(30):
        signed(cast, threshold / 100)
    with django_assert_max_num_queries(12):
        rows = api.get(base).json()
    assert rows["count"] == 31
    points = api.get(f"{base}curve/?run={version.run.number}").json()["points"]
    assert [points[0]["flagged"], points[0]["recall"]] == [1.0, 1.0]
    assert api.get(f"{base}curve/?run=x").status_code == 422


def test_the_pages_ask_the_database_a_fixed_number_of_times(
    cast: Cast, version: Any, browser_of: Callable[[User], Client], django_assert_max_num_queries: Any
) -> None:
    manager = browser_of(cast[Role.PRODUCT_MANAGER])
    for threshold in range(25):
        signed(cast, threshold / 100)
    with django_assert_max_num_queries(45):
        assert manager.get("/p/churn/define/decisions/").status_code == 200
    with django_assert_max_num_queries(45):
        assert manager.get("/p/churn/define/baseline/").status_code == 200
