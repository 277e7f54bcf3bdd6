"""PURE: webhooks: which events a pattern means, what the body says, how it is signed, when it is tried again."""

import hashlib
import hmac
import json
import re
from collections.abc import Collection, Mapping
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any

PATTERN = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*(\.\*)?|\*")
MAX_PATTERNS = 20
# After how many seconds a delivery is tried again; after the last one it is given up: two hours in all.
WAITS = (10, 30, 60, 120, 300, 600, 1200, 2400, 2400)
# A webhook that has given up this often in a row gets fewer tries for each event until one arrives.
WEARY_AFTER, WEARY_TRIES = 3, 2
BREAKS_AFTER, PAUSE = 5, timedelta(minutes=5)
# What no receiver outside needs: addresses of people.
PRIVATE = frozenset({"email"})


def fits(event: str, patterns: Collection[str]) -> bool:
    """Whether an event is meant by one of the patterns: its whole name, `gate.*`, or `*`."""
    return any(fnmatchcase(event, pattern) for pattern in patterns)


def wait_after(attempts: int, dead_in_a_row: int) -> timedelta | None:
    """How long to wait after so many failed tries; None when it is given up."""
    tries = WEARY_TRIES if dead_in_a_row >= WEARY_AFTER else len(WAITS) + 1
    return timedelta(seconds=WAITS[attempts - 1]) if attempts < tries else None


def sign(secret: str, at: int, body: bytes) -> str:
    """The `Baton-Signature` header: HMAC-SHA256 over the time, a dot, and the body's very bytes."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


def body_of(shape: str, facts: Mapping[str, Any]) -> bytes:
    """The bytes to send: all facts as JSON, or one sentence in the shape of Slack."""
    if shape == "slack":
        project = facts["project"]
        said = f"{facts['who']} {facts['what']}"
        text = f"{_slack(said)} · <{project['url']}|{_slack(project['name'])}>"
        return json.dumps({"text": text}, ensure_ascii=False).encode()
    return json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _slack(text: str) -> str:
    """Slack reads `<…>` as a command or a link and `&` as the start of a code."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("|", "¦")


def without_private(data: Mapping[str, Any]) -> dict[str, Any]:
    """An event's data as it leaves the house."""
    return {key: value for key, value in data.items() if key not in PRIVATE}


def succeeded(status: int) -> bool:
    """Whether the receiver took it. A redirect is none of ours to follow."""
    return 200 <= status < 300


def means_trouble(status: int) -> bool:
    """Whether an answer says that the whole target is unwell, and not only this request."""
    return status >= 500 or status == 429
