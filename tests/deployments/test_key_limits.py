"""What a key may: requests a minute, rows a day, several deployments; and what it asked."""

import json
import time
from datetime import timedelta

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from deployments.models import ConsumerKey, KeyUse
from deployments.queries.keys import days_of, today, totals_of, used_today
from deployments.services.keys import change_key, make_key, revoke_key
from deployments.services.uses import add_uses
from deployments.serving.limits import Bound, Key, Limits, OverLimit, Window
from problems.problem import Conflict, Invalid
from projects.permissions import Role
from tests.deployments import stage
from tests.deployments.stage import ROW

NOON = 1_800_014_400.0  # 12:00 of a day of UTC


class Clock:
    def __init__(self, at=NOON):
        self.at = at

    def __call__(self):
        return self.at


def key(**limits):
    return Key("k", ("churn",), NOON * 2, **limits)


def refused(call):
    with pytest.raises(OverLimit) as refusal:
        call()
    return refusal.value


# ---- Counted in memory ----


def test_so_many_requests_a_minute_and_then_when_to_come_again():
    clock = Clock()
    limits = Limits(clock)
    for _ in range(5):
        limits.admit(key(per_minute=5))
    problem = refused(lambda: limits.admit(key(per_minute=5)))
    assert (problem.status, problem.code) == (429, "rate_limit")
    wait = problem.facts["retry_after"]
    clock.at += wait
    limits.admit(key(per_minute=5))
    limits.admit(Key("other", ("churn",), NOON * 2, per_minute=5))


@given(st.integers(1, 30), st.lists(st.floats(0.01, 40), min_size=1, max_size=120))
def test_no_sixty_seconds_hold_many_more_than_the_limit_and_waiting_helps(most, gaps):
    window, at, taken = Window(), NOON + 7, []
    for gap in gaps:
        at += gap
        wait = window.wait(at, most)
        if wait == 0:
            taken.append(at)
        else:
            assert 0 < wait <= 120
            assert Window(window.minute, window.now, window.before).wait(at + wait + 0.01, most) == 0
        assert sum(1 for one in taken if one > at - 60) <= 2 * most
        minute = [one for one in taken if one // 60 == at // 60]
        assert len(minute) <= most


def test_a_quota_counts_rows_that_are_held_answered_and_told_by_others():
    limits = Limits(Clock())
    mine = key(rows_per_day=100)
    bound = Bound(limits, mine, "churn")
    with bound.room(60):
        assert refused(lambda: limits.reserve(mine, 41)).facts["rows_left"] == 40
    assert refused(lambda: limits.reserve(mine, 41)).facts["rows_left"] == 40
    sent = limits.take()
    assert [counts["rows"] for counts in sent.values()] == [60]
    assert refused(lambda: limits.reserve(mine, 41)).code == "quota"  # handed over, not yet settled
    day = next(iter(sent))[2]
    limits.settle({("k", day): 90}, {"d": mine})  # another server answered 30
    assert refused(lambda: limits.reserve(mine, 11)).facts["rows_left"] == 10
    with bound.room(10):
        pass
    assert refused(lambda: limits.admit(mine)).facts["retry_after"] == 12 * 3600 + 1


def test_rows_that_were_not_answered_give_their_room_back():
    limits = Limits(Clock())
    bound = Bound(limits, key(rows_per_day=10), "churn")
    for _ in range(3):
        with pytest.raises(RuntimeError), bound.room(10):
            raise RuntimeError
    with bound.room(10):
        pass


def test_a_new_day_begins_with_the_whole_quota():
    clock = Clock()
    limits = Limits(clock)
    with Bound(limits, key(rows_per_day=10), "churn").room(10):
        pass
    refused(lambda: limits.admit(key(rows_per_day=10)))
    clock.at += 12 * 3600
    limits.admit(key(rows_per_day=10))


def test_what_could_not_be_handed_over_goes_with_the_next():
    limits = Limits(Clock())
    limits.count("k", "churn", "answered")
    assert sum(one["requests"] for one in limits.take().values()) == 1
    limits.count("k", "churn", "limited")
    limits.give_back()
    (counts,) = limits.take().values()
    assert (counts["requests"], counts["limited"]) == (2, 1)
    limits.settle({}, {})
    assert limits.take() == {}


# ---- Kept ----


@pytest.fixture
def deployment(cast, own_folder, trained):
    return stage.put_into_use(stage.version_of(cast.project, trained), cast[Role.ML_ENGINEER]).deployment


def made(deployment, cast, **more):
    return make_key(deployment, name="shop", days=30, by=cast[Role.ML_ENGINEER], **more)[0]


@pytest.mark.django_db
def test_servers_counts_are_added_by_day_and_those_of_nobody_are_dropped(deployment, cast):
    mine, day = made(deployment, cast), today().isoformat()
    told = {"requests": 3, "rows": 30, "limited": 1, "last_at": time.time()}
    for _ in range(2):
        add_uses({(str(mine.pk), deployment.name, day): told, ("6d1a4f0e-0000-4000-8000-000000000000", "x", day): told})
    add_uses({(str(mine.pk), deployment.name, (today() - timedelta(days=1)).isoformat()): told})
    assert used_today([mine.pk])[str(mine.pk), day] == 60
    assert totals_of([mine])[mine.pk]["limited"] == 2
    assert [one.rows for one in days_of(mine, 3)] == [0, 30, 60]
    assert KeyUse.objects.count() == 2


@pytest.mark.django_db
def test_limits_and_deployments_of_a_key_are_checked(deployment, cast):
    for wrong in ({"per_minute": 0}, {"rows_per_day": -1}, {"also": ["moon"]}, {"per_minute": 10**9}):
        with pytest.raises(Invalid):
            made(deployment, cast, **wrong)
    mine = made(deployment, cast, per_minute=10)
    revoke_key(mine, by=cast[Role.ML_ENGINEER])
    with pytest.raises(Conflict):
        change_key(mine, also=[], per_minute=1, rows_per_day=None, by=cast[Role.ML_ENGINEER])


@pytest.mark.django_db
def test_keys_of_a_deployment_of_another_project_cannot_be_joined(deployment, cast):
    stranger = deployment.__class__.objects.create(project=cast.other_project, name="theirs")
    with pytest.raises(Invalid, match="theirs"):
        made(deployment, cast, also=[stranger.name])


# ---- On the pages and over REST ----


@pytest.mark.django_db
def test_the_pages_of_applications_show_use_and_change_limits(deployment, cast, browser_of):
    engineer, reader = browser_of(cast[Role.ML_ENGINEER]), browser_of(cast[Role.VIEWER])
    page = reverse("deployment", args=["churn", deployment.name])
    assert engineer.post(page + "keys/", {"name": "web", "days": "30", "per_minute": "x"}).status_code == 422
    assert engineer.post(page + "keys/", {"name": "web", "days": "30", "per_minute": "600"}).status_code == 200
    mine = ConsumerKey.objects.get()
    assert "600 a minute" in reader.get(page).content.decode()
    one = reverse("application", args=["churn", mine.pk])
    assert "not asked" in reader.get(one).content.decode()
    told = {"requests": 3, "rows": 1234, "limited": 2, "last_at": time.time()}
    add_uses({(str(mine.pk), deployment.name, today().isoformat()): told})
    shown = reader.get(one).content.decode()
    assert "2 requests" in shown
    assert "View as table" in shown
    assert "Revoke the key" not in shown
    assert "web" in reader.get(reverse("applications", args=["churn"])).content.decode()
    assert reader.post(one, {"per_minute": "1"}).status_code == 403
    assert engineer.post(one, {"per_minute": "0"}).status_code == 422
    assert engineer.post(one, {"per_minute": "", "rows_per_day": "5000"}).status_code == 302
    mine.refresh_from_db()
    assert (mine.per_minute, mine.rows_per_day) == (None, 5000)
    assert browser_of(cast.stranger).get(one).status_code == 404
    assert engineer.post(f"{one}revoke/").status_code == 302
    assert "Revoked" in reader.get(one).content.decode()
    assert engineer.post(one, {"per_minute": "5"}).status_code == 409


@pytest.mark.django_db
def test_limits_and_use_over_rest(deployment, cast, api_of):
    api, path = api_of(cast[Role.ML_ENGINEER]), f"/api/v1/projects/churn/deployments/{deployment.name}/keys/"
    sent = {"content_type": "application/json"}
    assert api.post(path, json.dumps({"name": "a", "per_minute": "many"}), **sent).status_code == 422
    answer = api.post(path, json.dumps({"name": "a", "per_minute": 5, "rows_per_day": 100}), **sent)
    assert (answer.status_code, answer.json()["per_minute"]) == (201, 5)
    own = f"{path}{answer.json()['id']}/"
    assert api.patch(own, json.dumps({"per_minute": None}), **sent).json()["rows_per_day"] == 100
    assert api.patch(own, json.dumps({"also": ["moon"]}), **sent).status_code == 422
    usage = f"/api/v1/projects/churn/keys/{answer.json()['id']}/usage/"
    assert len(api.get(f"{usage}?days=7").json()["days"]) == 7
    assert api.get(f"{usage}?days=0").status_code == 422
    assert api_of(cast[Role.VIEWER]).get(usage).status_code == 403
    assert len(api.get("/api/v1/projects/churn/keys/").json()["results"]) == 1


# ---- At a real server ----


def wait_for(seen):
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        if found := seen():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come")


def test_a_server_keeps_limits_tells_when_to_come_again_and_counts(shared_cast, server, trained):
    by = shared_cast[Role.ML_ENGINEER]
    version = stage.version_of(shared_cast.project, trained)
    first = stage.put_into_use(version, by).deployment
    second = stage.put_into_use(stage.version_of(shared_cast.project, trained, "other"), by).deployment
    few, often = make_key(first, name="few", days=30, per_minute=3, by=by)
    bound, much = make_key(first, name="much", days=30, rows_per_day=10, also=[second.name], by=by)
    body = json.dumps({"row": ROW})
    with stage.running(server):
        path = f"/v1/deployments/{first.name}/predict"
        seen = [server.request("POST", path, body, Authorization=f"Bearer {often}") for _ in range(5)]
        assert [status for status, _, _ in seen] == [200, 200, 200, 429, 429]
        assert 1 <= int(seen[-1][1]["retry-after"]) <= 120
        assert json.loads(seen[-1][2])["code"] == "rate_limit"
        assert server.predict({"rows": [ROW] * 6}, much)[0] == 200
        status, answer = server.predict({"rows": [ROW] * 5}, much)
        assert (status, answer["code"], answer["rows_left"]) == (429, "quota", 4)
        assert server.predict({"rows": [ROW] * 3}, much, name="other")[0] == 200
        assert server.predict({"row": {}}, much)[0] == 422
        assert server.predict({"row": ROW}, much)[0] == 200
        assert server.predict({"row": ROW}, much)[0] == 429
        repeat = {"Authorization": f"Bearer {much}", "Idempotency_Key": "one"}
        assert server.request("POST", path, body, **repeat)[0] == 429
        assert server.predict({"row": ROW}, often, name="other")[0] == 404
        wait_for(lambda: totals_of([few])[few.pk]["requests"] == 5)
        wait_for(lambda: totals_of([bound])[bound.pk]["rows"] == 10)
        assert server.predict({"row": ROW}, much)[0] == 429  # after the counts were handed over as well
        change_key(bound, also=[], per_minute=None, rows_per_day=11, by=by)
        wait_for(lambda: server.predict({"row": ROW}, much)[0] == 200)
        assert server.predict({"row": ROW}, much, name="other")[0] == 404
        server.stop()
    totals = totals_of([few, bound])
    assert totals[few.pk] | {"last_at": 0} == {
        "requests": 5,
        "rows": 3,
        "refused": 0,
        "limited": 2,
        "failed": 0,
        "last_at": 0,
    }
    assert totals[bound.pk]["rows"] == 11
    assert totals[bound.pk]["refused"] == 1
