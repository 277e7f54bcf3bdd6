"""PURE: starts children of jobs: from a nest that has their engine loaded already, or cold where that cannot be."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

IDLE_SECONDS = 60.0
OF_ONE_CHILD = ("TMPDIR", "HOME", "BATON_JOB")


@dataclass(frozen=True)
class Egg:
    """A child to be: its engine's module, its folder and environment, where it reports and writes, what it reads."""

    module: str
    folder: Path
    environment: dict[str, str]
    report: int
    output: IO[bytes]
    private: IO[bytes]

    def kind(self) -> tuple[tuple[str, str], ...]:
        """The part of the environment that libraries read when they are loaded; children of one nest share it."""
        return tuple(sorted((name, value) for name, value in self.environment.items() if name not in OF_ONE_CHILD))


class Hatched:
    """A child of a nest, which tells its process when it has loaded what the child needs, and later how it ended."""

    def __init__(self, told: socket.socket, nest: "subprocess.Popen[bytes]") -> None:
        self.pid: int | None = None
        self.returncode: int | None = None
        self._told, self._nest = told, nest

    def wait(self, timeout: float | None = None) -> int:
        """As `Popen.wait`."""
        while self.returncode is None:
            if not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("jobs.nest", timeout or 0)
            line = _line(self._told)
            if line and self.pid is None:
                self.pid = int(line)
                with suppress(OSError):
                    self._told.send(b"\n")  # go on
            else:
                self._ended(int(line) if line else self._end_of_nest())
        return self.returncode

    def end(self) -> None:
        """End it and everything that it started; one that is not there yet will find that nobody wants it."""
        if self.pid is None:
            self._ended(-signal.SIGKILL)
        else:
            _kill_group(self.pid)
            self.wait()

    def _ended(self, code: int) -> None:
        if self.returncode is None:
            self.returncode = code
            self._told.close()

    def _end_of_nest(self) -> int:
        """The nest died before it could tell: the child died with it, or what it loads ends every process."""
        with suppress(subprocess.TimeoutExpired):
            self._nest.wait(5)
        code = self._nest.returncode
        return code if code is not None and code < 0 else -signal.SIGKILL


class Cold(subprocess.Popen[bytes]):
    """A child that loads everything itself."""

    def end(self) -> None:
        """End it and everything that it started."""
        _kill_group(self.pid)
        self.wait()


@dataclass
class Nest:
    """The worker's end of a nest."""

    asking: socket.socket
    process: "subprocess.Popen[bytes]"

    def ask(self, egg: Egg) -> Hatched:
        """A child; raises an OSError where this nest has just ended."""
        told, tell = socket.socketpair()
        asked = {"module": egg.module, "folder": str(egg.folder), "environment": egg.environment}
        descriptors = [tell.fileno(), egg.report, egg.output.fileno(), egg.private.fileno()]
        with tell:
            socket.send_fds(self.asking, [json.dumps(asked).encode()], descriptors)
        return Hatched(told, self.process)


_nests: dict[tuple[int, tuple[tuple[str, str], ...]], Nest] = {}
_guard = threading.Lock()


def hatch(egg: Egg) -> Hatched | Cold:
    """Start the child."""
    if sys.platform == "linux":  # elsewhere a child would not end with its nest
        with suppress(OSError):
            nest = _nest_for(egg)
            try:
                return nest.ask(egg)
            except ConnectionError:  # it has just ended
                return _nest_for(egg, instead_of=nest).ask(egg)
    return Cold(
        [sys.executable, "-P", "-m", "jobs.child", str(egg.folder), str(egg.report), str(os.getpid())],
        cwd=egg.folder,
        env=egg.environment,
        stdin=egg.private,
        stdout=egg.output,
        stderr=subprocess.STDOUT,
        pass_fds=(egg.report,),
        start_new_session=True,
    )


def _nest_for(egg: Egg, *, instead_of: Nest | None = None) -> Nest:
    """The nest of this environment, made where there is none that listens."""
    key = (os.getpid(), egg.kind())
    with _guard:
        nest = _nests.get(key)
        if nest is None or nest is instead_of or nest.process.returncode is not None:
            if nest is not None:
                nest.asking.close()
            nest = _nests[key] = _made(egg)
        return nest


def _made(egg: Egg) -> Nest:
    """Start one, from a thread that stays as long as it does: Linux ends it when the thread that made it ends."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    environment = dict(egg.kind()) | {"TMPDIR": str(egg.folder.parent), "HOME": str(egg.folder.parent)}
    command = [sys.executable, "-P", "-m", "jobs.nest", str(theirs.fileno()), str(IDLE_SECONDS), str(os.getpid())]
    born: Future[subprocess.Popen[bytes]] = Future()

    def look_after() -> None:
        try:
            process = subprocess.Popen(
                command,
                cwd=egg.folder.parent,
                env=environment,
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except OSError as error:
            born.set_exception(error)
            return
        born.set_result(process)
        process.wait()

    threading.Thread(target=look_after, name="nest", daemon=True).start()
    with theirs:
        return Nest(ours, born.result())


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _line(told: socket.socket) -> bytes:
    """One line, or nothing where the other end is gone; a line is a few bytes and written at once."""
    with suppress(OSError):
        return told.recv(32)
    return b""
