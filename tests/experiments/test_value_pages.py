"""Uplift and money stand beside results: on the run, in the comparison, on the overview, on Define and over REST."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from experiments.services.runs import engine_spec
from projects.permissions import Role
from projects.services.worth import set_baseline, set_worth
from tests.conftest import Cast
from tests.deployments import stage
from tests.experiments.test_uplift import RULE

PRACTICE = {"conditions": RULE["conditions"]}


@pytest.fixture(scope="session")
def beside(tmp_path_factory: pytest.TempPathFactory) -> stage.Trained:
    return stage.train(tmp_path_factory.mktemp("beside"), baseline=RULE)


def test_every_place_of_a_result_tells_what_it_adds(
    cast: Cast, beside: stage.Trained, browser_of: Callable[[User], Client], api_of: Callable[..., Client]
) -> None:
    manager = cast[Role.PRODUCT_MANAGER]
    set_worth(cast.project, values={"right_yes": 40.0, "wrong_yes": -6.5, "cases_a_month": 1000.0}, by=manager)
    set_baseline(cast.project, kind="rule", values=PRACTICE, by=manager)
    run = stage.version_of(cast.project, beside).run
    browser = browser_of(manager)
    for path in (f"runs/{run.number}/", f"compare/?runs={run.number}", "", "define/", "models/churn-classifier/v1/"):
        page = browser.get(f"/p/churn/{path}").content.decode()
        assert "a month" in page, path
        assert "ithout a model" in page, path
    value = api_of(manager).get(f"/api/v1/projects/churn/runs/{run.number}/").json()["value"]
    assert value["practice"] == "Answer yes when months is under 12, else no."
    assert "a month" in value["gain"]["said"]
    assert value["assumptions"]


def test_without_a_practice_only_the_yardstick_stands_there_and_the_page_says_who_names_one(
    cast: Cast, trained_without: stage.Trained, browser_of: Callable[[User], Client]
) -> None:
    run = stage.version_of(cast.project, trained_without).run
    page = browser_of(cast[Role.DATA_SCIENTIST]).get(f"/p/churn/runs/{run.number}/").content.decode()
    assert "only the yardstick stands beside this result" in page
    set_baseline(cast.project, kind="constant", values={"answer": "no"}, by=cast[Role.PRODUCT_MANAGER])
    page = browser_of(cast[Role.DATA_SCIENTIST]).get(f"/p/churn/runs/{run.number}/").content.decode()
    assert "Train again to compare" in page


@pytest.fixture(scope="session")
def trained_without(tmp_path_factory: pytest.TempPathFactory) -> stage.Trained:
    return stage.train(tmp_path_factory.mktemp("without"))


def test_the_newest_practice_goes_into_the_next_run(cast: Cast, trained_without: stage.Trained) -> None:
    run = stage.version_of(cast.project, trained_without).run
    assert engine_spec(run, Path("x"))["baseline"] is None
    set_baseline(cast.project, kind="rule", values=PRACTICE, by=cast[Role.PRODUCT_MANAGER])
    spec = engine_spec(run, Path("x"))["baseline"]
    assert (spec["version"], spec["conditions"]) == (1, RULE["conditions"])


def test_the_page_names_a_practice_by_selects_and_warns_of_a_column_that_is_gone(
    cast: Cast, trained_without: stage.Trained, browser_of: Callable[[User], Client]
) -> None:
    version = stage.version_of(cast.project, trained_without)
    browser = browser_of(cast[Role.DOMAIN_EXPERT])
    sent: dict[str, Any] = {
        "kind": "rule",
        "answer": "yes",
        "join": "or",
        "column_0": "months",
        "op_0": "<",
        "value_0": "6",
    }
    assert browser.post("/p/churn/define/baseline/", sent).status_code == 302
    page = browser.get("/p/churn/define/baseline/").content.decode()
    assert "Answer yes when months is under 6, else no." in page
    assert '<option value="plan">' in page
    assert browser.post("/p/churn/define/baseline/", {"kind": "rule", "answer": "yes"}).status_code == 422
    version.run.data.schema = [field for field in stage.SCHEMA if field["name"] != "months"]
    version.run.data.save()
    assert "has no column “months”" in browser.get("/p/churn/define/baseline/").content.decode()
    assert browser_of(cast[Role.DATA_SCIENTIST]).post("/p/churn/define/baseline/", sent).status_code == 403
