"""The protocol's experiments: folders of logged runs."""

from typing import Any

from experiments.models.logged import LogExperiment
from experiments.queries.logged import experiment_for
from experiments.services import log_experiments as services
from experiments.tracking.door import Tracking
from experiments.tracking.grammar import EXPERIMENTS, order_of, parse
from experiments.tracking.matching import Facts, holds, sorted_by
from experiments.tracking.showing import experiment as shown
from experiments.tracking.showing import full, ms
from experiments.tracking.wire import Asked, missing, offset_of, token_of, too_long, unknown, wrong
from projects.models.projects import Project

MOST = 50_000
LONGEST_NAME, LONGEST_TAG_KEY = 500, 250


def folder(project: Project, asked: Asked) -> LogExperiment:
    """The folder that a request names by its number; 0 is there for everybody."""
    number = asked.text("experiment_id", needed=True)
    return experiment_for(project, number) or services.default_experiment(project)


def create(door: Tracking, asked: Asked) -> Any:
    """A new folder."""
    name = _name(asked, "name")
    place = asked.text("artifact_location")
    if place and not place.startswith("mlflow-artifacts:"):
        raise wrong("artifact_location", place, "files are kept here, so leave it out")
    made = services.create_experiment(door.project, name=name, tags=_tags(asked), by=door.person)
    return {"experiment_id": str(made.number)}


def _name(asked: Asked, field: str) -> str:
    found = asked.value(field)
    if found is None or found == "":
        raise missing(field)
    if not isinstance(found, str):
        raise wrong(field, found, "it must be a string")
    if len(found) > LONGEST_NAME:
        raise too_long(field, LONGEST_NAME)
    if "\x00" in found:
        raise wrong(field, found.replace("\x00", "\\0"))
    return found


def _tags(asked: Asked) -> dict[str, str]:
    found = asked.pairs("tags")
    for key in found:
        if len(key) > LONGEST_TAG_KEY:
            raise too_long("tags.key", LONGEST_TAG_KEY)
    return found


def get(door: Tracking, asked: Asked) -> Any:
    """One folder by its number."""
    return {"experiment": shown(folder(door.project, asked))}


def get_by_name(door: Tracking, asked: Asked) -> Any:
    """One folder by its name."""
    name = asked.text("experiment_name", needed=True)
    if name == "Default":
        services.default_experiment(door.project)
    row = LogExperiment.objects.filter(project=door.project, name=name).first()
    if row is None:
        raise unknown(f"Could not find experiment with name '{name[:500]}'")
    return {"experiment": shown(row)}


def search(door: Tracking, asked: Asked) -> Any:
    """Folders that a filter finds, the newest first."""
    most = asked.most(1000, MOST) if asked.value("max_results") is not None else _no_most()
    text, view = asked.text("filter"), asked.text("view_type") or "ACTIVE_ONLY"
    orders = asked.texts("order_by")
    clauses, order = parse(text, EXPERIMENTS), order_of(orders, EXPERIMENTS)
    about = ["experiments", text, view, orders]
    start = offset_of(asked.text("page_token"), about)
    services.default_experiment(door.project)
    rows = LogExperiment.objects.filter(project=door.project).order_by("-created_at", "-number")
    if view in ("ACTIVE_ONLY", "DELETED_ONLY"):
        rows = rows.filter(deleted_at__isnull=view == "ACTIVE_ONLY")
    every = [(_facts(row), row) for row in rows]
    found = [(facts, row) for facts, row in every if all(holds(one, facts) for one in clauses)]
    page = sorted_by(found, order)[start : start + most]
    more = token_of(start + most, about) if len(found) > start + most else ""
    return full({"experiments": [shown(row) for _, row in page], "next_page_token": more})


def _no_most() -> int:
    raise missing("max_results")


def _facts(row: LogExperiment) -> Facts:
    own = {"name": row.name, "creation_time": ms(row.created_at), "last_update_time": ms(row.changed_at)}
    return Facts({**own, "experiment_id": row.number}, {"tags": row.tags})


def update(door: Tracking, asked: Asked) -> Any:
    """Another name."""
    row = folder(door.project, asked)
    if asked.value("new_name") is not None:
        services.rename_experiment(row, name=_name(asked, "new_name"), by=door.person)
    return {}


def delete(door: Tracking, asked: Asked) -> Any:
    """Hide it."""
    services.delete_experiment(folder(door.project, asked), by=door.person)
    return {}


def restore(door: Tracking, asked: Asked) -> Any:
    """Show it again."""
    services.restore_experiment(folder(door.project, asked), by=door.person)
    return {}


def set_tag(door: Tracking, asked: Asked) -> Any:
    """Write a tag."""
    row, key = folder(door.project, asked), asked.text("key", needed=True, most=LONGEST_TAG_KEY)
    services.set_experiment_tag(row, key=key, value=asked.text("value"), by=door.person)
    return {}


def delete_tag(door: Tracking, asked: Asked) -> Any:
    """Take a tag away."""
    row, key = folder(door.project, asked), asked.text("key", needed=True)
    services.set_experiment_tag(row, key=key, value=None, by=door.person)
    return {}
