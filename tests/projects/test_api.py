"""The REST twins of the pages."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from jobs.models import Job, Line
from projects import targets
from projects.permissions import Role
from projects.queries.define import latest_contract
from projects.queries.work import job_link
from projects.services.charter import save_charter
from projects.services.define import set_targets
from projects.services.gates import open_gate, sign_gate
from tests.conftest import PASSWORD, Cast
from tests.projects.test_pages import RECALL, TEXTS, make_job

pytestmark = pytest.mark.django_db
Api = Callable[..., Client]
ROOT = "/api/v1/projects/"


def send(client: Client, method: str, address: str, body: Any = None, status: int = 200, **headers: str) -> Any:
    """Send JSON and check the status."""
    answer = getattr(client, method)(address, body, content_type="application/json", headers=headers)
    assert answer.status_code == status, (answer.status_code, answer.content[:800])
    return answer.json() if answer.content else None


def test_projects_are_listed_started_read_and_renamed(cast: Cast, api_of: Api) -> None:
    api = api_of(cast.stranger)
    body = {"name": "Delivery time", "question": "How long?", "kind": "regression", "roles": ["data_scientist"]}
    first = send(api, "post", ROOT, body, 201, **{"Idempotency-Key": "one"})
    again = send(api, "post", ROOT, body, 201, **{"Idempotency-Key": "one"})
    assert first["key"] == again["key"] == "delivery-time"
    assert [row["key"] for row in send(api, "get", ROOT)["results"]] == ["delivery-time", "other"]
    assert send(api, "get", f"{ROOT}?q=how")["count"] == 1
    shown = send(api, "get", f"{ROOT}delivery-time/")
    assert shown["my_roles"] == ["data_scientist", "owner"]
    assert shown["stages"][0] == {"stage": "define", "state": "now", "note": "Write the problem"}
    assert shown["work_is_with"] == "business_analyst"
    assert send(api, "patch", f"{ROOT}delivery-time/", {"name": "Time"})["name"] == "Time"
    taken = send(api, "post", ROOT, body | {"key": "other"}, 409)
    assert taken["code"] == "key_taken"
    wrong = send(api, "post", ROOT, {"kind": "ranking"}, 422)
    assert set(wrong["fields"]) == {"name", "question", "kind"}


def test_a_token_of_one_project_does_nothing_outside_it(cast: Cast, api_of: Api) -> None:
    bound = api_of(cast.admin, project_key="churn")
    assert [row["key"] for row in send(bound, "get", ROOT)["results"]] == ["churn"]
    send(bound, "post", ROOT, {"name": "x", "question": "y"}, 403)
    send(bound, "get", f"{ROOT}other/", status=404)
    send(bound, "post", "/api/v1/invitations/accept/", {"secret": "x"}, 403)
    send(api_of(cast.admin, read_only=True), "post", "/api/v1/invitations/accept/", {"secret": "x"}, 403)


def test_the_team_is_read_and_changed(cast: Cast, api_of: Api) -> None:
    api, viewer, owner = api_of(cast[Role.OWNER]), cast[Role.VIEWER], cast[Role.OWNER]
    assert send(api, "get", f"{ROOT}churn/members/")["count"] == len(Role)
    changed = send(api, "put", f"{ROOT}churn/members/{viewer.pk}/", {"roles": ["dba"]})
    assert changed["roles"] == ["dba"]
    assert send(api, "put", f"{ROOT}churn/members/{owner.pk}/", {"roles": ["dba"]}, 409)["code"] == "last_owner"
    send(api, "put", f"{ROOT}churn/members/{viewer.pk}/", {"roles": ["emperor"]}, 422)
    send(api, "put", f"{ROOT}churn/members/{viewer.pk}/", {"roles": []}, 422)
    send(api, "put", f"{ROOT}churn/members/{cast.stranger.pk}/", {"roles": ["dba"]}, 404)
    send(api_of(viewer), "put", f"{ROOT}churn/members/{viewer.pk}/", {"roles": ["owner"]}, 403)
    send(api, "delete", f"{ROOT}churn/members/{viewer.pk}/", status=204)
    send(api_of(viewer), "get", f"{ROOT}churn/", status=404)


def test_an_invitation_is_made_and_used_once(cast: Cast, api_of: Api, client: Client) -> None:
    api = api_of(cast[Role.OWNER])
    made = send(api, "post", f"{ROOT}churn/invitations/", {"email": "new@example.org", "roles": ["viewer"]}, 201)
    assert made["link"].endswith(f"/invite/{made['secret']}/")
    listed = send(api, "get", f"{ROOT}churn/invitations/")["results"]
    assert "secret" not in listed[0]
    accept = "/api/v1/invitations/accept/"
    assert "password" in send(client, "post", accept, {"secret": made["secret"], "name": "New"}, 422)["fields"]
    body = {"secret": made["secret"], "name": "New", "password": PASSWORD}
    assert send(client, "post", accept, body)["member"]["roles"] == ["viewer"]
    send(client, "post", accept, body, 410)
    made = send(api, "post", f"{ROOT}churn/invitations/", {"email": "stranger@example.org", "roles": ["dba"]}, 201)
    send(api_of(cast[Role.VIEWER]), "post", accept, {"secret": made["secret"]}, 403)
    assert send(api_of(cast.stranger), "post", accept, {"secret": made["secret"]})["project"]["key"] == "churn"
    made = send(api, "post", f"{ROOT}churn/invitations/", {"email": "third@example.org", "roles": ["dba"]}, 201)
    send(api, "delete", f"{ROOT}churn/invitations/{made['id']}/", status=204)
    send(client, "post", accept, body | {"secret": made["secret"]}, 410)
    send(client, "post", accept, {"secret": "nothing"}, 404)
    send(client, "post", accept, {}, 422)


def test_the_charter_is_guarded_by_its_version(cast: Cast, api_of: Api) -> None:
    api = api_of(cast[Role.BUSINESS_ANALYST])
    address = f"{ROOT}churn/charter/"
    assert send(api, "get", address)["version"] == 0
    assert send(api, "put", address, TEXTS | {"version": 0})["version"] == 1
    clash = send(api, "put", address, {"version": 0, "problem": "Mine"}, 409)
    assert clash["code"] == "changed_meanwhile"
    assert (clash["theirs"]["problem"], clash["yours"]["problem"], clash["version"]) == ("They leave.", "Mine", 1)
    after = send(api, "put", address, {"version": 1, "problem": "Mine"})
    assert (after["problem"], after["decision"]) == ("Mine", "We call.")
    send(api, "put", address, {"problem": "Mine"}, 422)
    send(api_of(cast[Role.VIEWER]), "put", address, TEXTS | {"version": 2}, 403)


def test_the_targets_are_put_as_a_whole_list(cast: Cast, api_of: Api) -> None:
    api = api_of(cast[Role.BUSINESS_ANALYST])
    address = f"{ROOT}churn/contract/"
    empty = send(api, "get", address)
    assert empty["latest"] is None
    put = send(api, "put", address, {"targets": [{"metric": "recall", "threshold": 0.7}]})
    assert put["latest"]["targets"][0]["deciding"] is True
    assert put["latest"]["targets"][0]["sentence"] == "Of 100 yes cases, find at least 70"
    assert put["in_force"] is None
    wrong = send(api, "put", address, {"targets": [{"metric": "recall", "threshold": 70}]}, 422)
    assert "70 of 100 is 0.7" in wrong["fields"]["targets[0].threshold"]
    two = [{"metric": "recall", "threshold": 0.7}, {"metric": "precision", "threshold": 0.5}]
    assert "Exactly one target decides" in send(api, "put", address, {"targets": two}, 422)["detail"]
    send(api, "put", address, {"targets": "many"}, 422)
    send(api, "put", address, {"targets": [{"metric": "recall", "threshold": "nan"}]}, 422)
    stale = {"targets": [{"metric": "f1", "threshold": 0.7}], "fingerprint": empty["fingerprint"]}
    assert send(api, "put", address, stale, 409)["code"] == "changed_meanwhile"
    assert send(api, "put", address, stale | {"fingerprint": put["fingerprint"]})["latest"]["version"] == 1


def test_signing_is_not_offered_to_programs(cast: Cast, api_of: Api) -> None:
    save_charter(cast.project, version=0, texts=TEXTS, by=cast[Role.OWNER])
    set_targets(cast.project, [RECALL], by=cast[Role.OWNER])
    api = api_of(cast[Role.BUSINESS_ANALYST])
    api.post("/p/churn/define/sign/", {"seen": targets.fingerprint([RECALL])})
    contract = latest_contract(cast.project)
    assert contract
    assert contract.signed_at is None


def test_a_gate_is_read(cast: Cast, api_of: Api) -> None:
    gate = open_gate(
        cast.project, subject=cast.project, name="v7", url="/p/churn/", environment="production",
        fingerprint="a" * 64, checks=[], roles=["domain_expert"], comment="", by=cast[Role.OWNER],
    )  # fmt: skip
    address = f"{ROOT}churn/gates/{gate.pk}/"
    api = api_of(cast[Role.VIEWER])
    assert send(api, "get", address)["blocked_by"] == ["signature:domain_expert"]
    sign_gate(gate, role="domain_expert", given=True, reason="", by=cast[Role.DOMAIN_EXPERT])
    shown = send(api, "get", address)
    assert shown["blocked_by"] == []
    assert shown["signatures"][0]["counts"] is True
    send(api_of(cast.stranger), "get", address, status=404)
    send(api_of(cast.stranger), "get", f"{ROOT}other/gates/{gate.pk}/", status=404)


def test_jobs_are_listed_read_and_stopped(cast: Cast, api_of: Api) -> None:
    job = make_job(cast.project)
    make_job(cast.other_project)
    Line.objects.create(job=job, attempt=1, text="first line")
    api = api_of(cast[Role.DATA_SCIENTIST])
    assert send(api, "get", f"{ROOT}churn/jobs/")["count"] == 1
    assert send(api, "get", f"{ROOT}churn/jobs/?state=running")["count"] == 0
    send(api, "get", f"{ROOT}churn/jobs/?state=lost", status=422)
    link = job_link(job)
    assert send(api, "get", link["url"])["before_in_queue"] == 0
    assert send(api, "get", f"{link['url']}log/")["results"][0]["text"] == "first line"
    send(api_of(cast[Role.VIEWER]), "post", f"{link['url']}cancel/", status=403)
    assert send(api, "post", f"{link['url']}cancel/", status=202)["state"] == "cancelled"
    send(api, "post", f"{link['url']}cancel/", status=409)
    assert Job.objects.get(pk=job.pk).code == "cancelled"
    send(api_of(cast.stranger), "get", f"{ROOT}other/jobs/{job.pk}/", status=404)


def test_activity_is_told_in_words(cast: Cast, api_of: Api) -> None:
    set_targets(cast.project, [RECALL], by=cast[Role.OWNER])
    entry = send(api_of(cast[Role.VIEWER]), "get", f"{ROOT}churn/activity/")["results"][0]
    assert entry["what"] == "set the targets, version 1 with 1"
    assert entry["who"] == "Project owner"


def test_strangers_and_the_unsigned_get_nothing(cast: Cast, api_of: Api, client: Client) -> None:
    for part in ("", "members/", "charter/", "contract/", "jobs/", "activity/"):
        send(api_of(cast.stranger), "get", f"{ROOT}churn/{part}", status=404)
        send(client, "get", f"{ROOT}churn/{part}", status=401)
    assert User.objects.filter(email="stranger@example.org").exists()
