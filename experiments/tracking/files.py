"""The protocol's files: streamed in, listed, sent and deleted, each below a run or a logged model of the project."""

import mimetypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import FileResponse, HttpRequest
from django.utils.http import content_disposition_header

from experiments.models.logged import LogModel, LogRun
from experiments.queries.logged import file_at, files_below, model_of, run_of
from experiments.services.log_models import delete_files, keep_file
from experiments.tracking import showing
from experiments.tracking.door import Tracking
from experiments.tracking.wire import Asked, Refused, artifact_path, unknown
from problems.problem import TooLarge
from projects.models.projects import Project
from storage import blobs

PIECE = 1024 * 1024
RUN = re.compile(r"(\d{1,9})/([0-9a-f]{32})/artifacts(?:/(.*))?", re.DOTALL)
MODEL = re.compile(r"(\d{1,9})/models/(m-[0-9a-f]{32})/artifacts(?:/(.*))?", re.DOTALL)
TRACE = re.compile(r"(\d{1,9})/traces/(tr-[0-9a-f]{32})/artifacts(?:/(.*))?", re.DOTALL)


@dataclass(frozen=True)
class Place:
    """Whose files a path names, and where below them."""

    root: str
    path: str
    run: LogRun | None = None
    model: LogModel | None = None


def place_of(project: Project, given: str) -> Place:
    """The owner of a path of the store; what has none in this project is not there."""
    path = artifact_path(given)
    if found := RUN.fullmatch(path):
        run = run_of(project, found[2])
        if run.experiment.number == int(found[1]):
            return Place(showing.run_root(run), found[3] or "", run=run)
    if found := MODEL.fullmatch(path):
        model = model_of(project, found[2])
        if model.experiment.number == int(found[1]):
            return Place(showing.model_root(model), found[3] or "", model=model)
    if found := TRACE.fullmatch(path):
        return Place(f"{int(found[1])}/traces/{found[2]}/artifacts", found[3] or "")
    raise unknown(f"There is nothing at '{path[:200]}'.")


def put(door: Tracking, asked: Asked) -> Any:
    """Keep a file."""
    place = place_of(door.project, asked.text("path", needed=True))
    if not place.path:
        raise Refused("Invalid path: a file has a name below its run or model.")
    if place.run and place.run.record.deleted_at:
        raise Refused(f"The run {place.run.key} must be in the 'active' state. Current state is deleted.")
    keep_file(place.root, place.path, body_of(door.request._request), run=place.run, model=place.model,
              project=door.project)  # fmt: skip
    return {}


def body_of(request: HttpRequest) -> Iterator[bytes]:
    """The body in pieces, also where the sender did not say how long it is."""
    chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    stream: Any = request.META["wsgi.input"] if chunked else request
    size = 0
    while piece := stream.read(PIECE):
        size += len(piece)
        if size > settings.UPLOAD_MAX_BYTES:
            raise TooLarge(f"A file has at most {settings.UPLOAD_MAX_BYTES // 2**20} MB.")
        yield piece


def get(door: Tracking, asked: Asked) -> Any:
    """Send a file; it is never shown as a page."""
    place = place_of(door.project, asked.text("path", needed=True))
    row = file_at(door.project, place.root, place.path)
    if row is None:
        raise unknown(f"No such artifact: '{place.path[:300]}'")
    name = row.path.rpartition("/")[2]
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if kind in ("text/html", "image/svg+xml", "application/xhtml+xml"):
        kind = "text/plain" if kind == "text/html" else "application/octet-stream"
    response = FileResponse(blobs.verified_path(row.blob_id).open("rb"), content_type=kind)
    response.headers["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


def list_files(door: Tracking, asked: Asked) -> Any:
    """What lies in a folder, by names relative to it. Above runs and models nothing is listed."""
    given = asked.text("path")
    if not given:
        return {}
    try:
        place = place_of(door.project, given)
    except Refused as refused:
        if refused.status == 404:
            return {}
        raise
    start = len(place.path) + 1 if place.path else 0
    found = files_below(door.project, place.root, place.path)
    return showing.full({"files": [_entry(name[start:], is_folder, size) for name, is_folder, size in found]})


def _entry(path: str, is_folder: bool, size: int) -> dict[str, Any]:
    return {"path": path, "is_dir": is_folder} | ({} if is_folder else {"file_size": size})


def delete(door: Tracking, asked: Asked) -> Any:
    """Take a file or a folder away."""
    place = place_of(door.project, asked.text("path", needed=True))
    delete_files(door.project, place.root, place.path)
    return {}


def list_of_run(door: Tracking, asked: Asked) -> Any:
    """The files of a run by its id, by names from its root."""
    run = run_of(door.project, asked.text("run_id", "run_uuid", needed=True))
    return _listed(door, showing.run_root(run), asked.text("path"))


def list_of_model(door: Tracking, asked: Asked) -> Any:
    """The files of a logged model, by names from its root."""
    model = model_of(door.project, asked.text("model_id", needed=True))
    return _listed(door, showing.model_root(model), asked.text("artifact_directory_path"))


def _listed(door: Tracking, root: str, path: str) -> Any:
    found = files_below(door.project, root, artifact_path(path) if path else "")
    files = [_entry(name, is_folder, size) for name, is_folder, size in found]
    return showing.full({"root_uri": f"mlflow-artifacts:/{root}", "files": files})
