"""The pages and endpoints of this room, through HTTP."""

import json

import pytest
from django.urls import reverse

from deployments.models import ConsumerKey, Deployment, Release
from deployments.pages.deploy import stage_of
from deployments.queries.deployments import deployment_for, ways_back
from deployments.queries.versions import latest_gate
from deployments.services.gates import request_promotion
from deployments.services.servers import mark_trouble
from deployments.serving.journal import folders
from projects.permissions import Role
from projects.services.gates import sign_gate
from tests.deployments import stage
from tests.deployments.test_journal import line


@pytest.fixture
def version(cast, own_folder, trained):
    """A registered version in a project with a signed, easy target."""
    stage.agree_targets(cast.project)
    return stage.version_of(cast.project, trained)


def post(client, path, body, **headers):
    return client.post(path, json.dumps(body), content_type="application/json", headers=headers)


def test_a_version_goes_from_candidate_to_production_in_the_browser(version, cast, browser_of, run_jobs):
    engineer, analyst = browser_of(cast[Role.ML_ENGINEER]), browser_of(cast[Role.BUSINESS_ANALYST])
    asker = browser_of(cast[Role.MLOPS_ENGINEER])
    page = reverse("model-version", args=["churn", "churn-classifier", 1])
    assert "Nobody has asked for production" in engineer.get(page).content.decode()
    assert "Ask for production" not in analyst.get(page).content.decode()
    assert analyst.post(page + "ask/").status_code == 403
    assert asker.post(page + "ask/", {"comment": "finds more leavers"}).status_code == 302
    run_jobs()
    shown = analyst.get(page).content.decode()
    assert "two signatures" in shown
    assert "finds more leavers" in shown
    gate = latest_gate(version)
    refused = engineer.post(page + "promote/")
    assert refused.status_code == 409
    assert "signature:business_analyst" in refused.content.decode()
    sign = reverse("gate-sign", args=["churn", gate.pk])
    assert (
        analyst.post(sign, {"role": "business_analyst", "given": "yes", "reason": "", "next": page}).status_code == 302
    )
    assert "one signature" in engineer.get(page).content.decode()
    engineer.post(sign, {"role": "ml_engineer", "given": "yes", "reason": "sound", "next": page})
    assert "ready for production" in engineer.get(page).content.decode()
    assert "Promote churn-classifier v1" in engineer.get("/").content.decode()
    assert engineer.post(page + "promote/").status_code == 302
    run_jobs()
    assert "in production" in engineer.get(page).content.decode()
    live = engineer.get(reverse("deployment", args=["churn", "churn-classifier"])).content.decode()
    assert "curl -X POST" in live
    assert "churn-classifier" in engineer.get(reverse("deploy", args=["churn"])).content.decode()


def test_sent_back_says_why_and_may_be_asked_again(version, cast, browser_of):
    gate = request_promotion(version, environment="production", comment="", by=cast[Role.ML_ENGINEER])
    sign_gate(gate, role=Role.BUSINESS_ANALYST, given=False, reason="wait for spring", by=cast[Role.BUSINESS_ANALYST])
    page = browser_of(cast[Role.ML_ENGINEER]).get(reverse("model-version", args=["churn", "churn-classifier", 1]))
    assert "wait for spring" in page.content.decode()
    assert "Ask for production" in page.content.decode()


def test_promotion_over_rest_answers_409_until_it_answers_202(version, cast, api_of, run_jobs):
    api = api_of(cast[Role.MLOPS_ENGINEER])
    path = "/api/v1/projects/churn/models/churn-classifier/versions/1/promote/"
    answer = post(api, path, {"to": "production", "comment": "now"}, **{"Idempotency-Key": "one"})
    assert answer.status_code == 409
    assert answer.json()["code"] == "blocked"
    assert answer.json()["blocked_by"] == ["signature:business_analyst", "signature:ml_engineer"]
    gate = latest_gate(version)
    for role in (Role.BUSINESS_ANALYST, Role.ML_ENGINEER):
        sign_gate(gate, role=role, given=True, reason="", by=cast[role])
    answer = post(api, path, {"to": "production"}, **{"Idempotency-Key": "one"})
    assert answer.status_code == 202, answer.content
    again = post(api, path, {"to": "production"}, **{"Idempotency-Key": "one"})
    assert (again.status_code, again.json()) == (202, answer.json())
    run_jobs()
    deployment = api.get("/api/v1/projects/churn/deployments/churn-classifier/").json()
    assert (deployment["version"], deployment["releases"][0]["state"]) == (1, "champion")
    assert post(api, path, {"to": "production"}).json()["code"] == "already_there"
    assert post(api, path, {"to": "the moon"}).status_code == 422
    assert post(api, path.replace("/1/", "/9/"), {}).status_code == 404
    assert post(api_of(cast[Role.VIEWER]), path, {}).status_code == 403
    assert post(api_of(cast.stranger), path, {}).status_code == 404


def test_keys_over_rest_and_in_the_browser_show_their_secret_once(version, cast, api_of, browser_of):
    stage.put_into_use(version, cast[Role.ML_ENGINEER])
    api, path = api_of(cast[Role.ML_ENGINEER]), "/api/v1/projects/churn/deployments/churn-classifier/keys/"
    made = post(api, path, {"name": "shop"})
    assert made.status_code == 201
    secret = made.json()["secret"]
    assert secret not in api.get(path).content.decode()
    assert post(api, path, {"name": "shop", "days": 400}).status_code == 422
    assert api.delete(f"{path}{made.json()['id']}/").status_code == 204
    assert ConsumerKey.objects.get().revoked_at
    assert api_of(cast[Role.VIEWER]).get(path).status_code == 403
    engineer = browser_of(cast[Role.ML_ENGINEER])
    page = reverse("deployment", args=["churn", "churn-classifier"])
    shown = engineer.post(page + "keys/", {"name": "web", "days": "30"}).content.decode()
    key = ConsumerKey.objects.get(name="web")
    assert f"{key.prefix}" in shown
    assert 'id="secret"' in shown
    assert 'id="secret"' not in engineer.get(page).content.decode()
    assert engineer.post(page + "keys/", {"name": "", "days": "900"}).status_code == 422
    assert engineer.post(f"{page}keys/{key.pk}/revoke/").status_code == 302


def test_going_back_over_rest_and_in_the_browser(version, cast, api_of, browser_of, retrained):
    stage.put_into_use(version, cast[Role.ML_ENGINEER])
    path = "/api/v1/projects/churn/deployments/churn-classifier/roll-back/"
    api = api_of(cast[Role.MLOPS_ENGINEER])
    assert post(api, path, {"reason": "worse"}).status_code == 422
    stage.put_into_use(stage.version_of(cast.project, retrained), cast[Role.ML_ENGINEER])
    assert post(api, path, {"reason": ""}).status_code == 422
    answer = post(api, path, {"version": 1, "reason": "worse"})
    assert (answer.status_code, answer.json()["version"]) == (200, 1)
    assert post(api_of(cast[Role.DATA_SCIENTIST]), path, {"reason": "x"}).status_code == 403
    engineer = browser_of(cast[Role.MLOPS_ENGINEER])
    page = reverse("deployment", args=["churn", "churn-classifier"])
    ways = ways_back(deployment_for(cast.project, "churn-classifier"))
    assert engineer.post(page + "roll-back/", {"to": "nonsense", "reason": "x"}).status_code == 422
    assert engineer.post(page + "roll-back/", {"to": str(ways[0].pk), "reason": "better again"}).status_code == 302
    assert "better again" in engineer.get(page).content.decode()


def test_the_log_is_paged_over_rest_and_no_id_of_elsewhere_is_found(version, cast, api_of, settings):
    deployment = stage.put_into_use(version, cast[Role.ML_ENGINEER]).deployment
    opened, _ = folders(settings.DATA_DIR)
    rows = b"".join(line(number, 1.7e9 + number, deployment.name).replace(b"", b"") for number in range(3))
    (opened / "s-000001.jsonl").write_bytes(rows)
    api = api_of(cast[Role.DATA_ANALYST])
    path = f"/api/v1/projects/churn/deployments/{deployment.name}/predictions/"
    first = api.get(path + "?limit=2").json()
    assert [row["row"]["number"] for row in first["results"]] == [2, 1]
    assert api.get(path + "?limit=9999").status_code == 422
    assert api.get(path + "?before=nonsense").status_code == 404
    assert api.get(f"{path}{first['next']}/").status_code == 404  # sealed with another key than ours


def test_a_damaged_champion_is_told_on_its_page_the_rail_and_home(version, cast, browser_of):
    release = stage.put_into_use(version, cast[Role.ML_ENGINEER])
    mark_trouble(str(release.pk), "Version 1 of churn-classifier: the file does not match its hash.")
    mark_trouble(str(release.pk), "Version 1 of churn-classifier: the file does not match its hash.")
    engineer = browser_of(cast[Role.ML_ENGINEER])
    page = engineer.get(reverse("deployment", args=["churn", "churn-classifier"])).content.decode()
    assert "stored file is damaged" in page
    assert "file damaged" in page
    assert "the stored model is damaged" in engineer.get("/").content.decode()
    mark_trouble(str(release.pk), "")
    assert "damaged" not in engineer.get(reverse("deployment", args=["churn", "churn-classifier"])).content.decode()


def test_lists_ask_the_database_a_constant_number_of_times(
    version, cast, browser_of, trained, django_assert_max_num_queries
):
    client = browser_of(cast[Role.ML_ENGINEER])
    stage.put_into_use(version, cast[Role.ML_ENGINEER])
    for number in range(12):
        stage.version_of(cast.project, trained, name=f"model-{number}")
    with django_assert_max_num_queries(45):
        assert client.get(reverse("deploy", args=["churn"])).status_code == 200


def test_trying_without_a_server_says_so_and_keeps_what_was_typed(version, cast, browser_of, settings):
    settings.PREDICT_PORT = stage.free_port()
    stage.put_into_use(version, cast[Role.ML_ENGINEER])
    page = reverse("deployment", args=["churn", "churn-classifier"])
    client = browser_of(cast[Role.VIEWER])
    answer = client.post(page + "try/", {"in0": "17", "in1": "", "in2": "flex", "key": "bk_x"})
    assert answer.status_code == 503
    assert "does not answer" in answer.content.decode()
    assert 'value="17"' in answer.content.decode()
    assert client.post(page + "try/", {"in0": "seven", "key": ""}).status_code == 422


def test_a_version_is_told_in_the_environment_that_it_is_furthest_in():
    def of(**states):
        return stage_of(
            [Release(state=state, deployment=Deployment(environment=name)) for name, state in states.items()]
        )

    assert stage_of([]) == ("", "Candidate")
    assert of(development="champion") == ("pass", "In development")
    assert of(development="champion", staging="champion") == ("pass", "In staging")
    assert of(development="champion", production="preparing") == ("pass", "In development")
    assert of(production="champion", staging="champion", development="retired") == ("pass", "In production")
