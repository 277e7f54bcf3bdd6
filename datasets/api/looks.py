"""Looks at what a source brings over REST: correct how it is read, take it as a version, or drop it."""

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from datasets.api.sources import OneSource
from datasets.api.versions import OptionsBody, caller, options_of, show_version
from datasets.models.sources import Pull
from datasets.models.versions import Version
from datasets.queries import sources as queries
from datasets.services import looks
from jobs.models import Job
from projects.queries.work import job_link
from web.parsing import StrictJSONParser


class OneLook(OneSource):
    """The base of what is done with one look."""

    action = "source.write"
    parser_classes = [StrictJSONParser, MultiPartParser]

    @property
    def look(self) -> Pull:
        """The load that the address names."""
        return queries.pull_for(self.source, self.kwargs["pull"])

    def under_way(self, started: tuple[Pull, Job]) -> dict[str, Any]:
        """A further load that was started."""
        pull, job = started
        url = f"/api/v1/projects/{self.project.key}/sources/{pull.source.name}/pulls/{pull.pk}/"
        return {"pull": str(pull.pk), "url": url, "job": job_link(job)}


class PullLook(OneLook):
    """A corrected look."""

    @extend_schema(request=OptionsBody, responses={202: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str, pull: UUID) -> Response:
        """Keep these options with the source and fetch it once more, to be looked at again. No version is made."""
        look, options = self.look, options_of(request)
        return self.once(lambda: (202, self.under_way(looks.look_again(look, options, by=caller(request)))))


class PullRead(OneLook):
    """“Read it so”."""

    @extend_schema(
        request=OptionsBody,
        responses={201: OpenApiTypes.OBJECT, 202: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT},
    )
    def post(self, request: Request, key: str, name: str, pull: UUID) -> Response:
        """Make a draft version: 201 from what was looked at; 202 with a load if other options are given than those."""
        look, options = self.look, options_of(request) if request.data else None
        return self.once(lambda: self.take(look, options))

    def take(self, look: Pull, options: dict[str, Any] | None) -> tuple[int, dict[str, Any]]:
        """What `once` does once."""
        made = looks.take_look(look, options, by=caller(self.request))
        return (201, show_version(made)) if isinstance(made, Version) else (202, self.under_way(made))


class PullDrop(OneLook):
    """“Start again”."""

    @extend_schema(request=None, responses={200: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str, pull: UUID) -> Response:
        """Forget what came. No version is made."""
        look = self.look
        return self.once(lambda: (200, {"state": looks.drop_look(look, by=caller(request)).state}))
