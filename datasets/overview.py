"""What the datasets room shows on project pages and on people's home."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, Subquery
from django.urls import reverse

from accounts.models import User
from datasets import sentences
from datasets.models.sources import Pull
from datasets.models.versions import Dataset, Ingestion, Version
from datasets.queries import sources as source_queries
from datasets.queries import versions as queries
from datasets.queries.destinations import written_of
from datasets.services import looks
from datasets.services import versions as services
from datasets.services.destinations import address_of as destination_address
from datasets.services.writings import in_words
from datasets.using import Use, uses
from projects.activity import say
from projects.handing import Evidence
from projects.models.projects import Project
from projects.overview import (
    Need,
    Section,
    StageNote,
    evidence,
    holding,
    home_part,
    need,
    section,
    stage_of_many,
    tab,
)
from projects.permissions import Role, allows
from projects.reviewing import tells
from projects.stages import Outcome
from projects.subjects import split_number, subject
from projects.things import Thing, Things, things

say("data.load_started", "began to load {file} into {dataset}")
say("data.version_made", "read {rows} rows into {dataset} v{number}")
say("data.load_failed", "could not load {file} into {dataset}: {reason}")
say("data.load_stopped", "stopped the load of {file} into {dataset}")
say("data.preview_made", "read {file} for {dataset}, to be looked at")
say("data.read_again", "had {file} read again for {dataset}")
say("data.preview_taken", "took {file} as it was read for {dataset}")
say("data.preview_dropped", "dropped what was read of {file} for {dataset}")
say("data.schema_policy_set", "set how changed columns of {dataset} are treated: {now}")
say("data.schema_accepted", "accepted the changed columns of {dataset} v{number}")
say("data.published", "published {dataset} v{number}")
say("data.version_prepared", "made {dataset} v{number} with the recipe {recipe}")
say("data.words_set", "set the tags of {dataset}")
say("data.column_tagged", "said what the column {column} of {dataset} holds: {now}")
say("data.tags_inherited", "marked columns of {dataset} v{number} as made of sensitive ones")
say("data.export_started", "had {dataset} v{number} written as {format}")
say("data.exported", "took {dataset} v{number} away as {format}")
say("data.feed_made", "made the address “{feed}” of {dataset} for a program")
say("data.feed_read", "read {dataset} v{number} from the address “{feed}”")
say("data.feed_revoked", "revoked the address “{feed}” of {dataset}")
say("data.retention_set", "set that {dataset} keeps its last {keep_last} versions, and those of {keep_days} days")
say("data.retention_dropped", "set that {dataset} keeps every version")
say("data.version_expired", "deleted {dataset} v{number}, which nothing used any more")
say("data.retention_freed", "freed {bytes} bytes of old versions of {dataset}")
say("data.study_started", "looked closer at {dataset} v{number}: {what}")
say("source.registered", "registered the source {source} ({where}) for {dataset}")
say("source.changed", "changed the source {source} ({where})")
say("source.approved", "approved the source {source}")
say("source.refused", "refused the source {source}: {reason}")
say("source.tested", "tested the source {source}")
say("source.load_started", "began to load {dataset} from {source}")
say("source.load_skipped", "did not load {source} on its schedule: {reason}")
say("source.loaded", "loaded {rows} rows into {dataset} v{number} from {source}")
say("source.unchanged", "found nothing new in {source}")
say("source.load_failed", "could not load {source}: {reason}")
say("source.load_stopped", "stopped the load of {source}")
say("source.expiring", "told that the licence of {source} ends on {until}")
say("destination.registered", "registered the destination {destination} ({where}) of {dataset}")
say("destination.changed", "changed the destination {destination} ({where}) of {dataset}")
say("destination.approved", "approved that {dataset} is written to {destination}")
say("destination.refused", "refused that {dataset} is written to {destination}: {reason}")
say("destination.tested", "tested the destination {destination} of {dataset}")
say("destination.load_started", "began to write {dataset} v{number} to {destination}")
say("destination.load_skipped", "did not write {dataset} v{number} to {destination}: {reason}")
say(
    "destination.loaded",
    "wrote {dataset} v{number} to {destination}: {added} added, {changed} changed, {removed} removed",
)
say("destination.unchanged", "wrote nothing of {dataset} v{number} to {destination}: {reason}")
say("destination.load_failed", "could not write {dataset} v{number} to {destination}: {reason}")
say("destination.load_stopped", "stopped writing {dataset} v{number} to {destination}")
say("recipe.created", "began the recipe {recipe}, which makes {target} of {source}")
say("recipe.changed", "saved version {number} of the recipe {recipe}")
say("recipe.run_started", "started the recipe {recipe} v{number}")
say("recipe.run_failed", "could not run the recipe {recipe} v{number}: {reason}")
say("recipe.run_stopped", "stopped the recipe {recipe} v{number}")
say("quality.rule_added", "added rule {rule} to {dataset}: {says}")
say("quality.rule_changed", "changed rule {rule} of {dataset}: {says}")
say("quality.rule_retired", "retired rule {rule} of {dataset}: {says}")
say("quality.check_started", "began to check the rules of {dataset} v{number}")
say("quality.checked", "checked {rules} rules on {dataset} v{number}; {bad} do not hold")
say("quality.check_failed", "could not check the rules of {dataset} v{number}: {reason}")
say("quality.waived", "waived rule {rule} for {dataset} v{number} until {until}: {reason}")
say("quality.quarantine_started", "began to set bad rows of {dataset} v{number} aside")
say("quality.quarantined", "set {aside} rows aside and made {dataset} v{number} of the others")
say("quality.quarantine_failed", "could not set rows of {dataset} v{number} aside: {reason}")
say("quality.contract_written", "wrote contract {number} of {dataset}")
say("quality.contract_signed", "signed contract {number} of {dataset}")
say("quality.contract_broken", "found that {dataset} v{number} breaks contract {contract}")
say("quality.contract_late", "found that {dataset} is later than its contract promises")
say("quality.subscribed", "made {consumer} count on the contract of {dataset}")
say("quality.unsubscribed", "ended that {consumer} counts on the contract of {dataset}")

tells("changed", "data.published", "source.approved", "quality.contract_signed", "destination.approved")
tells("learned", "quality.waived", "quality.contract_broken", "data.schema_accepted")
QUALITY_PAGES = (
    *("dataset-quality", "dataset-rule-new", "dataset-rule", "dataset-waive"),
    *("dataset-contract", "dataset-contract-write"),
)
CLOSER_PAGES = (
    *("dataset-care", "dataset-export", "dataset-difference", "dataset-associations"),
    *("dataset-destinations", "dataset-destination", "dataset-destination-new", "dataset-destination-edit"),
)
tab("data", 10, "Datasets", "data", also=("upload", "dataset-version", *QUALITY_PAGES, *CLOSER_PAGES))
tab("data", 20, "Sources", "sources", also=("source", "source-new", "source-edit"))
tab("data", 30, "Recipes", "recipes", also=("recipe", "recipe-new", "recipe-step", "recipe-step-new"))

MOST_OFFERED = 50
PUBLISHED, DRAFT = Version.State.PUBLISHED, Version.State.DRAFT
BAD = (Ingestion.State.FAILED, Ingestion.State.CANCELLED)


def _standing(projects: Sequence[Project]) -> Iterable[Mapping[str, Any]]:
    """One row for each project: its newest published version and draft, whether a load runs or failed. One query."""
    versions = Version.objects.filter(dataset__project=OuterRef("pk")).order_by("-created_at")
    published = versions.filter(state=PUBLISHED).order_by("-published_at")
    loads = Ingestion.objects.filter(dataset__project=OuterRef("pk")).order_by("-created_at")
    return Project.objects.filter(pk__in=[project.pk for project in projects]).values(
        "pk",
        "key",
        name_published=Subquery(published.values("dataset__name")[:1]),
        published=Subquery(published.values("number")[:1]),
        name_draft=Subquery(versions.filter(state=DRAFT).values("dataset__name")[:1]),
        draft=Subquery(versions.filter(state=DRAFT).values("number")[:1]),
        loading=Exists(loads.filter(state=Ingestion.State.WAITING)),
        last_load=Subquery(loads.values("state")[:1]),
    )


@stage_of_many("data")
def data_stage(projects: Sequence[Project]) -> Mapping[UUID, StageNote]:
    """A published version makes it done."""
    outcomes = _outcomes(projects)
    return {row["pk"]: _data_note(row, outcomes.get(row["pk"])) for row in _standing(projects)}


def _outcomes(projects: Sequence[Project]) -> Mapping[UUID, Outcome]:
    """The newest published version of every dataset of each project. One query."""
    newer = Version.objects.filter(dataset=OuterRef("dataset"), state=PUBLISHED, number__gt=OuterRef("number"))
    newest = Version.objects.filter(dataset__project__in=projects, state=PUBLISHED).exclude(Exists(newer))
    fields = ("dataset__project_id", "dataset__name", "number", "published_at", "created_at")
    found: dict[UUID, Outcome] = {}
    for project, name, number, published, created in newest.order_by("published_at", "number").values_list(*fields):
        before, words = found.get(project), f"{name} version {number} published"
        parts = {**(before.parts if before else {}), name: str(number)}
        each = {**(before.each if before else {}), name: words}
        found[project] = Outcome(parts, words, published or created, each=each)
    return found


def _data_note(row: Mapping[str, Any], outcome: Outcome | None) -> StageNote:
    url, who = reverse("data", args=[row["key"]]), Role.DATA_ENGINEER
    if row["published"]:
        holds = frozenset({"published"})
        words = f"{row['name_published']} v{row['published']} published"
        return StageNote("done", words, url, who, holds=holds, outcome=outcome)
    if row["loading"]:
        return StageNote("now", "A file is being read", url, who)
    if row["draft"]:
        return StageNote("now", f"{row['name_draft']} v{row['draft']} waits", url, who)
    if row["last_load"] in BAD:
        return StageNote("alert", "The last load failed", url, who)
    return StageNote("todo", "No data yet", url, who)


@stage_of_many("explore")
def explore_stage(projects: Sequence[Project]) -> Mapping[UUID, StageNote]:
    """Open as soon as a version is published; nobody has to wait for it."""
    published = Version.objects.filter(dataset__project=OuterRef("pk"), state=PUBLISHED)
    rows = Project.objects.filter(pk__in=[project.pk for project in projects]).values(
        "pk", "key", ready=Exists(published)
    )
    return {
        row["pk"]: StageNote(
            "done" if row["ready"] else "todo",
            "Charts of every column" if row["ready"] else "Needs published data",
            reverse("explore", args=[row["key"]]),
            holds=frozenset({"profiled"} if row["ready"] else ()),
        )
        for row in rows
    }


@section
def newest_data(project: Project, roles: frozenset[Role]) -> Iterable[Section]:
    """The newest published version beside the targets."""
    version = queries.published_versions(project).first()
    if version is None:
        return []
    return [Section(40, "datasets/parts/overview.html", {"version": version, "project": project})]


@need
def drafts_and_failures(user: User, projects: dict[Project, frozenset[Role]]) -> Iterable[Need]:
    """Drafts that wait to be published, and loads that failed."""
    keepers = [project for project, roles in projects.items() if allows(roles, "data.publish")]
    loaders = [project for project, roles in projects.items() if allows(roles, "data.load")]
    return [*_drafts(keepers), *_failures(user, keepers, loaders), *_previews(user, loaders)]


def _previews(user: User, projects: list[Project]) -> Iterable[Need]:
    """What one had read in order to look at it waits for oneself."""
    waits: list[tuple[Ingestion | Pull, Dataset, str, str]] = [
        (one, one.dataset, f"how {one.file_name} was read", services.preview_address(one))
        for one in queries.previews(projects)
    ]
    waits += [
        (one, one.source.dataset, f"what {one.source} brings", looks.look_address(one))
        for one in source_queries.looks(projects)
    ]
    for load, dataset, what, url in waits:
        if load.created_by_id == user.pk:
            yield Need(
                order=18,
                icon="search",
                title=f"Look at {what}",
                why=load.message or f"It becomes a version of {dataset.name} when you say so.",
                url=url,
                button="Look at it",
                project=dataset.project,
                since=load.created_at,
                role=Role.DATA_ENGINEER,
            )


def _drafts(projects: list[Project]) -> Iterable[Need]:
    """Only the newest version of a dataset is worth publishing."""
    newest = Version.objects.filter(dataset=OuterRef("dataset")).order_by("-number").values("number")[:1]
    drafts = Version.objects.filter(dataset__project__in=projects, state=DRAFT, number=Subquery(newest))
    for version in drafts.select_related("dataset__project").defer(*queries.HEAVY).order_by("created_at")[:20]:
        yield Need(
            order=20,
            icon="database",
            title=f"Look at {version} and publish it",
            why=f"{sentences.short(version.rows, version.refused_rows)}. Drafts cannot be trained on.",
            url=services.address_of(version),
            button=f"Look at v{version.number}",
            project=version.dataset.project,
            since=version.created_at,
            role=Role.DATA_ENGINEER,
        )


def _failures(user: User, keepers: list[Project], loaders: list[Project]) -> Iterable[Need]:
    """A failed load waits for who started it and for the data people, until a newer load of the dataset."""
    later = Ingestion.objects.filter(dataset=OuterRef("dataset"), created_at__gt=OuterRef("created_at"))
    mine = Q(dataset__project__in=keepers) | Q(dataset__project__in=loaders, created_by=user)
    failed = Ingestion.objects.filter(mine, state=Ingestion.State.FAILED).exclude(Exists(later))
    for load in failed.select_related("dataset__project").order_by("created_at")[:20]:
        dataset: Dataset = load.dataset
        yield Need(
            order=15,
            icon="triangle-alert",
            title=f"{load.file_name} could not be loaded into {dataset.name}",
            why=load.message,
            url=f"{reverse('upload', args=[dataset.project.key])}?dataset={dataset.name}",
            button="Upload again",
            project=dataset.project,
            since=load.created_at,
            role=Role.DATA_ENGINEER,
        )


# ---- What a data engineer and an analyst hand on ----


@evidence(Role.DATA_ENGINEER)
def published_and_explained(project: Project) -> Iterable[Evidence]:
    """A published version, whose refused rows are explained where there are any."""
    version = queries.published_versions(project).first()
    where = services.address_of(version) if version else reverse("data", args=[project.key])
    name = str(version) if version else ""
    yield Evidence("published", "A version is published", version is not None, "Publish a version.", name, where)
    refused = version.refused_rows if version else 0
    words = f"{refused} rows were refused; the note says why" if refused else "No row was refused"
    todo = f"Say in the note why {refused} rows of {name} may be missing."
    yield Evidence("refused", words, not refused, todo, name, where, note_excuses=True)


@evidence(Role.DATA_ANALYST)
def looked_at(project: Project) -> Iterable[Evidence]:
    """Every column of the newest published version has a profile."""
    version = queries.published_versions(project).first()
    url = reverse("explore", args=[project.key])
    name = f"Charts of {version}" if version else ""
    todo = "A data engineer publishes a version first."
    yield Evidence("profiled", "Every column can be looked at", version is not None, todo, name, url)


@subject("data")
def find_version(project: Project, own: str) -> tuple[str, str]:
    """A version of a dataset as `customers/v3`."""
    name, number = split_number(own)
    version = queries.version_for(project, name, number)
    return str(version), reverse("dataset-version", args=[project.key, name, number])


@home_part
def last_loads(user: User, projects: Mapping[Project, frozenset[Role]]) -> Iterable[Section]:
    """For data people: what was loaded last, and whether it arrived."""
    mine = holding(projects, Role.DATA_ENGINEER, Role.DBA, Role.DATA_ANALYST)
    if mine:
        loads = Ingestion.objects.filter(dataset__project__in=mine).select_related("dataset__project")
        yield Section(20, "datasets/parts/home_loads.html", {"loads": list(loads.order_by("-created_at")[:8])})


@home_part
def new_versions(user: User, projects: Mapping[Project, frozenset[Role]]) -> Iterable[Section]:
    """For those who look at data and learn from it: versions that were published last."""
    mine = holding(projects, Role.DATA_SCIENTIST, Role.DATA_ANALYST)
    versions = Version.objects.filter(dataset__project__in=mine, state=PUBLISHED).select_related("dataset__project")
    found = list(versions.defer("profile", "report", "schema").order_by("-published_at")[:5]) if mine else []
    if found:
        yield Section(30, "datasets/parts/home_versions.html", {"versions": found}, side=True)


def _thing(project: Project, version: Version) -> Thing:
    url = reverse("dataset-version", args=[project.key, version.dataset.name, version.number])
    return Thing("dataset version", str(version), str(version), url)


def _offer_versions(project: Project, search: str) -> list[Thing]:
    found = Version.objects.filter(dataset__project=project, dataset__name__icontains=search)
    newest = found.select_related("dataset").defer("profile", "report", "schema").order_by("-created_at")
    return [_thing(project, version) for version in newest[:MOST_OFFERED]]


def _find_version(project: Project, name: str) -> Thing | None:
    dataset, _, number = name.rpartition(" v")
    if not (number.isascii() and number.isdecimal() and len(number) < 10):
        return None
    found = Version.objects.filter(dataset__project=project, dataset__name=dataset, number=int(number))
    version = found.select_related("dataset").first()
    return _thing(project, version) if version else None


# What requirements can be linked to.
things(Things("dataset version", _offer_versions, _find_version))


@uses(1)
def written(version: Version) -> Iterable[Use]:
    """Where it was written to."""
    for one in written_of(version):
        words = f"written there on {one.created_at:%-d %B %Y}: {in_words(one)}"
        yield Use("database", one.destination.name, words, destination_address(one.destination))
