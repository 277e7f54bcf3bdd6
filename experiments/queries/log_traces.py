"""Reads about traces: by their ids, by a filter, and their spans."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from experiments.models.logged import LogFile, LogTrace
from experiments.tracking.wire import unknown
from projects.models.projects import Project
from storage import blobs

FILE, LARGEST = "traces.json", 32 * 1024**2
MOST_LOOKED_AT = 20_000


def trace_of(project: Project, key: str) -> LogTrace:
    """A trace by its id."""
    row = LogTrace.objects.select_related("experiment").filter(project=project, key=key).first()
    if row is None:
        raise unknown(f"Trace with ID '{key[:60]}' not found.")
    row.project = row.experiment.project = project
    return row


def traces_of(project: Project, keys: Sequence[str]) -> list[LogTrace]:
    """Those of these traces that there are, in the order of their ids' list."""
    rows = LogTrace.objects.select_related("experiment").filter(project=project, key__in=keys)
    found = {row.key: row for row in rows}
    return [found[key] for key in keys if key in found]


def traces_in(project: Project, numbers: Sequence[int]) -> Iterator[LogTrace]:
    """The newest traces of these experiments, as they are needed."""
    rows = LogTrace.objects.select_related("experiment", "run").filter(
        project=project, experiment__number__in=numbers, experiment__deleted_at=None
    )
    return rows.order_by("-began", "key")[:MOST_LOOKED_AT].iterator(chunk_size=500)


def spans_of(project: Project, rows: Iterable[LogTrace], root: Callable[[LogTrace], str]) -> dict[str, list[Any]]:
    """The spans in the files of these traces, by trace; none where there is no file, or where it cannot be read."""
    by_root = {root(row): row.key for row in rows}
    files = LogFile.objects.filter(project=project, root__in=by_root, path=FILE).select_related("blob")
    found = {}
    for file in files:
        if file.blob.size <= LARGEST:
            found[by_root[file.root]] = _spans(blobs.read_bytes(file.blob_id))
    return found


def _spans(content: bytes) -> list[Any]:
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return []
    spans = said.get("spans") if isinstance(said, dict) else None
    return [span for span in spans if isinstance(span, dict)] if isinstance(spans, list) else []
