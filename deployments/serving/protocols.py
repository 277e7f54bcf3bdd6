"""PURE: the three languages that a deployment is asked in: our own, MLflow's, and the Open Inference Protocol (v2).

Each turns a body into rows, and answered rows into a body. Check, model and log between them are the same for all.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from deployments.serving import binary
from deployments.serving.inference import Answered, Facts
from deployments.serving.parsing import json_of, rows_in, rows_of
from deployments.serving.tensors import Wanted, infer_body, infer_rows, wanted
from problems.problem import Invalid

Signature = Mapping[str, Any]
Rows = list[dict[str, Any]]
FORMS = ("dataframe_split", "dataframe_records", "inputs", "instances")
DATATYPES = {
    "integer": "INT64",
    "number": "FP64",
    "boolean": "BOOL",
    "text": "BYTES",
    "date": "BYTES",
    "datetime": "BYTES",
}
OWN = re.compile(r"/v1/deployments/([^/@]+)(?:@([a-z0-9-]{1,40}))?/(predict|openapi\.json|invocations)")
V2 = re.compile(r"/v2/models/([^/]+)(?:/versions/([0-9]{1,9}|[a-z][a-z0-9-]{0,39}))?(?:/(infer|ready))?")
GETS = frozenset({"openapi.json", "ready", "metadata"})


@dataclass(frozen=True)
class Place:
    """What an address asks for. An empty `name` is the deployment of the key, `version` a number or an alias."""

    name: str
    verb: str
    version: str = ""

    @property
    def method(self) -> str:
        """The only method it answers."""
        return "GET" if self.verb in GETS else "POST"

    @property
    def is_open_inference(self) -> bool:
        """Whether its refusals are in the shape that v2 clients read."""
        return self.verb in ("infer", "ready", "metadata")


def place_of(path: str) -> Place | None:
    """The meaning of an address; None when there is nothing."""
    if path == "/invocations":
        return Place("", "invocations")
    if own := OWN.fullmatch(path):
        return Place(own[1], own[3], own[2] or "")
    if found := V2.fullmatch(path):
        return Place(found[1], found[3] or "metadata", found[2] or "")
    return None


# ---- MLflow ----


def invocation_rows(body: bytes, signature: Signature) -> Rows:
    """The rows of one of MLflow's forms. Its own client writes the gaps of a frame as NaN."""
    data = json_of(body, nan_is_gap=True)
    if not isinstance(data, dict):
        raise Invalid(f"The body must be an object with one of {', '.join(FORMS)}.")
    given = [name for name in FORMS if name in data]
    if extra := sorted(set(data) - {*FORMS, "params"}):
        raise Invalid(f"“{extra[0][:80]}” is not known here.", fields={extra[0][:80]: "Unknown."})
    if len(given) != 1:
        raise Invalid(f"Send exactly one of {', '.join(FORMS)}.")
    if data.get("params"):
        raise Invalid("This model takes no params.", fields={"params": "It takes none."})
    form = given[0]
    return rows_in(_split(data[form]) if form == "dataframe_split" else _any(data[form], form, signature), form)


def _split(data: Any) -> Any:
    columns = data.get("columns") if isinstance(data, dict) else None
    values = data.get("data") if isinstance(data, dict) else None
    if not isinstance(columns, list) or not isinstance(values, list) or not all(isinstance(c, str) for c in columns):
        raise Invalid('"dataframe_split" needs "columns" (names) and "data" (a list of rows).')
    if len(set(columns)) != len(columns):
        raise Invalid('"columns" names a column twice.')
    return [_named(columns, row, place) for place, row in enumerate(values)]


def _any(data: Any, form: str, signature: Signature) -> Any:
    if isinstance(data, dict) and form == "inputs":
        return _columns(data)
    if form == "dataframe_records" or not isinstance(data, list):
        return data
    names = [field["name"] for field in signature["inputs"]]
    return [_named(names, row, place) if isinstance(row, list) else row for place, row in enumerate(data)]


def _named(columns: Sequence[str], row: Any, place: int) -> dict[str, Any]:
    if not isinstance(row, list) or len(row) != len(columns):
        raise Invalid(f"Row {place} must be a list of {len(columns)} values, one for each column.")
    return dict(zip(columns, row, strict=True))


def _columns(data: Mapping[str, Any]) -> Rows:
    """Columns by name as rows; a column is a list of values, or of lists of one value."""
    flat = {
        name: [one[0] if isinstance(one, list) and len(one) == 1 else one for one in values]
        for name, values in data.items()
        if isinstance(values, list)
    }
    if len(flat) != len(data) or len({len(values) for values in flat.values()}) > 1:
        raise Invalid('"inputs" as an object needs a list of the same length for every column.')
    return [dict(zip(flat, values, strict=True)) for values in zip(*flat.values(), strict=True)]


def invocation_body(facts: Facts, answered: Answered) -> bytes:
    """MLflow's answer, `predictions`, and beside it what we know more of each row."""
    rows = answered.predictions
    more = {
        f"{name}s": [row[name] for row in rows] for name in ("id", "decision", "distance", "score") if name in rows[0]
    }
    return orjson.dumps(
        {"predictions": [row["answer"] for row in rows], "probabilities": [row["probability"] for row in rows]}
        | more
        | {"model": facts.model, "version": facts.version, "release": facts.release}
    )


# ---- All of them ----


@dataclass(frozen=True)
class Asked:
    """What a body asks: rows, and how its answer is written."""

    rows: Rows
    body: Callable[[Facts, Answered], tuple[bytes, int]]


def asked(verb: str, body: bytes, signature: Signature, head: str = "") -> Asked:
    """Read the body of a request in the language of its address; `head` is how long the JSON before bytes is."""
    if verb == "predict":
        return Asked(rows_of(body), lambda facts, answered: (own_body(facts, answered), 0))
    if verb == "invocations":
        rows = invocation_rows(body, signature)
        return Asked(rows, lambda facts, answered: (invocation_body(facts, answered), 0))
    front, rest = binary.cut(body, head) if head else (body, b"")
    data = json_of(front)
    if isinstance(data, dict) and head:
        binary.filled(data.get("inputs"), rest)
    rows = infer_rows(data, signature)
    names = wanted(data, signature)
    written = Wanted(names, binary.wanted(data, names), data.get("id"))
    return Asked(rows, lambda facts, answered: infer_body(facts, answered, signature, written))


def own_body(facts: Facts, answered: Answered) -> bytes:
    """Our own answer."""
    return orjson.dumps(
        {
            "deployment": facts.deployment,
            "model": facts.model,
            "version": facts.version,
            "policy": facts.policy.version if facts.policy else None,
            "release": facts.release,
            "predictions": answered.predictions,
        }
    )
