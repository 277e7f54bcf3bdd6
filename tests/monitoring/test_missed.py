"""A signed contract that a model misses by a little: what page, REST and retraining say, and who may change it."""

import json
from copy import deepcopy
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import Entry
from deployments.models import Release
from deployments.queries.versions import latest_gate
from experiments.models.registry import ModelVersion
from experiments.models.runs import Run
from experiments.queries.runs import judged_run
from jobs.models import Job
from monitoring.models import Retraining
from projects.contract import Goal, as_row
from projects.models.define import Contract
from projects.permissions import Role
from projects.queries.define import contract_in_force, goals_of
from projects.services.charter import save_charter
from projects.services.define import set_targets, sign_contract
from projects.services.gates import sign_gate
from projects.targets import fingerprint
from tests.monitoring.world import Live

pytestmark = pytest.mark.django_db
WANTED = [
    Goal("Find leavers", "recall", "at_least", 0.80, deciding=True),
    Goal("Money saved", "money-saved", "at_least", 50_000.0, unit="€", kind="kpi", source="money"),
]


@pytest.fixture
def contract(live: Live) -> Contract:
    """Recall of at least 0.80 and 50 000 a month, signed by the business analyst as the next version."""
    project, analyst = live.cast.project, live.cast[Role.BUSINESS_ANALYST]
    texts = {
        "problem": "They leave.",
        "decision": "Call them.",
        "prediction": "Who leaves?",
        "harmed": "Nobody, it is a call.",
        "positive_word": "leavers",
    }
    save_charter(project, version=0, texts=texts, by=analyst)
    wanted = set_targets(project, WANTED, by=analyst)
    return sign_contract(project, seen=fingerprint(goals_of(wanted)), by=analyst)


@pytest.fixture
def challenger(live: Live, contract: Contract) -> Retraining:
    """A retraining whose run finds 0.79 of the leavers, and is sure of it."""
    first = live.release.version.run
    metrics, evaluation = deepcopy(first.metrics), deepcopy(first.evaluation)
    metrics["recall"] = {"value": 0.79, "low": 0.785, "high": 0.795, "n": 40_000}
    run = Run.objects.create(
        project=first.project, number=2, data=first.data, contract=contract, spec=first.spec, state=Run.State.FINISHED,
        method=first.method, metrics=metrics, evaluation=evaluation, bundle=first.bundle, cause="retraining",
        created_by=live.cast[Role.MLOPS_ENGINEER],
    )  # fmt: skip
    run.verdicts = [as_row(judged) for judged in judged_run(run, contract)]
    run.save(update_fields=["verdicts"])
    return Retraining.objects.create(
        monitor=live.monitor, champion=live.release, run=run, cause="drift", state=Retraining.State.COMPARED,
        compared_at=timezone.now(), comparison={},
    )  # fmt: skip


def post(client: Client, path: str, body: Any) -> Any:
    return client.post(path, json.dumps(body), content_type="application/json")


def test_a_run_at_079_is_not_met_and_goes_nowhere_by_page_rest_or_retraining(
    live: Live, challenger: Retraining, contract: Contract, browser_of: Any, api_of: Any
) -> None:
    cast, run = live.cast, challenger.run
    shown = browser_of(cast[Role.VIEWER]).get(f"/p/churn/runs/{run.number}/").content.decode()
    assert "Not met" in shown
    scientist = browser_of(cast[Role.DATA_SCIENTIST])
    made = scientist.post(reverse("retraining", args=["churn", challenger.pk]), {"reason": "retrained by itself"})
    version = ModelVersion.objects.get(run=run)
    page = reverse("model-version", args=["churn", "churn-classifier", version.number])
    assert made.headers["Location"] == page, "a challenger becomes a candidate, no more"
    engineer, rest = browser_of(cast[Role.MLOPS_ENGINEER]), api_of(cast[Role.MLOPS_ENGINEER])
    path = f"/api/v1/projects/churn/models/churn-classifier/versions/{version.number}/promote/"
    for signed in (False, True):
        asked, refused = engineer.post(page + "promote/"), post(rest, path, {"to": "production"})
        assert (asked.status_code, refused.status_code) == (409, 409)
        assert "check:targets" in asked.content.decode()
        assert "check:targets" in refused.json()["blocked_by"]
        gate = latest_gate(version)
        assert gate is not None
        for role in (Role.BUSINESS_ANALYST, *([] if signed else [Role.ML_ENGINEER])):
            if not gate.signatures.filter(role=role).exists():
                sign_gate(gate, role=role, given=True, reason="", by=cast[role])
    assert refused.json()["blocked_by"][0] == "check:targets"
    assert not Release.objects.filter(version=version).exists()
    assert not Job.objects.filter(kind="deployments.promote").exists()
    live.release.refresh_from_db()
    assert live.release.state == Release.State.CHAMPION
    said = f"By version {contract.version} of the targets"
    check = next(one for one in gate.checks if one["key"] == "targets")
    assert (check["state"], said in check["text"]) == ("fail", True)
    assert said in engineer.get(page).content.decode()
    assert contract_in_force(cast.project) == contract == run.contract
    for place in ("/p/churn/", "/p/churn/define/", f"/p/churn/runs/{run.number}/"):
        words = " ".join(engineer.get(place).content.decode().split()).lower()
        assert any(f"{word}{contract.version}" in words for word in ("version ", "v")), place
    assert rest.get("/api/v1/projects/churn/contract/").json()["in_force"]["version"] == contract.version


def test_a_data_scientist_cannot_lower_the_bar_and_is_told_how_it_is_lowered(
    live: Live, contract: Contract, browser_of: Any, api_of: Any
) -> None:
    cast = live.cast
    scientist = cast[Role.DATA_SCIENTIST]
    page = browser_of(scientist)
    seen, before = page.get("/p/churn/define/").context["seen"], Entry.objects.count()
    refused = page.post("/p/churn/define/targets/0/", {"value": "75", "seen": seen, "do": "change"})
    assert refused.status_code == 403
    words = refused.content.decode()
    assert all(part in words for part in ("Business analyst", "Product manager", "Ask them"))
    assert Entry.objects.count() == before
    assert contract_in_force(cast.project) == contract
    asked = page.post("/p/churn/ask/", {"action": "target.change", "address": "/p/churn/define/"})
    assert asked.status_code == 302
    task = cast.project.tasks.latest("number")
    assert (task.role, task.subject_url) == (Role.BUSINESS_ANALYST, "/p/churn/define/")
