"""PURE: the kinds of messages, and how each reaches a person beside the inbox."""

from enum import StrEnum


class Mail(StrEnum):
    """When a message is also sent by e-mail."""

    NOW = "now"
    DAILY = "daily"
    OFF = "off"

    @property
    def words(self) -> str:
        """The choice in words."""
        return {"now": "At once", "daily": "Once a day", "off": "Not at all"}[self.value]


EAGER = (Mail.NOW, Mail.DAILY, Mail.OFF)
# kind -> (in words, what holds for somebody without a role or a choice of their own)
KINDS: dict[str, tuple[str, Mail]] = {
    "signature": ("Something waits for your signature", Mail.NOW),
    "task": ("A task for you or your role", Mail.DAILY),
    "question": ("A question to you or your role, and answers to yours", Mail.DAILY),
    "mention": ("Somebody mentions you", Mail.DAILY),
    "alert": ("A model in use needs a look", Mail.DAILY),
    "work": ("Work that you started has ended", Mail.OFF),
    "team": ("The team or your roles change", Mail.OFF),
    "other": ("Everything else", Mail.OFF),
}


# what programs say, which may quote a value of the data; the other kinds hold names, and words of people
QUOTING = ("alert", "work", "other")


def most_eager(choices: list[Mail]) -> Mail:
    """Of several choices the one that tells soonest."""
    return min(choices, key=EAGER.index)
