"""Children of jobs, started quickly: forked from a process that has the heavy libraries already.

Each is a process of its own that runs `jobs.child` under the same limits, as the worker's; only its imports are
shared. The tests of jobs, the faults and the journeys start real ones.
"""

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from typing import Any

HEAVY = (
    "datasets.connectors.engine",
    "datasets.exporting",
    "datasets.profiling.associations",
    "datasets.profiling.by_key",
    "datasets.quality.engine",
    "datasets.reading.engine",
    "datasets.recipes.engine",
    "deployments.batch.engine",
    "deployments.rehearsal",
    "deployments.sealing",
    "experiments.packaging",
    "experiments.training",
    "jobs.child",
    "monitoring.comparison",
    "monitoring.window",
)
_nest: tuple[int, subprocess.Popen[bytes], socket.socket] | None = None


def _nest_of_this_process(environment: dict[str, str]) -> socket.socket:
    """The process that forks for this one, started at the first need."""
    global _nest
    if _nest is None or _nest[0] != os.getpid() or _nest[1].poll() is not None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-P", __file__, str(theirs.fileno())]
        process = subprocess.Popen(command, env=environment, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL)
        theirs.close()
        _nest = (os.getpid(), process, ours)
    return _nest[2]


class Child:
    """What `subprocess.Popen` would give."""

    def __init__(
        self,
        command: list[str],
        *,
        cwd: Any,
        env: dict[str, str],
        stdin: int,
        stdout: Any,
        stderr: int,
        pass_fds: tuple[int, ...],
        start_new_session: bool,
    ) -> None:
        nest = _nest_of_this_process(env | {"TMPDIR": "/tmp", "HOME": "/tmp"})
        told, tell = socket.socketpair()
        self.stdin = None
        descriptors = [tell.fileno(), stdout.fileno(), pass_fds[0]]
        if stdin == subprocess.PIPE:
            read_end, write_end = os.pipe()
            self.stdin = os.fdopen(write_end, "wb")
            descriptors.append(read_end)
        socket.send_fds(nest, [json.dumps({"folder": str(cwd), "env": env}).encode()], descriptors)
        tell.close()
        if stdin == subprocess.PIPE:
            os.close(read_end)
        self._told = told.makefile("r")
        self._socket = told
        self.pid = int(self._told.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        import select

        if self.returncode is None:
            ready, _, _ = select.select([self._socket], [], [], timeout)
            if not ready:
                raise subprocess.TimeoutExpired("jobs.child", timeout or 0)
            self.returncode = int(self._told.readline())
            self._told.close()
            self._socket.close()
        return self.returncode


def _serve(nest: socket.socket) -> None:
    """Fork for every request. A child in between waits for the one that works and tells how it ended."""
    while True:
        text, descriptors, _, _ = socket.recv_fds(nest, 65536, 4)
        if not text:
            os._exit(0)
        if os.fork() == 0:
            nest.close()
            _look_after(json.loads(text), *descriptors)
        for one in descriptors:
            os.close(one)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _look_after(asked: dict[str, Any], tell: int, output: int, report: int, secrets: int | None = None) -> None:
    pid = os.fork()
    if pid == 0:
        os.close(tell)
        _work(asked, output, report, secrets)
    os.close(report)
    os.write(tell, f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    with suppress(OSError):
        os.write(tell, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _work(asked: dict[str, Any], output: int, report: int, secrets: int | None) -> None:
    from jobs import child

    os.setsid()
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["env"])
    os.dup2(output, 1)
    os.dup2(output, 2)
    if secrets is not None:
        os.dup2(secrets, 0)
        os.close(secrets)
    sys.argv = ["jobs.child", asked["folder"], str(report), str(os.getppid())]
    try:
        child.main()
    finally:
        os._exit(1)


if __name__ == "__main__":
    for heavy in HEAVY:
        importlib.import_module(heavy)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _serve(socket.socket(fileno=int(sys.argv[1])))
