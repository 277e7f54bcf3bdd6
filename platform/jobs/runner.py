"""One attempt at one job, from claim to end. Nothing that goes wrong in it may leave it."""

import logging
import os
import shutil
import socket
import tempfile
import traceback
from dataclasses import replace
from pathlib import Path

from django.conf import settings
from django.db import InterfaceError, OperationalError

from jobs import services
from jobs.connections import renew
from jobs.context import Cancelled, Context, Died, Stopped
from jobs.models import Job
from jobs.registry import KINDS
from problems.problem import Problem
from storage.blobs import temporary_folder

log = logging.getLogger(__name__)


def worker() -> str:
    """The name of this worker process."""
    return f"{socket.gethostname()}:{os.getpid()}"


def run(job_id: str) -> None:
    """Claim the job and do it. A job that is claimed already or over is left alone."""
    job = None
    try:
        renew()
        job = services.claim(job_id, worker())
        if job is None:
            log.info("Job %s is already claimed or over.", job_id)
            return
        _attempt(job)
    except services.LeaseLost:
        log.warning("Job %s went to another worker; this attempt is dropped.", job_id)
    except BaseException as error:  # MemoryError and SystemExit must not end the worker
        log.exception("Job %s broke its runner.", job_id)
        if job is not None:
            _fail(job, "error", f"It stopped with an error of the program ({type(error).__name__}).", retry=True)
    finally:
        renew()


def _attempt(job: Job) -> None:
    kind = KINDS.get(job.kind)
    if kind is None:
        _fail(job, "unknown_kind", f"This version does not know jobs of kind {job.kind}.", retry=False)
        return
    folder = Path(tempfile.mkdtemp(prefix=f"job-{job.pk}-", dir=temporary_folder()))
    memory = min(kind.limits.memory_mb, settings.CHILD_MEMORY_MB)
    threads = max(kind.limits.threads, settings.CHILD_THREADS)
    context = Context(job, folder, replace(kind.limits, memory_mb=memory, threads=threads))
    try:
        kind.run(context)
        if not context.finished:
            with context.finish():
                pass
    except services.LeaseLost:
        raise
    except Cancelled:
        services.cancelled(job)
    except Stopped:
        services.give_back(job)
    except BaseException as error:  # an error of ours ends the job, never the worker
        code, text, retry = _ending(error, context)
        _fail(job, code, text, retry=retry, context=context)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _ending(error: BaseException, context: Context) -> tuple[str, str, bool]:
    """Code, sentence and whether a retry can help, for whatever left the job's function."""
    if isinstance(error, Died):
        return error.code, error.text, error.retry
    if isinstance(error, Problem):
        return error.code, error.text, False
    if isinstance(error, OperationalError | InterfaceError):
        return "database_away", "The database did not answer.", True
    for line in traceback.format_exception(error):
        context.log(line.rstrip())
    return "error", f"It stopped with an error of the program ({type(error).__name__}). The log has it.", False


def _fail(job: Job, code: str, text: str, *, retry: bool, context: Context | None = None) -> None:
    try:
        if context is not None:
            try:
                context.beat()
            except Cancelled:
                pass
        services.fail(job, code=code, message=text, retry=retry)
    except services.LeaseLost:
        log.warning("Job %s went to another worker before its failure could be written.", job.pk)
    except (OperationalError, InterfaceError):
        log.warning("The failure of job %s could not be written; its lease will run out.", job.pk)
