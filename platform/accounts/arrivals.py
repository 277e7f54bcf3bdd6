"""A socket: rooms above register what they do when somebody new arrives whose address is confirmed."""

from collections.abc import Callable

from accounts.models import User

Welcome = Callable[[User], None]
_welcomes: list[Welcome] = []


def on_arrival(welcome: Welcome) -> Welcome:
    """Register a function that is called in the transaction that makes the account."""
    _welcomes.append(welcome)
    return welcome


def welcome(user: User) -> None:
    """Let every room do its part."""
    for each in _welcomes:
        each(user)
