"""What callers do wrong or mean badly, asked of a real prediction server: A13, A55, A57, A61, F50, F52-F54."""

import gzip
import http.client
import json
import shutil
import socket
import threading
import time
import zlib

import pytest
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as bound
from hypothesis import strategies as st

from deployments.models import Deployment
from deployments.queries.deployments import champion_of
from deployments.queries.predictions import recent_predictions
from deployments.services.keys import make_key
from deployments.services.servers import changed
from deployments.serving.journal import OPEN
from deployments.serving.parsing import MAX_BODY
from notices.models import Notice
from projects.permissions import Role
from tests.deployments import stage
from tests.deployments.stage import ROW
from tests.deployments.test_server import ALL, until, whole_log

PREDICT = "/v1/deployments/churn-classifier/predict"


def packed(server, key, body, encoding):
    status, headers, said = server.request(
        "POST", PREDICT, body, Authorization=f"Bearer {key}", Content_Type="application/json", Content_Encoding=encoding
    )
    return status, headers, json.loads(said)


def test_f50_packed_bodies_are_read_and_bombs_are_not(live):
    server, _, key = live
    plain = json.dumps({"rows": [ROW, ROW | {"months": 40}]}).encode()
    wanted = [one["probability"] for one in server.predict(plain, key)[1]["predictions"]]
    for encoding, body in (
        ("gzip", gzip.compress(plain)),
        ("deflate", zlib.compress(plain)),
        ("GZIP", gzip.compress(plain)),
    ):
        status, _, answer = packed(server, key, body, encoding)
        assert status == 200, answer
        assert [one["probability"] for one in answer["predictions"]] == wanted
    bomb = gzip.compress(b" " * (MAX_BODY + 1))
    assert len(bomb) < 10_000
    many, before = gzip.compress(b" " * 400 * 1024**2), _most_memory(server)
    for body, code in (
        (bomb, 413),
        (many, 413),
        (plain, 400),
        (gzip.compress(plain)[:-9], 400),
        (gzip.compress(plain) + b"more", 400),
        (b"", 400),
    ):
        assert packed(server, key, body, "gzip")[0] == code, body[:40]
    assert _most_memory(server) - before < 100
    for encoding in ("br", "gzip, gzip", "x" * 5000):
        status, headers, answer = packed(server, key, gzip.compress(plain), encoding)
        assert (status, answer["code"], headers["accept-encoding"]) == (415, "wrong_encoding", "gzip, deflate")
    assert packed(server, key, plain, "identity")[0] == 200
    assert server.predict({"rows": []}, key)[0] == 422
    assert server.predict(plain, key)[0] == 200


def _most_memory(server):
    """The most that the server ever held, in MB."""
    with open(f"/proc/{server.process.pid}/status") as status:
        return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) / 1024


def test_a55_slow_and_lying_senders_take_nobody_elses_time(live):
    server, _, key = live
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    key_line = f"Authorization: Bearer {key}\r\n"
    ways = (
        "",
        f"{key_line}Content-Length: 500\r\n\r\n{{",
        f"{key_line}Transfer-Encoding: chunked\r\n\r\n1\r\n{{\r\n",
        f"{key_line}X-Endless: ",
    )
    slow = []
    for number in range(500):
        one = socket.create_connection(("127.0.0.1", server.port))
        one.sendall((head + ways[number % len(ways)]).encode())
        slow.append(one)
    took = []
    for _ in range(100):
        began = time.monotonic()
        assert server.predict({"row": ROW}, key)[0] == 200
        took.append(time.monotonic() - began)
    assert sorted(took)[98] < 1
    for one in slow:
        one.close()
    many = {f"unknown {number}": number for number in range(10_000)}
    assert server.predict({"row": ROW | many}, key)[0] == 200
    for length in ("-5", "nonsense", "5, 6", ""):
        said = _raw(server, f"{head}{key_line}Content-Length: {length}\r\n\r\n{{}}")
        assert said.startswith((b"HTTP/1.1 400", b"HTTP/1.1 422")), (length, said[:60])
    assert _raw(server, f"{head}{key_line}Content-Length: {1 << 30}\r\n\r\n").startswith(b"HTTP/1.1 413")
    assert server.predict({"row": ROW}, key)[0] == 200


def _raw(server, text):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as one:
        one.sendall(text.encode())
        return one.recv(2000)


def test_a13_a61_a_key_opens_its_deployment_and_nothing_else(live, shared_cast, trained, api_of):
    server, _, key = live
    by = shared_cast[Role.ML_ENGINEER]
    other = stage.put_into_use(stage.version_of(shared_cast.project, trained, name="other"), by).deployment
    _, second = make_key(other, name="elsewhere", days=1, by=by)
    assert until(lambda: server.predict({"row": ROW}, second, name="other")[0] == 200, 5)
    assert server.predict({"row": ROW}, second)[0] == 404
    assert server.predict({"row": ROW}, key, name="other")[0] == 404
    assert server.get("/v2/models/churn-classifier", Authorization=f"Bearer {second}")[0] == 404
    assert server.request("POST", PREDICT, json.dumps({"row": ROW}), Content_Type="application/json")[0] == 401
    for path in ("datasets/", "deployments/", "deployments/churn-classifier/predictions/", "runs/"):
        said = Client().get(f"/api/v1/projects/{shared_cast.project.key}/{path}", HTTP_AUTHORIZATION=f"Bearer {key}")
        assert said.status_code == 401, path
    token = api_of(by).defaults["HTTP_AUTHORIZATION"].partition(" ")[2]
    assert server.predict({"row": ROW}, token)[0] == 401


def test_a57_who_asks_beyond_their_quota_is_told_when_to_come_again(live, shared_cast):
    server, deployment, key = live
    by = shared_cast[Role.ML_ENGINEER]
    _, greedy = make_key(deployment, name="greedy", days=1, by=by, rows_per_day=50)
    assert until(lambda: server.predict({"row": ROW}, greedy)[0] == 200, 5)
    statuses = []
    for _ in range(60):
        status, headers, _ = server.request(
            "POST", PREDICT, json.dumps({"row": ROW}), Authorization=f"Bearer {greedy}", Content_Type="application/json"
        )
        statuses.append(status)
    assert statuses == [200] * 49 + [429] * 11
    assert 0 < int(headers["retry-after"]) <= 86_400
    assert server.predict({"row": ROW}, key)[0] == 200


def test_f52_a_log_that_cannot_be_written_is_refused_or_said_and_told(live, shared_cast, settings):
    server, deployment, key = live
    assert server.predict({"row": ROW}, key)[0] == 200
    folder = settings.DATA_DIR / "predictions" / OPEN
    folder.rename(folder.with_name("aside"))
    folder.write_text("no folder")  # also root cannot write below it
    status, answer = server.predict({"row": ROW}, key)
    assert status == 503
    assert "Nothing was answered" in answer["detail"]
    assert until(lambda: Notice.objects.filter(text__contains="cannot be written").exists(), 5)
    Deployment.objects.filter(pk=deployment.pk).update(answers_unlogged=True)
    changed()
    assert until(lambda: server.predict({"row": ROW}, key)[0] == 200, 5)
    assert server.predict({"row": ROW}, key)[1]["predictions"][0]["logged"] is False
    folder.unlink()
    shutil.move(folder.with_name("aside"), folder)
    assert until(lambda: "logged" not in server.predict({"row": ROW}, key)[1]["predictions"][0], 5)
    assert until(lambda: server.get("/readyz")[0] == 200, 5)


def test_f53_a_caller_that_gave_up_and_asks_again_is_answered_and_logged_once(live):
    server, deployment, key = live
    body = json.dumps({"row": ROW})
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Idempotency-Key": "order 17"}
    gone = http.client.HTTPConnection("127.0.0.1", server.port)
    gone.request("POST", PREDICT, body, headers)
    gone.close()  # before any answer
    said = [server.request("POST", PREDICT, body, **headers) for _ in range(3)]
    assert {status for status, _, _ in said} == {200}
    assert len({answer for _, _, answer in said}) == 1
    logged = recent_predictions(deployment, ALL)
    assert [row.id for row in logged] == [json.loads(said[0][2])["predictions"][0]["id"]]


@pytest.mark.timeout(120)
def test_f54_each_answer_names_the_version_that_made_it_and_the_log_agrees(live, shared_cast, retrained):
    server, deployment, key = live
    statuses, named, ended = [], {}, threading.Event()

    def ask_on():
        while not ended.is_set():
            status, answer = server.predict({"row": ROW}, key)
            statuses.append(status)
            named.update((one["id"], (answer["version"], one["probability"])) for one in answer["predictions"])
            time.sleep(0.08)  # four of them: 50 a second

    callers = [threading.Thread(target=ask_on) for _ in range(4)]
    for one in callers:
        one.start()
    stage.put_into_use(stage.version_of(shared_cast.project, retrained), shared_cast[Role.ML_ENGINEER])
    assert until(lambda: any(version == 2 for version, _ in named.values()), 10)
    time.sleep(0.5)
    ended.set()
    for one in callers:
        one.join()
    assert set(statuses) == {200}
    assert champion_of(deployment).version.number == 2
    assert {version for version, _ in named.values()} == {1, 2}
    assert len({pair for pair in named.values()}) == 2  # and each version says its own
    assert {row.id: (row.version, row.probability) for row in whole_log(deployment)} == named


ODD = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.lists(st.integers(), max_size=2)
)
GOOD = st.integers(-10, 100) | st.floats(-1e6, 1e6) | st.sampled_from(["flex", "year", "never seen"])
ROWS = st.dictionaries(st.sampled_from(["months", "charge", "plan", "more"]), GOOD | ODD, max_size=4)
TENSORS = st.fixed_dictionaries(
    {"name": st.sampled_from(["months", "charge", "plan", "more"]), "data": st.lists(GOOD | ODD, max_size=3)},
    optional={
        "datatype": st.sampled_from(["INT64", "FP64", "BYTES", "BOOL", "FP8"]),
        "shape": st.lists(GOOD, max_size=2),
    },
)
ASKED = (
    st.tuples(st.just(PREDICT), st.fixed_dictionaries({"rows": st.lists(ROWS, max_size=3)}) | ROWS | ODD)
    | st.tuples(st.just("/invocations"), st.dictionaries(
        st.sampled_from(["dataframe_records", "inputs", "instances", "params"]), st.lists(ROWS | ODD, max_size=3) | ODD))
    | st.tuples(st.just("/v2/models/churn-classifier/infer"), st.fixed_dictionaries(
        {"inputs": st.lists(TENSORS, max_size=3) | ODD}, optional={"outputs": ODD | st.lists(ODD, max_size=2), "id": ODD}))
)  # fmt: skip


def test_no_body_of_any_language_breaks_the_server(live):
    """A short form of `make fuzz`."""
    server, _, key = live

    @bound(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(ASKED)
    def ask(asked):
        path, body = asked
        status, _, said = server.request("POST", path, json.dumps(body), Authorization=f"Bearer {key}")
        assert status in (200, 400, 413, 422), (status, said)
        if status != 200:
            assert json.loads(said)["detail"]

    ask()
