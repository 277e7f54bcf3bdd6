"""What a job function holds in its hands: its row, a folder, the limited child, and the fenced end."""

import json
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction

from jobs import crowds, services
from jobs.connections import renew
from jobs.hatching import Cold, Egg, Hatched, hatch
from jobs.hiding import blotted, forms_of
from jobs.limits import Limits, quick_sorting
from jobs.models import Job
from problems.problem import Problem

log = logging.getLogger(__name__)
BEAT_SECONDS = 1.0
MOST_ANSWER_BYTES = 64 * 1024 * 1024
_stop_at: float | None = None


def stop_in(seconds: float) -> None:
    """This worker stops: what still runs after so many seconds is given back."""
    global _stop_at
    _stop_at = time.monotonic() + seconds


class Died(Exception):
    """The child ended without an answer; `retry` says whether another attempt can help."""

    def __init__(self, code: str, text: str, *, retry: bool) -> None:
        super().__init__(text)
        self.code, self.text, self.retry = code, text, retry


class Cancelled(Exception):
    """The job was asked to stop, and its child has ended."""


class Stopped(Exception):
    """The worker stops; the child has ended, and another worker will do the job."""


class Context:
    """One attempt at one job."""

    def __init__(self, job: Job, folder: Path, limits: Limits) -> None:
        self.job, self.folder, self.limits = job, folder, limits
        self.finished = False
        self._lines: list[str] = []
        self._hidden: list[str] = []
        self._progress: tuple[int, int | None, str] = (0, None, "")
        self._guard = threading.Lock()
        self._deadline = time.monotonic() + limits.wall_seconds
        self._heard_at = time.monotonic()

    def log(self, text: str) -> None:
        """Add a line to the job's log."""
        with self._guard:
            self._lines.append(blotted(text, self._hidden))

    def progress(self, done: int, total: int | None, text: str) -> None:
        """Say where the work is."""
        with self._guard:
            self._progress = (done, total, blotted(text, self._hidden))

    def beat(self) -> None:
        """Renew the lease; raises when it is lost or when the job was asked to stop."""
        with self._guard:
            lines, (done, total, text) = list(self._lines), self._progress
        asked_to_stop = services.beat(self.job, lines, done, total, text)
        with self._guard:
            del self._lines[: len(lines)]
        self._heard_at = time.monotonic()
        if asked_to_stop:
            raise Cancelled

    def _beat_if_possible(self) -> bool:
        """A database that is away for a moment does not end the work; the lease bounds that moment."""
        try:
            self.beat()
            return True
        except (OperationalError, InterfaceError) as error:
            renew()
            if time.monotonic() - self._heard_at > settings.LEASE_SECONDS:
                raise services.LeaseLost(str(self.job.pk)) from error
            return False

    @contextmanager
    def finish(self, result: dict[str, Any] | None = None) -> Iterator[None]:
        """Write the result and end the job in one transaction; a lost lease undoes both."""
        while not self._beat_if_possible():
            time.sleep(BEAT_SECONDS)
        with transaction.atomic():
            services.succeed(self.job, result)
            yield
        self.finished = True

    def call(self, entry: str, spec: dict[str, Any], private: dict[str, str] | None = None) -> dict[str, Any]:
        """Call the pure engine `module:function` in the limited child and return its answer.

        The engine is called as `function(spec, folder, report)`; files go in and out through `self.folder`.
        `private` are secrets: they reach the engine as `spec["private"]` through a pipe and never touch the disk, and
        what the child says of them in its log or its refusal is blotted out.
        """
        task = {"entry": entry, "spec": spec, "limits": self.limits.as_dict(), "private": private is not None}
        task["closed"] = str(settings.DATA_DIR)
        self._hidden = forms_of(private or {})
        (self.folder / "task.json").write_text(json.dumps(task))
        (self.folder / "result.json").unlink(missing_ok=True)
        process, reader = self._spawn(entry, private)
        try:
            self._watch(process)
        finally:
            process.end()
            if process.pid is not None:  # else it has never been there to say anything
                reader.join(timeout=5)
        assert process.returncode is not None
        return self._answer(process.returncode)

    def _spawn(self, entry: str, private: dict[str, str] | None) -> tuple[Hatched | Cold, threading.Thread]:
        read_end, write_end = os.pipe()
        module = entry.partition(":")[0]
        with (self.folder / "output.txt").open("wb") as output, _whispering(private) as whispered:
            process = hatch(Egg(module, self.folder, self._environment(), write_end, output, whispered))
        os.close(write_end)
        reader = threading.Thread(target=self._listen, args=(read_end,), daemon=True)
        reader.start()
        return process, reader

    def _environment(self) -> dict[str, str]:
        """All that the child finds in its environment."""
        root = Path(settings.ROOT)
        threads = str(self.limits.threads)
        return {
            "PATH": os.environ.get("PATH", ""),
            "LANG": "C.UTF-8",
            "PYTHONPATH": f"{root / 'platform'}{os.pathsep}{root}",
            "PYTHONHASHSEED": "0",
            "TMPDIR": str(self.folder),
            "HOME": str(self.folder),
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
            "MKL_NUM_THREADS": threads,
            "BATON_JOB": str(self.job.pk),
            **(quick_sorting() if self.limits.sorts else {}),
        }

    def _listen(self, descriptor: int) -> None:
        with open(descriptor, encoding="utf-8", errors="replace") as pipe:
            for line in pipe:
                try:
                    message = json.loads(line)
                except ValueError:
                    continue
                if "log" in message:
                    self.log(str(message["log"]))
                else:
                    self.progress(message["done"], message["total"], message["text"])

    def _watch(self, process: Hatched | Cold) -> None:
        next_beat = 0.0
        while True:
            try:
                process.wait(timeout=0.1)
                return
            except subprocess.TimeoutExpired:
                pass
            now = time.monotonic()
            if _stop_at is not None and now > _stop_at:
                raise Stopped
            if now > self._deadline:
                raise Died("time_limit", f"It reached its time limit of {self.limits.wall_seconds} s.", retry=False)
            if now >= next_beat:
                next_beat = now + BEAT_SECONDS
                if process.pid is not None:
                    self._refuse_too_much(process.pid)
                self._beat_if_possible()

    def _refuse_too_much(self, pid: int) -> None:
        """No engine starts a crowd of processes or fills the disk; one that does is ended with all that it started."""
        if len(crowds.descendants(pid)) > crowds.MOST_PROCESSES:
            crowds.end_all(pid)
            text = f"It started more than {crowds.MOST_PROCESSES} processes and was ended."
            raise Died("process_limit", text, retry=False)
        if crowds.written(self.folder) > self.limits.file_mb:
            text = f"It wrote more than the {self.limits.file_mb:,} MB that it may keep meanwhile and was ended."
            raise Died("disk_limit", text, retry=False)

    def _answer(self, returncode: int) -> dict[str, Any]:
        place = self.folder / "result.json"
        if not place.is_file():
            self._keep_output()
            raise _died(returncode)
        if place.stat().st_size > MOST_ANSWER_BYTES:
            raise Died("answer_too_large", "Its result is too large to be kept.", retry=False)
        answer: dict[str, Any] = json.loads(place.read_text())
        if "result" in answer:
            result: dict[str, Any] = answer["result"]
            return result
        if problem := answer.get("problem"):
            problem = json.loads(blotted(json.dumps(problem, ensure_ascii=False), self._hidden))
            facts = {key: value for key, value in problem.items() if key not in ("detail", "code", "status", "fields")}
            raise Problem(problem["detail"], code=problem["code"], fields=problem.get("fields"), **facts)
        if "memory" in answer:
            memory = answer["memory"]
            more = f" and asked for {memory['asked']:,} MB more" if memory["asked"] else ""
            raise Died(
                "memory_limit",
                f"It needed more memory than the {memory['may']} MB it may use: it had {memory['had']:,} MB{more}. "
                "Use fewer rows or columns, a simpler method, or raise BATON_JOB_MEMORY_MB.",
                retry=False,
            )
        self._keep_output()
        for line in str(answer["error"]).splitlines():
            self.log(line)
        raise Died("error", f"It stopped with an error of the program ({answer['kind']}). The log has it.", retry=False)

    def _keep_output(self) -> None:
        output = self.folder / "output.txt"
        if output.is_file():
            for line in output.read_text(errors="replace")[-20_000:].splitlines():
                self.log(line)


def _whispering(private: dict[str, str] | None) -> IO[bytes]:
    """What the child reads: its secrets, or nothing."""
    if private is None:
        return open(os.devnull, "rb")
    read_end, write_end = os.pipe()
    threading.Thread(target=_whisper, args=(write_end, json.dumps(private).encode()), daemon=True).start()
    return open(read_end, "rb")


def _whisper(descriptor: int, text: bytes) -> None:
    with suppress(BrokenPipeError), open(descriptor, "wb") as pipe:
        pipe.write(text)


def _died(returncode: int) -> Died:
    """The reason behind a child that ended without an answer."""
    if returncode == -signal.SIGKILL:
        return Died("killed", "Its process was killed (out of memory?).", retry=True)
    if returncode == -signal.SIGTERM:
        return Died("killed", "Its process was ended from outside.", retry=True)
    if returncode == -signal.SIGXCPU:
        return Died("time_limit", "It reached its limit of computing time.", retry=False)
    if returncode < 0:
        return Died("crashed", f"Its process crashed ({signal.Signals(-returncode).name}).", retry=False)
    return Died("no_answer", f"Its process ended without an answer (exit code {returncode}).", retry=False)
