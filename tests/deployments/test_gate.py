"""The gate of a model version: what its signatures are bound to, and the rules for people by page and over REST."""

import json
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from deployments.models import Release
from deployments.queries.versions import latest_gate, versions_of
from deployments.services.gates import request_promotion
from deployments.services.releases import promote
from experiments.models.registry import ModelVersion
from problems.problem import Conflict
from projects.models.gates import Gate, Waiver
from projects.overview import needs
from projects.permissions import Role
from projects.queries.team import roles_by_project
from projects.risk import QUESTIONS
from projects.services.gates import sign_gate
from projects.services.requirements import add_requirement, link_requirement
from projects.services.risk import answer_risk
from projects.services.waivers import waive_check
from storage import blobs
from tests.deployments import stage

pytestmark = pytest.mark.django_db
GATES = "/api/v1/projects/churn/gates/"
HEAVY = {question.key: question.choices[-1].value for question in QUESTIONS}
LIGHT = {question.key: question.choices[0].value for question in QUESTIONS}


@pytest.fixture
def version(cast, own_folder, trained):
    """A registered version in a project with a signed, easy target."""
    stage.agree_targets(cast.project)
    return stage.version_of(cast.project, trained)


def ask(version, cast, by=Role.MLOPS_ENGINEER):
    return request_promotion(version, environment="production", comment="better", by=cast[by])


def sign_all(gate, cast):
    for role in (Role.BUSINESS_ANALYST, Role.ML_ENGINEER):
        sign_gate(gate, role=role, given=True, reason="", by=cast[role])


def post(client, path, body):
    return client.post(path, json.dumps(body), content_type="application/json")


def waits_at_promotion(version, cast):
    with pytest.raises(Conflict) as conflict:
        promote(version, environment="production", comment="", by=cast[Role.MLOPS_ENGINEER])
    return conflict.value.facts["blocked_by"]


def test_a_signature_falls_when_the_models_bytes_change(version, cast, api_of):
    gate = ask(version, cast)
    sign_all(gate, cast)
    ModelVersion.objects.filter(pk=version.pk).update(bundle=blobs.put_bytes(b"another model"))
    api = api_of(cast[Role.VIEWER])
    assert api.get(f"{GATES}{gate.pk}/").json()["changed_since"] is True
    version = versions_of(cast.project).get()
    assert waits_at_promotion(version, cast) == ["signature:business_analyst", "signature:ml_engineer"]
    gate.refresh_from_db()
    assert gate.state == Gate.State.REPLACED


def test_nobody_signs_for_bytes_that_are_no_longer_there(version, cast):
    gate = ask(version, cast)
    ModelVersion.objects.filter(pk=version.pk).update(bundle=blobs.put_bytes(b"another model"))
    with pytest.raises(Conflict) as refusal:
        sign_gate(gate, role="ml_engineer", given=True, reason="", by=cast[Role.ML_ENGINEER])
    assert refusal.value.code == "changed"


def test_another_risk_tier_asks_everybody_again_and_asks_more(version, cast):
    sign_all(ask(version, cast), cast)
    answer_risk(cast.project, version=0, answers=HEAVY, by=cast[Role.BUSINESS_ANALYST])
    waits = waits_at_promotion(version, cast)
    assert {"check:charter", "signature:leadership", "signature:domain_expert"} <= set(waits)
    assert any(wait.startswith("warning:") for wait in waits)
    answer_risk(cast.project, version=1, answers=LIGHT, by=cast[Role.BUSINESS_ANALYST])
    assert waits_at_promotion(version, cast) == ["signature:ml_engineer"]


def test_at_high_risk_unsigned_targets_block(cast, own_folder, trained):
    stage.agree_targets(cast.project, signed=False)
    version = stage.version_of(cast.project, trained)
    assert "check:contract" not in waits_at_promotion(version, cast)
    answer_risk(cast.project, version=0, answers=HEAVY, by=cast[Role.BUSINESS_ANALYST])
    assert "check:contract" in waits_at_promotion(version, cast)


def test_whoever_asked_does_not_sign_by_page_and_rest_asking_counts(version, cast, browser_of, api_of):
    path = "/api/v1/projects/churn/models/churn-classifier/versions/1/promote/"
    assert post(api_of(cast[Role.ML_ENGINEER]), path, {"to": "production"}).status_code == 409
    gate = latest_gate(version)
    engineer, page = browser_of(cast[Role.ML_ENGINEER]), reverse("model-version", args=["churn", "churn-classifier", 1])
    shown = engineer.get(page).content.decode()
    assert "You asked for this" in shown
    assert 'value="yes">Sign' not in shown
    sign = engineer.post(reverse("gate-sign", args=["churn", gate.pk]), {"role": "ml_engineer", "given": "yes"})
    assert sign.status_code == 409
    other = browser_of(cast[Role.MLOPS_ENGINEER])
    assert "Ask in their place" in other.get(page).content.decode()
    assert other.post(page + "ask/", {"comment": "I ask.", "instead": "yes"}).status_code == 302
    sign = engineer.post(reverse("gate-sign", args=["churn", gate.pk]), {"role": "ml_engineer", "given": "yes"})
    assert sign.status_code == 302


def test_a_missed_target_is_waived_over_rest_by_the_named_role_alone(cast, own_folder, trained, api_of, browser_of):
    stage.agree_targets(cast.project, threshold=0.999)
    version = stage.version_of(cast.project, trained)
    gate = ask(version, cast)
    path = f"{GATES}{gate.pk}/waive/"
    until = (timezone.localdate() + timedelta(days=20)).isoformat()
    body = {"check": "targets", "reason": "A pilot.", "until": until, "role": "leadership", "user": "me", "kind": "x"}
    assert post(api_of(cast[Role.ML_ENGINEER]), path, body).status_code == 403
    assert post(api_of(cast[Role.VIEWER]), path, body).status_code == 403
    product = api_of(cast[Role.PRODUCT_MANAGER])
    assert post(product, path, body | {"until": "2099-01-01"}).status_code == 422
    assert post(product, path, body | {"check": "nothing"}).status_code == 422
    done = post(product, path, body)
    assert done.status_code == 201, done.content
    assert "check:targets" not in done.json()["blocked_by"]
    assert done.json()["waivers"][0]["by"] == cast[Role.PRODUCT_MANAGER].name
    page = browser_of(cast[Role.VIEWER]).get(reverse("model-version", args=["churn", "churn-classifier", 1]))
    assert "A pilot." in page.content.decode()


def test_a_waiver_is_given_on_the_page_and_a_warning_accepted(cast, own_folder, trained, browser_of):
    stage.agree_targets(cast.project, threshold=0.999)
    version = stage.version_of(cast.project, trained)
    gate = ask(version, cast)
    page = reverse("model-version", args=["churn", "churn-classifier", 1])
    product, analyst = browser_of(cast[Role.PRODUCT_MANAGER]), browser_of(cast[Role.BUSINESS_ANALYST])
    assert "Waive<span" in product.get(page).content.decode()
    assert "Waive<span" not in analyst.get(page).content.decode()
    until = (timezone.localdate() + timedelta(days=20)).isoformat()
    form = {"check": "targets", "reason": "A pilot.", "until": until}
    assert product.post(reverse("gate-waive", args=["churn", gate.pk]), form).status_code == 302
    assert analyst.post(reverse("gate-accept", args=["churn", gate.pk]), {"check": "fast"}).status_code == 422
    form = {"check": "fast", "reason": "Measured before the switch."}
    assert analyst.post(reverse("gate-accept", args=["churn", gate.pk]), form).status_code == 302
    shown = analyst.get(page).content.decode()
    assert "Measured before the switch." in shown
    assert "Waived until" in shown


def test_a_waiver_of_what_is_in_use_becomes_a_need_before_and_after_its_end(cast, own_folder, trained):
    stage.agree_targets(cast.project, threshold=0.999)
    version = stage.version_of(cast.project, trained)
    gate, product = ask(version, cast), cast[Role.PRODUCT_MANAGER]
    until = timezone.localdate() + timedelta(days=60)
    waive_check(gate, check="targets", reason="A pilot.", until=until, by=product)
    release = stage.put_into_use(version, product)
    Release.objects.filter(pk=release.pk).update(gate=gate)
    Gate.objects.filter(pk=gate.pk).update(state=Gate.State.PASSED)

    def titles():
        return [need.title for need in needs(product, roles_by_project(product)) if "waiver" in need.title]

    assert titles() == []
    Waiver.objects.update(until=timezone.localdate() + timedelta(days=3))
    assert titles() == ["The waiver for churn-classifier v1 ends soon"]
    Waiver.objects.update(until=timezone.localdate() - timedelta(days=3))
    assert titles() == ["The waiver for churn-classifier v1 has ended"]
    waive_check(gate, check="targets", reason="On.", until=until, by=product)
    assert titles() == []


def test_a_model_version_answers_requirements_and_its_page_says_so(version, cast, browser_of):
    values = {"text": "Finds leavers.", "source": "Sales", "acceptance": "Two of three."}
    requirement = add_requirement(cast.project, values=values, by=cast[Role.OWNER])
    for kind, id in (("model version", "churn-classifier v1"), ("run", "1"), ("dataset version", "customers v1")):
        link_requirement(requirement, type=kind, id=id, by=cast[Role.OWNER])
    browser = browser_of(cast[Role.VIEWER])
    page = browser.get(reverse("model-version", args=["churn", "churn-classifier", 1])).content.decode()
    assert "Answers requirement" in page
    listed = browser.get("/p/churn/define/requirements/").content.decode()
    assert listed.count('class="tag" href') == 3
