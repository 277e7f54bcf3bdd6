"""Secrets at rest open with any known key and with no other."""

from typing import Any

import pytest
from cryptography.fernet import Fernet

from problems.problem import Corrupted
from storage import sealed


def test_a_secret_comes_back_and_is_not_readable_meanwhile() -> None:
    token = sealed.seal("pass phrase")
    assert b"pass" not in token
    assert sealed.unseal(token) == "pass phrase"


def test_an_old_key_still_opens_and_an_unknown_one_does_not(settings: Any) -> None:
    token = sealed.seal("pass phrase")
    old = settings.SEALING_KEYS
    settings.SEALING_KEYS = [Fernet.generate_key().decode(), *old]
    assert sealed.unseal(token) == "pass phrase"
    settings.SEALING_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(Corrupted):
        sealed.unseal(token)
