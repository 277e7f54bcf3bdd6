"""PURE: secrets that are shown once and kept as a hash."""

import hashlib
import secrets


def new_secret(prefix: str) -> str:
    """`prefix_` and 32 random bytes."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def digest(secret: str) -> str:
    """SHA-256: a high-entropy secret needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()
