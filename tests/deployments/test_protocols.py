"""Bodies of MLflow and of the Open Inference Protocol become the same rows as our own."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.serving.inference import Answered, Facts
from deployments.serving.protocols import asked, place_of
from deployments.serving.tensors import metadata, refusal_of
from problems.problem import Invalid, Problem

SIGNATURE = {
    "kind": "binary",
    "inputs": [
        {"name": "months", "type": "integer"},
        {"name": "charge", "type": "number"},
        {"name": "plan", "type": "text"},
    ],
}
ROWS = [{"months": 3, "charge": 80.5, "plan": "flex"}, {"months": 4, "charge": None, "plan": "year"}]
FACTS = Facts("r", "churn", "churn-model", 7, "b")
SAID = [
    {"id": "a", "answer": "yes", "probability": 0.7, "decision": "yes"},
    {"id": "b", "answer": "no", "probability": 0.2, "decision": "no"},
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "shape", "data", "datatype", "columns", "months", "inputs"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


def rows(verb: str, body: Any) -> list[dict[str, Any]]:
    return asked(verb, json.dumps(body).encode(), SIGNATURE).rows


def tried(verb: str, body: Any) -> tuple[list[dict[str, Any]], Problem | None]:
    """The rows, or the refusal."""
    try:
        return rows(verb, body), None
    except Problem as refusal:
        return [], refusal


def tensor(name: str, datatype: str, data: list[Any], shape: list[int] | None = None) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape or [len(data)], "data": data}


TENSORS = [
    tensor("months", "INT32", [3, 4]),
    tensor("charge", "FP64", [80.5, None]),
    tensor("plan", "BYTES", ["flex", "year"]),
]


@pytest.mark.parametrize(
    "body",
    [
        {
            "dataframe_split": {
                "columns": ["months", "charge", "plan"],
                "index": [0, 1],
                "data": [[3, 80.5, "flex"], [4, None, "year"]],
            }
        },
        {"dataframe_records": ROWS, "params": {}},
        {"inputs": ROWS},
        {"inputs": {"months": [3, 4], "charge": [[80.5], [None]], "plan": ["flex", "year"]}},
        {"instances": ROWS},
        {"instances": [[3, 80.5, "flex"], [4, None, "year"]]},
    ],
    ids=["split", "records", "inputs of rows", "inputs of columns", "instances", "instances without names"],
)
def test_every_form_of_mlflow_becomes_the_same_rows(body: Any) -> None:
    assert rows("invocations", body) == ROWS
    found = json.loads(
        asked("invocations", json.dumps(body).encode(), SIGNATURE).body(FACTS, Answered(SAID, b"", 2, 0))[0]
    )
    assert found["predictions"] == ["yes", "no"]
    assert found["probabilities"] == [0.7, 0.2]
    assert (found["version"], found["ids"]) == (7, ["a", "b"])


def test_tensors_become_the_same_rows_and_are_answered_by_name() -> None:
    body = {"id": "42", "inputs": TENSORS, "outputs": [{"name": "probability"}]}
    assert rows("infer", body) == ROWS
    column = [tensor(one["name"], one["datatype"], [[value] for value in one["data"]], [2, 1]) for one in TENSORS]
    assert rows("infer", {"inputs": column}) == ROWS
    found = json.loads(asked("infer", json.dumps(body).encode(), SIGNATURE).body(FACTS, Answered(SAID, b"", 2, 0))[0])
    assert found == {
        "model_name": "churn",
        "model_version": "7",
        "id": "42",
        "outputs": [{"name": "probability", "datatype": "FP64", "shape": [2], "data": [0.7, 0.2]}],
    }
    told = metadata(FACTS, SIGNATURE)
    assert [one["datatype"] for one in told["inputs"]] == ["INT64", "FP64", "BYTES"]
    assert [one["name"] for one in told["outputs"]] == ["answer", "probability", "decision", "id"]


@pytest.mark.parametrize(
    ("verb", "body", "said"),
    [
        ("invocations", [], "must be an object"),
        ("invocations", {}, "exactly one"),
        ("invocations", {"inputs": ROWS, "instances": ROWS}, "exactly one"),
        ("invocations", {"rows": ROWS}, "“rows” is not known"),
        ("invocations", {"inputs": ROWS, "params": {"top": 3}}, "no params"),
        ("invocations", {"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}, "Row 0"),
        ("invocations", {"dataframe_split": {"columns": ["a", "a"], "data": []}}, "twice"),
        ("invocations", {"dataframe_split": 3}, "needs"),
        ("invocations", {"dataframe_records": []}, "at least one row"),
        ("invocations", {"inputs": {"months": [1], "plan": []}}, "same length"),
        ("invocations", {"instances": [[1]]}, "3 values"),
        ("infer", {}, "inputs"),
        ("infer", {"inputs": [TENSORS[0] | {"datatype": "BYTES"}]}, "INT64"),
        ("infer", {"inputs": [TENSORS[0] | {"shape": [3]}]}, "shape"),
        ("infer", {"inputs": [TENSORS[0] | {"data": "AAAA"}]}, "JSON list"),
        ("infer", {"inputs": [TENSORS[0], TENSORS[0]]}, "name of its own"),
        ("infer", {"inputs": [tensor("other", "FP64", [1.0])]}, "name inputs"),
        ("infer", {"inputs": TENSORS, "outputs": [{"name": "x"}]}, "no output x"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_sentence(verb: str, body: Any, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        rows(verb, body)


@given(
    JSON,
    st.sampled_from(["predict", "invocations", "infer"]),
    st.sampled_from(["inputs", "instances", "dataframe_split"]),
)
def test_any_body_becomes_rows_or_a_refusal(data: Any, verb: str, name: str) -> None:
    for body in (data, {name: data}, {"inputs": [data]}):
        found, refusal = tried(verb, body)
        assert all(isinstance(row, dict) for row in found)
        assert refusal is None or (refusal.text and json.loads(refusal_of(refusal))["error"] == refusal.text)


def test_addresses_say_what_is_asked() -> None:
    assert place_of("/invocations") is not None
    found = place_of("/v2/models/churn/versions/3/infer")
    assert found is not None
    assert (found.name, found.verb, found.version, found.method) == ("churn", "infer", "3", "POST")
    for path in (
        "/v2/models/",
        "/v2/models/a/b",
        "/v1/deployments/a/b",
        "/v1/deployments/a/predict/x",
        "/v2/models/a/versions/X Y/infer",
    ):
        assert place_of(path) is None


# ---- Tensors as bytes, as v2 clients send them by default ----


def packed(tensors: list[tuple[str, str, bytes, int]], **more: Any) -> tuple[bytes, str]:
    """A body with a JSON head and bytes behind it, and the head's length."""
    inputs = [
        {"name": name, "datatype": kind, "shape": [rows], "parameters": {"binary_data_size": len(part)}}
        for name, kind, part, rows in tensors
    ]
    head = json.dumps({"inputs": inputs, **more}).encode()
    return head + b"".join(part for _, _, part, _ in tensors), str(len(head))


BINARY = [
    ("months", "INT32", np.array([3, 4], "<i4").tobytes(), 2),
    ("charge", "FP64", np.array([80.5, np.nan], "<f8").tobytes(), 2),
    ("plan", "BYTES", b"\x04\x00\x00\x00flex\x04\x00\x00\x00year", 2),
]


def test_tensors_as_bytes_are_the_same_rows_and_a_number_that_is_none_is_a_gap() -> None:
    body, head = packed(BINARY)
    assert asked("infer", body, SIGNATURE, head).rows == ROWS


def test_answers_are_written_as_bytes_where_that_is_wanted() -> None:
    body, head = packed(BINARY, parameters={"binary_data_output": True}, id="x")
    found, length = asked("infer", body, SIGNATURE, head).body(FACTS, Answered(SAID, b"", 2, 0))
    said, rest = json.loads(found[:length]), found[length:]
    assert said["id"] == "x"
    sizes = {one["name"]: one["parameters"]["binary_data_size"] for one in said["outputs"]}
    assert sum(sizes.values()) == len(rest)
    assert rest[: sizes["answer"]] == b"\x03\x00\x00\x00yes\x02\x00\x00\x00no"
    chances = rest[sizes["answer"] :][: sizes["probability"]]
    assert np.frombuffer(chances, "<f8").tolist() == [0.7, 0.2]
    only = [{"name": "probability", "parameters": {"binary_data": True}}, {"name": "answer"}]
    body, head = packed(BINARY, outputs=only)
    found, length = asked("infer", body, SIGNATURE, head).body(FACTS, Answered(SAID, b"", 2, 0))
    outputs = json.loads(found[:length])["outputs"]
    assert ("data" in outputs[0], outputs[1]["data"]) == (False, ["yes", "no"])


@pytest.mark.parametrize(
    "tensors",
    [
        [("months", "INT32", b"\x01\x00\x00", 1)],
        [("months", "MOON", b"\x01", 1)],
        [("months", "BF16", b"\x01\x00", 1)],
        [("charge", "FP64", np.array([np.inf]).tobytes(), 1)],
        [("plan", "BYTES", b"\x09\x00\x00\x00flex", 1)],
        [("plan", "BYTES", b"\x04\x00", 1)],
        [("plan", "BYTES", b"\x01\x00\x00\x00\xff", 1)],
        [("plan", "BYTES", b"\x01\x00\x00\x00\x00", 1)],
        [("months", "INT32", np.zeros(20_000, "<i4").tobytes(), 20_000)],
    ],
)
def test_bytes_that_are_no_tensor_are_refused(tensors: Any) -> None:
    body, head = packed(tensors)
    with pytest.raises(Problem) as refusal:
        asked("infer", body, SIGNATURE, head)
    assert refusal.value.status in (413, 422)


@pytest.mark.parametrize("length", ["", "x", "-1", "0", "99999999", "9" * 30, "²"])
def test_a_length_of_the_head_that_is_none_is_refused(length: str) -> None:
    body, _ = packed(BINARY)
    with pytest.raises(Problem):
        asked("infer", body, SIGNATURE, length or "0")


def test_a_body_that_goes_on_or_ends_too_early_is_refused() -> None:
    body, head = packed(BINARY)
    for wrong in (body + b"\x00", body[:-1]):
        with pytest.raises(Problem):
            asked("infer", wrong, SIGNATURE, head)


@given(st.binary(max_size=80), st.integers(0, 200), JSON)
def test_no_bytes_break_the_reading(rest: bytes, length: int, data: Any) -> None:
    head = json.dumps({"inputs": data}).encode()
    refused = []
    for told in (length, len(head)):
        try:
            asked("infer", head + rest, SIGNATURE, str(told))
        except Problem as refusal:
            refused.append(refusal.status)
    assert max(refused, default=0) < 500
