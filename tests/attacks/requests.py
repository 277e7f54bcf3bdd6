"""Sending any request of the map, as anybody, and bodies made from the API's own description."""

import json
import re
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.http import HttpResponse, QueryDict
from django.test import Client

from accounts.models import Group
from tests.attacks.world import SEGMENT, WEBHOOK_SECRET, Things
from web.documents import description
from web.endpoints import Route

SAFE = ("GET", "HEAD", "OPTIONS")
CHANGING = re.compile(rb'(name="csrfmiddlewaretoken" value="[^"]*"|X-CSRFToken": "[^"]*")')


def send(client: Client, method: str, path: str, body: Any = None, **more: Any) -> HttpResponse:
    """One request: JSON to the API, a form to pages."""
    client.raise_request_exception = False
    if method == "POST" and path.startswith("/api/") and path.endswith("/uploads/"):
        return client.post(path, (body if isinstance(body, dict) else {}) | {"file": small_file()}, **more)  # type: ignore[return-value]
    if method in SAFE or method == "TRACE":
        return client.generic(method, path, **more)  # type: ignore[return-value]
    if path.startswith("/api/") or "/mlflow/" in path:
        return client.generic(method, path, json.dumps(body if body is not None else {}), "application/json", **more)  # type: ignore[return-value]
    return client.post(path, body or {}, **more)  # type: ignore[return-value]


@contextmanager
def undone() -> Iterator[None]:
    """Whatever happens inside is taken back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@contextmanager
def names_read() -> Iterator[set[str]]:
    """The names that whatever runs inside looks up in a query or a form."""
    names: set[str] = set()
    with ExitStack() as patches:
        for method in ("get", "getlist", "__getitem__", "__contains__"):
            plain = getattr(QueryDict, method)

            def noting(self: QueryDict, name: Any, *more: Any, plain: Any = plain, **others: Any) -> Any:
                names.add(name)
                return plain(self, name, *more, **others)

            patches.enter_context(patch.object(QueryDict, method, noting))
        yield names


def seen(response: HttpResponse) -> tuple[int, str, bytes]:
    """What a caller can tell two answers apart by, without the tokens that differ each time."""
    content = b"" if response.streaming else CHANGING.sub(b"", response.content)
    return response.status_code, response.headers.get("Content-Type", ""), content


def told(response: Any) -> str:
    """What went wrong behind an answer: the error and its last lines of ours, else the beginning of the answer."""
    kind, error, trace = getattr(response, "exc_info", None) or (None, None, None)
    if kind is None:
        return repr(getattr(response, "content", b"")[:300])
    ours = [frame for frame in traceback.extract_tb(trace) if "site-packages" not in frame.filename][-3:]
    places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(ours))
    return f"{kind.__name__}: {str(error)[:200]} at {places}"


def references(things: Things) -> dict[str, Any]:
    """For names of fields in bodies: the object of `things` that such a field could mean."""
    version, run, model = (
        things[f"{label}"] for label in ("datasets.version", "experiments.run", "experiments.modelversion")
    )
    return {
        "dataset": things["datasets.dataset"].name,
        "data": things["datasets.dataset"].name,
        "version": version.number,
        "dataset_version": version.number,
        "data_version": version.number,
        "run": run.number,
        "runs": [run.number],
        "copied_from": run.number,
        "copy_from": run.number,
        "model": things["experiments.model"].name,
        "model_version": model.number,
        "deployment": things["deployments.deployment"].name,
        "release": str(things["deployments.release"].pk),
        "alert": things["monitoring.alert"].number,
        "gate": str(things["projects.gate"].pk),
        "job": str(things["jobs.job"].pk),
        "project": things.project.key,
        "user": str(things.owner.pk),
        "target": "left",
        "positive": "yes",
        "inputs": ["months", "charge", "plan"],
        "split": {"kind": "random", "seed": 7, "test_share": 0.2},
        "methods": {"logistic": {}},
        "decide_by": None,
        "value": "yes",
        "metric": "recall",
        "direction": "at_least",
        "to": "production",
        "environment": "production",
        "deciding": True,
        "from_role": "owner",
        "to_role": "data_scientist" if things.serial == 1 else "owner",
        "id": things.prediction,
        "currency": "EUR",
        "answer": "yes",
        "capacity": None,
        "person_low": None,
        "person_high": None,
        "about_type": "run",
        "about_id": str(run.number),
        "people": [str(things.owner.pk)],
        "assignee": str(things.owner.pk),
        "reply": str(things["projects.reply"].pk),
        "supersedes": things["projects.decision"].number,
        "secret": WEBHOOK_SECRET,
        "patterns": ["gate.*"],
        "state": "done",
        "mail": {"task": "daily"},
        "action": "contract.sign",
        "group": str(Group.objects.earliest("created_at").pk),  # groups belong to the instance, not to a project
    }


def sample_body(route: Route, method: str, things: Things) -> Any:
    """A plausible body for an endpoint; references mean the objects of `things`."""
    return logged(things) if "/mlflow/" in route.pattern else _described_body(route, method, things)


def brought(route: Route) -> dict[str, Any]:
    """What asks for an import from another server: a plain address, and all of it."""
    is_import = "logged/import" in route.pattern
    return {"address": "https://example.org", "user": "", "experiments": []} if is_import else {}


def _described_body(route: Route, method: str, things: Things) -> Any:
    """A body from the endpoint's description."""
    path = "/" + SEGMENT.sub(lambda found: "{" + found["name"] + "}", route.pattern)
    operation = description()["paths"].get(path, {}).get(method.lower(), {})
    content = operation.get("requestBody", {}).get("content", {})
    schema = next(iter(content.values()), {}).get("schema", {})
    known = references(things)
    if "charter" in route.pattern:
        known["version"] = 0  # here it is the version of the text that was read
    known |= written(route, things) | judging(route)
    if "kpis" in route.pattern:
        known |= {"value": 0.5, "date": date.today().isoformat()}
    if "kpis" in route.pattern and "datasets/" in route.pattern:
        known |= {"kpi": things["projects.kpi"].key, "day": "plan", "value": "charge"}
    if "contract" in route.pattern:  # one kind of target whole, as no target has the fields of all kinds
        known |= {
            "kind": "slice",
            "column": "plan",
            "equals": "flex",
            "floor": None,
            "ceiling": None,
            "deciding": False,
        }
        known |= {"least_group": 0, "owner": "", "cadence": "", "source": "", "by_date": "2026-11-20"}
    if "/bin/" in route.pattern:
        known |= {"name": things["projects.binned"].name, "subject": things["datasets.dataset"].name}
    if "sources" in route.pattern:  # a closed address: refused before anything is dialled
        known |= {"connector": "url", "params": {"address": "https://example.org/rows.csv"}, "mode": "full"}
        known |= {"at": "02:00", "options": {}, "seen": 1}
    if "recipes" in route.pattern:  # a step that needs no parameters, on a table of this project
        known |= {"kind": "drop_duplicates", "source": things["datasets.dataset"].name}
    known |= quality(route, things) | served(route, things) | destined(route, things) | brought(route)
    return _sample(schema, known, "")


def destined(route: Route, things: Things) -> dict[str, Any]:
    """A destination under a name that nobody answers to; nothing is dialled before it is tested."""
    if "/destinations/" not in route.pattern:
        return {}
    place = {"host": "db.example.org", "database": "shop", "user": "writer", "password": "x", "schema": "reports"}
    known = {"connector": "postgresql", "params": place | {"table": "orders"}, "mode": "append", "when": "click"}
    number = things["datasets.version"].number
    return known | {"keys": [], "columns": [], "released": [], "seen": 1, "number": number}


def logged(things: Things) -> dict[str, Any]:
    """Every field of the tracking protocol at once: what a request does not know, it leaves alone."""
    run, model = things["experiments.logrun"].key, things["experiments.logmodel"].key
    return {
        "run_id": run,
        "model_id": model,
        "experiment_id": str(things["experiments.logexperiment"].number),
        "name": things["experiments.logname"].name,
        "version": str(things["experiments.logversion"].number),
        "source": f"models:/{model}",
        "models": [{"model_id": model}],
    } | {
        "new_name": f"other {things.serial}", "max_results": 10, "key": "team", "value": "1", "timestamp": 1,
        "alias": "champion", "stage": "Staging", "model_json": "{}", "status": "FINISHED",
    }  # fmt: skip


def quality(route: Route, things: Things) -> dict[str, Any]:
    """What fields of rules, waivers and data contracts mean."""
    if "datasets/" not in route.pattern:
        return {}
    number = things["datasets.qualityrule"].number
    known = {"kind": "row_count", "params": {"low": 2}, "severity": "warn", "quarantine": False, "seen": 1}
    day = (date.today() + timedelta(days=5)).isoformat()
    return known | {"rule": number, "rules": [number], "until": day, "columns": ["plan"], "consumer": "training"}


def served(route: Route, things: Things) -> dict[str, Any]:
    """What fields of deployments, aliases and views mean."""
    found: dict[str, Any] = {"signers": [], "hold": "30m", "shadow": "", "traffic": [10], "keep": [], "share": None}
    if "/environments/" in route.pattern:
        found |= {"datasets": [], "conditions": {"gap": 10}}
    if "/keys/" in route.pattern:
        found["also"] = []
    if "/autonomy/" in route.pattern:
        found["share"] = 10
    if "/promote/" in route.pattern or "/batch" in route.pattern:
        found |= {"key": "", "schedule": "daily", "at": "02:00"}
    if "/views/" in route.pattern:
        found |= {"filter": "", "order": "", "columns": ""}
    if "/aliases/" in route.pattern:
        found["version"] = things["experiments.modelversion"].number
    return found


def judging(route: Route) -> dict[str, Any]:
    """What fields of evaluations and edge cases mean."""
    if "/cases/" in route.pattern:
        return {"revision": 1, "answer": "yes", "low": None, "high": None, "row": {"months": 3, "plan": "flex"}}
    if "/evaluations/" in route.pattern:
        return {"attributes": ["plan"]}
    if "/ask/" in route.pattern:
        return {"row": {"months": 3, "charge": 20.5, "plan": "flex"}}
    return {}


def written(route: Route, things: Things) -> dict[str, Any]:
    """What names of fields mean in texts that the team writes: the version that was read, and an object to link."""
    if "/risk/" in route.pattern:
        return {"version": things["projects.riskanswers"].version, "answers": things["projects.riskanswers"].answers}
    if "/appraisals/" in route.pattern:
        return {"value": 3}
    if "/process/" in route.pattern:
        return {"version": things["projects.process"].version, "as_is_changed": None, "to_be_changed": None}
    if "/links/" in route.pattern:
        return {"type": "run", "id": str(things["experiments.run"].number)}
    if "/difference/" in route.pattern:
        version = things["datasets.version"]
        return {"before": version.number, "key": [version.schema[0]["name"]]}
    if "/requirements/" in route.pattern:
        return {"version": things["projects.requirement"].version, "state": "open"}
    if "/waive/" in route.pattern or "/accept/" in route.pattern:
        return {"check": "targets"}
    return {}


def is_upload(route: Route, method: str) -> bool:
    """Whether the endpoint takes a file."""
    path = "/" + SEGMENT.sub(lambda found: "{" + found["name"] + "}", route.pattern)
    operation = description()["paths"].get(path, {}).get(method.lower(), {})
    return "multipart/form-data" in operation.get("requestBody", {}).get("content", {})


def small_file() -> SimpleUploadedFile:
    return SimpleUploadedFile("customers.csv", b"tenure,left\n1,yes\n2,no\n", "text/csv")


def _sample(schema: dict[str, Any], known: dict[str, Any], name: str, depth: int = 0) -> Any:
    schema = _resolved(schema)
    if depth > 6:
        return None
    if name in known and (schema.get("type") != "object" or name in ("split", "methods", "answers", "params", "row")):
        return known[name]
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "array":
        return [_sample(schema.get("items", {}), known, name, depth + 1)]
    if "properties" in schema:
        return {key: _sample(inner, known, key, depth + 1) for key, inner in schema["properties"].items()}
    return _plain(schema)


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema behind references and choices: the first of several."""
    while True:
        several = next((schema[word] for word in ("allOf", "oneOf", "anyOf") if word in schema), None)
        if "$ref" in schema:
            schema = description()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        elif several:
            schema = several[0]
        else:
            return schema


def _plain(schema: dict[str, Any]) -> Any:
    if schema.get("type") == "string":
        return {
            "uuid": "5f0f3f5e-7f0a-4c7c-9b55-0d6c1c0ffee0",
            "email": "new@example.org",
            "date-time": "2026-11-20T12:00:00Z",
            "date": "2026-11-20",
            "uri": "https://example.org/",
        }.get(schema.get("format", ""), "word")
    return {"integer": max(1, schema.get("minimum", 1)), "number": 0.5, "boolean": False, "object": {}}.get(
        schema.get("type", ""), {}
    )
