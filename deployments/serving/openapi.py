"""PURE: the OpenAPI document of one deployment, made from its model's signature, with an example that works."""

from typing import Any

from deployments.serving.inference import Facts
from deployments.serving.parsing import MAX_ROWS
from deployments.serving.tensors import metadata
from projects.measures import NUMBERS, UNLABELLED

TYPES: dict[str, dict[str, Any]] = {
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "text": {"type": "string"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "history": {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["time", "value"],
            "additionalProperties": False,
            "properties": {"time": {"type": "string"}, "value": {"type": ["number", "null"]}},
        },
    },
}


def example_row(signature: dict[str, Any]) -> dict[str, Any]:
    """One row that the model accepts."""
    return {part["name"]: part.get("example") for part in signature["inputs"]}


def document(facts: Facts, signature: dict[str, Any], server: str) -> dict[str, Any]:
    """OpenAPI 3.1 of the addresses that answer for one deployment."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"Predictions of {facts.deployment}",
            "version": str(facts.version),
            "description": f"Answered by {facts.model} version {facts.version}. Categories that training never saw are "
            "accepted and counted; extra fields of a row are ignored; wrong or missing values are refused by name.",
        },
        "servers": [{"url": server}],
        "security": [{"key": []}],
        "paths": {
            f"/v1/deployments/{facts.deployment}/predict": {
                "post": {
                    "operationId": "predict",
                    "summary": f"{_verb(signature)} for one row or many",
                    "parameters": [REPEAT],
                    "requestBody": {"required": True, "content": {"application/json": _body(signature)}},
                    "responses": {"200": _answered(facts, signature)} | _refusals(),
                }
            }
        }
        | _others(facts, signature),
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Problem": PROBLEM},
        },
    }


def _verb(signature: dict[str, Any]) -> str:
    found = {"clustering": "Name the group", "anomaly": "Say whether it is unusual"}
    return found.get(signature["kind"], f"Predict {signature['target']}")


def _body(signature: dict[str, Any]) -> dict[str, Any]:
    row = _row(signature)
    many = {"type": "array", "items": row, "minItems": 1, "maxItems": MAX_ROWS}
    forms = [
        {"type": "object", "required": [name], "additionalProperties": False, "properties": {name: schema}}
        for name, schema in (("row", row), ("rows", many))
    ]
    return {"schema": {"oneOf": forms}, "example": {"row": example_row(signature)}}


def _others(facts: Facts, signature: dict[str, Any]) -> dict[str, Any]:
    """The same in MLflow's form and in that of the Open Inference Protocol."""
    row = example_row(signature)
    tensors = [
        {"name": one["name"], "datatype": one["datatype"], "shape": [1], "data": [row[one["name"]]]}
        for one in metadata(facts, signature)["inputs"]
    ]
    forms = {
        f"/v1/deployments/{facts.deployment}/invocations": ("invocations", "MLflow", {"dataframe_records": [row]}),
        f"/v2/models/{facts.deployment}/infer": ("infer", "the Open Inference Protocol", {"inputs": tensors}),
    }
    answered = {"200": {"description": "One answer a row, in order", "content": {"application/json": {}}}}
    return {
        path: {
            "post": {
                "operationId": name,
                "summary": f"{_verb(signature)} as clients of {whose} ask",
                "parameters": [REPEAT],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"type": "object"}, "example": example}},
                },
                "responses": answered | _refusals(),
            }
        }
        for path, (name, whose, example) in forms.items()
    }


def _refusals() -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": words, "content": content} for status, words in REFUSALS.items()}


REPEAT = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 200},
    "description": "A name of your own for this request. Sent again within ten minutes with the same body, it gets the "
    "same answer from the same server, and one line in the log.",
}
DECISION = {
    "enum": ["yes", "no", "person"],
    "description": "What to do by the decision policy in force; `person`: let somebody look before anything is done.",
}
DISTANCE = {"type": "number", "minimum": 0, "description": "How far the row lies from the middle of its group."}
SCORE = {"type": "number", "description": "How unusual the row is, larger is more; the scale is the method's own."}
FLAGGED = {"type": "boolean", "description": "Whether the score lies beyond the edge that was set in training."}
ALONE: dict[str, dict[str, Any]] = {
    "clustering": {"distance": DISTANCE},
    "anomaly": {"score": SCORE, "flagged": FLAGGED},
}
ENDS = {"type": "number", "description": "The truth lies between low and high in about 9 of 10 cases."}
POLICY = {
    "type": ["integer", "null"],
    "description": "The version of the signed decision policy that decided; null: the model's own threshold did.",
}
REFUSALS = {
    "400": "Not JSON, or not understood",
    "401": "The key is missing, unknown, expired or revoked",
    "404": "There is no such deployment for this key",
    "409": "This Idempotency-Key was used for another request",
    "413": f"More than 5 MB, also once unpacked, or more than {MAX_ROWS} rows",
    "415": "Packed otherwise than by gzip or deflate; `Accept-Encoding` names both",
    "422": "A value does not fit; `errors` names row and field",
    "429": "Too many requests wait, or more than this key may ask; try again after `Retry-After`",
    "503": "Not able to answer now; nothing was answered",
}
PROBLEM = {
    "type": "object",
    "required": ["code", "detail"],
    "properties": {
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"row": {"type": "integer"}, "field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


def _row(signature: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for part in signature["inputs"]:
        schema = dict(TYPES[part["type"]])
        if part["nullable"]:
            schema["type"] = [schema["type"], "null"]
        if part["categories"] is not None:
            schema["description"] = f"Seen in training: {', '.join(map(str, part['categories'][:20]))}"
        elif part["type"] == "history":
            schema["description"] = (
                "The known past, where it is another than the model remembers; null: what it remembers."
            )
        elif part.get("min") is not None:
            schema["description"] = f"In training between {part['min']} and {part['max']}"
        properties[part["name"]] = schema
    required = [part["name"] for part in signature["inputs"] if not part["nullable"]]
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": True}


def _chances(classes: list[str]) -> dict[str, Any]:
    """The chance of each answer; they add up to one."""
    each = {"type": "number", "minimum": 0, "maximum": 1}
    return {"type": "object", "required": classes, "properties": dict.fromkeys(classes, each)}


def _answered(facts: Facts, signature: dict[str, Any]) -> dict[str, Any]:
    regression = signature["kind"] in NUMBERS
    several = signature.get("classes")
    words = several or [signature["positive"], signature["negative"]]
    answer = {"type": "number"} if regression else {"enum": words}
    bare = regression or signature["kind"] in UNLABELLED
    probability = {"type": "null"} if bare else {"type": "number", "minimum": 0, "maximum": 1}
    prediction = {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "answer": answer,
            "probability": probability,
            "decision": DECISION if signature["kind"] == "binary" else {"type": "null"},
            **({"low": ENDS, "high": ENDS} if signature.get("within") else {}),
            **({"chances": _chances(several)} if several and not bare else {}),
            **ALONE.get(signature["kind"], {}),
        },
    }
    schema = {
        "type": "object",
        "properties": {
            "deployment": {"const": facts.deployment},
            "model": {"type": "string"},
            "version": {"type": "integer"},
            "policy": POLICY,
            "release": {"type": "string", "format": "uuid"},
            "predictions": {"type": "array", "items": prediction},
        },
    }
    return {"description": "One prediction a row, in order", "content": {"application/json": {"schema": schema}}}
