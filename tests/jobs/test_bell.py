"""The doorbell never makes anybody wait, and never fails."""

import threading
from queue import Queue
from typing import Any

import pytest
from kombu.exceptions import OperationalError

from jobs import bell, tasks

REAL_RING, REAL_RING_NOW, REAL_WAITING = bell.ring, bell.ring_now, bell.waiting


@pytest.fixture(autouse=True)
def awake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bell, "ring_now", REAL_RING_NOW)
    monkeypatch.setattr(bell, "_quiet_until", 0.0)
    monkeypatch.setattr(bell, "_rings", Queue())  # what another test left waiting, and its ringer, stay out
    monkeypatch.setattr(bell, "_ringer", None)


def test_whoever_rings_does_not_wait_for_the_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: Queue[Any] = Queue()
    broker_answers = threading.Event()

    def frozen(job_id: str, queue: str) -> None:
        assert broker_answers.wait(timeout=60)
        heard.put((job_id, queue))

    monkeypatch.setattr(bell, "ring_now", frozen)
    REAL_RING("an id", "training")  # returns while the broker is frozen
    assert heard.empty()
    broker_answers.set()
    assert heard.get(timeout=60) == ("an id", "training")


@pytest.mark.parametrize("error", [OperationalError("away"), OSError("gone"), RuntimeError("odd")])
def test_a_broker_that_does_not_answer_is_left_alone_for_a_while(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    tries = []

    def fail(*_: Any, **__: Any) -> None:
        tries.append(1)
        raise error

    monkeypatch.setattr(tasks.run, "apply_async", fail)
    assert REAL_RING_NOW("an id", "default") is False
    assert REAL_RING_NOW("an id", "default") is False
    assert len(tries) == 1


def test_nobody_knows_what_waits_at_a_broker_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("away")

    monkeypatch.setattr(tasks.run.app, "connection_for_write", away)
    assert REAL_WAITING("default") is None
