"""PURE: what a project may be called, and the short key of its addresses."""

import re
import unicodedata
from collections.abc import Collection

KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
KEY_LENGTH, NAME_LENGTH, QUESTION_LENGTH = 40, 120, 300
SUFFIXES = 50


def key_from(name: str) -> str:
    """`Customer churn (2026)` as `customer-churn-2026`; empty when the name has no Latin letters or digits."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:KEY_LENGTH].strip("-")


def keys_to_try(base: str, taken: Collection[str]) -> list[str]:
    """The key itself, then with a number, without those that are known to be taken."""
    stem = base[: KEY_LENGTH - 3].strip("-")
    return [key for key in (base, *(f"{stem}-{number}" for number in range(2, SUFFIXES))) if key not in taken]


def wrong_naming(name: str, question: str) -> dict[str, str]:
    """What is wrong with a name and a question, by field."""
    wrong = {}
    if not 0 < len(name) <= NAME_LENGTH:
        wrong["name"] = f"Give a name of up to {NAME_LENGTH} characters."
    if not 0 < len(question) <= QUESTION_LENGTH:
        wrong["question"] = f"Ask one question, in up to {QUESTION_LENGTH} characters."
    return wrong


def wrong_key(key: str) -> str:
    """What is wrong with a key, in a sentence; empty when nothing is."""
    if KEY.fullmatch(key) and len(key) <= KEY_LENGTH:
        return ""
    return f"Use small letters, digits and single hyphens, up to {KEY_LENGTH} characters."
