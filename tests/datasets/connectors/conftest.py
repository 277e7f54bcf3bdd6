"""A town of web servers on this machine."""

from collections.abc import Iterator

import pytest

from tests.datasets.connectors.servers import Server, Shelf, open_mariadb, open_postgresql, open_storage
from tests.datasets.connectors.town import Town, open_town


@pytest.fixture
def town() -> Iterator[Town]:
    """One of its own for each test."""
    with open_town() as found:
        yield found


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Server]:
    """The PostgreSQL of this machine."""
    with open_postgresql() as found:
        yield found


@pytest.fixture(scope="module")
def mariadb() -> Iterator[Server]:
    """The MariaDB of this machine."""
    with open_mariadb() as found:
        yield found


@pytest.fixture(scope="module")
def shelf() -> Iterator[Shelf]:
    """An emulated object storage."""
    with open_storage() as found:
        yield found
