"""PURE: starts the processes of an instance, watches them, restarts what died, stops them in order."""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType

from config.processes import STOP_ORDER, Process
from jobs.limits import die_with_parent

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
STEADY_SECONDS = 60.0
MOST_SECONDS_FOR_PAGES = 30.0


def say(text: str) -> None:
    """One line for the person at the terminal."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@dataclass
class Child:
    """One process and its history of restarts."""

    process: Process
    running: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    failures: int = 0
    start_at: float = field(default_factory=time.monotonic)

    def start(self, environment: dict[str, str]) -> None:
        """In a session of its own, so that Ctrl-C reaches only the supervisor, and bound to die with it."""
        self.running = subprocess.Popen(
            self.process.command,
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent,  # safe: this process has one thread
        )
        self.started = time.monotonic()

    def notice_death(self) -> str:
        """Plan the next start when the process has ended; returns what to say about it."""
        if self.running is None or self.running.poll() is None:
            return ""
        code, lived = self.running.returncode, time.monotonic() - self.started
        self._end_group()
        self.running = None
        self.failures = 0 if lived > STEADY_SECONDS else self.failures + 1
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** max(0, self.failures - 1))
        self.start_at = time.monotonic() + pause
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        return f"{self.process.name} {how}; it starts again in {pause:g} s."

    def stop(self) -> None:
        """Ask it to end, wait its grace, then end it and what it started."""
        if self.running is None:
            return
        self.running.terminate()
        try:
            self.running.wait(self.process.grace)
        except subprocess.TimeoutExpired:
            say(f"{self.process.name} did not stop within {self.process.grace:g} s and is ended.")
        self._end_group()
        self.running.wait()

    def _end_group(self) -> None:
        assert self.running is not None
        try:
            os.killpg(self.running.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass


class Supervisor:
    """The parent of all processes of one instance."""

    def __init__(self, processes: list[Process], environment: dict[str, str]) -> None:
        self.children = {process.name: Child(process) for process in processes}
        self.environment = environment
        self._stopping = self._ready = False
        self._began = time.monotonic()
        self._wake, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if hasattr(os, "pipe2") else os.pipe()

    def run(self, address: tuple[str, int], when_ready: Callable[[], None]) -> None:
        """Keep everything running until asked to stop; call `when_ready` once the web process answers."""
        self._listen_to_signals()
        while not self._stopping:
            for child in self.children.values():
                if line := child.notice_death():
                    say(line)
                if child.running is None and time.monotonic() >= child.start_at and self._may_start(child):
                    child.start(self.environment)
            if not self._ready and answers(address):
                self._ready = True
                when_ready()
                continue
            self._pause(1.0 if self._ready else 0.2)
        self._stop_all()

    def _may_start(self, child: Child) -> bool:
        """Everything waits for the embedded Valkey, and some for the pages, but not for ever."""
        if child.process.after_pages and not self._ready and time.monotonic() - self._began < MOST_SECONDS_FOR_PAGES:
            return False
        valkey = self.children.get("valkey")
        if valkey is None or child is valkey:
            return True
        return valkey.running is not None and time.monotonic() - valkey.started > 0.3

    def _listen_to_signals(self) -> None:
        def stop(number: int, frame: FrameType | None) -> None:
            self._stopping = True

        os.set_blocking(self._waker, False)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)  # wakes the pause
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, stop)

    def _pause(self, seconds: float) -> None:
        """Sleep until a signal comes, but not longer than this."""
        if select.select([self._wake], [], [], seconds)[0]:
            os.read(self._wake, 4096)

    def _stop_all(self) -> None:
        say("Stopping. Jobs that run are given back and continue at the next start.")
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._hurry)
        for name in STOP_ORDER:
            if name in self.children:
                self.children[name].stop()
        say("Stopped.")

    def _hurry(self, number: int, frame: FrameType | None) -> None:
        """A second request to stop ends everything at once."""
        for child in self.children.values():
            if child.running is not None and child.running.poll() is None:
                child.running.kill()


def answers(address: tuple[str, int]) -> bool:
    """Whether the web process answers its health check."""
    host, port = address
    try:
        with socket.create_connection((host, port), timeout=1) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            line = connection.recv(64)
    except OSError:
        return False
    return line.startswith(b"HTTP/1.1 ") and not line.startswith(b"HTTP/1.1 5")
