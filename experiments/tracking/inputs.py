"""Datasets that a run says it used, as the protocol has them; a link to a version of the project is lineage to it."""

import json
import re

from datasets.models.versions import Version
from experiments.services.log_runs import Used
from experiments.tracking.wire import Asked, checked_key, too_long
from projects.models.projects import Project

LIMITS = {"name": 500, "digest": 36, "source_type": 36, "schema": 2**20, "source": 2**16, "profile": 2**24}
LINK = re.compile(
    r"/(?:p|api/v1/projects)/(?P<project>[a-z0-9-]{1,60})/(?:data|datasets)/(?P<dataset>[\w-]{1,100})/"
    r"(?:v|versions/)(?P<number>\d{1,9})(?:[/?\"]|$)"
)


def used_of(project: Project, row: Asked) -> Used:
    """One dataset of a request."""
    dataset = Asked(row.value("dataset") if isinstance(row.value("dataset"), dict) else {})
    said = {}
    for name, most in LIMITS.items():
        said[name] = dataset.text(name, needed=name in ("name", "digest", "source_type", "source"))
        if len(said[name]) > most:
            raise too_long(f"dataset.{name}", most)
    tags = {key: value[:500] for key, value in row.pairs("tags").items() if checked_key(key, "tags.key")}
    return Used(**said, tags=tags, version=linked(project, said["source"]))


def linked(project: Project, source: str) -> Version | None:
    """The version that an address inside the source names, if it is one of this project."""
    for found in LINK.finditer(_text(source)):
        if found["project"] == project.key:
            rows = Version.objects.filter(dataset__project=project, dataset__name=found["dataset"])
            return rows.filter(number=int(found["number"])).first()
    return None


def _text(source: str) -> str:
    try:
        said = json.loads(source)
    except (ValueError, RecursionError):
        return source
    return json.dumps(said) if isinstance(said, dict) else source
