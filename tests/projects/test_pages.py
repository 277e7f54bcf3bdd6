"""The pages of the room, from HTTP to HTTP."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from audit.services import record
from jobs.models import Job, Line
from projects import targets
from projects.contract import Goal
from projects.models.projects import Project
from projects.models.team import Membership
from projects.overview import Result
from projects.permissions import Role, allows
from projects.queries.define import goals_of, latest_contract
from projects.services.charter import save_charter
from projects.services.define import set_targets
from projects.services.gates import open_gate
from projects.services.projects import create_project
from projects.services.team import invite
from tests.conftest import PASSWORD, Cast

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]
RECALL = Goal("Find the leavers", "recall", "at_least", 0.7, "", True)
TEXTS = {"problem": "They leave.", "decision": "We call.", "prediction": "Who?", "harmed": "Nobody, because."}


def make_job(project: Project, **fields: Any) -> Job:
    given = {"kind": "test.work", "title": "Run 53", "project_key": project.key, "created_by_id": "user:1"}
    return Job.objects.create(**(given | {"created_by_name": "Sam"} | fields))


def addresses(cast: Cast) -> list[tuple[str, str, str, dict[str, Any]]]:
    """Method, address, action and body of every address of a project in this room."""
    member = cast[Role.VIEWER].pk
    job = make_job(cast.project).pk
    gate = open_gate(
        cast.project,
        subject=cast.project,
        name="v7",
        url="/p/churn/",
        environment="production",
        fingerprint="a" * 64,
        checks=[],
        roles=["domain_expert"],
        comment="",
        by=cast[Role.OWNER],
    ).pk
    invited, _ = invite(cast.project, email="x@example.org", roles=["viewer"], by=cast[Role.OWNER])
    return [
        ("get", "", "project.read", {}),
        ("get", "define/", "project.read", {}),
        ("get", "team/", "project.read", {}),
        ("get", "activity/", "project.read", {}),
        ("get", "activity.csv", "project.read", {}),
        ("get", f"jobs/{job}/", "project.read", {}),
        ("get", "change/", "project.change", {}),
        ("post", "change/", "project.change", {"name": "x", "question": ""}),
        ("post", "define/", "charter.change", {"version": 99}),
        ("post", "define/targets/", "target.change", {}),
        ("post", "define/targets/9/", "target.change", {}),
        ("post", "define/sign/", "contract.sign", {}),
        ("post", "team/", "team.manage", {}),
        ("get", f"team/{member}/", "team.manage", {}),
        ("post", f"team/{member}/", "team.manage", {}),
        ("post", f"team/{cast.stranger.pk}/remove/", "team.manage", {}),
        ("post", f"team/invitations/{invited.pk}/withdraw/", "team.manage", {}),
        ("post", f"gates/{gate}/sign/", "gate.sign", {}),
        ("post", f"jobs/{job}/cancel/", "job.cancel", {}),
    ]


@pytest.mark.parametrize("role", Role)
def test_each_role_may_exactly_what_the_table_says(cast: Cast, browser_of: Browser, role: Role) -> None:
    browser = browser_of(cast[role])
    for method, address, action, body in addresses(cast):
        answer = getattr(browser, method)(f"/p/churn/{address}", body)
        if allows(frozenset({role}), action):
            assert answer.status_code != 403, (method, address)
        else:
            assert answer.status_code == 403, (method, address)
            assert "Ask" in answer.content.decode()
        if method == "get" and allows(frozenset({role}), action):
            assert answer.status_code == 200, address


def test_strangers_meet_the_same_404_as_for_no_project(cast: Cast, browser_of: Browser) -> None:
    browser = browser_of(cast.stranger)
    for method, address, _, body in addresses(cast):
        for key in ("churn", "nothing"):
            assert getattr(browser, method)(f"/p/{key}/{address}", body).status_code == 404, address


def test_whoever_is_not_signed_in_is_sent_to_sign_in(cast: Cast, client: Client) -> None:
    for address in ("/", "/projects/", "/projects/new/", "/jobs/", "/p/churn/", "/p/churn/define/"):
        assert client.get(address)["Location"].startswith("/sign-in/?next=")


def test_a_project_is_started_from_a_form(cast: Cast, browser_of: Browser) -> None:
    browser = browser_of(cast.stranger)
    body = {"name": "Delivery time", "question": "How long?", "kind": "regression", "roles": ["data_scientist"]}
    assert browser.post("/projects/new/", body)["Location"] == "/p/delivery-time/define/"
    again = browser.post("/projects/new/", body | {"key": "delivery-time"})
    assert again.status_code == 409
    assert "This key is taken" in again.content.decode()
    assert 'value="How long?"' in again.content.decode()
    assert browser.post("/projects/new/", {}).status_code == 422


def test_home_says_what_needs_whom(cast: Cast, browser_of: Browser) -> None:
    save_charter(cast.project, version=0, texts=TEXTS, by=cast[Role.OWNER])
    set_targets(cast.project, [RECALL], by=cast[Role.OWNER])
    addresses(cast)
    analyst = browser_of(cast[Role.BUSINESS_ANALYST]).get("/").content.decode()
    assert "Sign the targets of Customer churn" in analyst
    assert "Sign v7 for production" in browser_of(cast[Role.DOMAIN_EXPERT]).get("/").content.decode()
    scientist = browser_of(cast[Role.DATA_SCIENTIST]).get("/").content.decode()
    assert "Nothing needs you. One project is moving without you." in scientist
    assert "Run 53" in scientist
    owner = browser_of(cast[Role.OWNER]).get("/").content.decode()
    assert "You are waiting for" in owner
    assert "x@example.org to join" in owner


def test_an_empty_home_teaches_the_first_step(cast: Cast, browser_of: Browser) -> None:
    Membership.objects.filter(user=cast.stranger).delete()
    page = browser_of(cast.stranger).get("/").content.decode()
    assert "Nothing needs you yet." in page
    assert "/projects/new/" in page


def test_projects_are_found_by_name_question_and_key(cast: Cast, browser_of: Browser) -> None:
    browser = browser_of(cast[Role.VIEWER])
    for words in ("customer", "WHO WILL", "churn"):
        assert "Customer churn" in browser.get("/projects/", {"q": words}).content.decode()
    nothing = browser.get("/projects/", {"q": "Something else"}).content.decode()
    assert "No project of yours has" in nothing
    assert browser.get("/projects/", {"q": "%_'\"<b>", "page": "abc"}).status_code == 200
    assert "Other" in browser_of(cast.admin).get("/projects/").content.decode()


def test_the_overview_before_and_after_a_result(cast: Cast, browser_of: Browser, monkeypatch: Any) -> None:
    browser = browser_of(cast[Role.VIEWER])
    assert "The problem and its targets come first" in browser.get("/p/churn/").content.decode()
    set_targets(cast.project, [RECALL], by=cast[Role.OWNER])
    page = browser.get("/p/churn/").content.decode()
    assert "No result yet." in page
    assert "Not measured yet" in page
    measured = {"verdict": "close", "value": 0.71, "low": 0.68, "high": 0.74, "sentence": ""}
    result = Result("Run 48", "/p/churn/runs/48/", [vars(RECALL) | measured], "Measured on 1 409 rows.")
    monkeypatch.setattr("projects.overview._results", [lambda projects: {cast.project.pk: result}])
    page = re.sub(r"<[^>]*>", "", browser.get("/p/churn/").content.decode())
    assert "Run 48 finds 71 of every 100 yes cases." in page
    assert "Too close to call" in page
    assert "Finds 71 of 100 yes cases" in browser.get("/projects/").content.decode()


def test_the_problem_is_written_and_a_clash_shows_both_texts(cast: Cast, browser_of: Browser) -> None:
    browser = browser_of(cast[Role.BUSINESS_ANALYST])
    assert browser.post("/p/churn/define/", TEXTS | {"version": 0}).status_code == 302
    clash = browser.post("/p/churn/define/", TEXTS | {"version": 0, "problem": "Mine is better."})
    page = clash.content.decode()
    assert clash.status_code == 409
    assert "They leave." in page
    assert "Mine is better." in page
    assert 'name="version" value="1"' in page
    assert browser.post("/p/churn/define/", TEXTS | {"version": "x"}).status_code == 422
    assert browser.post("/p/churn/define/", {}).status_code == 422


def test_targets_are_added_changed_preferred_removed_and_signed(cast: Cast, browser_of: Browser) -> None:
    save_charter(cast.project, version=0, texts=TEXTS, by=cast[Role.OWNER])
    browser = browser_of(cast[Role.BUSINESS_ANALYST])

    def goals() -> list[Goal]:
        return goals_of(latest_contract(cast.project))

    def post(address: str, status: int = 302, **body: Any) -> str:
        answer = browser.post(f"/p/churn/define/{address}", {"seen": targets.fingerprint(goals())} | body)
        assert answer.status_code == status, answer.content.decode()[-3000:]
        return str(answer.content.decode())

    post("targets/", metric="recall", value="70")
    post("targets/", metric="precision", value="45", name="Do not waste")
    assert [(goal.threshold, goal.deciding) for goal in goals()] == [(0.7, True), (0.45, False)]
    assert "goes up to 1" in post("targets/", 422, metric="roc_auc", value="800")
    post("targets/", 422, metric="recall", value="70")
    post("targets/", 422, metric="roc_auc", value="nan")
    post("targets/", 422)
    post("targets/1/", do="change", value="50")
    post("targets/1/", do="decide")
    assert [(goal.threshold, goal.deciding) for goal in goals()] == [(0.7, False), (0.5, True)]
    assert "give a number" in post("targets/1/", 422, do="change", value="much")
    assert "changed since you opened" in post("targets/0/", 409, do="remove", seen="old")
    post("targets/0/", do="remove")
    post("targets/7/", 404, do="remove")
    post("sign/", 409, seen="old")
    post("sign/")
    page = browser.get("/p/churn/define/").content.decode()
    assert "Signed v1 is in force" in page
    post("targets/0/", do="change", value="55")
    page = browser.get("/p/churn/define/").content.decode()
    assert "1 change since, not in force" in page
    assert "at least 50 became at least 55" in page


def test_an_invited_person_makes_an_account_and_is_in(cast: Cast, browser_of: Browser, client: Client) -> None:
    owner = browser_of(cast[Role.OWNER])
    page = owner.post("/p/churn/team/", {"email": "new@example.org", "roles": ["viewer"]}).content.decode()
    link = re.search(r"http://testserver(/invite/[\w-]+/)", page)
    assert link
    assert link[1] not in owner.get("/p/churn/team/").content.decode()
    assert "Project owner invites you" in re.sub(r"<[^>]*>", "", client.get(link[1]).content.decode())
    assert client.post(link[1], {"name": "New", "password": "short"}).status_code == 422
    joined = client.post(link[1], {"name": "New", "password": PASSWORD})
    assert joined["Location"] == "/p/churn/"
    assert client.get("/p/churn/").status_code == 200
    assert client.get(link[1]).status_code == 410
    assert client.post(link[1], {"name": "New", "password": PASSWORD}).status_code == 410
    assert Client().get("/invite/invite_unknown/").status_code == 404


def test_an_invitation_of_another_address_is_refused(cast: Cast, browser_of: Browser) -> None:
    _, secret = invite(cast.project, email="stranger@example.org", roles=["viewer"], by=cast[Role.OWNER])
    other = browser_of(cast[Role.VIEWER])
    assert "Sign out" in other.get(f"/invite/{secret}/").content.decode()
    assert other.post(f"/invite/{secret}/").status_code == 403
    assert "/sign-in/?next=/invite/" in Client().get(f"/invite/{secret}/").content.decode()
    assert browser_of(cast.stranger).post(f"/invite/{secret}/")["Location"] == "/p/churn/"


def test_roles_are_changed_and_the_last_owner_stays(cast: Cast, browser_of: Browser) -> None:
    owner, viewer = cast[Role.OWNER], cast[Role.VIEWER]
    browser = browser_of(owner)
    assert browser.post(f"/p/churn/team/{viewer.pk}/", {"roles": ["dba", "viewer"]}).status_code == 302
    assert browser_of(viewer).get("/p/churn/change/").status_code == 403
    refused = browser.post(f"/p/churn/team/{owner.pk}/", {"roles": ["viewer"]})
    assert refused.status_code == 409
    assert "last owner" in refused.content.decode()
    assert browser.post(f"/p/churn/team/{owner.pk}/remove/").status_code == 409
    assert browser.post(f"/p/churn/team/{viewer.pk}/remove/")["Location"] == "/p/churn/team/"
    assert browser_of(viewer).get("/p/churn/").status_code == 404


def test_a_gate_is_signed_in_the_browser(cast: Cast, browser_of: Browser) -> None:
    gate = next(address for _, address, action, _ in addresses(cast) if action == "gate.sign")
    expert = browser_of(cast[Role.DOMAIN_EXPERT])
    assert expert.get(f"/p/churn/{gate}").status_code == 404
    assert expert.post(f"/p/churn/{gate}", {"role": "domain_expert", "given": "maybe"}).status_code == 422
    assert expert.post(f"/p/churn/{gate}", {"role": "domain_expert", "given": "no"}).status_code == 422
    assert (
        browser_of(cast[Role.OWNER]).post(f"/p/churn/{gate}", {"role": "domain_expert", "given": "yes"}).status_code
        == 403
    )
    assert expert.post(f"/p/churn/{gate}", {"role": "domain_expert", "given": "yes"})["Location"] == "/p/churn/"
    assert expert.post(f"/p/churn/{gate}", {"role": "domain_expert", "given": "yes"}).status_code == 409


def test_a_running_job_shows_itself_and_asks_again(cast: Cast, browser_of: Browser) -> None:
    now = timezone.now()
    job = make_job(
        cast.project, state="running", attempt=1, done=31, total=50, progress_text="Try 31 of 50",
        started_at=now - timedelta(minutes=6), lease_expires_at=now + timedelta(minutes=1),
    )  # fmt: skip
    Line.objects.create(job=job, attempt=1, text="<b>try 30</b>")
    browser = browser_of(cast[Role.VIEWER])
    page = browser.get(f"/p/churn/jobs/{job.pk}/").content.decode()
    assert f'hx-get="/p/churn/jobs/{job.pk}/?lines=500"' in page
    assert "about 4 min left" in page
    assert "&lt;b&gt;try 30" in page
    part = browser.get(f"/p/churn/jobs/{job.pk}/?lines=5", headers={"HX-Request": "true"})
    assert part.content.decode().lstrip().startswith("<section")
    assert "HX-Refresh" not in part
    Job.objects.filter(pk=job.pk).update(lease_expires_at=now - timedelta(minutes=2))
    part = browser.get(f"/p/churn/jobs/{job.pk}/?lines=x", headers={"HX-Request": "true"})
    assert "will resume" in part.content.decode()
    Job.objects.filter(pk=job.pk).update(state="succeeded", ended_at=now)
    part = browser.get(f"/p/churn/jobs/{job.pk}/", headers={"HX-Request": "true"})
    assert part["HX-Refresh"] == "true"
    assert "hx-get" not in browser.get(f"/p/churn/jobs/{job.pk}/").content.decode()


def test_a_waiting_job_says_its_place_and_is_stopped(cast: Cast, browser_of: Browser) -> None:
    make_job(cast.project)
    job = make_job(cast.project)
    scientist = browser_of(cast[Role.DATA_SCIENTIST])
    page = scientist.get(f"/p/churn/jobs/{job.pk}/").content.decode()
    assert "1 job of this kind before it" in page
    assert scientist.post(f"/p/churn/jobs/{job.pk}/cancel/").status_code == 302
    assert "Stopped by request." in scientist.get(f"/p/churn/jobs/{job.pk}/").content.decode()
    assert scientist.post(f"/p/churn/jobs/{job.pk}/cancel/").status_code == 409
    assert "Stop</button>" not in browser_of(cast[Role.VIEWER]).get("/p/churn/").content.decode()


def test_jobs_of_other_projects_are_not_seen(cast: Cast, browser_of: Browser) -> None:
    theirs = make_job(cast.other_project, title="Secret run")
    browser = browser_of(cast[Role.OWNER])
    assert browser.get(f"/p/churn/jobs/{theirs.pk}/").status_code == 404
    assert "Secret run" not in browser.get("/jobs/").content.decode()
    assert "Nothing is running." in browser.get("/jobs/").content.decode()
    assert "Secret run" in browser_of(cast.stranger).get("/jobs/").content.decode()


def test_the_activity_is_exported_without_formulas(cast: Cast, browser_of: Browser) -> None:
    cast[Role.VIEWER].name = "=cmd|' /C calc'!A0"
    record(cast[Role.VIEWER], "run.started", cast.project, project_key="churn", number=3)
    record(cast[Role.OWNER], "run.started", cast.other_project, project_key="other", number=4)
    browser = browser_of(cast[Role.OWNER])
    assert "started run 3" in browser.get("/p/churn/activity/").content.decode()
    answer = browser.get("/p/churn/activity.csv")
    lines = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert len(lines) == 2
    assert ",'=cmd|' /C calc'!A0," in lines[1]


@pytest.mark.parametrize("address", ["/", "/projects/", "/jobs/", "/p/churn/team/", "/p/churn/activity/", "/p/churn/"])
def test_lists_ask_the_database_no_more_for_more_rows(cast: Cast, browser_of: Browser, address: str) -> None:
    owner = cast[Role.OWNER]
    browser = browser_of(owner)

    def asked() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert browser.get(address).status_code == 200
        return len(seen)

    def more(numbers: range) -> None:
        for number in numbers:
            project = create_project(
                name=f"Project {number}", question="?", kind="binary", by=owner, roles=[Role.BUSINESS_ANALYST]
            )
            set_targets(project, [RECALL], by=owner)
            for state in ("queued", "running", "succeeded"):
                make_job(project, state=state)
            make_job(cast.project)
            email = f"p{number}@example.org"
            person = User.objects.create(email=email, name=f"Person {number}")
            Membership.objects.create(project=cast.project, user=person, role="viewer")
            invite(cast.project, email=f"i{number}@example.org", roles=["viewer"], by=owner)

    more(range(2))
    asked()
    few = asked()
    more(range(2, 9))
    assert asked() <= few


def test_what_a_targets_sentence_leaves_out_is_changed_in_its_line(cast: Cast, browser_of: Callable[..., Any]) -> None:
    analyst = browser_of(cast[Role.BUSINESS_ANALYST])
    kpi = {"name": "Lost a month", "direction": "at_most", "value": "200", "unit": "people", "baseline": "300"}
    kpi |= {"source": "entered", "owner": "business_analyst", "cadence": "monthly", "kind": "kpi"}
    gap = {"metric": "recall", "column": "age_group", "least_group": "30", "value": "5", "kind": "fairness"}
    for form in (kpi, gap):
        assert analyst.post("/p/churn/define/targets/", form).status_code == 302
    line = {"do": "change", "value": "200", "direction": "at_least", "owner": "product_manager", "cadence": "weekly"}
    assert analyst.post("/p/churn/define/targets/0/", line | {"by_date": "2030-06-01"}).status_code == 302
    assert (
        analyst.post("/p/churn/define/targets/1/", {"do": "change", "value": "5", "least_group": "80"}).status_code
        == 302
    )
    first, second = goals_of(latest_contract(cast.project))
    assert (first.direction, first.owner, first.cadence, first.by_date) == (
        "at_least", "product_manager", "weekly", "2030-06-01",
    )  # fmt: skip
    assert (first.unit, first.baseline, second.least_group) == ("people", 300.0, 80)
    for wrong in ({"least_group": "1"}, {"least_group": "x"}):
        answer = analyst.post("/p/churn/define/targets/1/", {"do": "change", "value": "5"} | wrong)
        assert answer.status_code == 422
    assert analyst.post("/p/churn/define/targets/0/", line | {"owner": "viewer"}).status_code == 422
    assert goals_of(latest_contract(cast.project)) == [first, second]
    page = analyst.get("/p/churn/define/").content.decode()
    assert "Direction, owner and rhythm" in page
    assert 'value="80"' in page
