"""Bodies of MLflow and of the Open Inference Protocol become the same rows as our own."""

import json
from typing import Any

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
        asked("invocations", json.dumps(body).encode(), SIGNATURE).body(FACTS, Answered(SAID, b"", 2, 0))
    )
    assert found["predictions"] == ["yes", "no"]
    assert found["probabilities"] == [0.7, 0.2]
    assert (found["version"], found["ids"]) == (7, ["a", "b"])


def test_tensors_become_the_same_rows_and_are_answered_by_name() -> None:
    body = {"id": "42", "inputs": TENSORS, "outputs": [{"name": "probability"}]}
    assert rows("infer", body) == ROWS
    column = [tensor(one["name"], one["datatype"], [[value] for value in one["data"]], [2, 1]) for one in TENSORS]
    assert rows("infer", {"inputs": column}) == ROWS
    found = json.loads(asked("infer", json.dumps(body).encode(), SIGNATURE).body(FACTS, Answered(SAID, b"", 2, 0)))
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
