"""A53, A63, F56: events go out signed, in order and at least once; secrets stay where they are."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from audit.models import Entry
from audit.services import record
from notices.models import Notice
from problems.problem import Conflict, Invalid
from projects import hooking
from projects.models.webhooks import Breaker, Delivery, Webhook
from projects.permissions import Role
from projects.services import deliveries
from projects.services.webhooks import change_webhook, make_webhook, renew_secret, send_again, send_test
from storage.sealed import unseal
from tests.conftest import Cast

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]
ML = Role.ML_ENGINEER


class Receiver:
    """A real HTTP server that answers as it is told and keeps what it gets."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.delay = 0.0
        self.headers: dict[str, str] = {}
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                time.sleep(receiver.delay)
                receiver.got.append((dict(self.headers), body))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/services/T0/secret-path"

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]

    def numbers(self) -> list[int]:
        return [body["data"].get("n") for body in self.bodies()]


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.OUTBOUND_ALLOW = frozenset({"127.0.0.1"})
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


def hook(cast: Cast, receiver: Receiver, **given: Any) -> tuple[Webhook, str]:
    base = {"name": "room", "url": receiver.url, "patterns": ["gate.*"], "by": cast[ML]}
    return make_webhook(cast.project, **(base | given))


def happen(cast: Cast, *numbers: int, name: str = "gate.signed", key: str = "churn", **data: Any) -> None:
    for number in numbers:
        record(cast[ML], name, cast.project, project_key=key, n=number, what="v7", **data)


def due_now() -> None:
    Delivery.objects.filter(state="waiting").update(next_try_at=timezone.now())
    Breaker.objects.update(open_until=None)


# ---- what goes out ----


def test_events_of_the_pattern_go_out_in_order_and_signed(cast: Cast, receiver: Receiver) -> None:
    happen(cast, 0)
    _, secret = hook(cast, receiver)
    happen(cast, 1, 2)
    happen(cast, 99, name="run.started")
    happen(cast, 3)
    assert deliveries.deliver_due() == 3
    assert deliveries.deliver_due() == 0
    assert receiver.numbers() == [1, 2, 3]
    for headers, body in receiver.got:
        at, mac = (part.partition("=")[2] for part in headers["Baton-Signature"].split(","))
        assert abs(time.time() - int(at)) < 30
        assert mac == hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        assert headers["Baton-Event"] == "gate.signed"
    assert len({headers["Baton-Delivery"] for headers, _ in receiver.got}) == 3


def test_a_body_holds_nothing_of_another_project_and_no_addresses_of_people(cast: Cast, receiver: Receiver) -> None:
    hook(cast, receiver, patterns=["*"])
    happen(cast, 1, key="other", name="gate.signed")
    happen(cast, 2, email="private@example.org")
    deliveries.deliver_due()
    bodies = receiver.bodies()
    assert [body["data"].get("n") for body in bodies if body["event"] == "gate.signed"] == [2]
    text = b"".join(body for _, body in receiver.got).decode()
    assert "private@example.org" not in text
    assert cast.other_project.key not in text
    assert str(cast.other_project.pk) not in text
    assert bodies[-1]["project"] == {"key": "churn", "name": "Customer churn", "url": bodies[-1]["project"]["url"]}


def test_the_shape_of_slack_is_one_sentence_in_which_nothing_is_a_command(cast: Cast, receiver: Receiver) -> None:
    hook(cast, receiver, shape="slack")
    record(
        cast[ML], "gate.signed", cast.project, project_key="churn", what="<!channel> & <http://x|y>", environment="p"
    )
    deliveries.deliver_due()
    body = receiver.bodies()[0]
    assert set(body) == {"text"}
    assert "<!channel>" not in body["text"]
    assert "&lt;!channel&gt; &amp;" in body["text"]


def test_nothing_is_locked_and_no_transaction_is_open_while_somebody_is_dialled(
    cast: Cast, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    real = deliveries.send

    def watched(*given: Any, **options: Any) -> Any:
        seen.append(len(connection.savepoint_ids))
        return real(*given, **options)

    monkeypatch.setattr(deliveries, "send", watched)
    hook(cast, receiver)
    happen(cast, 1)
    before = len(connection.savepoint_ids)
    deliveries.deliver_due()
    assert seen == [before]


# ---- F56 ----


def test_a_target_that_fails_is_tried_again_later_in_order_and_nothing_is_lost(cast: Cast, receiver: Receiver) -> None:
    hook(cast, receiver)
    happen(cast, 1, 2)
    receiver.answers = [500, 503]
    deliveries.deliver_due()
    deliveries.deliver_due()
    assert receiver.numbers() == [1]
    row = Delivery.objects.get()
    assert (row.attempts, row.status, row.state) == (1, 500, "waiting")
    assert row.next_try_at > timezone.now() + timedelta(seconds=5)
    due_now()
    deliveries.deliver_due()
    due_now()
    deliveries.deliver_due()
    assert receiver.numbers() == [1, 1, 1, 2]
    first = {headers["Baton-Delivery"] for headers, _ in receiver.got[:3]}
    assert len(first) == 1, "a repeat is recognised by its id"


@pytest.mark.parametrize("status", [301, 307, 400, 404, 410])
def test_a_redirect_or_a_refusal_is_no_success_and_is_not_followed(cast: Cast, receiver: Receiver, status: int) -> None:
    hook(cast, receiver)
    receiver.answers, receiver.headers = [status], {"Location": receiver.url}
    happen(cast, 1)
    deliveries.deliver_due()
    assert len(receiver.got) == 1
    assert str(status) in Delivery.objects.get().reason


def test_a_target_that_is_down_or_slow_says_so(cast: Cast, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    webhook, _ = hook(cast, receiver)
    happen(cast, 1)
    real = deliveries.send
    monkeypatch.setattr(deliveries, "send", lambda *given, **options: real(*given, seconds=0.3, **options))
    receiver.delay = 1.0
    deliveries.deliver_due()
    assert "within 0.3 seconds" in Delivery.objects.get().reason
    renew_secret(webhook, url="http://127.0.0.1:9/", by=cast[ML])
    due_now()
    deliveries.deliver_due()
    assert "could not be reached" in Delivery.objects.get().reason


def test_after_two_hours_it_is_given_up_told_once_and_can_be_sent_again(cast: Cast, receiver: Receiver) -> None:
    webhook, _ = hook(cast, receiver)
    happen(cast, 1, 2)
    receiver.answers = [500] * (len(hooking.WAITS) + 1)
    for _ in range(len(hooking.WAITS) + 1):
        due_now()
        deliveries.deliver_due()
    due_now()
    deliveries.deliver_due()
    dead = Delivery.objects.get(state="dead")
    assert dead.attempts == len(hooking.WAITS) + 1
    assert receiver.numbers()[-1] == 2, "the next event goes on"
    assert Notice.objects.filter(recipient_id=cast[ML].pk, text__contains="gave up on gate.signed").count() == 1
    send_again(dead, by=cast[ML])
    with pytest.raises(Conflict):
        send_again(dead, by=cast[ML])
    deliveries.deliver_due()
    assert receiver.numbers()[-1] == 1
    assert Delivery.objects.filter(webhook=webhook, state="sent").count() == 2


def test_the_breaker_leaves_a_sick_target_in_peace_and_does_not_touch_other_projects(
    cast: Cast, receiver: Receiver
) -> None:
    hook(cast, receiver)
    happen(cast, 1)
    receiver.answers = [500] * hooking.BREAKS_AFTER
    for _ in range(hooking.BREAKS_AFTER):
        Delivery.objects.filter(state="waiting").update(next_try_at=timezone.now())
        deliveries.deliver_due()
    Delivery.objects.filter(state="waiting").update(next_try_at=timezone.now())
    tried = len(receiver.got)
    deliveries.deliver_due()
    assert len(receiver.got) == tried, "no packet while the breaker is open"
    assert {row.project_id for row in Breaker.objects.filter(open_until__gt=timezone.now())} == {cast.project.pk}
    Breaker.objects.update(open_until=timezone.now())
    deliveries.deliver_due()
    assert not Breaker.objects.exclude(failures=0).exists(), "the first success closes it"


def test_a_sick_webhook_does_not_hold_up_another(cast: Cast, receiver: Receiver) -> None:
    hook(cast, receiver)
    make_webhook(cast.project, name="away", url="http://127.0.0.1:9/", patterns=["*"], by=cast[ML])
    happen(cast, 1, 2)
    deliveries.deliver_due()
    assert receiver.numbers() == [1, 2]


def test_a_lease_that_another_holds_is_respected_and_a_late_answer_changes_nothing(
    cast: Cast, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook, _ = hook(cast, receiver)
    happen(cast, 1)
    Webhook.objects.update(lease_expires_at=timezone.now() + timedelta(seconds=60))
    assert deliveries.deliver_due() == deliveries.deliver_to(webhook, time.monotonic() + 9) == 0
    Webhook.objects.update(lease_expires_at=None)
    real = deliveries.send

    def stolen(*given: Any, **options: Any) -> Any:
        Webhook.objects.update(lease_token=None)
        return real(*given, **options)

    monkeypatch.setattr(deliveries, "send", stolen)
    deliveries.deliver_due()
    assert Delivery.objects.get().state == "waiting"


def test_a_pause_keeps_what_happens_for_later(cast: Cast, receiver: Receiver) -> None:
    webhook, _ = hook(cast, receiver)
    change_webhook(webhook, is_active=False, by=cast[ML])
    happen(cast, 1)
    assert deliveries.deliver_due() == 0
    change_webhook(webhook, is_active=True, by=cast[ML])
    deliveries.deliver_due()
    assert receiver.numbers() == [1]


def test_a_name_that_begins_to_point_inside_is_refused_at_the_next_delivery(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A50: rebinding between saving and sending."""
    webhook, _ = make_webhook(cast.project, name="x", url="http://good.example.org/", patterns=["*"], by=cast[ML])
    monkeypatch.setattr("outbound.addresses.resolve", lambda host, port: ["8.8.8.8", "169.254.169.254"])
    send_test(webhook, by=cast[ML])
    deliveries.deliver_due()
    assert "may not be reached" in Delivery.objects.get(event="webhook.test").reason


def test_old_arrived_deliveries_go_and_dead_ones_stay(cast: Cast, receiver: Receiver) -> None:
    webhook, _ = hook(cast, receiver)
    old = timezone.now() - timedelta(days=31)
    for state in ("sent", "dead"):
        Delivery.objects.create(webhook=webhook, event="a", state=state, next_try_at=old, ended_at=old)
    assert deliveries.forget_deliveries(timezone.now()) == 1
    assert Delivery.objects.get().state == "dead"


# ---- A53 and who may ----


def test_another_address_needs_the_secret_or_a_new_one(cast: Cast, receiver: Receiver) -> None:
    webhook, secret = hook(cast, receiver)
    for wrong in ("", "whsec_wrong", secret[:-1]):
        with pytest.raises(Invalid, match="needs the secret"):
            change_webhook(webhook, url="https://evil.example.org/", secret=wrong, by=cast[ML])
    webhook.refresh_from_db()
    assert unseal(bytes(webhook.sealed_url)) == receiver.url
    change_webhook(webhook, url="https://new.example.org/x", secret=secret, by=cast[ML])
    _, fresh = renew_secret(webhook, url="https://third.example.org/x", by=cast[ML])
    webhook.refresh_from_db()
    assert fresh != secret
    assert (webhook.origin, unseal(bytes(webhook.sealed_secret))) == ("https://third.example.org", fresh)
    change_webhook(webhook, name="other", patterns=["run.*"], by=cast[ML])


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://2130706433/",
        "file:///etc/passwd",
        "http://a@b.org/",
        "https://x.org/\r\nA: b",
        "http://169.254.169.254/",
    ],
)
def test_an_address_inside_is_refused_when_it_is_saved(url: str, cast: Cast) -> None:
    with pytest.raises(Invalid):
        make_webhook(cast.project, name="x", url=url, patterns=["*"], by=cast[ML])
    assert not Webhook.objects.exists()


@pytest.mark.parametrize(
    "patterns",
    [[], [""], ["gate"] * 0, ["gate.*.x"], ["*.gate"], ["g[a]te"], ["../x"], ["a"] * 0 + ["x" * 81], ["a\nb"]],
)
def test_odd_patterns_and_names_are_refused(patterns: list[str], cast: Cast) -> None:
    with pytest.raises(Invalid):
        make_webhook(cast.project, name="x", url="https://a.org/", patterns=patterns, by=cast[ML])


@pytest.mark.parametrize("name", ["", " ", "a\x07b", "x" * 81])
def test_a_name_is_one_printable_line(name: str, cast: Cast) -> None:
    with pytest.raises(Invalid):
        make_webhook(cast.project, name=name, url="https://a.org/", patterns=["*"], by=cast[ML])


def test_the_secret_is_shown_once_and_the_path_never(
    cast: Cast, receiver: Receiver, browser_of: Browser, api_of: Callable[..., Client]
) -> None:
    api, base = api_of(cast[ML]), "/api/v1/projects/churn/webhooks/"
    body = {"name": "room", "url": receiver.url, "patterns": ["gate.*"]}
    headers = {"Idempotency-Key": "k"}
    made = api.post(base, body, "application/json", headers=headers).json()
    assert api.post(base, body, "application/json", headers=headers).json()["secret"] is None
    secret, one = made["secret"], f"{base}{made['id']}/"
    happen(cast, 1)
    receiver.answers = [500]
    deliveries.deliver_due()
    page = f"/p/churn/webhooks/{made['id']}/"
    shown = [
        api.get(path).content.decode() for path in (base, one, f"{one}deliveries/", "/api/v1/projects/churn/activity/")
    ]
    shown += [
        browser_of(cast[ML]).get(path).content.decode() for path in (page, "/p/churn/webhooks/", "/p/churn/activity/")
    ]
    shown += [json.dumps(list(Entry.objects.values_list("data", flat=True)))]
    for text in shown:
        assert secret not in text
        assert "secret-path" not in text
    refused = api.patch(one, {"url": "https://evil.example.org/"}, "application/json")
    assert (refused.status_code, refused.json()["code"]) == (422, "secret_needed")
    moved = api.patch(one, {"url": "https://new.example.org/", "secret": secret}, "application/json")
    assert moved.json()["target"] == "https://new.example.org"
    assert api.delete(one).status_code == 204


def test_the_pages_do_what_rest_does(cast: Cast, receiver: Receiver, browser_of: Browser) -> None:
    browser = browser_of(cast[ML])
    form = {"name": "room", "url": receiver.url, "patterns": "gate.*, run.*", "shape": "plain"}
    answer = browser.post("/p/churn/webhooks/", form).content.decode()
    assert "whsec_" in answer
    assert "whsec_" not in browser.get("/p/churn/webhooks/").content.decode()
    page = f"/p/churn/webhooks/{Webhook.objects.get().pk}/"
    assert browser.post(f"{page}test/").status_code == 302
    deliveries.deliver_due()
    assert receiver.bodies()[0]["event"] == "webhook.test"
    assert "Delivered" in browser.get(page).content.decode()
    change = form | {"url": "https://evil.example.org/", "is_active": "on"}
    assert browser.post(page, change).status_code == 422
    assert browser.post(page, form | {"url": "", "name": "hall", "is_active": "on"}).status_code == 302
    assert "whsec_" in browser.post(f"{page}secret/", {}).content.decode()
    assert browser.post(f"{page}secret/", {"url": "http://10.0.0.1/"}).status_code == 422
    dead = Delivery.objects.create(
        webhook=Webhook.objects.get(),
        event="gate.signed",
        state="dead",
        next_try_at=timezone.now(),
        reason="It answered 500.",
    )
    assert "It answered 500." in browser.get(f"{page}?state=dead").content.decode()
    assert browser.post(f"{page}deliveries/{dead.pk}/again/").status_code == 302
    assert browser.post(f"{page}deliveries/{dead.pk}/again/").status_code == 409
    assert browser.post(f"{page}remove/").status_code == 302
    assert not Webhook.objects.exists()


@pytest.mark.parametrize("role", Role)
def test_only_the_owner_and_delivery_engineers_manage_them(
    role: Role, cast: Cast, api_of: Callable[..., Client]
) -> None:
    body = {"name": "room", "url": "https://a.example.org/", "patterns": ["*"]}
    answer = api_of(cast[role]).post("/api/v1/projects/churn/webhooks/", body, "application/json")
    may = role in (Role.OWNER, Role.ML_ENGINEER, Role.MLOPS_ENGINEER)
    assert answer.status_code == (201 if may else 403)


# ---- the pure part ----


@given(st.integers(1, 30), st.integers(0, 9))
def test_patience_ends_and_never_shrinks(attempts: int, dead: int) -> None:
    wait = hooking.wait_after(attempts, dead)
    following = hooking.wait_after(attempts + 1, dead)
    assert following is None or (wait is not None and following >= wait)
    assert hooking.wait_after(len(hooking.WAITS) + 1, dead) is None


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_whatever_happened_slack_reads_no_command_in_it(who: str, what: str, name: str) -> None:
    facts = {"who": who, "what": what, "project": {"name": name, "url": "https://x/"}}
    text = json.loads(hooking.body_of("slack", facts))["text"]
    assert text.count("<") == text.count(">") == text.count("|") == 1
