"""Mail: what is sent at once, what once a day, exactly once, and never to a second recipient."""

import socketserver
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from config.addresses import mail as mail_settings
from notices import jobs
from notices.kinds import KINDS, Mail
from notices.models import Letter, Notice
from notices.services import choose_mail, tell
from projects.permissions import Role
from projects.services.team import remove_member
from projects.telling import default_for
from tests.conftest import Cast

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]
MORNING = datetime(2030, 5, 2, 7, 0, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def ready(settings: Any) -> None:
    settings.MAIL_READY = True


def say(user: User, kind: str = "signature", text: str = "v7 waits for your signature", **given: Any) -> None:
    tell([user.pk], text, url="/p/churn/", kind=kind, **given)


def date_back(**given: int) -> None:
    Notice.objects.update(created_at=MORNING - timedelta(**given))


def test_what_is_wanted_at_once_goes_out_in_one_letter(cast: Cast) -> None:
    user = cast[Role.BUSINESS_ANALYST]
    say(user)
    say(user, text="v8 waits too")
    say(user, kind="work", text="Run 4 is finished")
    jobs.deliver()
    jobs.deliver()
    letter = mail.outbox[0]
    assert len(mail.outbox) == 1
    assert letter.to == [user.email]
    assert letter.subject == "Baton: 2 messages for you"
    assert "v7 waits for your signature\nhttp://localhost" in letter.body
    assert "Run 4" not in letter.body
    assert Notice.objects.filter(recipient_id=user.pk).count() == 3, "the inbox has them all"


def test_the_digest_comes_once_a_day_with_what_is_unread(cast: Cast) -> None:
    user = cast[Role.DATA_SCIENTIST]
    for number in range(3):
        say(user, kind="task", text=f"Task {number}")
    date_back(hours=1)
    Notice.objects.filter(text="Task 1").update(read_at=timezone.now())
    jobs.write_letters(MORNING - timedelta(minutes=1))
    assert not Letter.objects.exists()
    for _ in range(3):
        jobs.write_letters(MORNING)
        jobs.send_letters()
    say(user, kind="task", text="Later")
    date_back(minutes=1)
    jobs.write_letters(MORNING + timedelta(hours=3))
    jobs.send_letters()
    assert len(mail.outbox) == 1
    assert "Task 0" in mail.outbox[0].body
    assert "Task 1" not in mail.outbox[0].body
    jobs.write_letters(MORNING + timedelta(days=1))
    jobs.send_letters()
    assert "Later" in mail.outbox[1].body


def test_the_own_choice_wins_over_the_role_and_holds_at_once(cast: Cast) -> None:
    user = cast[Role.BUSINESS_ANALYST]
    say(user)
    choose_mail(user.pk, {"signature": "off"})
    jobs.deliver()
    assert mail.outbox == []
    choose_mail(user.pk, {"signature": ""})
    say(user)
    jobs.deliver()
    assert len(mail.outbox) == 1


def test_without_a_mail_server_nothing_piles_up(cast: Cast, settings: Any) -> None:
    settings.MAIL_READY = False
    say(cast[Role.BUSINESS_ANALYST])
    settings.MAIL_READY = True
    jobs.deliver()
    assert mail.outbox == []


def test_a_letter_that_fails_is_tried_again_with_patience_and_given_up_at_last(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(cast[Role.BUSINESS_ANALYST])
    real = mail.EmailMessage.send
    monkeypatch.setattr(mail.EmailMessage, "send", lambda self: 1 / 0)
    jobs.deliver()
    letter = Letter.objects.get()
    assert (letter.attempts, letter.reason, letter.sent_at) == (1, "ZeroDivisionError", None)
    assert letter.next_try_at > timezone.now() + timedelta(seconds=30)
    jobs.deliver()
    assert Letter.objects.get().attempts == 1
    for _ in jobs.WAITS:
        Letter.objects.update(next_try_at=timezone.now())
        jobs.deliver()
    assert Letter.objects.get().given_up_at
    Letter.objects.update(next_try_at=timezone.now(), given_up_at=None)
    monkeypatch.setattr(mail.EmailMessage, "send", real)
    jobs.deliver()
    assert len(mail.outbox) == 1
    assert mail.outbox[0].extra_headers["Message-ID"].startswith(f"<{letter.pk}@")


def test_people_who_left_get_no_letter(cast: Cast) -> None:
    user = cast[Role.BUSINESS_ANALYST]
    say(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    jobs.deliver()
    assert mail.outbox == []
    assert Letter.objects.get().given_up_at


def test_whoever_left_a_project_gets_no_more_mail_about_it(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    user = cast[Role.BUSINESS_ANALYST]
    say(user, project_key="churn", text="Tried once")
    real = mail.EmailMessage.send
    monkeypatch.setattr(mail.EmailMessage, "send", lambda self: 1 / 0)
    jobs.deliver()
    say(user, project_key="churn", text="Waits")
    say(user, text="Of another place")
    remove_member(cast.project, user, by=cast[Role.OWNER])
    monkeypatch.setattr(mail.EmailMessage, "send", real)
    Letter.objects.update(next_try_at=timezone.now())
    jobs.deliver()
    assert ["Of another place" in letter.body for letter in mail.outbox] == [True]
    assert not any("Waits" in letter.body or "Tried" in letter.body for letter in mail.outbox)


@pytest.mark.parametrize(
    "evil", ["Hello\r\nBcc: spy@example.org", "a\nSubject: b", "x\x0bBcc: y@z.org", "\u2028Bcc: y@z.org"]
)
def test_a_line_break_makes_no_second_header_or_recipient(cast: Cast, evil: str) -> None:
    """A47: in the text, in a person's name."""
    user = cast[Role.BUSINESS_ANALYST]
    User.objects.filter(pk=user.pk).update(name=evil)
    say(user, text=evil)
    jobs.deliver()
    sent = mail.outbox[0]
    assert sent.recipients() == [user.email]
    assert "Bcc" not in sent.message()
    assert sent.message()["Subject"].count("\n") == 0
    assert len(sent.subject.splitlines()) == 1


def test_an_address_with_a_line_break_is_never_written_to(cast: Cast) -> None:
    """A47: in an address that came past the checks."""
    user = cast[Role.BUSINESS_ANALYST]
    User.objects.filter(pk=user.pk).update(email="a@example.org\r\nBcc: spy@example.org")
    say(user)
    jobs.deliver()
    assert all("spy" not in address for letter in mail.outbox for address in letter.recipients())
    assert Letter.objects.get().sent_at is None


@pytest.mark.django_db(transaction=True)
def test_two_senders_send_a_letter_once(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    say(cast[Role.BUSINESS_ANALYST])
    jobs.write_letters(timezone.now())
    letter = Letter.objects.get()
    sent: list[int] = []
    monkeypatch.setattr(jobs, "_send", lambda each: sent.append(each.attempts))
    stale = [letter, Letter.objects.get()]

    class Due:
        def __getitem__(self, _: Any) -> list[Letter]:
            return [stale.pop()]

    class Rows:
        def order_by(self, *_: Any) -> Due:
            return Due()

    real = Letter.objects.filter
    monkeypatch.setattr(Letter.objects, "filter", lambda **given: Rows() if "given_up_at" in given else real(**given))
    jobs.send_letters()
    jobs.send_letters()
    assert sent == [0]


def test_settings_by_page_and_rest(
    cast: Cast, browser_of: Browser, api_of: Callable[..., Client], settings: Any
) -> None:
    user = cast[Role.MLOPS_ENGINEER]
    browser, api = browser_of(user), api_of(user)
    assert browser.post("/inbox/settings/", {"alert": "off", "task": "now"}).status_code == 302
    kinds = {row["kind"]: row for row in api.get("/api/v1/inbox/settings/").json()["kinds"]}
    assert (kinds["alert"]["choice"], kinds["alert"]["default"]) == ("off", "now")
    assert api.patch("/api/v1/inbox/settings/", {"mail": {"alert": ""}}, "application/json").json()["kinds"]
    assert api.patch("/api/v1/inbox/settings/", {"mail": {"alert": "often"}}, "application/json").status_code == 422
    assert "The administrator has not set up mail" not in browser.get("/inbox/settings/").content.decode()
    settings.MAIL_READY = False
    assert "The administrator has not set up mail" in browser.get("/inbox/settings/").content.decode()


def test_the_inbox_marks_one_and_all_and_nobody_elses(
    cast: Cast, browser_of: Browser, api_of: Callable[..., Client]
) -> None:
    user = cast[Role.VIEWER]
    for number in range(3):
        say(user, kind="task", text=f"Message {number}")
    say(cast.stranger)
    mine, foreign = (
        Notice.objects.filter(recipient_id=user.pk).order_by("created_at"),
        Notice.objects.get(recipient_id=cast.stranger.pk),
    )
    browser, api = browser_of(user), api_of(user)
    assert browser.post(f"/inbox/{mine[0].pk}/", {"go": "1"}).headers["Location"] == "/p/churn/"
    assert browser.post(f"/inbox/{foreign.pk}/").status_code == 404
    assert api.post(f"/api/v1/inbox/{foreign.pk}/", {}, "application/json").status_code == 404
    assert api.get("/api/v1/inbox/?state=unread").json()["count"] == 2
    assert "Message 0" not in browser.get("/inbox/?state=unread").content.decode()
    assert api.post("/api/v1/inbox/", {}, "application/json").json() == {"marked": 2}
    assert api_of(user, project_key="churn").get("/api/v1/inbox/").status_code == 403
    Notice.objects.filter(pk=foreign.pk).update(recipient_id=user.pk, url="//evil.example.org/")
    assert browser.post(f"/inbox/{foreign.pk}/", {"go": "1"}).headers["Location"] == "/inbox/"


def test_several_at_once_do_not_write_two_digests(cast: Cast) -> None:
    user = cast[Role.DATA_SCIENTIST]
    say(user, kind="task")
    date_back(hours=1)
    key = f"digest:{user.pk}:2030-05-02"
    Letter.objects.create(key=key, recipient_id=user.pk, next_try_at=MORNING)
    jobs.write_letters(MORNING)
    assert Letter.objects.count() == 1


@given(st.sets(st.sampled_from(list(Role))), st.sampled_from(list(KINDS)))
def test_more_roles_never_hear_later(roles: set[Role], kind: str) -> None:
    order = list(Mail)
    both = default_for(roles, kind)
    assert all(order.index(both) <= order.index(default_for({role}, kind)) for role in roles)


def test_the_address_of_a_mail_server_is_read() -> None:
    found = mail_settings("smtp+tls://user%40x:p%2Fw@mail.example.org")
    assert (found["EMAIL_HOST"], found["EMAIL_PORT"], found["EMAIL_USE_TLS"]) == ("mail.example.org", 587, True)
    assert (found["EMAIL_HOST_USER"], found["EMAIL_HOST_PASSWORD"]) == ("user@x", "p/w")
    assert mail_settings("smtps://h")["EMAIL_PORT"] == 465
    for wrong in ("http://h", "smtp://", "mail.example.org"):
        with pytest.raises(ValueError, match="BATON_EMAIL_URL"):
            mail_settings(wrong)


class MailServer(socketserver.ThreadingTCPServer):
    """A mail server that keeps who gets what, in the few words that the protocol needs."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.recipients: list[str] = []
        self.letters: list[str] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Talk(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline().decode():
            word = line.upper().strip()
            if word.startswith("RCPT"):
                self.server.recipients.append(line.strip())
            if word == "DATA":
                self.wfile.write(b"354 go\r\n")
                text = b""
                while not text.endswith(b"\r\n.\r\n"):
                    text += self.rfile.readline()
                self.server.letters.append(text.decode())
            self.wfile.write(b"250 yes\r\n" if word != "QUIT" else b"221 bye\r\n")
            if word == "QUIT":
                return


def test_a_real_mail_server_hears_one_recipient_whatever_people_are_called(cast: Cast, settings: Any) -> None:
    """A47, to the last byte."""
    server = MailServer()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address
    user = cast[Role.BUSINESS_ANALYST]
    User.objects.filter(pk=user.pk).update(name="Eve\r\nRCPT TO:<spy@example.org>\r\n.\r\nBcc: spy@example.org")
    say(user, text="v7\r\n.\r\nRCPT TO:<spy@example.org>\r\nBcc: spy@example.org")
    jobs.deliver()
    server.shutdown()
    server.server_close()
    assert [line.lower() for line in server.recipients] == [f"rcpt to:<{user.email}>"]
    head = server.letters[0].partition("\r\n\r\n")[0].lower().splitlines()
    assert not any(line.startswith(("bcc", "cc", "rcpt")) for line in head)
    assert Letter.objects.get().sent_at
