"""Children are forked from a nest: each is a process of its own, and none outlives the nest or the worker."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from audit.actors import Machine
from jobs import context as contexts
from jobs import hatching, registry, runner, services
from jobs.context import Context
from jobs.models import Job, State
from tests.live import until

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, which ends children with their parent"),
]
ROOT = Path(__file__).resolve().parents[2]
Do = Callable[..., dict[str, Any]]


@pytest.fixture
def do(monkeypatch: pytest.MonkeyPatch) -> Iterator[Do]:
    """Run an engine in a child, from nests of this test alone; returns its answer, or the row where there is none."""
    monkeypatch.setattr(hatching, "_nests", {})

    def run(engine: str, **spec: Any) -> dict[str, Any]:
        answers: list[dict[str, Any]] = []

        def work(context: Context) -> None:
            answers.append(context.call(f"tests.jobs.{engine}", spec))

        registry.job("tests.once")(work)
        job = services.start("tests.once", by=Machine("tests"), title="A test")
        runner.run(str(job.pk))
        return answers[0] if answers else {"job": Job.objects.get(pk=job.pk)}

    yield run
    registry.KINDS.pop("tests.once", None)
    for nest in hatching._nests.values():
        nest.asking.close()
        nest.process.wait(10)


def nest() -> hatching.Nest:
    (only,) = hatching._nests.values()
    return only


def test_children_share_a_nest_and_nothing_else(do: Do) -> None:
    first, second = do("engines:born"), do("engines:born")
    assert first["parent"] == second["parent"] == nest().process.pid
    assert [first["session"], second["session"]] == [first["pid"], second["pid"]]
    assert first["pid"] != second["pid"]
    assert first["folder"] != second["folder"]
    assert first["drawn"] != second["drawn"]
    assert first["sockets"] == second["sockets"] == []


def test_what_libraries_read_at_their_start_has_a_nest_of_its_own(do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    first = do("engines:born")
    monkeypatch.setattr(Context, "_environment", _with(Context._environment, OMP_NUM_THREADS="2"))
    second = do("engines:born")
    assert first["parent"] != second["parent"]
    environment = Path(f"/proc/{second['parent']}/environ").read_bytes().split(b"\0")
    assert b"OMP_NUM_THREADS=2" in environment
    assert not [line for line in environment if b"KEY" in line or b"URL" in line]


def _with(usual: Callable[[Context], dict[str, str]], **more: str) -> Callable[[Context], dict[str, str]]:
    return lambda context: usual(context) | more


def test_a_nest_that_nobody_asks_ends_and_the_next_child_gets_another(do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hatching, "IDLE_SECONDS", 0.2)
    first = do("engines:born", seconds=0.5)  # one that works is not alone
    assert nest().process.wait(10) == 0
    assert do("engines:born")["parent"] != first["parent"]


def test_jobs_that_find_their_nest_closed_at_once_share_the_next(do: Do, tmp_path: Path) -> None:
    do("engines:born")
    closed = nest()
    closed.asking.shutdown(socket.SHUT_RDWR)
    ((_, kind),) = hatching._nests
    egg = hatching.Egg("", tmp_path / "job", dict(kind), 0, sys.stdin.buffer, sys.stdin.buffer)
    made = [hatching._nest_for(egg, instead_of=closed) for _ in range(2)]
    assert made[0] is made[1] is nest() is not closed
    assert do("engines:born")["parent"] == made[0].process.pid


def test_a_nest_that_is_killed_takes_its_child_along_and_the_job_is_tried_again(do: Do) -> None:
    killer = threading.Thread(target=lambda: _kill_when_at_work(hatching._nests))
    killer.start()
    job = do("engines:slow")["job"]
    killer.join()
    assert (job.state, job.history[0]["code"]) == (State.QUEUED, "killed")
    assert do("engines:born")["pid"]


def _kill_when_at_work(nests: dict[Any, hatching.Nest]) -> None:
    pid = until(lambda: [one.process.pid for one in nests.values()], 20, "the nest")[0]
    children = Path(f"/proc/{pid}/task/{pid}/children")
    child = until(lambda: children.read_text().split(), 20, "the child")[0]
    os.kill(pid, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{child}").exists(), 5, "the child's end")


def test_a_library_that_ends_its_process_is_told_as_a_crash(do: Do) -> None:
    job = do("ends_at_load:run")["job"]
    assert (job.state, job.code, job.message) == (State.FAILED, "crashed", "Its process crashed (SIGSEGV).")
    assert do("engines:born")["pid"]


def test_who_gives_up_while_the_nest_still_loads_gets_no_child(
    do: Do, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(contexts, "_stop_at", time.monotonic() + 0.5)
    started = time.monotonic()
    assert do("slow_to_load:run", ran=str(tmp_path / "ran"))["job"].state == State.QUEUED
    assert time.monotonic() - started < 1.5
    monkeypatch.setattr(contexts, "_stop_at", None)
    do("engines:born")  # is asked after the other, which has been there by then
    assert not (tmp_path / "ran").exists()


WORKER = """
import os, sys, time
from pathlib import Path
from jobs.hatching import Egg, hatch
folder = Path(sys.argv[1])
(folder / "task.json").write_text(
    '{"entry": "tests.jobs.engines:slow", "spec": {}, "private": false, "closed": "", "limits": {"memory_mb": 1024}}'
)
environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ["PYTHONPATH"]}
with open(os.devnull, "r+b") as nothing:
    child = hatch(Egg("tests.jobs.engines", folder, environment, os.pipe()[1], nothing, nothing))
while child.pid is None:
    try:
        child.wait(0.1)
    except Exception:
        pass
print(child.pid, child._nest.pid, flush=True)
time.sleep(60)
"""


def test_a_worker_that_is_killed_leaves_neither_nest_nor_child(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'platform'}:{ROOT}"}
    command = [sys.executable, "-c", WORKER, str(tmp_path)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        left = worker.stdout.readline().split()
        assert all(Path(f"/proc/{pid.decode()}").exists() for pid in left)
        worker.kill()
    until(lambda: not any(Path(f"/proc/{pid.decode()}").exists() for pid in left), 5, "the orphans' end")
