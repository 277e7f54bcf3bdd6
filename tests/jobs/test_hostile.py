"""A58: a job that is hostile finds no secret, takes nothing with it, and is ended with the reason."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from audit.actors import Machine
from jobs import crowds, registry, runner, services
from jobs.confinement import confine, named
from jobs.context import Context
from jobs.limits import Limits
from jobs.models import Job, State
from storage.blobs import put_bytes, verified_path

pytestmark = pytest.mark.django_db
Do = Callable[..., Job]


def _landlock() -> bool:
    """Whether this machine can confine a process, asked in a process of its own."""
    child = os.fork()
    if child == 0:
        os._exit(0 if confine("/nonexistent-folder", Path("/tmp"), {}) else 1)
    return os.waitpid(child, 0)[1] == 0


@pytest.fixture
def do() -> Iterator[Do]:
    """Run a function as a job and return the row as it ended."""

    def run(function: Callable[[Context], None], **options: Any) -> Job:
        registry.job("tests.hostile", **options)(function)
        job = services.start("tests.hostile", by=Machine("tests"), title="A test")
        runner.run(str(job.pk))
        return Job.objects.get(pk=job.pk)

    yield run
    registry.KINDS.pop("tests.hostile", None)


@pytest.fixture
def places(settings: Any, tmp_path: Path) -> dict[str, str]:
    """An instance's folder with what a job must not see in it."""
    settings.DATA_DIR = tmp_path / "data"
    data = Path(settings.DATA_DIR)
    for name in ("keys/sealing_keys", "baton.sqlite3", "tmp/job-other/task.json"):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text("secret")
    blobs = {name: verified_path(put_bytes(name.encode()).sha256) for name in ("own", "theirs")}
    found = {"data": data, "keys": data / "keys", "key": data / "keys" / "sealing_keys"}
    found |= {"database": data / "baton.sqlite3", "other job": data / "tmp/job-other/task.json", **blobs}
    found |= {"environ": Path(f"/proc/{os.getpid()}/environ"), "memory": Path(f"/proc/{os.getpid()}/maps")}
    return {name: str(place) for name, place in found.items()}


def test_it_sees_its_own_files_and_no_key_database_blob_or_memory_of_others(do: Do, places: dict[str, str]) -> None:
    if not _landlock():
        pytest.skip("this kernel has no Landlock (5.13 and later)")
    seen: dict[str, str] = {}
    hidden = {name: place for name, place in places.items() if name != "own"}

    def work(context: Context) -> None:
        spec = {"places": {"data": places["data"]}, "table": places["own"], "trick": places["key"]}
        (context.folder / "asked.txt").write_text("\n".join(f"{name}={place}" for name, place in hidden.items()))
        seen.update(context.call("tests.jobs.engines:pry_asked", spec))

    job = do(work)
    assert (job.state, job.message) == (State.SUCCEEDED, "")
    assert seen.pop("own") == "read 3"
    assert set(seen.values()) == {"PermissionError"}, seen
    assert not (Path(places["data"]) / "planted").exists()


def test_a_thousand_forks_are_ended_with_the_reason_and_none_is_left(do: Do) -> None:
    pids: list[int] = []

    def work(context: Context) -> None:
        plain = context._refuse_too_much

        def look(pid: int) -> None:
            pids[:] = list(crowds.descendants(pid)) or pids
            plain(pid)

        context._refuse_too_much = look  # type: ignore[method-assign]
        context.call("tests.jobs.engines:fork", {})

    job = do(work)
    assert (job.state, job.code) == (State.FAILED, "process_limit")
    assert job.message == "It started more than 64 processes and was ended."
    assert len(pids) > 64
    assert not [pid for pid in pids if _lives(pid)]
    assert do(lambda context: context.call("tests.jobs.engines:look", {})).state == State.SUCCEEDED


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_who_fills_the_disk_with_many_files_is_ended_with_the_reason(do: Do) -> None:
    job = do(lambda context: context.call("tests.jobs.engines:fill", {}), limits=Limits(file_mb=20, wall_seconds=60))
    assert (job.state, job.code) == (State.FAILED, "disk_limit")
    assert "more than the 20 MB" in job.message
    assert not any(runner.temporary_folder().glob(f"job-{job.pk}-*"))


def test_who_takes_all_memory_is_told_so(do: Do) -> None:
    job = do(lambda context: context.call("tests.jobs.engines:allocate", {}), limits=Limits(memory_mb=1024))
    assert (job.state, job.code) == (State.FAILED, "memory_limit")
    had = re.search(r"than the 1024 MB it may use: it had ([\d,]+) MB\. Use fewer rows", job.message)
    assert had
    assert 200 < int(had[1].replace(",", "")) <= 1024


def test_only_what_a_task_names_below_the_folder_is_opened_and_no_key(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "keys").mkdir(parents=True)
    (tmp_path / "link").symlink_to(data / "keys")
    spec = {
        "table": str(data / "blobs/aa/x"), "more": [{"file": str(data / "blobs/bb/y")}], "word": "plain",
        "tricks": [str(data), str(data / "baton.sqlite3"), str(data / "keys/sealing_keys"), "/etc/passwd",
                   str(data / "blobs/../keys/sealing_keys"), str(tmp_path / "link/sealing_keys"), "/\0"],
    }  # fmt: skip
    assert named(spec, data) == {data / "blobs/aa/x", data / "blobs/bb/y"}
    assert settings.DATA_DIR
