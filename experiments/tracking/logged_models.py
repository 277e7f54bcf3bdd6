"""The protocol's logged models."""

import re
import uuid
from collections.abc import Sequence
from typing import Any

from experiments.models.logged import LogModel
from experiments.queries.logged import model_of, run_of
from experiments.services import log_models as services
from experiments.tracking import showing, wire
from experiments.tracking.door import Tracking
from experiments.tracking.folders import folder
from experiments.tracking.grammar import MODELS, Clause, order_key, parse
from experiments.tracking.matching import Facts, Order, holds, sorted_by
from experiments.tracking.wire import Asked, Refused

STATES = ("LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED")
MOST = 50


def the_model(door: Tracking, asked: Asked) -> LogModel:
    """The model that a request names."""
    return model_of(door.project, asked.text("model_id", needed=True))


def create(door: Tracking, asked: Asked) -> Any:
    """A model whose files come next."""
    name = asked.text("name", most=500) or f"model-{uuid.uuid4().hex[:8]}"
    if re.search(r"[/:.%\"']", name):
        words = "Invalid model name. Names cannot contain the following characters: / : . % \" '"
        raise Refused(f"Invalid value '{name[:100]}' for parameter 'name' supplied: {words}")
    row = folder(door.project, asked)
    row.project = door.project
    source = asked.text("source_run_id", most=32)
    run = run_of(door.project, source) if source else None
    made = services.create_model(
        row, name=name, kind=asked.text("model_type"), source_run=source, run=run, params=asked.pairs("params"),
        tags=asked.pairs("tags"), by=door.person,
    )  # fmt: skip
    return {"model": showing.model(made)}


def get(door: Tracking, asked: Asked) -> Any:
    """One of them."""
    return {"model": showing.model(the_model(door, asked))}


def update(door: Tracking, asked: Asked) -> Any:
    """Say that it is complete, or that it is not."""
    state = asked.value("status")
    if state in (2, 3):
        state = STATES[state - 1]
    changed = services.change_model(the_model(door, asked), state=state if state in STATES else None)
    changed = model_of(door.project, changed.key)
    return {"model": showing.model(changed)}


def delete(door: Tracking, asked: Asked) -> Any:
    """Hide it."""
    services.delete_model(the_model(door, asked), by=door.person)
    return {}


def set_tags(door: Tracking, asked: Asked) -> Any:
    """More tags."""
    row = services.change_model(the_model(door, asked), tags=asked.pairs("tags"))
    return {"model": showing.model(model_of(door.project, row.key))}


def delete_tag(door: Tracking, asked: Asked) -> Any:
    """Take a tag away."""
    services.change_model(the_model(door, asked), without_tag=asked.text("tag_key", needed=True))
    return {}


def add_params(door: Tracking, asked: Asked) -> Any:
    """More parameters: clients send those past the first hundred here."""
    services.change_model(the_model(door, asked), params=asked.pairs("params"))
    return {}


def search(door: Tracking, asked: Asked) -> Any:
    """Models that a filter finds, the newest first."""
    names, text = asked.texts("experiment_ids"), asked.text("filter")
    most = min(asked.most(MOST, 50_000), 1000)
    orders = [(row.text("field_name", needed=True), row.value("ascending")) for row in asked.rows("order_by")]
    clauses, order = parse(text, MODELS), _order(orders)
    datasets = [(row.text("dataset_name"), row.text("dataset_digest")) for row in asked.rows("datasets")]
    about = ["models", names, text, orders, datasets]
    start = wire.offset_of(asked.text("page_token"), about)
    numbers = [int(name) for name in names if name.isascii() and name.isdecimal() and len(name) < 10]
    rows = LogModel.objects.filter(project=door.project, experiment__number__in=numbers, deleted_at=None)
    every = [(_facts(row, datasets), row) for row in _narrowed(rows, clauses).select_related("experiment", "run")]
    found = [(facts, row) for facts, row in every if all(holds(one, facts) for one in clauses)]
    page = sorted_by(found, order)[start : start + most]
    more = wire.token_of(start + most, about) if len(found) > start + most else ""
    return showing.full({"models": [showing.model(row) for _, row in page], "next_page_token": more})


def _narrowed(rows: Any, clauses: Sequence[Clause]) -> Any:
    """What clients ask most, the models of one run, is found by the database."""
    for one in clauses:
        if (one.group, one.key, one.op) == ("", "source_run_id", "="):
            rows = rows.filter(source_run=one.value)
    return rows


def _order(orders: Sequence[tuple[str, Any]]) -> Order:
    found = []
    for name, ascending in orders:
        group, dot, key = name.partition(".")
        group, key = order_key(group if dot else None, key if dot else name, MODELS)
        found.append((group, key, ascending is False))
    return found


def _facts(row: LogModel, datasets: Sequence[tuple[str, str]]) -> Facts:
    own = {
        "name": row.name,
        "model_id": row.key,
        "model_type": row.kind,
        "status": row.state.removeprefix("LOGGED_MODEL_"),
        "source_run_id": row.source_run or None,
        "creation_timestamp": showing.ms(row.created_at),
        "last_updated_timestamp": showing.ms(row.changed_at),
    }
    asked = set(datasets)
    metrics: dict[str, Any] = {}
    for one in row.metrics:
        about = (one.get("dataset_name", ""), one.get("dataset_digest", ""))
        if not asked or about in asked or (about[0], "") in asked:
            metrics[one["key"]] = one["value"]
    return Facts(own, {"metrics": metrics, "params": row.params, "tags": row.tags})
