"""Threads, tasks and decisions: services, pages and REST."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from audit.models import Entry
from notices.models import Notice
from problems.problem import Conflict, Denied, Invalid, Missing
from projects.models.decisions import Decision
from projects.models.projects import Project
from projects.models.questions import Question, Revision
from projects.models.tasks import Task
from projects.models.team import Membership
from projects.overview import needs
from projects.permissions import Role
from projects.queries.decisions import decisions_of
from projects.queries.questions import question_for, threads_about
from projects.queries.team import roles_by_project
from projects.services.decisions import record_decision
from projects.services.questions import ask, edit, reopen, reply, resolve
from projects.services.tasks import About, close_task, open_task, pass_on, set_due
from projects.subjects import about, words
from tests.conftest import Cast, make_person

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]
DS, ML, BA, VIEWER, OWNER = Role.DATA_SCIENTIST, Role.ML_ENGINEER, Role.BUSINESS_ANALYST, Role.VIEWER, Role.OWNER


def asked(cast: Cast, text: str = "Why so few?", **given: Any) -> Question:
    found = about(cast.project, "project", "churn")
    return ask(cast.project, text=text, about=found, **({"by": cast[DS]} | given))


def told(user: User) -> list[tuple[str, str]]:
    return list(Notice.objects.filter(recipient_id=user.pk).order_by("created_at").values_list("kind", "text"))


def titles(user: User) -> list[str]:
    return [need.title for need in needs(user, roles_by_project(user))]


def test_a_question_to_a_role_tells_its_holders_and_stands_on_their_home(cast: Cast) -> None:
    asked(cast, roles=[ML])
    assert told(cast[ML]) == [("question", f"{cast[DS].name} asks about Customer churn: Why so few?")]
    assert told(cast[BA]) == []
    assert any("asks about Customer churn" in title for title in titles(cast[ML]))
    assert not any("asks about" in title for title in titles(cast[BA]))
    assert not any("asks about" in title for title in titles(cast[DS]))


def test_a_question_to_a_role_of_one_project_does_not_reach_that_role_of_another(cast: Cast) -> None:
    other = make_person("ml2@example.org", "Other ML")
    Membership.objects.create(project=cast.other_project, user=other, role=ML)
    Membership.objects.create(project=cast.project, user=other, role=VIEWER)
    asked(cast, roles=[ML])
    assert told(other) == []
    assert not any("asks about" in title for title in titles(other))


def test_an_answer_takes_it_from_home_and_tells_who_asked(cast: Cast) -> None:
    question = asked(cast, roles=[ML])
    reply(question, text="Because of the new plan.", by=cast[ML])
    assert not any("asks about" in title for title in titles(cast[ML]))
    assert told(cast[DS])[-1][0] == "question"
    assert question_for(cast.project, question.number).state == "open"


def test_mentions_reach_people_and_roles_once_and_never_the_writer_or_a_stranger(cast: Cast) -> None:
    odd = make_person("odd@example.org", "O'Brien (x|y) Ünal")
    Membership.objects.create(project=cast.project, user=odd, role=VIEWER)
    text = f"@O'BRIEN (x|y) ünal and @Business analyst, also @{cast[DS].name}, @{cast.stranger.name}"
    asked(cast, text, people=[odd.pk])
    assert [kind for kind, _ in told(odd)] == ["question"]
    assert [kind for kind, _ in told(cast[BA])] == ["mention"]
    assert told(cast[DS]) == told(cast.stranger) == []


def test_two_people_of_one_name_are_both_meant(cast: Cast) -> None:
    twins = [make_person(f"sam{n}@example.org", "Sam") for n in (1, 2)]
    for twin in twins:
        Membership.objects.create(project=cast.project, user=twin, role=VIEWER)
    asked(cast, "@sam, which of you?")
    assert all(kind == "mention" for twin in twins for kind, _ in told(twin))
    assert told(twins[0])
    assert told(twins[1])


def test_only_people_and_roles_of_the_project_are_asked(cast: Cast) -> None:
    for given in ({"people": [cast.stranger.pk]}, {"roles": ["king"]}, {"text": "  "}, {"text": "x" * 8001}):
        with pytest.raises(Invalid):
            asked(cast, **given)
    assert Question.objects.count() == Entry.objects.count() == 0


def test_nobody_asks_about_what_is_not_there_or_elsewhere(cast: Cast) -> None:
    for word, own in [
        ("run", "48"),
        ("run", "x"),
        ("nonsense", "1"),
        ("project", "other"),
        ("data", "a/v1"),
        ("model", "a"),
    ]:
        with pytest.raises(Missing):
            about(cast.project, word, own)
    assert {"project", "define", "run", "data", "model", "deployment", "monitor", "alert"} <= set(words())


def test_edits_keep_what_stood_there_and_tell_only_new_mentions(cast: Cast) -> None:
    question = asked(cast, "@Business analyst, why?")
    edit(question, text="@Business analyst and @Viewer, why?", by=cast[DS])
    edit(question, text="@Business analyst and @Viewer, why?", by=cast[DS])
    assert list(Revision.objects.values_list("text", flat=True)) == ["@Business analyst, why?"]
    assert len(told(cast[BA])) == 1
    assert len(told(cast[VIEWER])) == 1
    with pytest.raises(Denied, match="only what you wrote yourself"):
        edit(question, text="Mine now", by=cast[ML])


def test_settling_twice_is_told_and_opening_again_works(cast: Cast) -> None:
    question = asked(cast)
    resolve(question, by=cast[ML])
    with pytest.raises(Conflict, match=cast[ML].name):
        resolve(question, by=cast[BA])
    reopen(question, by=cast[BA])
    with pytest.raises(Conflict):
        reopen(question, by=cast[BA])


def test_the_thread_stands_on_the_objects_page_and_everything_works_from_there(cast: Cast, browser_of: Browser) -> None:
    browser = browser_of(cast[DS])
    form = {
        "text": "Is *this* <b>right</b>?",
        "to": "role:ml_engineer",
        "about_type": "define",
        "about_id": "churn",
        "back": "1",
    }
    answer = browser.post("/p/churn/questions/", form)
    assert answer.headers["Location"] == "/p/churn/define/#talk"
    page = browser.get("/p/churn/define/").content.decode()
    assert "<em>this</em> &lt;b&gt;right&lt;/b&gt;" in page
    number = Question.objects.get().number
    browser.post(f"/p/churn/questions/{number}/reply/", {"text": "Yes.", "back": "1"})
    assert "Yes." in browser.get("/p/churn/define/").content.decode()
    answer = browser.post(f"/p/churn/questions/{number}/settle/", {"do": "resolve", "back": "1"})
    assert answer.headers["Location"] == "/p/churn/define/#talk"
    assert threads_about(cast.project, "define", "churn").resolved == 1
    assert browser.post(f"/p/churn/questions/{number}/settle/", {"do": "resolve"}).status_code == 409
    assert "Yes." in browser.get(f"/p/churn/questions/{number}/").content.decode()
    assert browser.post(f"/p/churn/questions/{number}/edit/", {"text": "Other"}).status_code == 302
    assert "changed" in browser.get(f"/p/churn/questions/{number}/").content.decode()


@pytest.mark.parametrize("own", ["other", "../x", "churn\r\nX: y", ""])
def test_a_forged_object_in_the_form_is_refused(own: str, cast: Cast, browser_of: Browser) -> None:
    form = {"text": "Hm", "to": "", "about_type": "project", "about_id": own}
    assert browser_of(cast[DS]).post("/p/churn/questions/", form).status_code in (404, 422)
    assert not Question.objects.exists()


def test_viewers_read_and_do_nothing(cast: Cast, browser_of: Browser) -> None:
    asked(cast)
    browser = browser_of(cast[VIEWER])
    for path in ("questions/", "questions/1/", "tasks/", "decisions/", "webhooks/"):
        assert browser.get(f"/p/churn/{path}").status_code == 200
    for path in ("questions/", "questions/1/reply/", "questions/1/settle/", "tasks/", "decisions/", "webhooks/"):
        assert browser.post(f"/p/churn/{path}", {}).status_code == 403


def test_rest_does_what_the_pages_do_with_threads(cast: Cast, api_of: Callable[..., Client]) -> None:
    api, base = api_of(cast[DS]), "/api/v1/projects/churn/questions/"
    body = {"text": "Why? @Viewer", "roles": ["ml_engineer"], "people": [str(cast[BA].pk)], "about_type": "define"}
    headers = {"Idempotency-Key": "one"}
    made = api.post(base, body, "application/json", headers=headers)
    again = api.post(base, body, "application/json", headers=headers)
    assert made.status_code == 201
    assert again.json() == made.json()
    shown = made.json()
    assert shown["about"] == {
        "type": "define",
        "id": "churn",
        "name": "The problem and its targets",
        "url": "/p/churn/define/",
    }
    assert shown["roles"] == ["ml_engineer"]
    assert shown["people"][0]["name"] == cast[BA].name
    one = f"{base}{shown['number']}/"
    thread = api.post(f"{one}replies/", {"text": "So."}, "application/json").json()
    changed = api.patch(one, {"text": "So it is.", "reply": thread["replies"][0]["id"]}, "application/json").json()
    assert changed["replies"][0]["before"][0]["text"] == "So."
    assert api.post(f"{one}resolve/", {}, "application/json").json()["state"] == "resolved"
    assert api.post(f"{one}resolve/", {}, "application/json").status_code == 409
    assert api.post(f"{one}reopen/", {}, "application/json").json()["state"] == "open"
    assert api.get(f"{base}?about_type=define&about_id=churn&state=open").json()["count"] == 1
    assert api.patch(one, {"text": "x", "reply": str(cast[BA].pk)}, "application/json").status_code == 404


# ---- Tasks ----


def test_home_shows_my_tasks_and_my_roles_overdue_first(cast: Cast) -> None:
    today = timezone.localdate()
    for title, due, given in [
        ("No day", None, {"role": ML}),
        ("Late", today - timedelta(days=1), {"assignee": cast[ML]}),
        ("Soon", today + timedelta(days=1), {"role": ML}),
        ("Not mine", today - timedelta(days=9), {"role": BA}),
    ]:
        open_task(cast.project, title=title, due_on=due, by=cast[DS], **given)
    found = [title for title in titles(cast[ML]) if title in ("No day", "Late", "Soon", "Not mine")]
    assert found[0] == "Late"
    assert set(found) == {"Late", "Soon", "No day"}


def test_a_task_is_passed_on_gets_a_day_and_ends_once(cast: Cast) -> None:
    task = open_task(cast.project, title="Look", role=ML, by=cast[DS])
    pass_on(task, assignee=cast[BA], by=cast[ML])
    set_due(task, date(2030, 1, 2), by=cast[BA])
    assert told(cast[BA]) == [("task", f"{cast[ML].name} passes on to you: Look")]
    close_task(task, by=cast[BA])
    for act in (
        lambda: close_task(task, by=cast[BA]),
        lambda: pass_on(task, role=ML, by=cast[BA]),
        lambda: set_due(task, None, by=cast[BA]),
    ):
        with pytest.raises(Conflict, match="already over"):
            act()
    task.refresh_from_db()
    assert (task.state, task.due_on, task.role) == ("done", date(2030, 1, 2), "")


def test_a_stranger_gets_no_task(cast: Cast) -> None:
    task = open_task(cast.project, title="Look", role=ML, by=cast[DS])
    for given in ({"assignee": cast.stranger}, {"role": "king"}, {}, {"assignee": cast[BA], "role": ML}):
        with pytest.raises(Invalid):
            pass_on(task, by=cast[DS], **given)


def test_the_pages_of_tasks_do_it_all(cast: Cast, browser_of: Browser) -> None:
    browser = browser_of(cast[DS])
    form = {"title": "Check it", "to": f"person:{cast[ML].pk}", "due_on": "2020-01-01", "detail": "**now**"}
    assert browser.post("/p/churn/tasks/", form).headers["Location"] == "/p/churn/tasks/1/"
    assert "overdue" in browser_of(cast[ML]).get("/p/churn/tasks/?whose=mine").content.decode()
    assert "Check it" not in browser.get("/p/churn/tasks/?whose=mine").content.decode()
    assert "Check it" in browser.get("/p/churn/tasks/?due=overdue&q=check").content.decode()
    for body in ({"do": "pass", "to": "role:data_scientist"}, {"do": "due", "due_on": ""}, {"do": "close"}):
        assert browser.post("/p/churn/tasks/1/", body).status_code == 302, body
    assert browser.post("/p/churn/tasks/1/", {"do": "drop"}).status_code == 409
    assert browser.post("/p/churn/tasks/1/", {"do": "dance"}).status_code == 422
    assert browser.post("/p/churn/tasks/", form | {"to": f"person:{cast.stranger.pk}"}).status_code == 422
    assert browser.get("/p/churn/tasks/?state=nonsense&whose=x&due=y&page=zz").status_code == 200


def test_rest_changes_a_task_as_a_whole_or_not_at_all(cast: Cast, api_of: Callable[..., Client]) -> None:
    api, base = api_of(cast[DS]), "/api/v1/projects/churn/tasks/"
    made = api.post(base, {"title": "Check", "role": "ml_engineer"}, "application/json")
    assert made.status_code == 201
    one = f"{base}{made.json()['number']}/"
    bad = {"due_on": "2030-01-01", "assignee": str(cast.stranger.pk)}
    assert api.patch(one, bad, "application/json").status_code == 404
    assert api.get(one).json()["due_on"] is None
    good = {"due_on": "2030-01-01", "assignee": str(cast[BA].pk), "state": "done"}
    changed = api.patch(one, good, "application/json").json()
    assert (changed["state"], changed["assignee"]["name"], changed["due_on"]) == ("done", cast[BA].name, "2030-01-01")
    assert api.patch(one, {"state": "dropped"}, "application/json").status_code == 409
    assert api.get(f"{base}?whose=nobody").status_code == 422


# ---- Decisions ----


def decided(cast: Cast, **given: Any) -> Decision:
    base = {
        "question": "Which threshold?",
        "options": ["0.3", "0.5", " ", "0.5"],
        "choice": "0.3",
        "reason": "Calls are cheap.",
    }
    return record_decision(cast.project, **(base | {"by": cast[BA]} | given))


def test_a_decision_is_never_changed_but_superseded_once(cast: Cast) -> None:
    first = decided(cast)
    second = decided(cast, choice="0.5", supersedes=first)
    assert first.options == ["0.3", "0.5"]
    with pytest.raises(Conflict, match="superseded already"):
        decided(cast, supersedes=first)
    assert [each.number for each in decisions_of(cast.project, in_force=True)] == [second.number]
    assert decisions_of(cast.project).get(number=first.number).superseded_by == second


def test_a_decision_without_a_reason_is_refused(cast: Cast) -> None:
    with pytest.raises(Invalid) as refused:
        decided(cast, reason=" ", choice="")
    assert set(refused.value.fields) == {"reason", "choice"}


def test_the_log_by_page_and_rest(cast: Cast, browser_of: Browser, api_of: Callable[..., Client]) -> None:
    browser, api, base = browser_of(cast[BA]), api_of(cast[BA]), "/api/v1/projects/churn/decisions/"
    form = {"question": "Which?", "options": "a\nb", "choice": "a", "reason": "why not", "supersedes": ""}
    assert browser.post("/p/churn/decisions/", form).status_code == 302
    body = {
        "question": "Which?",
        "options": ["a"],
        "choice": "b",
        "reason": "x",
        "supersedes": 1,
        "about_type": "define",
    }
    assert api.post(base, body, "application/json").json()["supersedes"] == 1
    assert api.get(f"{base}1/").json()["superseded_by"] == 2
    assert "superseded by 2" in browser.get("/p/churn/decisions/").content.decode()
    assert "No longer in force" in browser.get("/p/churn/decisions/1/").content.decode()
    assert api.post(base, body, "application/json").status_code == 409
    assert browser.post("/p/churn/decisions/", form | {"reason": ""}).status_code == 422
    for method in ("put", "patch", "delete"):
        assert getattr(api, method)(f"{base}1/", {}, "application/json").status_code == 405


# ---- Lists: as many queries for many rows as for few ----


def queries(browser: Client, path: str) -> int:
    browser.get(path)
    with CaptureQueriesContext(
        connection,
    ) as seen:
        assert browser.get(path).status_code == 200
    return len(seen)


@pytest.mark.parametrize(
    "path",
    [
        "/p/churn/questions/",
        "/p/churn/tasks/",
        "/p/churn/decisions/",
        "/p/churn/activity/?q=a",
        "/p/churn/define/",
        "/",
        "/api/v1/projects/churn/questions/",
        "/api/v1/projects/churn/tasks/",
        "/api/v1/projects/churn/decisions/",
        "/p/churn/activity.csv",
    ],
)
def test_a_list_asks_as_often_for_thirty_rows_as_for_three(path: str, cast: Cast, browser_of: Browser) -> None:
    browser = browser_of(cast[ML])

    def fill(number: int) -> None:
        for _ in range(number):
            question = ask(
                cast.project,
                text="Why?",
                about=about(cast.project, "define", "churn"),
                roles=[ML],
                people=[cast[BA].pk],
                by=cast[DS],
            )
            if path == "/p/churn/define/":
                reply(question, text="So.", by=cast[BA])
            open_task(cast.project, title="Look", role=ML, by=cast[DS], about=About("project", "churn", "x", "/"))
            decided(cast)

    fill(3)
    few = queries(browser, path)
    fill(27)
    many = queries(browser, path)
    assert many <= few, f"{few} for 3, {many} for 30"


def test_home_asks_as_often_in_two_hundred_projects_as_in_three(cast: Cast, browser_of: Browser) -> None:
    browser = browser_of(cast[ML])

    def more(start: int, end: int) -> None:
        for number in range(start, end):
            project = Project.objects.create(key=f"p{number}", name=f"P {number}", question="?", created_by=cast[OWNER])
            Membership.objects.create(project=project, user=cast[ML], role=ML)
            Membership.objects.create(project=project, user=cast[ML], role=BA)
            Task.objects.create(project=project, number=1, title="Look", role=ML)

    more(0, 12)
    few = queries(browser, "/")
    more(12, 200)
    assert queries(browser, "/") <= few


# ---- Activity ----


def test_activity_is_filtered_by_person_kind_object_and_words_and_the_csv_keeps_it(
    cast: Cast, browser_of: Browser
) -> None:
    question = asked(cast)
    open_task(cast.project, title="Feed the cat Çağrı", role=ML, by=cast[BA])
    browser = browser_of(cast[VIEWER])
    for query, found in [
        ("", 2),
        ("event=task", 1),
        ("event=task.opened", 1),
        ("event=tas", 0),
        (f"who={cast[DS].actor_id}", 1),
        (f"about=projects.question:{question.pk}", 1),
        ("about=projects.task", 1),
        ("q=cat", 1),
        ("q=%C3%87a%C4%9Fr", 1),
        ("q=%25", 0),
        ("q=zebra", 0),
    ]:
        page = browser.get(f"/p/churn/activity/?{query}").content.decode()
        assert re.search(rf"\b{found} event", page), query
        lines = b"".join(browser.get(f"/p/churn/activity.csv?{query}").streaming_content).decode().splitlines()
        assert len(lines) == found + 1, query
    link = re.search(
        r'href="(/p/churn/activity\.csv\?[^"]*)"', browser.get("/p/churn/activity/?event=task&page=1").content.decode()
    )
    assert link
    assert link[1] == "/p/churn/activity.csv?event=task"
