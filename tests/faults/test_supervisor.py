"""The supervisor: it restarts what dies, stops in order, refuses a second one, and leaves no orphan behind."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.live import ROOT, Instance, processes, running, until

pytestmark = pytest.mark.once  # it starts and stops the same processes, whatever keeps the rows
NAMES = {"valkey", "web", "worker", "scheduler", "predict"}


@pytest.fixture(scope="module")
def live() -> Iterator[Instance]:
    """One instance for this file."""
    yield from running(redis_url="", prepared=False)


def start_again(live: Instance, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "manage.py"), "up", "--data", str(live.data), *options]
    return subprocess.run(command, env=live.environment, capture_output=True, text=True, timeout=60)


def test_it_starts_every_process_and_prints_one_link_for_the_first_person(live: Instance) -> None:
    until(lambda: set(live.pids()) == NAMES, 30, "all processes")
    assert live.log().count("/set-up/") == 1
    assert oct((live.data / "keys" / "secret_key").stat().st_mode)[-3:] == "600"


def test_a_second_one_on_the_same_folder_is_refused_with_a_sentence(live: Instance) -> None:
    done = start_again(live, "--port", "18000")
    assert done.returncode == 1
    assert f"Baton already runs on the data folder {live.data} (process {live.supervisor.pid})" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_named(live: Instance, tmp_path: object) -> None:
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = start_again(live, "--data", str(tmp_path), "--port", str(port))
    assert done.returncode == 1
    assert f"Port {port} on 127.0.0.1 cannot be used" in done.stderr


@pytest.mark.parametrize("name", ["valkey", "scheduler", "worker", "web"])
def test_a_killed_child_is_started_again(live: Instance, name: str) -> None:
    until(lambda: name in live.pids(), 40, name)
    before = live.kill(name)
    until(lambda: live.pids().get(name, before) != before, 40, f"another {name}")
    assert f"{name} was ended by SIGKILL; it starts again" in live.log()


def test_pages_come_back_after_the_web_process_was_killed(live: Instance) -> None:
    until(lambda: "web" in live.pids(), 40, "web")
    live.kill("web")
    until(lambda: live._is_up(), 30, "pages")


def test_killed_itself_it_leaves_no_orphan_and_the_folder_can_be_used_again(live: Instance) -> None:
    until(lambda: set(live.pids()) >= {"valkey", "web", "worker", "scheduler"}, 40, "all processes")
    tree = live.tree()
    assert len(tree) >= 6  # gunicorn's worker is a grandchild
    os.kill(live.supervisor.pid, signal.SIGKILL)
    live.supervisor.wait()
    until(lambda: not set(tree) & {pid for pid, (_, state, _) in processes().items() if state != "Z"}, 10, "their end")
    live.start()


def test_asked_to_stop_it_stops_in_order_and_says_so(live: Instance) -> None:
    until(lambda: set(live.pids()) >= {"valkey", "web", "worker", "scheduler"}, 40, "all processes")
    tree = live.tree()
    assert live.stop() == 0
    assert live.log().rstrip().endswith("Stopped.")
    assert "did not stop within" not in live.log()
    assert not set(tree) & set(processes())
