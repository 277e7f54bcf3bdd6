"""One attempt from claim to end, with its real limited child."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError

from audit.actors import Machine
from jobs import context as contexts
from jobs import registry, relay, runner, services
from jobs.context import Context
from jobs.limits import Limits
from jobs.models import Job, State, Worker

pytestmark = pytest.mark.django_db
Do = Callable[..., Job]


@pytest.fixture
def do() -> Iterator[Do]:
    """Run a function as a job and return the row as it ended."""

    def run(function: Callable[[Context], None], **options: Any) -> Job:
        registry.job("tests.once", **options)(function)
        job = services.start("tests.once", by=Machine("tests"), title="A test")
        runner.run(str(job.pk))
        return Job.objects.get(pk=job.pk)

    yield run
    registry.KINDS.pop("tests.once", None)


def test_the_child_gets_its_task_and_nothing_of_our_secrets(do: Do) -> None:
    seen: dict[str, Any] = {}

    def work(context: Context) -> None:
        (context.folder / "json.py").write_text("raise SystemExit('a file of the job was imported')")
        seen.update(
            context.call("tests.jobs.engines:look", {"rows": 3}), made=(context.folder / "made.txt").read_text()
        )

    job = do(work)
    assert (job.state, job.done, job.total, job.progress_text) == (State.SUCCEEDED, 1, 4, "looking")
    assert [line.text for line in job.lines.all()] == ["a line"]
    assert (seen["spec"], seen["made"], seen["django"]) == ({"rows": 3}, "by the child", False)
    assert seen["priority"] == 5
    assert not {name for name in seen["environment"] if "KEY" in name or "URL" in name}
    assert not Path(seen["here"]).exists()


def test_only_a_child_that_sorts_is_told_how(do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contexts, "quick_sorting", lambda: {"SORT_THIS_WAY": "1"})
    told = []
    for sorts in (True, False):
        do(
            lambda context: told.append(context.call("tests.jobs.engines:look", {})["environment"]),
            limits=Limits(sorts=sorts),
        )
    assert ["SORT_THIS_WAY" in names for names in told] == [True, False]


def test_a_refusal_of_the_engine_is_the_jobs_message(do: Do) -> None:
    job = do(lambda context: context.call("tests.jobs.engines:refuse", {}))
    assert (job.state, job.code, job.attempt) == (State.FAILED, "ragged", 1)
    assert job.message == "Line 3 has 5 fields, the header has 4."


def test_the_time_limit_ends_the_child(do: Do) -> None:
    started = time.monotonic()
    job = do(lambda context: context.call("tests.jobs.engines:slow", {}), limits=Limits(wall_seconds=1))
    assert (job.state, job.code) == (State.FAILED, "time_limit")
    assert time.monotonic() - started < 10


def test_computing_time_and_file_size_are_limited(do: Do) -> None:
    job = do(lambda context: context.call("tests.jobs.engines:burn", {}), limits=Limits(cpu_seconds=1))
    assert (job.code, job.message) == ("time_limit", "It reached its limit of computing time.")
    job = do(lambda context: context.call("tests.jobs.engines:big_file", {}), limits=Limits(file_mb=1))
    assert job.state == State.FAILED
    assert not any(runner.temporary_folder().glob(f"job-{job.pk}-*"))


def test_a_bug_of_ours_is_told_as_one_and_its_trace_is_in_the_log(do: Do) -> None:
    job = do(lambda context: {}["missing"])  # type: ignore[func-returns-value]
    assert job.message == "It stopped with an error of the program (KeyError). The log has it."
    assert any("KeyError: 'missing'" in line.text for line in job.lines.all())


def test_a_lost_lease_takes_back_the_result(do: Do) -> None:
    def work(context: Context) -> None:
        with context.finish({"made": 1}):
            Worker.objects.create(name="the result", seen_at=context.job.created_at)
            Job.objects.filter(pk=context.job.pk).update(lease_token=99)
            raise services.LeaseLost

    do(work)
    assert not Worker.objects.exists()


def test_an_answer_that_is_too_large_is_refused(do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contexts, "MOST_ANSWER_BYTES", 10)
    assert do(lambda context: context.call("tests.jobs.engines:look", {})).code == "answer_too_large"


def test_a_database_that_is_away_for_a_moment_does_not_end_the_work(do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    beat, tries = services.beat, []

    def sometimes(*arguments: Any) -> bool:
        tries.append(1)
        if len(tries) == 1:
            raise OperationalError("the server closed the connection")
        return beat(*arguments)

    monkeypatch.setattr(services, "beat", sometimes)
    monkeypatch.setattr(contexts, "BEAT_SECONDS", 0.1)
    job = do(lambda context: context.call("tests.jobs.engines:look", {}))
    assert job.state == State.SUCCEEDED
    assert [line.text for line in job.lines.all()] == ["a line"]


def test_a_database_that_is_away_at_the_end_lets_the_job_be_tried_again(do: Do) -> None:
    def work(context: Context) -> None:
        raise OperationalError("the server closed the connection")

    job = do(work)
    assert (job.state, job.code) == (State.QUEUED, "database_away")


def test_a_worker_that_stops_gives_its_job_back(do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contexts, "_stop_at", time.monotonic() + 0.3)
    job = do(lambda context: context.call("tests.jobs.engines:slow", {}))
    assert (job.state, job.attempt, job.history) == (State.QUEUED, 0, [])


def test_a_kind_that_this_version_does_not_know_fails_with_its_name(do: Do) -> None:
    job = do(lambda context: None)
    Job.objects.filter(pk=job.pk).update(state=State.QUEUED, kind="gone.kind")
    runner.run(str(job.pk))
    assert "gone.kind" in Job.objects.get(pk=job.pk).message


def test_the_relay_marks_a_worker_as_seen_only_while_it_hears_the_bell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay.bell, "waiting", lambda queue: None)
    relay.once()
    assert not Worker.objects.exists()
    monkeypatch.setattr(relay.bell, "waiting", lambda queue: 0)
    relay.once()
    assert Worker.objects.count() == 1


def test_memory_of_a_kind_never_passes_the_operators_limit() -> None:
    assert settings.CHILD_MEMORY_MB >= 1024
