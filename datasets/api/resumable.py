"""Files in pieces over REST, as tus 1.0 has it: begin, ask how far it is, send pieces, finish, abort."""

import base64
import binascii
from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from datasets.api.versions import OptionsBody, caller
from datasets.models.uploads import PartialUpload
from datasets.models.versions import Ingestion
from datasets.queries.uploads import upload_for
from datasets.services import uploads as services
from datasets.services.versions import list_address, preview_address
from problems.problem import Invalid, Problem
from projects.access import ProjectEndpoint
from projects.queries.work import job_link
from web.parsing import StrictJSONParser

TUS = {"Tus-Resumable": "1.0.0"}
OFFERS = TUS | {
    "Tus-Version": "1.0.0",
    "Tus-Extension": "creation,checksum,termination,expiration",
    "Tus-Checksum-Algorithm": "sha256,sha1,md5",
}
MOST_METADATA = 8192
OFFSET = OpenApiParameter("Upload-Offset", int, OpenApiParameter.HEADER, required=True)
CHECKSUM = OpenApiParameter("Upload-Checksum", str, OpenApiParameter.HEADER, description="sha256 <base64>")


class PieceParser(BaseParser):
    """Names the kind of a piece's body; its bytes are read as a stream, never as a whole."""

    media_type = "application/offset+octet-stream"


class BeginBody(OptionsBody):
    """What will be sent: the file's name and bytes, and what is known about it, as for a plain upload."""

    file_name = serializers.CharField(max_length=1000)
    size = serializers.IntegerField(min_value=0, max_value=2**53)
    preview = serializers.BooleanField(required=False, default=False)


class FinishBody(serializers.Serializer[Any]):
    """The sha256 of the whole file in hexadecimal; when it is given, it has to be right."""

    sha256 = serializers.CharField(required=False, allow_blank=True, max_length=64)


def show_upload(upload: PartialUpload) -> dict[str, Any]:
    """How far an upload is."""
    return {
        "upload": str(upload.pk),
        "url": address_of(upload),
        "dataset": upload.dataset_name,
        "file": upload.file_name,
        "size": upload.size,
        "offset": upload.received,
        "finished": upload.ingestion_id is not None,
        "expires_at": (upload.touched_at + services.KEEP_FOR).isoformat(),
    }


def address_of(upload: PartialUpload) -> str:
    """Where its pieces go."""
    return f"/api/v1/projects/{upload.project.key}/resumable/{upload.pk}/"


def headers_of(upload: PartialUpload) -> dict[str, str]:
    """The same for tus clients."""
    expires = (upload.touched_at + services.KEEP_FOR).strftime("%a, %d %b %Y %H:%M:%S GMT")
    offsets = {"Upload-Offset": str(upload.received), "Upload-Length": str(upload.size)}
    return TUS | offsets | {"Upload-Expires": expires, "Cache-Control": "private, no-store"}


class Begin(ProjectEndpoint):
    """Uploads in pieces into one dataset."""

    action = "data.load"
    parser_classes = [StrictJSONParser, MultiPartParser]

    def options(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # type: ignore[override]
        """Which methods there are, and what of tus."""
        response = super().options(request, *args, **kwargs)
        for name, value in OFFERS.items():
            response[name] = value
        return response

    @extend_schema(
        request=BeginBody,
        responses={201: OpenApiTypes.OBJECT, 413: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT},
    )
    def post(self, request: Request, key: str, name: str) -> Response:
        """Begin an upload. Send its pieces to `url` by PATCH, then POST to `url` + `finish/`.

        tus clients send `Upload-Length` and `Upload-Metadata` (`filename`, `preview` and the options) and no body.
        413 beyond the limit of the instance, 507 when its disk has no room: before anything is sent.
        """
        given = from_tus(request) if "Upload-Length" in request.headers else request.data
        body = BeginBody(data=given)
        body.is_valid(raise_exception=True)
        stated = dict(body.validated_data)
        file, size, preview = stated.pop("file_name"), stated.pop("size"), stated.pop("preview")
        begun: list[PartialUpload] = []

        def make() -> tuple[int, dict[str, Any]]:
            upload = services.begin(
                self.project, name=name, file=file, size=size, options=stated, preview=preview, by=caller(request)
            )
            begun.append(upload)
            return 201, show_upload(upload)

        response = self.once(make)
        response["Location"] = response.data["url"]
        for header, value in (headers_of(begun[0]) if begun else TUS).items():
            response[header] = value
        return response


def from_tus(request: Request) -> dict[str, Any]:
    """The same body from the headers of a tus client."""
    text = request.headers.get("Upload-Metadata", "")
    if len(text) > MOST_METADATA:
        raise Problem("Upload-Metadata is longer than 8 KB.")
    found: dict[str, Any] = {"file_name": "file"}
    for pair in filter(None, (one.strip() for one in text.split(","))):
        name, _, encoded = pair.partition(" ")
        try:
            value = base64.b64decode(encoded.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            raise Problem(f"“{name[:40]}” in Upload-Metadata is not base64 of UTF-8.") from None
        found["file_name" if name == "filename" else name] = value
    return found | {"size": request.headers["Upload-Length"]}


class Resumable(ProjectEndpoint):
    """One upload in pieces; only the person who began it sees it."""

    action = "data.load"
    parser_classes = [PieceParser]
    found: PartialUpload

    def enter(self, request: Request) -> None:
        """It is looked for before the body is."""
        super().enter(request)
        self.found = upload_for(self.project, caller(request), self.kwargs["upload"])

    @extend_schema(responses={200: OpenApiTypes.OBJECT, 404: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, upload: UUID) -> Response:
        """How far it is; HEAD answers the same in `Upload-Offset` and `Upload-Length`."""
        return Response(show_upload(self.found), headers=headers_of(self.found))

    @extend_schema(
        request={"application/offset+octet-stream": OpenApiTypes.BINARY},
        parameters=[OFFSET, CHECKSUM],
        responses={204: None, 409: OpenApiTypes.OBJECT, 460: OpenApiTypes.OBJECT},
    )
    def patch(self, request: Request, key: str, upload: UUID) -> Response:
        """Send a piece. It is on disk when the answer says so, with the offset of the next one in `Upload-Offset`.

        409 (`wrong_offset`, with the right one in `offset`) when it begins elsewhere; 460 when its bytes are not those
        of its `Upload-Checksum`; then nothing of it was kept.
        """
        found = self.found
        offset, length = _whole(request.headers.get("Upload-Offset"), "Upload-Offset"), _length(request)
        checksum = request.headers.get("Upload-Checksum", "")
        stream = request._request
        now = services.take_piece(found, stream, length, offset=offset, checksum=checksum, by=caller(request))
        found.received = now
        return Response(status=204, headers=headers_of(found))

    @extend_schema(responses={204: None, 409: OpenApiTypes.OBJECT})
    def delete(self, request: Request, key: str, upload: UUID) -> Response:
        """Abort it: its bytes are freed. 409 when it is complete."""
        services.abort(self.found, by=caller(request))
        return Response(status=204, headers=TUS)


def _whole(text: str | None, name: str) -> int:
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 16:
        raise Invalid(f"{name} is a whole number of bytes.", fields={name: "A whole number of bytes."})
    return int(text)


def _length(request: Request) -> int:
    length = str(request.META.get("CONTENT_LENGTH") or "")
    if not length.isdigit():
        raise LengthRequired("A piece says how long it is: send Content-Length.")
    return int(length)


class LengthRequired(Problem):
    """A body without an announced length."""

    status = 411
    code = "length_required"


class Finish(ProjectEndpoint):
    """The end of an upload in pieces."""

    action = "data.load"
    parser_classes = [StrictJSONParser, MultiPartParser]

    @extend_schema(
        request=FinishBody,
        responses={202: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT},
    )
    def post(self, request: Request, key: str, upload: UUID) -> Response:
        """Say that all of it was sent; a job reads it, as after a plain upload. Asked again, it answers the same.

        409 (`incomplete`) while bytes are missing; 422 when the whole file has another sha256.
        """
        found = upload_for(self.project, caller(request), upload)
        body = FinishBody(data=request.data or {})
        body.is_valid(raise_exception=True)
        sha256 = body.validated_data.get("sha256", "")
        ingestion, job = services.finish(found, sha256=sha256, by=caller(request))
        return Response(
            show_started(found.project.key, ingestion) | {"job": job_link(job) if job else None}, status=202
        )


def show_started(key: str, ingestion: Ingestion) -> dict[str, Any]:
    """Where to watch the reading, for programs (`url`) and people (`page`)."""
    name = ingestion.dataset.name
    return {
        "ingestion": str(ingestion.pk),
        "dataset": name,
        "url": f"/api/v1/projects/{key}/datasets/{name}/uploads/{ingestion.pk}/",
        "page": preview_address(ingestion) if ingestion.preview else list_address(ingestion.dataset),
    }
