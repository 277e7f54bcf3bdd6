"""PURE: the Open Inference Protocol (v2): a tensor for each input, and for each part of an answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from deployments.serving import binary
from deployments.serving.inference import Answered, Facts
from deployments.serving.parsing import MAX_ROWS, rows_in
from problems.problem import Invalid, Problem, TooLarge
from projects.measures import NUMBERS, UNLABELLED

Signature = Mapping[str, Any]
Rows = list[dict[str, Any]]
DATATYPES = {
    "integer": "INT64",
    "number": "FP64",
    "boolean": "BOOL",
    "text": "BYTES",
    "date": "BYTES",
    "datetime": "BYTES",
}
NUMERIC = {f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)} | {"FP16", "FP32", "FP64"}


def metadata(facts: Facts, signature: Signature) -> dict[str, Any]:
    """What a v2 client must know of a model: a tensor for each input, and four for the answers."""
    inputs = [
        {"name": field["name"], "datatype": DATATYPES[field["type"]], "shape": [-1]}
        for field in signature["inputs"]
        if field["type"] in DATATYPES  # the past of a series is no tensor; without it the stored one is used
    ]
    outputs = [{"name": name, "datatype": kind, "shape": [-1]} for name, kind in output_types(signature).items()]
    return {
        "name": facts.deployment,
        "versions": [str(facts.version)],
        "platform": "baton",
        "inputs": inputs,
        "outputs": outputs,
    }


def output_types(signature: Signature) -> dict[str, str]:
    """The tensors of an answer; a number has no chance, and only a yes or no decides."""
    if signature["kind"] in NUMBERS:
        return {"answer": "FP64", "id": "BYTES"}
    if signature["kind"] in UNLABELLED:
        alone = {"distance": "FP64"} if signature["kind"] == "clustering" else {"score": "FP64", "flagged": "BOOL"}
        return {"answer": "BYTES", **alone, "id": "BYTES"}
    decision = {"decision": "BYTES"} if signature["kind"] == "binary" else {}
    return {"answer": "BYTES", "probability": "FP64", **decision, "id": "BYTES"}


def infer_rows(data: Any, signature: Signature) -> Rows:
    """The rows of a v2 request: one tensor for each input, all of one length."""
    tensors = data.get("inputs") if isinstance(data, dict) else None
    if not isinstance(tensors, list) or not tensors:
        raise Invalid('The body must be an object with "inputs", a list of tensors.')
    types = {field["name"]: field["type"] for field in signature["inputs"] if field["type"] in DATATYPES}
    columns: dict[str, list[Any]] = {}
    for tensor in tensors:
        name = tensor.get("name") if isinstance(tensor, dict) else None
        if not isinstance(name, str) or name in columns:
            raise Invalid("Every tensor needs a name of its own.")
        if name in types:
            columns[name] = _tensor(tensor, name, types[name])
    if not columns or len({len(values) for values in columns.values()}) > 1:
        raise Invalid("The tensors must have one and the same length, and name inputs of this model.")
    return rows_in(
        [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)], "inputs"
    )


def _tensor(tensor: Mapping[str, Any], name: str, kind: str) -> list[Any]:
    shape, data, datatype = tensor.get("shape"), tensor.get("data"), tensor.get("datatype")
    fits = datatype == DATATYPES[kind] or (kind in ("integer", "number") and datatype in NUMERIC)
    if not fits:
        raise Invalid(f"“{name}” must be of the datatype {DATATYPES[kind]}.", fields={name: "Wrong datatype."})
    if not isinstance(data, list):
        raise Invalid(f"“{name}” needs its data, as a JSON list or as bytes.", fields={name: "No data."})
    if len(data) > MAX_ROWS:
        raise TooLarge(f"{len(data)} rows are more than the {MAX_ROWS} that one request may carry.")
    if data and all(isinstance(one, list) and len(one) == 1 for one in data):
        data = [one[0] for one in data]
    if shape not in ([len(data)], [len(data), 1]):
        raise Invalid(f"“{name}” needs the shape [{len(data)}] or [{len(data)}, 1].", fields={name: "Wrong shape."})
    return data


def wanted(data: Mapping[str, Any], signature: Signature) -> list[str]:
    """The names of the tensors that are asked for; all of them when none is named."""
    known, asked = list(output_types(signature)), data.get("outputs")
    if asked is None:
        return known
    names = [one.get("name") if isinstance(one, dict) else None for one in asked] if isinstance(asked, list) else [None]
    if wrong := [name for name in names if name not in known]:
        raise Invalid(f"There is no output {str(wrong[0])[:80]}. There are: {', '.join(known)}.")
    return [str(name) for name in names] or known


@dataclass(frozen=True)
class Wanted:
    """How a v2 answer is written: which tensors, which of them as bytes, and the name of the request."""

    names: Sequence[str]
    as_bytes: frozenset[str]
    request_id: Any


def infer_body(facts: Facts, answered: Answered, signature: Signature, asked: Wanted) -> tuple[bytes, int]:
    """A v2 answer, and the length of its JSON where bytes stand behind that; 0 where it is JSON alone."""
    types, rows = output_types(signature), answered.predictions
    outputs, behind = [], []
    for name in asked.names:
        values = [row[name] for row in rows]
        output: dict[str, Any] = {"name": name, "datatype": types[name], "shape": [len(rows)]}
        if name in asked.as_bytes:
            behind.append(binary.written(values, types[name]))
            output["parameters"] = {"binary_data_size": len(behind[-1])}
        else:
            output["data"] = values
        outputs.append(output)
    body: dict[str, Any] = {"model_name": facts.deployment, "model_version": str(facts.version), "outputs": outputs}
    head = orjson.dumps(body | ({"id": asked.request_id} if isinstance(asked.request_id, str) else {}))
    return b"".join([head, *behind]), len(head) if behind else 0


def refusal_of(problem: Problem) -> bytes:
    """A refusal as v2 clients read it."""
    return orjson.dumps({"error": problem.text} | problem.as_dict())
