"""PURE: what a running MLflow server says of its experiments, runs, models and names, checked and in plain words."""

import re
from typing import Any

from experiments.tracking.wire import STATES, Asked, Refused, number, said_number, whole
from problems.problem import Invalid

RUN_ID, MODEL_ID = re.compile(r"[0-9a-f]{32}"), re.compile(r"m-[0-9a-f]{32}")
LONGEST_NAME, LONGEST_KEY, LONGEST_VALUE, LONGEST_TEXT = 500, 250, 8000, 100_000
DATASET = {"name": 500, "digest": 36, "source_type": 36, "source": 2**16, "schema": 2**20, "profile": 2**20}
Plain = dict[str, Any]


def inner(row: Asked, name: str) -> Asked:
    """An object inside an object; an empty one where there is none."""
    found = row.value(name)
    return Asked(found if isinstance(found, dict) else {})


def texts(row: Asked, name: str, longest: int = LONGEST_VALUE) -> dict[str, str]:
    """Tags or parameters, each value cut to what is kept of one."""
    found = {key: value[:longest] for key, value in row.pairs(name).items()}
    for key in found:
        if len(key) > LONGEST_KEY:
            raise Refused(f"A name has {len(key)} characters: {key[:60]}…")
    return found


def experiment(row: Asked) -> Plain:
    """A folder."""
    return {
        "id": row.text("experiment_id", needed=True, most=60),
        "name": row.text("name", needed=True, most=LONGEST_NAME),
        "created": row.whole("creation_time", 0),
        "changed": row.whole("last_update_time", 0),
        "tags": texts(row, "tags"),
    }


def _id(text: str, form: re.Pattern[str]) -> str:
    if not form.fullmatch(text):
        raise Invalid(f"Its id {text[:60]!r} is none that MLflow gives.")
    return text


def run(row: Asked) -> Plain:
    """A run without the points of its metrics."""
    info, data, tags = inner(row, "info"), inner(row, "data"), {}
    tags = texts(data, "tags")
    used, made = inner(row, "inputs"), inner(row, "outputs")
    return {
        "id": _id(info.text("run_id", "run_uuid", needed=True), RUN_ID),
        "name": (info.text("run_name") or tags.get("mlflow.runName", ""))[:LONGEST_NAME],
        "user": info.text("user_id")[:256],
        "state": STATES.get(info.text("status"), "running"),
        "started": info.whole("start_time", 0),
        "ended": info.whole("end_time", 0) or None,
        "params": texts(data, "params"),
        "tags": tags,
        "metrics": sorted({one.text("key", needed=True, most=LONGEST_KEY) for one in data.rows("metrics")}),
        "inputs": [_dataset(one) for one in used.rows("dataset_inputs")],
        "used": [one.text("model_id")[:34] for one in used.rows("model_inputs")],
        "made": [[one.text("model_id")[:34], one.whole("step", 0)] for one in made.rows("model_outputs")],
    }


def _dataset(row: Asked) -> Plain:
    said = inner(row, "dataset")
    return {name: said.text(name)[:most] for name, most in DATASET.items()} | {"tags": texts(row, "tags", 500)}


def point(row: Asked) -> list[Any]:
    """One point: step, moment, value."""
    return [row.whole("step", 0), whole(row.value("timestamp") or 0, "timestamp"), number(row.value("value"), "value")]


def model(row: Asked) -> Plain:
    """A logged model without its files."""
    info, data = inner(row, "info"), inner(row, "data")
    return {
        "id": _id(info.text("model_id", needed=True), MODEL_ID),
        "name": info.text("name")[:LONGEST_NAME],
        "kind": info.text("model_type")[:250],
        "run": info.text("source_run_id")[:32],
        "ready": info.value("status") in ("LOGGED_MODEL_READY", 2, None),
        "created": info.whole("creation_timestamp_ms", 0),
        "changed": info.whole("last_updated_timestamp_ms", 0),
        "tags": texts(info, "tags"),
        "params": texts(data, "params", 6000),
        "metrics": [_measured(one) for one in data.rows("metrics")],
    }


def _measured(row: Asked) -> Plain:
    step, moment, value = point(row)
    own = {name: row.text(name)[:500] for name in ("dataset_name", "dataset_digest", "run_id")}
    found = {"key": row.text("key", needed=True, most=LONGEST_KEY), "value": said_number(value), "step": step}
    return found | {"timestamp": moment} | {name: text for name, text in own.items() if text}


def name(row: Asked) -> Plain:
    """A registered name; its versions come beside it."""
    aliases = {one.text("alias"): one.whole("version") for one in row.rows("aliases")}
    return {
        "name": row.text("name", needed=True),
        "description": row.text("description")[:LONGEST_TEXT],
        "created": row.whole("creation_timestamp", 0),
        "changed": row.whole("last_updated_timestamp", 0),
        "tags": texts(row, "tags"),
        "aliases": aliases,
        "versions": [],
    }


def version(row: Asked) -> Plain:
    """A version of a registered name."""
    return {
        "number": row.whole("version"),
        "source": row.text("source"),
        "run": row.text("run_id")[:32],
        "model": row.text("model_id")[:34],
        "link": row.text("run_link")[:500],
        "stage": row.text("current_stage") or "None",
        "description": row.text("description")[:LONGEST_TEXT],
        "created": row.whole("creation_timestamp", 0),
        "changed": row.whole("last_updated_timestamp", 0),
        "tags": texts(row, "tags"),
    }
