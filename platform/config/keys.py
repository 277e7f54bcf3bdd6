"""PURE: the instance's secret keys, each in a file of its own that only its owner can read."""

import os
import re
import secrets
from base64 import urlsafe_b64encode
from pathlib import Path

WEAK = re.compile(r"django-insecure|change.?me|secret.?key|example", re.IGNORECASE)


class WeakKey(Exception):
    """A key that is missing, short or known to others; the process must not start."""


def _fresh() -> str:
    return urlsafe_b64encode(secrets.token_bytes(32)).decode()


def make_missing_keys(folder: Path) -> None:
    """Write the keys that a new instance does not have yet. Existing ones are left alone."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("secret_key", "sealing_keys", "audit_key", "serving_key"):
        content = secrets.token_urlsafe(64) if name == "secret_key" else _fresh()
        try:
            descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(descriptor, "w") as file:
            file.write(content + "\n")
            file.flush()
            os.fsync(file.fileno())


def read_key(folder: Path, name: str, environment: str | None = None) -> str:
    """The key from the environment, else from its file."""
    value = (environment or "").strip()
    path = folder / name
    if not value and path.is_file():
        value = path.read_text().strip()
    if not value:
        raise WeakKey(f"There is no {name}. Start with ./run, which makes one, or set it in the environment.")
    if name == "secret_key" and (len(value) < 50 or len(set(value)) < 12 or WEAK.search(value)):
        raise WeakKey("SECRET_KEY is shorter than 50 characters or one that others know. Set a random one.")
    return value
