"""F33 and F36: two hundred uploads at once, 5 GB as a table, and 5 GB in one line. Minutes and 15 GB of disk: `make large`.

Every test prints what it measured. The client shares the machine with the instance.
"""

import hashlib
import http.client
import statistics
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.live import Http, Instance, random_bytes, running, until

MB = 1024 * 1024
AT_ONCE = 200
PIECE = 64 * MB
LARGE = 5 * 1024 * MB
TOLD = {200, 201, 202, 429, 503, 507}


@dataclass
class Watch:
    """The largest memory of the web process and of jobs' children, and how long a small page takes meanwhile."""

    live: Instance
    admin: Http
    web: int = 0
    child: int = 0
    waits: list[float] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Watch":
        self.threads = [threading.Thread(target=run) for run in (self._sizes, self._pages)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _sizes(self) -> None:
        while not self.over.wait(0.3):
            tree = [pid for pid in self.live.tree() if "gunicorn" in _command(pid)]
            self.web = max(self.web, sum(map(_resident, tree)))
            self.child = max([self.child, *map(_resident, self.live.job_children())])

    def _pages(self) -> None:
        while not self.over.wait(0.3):
            began = time.monotonic()
            with suppress(OSError):
                self.admin.get("/api/v1/projects/")
            self.waits.append(time.monotonic() - began)

    @property
    def p95(self) -> float:
        """Seconds that the other page took."""
        return statistics.quantiles(self.waits, n=20)[-1] if len(self.waits) > 1 else 0.0

    def told(self, what: str) -> None:
        """Print it."""
        said = f"web {self.web // MB} MB, job's child {self.child // MB} MB"
        print(f"\n{what}: {said}, another page p95 {self.p95:.2f} s ({len(self.waits)} asked)", flush=True)  # noqa: T201


def _command(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""


def _resident(pid: int) -> int:
    with suppress(OSError, IndexError, ValueError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Rss:")) * 1024
    return 0


@pytest.fixture(scope="module")
def live() -> Iterator[Instance]:
    yield from running()


@pytest.fixture(scope="module")
def admin(live: Instance) -> Http:
    """The first administrator, in a project of its own."""
    made = live.set_up()
    body = {"key": "large", "name": "Large", "question": "How much?", "roles": ["owner", "data_engineer"]}
    assert made.post("/api/v1/projects/", body).status == 201
    made.timeout = 900
    return made


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("size", [1, 50])
def test_f33_two_hundred_uploads_at_once_are_taken_or_refused_honestly(live: Instance, admin: Http, size: int) -> None:
    """Whoever is told to come later comes later, for at most a minute for each megabyte."""
    rest, began = random_bytes(MB) * size, time.monotonic()

    def one(number: int) -> tuple[int, str]:
        content = f"{size} {number}\n".encode()
        head = (
            f'--m\r\nContent-Disposition: form-data; name="file"; filename="f{number}.csv"\r\n\r\n'.encode() + content
        )
        tail = b"\r\n--m--\r\n"
        digest = hashlib.sha256(content)
        digest.update(rest)
        headers = {
            "Authorization": f"Bearer {admin.token}",
            "Content-Type": "multipart/form-data; boundary=m",
            "Content-Length": str(len(head) + len(rest) + len(tail)),
        }
        address, status = f"/api/v1/projects/large/datasets/f{size}-{number}/uploads/", 429
        while status == 429 and time.monotonic() - began < 60 * size:
            connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=900)
            body = iter([head, *(rest[at : at + MB] for at in range(0, len(rest), MB)), tail])
            try:
                with suppress(BrokenPipeError, ConnectionResetError):  # refused before all was sent
                    connection.request("POST", address, body, headers)
                answer = connection.getresponse()
                status = answer.status
                time.sleep(int(answer.headers.get("Retry-After", 0)))
            except (OSError, http.client.HTTPException):
                status = 0
            finally:
                connection.close()
        return status, digest.hexdigest()

    with Watch(live, admin) as watch, ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(one, range(AT_ONCE)))
    seconds = time.monotonic() - began
    counts = Counter(status for status, _ in answers)
    watch.told(f"F33, {AT_ONCE} x {size} MB in {seconds:.0f} s, answers {dict(counts)}")
    assert set(counts) <= TOLD
    assert counts[202] > 0
    for status, sha256 in answers:
        place = live.data / "blobs" / sha256[:2] / sha256
        assert status != 202 or hashlib.file_digest(place.open("rb"), "sha256").hexdigest() == sha256
    assert watch.web < 600 * MB
    assert watch.p95 < 1


def send_large(admin: Http, name: str, pieces: Iterator[bytes], size: int) -> str:
    """Upload in pieces; returns the address of the load."""
    begun = admin.post(f"/api/v1/projects/large/datasets/{name}/resumable/", {"file_name": f"{name}.csv", "size": size})
    assert begun.status == 201, begun.text
    offset = 0
    for piece in pieces:
        kind = {"Authorization": f"Bearer {admin.token}", "Content-Type": "application/offset+octet-stream"}
        request = urllib.request.Request(
            admin.base + begun.json["url"], piece, kind | {"Upload-Offset": str(offset)}, method="PATCH"
        )
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=300) as answer:
            offset = int(answer.headers["Upload-Offset"])
    assert offset == size
    done = admin.post(f"{begun.json['url']}finish/", {})
    assert done.status == 202, done.text
    return str(done.json["job"]["url"])


def over(admin: Http, job: str, seconds: float) -> dict[str, object]:
    until(lambda: admin.get(job).json["state"] not in ("queued", "running"), seconds, "the load", every=1)
    return dict(admin.get(job).json)


@pytest.mark.timeout(3600)
def test_f36_five_gigabytes_become_a_table(live: Instance, admin: Http) -> None:
    line = b"%09d,customer-%06d,2026-11-%02d,%07.2f,%d,%s,some words about it that fill the row up to a hundred\n"
    words = (b"month", b"year", b"two years")
    block = b"".join(line % (n, n % 1_000_000, 1 + n % 28, n % 9000, n % 72, words[n % 3]) for n in range(600_000))
    block = block[: block.rfind(b"\n", 0, PIECE) + 1]
    head = b"id,customer,day,charge,months,plan,note\n"
    count = LARGE // len(block)
    rows = count * block.count(b"\n")
    size = len(head) + count * len(block)

    def pieces() -> Iterator[bytes]:
        yield head
        for _ in range(count):
            yield block

    began = time.monotonic()
    with Watch(live, admin) as watch:
        job = send_large(admin, "large", pieces(), size)
    watch.told(f"F36, {size / 1e9:.2f} GB sent in {time.monotonic() - began:.0f} s")
    assert watch.web < 300 * MB
    began = time.monotonic()
    with Watch(live, admin) as watch:
        ended = over(admin, job, 1800)
    watch.told(f"F36, {rows / 1e6:.1f} M rows read and profiled in {time.monotonic() - began:.0f} s")
    assert ended["state"] == "succeeded", ended
    assert ended["result"]["rows"] == rows  # type: ignore[index]


@pytest.mark.timeout(1800)
def test_f36_five_gigabytes_in_one_line_are_refused_quickly(live: Instance, admin: Http) -> None:
    piece = b"x" * PIECE
    job = send_large(admin, "one-line", (piece for _ in range(LARGE // PIECE)), LARGE)
    began = time.monotonic()
    with Watch(live, admin) as watch:
        ended = over(admin, job, 300)
    watch.told(f"F36, one line of {LARGE / 1e9:.2f} GB refused after {time.monotonic() - began:.0f} s")
    assert (ended["state"], ended["code"]) == ("failed", "long_line"), ended
