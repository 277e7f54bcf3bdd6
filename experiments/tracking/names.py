"""The protocol's registry: names, versions, aliases and stages."""

import re
from collections.abc import Sequence
from typing import Any

from experiments.models.logged import LogName, LogVersion
from experiments.queries.logged import everything_named, latest_of, model_of, name_of, run_of, version_of, versions_of
from experiments.services import log_names as services
from experiments.tracking import showing, wire
from experiments.tracking.door import Tracking
from experiments.tracking.files import place_of
from experiments.tracking.grammar import NAMES, VERSIONS, order_of, parse
from experiments.tracking.matching import Facts, holds, sorted_by
from experiments.tracking.wire import Asked, Refused

MOST_NAMES, MOST_VERSIONS = 1000, 200_000
MODEL = re.compile(r"models:/(m-[0-9a-f]{32})")
RUN = re.compile(r"runs:/([0-9a-f]{32})/(.+)")
STORE = re.compile(r"mlflow-artifacts:/+(?:[^/]*/api/2\.0/mlflow-artifacts/artifacts/)?(\d.*)")


def the_name(door: Tracking, asked: Asked) -> LogName:
    """The name that a request is about."""
    return name_of(door.project, asked.text("name", needed=True))


def the_version(door: Tracking, asked: Asked) -> LogVersion:
    """The version that a request is about."""
    number = asked.value("version")
    said = str(number) if isinstance(number, int) else asked.text("version", needed=True)
    return version_of(door.project, asked.text("name", needed=True), said)


def _shown(row: LogName) -> dict[str, Any]:
    return {"registered_model": showing.registered(row, latest_of(versions_of([row])[row.pk]))}


def create(door: Tracking, asked: Asked) -> Any:
    """A new name."""
    made = services.create_name(
        door.project, name=asked.text("name", needed=True), description=asked.text("description"),
        tags=asked.pairs("tags"), by=door.person,
    )  # fmt: skip
    return _shown(made)


def get(door: Tracking, asked: Asked) -> Any:
    """One name with its newest versions."""
    return _shown(the_name(door, asked))


def update(door: Tracking, asked: Asked) -> Any:
    """Another description."""
    row = services.change_name(the_name(door, asked), description=asked.given_text("description"), by=door.person)
    return _shown(row)


def rename(door: Tracking, asked: Asked) -> Any:
    """Another name."""
    new = asked.text("new_name", needed=True)
    return _shown(services.change_name(the_name(door, asked), name=new, by=door.person))


def delete(door: Tracking, asked: Asked) -> Any:
    """The name goes, with its versions."""
    services.delete_name(the_name(door, asked), by=door.person)
    return {}


def search(door: Tracking, asked: Asked) -> Any:
    """Names that a filter finds."""
    text, orders, most = asked.text("filter"), asked.texts("order_by"), asked.most(100, MOST_NAMES)
    clauses, order = parse(text, NAMES), order_of(orders, NAMES)
    about = ["names", text, orders]
    start = wire.offset_of(asked.text("page_token"), about)
    every = [(_name_facts(row), row) for row in everything_named(door.project)]
    found = [pair for pair in every if all(holds(one, pair[0], absent_differs=True) for one in clauses)]
    page = [row for _, row in sorted_by(found, order)[start : start + most]]
    versions = versions_of(page)
    more = wire.token_of(start + most, about) if len(found) > start + most else ""
    shown = [showing.registered(row, latest_of(versions[row.pk])) for row in page]
    return showing.full({"registered_models": shown, "next_page_token": more})


def _name_facts(row: LogName) -> Facts:
    moments = {"creation_timestamp": showing.ms(row.created_at), "last_updated_timestamp": showing.ms(row.changed_at)}
    return Facts({"name": row.name, **moments}, {"tags": row.tags})


def latest(door: Tracking, asked: Asked) -> Any:
    """The newest version of each stage, or the newest of all where no stage is asked for."""
    row, stages = the_name(door, asked), asked.texts("stages")
    for stage in stages:
        if stage.lower() not in services.STAGES:
            raise Refused(f"Invalid Model Version stage: {stage[:60]}.")
    found = latest_of(versions_of([row])[row.pk], stages)
    return showing.full({"model_versions": [showing.version(one) for one in found]})


def set_tag(door: Tracking, asked: Asked) -> Any:
    """Write a tag of a name."""
    tags = {asked.text("key", needed=True, most=wire.LONGEST_KEY): asked.text("value")}
    services.change_name(the_name(door, asked), tags=tags, by=door.person)
    return {}


def delete_tag(door: Tracking, asked: Asked) -> Any:
    """Take a tag of a name away."""
    key = asked.text("key", needed=True)
    services.change_name(the_name(door, asked), without_tag=key, by=door.person)
    return {}


# ---- Aliases ----


def set_alias(door: Tracking, asked: Asked) -> Any:
    """Let an alias name a version."""
    version, alias = the_version(door, asked), asked.text("alias", needed=True)
    services.set_alias(version.name, alias=alias, number=version.number, by=door.person)
    return {}


def delete_alias(door: Tracking, asked: Asked) -> Any:
    """Let it name nothing."""
    row = the_name(door, asked)
    services.set_alias(row, alias=asked.text("alias", needed=True), number=None, by=door.person)
    return {}


def get_alias(door: Tracking, asked: Asked) -> Any:
    """The version that it names."""
    row, alias = the_name(door, asked), asked.text("alias", needed=True)
    number = row.aliases.get(alias)
    if number is None:
        raise Refused(f"Registered model alias {alias[:255]} not found.")
    return {"model_version": showing.version(version_of(door.project, row.name, str(number)))}


# ---- Versions ----


def create_version(door: Tracking, asked: Asked) -> Any:
    """The next version of a name."""
    row, source = the_name(door, asked), asked.text("source", needed=True, most=1000)
    place, run_key, model_key = _source(door, source, asked)
    made = services.create_version(
        row, source=source, place=place, run_key=run_key, model_key=model_key, run_link=asked.text("run_link"),
        description=asked.text("description"), tags=asked.pairs("tags"), by=door.person,
    )  # fmt: skip
    return {"model_version": showing.version(made)}


def _source(door: Tracking, source: str, asked: Asked) -> tuple[str, str, str]:
    """Where a version's files are: they must be files of this project. Also its run and its logged model."""
    run_key, model_key = asked.text("run_id", most=32), asked.text("model_id", most=34)
    if found := MODEL.fullmatch(source):
        model = model_of(door.project, found[1])
        return f"mlflow-artifacts:/{showing.model_root(model)}", run_key or model.source_run, model.key
    if found := RUN.fullmatch(source):
        run = run_of(door.project, found[1])
        return (
            f"mlflow-artifacts:/{showing.run_root(run)}/{wire.artifact_path(found[2])}",
            run_key or run.key,
            model_key,
        )
    if found := STORE.fullmatch(source):
        place = place_of(door.project, found[1])
        run_key = run_key or (place.run.key if place.run else "")
        model_key = model_key or (place.model.key if place.model else "")
        where = f"{place.root}/{place.path}".rstrip("/")
        return f"mlflow-artifacts:/{where}", run_key, model_key
    words = "It must be files that were logged here: models:/m-…, runs:/… or mlflow-artifacts:/…"
    raise Refused(f"Invalid model version source: '{source[:200]}'. {words}")


def get_version(door: Tracking, asked: Asked) -> Any:
    """One version."""
    return {"model_version": showing.version(the_version(door, asked))}


def update_version(door: Tracking, asked: Asked) -> Any:
    """Another description."""
    row = services.change_version(the_version(door, asked), description=asked.given_text("description"))
    return {"model_version": showing.version(row)}


def delete_version(door: Tracking, asked: Asked) -> Any:
    """It goes."""
    services.delete_version(the_version(door, asked), by=door.person)
    return {}


def move_version(door: Tracking, asked: Asked) -> Any:
    """Another stage."""
    stage, archive = asked.text("stage", needed=True), asked.flag("archive_existing_versions")
    row = services.move_version(the_version(door, asked), stage=stage, archive=archive, by=door.person)
    return {"model_version": showing.version(row)}


def download_uri(door: Tracking, asked: Asked) -> Any:
    """Where its files are."""
    return {"artifact_uri": the_version(door, asked).place}


def set_version_tag(door: Tracking, asked: Asked) -> Any:
    """Write a tag of a version."""
    tags = {asked.text("key", needed=True, most=wire.LONGEST_KEY): asked.text("value")}
    services.change_version(the_version(door, asked), tags=tags)
    return {}


def delete_version_tag(door: Tracking, asked: Asked) -> Any:
    """Take a tag of a version away."""
    services.change_version(the_version(door, asked), without_tag=asked.text("key", needed=True))
    return {}


def search_versions(door: Tracking, asked: Asked) -> Any:
    """Versions that a filter finds, the last changed first."""
    text, orders = asked.text("filter"), asked.texts("order_by")
    most = asked.most(10_000, MOST_VERSIONS)
    clauses, order = parse(text, VERSIONS), order_of(orders, VERSIONS)
    about = ["versions", text, orders]
    start = wire.offset_of(asked.text("page_token"), about)
    rows = LogVersion.objects.filter(name__project=door.project).select_related("name", "created_by")
    every = [(_version_facts(row), row) for row in rows.order_by("-changed_at", "name__name", "-number")]
    found = [pair for pair in every if all(holds(one, pair[0], absent_differs=True) for one in clauses)]
    page: Sequence[Any] = sorted_by(found, order)[start : start + most]
    more = wire.token_of(start + most, about) if len(found) > start + most else ""
    return showing.full({"model_versions": [showing.version(row) for _, row in page], "next_page_token": more})


def _version_facts(row: LogVersion) -> Facts:
    own = {
        "name": row.name.name,
        "run_id": row.run_key or None,
        "source_path": row.source,
        "version_number": row.number,
        "creation_timestamp": showing.ms(row.created_at),
        "last_updated_timestamp": showing.ms(row.changed_at),
    }
    return Facts(own, {"tags": row.tags})
