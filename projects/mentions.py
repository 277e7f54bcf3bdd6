"""PURE: who is mentioned in a text: `@` before a person's name or e-mail, or before the name of a role."""

import re
import unicodedata
from collections.abc import Mapping
from typing import TypeVar

Who = TypeVar("Who")


def plain(name: str) -> str:
    """A name as it is compared: one Unicode form, one case, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def mentioned(text: str, known: Mapping[str, Who]) -> list[Who]:
    """All of `known` (by `plain` name) that the text mentions, in order and once each.

    The longest name wins, so that “@Ann Lee” is not “Ann”; a name ends where its last word ends, so that “@Annabel”
    is not “Ann” either. An `@` inside a word, as in an e-mail address, mentions nobody.
    """
    words = plain(text)
    if "@" not in words or not known:
        return []
    names = sorted((name for name in known if name), key=len, reverse=True)
    sought = re.compile("@(" + "|".join(re.escape(name) for name in names) + ")", re.DOTALL)
    found: list[Who] = []
    for match in sought.finditer(words):
        before, after = words[: match.start()][-1:], words[match.end() :][:1]
        who = known[match[1]]
        if not _in_word(before) and not _in_word(after) and who not in found:
            found.append(who)
    return found


def _in_word(character: str) -> bool:
    return character.isalnum() or character == "_"
