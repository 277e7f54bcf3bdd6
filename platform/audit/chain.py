"""PURE: the hash of one audit entry, chained to the one before it."""

import hashlib
import hmac
import json
from typing import Any

GENESIS = "0" * 64


def entry_hash(key: bytes, previous: str, content: dict[str, Any]) -> str:
    """HMAC-SHA256 over the previous hash and the entry's canonical JSON, as 64 hex digits."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hmac.new(key, (previous + text).encode(), hashlib.sha256).hexdigest()
