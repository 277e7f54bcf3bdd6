"""PURE: `manage.py up` makes the folder and keys of an instance, has it prepared, and becomes its supervisor."""

import argparse
import fcntl
import os
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import IO

from config.keys import make_missing_keys
from config.processes import ROOT, NoValkey, all_of, environment, manage
from config.supervisor import Supervisor, say
from jobs.limits import die_with_parent


class CannotStart(Exception):
    """Something a person has to change first; the text says what."""


def up(arguments: list[str]) -> int:
    """Start an instance and stay until it is stopped. Returns the exit code."""
    options = _options(arguments)
    data: Path = options.data.expanduser().resolve()
    shared = environment(data, options.host, options.port)
    try:
        lock = _own(data)
        make_missing_keys(data / "keys")
        for port in (str(options.port), shared["BATON_PREDICT_PORT"]):
            _check_port(options.host, port)
        processes = all_of(data, options.host, options.port)
        link = _prepare(shared)
    except (CannotStart, NoValkey) as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    address = shared.get("BATON_URL", "").rstrip("/") or f"http://localhost:{options.port}"

    def welcome() -> None:
        say(f"Baton is at {address}/")
        if link and not options.demo:  # the sample brings an administrator
            say(f"Nobody can sign in yet. Make the first account here, once: {link}")
        if options.demo:
            subprocess.Popen(manage("demo"), env=shared, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent)

    with lock:
        Supervisor(processes, shared).run((_reachable(options.host), options.port), welcome)
    return 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="manage.py up", description="Start everything on this machine.")
    parser.add_argument("--port", type=_port, default=os.environ.get("BATON_PORT", "8000"), help="port of the pages")
    parser.add_argument("--host", default=os.environ.get("BATON_HOST", "127.0.0.1"), help="address to listen on")
    folder = os.environ.get("BATON_DATA", "").strip() or str(ROOT / "var")
    parser.add_argument("--data", type=Path, default=folder, help=f"folder of everything that is kept ({folder})")
    parser.add_argument("--demo", action="store_true", help="also load a sample project with one account per role")
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65534:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port between 1 and 65534")
    return int(text)


def _own(data: Path) -> IO[str]:
    """The lock of the data folder, held as long as this process lives."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (data / "lock").open("a+")
    except OSError as error:
        raise CannotStart(f"The data folder {data} cannot be used: {error.strerror}.") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        raise CannotStart(
            f"Baton already runs on the data folder {data} (process {file.read().strip() or 'unknown'}). "
            "Stop it first, or choose another folder with --data."
        ) from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def _check_port(host: str, text: str) -> None:
    try:
        port = _port(text)
    except argparse.ArgumentTypeError as error:
        raise CannotStart(f"BATON_PREDICT_PORT: {error}.") from None
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            raise CannotStart(
                f"Port {port} on {host} cannot be used: {error.strerror}. Choose another with --port "
                "(the prediction server takes the one above it, or BATON_PREDICT_PORT)."
            ) from None


def _prepare(shared: dict[str, str]) -> str:
    """Bring the database and the static files up to date; returns the set-up link, if there is one."""
    done = subprocess.run(manage("prepare"), env=shared, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise CannotStart("The instance could not be prepared; the lines above say why.")
    return done.stdout.strip().rpartition("\n")[2]


def _reachable(host: str) -> str:
    """Where this machine itself reaches a listening address."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  compared, not bound
