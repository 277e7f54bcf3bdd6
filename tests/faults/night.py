"""A night of faults in short form: many clients with a journal, something breaks every few seconds, then all is compared.

`make night` takes ten minutes; BATON_NIGHT_SECONDS and BATON_NIGHT_SEED choose others. What was acknowledged must be
there once, and nothing may be left half done: journal, database and disk agree.
"""

import json
import os
import random
import secrets
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from projects.permissions import Role
from tests.faults.conftest import Patient
from tests.journeys.team import Team, make_team
from tests.journeys.test_path import Story, define, load, promote, train
from tests.live import Http, Instance, Reply, until

SECONDS = float(os.environ.get("BATON_NIGHT_SECONDS", "600"))
SEED = int(os.environ.get("BATON_NIGHT_SEED") or random.SystemRandom().randrange(10**6))
EVERY, QUIET = (6.0, 14.0), 240
LOST = (OSError, ValueError)  # no answer, or half of one
STORY = Story(
    key="night", name="Night", question="Who will leave?", kind="binary", file="rows.csv", dataset="customers",
    target="left", run={"target": "left", "positive": "yes", "methods": ["logistic"]}, rows=900, moved={},
    targets=[{"metric": "roc_auc", "direction": "at_least", "threshold": 0.6, "deciding": True}],
)  # fmt: skip
ROW = {"plan": "flex", "months": 7, "price": 20.5}


def rows_of_a_story(folder: Path) -> None:
    """Who stays long leaves seldom."""
    chance = random.Random(5)
    lines = ["plan,months,price,left"]
    for _ in range(STORY.rows):
        months = chance.randrange(60)
        left = "yes" if chance.random() < (0.8 if months < 20 else 0.15) else "no"
        lines.append(f"{chance.choice(['flex', 'year'])},{months},{chance.uniform(9, 80):.2f},{left}")
    (folder / STORY.file).write_text("\n".join(lines) + "\n")


@dataclass
class Journal:
    """What each kind of client was told is done, and how often it was told something else."""

    done: dict[str, set[str]] = field(default_factory=lambda: {kind: set() for kind in CLIENTS})
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, kind: str, status: int, names: list[str]) -> None:
        """Write down an answer."""
        with self.lock:
            self.statuses[kind, status] += 1
            self.done[kind].update(names)


@dataclass
class World:
    """The running loop that everybody works on."""

    patient: Patient
    team: Team
    name: str
    key: str
    log: str
    journal: Journal = field(default_factory=lambda: Journal())
    over: threading.Event = field(default_factory=threading.Event)


def repeated(
    world: World, kind: str, send: Callable[[], Reply], good: int, names: Callable[[Reply], list[str]]
) -> bool:
    """Send the same until it is answered well, as a careful client does; false when the night ended before."""
    while not world.over.is_set():
        with suppress(*LOST):
            reply = send()
            world.journal.note(kind, reply.status, names(reply) if reply.status == good else [])
            if reply.status == good:
                return True
        time.sleep(0.4)
    return False


def predict(world: World, turn: int) -> None:
    caller = Http(world.patient.live.predict_url, world.key, timeout=20)
    body, mark = {"rows": [ROW | {"months": turn % 60}] * 3}, secrets.token_hex(8)
    address, head = f"/v1/deployments/{world.name}/predict", {"Idempotency-Key": mark}
    ids: Callable[[Reply], list[str]] = lambda reply: [one["id"] for one in reply.json["predictions"]]  # noqa: E731
    repeated(world, "predict", lambda: caller.post(address, body, headers=head), 200, ids)
    time.sleep(0.3)


def tell(world: World, turn: int) -> None:
    """Outcomes of answers that are known to be logged."""
    known = sorted(world.journal.done["predict"] - world.journal.done["tell"])[:20]
    if known:
        body = {"outcomes": [{"id": one, "value": "yes"} for one in known]}
        owner = world.team.as_(Role.MLOPS_ENGINEER)
        address = world.team.path(f"deployments/{world.name}/outcomes/")
        with suppress(*LOST):
            reply = owner.post(address, body)
            world.journal.note("tell", reply.status, known if reply.status == 201 else [])
    time.sleep(1)


def upload(world: World, turn: int) -> None:
    name, mark = f"d-{turn}-{secrets.token_hex(2)}", secrets.token_hex(8)
    content = f"a,b\n{turn},{mark}\n2,x\n".encode()
    address = world.team.path(f"datasets/{name}/uploads/")
    engineer = world.team.as_(Role.DATA_ENGINEER)
    files, head = {"file": ("a.csv", content)}, {"Idempotency-Key": mark}
    send = lambda: engineer.send("POST", address, form={}, files=files, headers=head)  # noqa: E731
    repeated(world, "upload", send, 202, lambda reply: [name])
    time.sleep(1)


def log(world: World, turn: int) -> None:
    """Points as a notebook's client sends them: the same again where no answer came."""
    step = turn * 10 + int(threading.current_thread().name)
    points = [{"key": "loss", "value": step / 7, "timestamp": 1_700_000_000_000 + step, "step": step}]
    body = {"run_id": world.log, "metrics": points}
    client = world.team.as_(Role.DATA_SCIENTIST)
    address = f"/p/{STORY.key}/mlflow/api/2.0/mlflow/runs/log-batch"
    repeated(world, "log", lambda: client.post(address, body), 200, lambda reply: [str(step)])
    time.sleep(0.3)


def work(world: World, turn: int) -> None:
    """Jobs: each that was accepted is done once."""
    with suppress(*LOST):
        reply = world.patient.http.post(
            "/faults/jobs/", {"kind": "faults.child", "payload": {"engine": "sleep", "seconds": 1}, "count": 1}
        )
        world.journal.note("work", reply.status, reply.json["ids"] if reply.status == 202 else [])
    time.sleep(4)


CLIENTS = {"predict": predict, "tell": tell, "upload": upload, "log": log, "work": work}


def hurt(world: World, chance: random.Random) -> str:
    """Break one thing, and mend it where it does not mend itself; says what it was."""
    live, broker = world.patient.live, world.patient.broker
    kinds = ["web", "worker", "scheduler", "predict", "pause", "broker", "frozen broker"]
    what = chance.choice([*kinds, "database"] if live.database.url.startswith("postgres") else kinds)
    if what == "broker":
        broker.stop()
        time.sleep(chance.uniform(0, 5))
        broker.start()
    elif what == "frozen broker":
        broker.freeze()
        time.sleep(chance.uniform(3, 15))
        broker.thaw()
    elif what == "database":
        end_connections(live)
    elif what == "pause":
        name = chance.choice([one for one in live.pids() if one in ("web", "worker", "scheduler", "predict")])
        what += f" {name}"
        pid = live.pause(name)
        time.sleep(chance.uniform(3, 15))
        with suppress(ProcessLookupError):
            live.resume(pid)
    elif what in live.pids():
        live.kill(what)
    return what


def end_connections(live: Instance) -> None:
    """As a restart of PostgreSQL looks to those who are connected."""
    import psycopg2

    address = live.database.url
    with psycopg2.connect(address) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


LOOK = """
import json
from collections import Counter
from django.db.models import Count
from datasets.models.versions import Version
from jobs.models import Job
from monitoring.models import Outcome
from storage.models import Blob
from storage.blobs import verified_path
bad = []
for key in Blob.objects.values_list("pk", flat=True):
    try:
        verified_path(str(key))
    except Exception as error:
        bad.append(f"{key}: {error}")
print(json.dumps({
    "jobs": Counter(Job.objects.values_list("state", flat=True)),
    "failed": list(Job.objects.filter(state="failed").values_list("kind", "code", "message", "attempt")[:20]),
    "versions": {name: [count, state] for name, count, state in Version.objects.values_list(
        "dataset__name").annotate(count=Count("pk")).values_list("dataset__name", "count", "state")},
    "blobs": bad,
    "outcomes": list(Outcome.objects.values_list("prediction_id", flat=True)),
}))
"""

READ = """
import json
from deployments.models import Deployment
from deployments.queries.predictions import recent_predictions
from projects.permissions import Role
ids, before, of = [], "", Deployment.objects.get()
while rows := recent_predictions(of, frozenset({Role.OWNER}), before=before, limit=1000):
    ids += [one.id for one in rows]
    before = ids[-1]
print(json.dumps(ids))
"""


def looked(live: Instance, code: str) -> Any:
    """What database and disk say."""
    return json.loads(live.run("shell", "-v", "0", "-c", code).splitlines()[-1])


def client(world: World, kind: str) -> None:
    turn = 0
    while not world.over.is_set():
        turn += 1
        CLIENTS[kind](world, turn)


@pytest.fixture
def world(patient: Patient, tmp_path: Path) -> World:
    """A model in production, a key for it, and a notebook's run."""
    rows_of_a_story(tmp_path)
    team = make_team(
        patient.live, patient.live.set_up(), key=STORY.key, name=STORY.name, question=STORY.question, kind=STORY.kind
    )
    define(team, STORY)
    load(team, STORY, tmp_path)
    name = promote(team, STORY, train(team, STORY))
    key = team.post(Role.ML_ENGINEER, f"deployments/{name}/keys/", {"name": "shop", "days": 30}, 201)["secret"]
    caller = patient.live.predictions(key)
    until(lambda: caller.post(f"/v1/deployments/{name}/predict", {"row": ROW}).status == 200, 90, "the model")
    made = team.as_(Role.DATA_SCIENTIST).post(
        f"/p/{STORY.key}/mlflow/api/2.0/mlflow/runs/create", {"experiment_id": "0", "start_time": 1_700_000_000_000}
    )
    assert made.status == 200, made.text
    return World(patient, team, name, key, made.json["run"]["info"]["run_id"])


@pytest.mark.timeout(SECONDS + 4 * QUIET + 600)
def test_after_a_night_of_faults_journal_database_and_disk_agree(world: World) -> None:
    say = sys.stderr.write
    say(f"\nseed {SEED}, {SECONDS:g} s\n")
    kinds = [*CLIENTS, "predict", "predict", "log", "log"]
    threads = [
        threading.Thread(target=client, args=(world, kind), name=str(place % 10)) for place, kind in enumerate(kinds)
    ]
    for thread in threads:
        thread.start()
    chance, ends, broken = random.Random(SEED), time.monotonic() + SECONDS, Counter[str]()
    while time.monotonic() < ends:
        time.sleep(chance.uniform(*EVERY))
        broken[hurt(world, chance)] += 1
    until(lambda: len(world.patient.live.pids()) >= 4 and world.patient.live._is_up(), 90, "all processes")
    time.sleep(5)
    world.over.set()
    for thread in threads:
        thread.join()
    counts = {kind: len(found) for kind, found in world.journal.done.items()}
    say(f"broken {dict(broken)}\nacknowledged {counts}\nanswers {dict(world.journal.statuses)}\n")
    assert all(counts.values()), "every kind of client got something done"
    wrong = [one for one in world.journal.statuses if one[1] not in (200, 201, 202, 409, 429, 502, 503, 504)]
    assert wrong == [], "what cannot be done now is said to be so, and nothing else"
    compare(world)


def compare(world: World) -> None:
    """The journal against what is there once nothing is under way."""
    live, done, team = world.patient.live, world.journal.done, world.team
    seen: dict[str, Any] = {}

    def quiet() -> bool:
        seen.update(looked(live, LOOK))
        return not set(seen["jobs"]) & {"queued", "running"}

    until(quiet, QUIET, "the end of all jobs", every=3)
    assert seen["failed"] == [], "no job was lost to what was broken"
    assert seen["blobs"] == [], "every stored file is whole"
    assert {name: seen["versions"].get(name, [0])[0] for name in done["upload"]} == dict.fromkeys(done["upload"], 1)
    for job_id in done["work"]:
        job = world.patient.job(job_id)
        assert (job["state"], job["times_done"]) == ("succeeded", 1), job
    logged = Counter(looked(live, READ))
    lost = done["predict"] - set(logged)
    assert not lost, f"{len(lost)} acknowledged answers are not in the log"
    assert [one for one, count in logged.items() if count > 1] == [], "and none is there twice"
    assert done["tell"] <= set(seen["outcomes"]), "every acknowledged outcome is there"
    history = f"/p/{STORY.key}/mlflow/api/2.0/mlflow/metrics/get-history?run_id={world.log}&metric_key=loss"
    steps = Counter(str(one["step"]) for one in team.as_(Role.DATA_SCIENTIST).get(history).json["metrics"])
    assert set(done["log"]) <= set(steps), "every acknowledged point is there"
    assert [step for step, count in steps.items() if count > 1] == [], "and none is there twice"
    assert "entries hold" in live.run("audit_verify")
    for left in (live.data / "tmp").rglob("*"):  # of a worker that was killed; an hour later it goes
        os.utime(left, (time.time() - 2 * 3600,) * 2)
    live.run("shell", "-v", "0", "-c", "from jobs.housekeeping import sweep_temporary_files as go; go()")
    assert not list((live.data / "tmp").glob("job-*")), "no job left its folder"
