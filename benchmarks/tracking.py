"""The tracking protocol beside a genuine MLflow server: same client, same database, rounds in turn, in one run.

pip makes an environment with mlflow once (see `_venvs.CACHE`). On the PostgreSQL of BATON_BENCH_POSTGRES, an address
like postgresql://postgres@127.0.0.1:5432 where databases may be made and dropped; without it, both on SQLite.
BATON_BENCH_RUNS is how many runs the experiment of the pages holds, BATON_BENCH_ROUNDS how many rounds there are, and
BATON_BENCH_COUNTS how many runs, calls and pages each round measures.
"""

import json
import os
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks._venvs import MLFLOW, python_with
from benchmarks.lists import ROOT, _prepare

POSTGRES = os.environ.get("BATON_BENCH_POSTGRES", "")
RUNS = int(os.environ.get("BATON_BENCH_RUNS", "100000" if POSTGRES else "10000"))
ROUNDS = int(os.environ.get("BATON_BENCH_ROUNDS", "3"))
PATIENCE = int(os.environ.get("BATON_BENCH_PATIENCE", "300"))
MEASURED = ("runs", "calls", "pages", "plain")
COUNTS = dict(zip(MEASURED, os.environ.get("BATON_BENCH_COUNTS", "20 60 5 15").split(), strict=True))
CLIENT = Path(__file__).with_name("_tracking_client.py")
GOALS = {"runs": 8, "calls": 5, "by a metric": 10}


def main() -> None:
    """Both servers side by side; medians and ratios."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that servers and databases go too
    python, mark = python_with(*MLFLOW), secrets.token_hex(4)
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as folder, _databases(mark) as databases:
        ports = [_free_port(), _free_port()]
        token = _ours(Path(folder) / "ours", ports[0], databases[0])
        server = subprocess.Popen([sys.executable, "manage.py", "web"], cwd=ROOT, start_new_session=True)
        peer = _peer(python, Path(folder) / "peer", ports[1], databases[1])
        try:
            for port, process in zip(ports, (server, peer), strict=True):
                _until_it_answers(port, process)
            places = [(f"http://127.0.0.1:{ports[0]}/p/bench/mlflow", token), (f"http://127.0.0.1:{ports[1]}", "")]
            _fill_peer(python, databases[1], Path(folder) / "peer", places[1])
            print(f"{'PostgreSQL' if POSTGRES else 'SQLite'}, an experiment of {RUNS:,} runs, {ROUNDS} rounds")
            _tell(_rounds(python, places))
            _tell_memory(server.pid, peer.pid)
        finally:
            for process in (server, peer):
                _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """A server and all that it started, in groups of their own too."""
    tree = _tree(process.pid)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in tree:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until_it_answers(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(PATIENCE * 5):
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
    sys.exit(f"The server at port {port} did not start.")


@contextmanager
def _databases(mark: str) -> Iterator[list[str]]:
    """Two new databases, or two empty words for SQLite."""
    names = [f"baton_bench_{who}_{mark}" for who in ("ours", "peer")] if POSTGRES else []
    for name in names:
        _sql(f"{POSTGRES}/postgres", f'CREATE DATABASE "{name}"')
    try:
        yield [f"{POSTGRES}/{name}" for name in names] or ["", ""]
    finally:
        if names:
            from django.db import connections

            connections.close_all()
        for name in names:
            _sql(f"{POSTGRES}/postgres", f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _sql(address: str, *texts: str) -> None:
    import psycopg

    with psycopg.connect(address, autocommit=True) as connection:
        for text in texts:
            connection.execute(text.encode())


def _ours(folder: Path, port: int, database: str) -> str:
    """An instance with a project and a filled experiment; a token of its data scientist."""
    folder.mkdir()
    os.environ["DATABASE_URL"] = database
    if not database:
        del os.environ["DATABASE_URL"]
    _prepare(folder, port)
    from accounts.models import User
    from accounts.services import make_token
    from projects.models.projects import Project
    from projects.models.team import Membership
    from projects.permissions import Role

    user = User(email="bench@example.org", name="Bench")
    user.set_unusable_password()
    user.save()
    project = Project.objects.create(key="bench", name="Bench", question="Who will leave?", created_by=user)
    Membership.objects.create(project=project, user=user, role=Role.DATA_SCIENTIST)
    began = time.perf_counter()
    _fill_ours(project, user)
    print(f"ours is filled in {time.perf_counter() - began:.0f} s", flush=True)
    return make_token(user, name="bench", by=user)[1]


# ---- The same runs on both sides: 10 parameters, 5 metrics, 4 tags each ----

NUMBERS = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {RUNS})"
KEYS = {"param": [f"p{place}" for place in range(10)], "metric": [f"m{place}" for place in range(5)],
        "tag": [f"t{place}" for place in range(4)]}  # fmt: skip
START = 1_700_000_000_000


def _value(kind: str, place: int) -> str:
    """The value of a run's key as SQL, spread over the runs."""
    if kind == "metric":
        return f"((i * {7919 + 2 * place}) % 1000003) / 1000003.0"
    return f"CAST((i * {place + 3}) % 7 AS TEXT)"


def _run_key(post: bool) -> str:
    return "lpad(to_hex(i), 32, '0')" if post else "printf('%032x', i)"


def _fill_ours(project: Any, user: Any) -> None:
    from django.db import connection, transaction
    from django.utils import timezone

    from experiments.models.logged import LogExperiment
    from experiments.models.records import RunKey

    now = timezone.now()
    LogExperiment.objects.create(project=project, number=0, name="Default", created_at=now, changed_at=now)
    folder = LogExperiment.objects.create(project=project, number=1, name="filled", created_at=now, changed_at=now)
    pk = project.pk.hex if connection.vendor == "sqlite" else str(project.pk)
    texts = [
        "INSERT INTO experiments_runrecord (project_id, number, trial_number, kind, state, method, cause, hypothesis, "
        "currency, created_at, finished_at, seconds) "
        f"{NUMBERS} SELECT '{pk}', i, 0, 'notebook', 'finished', '', 'person', '', '', '{now}', '{now}', 1 FROM n",
        "INSERT INTO experiments_logrun (project_id, experiment_id, record_id, key, name, user_name, started, ended) "
        f"{NUMBERS} SELECT '{pk}', {folder.pk}, r.id, {_run_key(connection.vendor == 'postgresql')}, 'run', '', "
        f"{START} + i, {START} + i + 1000 FROM n JOIN experiments_runrecord r ON r.number = i",
    ]
    for kind, names in KEYS.items():
        for place, name in enumerate(names):
            key, value = RunKey.objects.create(project=project, kind=kind, name=name).pk, _value(kind, place)
            value = value.replace("i *", "number *")
            if kind == "metric":
                columns = "last, step, at, low, low_step, high, high_step, points"
                rows = f"(SELECT id, {value} AS v FROM experiments_runrecord) AS n"
                texts.append(
                    f"INSERT INTO experiments_runmetric (record_id, key_id, {columns}) "
                    f"SELECT id, {key}, v, 0, {START}, v, 0, v, 0, 1 FROM {rows}"
                )
            else:
                texts.append(
                    "INSERT INTO experiments_runtext (record_id, key_id, value) "
                    f"SELECT id, {key}, {value} FROM experiments_runrecord"
                )
    with transaction.atomic(), connection.cursor() as cursor:
        for text in texts:
            cursor.execute(text)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _fill_peer(python: str, database: str, folder: Path, place: tuple[str, str]) -> None:
    """The same rows in the peer's tables."""
    make = "from mlflow import MlflowClient; print(MlflowClient().create_experiment('filled'))"
    number = int(subprocess.run([python, "-c", make], env=_client(place), check=True, capture_output=True, text=True)
                 .stdout.split()[-1])  # fmt: skip
    key = _run_key(bool(database))
    texts = [
        "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, "
        "end_time, source_version, lifecycle_stage, artifact_uri, experiment_id) "
        f"{NUMBERS} SELECT {key}, 'run', 'UNKNOWN', '', '', '', 'FINISHED', {START} + i, {START} + i + 1000, '', "
        f"'active', 'mlflow-artifacts:/{number}/x/artifacts', {number} FROM n"
    ]
    no = "false" if database else "0"
    for kind, names in KEYS.items():
        for at, name in enumerate(names):
            value = _value(kind, at)
            if kind == "metric":
                for table in ("metrics", "latest_metrics"):
                    texts.append(f"INSERT INTO {table} (run_uuid, key, value, timestamp, step, is_nan) {NUMBERS} "
                                 f"SELECT {key}, '{name}', {value}, {START}, 0, {no} FROM n")  # fmt: skip
            else:
                texts.append(
                    f"INSERT INTO {kind}s (run_uuid, key, value) {NUMBERS} SELECT {key}, '{name}', {value} FROM n"
                )
    began = time.perf_counter()
    if database:
        _sql(database, *texts, "ANALYZE")
    else:
        import sqlite3

        with sqlite3.connect(folder / "mlflow.db", timeout=60) as connection:
            for text in [*texts, "ANALYZE"]:
                connection.execute(text)
    print(f"the peer is filled in {time.perf_counter() - began:.0f} s", flush=True)


# ---- Servers and clients ----


def _peer(python: str, folder: Path, port: int, database: str) -> "subprocess.Popen[bytes]":
    """`mlflow server` as it comes, with its files in a folder."""
    folder.mkdir()
    store = database.replace("postgresql:", "postgresql+psycopg2:") or f"sqlite:///{folder / 'mlflow.db'}"
    command = [str(Path(python).parent / "mlflow"), "server", "--backend-store-uri", store, "--port", str(port),
               "--artifacts-destination", str(folder / "files")]  # fmt: skip
    path = f"{Path(python).parent}:{os.environ['PATH']}"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("BATON", "DJANGO", "DATABASE"))}
    with (folder / "output.txt").open("wb") as said:
        own = {"env": clean | {"PATH": path}, "stdout": said, "stderr": said}
        return subprocess.Popen(command, cwd=folder, start_new_session=True, **own)  # type: ignore[call-overload]


def _client(place: tuple[str, str]) -> dict[str, str]:
    plain = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    own = {"MLFLOW_TRACKING_URI": place[0], "MLFLOW_HTTP_REQUEST_TIMEOUT": str(PATIENCE)}
    return plain | own | ({"MLFLOW_TRACKING_TOKEN": place[1]} if place[1] else {})


def _asked(python: str, place: tuple[str, str], what: str, clients: int = 1) -> list[dict[str, list[float]]]:
    """What each of some clients at once measured; nothing of those that took longer than PATIENCE."""
    command = [python, str(CLIENT), what, COUNTS[what]]
    running = [subprocess.Popen(command, env=_client(place), stdout=subprocess.PIPE, text=True) for _ in range(clients)]
    found = []
    for one in running:
        try:
            found.append(json.loads(one.communicate(timeout=PATIENCE)[0].splitlines()[-1]))
        except (subprocess.TimeoutExpired, IndexError):
            one.kill()
    return found


def _rounds(python: str, places: list[tuple[str, str]]) -> list[dict[str, list[float]]]:
    """Seconds of each thing, for us and for the peer, all rounds together; the order of the two is turned each time."""
    found: list[dict[str, list[float]]] = [{}, {}]
    for number in range(ROUNDS):
        for side in (0, 1) if number % 2 else (1, 0):
            for what in COUNTS:
                for one in _asked(python, places[side], what):
                    for name, taken in one.items():
                        found[side].setdefault(name, []).extend(taken)
            for one in _asked(python, places[side], "runs", clients=4):
                found[side].setdefault("runs, each of 4 clients", []).extend(one["runs"])
    return found


def _tell(found: list[dict[str, list[float]]]) -> None:
    for name in dict.fromkeys([*found[1], *found[0]]):
        middle = [statistics.median(side[name]) * 1000 if side.get(name) else float("nan") for side in found]
        goal = f" (at least {GOALS[name]}x wanted)" if name in GOALS else ""
        print(f"{name:24} ours {middle[0]:9.1f} ms   MLflow {middle[1]:9.1f} ms   {middle[1] / middle[0]:6.1f}x{goal}")


def _tell_memory(ours: int, peer: int) -> None:
    sizes = [sum(map(_proportional, _tree(pid))) / 1024 for pid in (ours, peer)]
    print(
        f"{'memory':24} ours {sizes[0]:9.0f} MB   MLflow {sizes[1]:9.0f} MB   {sizes[1] / sizes[0]:6.1f}x (4x wanted)"
    )


def _tree(pid: int) -> list[int]:
    """A process and all below it."""
    found, waiting = [], [pid]
    while waiting:
        found.append(one := waiting.pop())
        with suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
    return found


def _proportional(pid: int) -> int:
    """KB of a process, shared pages by their share."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


if __name__ == "__main__":
    main()
