"""A real instance for tests: `manage.py up` in a fresh folder on free ports, and a small HTTP client for it."""

import base64
import http.cookiejar
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from tests.prepared import Database, prepared_database

ROOT = Path(__file__).resolve().parents[1]
SHORT = {"BATON_LEASE_SECONDS": "6", "BATON_SEGMENT_SECONDS": "2", "BATON_TICK_SECONDS": "2", "BATON_STOP_SECONDS": "3"}
OURS = re.compile(r"^(BATON_|SECRET_KEY$|DATABASE_URL$|REDIS_URL$|PYTEST_|DJANGO_)")
START = 300  # seconds; a busy machine takes its time
PASSWORD = "a long enough pass phrase 9"


def until(check: Callable[[], Any], seconds: float = 30, what: str = "it", every: float = 0.1) -> Any:
    """Wait until `check` returns something true, and return that; fail with a sentence when it does not come.

    What takes longer is asked less often, at most thrice a second: who waits shall not keep the others from working.
    """
    limit = time.monotonic() + seconds
    while True:
        if found := check():
            return found
        if time.monotonic() > limit:
            raise AssertionError(f"waited {seconds:g} s in vain: {what}")
        time.sleep(every)
        every = max(every, min(every * 1.1, 0.33))


def free_ports() -> int:
    """A port that is free together with the one above it."""
    while True:
        with closing(socket.socket()) as first, closing(socket.socket()) as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            with suppress(OSError, OverflowError):
                second.bind(("127.0.0.1", port + 1))
                return port


@dataclass
class Reply:
    """What came back."""

    status: int
    headers: Any
    body: bytes
    seconds: float

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


@dataclass
class Http:
    """A client of one base address: JSON or forms in, `Reply` out; keeps cookies; never follows a redirect by itself."""

    base: str
    token: str = ""
    timeout: float = 30
    cookies: http.cookiejar.CookieJar = field(default_factory=http.cookiejar.CookieJar)

    def __post_init__(self) -> None:
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), _NoRedirect(), urllib.request.HTTPCookieProcessor(self.cookies)
        )

    def get(self, path: str, **headers: str) -> Reply:
        return self.send("GET", path, headers=headers)

    def post(self, path: str, body: Any = None, **options: Any) -> Reply:
        return self.send("POST", path, body, **options)

    def put(self, path: str, body: Any = None, **options: Any) -> Reply:
        return self.send("PUT", path, body, **options)

    def delete(self, path: str, **options: Any) -> Reply:
        return self.send("DELETE", path, **options)

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        form: dict[str, Any] | None = None,
        files: dict[str, tuple[str, bytes]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """`body` goes as JSON, `form` as a form, `files` (with `form`) as multipart."""
        sent = {"Accept": "application/json, text/html;q=0.9"} | (headers or {})
        data: bytes | None = None
        if files is not None:
            kind, data = multipart(form or {}, files)
            sent["Content-Type"] = kind
        elif form is not None:
            data = urlencode(form, doseq=True).encode()
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        elif body is not None:
            data = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        if data is not None and (csrf := self._csrf()):
            sent |= {"X-CSRFToken": csrf, "Referer": self.base + "/"}
        address = path if path.startswith("http") else self.base + path
        request = urllib.request.Request(address, data, sent, method=method)
        started = time.monotonic()
        try:
            with self._opener.open(request, timeout=self.timeout) as answer:
                status, got, content = answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                status, got, content = error.code, error.headers, error.read()
        return Reply(status, got, content, time.monotonic() - started)

    def _csrf(self) -> str:
        return next((cookie.value or "" for cookie in self.cookies if cookie.name.startswith("baton_csrf")), "")


def multipart(form: dict[str, Any], files: dict[str, tuple[str, bytes]]) -> tuple[str, bytes]:
    """Content type and body of a form with files."""
    mark = secrets.token_hex(16)
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in form.items()
    ]
    for name, (file_name, content) in files.items():
        head = f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; filename="{file_name}"\r\n'
        parts.append(head.encode() + b"Content-Type: application/octet-stream\r\n\r\n" + content + b"\r\n")
    return f"multipart/form-data; boundary={mark}", b"".join(parts) + f"--{mark}--\r\n".encode()


def processes() -> dict[int, tuple[int, str, str]]:
    """Of every process: its parent, its state letter and its command line."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found[int(entry.name)] = (int(parent), state, command)
    return found


def own_redis() -> str:
    """REDIS_URL with a database number of this test process alone, emptied; or nothing for the embedded one."""
    url = os.environ.get("REDIS_URL", "")
    if not url:
        return ""
    import redis

    number = 5 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw") or 0)
    mine = urlunsplit(urlsplit(url)._replace(path=f"/{number}"))
    with redis.Redis.from_url(mine) as client:
        client.flushdb()
    return mine


class Instance:
    """Everything that `manage.py up` starts, and ways to hurt it."""

    def __init__(
        self,
        *,
        settings: str = "config.settings",
        redis_url: str | None = None,
        prepared: bool = True,
        **environment: str,
    ) -> None:
        """`prepared`: its tables are there already, as after a first start; else it makes them."""
        self.data = Path(tempfile.mkdtemp(prefix="baton-live-"))
        self.port = free_ports()
        self.url, self.predict_url = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{self.port + 1}"
        self.database = prepared_database(self.data) if prepared else Database().make()
        clean = {name: value for name, value in os.environ.items() if not OURS.match(name)}
        self.environment = clean | SHORT | {"DJANGO_SETTINGS_MODULE": settings} | environment
        redis_url = own_redis() if redis_url is None else redis_url
        for name, value in (("DATABASE_URL", self.database.url), ("REDIS_URL", redis_url)):
            if value:
                self.environment[name] = value
        self.output = self.data / "output.txt"
        self.extra: list[subprocess.Popen[bytes]] = []
        self.supervisor: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> "Instance":
        """Start it and wait until its pages answer."""
        command = [sys.executable, str(ROOT / "manage.py"), "up", "--port", str(self.port), "--data", str(self.data)]
        with self.output.open("ab") as output:
            self.supervisor = subprocess.Popen(
                [*command, *options], env=self.environment, stdout=output, stderr=output, stdin=subprocess.DEVNULL
            )
        until(lambda: self._is_up() or self.supervisor.poll() is not None, START, f"start of {self.data}")
        if self.supervisor.poll() is not None:
            raise AssertionError(f"it did not start:\n{self.log()}")
        return self

    def wait_for_worker(self) -> "Instance":
        """Wait until the worker hears the bell."""
        until(lambda: b"ready" in self.output.read_bytes() or self.seen_worker(), 120, "the worker")
        return self

    def seen_worker(self) -> bool:
        """Whether pages would say that a worker is there."""
        reply = self.http().get("/readyz")
        return reply.status == 200 and reply.json.get("status") == "ready"

    def _is_up(self) -> bool:
        with suppress(OSError):
            return "Baton is at" in self.log() and Http(self.url, timeout=5).get("/healthz").status < 500
        return False

    def log(self) -> str:
        """What all processes have said."""
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def http(self, token: str = "") -> Http:
        """A client of the pages and the API."""
        return Http(self.url, token)

    def predictions(self, key: str = "") -> Http:
        """A client of the prediction server."""
        return Http(self.predict_url, key)

    def set_up(self, email: str = "admin@example.org", name: str = "Admin") -> Http:
        """Make the first administrator by the set-up link; returns a client with their token."""
        secret = re.findall(r"/set-up/([\w-]+)/", self.log())[-1]
        body = {"secret": secret, "email": email, "name": name, "password": PASSWORD}
        reply = self.http().post("/api/v1/setup/", body)
        assert reply.status == 201, reply.text
        return self.http(reply.json["token"])

    def pids(self) -> dict[str, int]:
        """The supervisor's living children by name: valkey, web, worker, scheduler, predict."""
        assert self.supervisor is not None
        names = {"valkey-server": "valkey", "gunicorn": "web", " worker": "worker", " scheduler": "scheduler"}
        names |= {" predict": "predict"}
        found = {}
        for pid, (parent, state, command) in processes().items():
            if parent == self.supervisor.pid and state not in "ZX":
                found |= {name: pid for sign, name in names.items() if sign in command}
        return found

    def tree(self) -> list[int]:
        """Every process of this instance, the supervisor first."""
        assert self.supervisor is not None
        table, tree = processes(), [self.supervisor.pid]
        for pid in tree:
            tree += [child for child, (parent, _, _) in table.items() if parent == pid]
        return tree

    def job_children(self, job_id: str = "") -> list[int]:
        """The limited child processes of jobs that run now: who works in the folder of a job."""
        folder, found = f"{self.data}/tmp/job-{job_id}", []
        for pid, (_, state, _) in processes().items():
            with suppress(OSError):
                if os.readlink(f"/proc/{pid}/cwd").startswith(folder) and state not in "ZX":
                    found.append(pid)
        return found

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        """Send a signal to a child and its group (the web process with its workers); returns its pid."""
        pid = self.pids()[name]
        if name == "web" and number == signal.SIGKILL:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
        return pid

    def pause(self, name: str) -> int:
        """Freeze a child."""
        return self.kill(name, signal.SIGSTOP)

    def resume(self, pid: int) -> None:
        """Let a frozen process go on."""
        os.kill(pid, signal.SIGCONT)

    def run(self, *arguments: str) -> str:
        """A command of manage.py in this instance's environment; returns what it printed."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=self.environment | {"BATON_DATA": str(self.data), "BATON_PORT": str(self.port)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def another(self, command: str) -> "subprocess.Popen[bytes]":
        """One more process of this instance, as a second machine would start it."""
        with self.output.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), command],
                env=self.environment | {"BATON_DATA": str(self.data), "BATON_PORT": str(self.port)},
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
            )
        self.extra.append(process)
        return process

    def stop(self) -> int:
        """Ask it to stop and wait; returns its exit code."""
        assert self.supervisor is not None
        self.supervisor.terminate()
        return self.supervisor.wait(60)

    def remove(self) -> None:
        """End whatever is left and forget its folder and its database."""
        for process in [*self.extra, *([self.supervisor] if self.supervisor else [])]:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in [*self.extra, *([self.supervisor] if self.supervisor else [])]:
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
        self.database.drop()
        shutil.rmtree(self.data, ignore_errors=True)


def running(**options: Any) -> Iterator[Instance]:
    """For fixtures: an instance that is up, and gone afterwards."""
    live = Instance(**options)
    try:
        yield live.start()
    finally:
        live.remove()


def random_bytes(count: int) -> bytes:
    """Bytes that no compression shortens, in printable letters."""
    return base64.b64encode(os.urandom(count))[:count]
