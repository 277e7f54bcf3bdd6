"""Secrets at rest: MultiFernet with a key of their own, so that the key can be rotated."""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from problems.problem import Corrupted


def _box() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.SEALING_KEYS])


def seal(text: str) -> bytes:
    """Encrypt with the newest key."""
    return _box().encrypt(text.encode())


def unseal(token: bytes) -> str:
    """Decrypt with any known key."""
    try:
        return _box().decrypt(bytes(token)).decode()
    except InvalidToken:
        raise Corrupted("A sealed secret cannot be opened with the keys that are here.") from None
