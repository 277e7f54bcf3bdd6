"""Reads about imports from MLflow servers: which there were, and what of a server is here."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum

from experiments.models.logged import LogExperiment, LogFile, LogModel, LogName, LogRun, LogVersion
from experiments.models.records import RunKey, RunMetric, RunRecord, RunText
from jobs.models import Job
from projects.models.projects import Project

KIND = "experiments.import_logs"
FROM, AT, NUMBER = "baton.imported.from", "baton.imported.at", "baton.imported.experiment"


def imports_of(project: Project) -> QuerySet[Job]:
    """The imports of a project, the newest first."""
    return Job.objects.filter(kind=KIND, project_key=project.key).order_by("-created_at")


def totals_of(project: Project, origin: str) -> dict[str, int]:
    """How much of a server is here, counted from the rows themselves."""
    key = RunKey.objects.filter(project=project, kind=RunKey.Kind.TAG, name=FROM).first()
    records = RunText.objects.filter(key=key, value=origin).values("record")
    runs = LogRun.objects.filter(project=project, record__in=records, record__deleted_at=None)
    metrics = RunMetric.objects.filter(record__in=runs.values("record"))
    texts = RunText.objects.filter(record__in=runs.values("record")).exclude(key__name__in=(FROM, AT))
    kinds = texts.aggregate(
        params=Count("pk", filter=Q(key__kind=RunKey.Kind.PARAM)), tags=Count("pk", filter=Q(key__kind=RunKey.Kind.TAG))
    )
    found = metrics.aggregate(metrics=Count("pk"), points=Sum("points"))
    models = _tagged(LogModel.objects.filter(project=project, deleted_at=None), origin)
    files = LogFile.objects.filter(project=project).filter(Q(run__in=runs) | Q(model__in=models))
    sizes = files.aggregate(files=Count("pk"), bytes=Sum("blob__size"))
    counts = {
        "experiments": len(_tagged(LogExperiment.objects.filter(project=project, deleted_at=None), origin)),
        "runs": runs.count(),
        **kinds,
        **found,
        "models": len(models),
        **sizes,
        "names": len(_tagged(LogName.objects.filter(project=project), origin)),
        "versions": len(_tagged(LogVersion.objects.filter(name__project=project), origin)),
    }
    return {name: count or 0 for name, count in counts.items()}


def _tagged(rows: QuerySet[Any], origin: str) -> list[int]:
    """The ids of those among few rows whose tags name a server."""
    return [pk for pk, tags in rows.values_list("pk", "tags") if tags.get(FROM) == origin]


def origins_of(records: Iterable[RunRecord]) -> dict[int, str]:
    """The server that each of these runs was brought from, by id; those that were logged here are not in it."""
    ids = [record.pk for record in records if record.kind == RunRecord.Kind.NOTEBOOK]
    rows = RunText.objects.filter(record__in=ids, key__kind=RunKey.Kind.TAG, key__name=FROM) if ids else None
    return dict(rows.values_list("record", "value")) if rows is not None else {}


def shown_import(job: Job) -> dict[str, Any]:
    """An import as pages and REST show it; nothing of how it signs in."""
    found = job.result or {}
    return {
        "job": str(job.pk),
        "address": job.payload.get("address", ""),
        "experiments": job.payload.get("experiments", []),
        "registry": job.payload.get("registry", True),
        "state": job.state,
        "message": job.message,
        "by": job.created_by_name,
        "started": job.created_at,
        "ended": job.ended_at,
        **{name: found.get(name) for name in ("there", "here", "brought", "left", "left_count")},
    }
