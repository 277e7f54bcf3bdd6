"""The post: letters for messages that are wanted by e-mail, digests once a day, each sent with patience."""

import logging
import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from jobs.registry import periodic
from notices import directory
from notices.kinds import Mail
from notices.models import Letter, Notice
from notices.queries import as_read

log = logging.getLogger(__name__)
DIGEST_HOUR = 7
AT_A_TIME = 20
SHOWN = 100
# After so many seconds a letter that did not get through is tried again; after the last it is given up.
WAITS = (60, 300, 900, 3600, 7200, 14400, 28800)


@periodic("notices.mail", every=15)
def deliver() -> None:
    """Write the letters that are due, and send what waits. Without a mail server nothing is ever written."""
    if settings.MAIL_READY:
        write_letters(timezone.now())
        send_letters()


def write_letters(now: datetime) -> None:
    """Letters at once, one for each person and round; and from the morning on the digest of the day."""
    waiting = Notice.objects.filter(letter=None, read_at=None)
    at_once = waiting.filter(mail=Mail.NOW).order_by("recipient_id").values_list("recipient_id", flat=True).distinct()
    for person in at_once[:AT_A_TIME]:
        _write(f"now:{uuid.uuid4()}", person, Q(mail=Mail.NOW))
    morning = now.replace(hour=DIGEST_HOUR, minute=0, second=0, microsecond=0)
    if now < morning:
        return
    daily = waiting.filter(mail=Mail.DAILY, created_at__lt=morning)
    today = Letter.objects.filter(recipient_id=OuterRef("recipient_id"), key__endswith=f":{now:%Y-%m-%d}")
    people = daily.exclude(Exists(today)).order_by("recipient_id").values_list("recipient_id", flat=True).distinct()
    for person in people[: AT_A_TIME * 5]:
        _write(f"digest:{person}:{now:%Y-%m-%d}", person, Q(mail=Mail.DAILY, created_at__lt=morning))


@transaction.atomic
def _write(key: str, person: uuid.UUID, which: Q) -> None:
    """The letter and what it tells, together; a key that exists was written by somebody else."""
    letter, fresh = Letter.objects.get_or_create(
        key=key, defaults={"recipient_id": person, "next_try_at": timezone.now()}
    )
    if fresh and not Notice.objects.filter(which, recipient_id=person, letter=None, read_at=None).update(letter=letter):
        letter.delete()  # it was read, or written by somebody else, a moment ago


def send_letters() -> None:
    """Send what is due. Each letter is claimed first, so that two senders never send the same one."""
    now = timezone.now()
    due = Letter.objects.filter(sent_at=None, given_up_at=None, next_try_at__lte=now).order_by("next_try_at")
    for letter in due[:AT_A_TIME]:
        wait = WAITS[min(letter.attempts, len(WAITS) - 1)]
        claimed = Letter.objects.filter(pk=letter.pk, sent_at=None, attempts=letter.attempts).update(
            attempts=letter.attempts + 1, next_try_at=timezone.now() + timedelta(seconds=wait)
        )
        if claimed:
            _send(letter)


def _send(letter: Letter) -> None:
    """One try. Nothing is locked while the mail server is asked."""
    try:
        message = written(letter)
        if message is not None:
            message.send()
    except Exception as error:  # every mail server fails in its own way
        log.warning("A letter could not be sent: %s", type(error).__name__)
        over = letter.attempts + 1 > len(WAITS)
        Letter.objects.filter(pk=letter.pk).update(
            reason=type(error).__name__, given_up_at=timezone.now() if over else None
        )
        return
    Letter.objects.filter(pk=letter.pk).update(
        sent_at=timezone.now() if message else None, given_up_at=None if message else timezone.now(), reason=""
    )


def written(letter: Letter) -> EmailMessage | None:
    """The letter as it is sent: plain text, one recipient. None when there is nobody to send it to any more."""
    person = directory.reached([letter.recipient_id]).get(letter.recipient_id)
    notices = as_read(letter.recipient_id, letter.notices.order_by("created_at")[: SHOWN + 1])
    if person is None or not notices:
        return None
    one = notices[0].text if len(notices) == 1 else f"{len(notices)} messages for you"
    lines = [f"{_line(notice.text)}\n{settings.BASE_URL}{_line(notice.url)}\n" for notice in notices[:SHOWN]]
    more = f"And more, in your inbox: {settings.BASE_URL}/inbox/\n\n" if len(notices) > SHOWN else ""
    ending = f"How you are told: {settings.BASE_URL}/inbox/settings/"
    return EmailMessage(
        subject=f"Baton: {_line(one)}"[:200],
        body=f"Hello {_line(person.name)},\n\n" + "\n".join(lines) + f"\n{more}{ending}\n",
        to=[person.email],
        # the same at every try, so that a mail program shows a letter once that the server took twice
        headers={"Message-ID": f"<{letter.pk}@{settings.MAIL_DOMAIN}>", "Auto-Submitted": "auto-generated"},
    )


def _line(text: str) -> str:
    """One line, whatever a person typed: a subject with a line break would begin a header of its own."""
    return " ".join(text.split())
