"""Files that leave: a name that browsers keep, and heads that keep them from being run as pages."""

from collections.abc import Iterable
from typing import BinaryIO

from django.http import FileResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header

from datasets.exporting import FORMATS
from datasets.models.versions import Version
from datasets.queries import exports as queries


def sealed(response: HttpResponseBase, name: str) -> None:
    """The heads of every download (RFC 6266 for the name)."""
    response.headers["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "private, no-store"


def streamed(pieces: Iterable[bytes], kind: str, name: str) -> StreamingHttpResponse:
    """Pieces as a file, as they come."""
    response = StreamingHttpResponse(pieces, content_type=FORMATS[kind])
    sealed(response, name)
    return response


def from_file(file: BinaryIO, kind: str, name: str) -> FileResponse:
    """An open file; it is closed when it was sent."""
    response = FileResponse(file, content_type=FORMATS[kind])
    sealed(response, name)
    return response


def file_response(version: Version, kind: str, masked: list[str], *, raw: bool) -> HttpResponseBase:
    """A version as a file, now."""
    name = f"{version.dataset.name}-v{version.number}{'-raw' if raw and kind == 'csv' else ''}.{kind}"
    if kind == "csv":
        response: HttpResponseBase = streamed(queries.csv_of(version, masked, raw=raw), kind, name)
    else:
        response = from_file(queries.open_file(version, kind, masked), kind, name)
    response.headers["X-Baton-Hidden"] = str(len(masked))
    return response
