"""PURE: the process that children of jobs are forked from, so that each does not load the heavy libraries anew.

A nest has one environment, and has loaded the engines that it was asked for, but never run one: each child is forked
from it within milliseconds, in a session of its own, binds itself to its limits and ends with the nest, which ends
with its worker, or when nobody has asked it for a while.
"""

import importlib
import json
import os
import select
import signal
import socket
import sys
import tempfile
from contextlib import suppress
from typing import Any

from jobs import child
from jobs.limits import die_with_parent

MOST_ASKED = 65536


class Nest:
    """The loop of this process: it has one thread, and only forks and waits."""

    def __init__(self, asking: socket.socket, idle_seconds: float) -> None:
        self.asking, self.idle_seconds = asking, idle_seconds
        self.children: dict[int, int] = {}  # process: where to tell how it ended
        self.wake, self.waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(self.waker, warn_on_full_buffer=False)

    def run(self) -> None:
        """Until the worker is gone, or nothing was asked for a while and no child is left."""
        while True:
            ready, _, _ = select.select([self.asking.fileno(), self.wake], [], [], self.idle_seconds)
            if not ready and not self.children:
                self.asking.shutdown(socket.SHUT_RD)  # nobody asks from now on, but who just did is still heard
            if self.wake in ready:
                os.read(self.wake, 4096)
                self._tell_endings()
            if self.asking.fileno() in ready:
                text, descriptors, _, _ = socket.recv_fds(self.asking, MOST_ASKED, 4)
                if not text:
                    return
                self._fork(json.loads(text), descriptors)

    def _fork(self, asked: dict[str, Any], descriptors: list[int]) -> None:
        with suppress(Exception):  # the child will say why
            importlib.import_module(asked["module"])
        here = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become_child(asked, descriptors, here)
        self.children[pid], *others = descriptors
        for descriptor in others:
            os.close(descriptor)

    def _tell_endings(self) -> None:
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                tell = self.children.pop(ended[0])
                with suppress(OSError):
                    os.write(tell, f"{os.waitstatus_to_exitcode(ended[1])}\n".encode())
                os.close(tell)

    def _become_child(self, asked: dict[str, Any], descriptors: list[int], nest: int) -> None:
        """What a process of its own would find: its session, folder, environment and pipes, and nothing of ours."""
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            die_with_parent()
            tell, report, output, private = descriptors
            os.write(tell, f"{os.getpid()}\n".encode())
            if not os.read(tell, 1):  # whoever asked is gone, or wants no child any more
                os._exit(1)
            for descriptor in (tell, self.asking.fileno(), self.wake, self.waker, *self.children.values()):
                os.close(descriptor)
            for ours, theirs in ((private, 0), (output, 1), (output, 2)):
                os.dup2(ours, theirs)
            os.close(private)
            os.close(output)
            os.environ.clear()
            os.environ.update(asked["environment"])
            os.chdir(asked["folder"])
            tempfile.tempdir = None
            if numpy := sys.modules.get("numpy"):
                numpy.random.seed()  # not the state that all its siblings would inherit
            sys.argv = ["jobs.child", asked["folder"], str(report), str(nest)]
            child.main()
        finally:
            os._exit(1)


def main() -> None:
    """Entry of `python -P -m jobs.nest SOCKET IDLE_SECONDS PARENT`."""
    die_with_parent()
    if os.getppid() == int(sys.argv[3]):
        Nest(socket.socket(fileno=int(sys.argv[1])), float(sys.argv[2])).run()
    os._exit(0)


if __name__ == "__main__":
    main()
