"""Traces over HTTP, as clients send and read them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from experiments.models.logged import LogFile, LogTrace
from projects.permissions import Role
from tests.conftest import Cast
from tests.experiments.tracking.test_protocol import STORE, Notebook

pytestmark = pytest.mark.django_db
Api = Callable[..., Client]


@pytest.fixture
def notebook(cast: Cast, api_of: Api) -> Notebook:
    return Notebook(api_of(cast[Role.DATA_SCIENTIST]))


def ask(notebook: Notebook, method: str, path: str, code: int = 200, /, **given: Any) -> Any:
    place = f"{notebook.base}/api/3.0/mlflow/traces{path}"
    if method == "GET":
        answer = notebook.client.get(place, given)
    else:
        answer = notebook.client.generic(method, place, json.dumps(given), "application/json")
    assert answer.status_code == code, (path, answer.status_code, answer.content[:300])
    return answer.json()


def trace(number: int, **fields: Any) -> dict[str, Any]:
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}
    said = {
        "trace_id": f"tr-{number:032x}", "trace_location": place, "request_time": f"2026-01-0{number}T12:00:00.5Z",
        "execution_duration": f"0.{number}s", "state": "OK", "request_preview": '{"x": 3}', "response_preview": "8",
        "tags": {"mlflow.traceName": f"call {number}"}, "trace_metadata": {"odd": str(number % 2)},
    }  # fmt: skip
    return {"trace_info": said | fields}


def found(notebook: Notebook, **given: Any) -> list[int]:
    places = [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}]
    rows = ask(notebook, "POST", "/search", locations=places, **given).get("traces", [])
    return [int(row["trace_id"][3:], 16) for row in rows]


def test_a_trace_is_kept_and_read_back_with_its_spans(notebook: Notebook) -> None:
    run = notebook.run()
    said = trace(1, trace_metadata={"mlflow.sourceRun": run})
    info = ask(notebook, "POST", "", trace=said)["trace"]["trace_info"]
    key = info["trace_id"]
    root = f"mlflow-artifacts:/0/traces/{key}/artifacts"
    assert info == said["trace_info"] | {
        "request_time": "2026-01-01T12:00:00.500Z", "execution_duration": "0.100s",
        "tags": {"mlflow.traceName": "call 1", "mlflow.artifactLocation": root},
    }  # fmt: skip
    spans = {"spans": [{"trace_id": "YQ==", "span_id": "Yg==", "name": "outer", "start_time_unix_nano": 5,
                        "attributes": {"mlflow.spanOutputs": "8"}, "status": {"code": "STATUS_CODE_OK"}}]}  # fmt: skip
    notebook.client.put(f"{notebook.base}/{STORE}/0/traces/{key}/artifacts/traces.json", json.dumps(spans).encode())
    for answer in (
        ask(notebook, "GET", "/get", trace_id=key)["trace"], ask(notebook, "GET", "/batchGet", trace_ids=[key, "tr-0"])["traces"][0]
    ):  # fmt: skip
        assert answer["trace_info"] == info
        assert answer["spans"][0]["attributes"] == [{"key": "mlflow.spanOutputs", "value": {"string_value": "8"}}]
    assert ask(notebook, "GET", f"/{key}")["trace"]["trace_info"] == info
    assert LogTrace.objects.get().run is not None
    assert ask(notebook, "GET", "/tr-9", 404)["error_code"] == "RESOURCE_DOES_NOT_EXIST"


def test_traces_are_found_tagged_and_deleted(notebook: Notebook) -> None:
    for number in range(1, 6):
        state = "ERROR" if number == 3 else "OK"
        ask(notebook, "POST", "", trace=trace(number, state=state))
    assert found(notebook) == [5, 4, 3, 2, 1]
    assert found(notebook, filter="status = 'ERROR'") == [3]
    assert found(notebook, filter="trace.execution_time_ms >= 400") == [5, 4]
    assert found(notebook, filter="metadata.odd = '1' AND name LIKE 'call%'", order_by=["timestamp_ms ASC"]) == [
        1,
        3,
        5,
    ]
    ask(notebook, "PATCH", f"/tr-{4:032x}/tags", key="good", value="yes")
    assert found(notebook, filter="tag.good = 'yes'") == [4]
    ask(notebook, "DELETE", f"/tr-{4:032x}/tags", key="good")
    ask(notebook, "DELETE", f"/tr-{4:032x}/tags", 404, key="good")
    place = f"{notebook.base}/{STORE}/0/traces/tr-{1:032x}/artifacts/traces.json"
    notebook.client.put(place, b"{}")
    gone = ask(notebook, "POST", "/delete-traces", experiment_id="0", request_ids=[f"tr-{1:032x}", f"tr-{5:032x}"])
    assert gone == {"traces_deleted": 2}
    assert not LogFile.objects.exists()
    until = notebook.post("traces/delete-traces", experiment_id="0", max_timestamp_millis=4 * 10**12, max_traces=1)
    assert until == {"traces_deleted": 1}
    assert found(notebook) == [4, 3]
    notebook.post("traces/delete-traces", 400, experiment_id="0")


def test_bad_traces_are_refused_in_words(notebook: Notebook, cast: Cast, api_of: Api) -> None:
    for fields, words in (
        ({"request_time": "soon"}, "request_time"), ({"execution_duration": "nan s"}, "execution_duration"),
        ({"trace_id": "a/b"}, "trace_id"), ({"tags": ["a"]}, "tags"), ({"trace_location": None}, "trace_location"),
        ({"tags": {"a": 1}}, "a"),
    ):  # fmt: skip
        assert words in ask(notebook, "POST", "", 400, trace=trace(1, **fields))["message"]
    ask(notebook, "POST", "", trace=trace(1))
    theirs = Notebook(api_of(cast.stranger), "other")
    ask(theirs, "GET", f"/tr-{1:032x}", 404)
    assert found(theirs) == []
    said = notebook.client.post(f"{notebook.base}/v1/traces", b"\x0a\x00", content_type="application/x-protobuf")
    assert said.status_code == 404
    assert "REST OTLP span logging is not supported" in said.json()["message"]  # what clients look for
