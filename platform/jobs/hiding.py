"""PURE: secrets blotted out of what a child process says, in every form in which they may appear there."""

import base64
import json
from collections.abc import Mapping, Sequence
from urllib.parse import quote, quote_plus

SHORTEST = 4
BLOT = "•••"


def forms_of(private: Mapping[str, str]) -> list[str]:
    """Each secret as it is, in an address, in JSON and in base64, longest first; the shortest would blot out words."""
    found = set()
    for secret in private.values():
        if len(secret) >= SHORTEST:
            found |= {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret, ensure_ascii=False)[1:-1]}
            found |= {repr(secret)[1:-1], base64.b64encode(secret.encode()).decode().rstrip("=")}
    return sorted(found, key=len, reverse=True)


def blotted(text: str, hidden: Sequence[str]) -> str:
    """The text without them."""
    for secret in hidden:
        text = text.replace(secret, BLOT)
    return text
