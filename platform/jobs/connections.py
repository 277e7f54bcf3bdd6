"""Database connections of processes that live long and serve no requests."""

from django.db import connections


def renew() -> None:
    """Drop connections that broke or grew old, as Django does around a request; never one in a transaction."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
