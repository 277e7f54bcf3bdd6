"""Events that are pushed: keys of senders, what is refused, and windows that become versions."""

import html
import re
import shlex
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from datasets import event_journal
from datasets.models.events import EventKey
from datasets.models.sources import Pull, Source
from datasets.queries.events import journal_of
from datasets.services import events as services
from datasets.services import pulls, sources
from jobs.models import Job
from projects.permissions import Role
from projects.services.bin import discard, restore
from tests.conftest import Cast

API = "/api/v1/projects/churn/sources/line-3/"
RunJobs = Callable[[], list[Job]]


@pytest.fixture
def source(cast: Cast) -> Source:
    params = {"sender": "Line 3", "key": ["id"], "time": "at"}
    given: dict[str, Any] = {"connector": "events", "name": "line-3", "dataset": "line-3", "params": params}
    made = sources.register(cast.project, **given, by=cast[Role.DATA_ENGINEER], mode="incremental", keys=["id"])
    return made


@pytest.fixture
def approved(source: Source, cast: Cast) -> Source:
    return sources.approve(source, seen=source.revision, by=cast[Role.OWNER])


def sender(source: Source, cast: Cast) -> Client:
    _, secret = services.make_key(source, name="PLC 7", days=30, by=cast[Role.DATA_ENGINEER])
    return Client(headers={"Authorization": f"Bearer {secret}"})


def push(client: Client, events: Any, kind: str = "application/json") -> Any:
    return client.post(f"{API}events/", events, content_type=kind)


def event(number: int, minute: int = 0, **more: Any) -> dict[str, Any]:
    return {"id": number, "at": f"2026-11-20T10:{minute:02d}:00Z", "heat": 20.5 + number} | more


def test_windows_become_versions_without_doubles_and_late_ones(approved: Source, cast: Cast, run_jobs: RunJobs) -> None:
    client = sender(approved, cast)
    assert push(client, event(1)).json() == {"accepted": 1}
    assert push(client, [event(2, 1), event(1)]).json() == {"accepted": 2}
    lines = b'{"id": 3, "at": 1795169460, "heat": 1}\n\n{"id": 4, "at": "2026-11-20T08:00:00Z", "heat": 2}\n'
    assert push(client, lines, "application/x-ndjson").json() == {"accepted": 2}
    pulls.start_pull(approved, by=cast[Role.DATA_ENGINEER])
    (job,) = run_jobs()
    assert job.state == "succeeded", job.message
    pull = Pull.objects.latest("created_at")
    assert pull.version is not None
    assert pull.version.rows == 2 + 1
    assert any("1 event with a key" in note for note in pull.notes)
    assert any("1 event came late" in note for note in pull.notes)
    assert sorted(pull.files.values_list("name", flat=True)) == ["events.jsonl", "left-out.jsonl"]
    push(client, [event(2, 2, heat=99.0), event(9, 3)])
    approved.refresh_from_db()
    pulls.start_pull(approved, by=cast[Role.DATA_ENGINEER])
    run_jobs()
    second = Pull.objects.latest("created_at")
    assert second.version is not None
    assert second.version.rows == 4, "event 2 gave way to its newer one"
    approved.refresh_from_db()
    pulls.start_pull(approved, by=cast[Role.DATA_ENGINEER])
    run_jobs()
    assert Pull.objects.latest("created_at").state == Pull.State.UNCHANGED


def test_what_is_no_event_is_refused_and_nothing_of_it_is_kept(approved: Source, cast: Cast) -> None:
    client = sender(approved, cast)
    for wrong, status, word in [
        ([event(1), {"at": "2026-11-20T10:00:00Z"}], 422, "Event 2: its key"),
        ([event(1), event(2) | {"at": "yesterday"}], 422, "holds no time"),
        ([event(1), 5], 422, "Event 2"),
        ([], 422, "Send one event"),
        ('"text"', 422, "Send one event"),
        ([event(1)] * 10_001, 413, "At most"),
    ]:
        answer = push(client, wrong)
        assert (answer.status_code, word in answer.json()["detail"]) == (status, True), answer.content
    for raw in (
        b"[" * 200_000,
        b'{"id": NaN}',
        b'{"id": 1e999}',
        b'{"a": 1, "a": 2}',
        b"\xff\xfe{\x00}\x00",
        b'{"id": "\\ud800"}',
    ):
        assert client.post(f"{API}events/", raw, content_type="application/json").status_code == 400
        assert client.post(f"{API}events/", raw, content_type="application/x-ndjson").status_code == 400
    assert client.post(f"{API}events/", b" " * 6_000_000, content_type="application/x-ndjson").status_code == 413
    assert event_journal.open_bytes(journal_of(approved)) == 0


def test_a_key_opens_its_source_alone_and_only_while_it_runs(
    source: Source, cast: Cast, api_of: Callable[..., Client]
) -> None:
    client = sender(source, cast)
    assert push(client, event(1)).json()["code"] == "not_approved"
    sources.approve(source, seen=source.revision, by=cast[Role.OWNER])
    assert push(client, event(1)).status_code == 201
    assert client.get("/api/v1/projects/churn/sources/line-3/").status_code == 401
    assert (
        client.post("/api/v1/projects/churn/sources/other/events/", {}, content_type="application/json").status_code
        == 404
    )
    engineer = api_of(cast[Role.DATA_ENGINEER])
    made = engineer.post(f"{API}event-keys/", {"name": "PLC 8", "days": 1}, content_type="application/json").json()
    assert made["secret"].startswith("events_")
    second = Client(headers={"Authorization": f"Bearer {made['secret']}"})
    assert push(second, event(2)).status_code == 201
    assert "secret" not in engineer.get(f"{API}event-keys/").json()["results"][0]
    assert engineer.delete(f"{API}event-keys/{made['id']}/").json()["works"] is False
    assert push(second, event(3)).status_code == 401
    EventKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert push(client, event(3)).status_code == 401
    assert push(api_of(cast[Role.VIEWER]), event(3)).status_code == 403


def test_keys_are_made_listed_and_revoked_on_the_page_of_the_source(
    approved: Source, cast: Cast, browser_of: Callable[..., Client]
) -> None:
    engineer = browser_of(cast[Role.DATA_ENGINEER])
    page = engineer.get("/p/churn/sources/line-3/").content.decode()
    assert "Nobody yet" in page
    assert "http://testserver/api/v1/projects/churn/sources/line-3/events/" in page
    made = engineer.post("/p/churn/sources/line-3/event-keys/", {"sender": "PLC 7", "days": "30"})
    (secret,) = set(re.findall(r"events_[\w-]{20,}", made.content.decode()))
    assert made.headers["Cache-Control"] == "private, no-store"
    page = engineer.get("/p/churn/sources/line-3/").content.decode()
    assert secret not in page, "it is shown once"
    assert "never used" in page
    assert EventKey.objects.get().prefix in page
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    body = shlex.split(html.unescape(made.context["command"]).replace("\\\n", " "))[-1]
    assert push(client, body).json() == {"accepted": 1}, "the command that is shown sends what the source takes"
    assert "never used" not in engineer.get("/p/churn/sources/line-3/").content.decode()
    viewer = browser_of(cast[Role.VIEWER])
    assert "Make a key" not in viewer.get("/p/churn/sources/line-3/").content.decode()
    assert viewer.post("/p/churn/sources/line-3/event-keys/", {"sender": "x", "days": "1"}).status_code == 403
    for wrong in ({"sender": "", "days": "30"}, {"sender": "x", "days": "0"}, {"sender": "x", "days": "soon"}):
        assert engineer.post("/p/churn/sources/line-3/event-keys/", wrong).status_code == 422
    revoke = f"/p/churn/sources/line-3/event-keys/{EventKey.objects.get().pk}/revoke/"
    assert viewer.post(revoke).status_code == 403
    assert "refused from now on" in engineer.post(revoke, follow=True).content.decode()
    assert push(client, event(2)).status_code == 401
    assert "1 revoked or expired" in engineer.get("/p/churn/sources/line-3/").content.decode()


def test_a_source_in_the_bin_takes_nothing(approved: Source, cast: Cast) -> None:
    client = sender(approved, cast)
    binned = discard(cast.project, "source", approved, by=cast[Role.DATA_ENGINEER])
    assert push(client, event(1)).status_code == 401
    assert services.sweep_journals() == 0, "what was sent waits for the source to come back"
    restore(binned, by=cast[Role.DATA_ENGINEER])
    assert push(client, event(1)).status_code == 201


def test_too_many_requests_are_told_to_wait(approved: Source, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    client = sender(approved, cast)
    monkeypatch.setattr(services, "AT_ONCE", 2.0)
    monkeypatch.setattr(services, "PER_SECOND", 0.001)
    assert [push(client, event(n)).status_code for n in range(3)] == [201, 201, 429]
    assert push(client, event(4))["Retry-After"] == "1"


def test_a_full_window_is_loaded_by_itself(approved: Source, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    assert services.close_full_windows() == 0
    monkeypatch.setattr(event_journal, "open_bytes", lambda folder: 64 * 1024 * 1024)
    assert services.close_full_windows() == 1
    assert services.close_full_windows() == 0, "it is being loaded"


def test_half_a_line_of_a_process_that_died_is_cut_off(tmp_path: Path) -> None:
    event_journal.append(tmp_path, [{"a": 1}])
    with (tmp_path / event_journal.OPEN).open("ab") as file:
        file.write(b'{"a": 2, "tor')
    event_journal.append(tmp_path, [{"a": 3}])
    assert event_journal.seal(tmp_path) == 1
    assert event_journal.seal(tmp_path) == 1
    ((number, piece),) = event_journal.pieces(tmp_path, 0)
    assert (number, [one for _, one in event_journal.events_of(piece)]) == (1, [{"a": 1}, {"a": 3}])
    assert event_journal.pieces(tmp_path, 1) == []
