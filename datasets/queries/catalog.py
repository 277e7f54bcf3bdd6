"""Finding datasets over all projects that a person may read, and what is said about one dataset."""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import (
    Count,
    Exists,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    TextField,
    prefetch_related_objects,
)
from django.db.models.functions import Cast
from django.utils import timezone

from datasets.models.feeds import Feed
from datasets.models.quality import Check, CheckResult
from datasets.models.tags import ColumnTag, DatasetTag, Sensitivity
from datasets.models.versions import Dataset, Version
from datasets.quality.base import FAILED, PASSED, UNCHECKED
from datasets.queries.versions import datasets_of
from jobs.models import Job
from problems.problem import Missing
from projects.models.projects import Project
from projects.queries.work import jobs_in

STATES = {"published": "published", "draft": "newest is a draft", "refused": "rows refused", "empty": "no version yet"}
QUALITY = {"holds": "every rule holds", "fails": "a rule fails", "unchecked": "not checked"}
FRESH = {"1": "a day", "7": "a week", "30": "a month"}
LONGEST = 60
SENSITIVE = ColumnTag.objects.exclude(kind=Sensitivity.NONE)
READING = ("datasets.ingest", "datasets.pull")
Projects = Collection[Project] | QuerySet[Project]


@dataclass(frozen=True)
class Sought:
    """What somebody looks for. `text` is part of a name, a description, a column, a tag or an owner's name."""

    text: str = ""
    column: str = ""
    tag: str = ""
    owner: str = ""
    state: str = ""
    fresh: str = ""
    quality: str = ""
    sensitive: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> "Sought":
        """From an address; what is not known is left out."""
        texts = {name: given.get(name, "").replace("\x00", "").strip()[:LONGEST] for name in ("column", "tag", "owner")}
        state, fresh, kind = given.get("state", ""), given.get("fresh", ""), given.get("sensitive", "")
        quality = given.get("quality", "")
        return cls(
            text=given.get("q", "").replace("\x00", "").strip()[:LONGEST],
            state=state if state in STATES else "",
            fresh=fresh if fresh in FRESH else "",
            quality=quality if quality in QUALITY else "",
            sensitive=kind if kind in Sensitivity.values else "",
            **texts,
        )


def found(projects: Projects, sought: Sought) -> QuerySet[Dataset]:
    """Datasets that fit everything that was said, last touched first."""
    newest = Version.objects.filter(dataset=OuterRef("pk")).order_by("-number")
    datasets = datasets_of(projects).prefetch_related(Prefetch("words", DatasetTag.objects.order_by("word")))
    datasets = datasets.annotate(is_sensitive=Exists(SENSITIVE.filter(dataset=OuterRef("pk"))))
    if sought.text:
        datasets = datasets.filter(_anywhere(sought.text))
    if sought.column:
        datasets = datasets.filter(Exists(_with_column(sought.column)))
    if sought.tag:
        datasets = datasets.filter(Exists(DatasetTag.objects.filter(dataset=OuterRef("pk"), word=sought.tag.lower())))
    if sought.owner:
        datasets = datasets.filter(created_by__name__icontains=sought.owner)
    if sought.sensitive:
        tags = ColumnTag.objects.filter(dataset=OuterRef("pk"), kind=sought.sensitive)
        datasets = datasets.filter(Exists(tags))
    if sought.fresh:
        limit = timezone.now() - timedelta(days=int(sought.fresh))
        datasets = datasets.filter(Exists(newest.filter(created_at__gte=limit)))
    return _in_state(_of_quality(datasets, newest, sought.quality), newest, sought.state)


def _anywhere(text: str) -> Q:
    words = DatasetTag.objects.filter(dataset=OuterRef("pk"), word__icontains=text)
    own = Q(name__icontains=text) | Q(description__icontains=text) | Q(created_by__name__icontains=text)
    return own | Exists(words) | Exists(_with_column(text))


def _with_column(text: str) -> QuerySet[Version]:
    """Versions that have a column with this in its name; the schema is searched as it is stored."""
    ways = {re.escape(text), re.escape(json.dumps(text)[1:-1])}
    versions = Version.objects.annotate(told=Cast("schema", TextField()))
    return versions.filter(dataset=OuterRef("pk"), told__iregex=rf'"name": "[^"]*({"|".join(sorted(ways))})')


def _in_state(datasets: QuerySet[Dataset], newest: QuerySet[Version], state: str) -> QuerySet[Dataset]:
    if state == "published":
        return datasets.filter(Exists(newest.filter(state=Version.State.PUBLISHED)))
    if state == "draft":
        return datasets.annotate(last=Subquery(newest.values("state")[:1])).filter(last=Version.State.DRAFT)
    if state == "refused":
        return datasets.annotate(refused=Subquery(newest.values("refused_rows")[:1])).filter(refused__gt=0)
    return datasets.filter(~Exists(newest)) if state == "empty" else datasets


def _of_quality(datasets: QuerySet[Dataset], newest: QuerySet[Version], quality: str) -> QuerySet[Dataset]:
    """By what the last check of the newest version said, whatever was waived."""
    if not quality:
        return datasets
    checks = Check.objects.filter(version=OuterRef("newest_version"), state=Check.State.DONE)
    datasets = datasets.annotate(newest_version=Subquery(newest.values("pk")[:1]))
    datasets = datasets.annotate(last_check=Subquery(checks.order_by("-created_at").values("pk")[:1]))
    told = CheckResult.objects.filter(check_made=OuterRef("last_check"))
    if quality == "fails":
        return datasets.filter(Exists(told.filter(verdict=FAILED)))
    if quality == "holds":
        return datasets.filter(Exists(told), ~Exists(told.exclude(verdict=PASSED)))
    return datasets.filter(~Exists(told) | Exists(told.filter(verdict=UNCHECKED)))


def words_in(projects: Projects) -> list[str]:
    """The tags that are in use, most used first."""
    words = DatasetTag.objects.filter(dataset__project__in=projects, dataset__deleted_at=None)
    return list(words.values_list("word", flat=True).annotate(n=Count("pk")).order_by("-n", "word")[:30])


def with_sensitive(datasets: Iterable[Dataset]) -> None:
    """Fetch along which columns of these datasets are sensitive, as `sensitive`."""
    prefetch_related_objects(list(datasets), Prefetch("column_tags", SENSITIVE.all(), to_attr="sensitive"))


def reading(projects: QuerySet[Project]) -> QuerySet[Job]:
    """The jobs that bring data into these projects now, oldest first, with the `project_name` of each."""
    name = Project.objects.filter(key=OuterRef("project_key")).values("name")[:1]
    open_jobs = jobs_in(projects.values("key"), only_open=True).filter(kind__in=READING)
    return open_jobs.annotate(project_name=Subquery(name)).order_by("created_at")


def tags_of(dataset: Dataset) -> dict[str, str]:
    """Column -> kind."""
    return dict(ColumnTag.objects.filter(dataset=dataset).values_list("column", "kind"))


def feed_for(dataset: Dataset, pk: UUID) -> Feed:
    """One address of this dataset."""
    feed = dataset.feeds.select_related("dataset__project").filter(pk=pk).first()
    if feed is None:
        raise Missing("There is no such address of this dataset.")
    return feed


def newest_published(dataset: Dataset) -> Version | None:
    """What an address gives."""
    versions = dataset.versions.filter(state=Version.State.PUBLISHED).select_related("dataset__project")
    return versions.defer("profile", "report").first()
