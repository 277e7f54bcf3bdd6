"""Reading ahead: the same things in the same order, errors where they belong, and an end when nobody asks any more."""

import threading
from collections.abc import Iterator

import pytest

from datasets.ahead import ahead


@pytest.fixture(autouse=True)
def two_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")


def test_the_same_things_and_then_the_error() -> None:
    def broken() -> Iterator[int]:
        yield from range(100)
        raise ValueError("at the end")

    got = []
    with pytest.raises(ValueError, match="at the end"):
        got.extend(ahead(broken()))
    assert list(ahead(iter(range(500)), depth=3)) == list(range(500))
    things, got = ahead(broken()), []
    for thing in things:
        got.append(thing)
        if thing == 50:
            break
    things.close()
    assert got == list(range(51))


def test_the_maker_stops_with_its_user() -> None:
    made = []

    def endless() -> Iterator[int]:
        while True:
            made.append(len(made))
            yield made[-1]

    things = ahead(endless())
    assert [next(things) for _ in range(3)] == [0, 1, 2]
    things.close()
    assert len(made) <= 6
    assert "ahead" not in {thread.name for thread in threading.enumerate()}
