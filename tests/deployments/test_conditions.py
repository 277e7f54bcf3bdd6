"""Limits of an environment: held against what was measured, and standing with their reason in what blocks."""

from typing import Any

import pytest
from django.urls import reverse

from deployments import conditions
from deployments.queries.versions import latest_gate, rehearsal_of, versions_of
from deployments.services import releases
from deployments.services.environments import set_up_environment
from deployments.services.gates import request_promotion
from problems.problem import Conflict, Invalid
from projects.models.gates import Gate
from projects.permissions import Role
from projects.risk import QUESTIONS
from projects.services.charter import save_charter
from projects.services.gates import sign_gate
from projects.services.risk import answer_risk
from tests.deployments import stage

NOTHING = {"value": None, "low": None, "high": None, "reason": "fewer than two groups have enough rows and a value"}


def ends(value: float, low: float, high: float) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high}


def groups(gap: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What a judging says of one column, by how often groups are found."""
    measures = {"true_positive_rate": {"gap": gap}, "selection_rate": {"gap": ends(0.9, 0.9, 0.9)}}
    return conditions.apart({"attributes": [{"attribute": "sex", "least": 30, "measures": measures | more}]})


@pytest.mark.parametrize(
    ("gap", "limit", "state"),
    [
        (ends(0.04, 0.0, 0.09), 10.0, "pass"),
        (ends(0.08, 0.01, 0.15), 10.0, "warn"),
        (ends(0.30, 0.12, 0.50), 10.0, "fail"),
        (ends(0.30, 0.12, 0.50), None, "warn"),
        (NOTHING, 10.0, "fail"),
        (NOTHING, None, "warn"),
    ],
)
def test_groups_are_judged_by_the_whole_interval(gap, limit, state):
    check = conditions.groups_check(groups(gap), limit, running=False)
    assert check["state"] == state
    assert ("quote" in check) == (state == "fail")


def test_the_worse_of_found_and_wrongly_called_counts_and_how_often_flagged_does_not():
    found = groups(ends(0.02, 0.0, 0.05), false_positive_rate={"gap": ends(0.2, 0.15, 0.3)})
    check = conditions.groups_check(found, 10.0, running=False)
    assert check["state"] == "fail"
    assert check["text"].startswith("By sex, called wrongly equally often: 20 points, between 15 and 30")


def test_what_was_not_measured_blocks_only_where_a_limit_is_set():
    assert conditions.groups_check(None, 10.0, running=True)["state"] == "fail"
    assert conditions.groups_check(None, None, running=True)["state"] == "warn"
    none = conditions.apart({"reason": "No protected column is named."})
    assert "has to be known" in conditions.groups_check(none, 10.0, running=False)["text"]


def strain(value: float, better: str = "at_least") -> dict[str, Any]:
    point = {"strength": 0.05, "value": value, "low": value - 0.02, "high": value + 0.02, "n": 300}
    part = {
        "calm": ends(0.8, 0.78, 0.82),
        "tests": [{"kind": "missing", "points": [point]}, {"kind": "typos", "points": []}],
    }
    return conditions.strained(part, better)


def test_strain_is_what_the_measure_loses_of_itself_in_either_direction():
    assert strain(0.6)["strains"] == [{"kind": "missing", "value": 25.0, "low": 22.5, "high": 27.5}]
    assert strain(1.0, "at_most")["strains"][0]["value"] == 25.0
    assert conditions.strain_check(strain(0.6), 20.0, running=False)["state"] == "fail"
    assert conditions.strain_check(strain(0.6), 26.0, running=False)["state"] == "warn"
    assert conditions.strain_check(strain(0.6), 30.0, running=False)["state"] == "pass"


def test_a_model_that_breaks_under_strain_fails_without_any_limit():
    part = {
        "calm": ends(0.8, 0.7, 0.9),
        "tests": [{"kind": "noise", "points": [{"value": None, "reason": "no answer"}]}],
    }
    check = conditions.strain_check(conditions.strained(part, "at_least"), None, running=False)
    assert (check["state"], "no answer" in check["quote"]) == ("fail", True)


@pytest.mark.parametrize(
    "given",
    [
        {"moon": 1},
        {"gap": -1},
        {"gap": 101},
        {"gap": "x"},
        {"gap": True},
        {"row_ms": 0},
        {"loss": float("nan")},
        {"loss": []},
    ],
)
def test_a_limit_that_is_none_is_refused(given):
    with pytest.raises(Invalid):
        conditions.checked(given)


# ---- At the gate ----


@pytest.fixture(scope="session")
def halved(tmp_path_factory):
    """A training whose held-back rows are many enough for groups."""
    split = {"kind": "random", "seed": 7, "test_share": 0.5}
    return stage.train(tmp_path_factory.mktemp("halved"), rows=3000, split=split)


@pytest.fixture
def version(cast, own_folder, halved):
    """A registered version whose answers hang on the plan, which the charter protects."""
    save_charter(cast.project, version=0, texts={"problem": "They leave.", "protected": "plan"}, by=cast[Role.OWNER])
    stage.agree_targets(cast.project)
    return stage.version_of(cast.project, halved)


def limit(cast, **limits):
    set_up_environment(cast.project, "production", signers=[], datasets=[], conditions=limits, by=cast[Role.OWNER])


def waits(version, cast):
    with pytest.raises(Conflict) as refusal:
        releases.promote(version, environment="production", comment="", by=cast[Role.MLOPS_ENGINEER])
    return refusal.value.facts["blocked_by"]


def quoted(found, key):
    return next((wait for wait in found if wait.startswith(f"check:{key}: ")), "")


def test_groups_apart_block_with_their_reason_after_being_measured_in_the_gates_job(version, cast, run_jobs):
    limit(cast, gap=5)
    assert "Being measured now" in quoted(waits(version, cast), "fairness")
    run_jobs()
    assert rehearsal_of(version)[0]["attributes"] == ["plan"]
    found = quoted(waits(version, cast), "fairness")
    assert "By plan, " in found
    assert "The limit is 5." in found
    assert "flex" not in found  # a group's name is a value that not everybody may see
    limit(cast, gap=100)
    assert quoted(waits(version, cast), "fairness") == ""


def test_strain_speed_and_size_block_with_their_reasons(version, cast, run_jobs):
    limit(cast, loss=0, row_ms=0.01, megabytes=0.01)
    waits(version, cast)
    run_jobs()
    found = waits(version, cast)
    assert "Worst with " in quoted(found, "stress") or "too close" in str(latest_gate(version).checks)
    assert "It takes " in quoted(found, "fast")
    assert "It is " in quoted(found, "small")
    limit(cast, loss=100, row_ms=10_000, megabytes=500)
    assert waits(version, cast) == ["signature:business_analyst", "signature:ml_engineer"]


def test_another_limit_makes_signatures_void(version, cast, run_jobs):
    gate = request_promotion(version, environment="production", comment="", by=cast[Role.MLOPS_ENGINEER])
    run_jobs()
    for role in (Role.BUSINESS_ANALYST, Role.ML_ENGINEER):
        sign_gate(gate, role=role, given=True, reason="", by=cast[role])
    limit(cast, row_ms=5000)
    assert waits(versions_of(cast.project).get(), cast) == ["signature:business_analyst", "signature:ml_engineer"]
    gate.refresh_from_db()
    assert gate.state == Gate.State.REPLACED


def test_without_limits_and_at_medium_risk_nobody_looks_at_groups(version, cast, run_jobs):
    waits(version, cast)
    run_jobs()
    assert "parts" not in rehearsal_of(version)[0]
    assert {check["key"] for check in latest_gate(version).checks} & {"fairness", "stress"} == set()


def test_at_high_risk_both_are_looked_at_and_told_as_warnings(version, cast, run_jobs):
    heavy = {question.key: question.choices[-1].value for question in QUESTIONS}
    answer_risk(cast.project, version=0, answers=heavy, by=cast[Role.BUSINESS_ANALYST])
    assert "warning:fairness" in waits(version, cast)
    run_jobs()
    states = {check["key"]: check["state"] for check in latest_gate(version).checks}
    assert states["fairness"] == "warn"
    assert states["stress"] in ("pass", "warn")


def test_another_protected_column_is_measured_before_anything_passes(version, cast, run_jobs):
    limit(cast, gap=100)
    waits(version, cast)
    run_jobs()
    assert quoted(waits(version, cast), "fairness") == ""
    save_charter(
        cast.project, version=1, texts={"problem": "They leave.", "protected": "plan, months"}, by=cast[Role.OWNER]
    )
    assert "pending" in str([c for c in latest_gate(version).checks]) or quoted(waits(version, cast), "fairness")
    run_jobs()
    assert rehearsal_of(version)[0]["attributes"] == ["plan", "months"]


# ---- On the pages ----


def test_the_owner_sets_limits_and_others_read_them(version, cast, browser_of):
    owner, reader = browser_of(cast[Role.OWNER]), browser_of(cast[Role.VIEWER])
    page = reverse("environment", args=["churn", "staging"])
    assert "Not set up" in reader.get(page).content.decode()
    assert "<form" not in reader.get(page).content.decode().split("<main")[1].split("</main>")[0]
    assert reader.post(page, {}).status_code == 403
    assert owner.post(page, {"gap": "-4"}).status_code == 422
    assert owner.post(page, {"signers": ["emperor"]}).status_code == 422
    form = {"signers": ["ml_engineer"], "datasets": ["customers"], "gap": "7.5", "loss": ""}
    assert owner.post(page, form).status_code == 302
    shown = reader.get(page).content.decode()
    assert "Groups may lie apart by at most 7.5 points of 100." in shown
    assert "Versions go through it" in shown
    assert reader.get(reverse("environment", args=["churn", "moon"])).status_code == 404
    assert owner.post(reverse("environment-drop", args=["churn", "staging"])).status_code == 302
    assert "Not set up" in reader.get(page).content.decode()
    assert owner.post(reverse("environment-drop", args=["churn", "staging"])).status_code == 404


def test_a_version_goes_from_one_environment_to_the_next_on_the_pages(version, cast, browser_of, run_jobs):
    for name in ("development", "staging"):
        set_up_environment(cast.project, name, signers=[], datasets=[], by=cast[Role.OWNER])
    engineer, board = browser_of(cast[Role.ML_ENGINEER]), reverse("environments", args=["churn"])
    page = reverse("model-version", args=["churn", "churn-classifier", 1])
    assert "Ask for development" in engineer.get(board).content.decode()
    assert "Ask for development" in engineer.get(page).content.decode()
    early = engineer.post(page + "promote/", {"to": "production"})
    assert early.status_code == 409
    assert "check:order" in early.content.decode()
    for name in ("development", "staging"):
        assert engineer.post(page + "ask/", {"to": name}).status_code == 302
        run_jobs()
        gate = latest_gate(version, name)
        for role in gate.roles:
            sign_gate(gate, role=role, given=True, reason="", by=cast[Role(role)])
        shown = engineer.get(f"{page}?to={name}").content.decode()
        assert f'ready for <mark class="accent">{name}' in shown or f"Promote to {name}" in shown
        assert engineer.post(page + "promote/", {"to": name})["Location"] == f"{page}?to={name}"
        run_jobs()
        assert f"churn-classifier-{name}" in engineer.get(board).content.decode()
    shown = engineer.get(board).content.decode()
    assert "Production was asked for" in shown  # the early try opened its gate
    assert engineer.get(f"{page}?to=moon").status_code == 404
    assert engineer.post(page + "ask/", {"to": "moon"}).status_code == 404


def test_the_board_takes_as_many_queries_for_many_models(
    version, cast, browser_of, trained, django_assert_max_num_queries
):
    client, board = browser_of(cast[Role.VIEWER]), reverse("environments", args=["churn"])
    client.get(board)
    for number in range(6):
        stage.put_into_use(stage.version_of(cast.project, trained, f"other-{number}"), cast[Role.OWNER])
    with django_assert_max_num_queries(70) as seen:
        client.get(board)
    several = len(seen)
    for number in range(6, 12):
        stage.put_into_use(stage.version_of(cast.project, trained, f"other-{number}"), cast[Role.OWNER])
    with django_assert_max_num_queries(several):
        client.get(board)


def test_limits_over_rest(version, cast, api_of):
    owner, path = api_of(cast[Role.OWNER]), "/api/v1/projects/churn/environments/staging/"
    put = {"content_type": "application/json"}
    assert owner.put(path, {"conditions": {"gap": 500}}, **put).status_code == 422
    assert owner.put(path, {"conditions": {"nonsense": 5}}, **put).status_code == 422
    assert owner.put(path, {"conditions": [1]}, **put).status_code in (400, 422)
    answer = owner.put(path, {"conditions": {"gap": 5, "loss": None}}, **put)
    assert (answer.status_code, answer.json()["conditions"]) == (200, {"gap": 5.0})
    listed = api_of(cast[Role.VIEWER]).get("/api/v1/projects/churn/environments/").json()["results"]
    assert [(one["name"], one["is_set_up"]) for one in listed] == [("staging", True), ("production", False)]
