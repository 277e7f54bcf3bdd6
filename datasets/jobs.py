"""The jobs of the datasets room."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.utils import timezone

from datasets import event_journal
from datasets.models.countings import Counting
from datasets.models.destinations import Destination
from datasets.models.feeds import Export
from datasets.models.quality import Check, Quarantine
from datasets.models.recipes import Preparation, RecipeVersion
from datasets.models.sources import Pull, PullFile, Source
from datasets.models.versions import Ingestion, Version
from datasets.quality.catalog import stated
from datasets.queries import destinations as destination_queries
from datasets.queries import quality as queries
from datasets.queries import sources as source_queries
from datasets.queries.events import journal_of
from datasets.queries.findings import ASSOCIATIONS, DIFFERENCE
from datasets.queries.versions import last_published, published_versions, table_path
from datasets.recipes.base import table_key
from datasets.services import (
    contracts,
    countings,
    events,
    exports,
    looks,
    pulls,
    quality,
    quarantines,
    recipes,
    retention,
    sources,
    uploads,
    writings,
)
from datasets.services import versions as services
from jobs.context import Context
from jobs.limits import Limits
from jobs.registry import job, periodic
from problems.problem import Missing, Problem
from storage import blobs

READING = Limits(threads=2, sorts=True)  # recipes stay with one, on which the last digits of a sum do not change
HOUR = 3600
TRY_OUT = Limits(cpu_seconds=60, wall_seconds=90, file_mb=256)
LOOK_AHEAD = Limits(cpu_seconds=60, wall_seconds=60, file_mb=4096)


@job("datasets.ingest", queue="ingestion", limits=READING, on_failure=services.fail_ingestion)
def ingest(context: Context) -> None:
    """Read the stored file in a limited child, keep its table, and make a draft version or what a person looks at."""
    ingestion = Ingestion.objects.select_related("dataset__project").get(pk=context.job.payload["ingestion"])
    source = blobs.verified_path(ingestion.file_blob_id)
    entry = "look" if ingestion.preview else "run"
    answer = context.call(f"datasets.reading.engine:{entry}", {"source": str(source), "options": ingestion.options})
    if "refusal" in answer:
        with context.finish({"dataset": ingestion.dataset.name, "refused": answer["refusal"]["text"]}):
            services.finish_preview(ingestion, table=None, answer=answer)
        return
    context.progress(1, 1, "keeping the table")
    table = blobs.put_file(context.folder / answer["table"])
    result = {"dataset": ingestion.dataset.name, "rows": answer["rows"], "refused_rows": answer["refused_rows"]}
    with context.finish(result):
        finish = services.finish_ingestion if context.job.payload.get("take", True) else services.finish_preview
        finish(ingestion, table=table, answer=answer)


@job("datasets.prepare", queue="ingestion", on_failure=recipes.fail_preparation)
def prepare(context: Context) -> None:
    """Carry out a recipe in a limited child, keep its table, and make the next version of the target of it."""
    runs = Preparation.objects.select_related("recipe_version__recipe__project", "learned_from", "created_by")
    run = runs.get(pk=context.job.payload["preparation"])
    inputs = {one.key: one.version for one in run.inputs.select_related("version__dataset")}
    learned = [one["learned"] for one in run.learned_from.report] if run.learned_from else None
    spec = _spec(inputs, run.recipe_version.steps) | {"learned": learned}
    answer = context.call("datasets.recipes.engine:run", spec)
    context.progress(1, 1, "keeping the table")
    table = blobs.put_file(context.folder / answer["table"])
    with context.finish({"rows": answer["rows"], "columns": len(answer["schema"])}):
        recipes.finish_preparation(run, table=table, answer=answer)


@job("datasets.preview", queue="ingestion", max_attempts=1, limits=LOOK_AHEAD)
def preview(context: Context) -> None:
    """Compute what each step does to the first rows; the job keeps the answer."""
    payload = context.job.payload
    version = RecipeVersion.objects.filter(pk=payload["version"]).first()
    if version is None:
        raise Missing("The recipe is gone.")
    found = Version.objects.filter(pk__in=payload["inputs"].values()).select_related("dataset")
    by_id = {str(one.pk): one for one in found}
    if missing := [key for key, pk in payload["inputs"].items() if pk not in by_id]:
        raise Missing(f"A version that the recipe reads is gone: {missing[0] or payload['input']}.")
    inputs = {key: by_id[pk] for key, pk in payload["inputs"].items()}
    answer = context.call("datasets.recipes.engine:preview", _spec(inputs, version.steps))
    with context.finish(answer):
        pass


@job("datasets.check", queue="ingestion", limits=READING, on_failure=quality.fail_check)
def check(context: Context) -> None:
    """Judge every rule of a version in a limited child, in one scan."""
    row = Check.objects.select_related("version__dataset__project").get(pk=context.job.payload["check"])
    version, rules = row.version, list(queries.rules_of_id(row.version).select_related("dataset"))
    asked = [{"number": one.number, "kind": one.kind, "params": one.params} for one in rules]
    before = last_published(version)
    spec = _spec({"": version} | _others(version, asked), [])
    spec |= {
        "rules": asked,
        "profile": version.profile,
        "before": before.profile if before else None,
        "before_name": str(before) if before else "",
        "now": timezone.now().isoformat(),
    }
    answer = context.call("datasets.quality.engine:check", spec)
    with context.finish({"rules": len(rules), "rows": answer["rows"]}):
        quality.finish_check(row, rules=rules, answer=answer)


@job("datasets.quarantine", queue="ingestion", on_failure=quarantines.fail_quarantine)
def quarantine(context: Context) -> None:
    """Split the rows that break rules from the others in a limited child, and keep both."""
    split = Quarantine.objects.select_related("version__dataset__project").get(pk=context.job.payload["quarantine"])
    spec = _spec({"": split.version} | _others(split.version, split.rules), [])
    answer = context.call(
        "datasets.quality.engine:split", spec | {"rules": split.rules, "now": timezone.now().isoformat()}
    )
    if not answer["rows"]:
        raise Problem("Every row breaks these rules; nothing would be left.", code="nothing_left")
    context.progress(3, 3, "keeping both tables")
    bad, good = blobs.put_file(context.folder / answer["bad"]), blobs.put_file(context.folder / answer["table"])
    with context.finish({"rows": answer["rows"], "aside": answer["bad_rows"]}):
        quarantines.finish_quarantine(split, bad=bad, good=good, answer=answer)


@periodic("datasets.late_contracts", every=HOUR)
def late_contracts() -> None:
    """Tell consumers of data that did not come when its contract promised."""
    contracts.tell_late()


def _others(version: Version, rules: Iterable[Any]) -> dict[str, Version]:
    """The newest published versions of the datasets that rules refer to, as far as there are any."""
    wanted = {name for one in rules for name, _ in stated(one["kind"], one["params"]).rule.tables(one["params"])}
    found: dict[str, Version] = {}
    published = published_versions(version.dataset.project).filter(dataset__name__in=wanted).order_by("number")
    for other in published if wanted else []:
        found[table_key(other.dataset.name, 0)] = other
    return found


def _spec(inputs: Mapping[str, Version], steps: Any) -> dict[str, Any]:
    """What the child is given: paths of tables whose bytes were just checked, their schemas, and the steps."""
    tables = {key: {"path": str(table_path(one)), "schema": one.schema} for key, one in inputs.items()}
    return {"main": tables.pop(""), "others": tables, "steps": steps}


@job("datasets.export", queue="ingestion", on_failure=exports.fail_export)
def export(context: Context) -> None:
    """Write a version as a file in a limited child and keep it for a while."""
    found = Export.objects.select_related("version__dataset__project").get(pk=context.job.payload["export"])
    spec = {"source": str(table_path(found.version)), "format": found.format, "masked": found.masked, "raw": found.raw}
    answer = context.call("datasets.exporting:run", spec)
    blob = blobs.put_file(context.folder / answer["file"])
    with context.finish({"file": f"{found.version} as {found.format}", "bytes": blob.size}):
        exports.finish_export(found, blob)


@job("datasets.count", queue="ingestion", on_failure=countings.fail_counting)
def count(context: Context) -> None:
    """Read the values of a KPI from a version in a limited child, and put them down."""
    rows = Counting.objects.select_related("kpi", "dataset")
    counting = rows.filter(pk=context.job.payload["counting"]).first()
    version = Version.objects.select_related("dataset").filter(pk=context.job.payload["version"]).first()
    if counting is None or version is None:
        raise Missing("What was to be read, or where, is gone.")
    spec = {"path": str(table_path(version)), "day": counting.day, "value": counting.value}
    answer = context.call("datasets.counting:run", spec)
    with context.finish({"kpi": counting.kpi.key, "values": len(answer["values"])}):
        countings.finish_counting(counting, version, answer)


@job(DIFFERENCE, queue="ingestion", max_attempts=2)
def difference(context: Context) -> None:
    """Match two versions row by row; the job keeps the answer."""
    now, before = (_version(context.job.payload[name]) for name in ("version", "before"))
    sides = {
        name: {"path": str(table_path(one)), "schema": one.schema} for name, one in (("now", now), ("before", before))
    }
    answer = context.call("datasets.profiling.by_key:run", {**sides, "key": context.job.payload["key"]})
    with context.finish(answer):
        pass


@job(ASSOCIATIONS, queue="ingestion", max_attempts=2)
def associations(context: Context) -> None:
    """Measure how columns go together; the job keeps the answer."""
    version = _version(context.job.payload["version"])
    spec = {"path": str(table_path(version)), "schema": version.schema, "target": context.job.payload["target"]}
    answer = context.call("datasets.profiling.associations:run", spec)
    with context.finish(answer):
        pass


def _version(pk: str) -> Version:
    version = Version.objects.filter(pk=pk).first()
    if version is None:
        raise Missing("A version that was to be looked at is gone.")
    return version


@periodic("datasets.let_go", every=HOUR)
def let_go() -> None:
    """Old versions and exported files whose time is over."""
    retention.sweep()
    exports.sweep_exports()


@job("datasets.test_source", queue="ingestion", max_attempts=1, limits=TRY_OUT)
def test_source(context: Context) -> None:
    """Try a source in steps; the job keeps what each step said."""
    source = Source.objects.filter(pk=context.job.payload["source"]).first()
    if source is None:
        raise Missing("The source is gone.")
    private = source_queries.secrets_of(source)
    answer = context.call("datasets.connectors.engine:test", source_queries.spec_of(source), private)
    with context.finish(answer):
        pass


@job("datasets.pull", queue="ingestion", limits=READING, on_failure=pulls.fail_pull)
def pull(context: Context) -> None:
    """Load what is new from a source in a limited child: a draft version, or what a person looks at first."""
    rows = Pull.objects.select_related("source__project", "source__dataset")
    load = rows.get(pk=context.job.payload["pull"])
    pulls.check_feeds(load.source)
    kept = context.job.payload.get("kept")
    private = None if kept else source_queries.secrets_of(load.source)
    event_journal.seal(journal_of(load.source))
    spec = source_queries.pull_spec(load) | {"kept": source_queries.kept_spec(kept) if kept else None}
    answer = context.call("datasets.connectors.engine:pull", spec, private)
    if not answer["new"]:
        with context.finish({"source": load.source.name, "nothing_new": True}):
            pulls.finish_unchanged(load, answer)
        return
    context.progress(1, 1, "keeping the table")
    files = (
        pulls.kept_files(kept)
        if kept
        else [
            PullFile(name=one["name"], blob=blobs.put_file(context.folder / one["path"]), options=one["options"])
            for one in answer["files"]
        ]
    )
    table = None if "refusal" in answer else blobs.put_file(context.folder / answer["table"])
    with context.finish({"source": load.source.name, "rows": answer.get("rows", 0)}):
        if load.preview or table is None:
            looks.finish_look(load, table=table, files=files, answer=answer)
        else:
            pulls.finish_pull(load, table=table, files=files, answer=answer)


@job(destination_queries.TEST, queue="ingestion", max_attempts=1, limits=TRY_OUT)
def test_destination(context: Context) -> None:
    """Try a destination in steps; the job keeps what each step said. Nothing is written."""
    rows = Destination.objects.select_related("dataset")
    destination = rows.filter(pk=context.job.payload["destination"]).first()
    if destination is None:
        raise Missing("The destination is gone.")
    version = destination_queries.newest_of(destination.dataset)
    if version is None:
        raise Problem(f"{destination.dataset.name} has no version yet: its columns are not known.", code="no_version")
    spec = destination_queries.spec_of(destination, destination_queries.taken(destination, version))
    answer = context.call("datasets.writing.engine:test", spec, source_queries.secrets_of(destination))
    with context.finish(answer):
        pass


@job(destination_queries.WRITE, queue="ingestion", limits=READING, on_failure=writings.fail_writing)
def write(context: Context) -> None:
    """Write a version to a table outside in a limited child, in one transaction there; a repeat finds it done."""
    writing, version = writings.running(context.job.payload)
    private = source_queries.secrets_of(writing.destination)
    start = time.monotonic()
    answer = context.call("datasets.writing.engine:write", destination_queries.write_spec(writing, version), private)
    with context.finish({"destination": writing.destination.name, **answer}):
        writings.finish_writing(writing, version, answer=answer, seconds=time.monotonic() - start)


@periodic("datasets.pulls", every=settings.TICK_SECONDS)
def load_due() -> None:
    """Start the loads that are due."""
    pulls.start_due()


@periodic("datasets.licences", every=HOUR)
def tell_expiring() -> None:
    """Say when the licence of a source ends."""
    sources.tell_expiring()


@periodic("datasets.uploads", every=600)
def expire_uploads() -> None:
    """Free what unfinished uploads and sources that are gone left behind."""
    uploads.expire()
    events.sweep_journals()


@periodic("datasets.windows", every=settings.TICK_SECONDS)
def close_windows() -> None:
    """Load the windows of events that are full."""
    events.close_full_windows()
