"""The prediction server as a process of its own."""

import http.client
import itertools
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable

import pytest

from deployments import log_reading, prediction_ids
from deployments.models import Deployment
from deployments.queries.deployments import champion_of, release_for
from deployments.queries.predictions import prediction, recent_predictions
from deployments.services.keys import make_key, revoke_key
from deployments.services.releases import roll_back
from deployments.serving.journal import folders
from notices.models import Notice
from projects.permissions import Role
from storage import blobs
from tests.deployments import stage
from tests.deployments.stage import ROW

ALL = frozenset({Role.OWNER})


def test_before_its_first_look_a_server_says_that_it_is_not_ready_and_refuses_no_key(shared_database):
    environment = stage.environment_of(f"postgresql://nobody@127.0.0.1:{stage.free_port()}/nothing")
    server = stage.PredictionServer(stage.free_port(), environment)
    server.start(wait_for="/healthz")
    try:
        status, answer = server.predict({"row": ROW}, "bk_any")
        assert (status, answer["code"]) == (503, "not_ready")
        assert server.get("/readyz")[0] == 503
    finally:
        server.kill()


def test_one_row_and_many_are_answered_named_and_logged(live, settings):
    server, deployment, key = live
    status, answer = server.predict({"row": ROW}, key)
    assert status == 200, answer
    assert (answer["deployment"], answer["model"], answer["version"]) == ("churn-classifier", "churn-classifier", 1)
    (one,) = answer["predictions"]
    assert one["answer"] in ("yes", "no")
    assert 0 <= one["probability"] <= 1
    assert prediction_ids.belongs(settings.SERVING_KEY, deployment.name, one["id"])
    status, answer = server.predict({"rows": [ROW, ROW | {"plan": "never seen"}, ROW | {"charge": None}]}, key)
    assert status == 200
    assert len({said["id"] for said in answer["predictions"]}) == 3
    logged = recent_predictions(deployment, ALL)
    assert len(logged) == 4
    assert sum(row.unknown for row in logged) == 1
    found = prediction(deployment, one["id"], ALL)
    assert (found.row, found.answer, found.probability) == (ROW, one["answer"], one["probability"])
    document = json.loads(
        server.get(f"/v1/deployments/{deployment.name}/openapi.json", Authorization=f"Bearer {key}")[2]
    )
    body = document["paths"]["/v1/deployments/churn-classifier/predict"]["post"]["requestBody"]
    assert server.predict(body["content"]["application/json"]["example"], key)[0] == 200
    for path in (f"/v1/deployments/{deployment.name}/invocations", f"/v2/models/{deployment.name}/infer"):
        example = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"]
        assert server.request("POST", path, json.dumps(example), Authorization=f"Bearer {key}")[0] == 200
    metrics = server.get("/metrics")[2].decode()
    assert 'baton_model_in_use{deployment="churn-classifier",model="churn-classifier",version="1"} 1' in metrics
    assert key not in metrics
    assert server.get("/metrics", X_Forwarded_For="203.0.113.9")[0] == 404
    assert server.stop() in (0, -signal.SIGTERM)
    opened, sealed = folders(settings.DATA_DIR)
    assert not list(opened.iterdir())
    assert len(list(sealed.iterdir())) == 1
    assert len(recent_predictions(deployment, ALL)) == 7


def test_every_refusal_says_what_is_wrong_and_nothing_breaks_the_server(live):
    server, deployment, key = live
    status, answer = server.predict({"rows": [ROW, ROW | {"months": "3"}]}, key)
    assert (status, answer["errors"][0]["row"], answer["errors"][0]["field"]) == (422, 1, "months")
    status, answer = server.predict({"row": {"plan": "flex"}}, key)
    assert (status, answer["errors"][0]["field"]) == (422, "months")
    predict = f"/v1/deployments/{deployment.name}/predict"
    good = json.dumps({"row": ROW})
    bearer = {"Authorization": f"Bearer {key}"}
    assert server.request("POST", predict, good)[0] == 401
    assert server.predict({"row": ROW}, "bk_wrong")[0] == 401
    assert server.predict({"row": ROW}, key, name="another")[0] == 404
    assert server.predict({"rows": [{}] * 10_001}, key)[0] == 413
    assert server.predict(b" " * (20 * 1024 * 1024), key)[0] == 413
    assert server.predict(b'{"row":' + b"[" * 200_000, key)[0] == 400
    assert server.predict(b'{"row": {"months": NaN}}', key)[0] == 400
    assert server.request("POST", predict, good, Content_Type="text/csv", **bearer)[0] == 400
    assert server.request("POST", predict, good, Content_Encoding="gzip", **bearer)[0] == 400
    assert server.get(predict)[0] == 405
    for path in ("/", "/nothing", "/v1/deployments/", "/v1/deployments/x", "/v1/deployments/x/y", "/.git/config"):
        assert server.get(path)[0] == 404
    for host in ("evil.example", "localhost.evil.example", "localhost:80@evil.example", ""):
        assert server.request("GET", "/healthz", Host=host)[0] == 400
    for head in (
        b"GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 200_000 + b"\r\n\r\n",
        b"POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"nonsense\r\n\r\n",
    ):
        assert raw(server, head).startswith((b"HTTP/1.1 400", b"HTTP/1.1 405"))
    assert server.predict({"row": ROW}, key)[0] == 200


def raw(server: stage.PredictionServer, content: bytes) -> bytes:
    """What the server answers to these bytes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as one:
        one.sendall(content)
        return one.recv(2000)


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether it came true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def test_keys_and_champions_change_within_their_time(live, shared_cast, retrained):
    server, deployment, key = live
    by = shared_cast[Role.ML_ENGINEER]
    other, second = make_key(deployment, name="second", days=1, by=by)
    assert until(lambda: server.predict({"row": ROW}, second)[0] == 200, 1.5)
    revoke_key(other, by=by)
    assert until(lambda: server.predict({"row": ROW}, second)[0] == 401, 1.5)
    _, third = make_key(deployment, name="third", days=1, by=by)
    assert until(lambda: server.predict({"row": ROW}, third)[0] == 200, 1.5)

    first = champion_of(deployment)
    assert first is not None
    said: list[tuple[int, int]] = []
    ended = threading.Event()

    def ask_on() -> None:
        while not ended.is_set():
            status, answer = server.predict({"row": ROW}, key)
            said.append((status, answer.get("version", 0)))

    callers = [threading.Thread(target=ask_on) for _ in range(4)]
    for one in callers:
        one.start()
    stage.put_into_use(stage.version_of(shared_cast.project, retrained), by)
    assert until(lambda: server.predict({"row": ROW}, key)[1]["version"] == 2, 5)
    to = release_for(deployment, first.pk)
    roll_back(deployment, to=to, reason="worse", by=by)
    assert until(lambda: server.predict({"row": ROW}, key)[1]["version"] == 1, 1.5)
    ended.set()
    for one in callers:
        one.join()
    assert {status for status, _ in said} == {200}, "a request failed while the version was switched"
    assert {version for _, version in said} == {1, 2}


def test_a_damaged_bundle_is_never_loaded_and_the_last_good_version_goes_on(
    live, shared_cast, trained, retrained, settings
):
    """A38."""
    server, deployment, key = live
    second = stage.version_of(shared_cast.project, retrained)
    path = blobs.verified_path(second.bundle_id)
    path.chmod(0o600)
    path.write_bytes(trained.bundle.read_bytes())  # another model that would load well
    release = stage.put_into_use(second, shared_cast[Role.ML_ENGINEER])
    assert until(lambda: server.get("/readyz")[0] == 503, 5)
    assert "hash" in json.loads(server.get("/readyz")[2])["troubles"][deployment.name]
    status, answer = server.predict({"row": ROW}, key)
    assert (status, answer["version"]) == (200, 1)
    release.refresh_from_db()
    assert "hash" in release.trouble
    server.kill()
    server.start(wait_for="/healthz")
    assert until(lambda: server.predict({"row": ROW}, key)[1].get("code") == "corrupted", 30)
    assert Notice.objects.filter(text__contains="needs you").exists()
    for folder in (path.parent, *folders(settings.DATA_DIR)):
        assert folder.stat().st_mode & 0o077 == 0, folder


def test_a_database_that_goes_away_changes_nothing_for_callers(live, settings):
    server, _, key = live
    place = settings.DATA_DIR / "baton.sqlite3"
    if not place.exists():
        pytest.skip("needs a database of its own to take away: SQLite")
    hidden = place.with_suffix(".hidden")
    place.rename(hidden)
    time.sleep(1.5)
    assert server.predict({"row": ROW}, key)[0] == 200
    place.unlink(missing_ok=True)
    hidden.rename(place)


class Clients:
    """Several callers at once, who keep what they were answered."""

    def __init__(self, server: stage.PredictionServer, key: str) -> None:
        self.server, self.key = server, key
        self.answered: dict[str, tuple[str, float]] = {}

    def run(self, stop: threading.Event) -> None:
        """Ask until told to stop, or until the server is gone."""
        for number in itertools.count():
            try:
                rows = [ROW | {"months": number % 60}] * (1 + number % 3)
                status, answer = self.server.predict({"rows": rows}, self.key)
            except (OSError, http.client.HTTPException, ValueError):
                return
            for one in answer["predictions"] if status == 200 else ():
                assert one["id"] not in self.answered
                self.answered[one["id"]] = (one["answer"], one["probability"])
            if stop.is_set():
                return

    def until_killed(self, count: int, more: int) -> None:
        """Ask from `count` threads; kill the server under them when `more` rows were answered."""
        enough, stop = len(self.answered) + more, threading.Event()
        threads = [threading.Thread(target=self.run, args=(stop,)) for _ in range(count)]
        for thread in threads:
            thread.start()
        until(lambda: len(self.answered) >= enough, 20)
        self.server.kill()
        stop.set()
        for thread in threads:
            thread.join()


def whole_log(deployment: Deployment) -> list[log_reading.Logged]:
    """Every row, page by page, newest first."""
    logged: list[log_reading.Logged] = []
    while page := recent_predictions(deployment, ALL, before=logged[-1].id if logged else "", limit=200):
        logged += page
    return logged


def test_what_was_answered_is_in_the_log_once_after_kill_9(live):
    """F51. `make faults` does it twenty times."""
    server, deployment, key = live
    clients = Clients(server, key)
    for round_number in range(min(20, int(os.environ.get("BATON_FAULT_ROUNDS", "5")))):
        if round_number:
            server.start()
        before = len(clients.answered)
        clients.until_killed(6, 250)
        assert len(clients.answered) > before
    logged = whole_log(deployment)
    ids = [row.id for row in logged]
    assert len(ids) == len(set(ids))
    assert ids == sorted(ids, reverse=True)
    kept = {row.id: (row.answer, row.probability) for row in logged}
    assert {name: kept.get(name) for name in clients.answered} == clients.answered


def test_three_languages_are_answered_alike_and_logged(live):
    server, deployment, key = live
    bearer = {"Authorization": f"Bearer {key}", "Content_Type": "application/json"}

    def post(path: str, body: object) -> tuple[int, dict]:
        status, _, answer = server.request("POST", path, json.dumps(body), **bearer)
        return status, json.loads(answer)

    rows = [ROW, ROW | {"charge": None, "plan": "never seen"}]
    own = server.predict({"rows": rows}, key)[1]["predictions"]
    chances = [one["probability"] for one in own]
    for path in ("/invocations", f"/v1/deployments/{deployment.name}/invocations"):
        status, answer = post(path, {"dataframe_split": {"columns": [*ROW], "data": [[*row.values()] for row in rows]}})
        assert (status, answer["predictions"]) == (200, [one["answer"] for one in own])
        assert answer["probabilities"] == chances
    assert server.get("/v2/health/ready")[0] == server.get("/v2/health/live")[0] == server.get("/ping")[0] == 200
    assert server.get("/v2/models/churn-classifier")[0] == 401
    told = json.loads(server.get("/v2/models/churn-classifier", **bearer)[2])
    tensors = [
        {"name": one["name"], "datatype": one["datatype"], "shape": [2], "data": [row[one["name"]] for row in rows]}
        for one in told["inputs"]
    ]
    status, answer = post("/v2/models/churn-classifier/versions/1/infer", {"inputs": tensors})
    assert status == 200
    said = {one["name"]: one["data"] for one in answer["outputs"]}
    assert said["probability"] == chances
    assert prediction(deployment, said["id"][1], ALL).row == rows[1]
    assert post("/v2/models/churn-classifier/versions/2/infer", {"inputs": tensors})[0] == 404
    status, answer = post("/v2/models/churn-classifier/infer", {"inputs": tensors[:1]})
    assert (status, answer["errors"][0]["field"], answer["error"]) == (422, "plan", answer["detail"])
    bearer["Idempotency_Key"] = "order 17"
    first, again = (post("/v2/models/churn-classifier/infer", {"inputs": tensors}) for _ in range(2))
    assert first == again
    assert post("/v2/models/churn-classifier/infer", {"inputs": tensors, "id": "1"})[0] == 409
    del bearer["Idempotency_Key"]
    assert post("/invocations", {"instances": [[3, "much", "flex"]]})[1]["errors"][0]["field"] == "charge"
    assert len(recent_predictions(deployment, ALL)) == 10


def test_many_callers_at_once_get_their_own_answers(live):
    server, deployment, key = live
    alone = {months: server.predict({"row": ROW | {"months": months}}, key)[1] for months in range(1, 9)}
    found: dict[int, list] = {months: [] for months in alone}

    def ask(months: int) -> None:
        for _ in range(15):
            body = {"row": ROW | {"months": months if months < 8 else "eight"}}
            found[months].append(server.predict(body, key))

    threads = [threading.Thread(target=ask, args=(months,)) for months in alone]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    for months, answers in found.items():
        for status, answer in answers:
            if months == 8:
                assert (status, answer["errors"][0]["row"]) == (422, 0)
            else:
                assert status == 200
                wanted = alone[months]["predictions"][0]["probability"]
                assert answer["predictions"][0]["probability"] == pytest.approx(wanted, abs=1e-12)
    logged = recent_predictions(deployment, ALL, limit=500)
    ids = {answer["predictions"][0]["id"] for months in range(1, 8) for _, answer in found[months]}
    assert len(ids) == 7 * 15
    assert ids < {row.id for row in logged}
