"""Requirements, stakeholders and the process over REST."""

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from projects.access import ProjectEndpoint
from projects.api.projects import caller
from projects.models.people import Process, Stakeholder
from projects.models.requirements import Requirement, RequirementLink
from projects.queries.people import process_of, stakeholder_for, stakeholders_of, steps_of
from projects.queries.requirements import answering, link_for, requirement_for, requirements_of, values_of
from projects.services.people import (
    MOST_STEPS,
    STEP_LENGTH,
    add_stakeholder,
    change_stakeholder,
    remove_stakeholder,
    write_process,
)
from projects.services.requirements import add_requirement, change_requirement, link_requirement, unlink_requirement

OBJECT = OpenApiTypes.OBJECT
BIG = 2_000_000_000
FILTERS = ("state", "priority", "type", "id")


class RequirementBody(serializers.Serializer[Any]):
    """One requirement: what is asked for, by whom, and how one sees that it is there."""

    text = serializers.CharField(max_length=2000)
    priority = serializers.ChoiceField(choices=Requirement.Priority.choices, default=Requirement.Priority.MUST)
    source = serializers.CharField(max_length=120)  # type: ignore[assignment]
    acceptance = serializers.CharField(max_length=2000)


class RequirementPatch(serializers.Serializer[Any]):
    """What is to change; `version` is the one that was read."""

    version = serializers.IntegerField(min_value=1, max_value=BIG)
    text = serializers.CharField(max_length=2000, required=False)
    priority = serializers.ChoiceField(choices=Requirement.Priority.choices, required=False)
    source = serializers.CharField(max_length=120, required=False)  # type: ignore[assignment]
    acceptance = serializers.CharField(max_length=2000, required=False)
    state = serializers.ChoiceField(choices=Requirement.State.choices, required=False)


class LinkBody(serializers.Serializer[Any]):
    """An object of this project: `target` and its name, `dataset version` and `customers v2`, `run` and `48`,
    `model version` and `churn v7`."""

    type = serializers.CharField(max_length=60)
    id = serializers.CharField(max_length=120)


class StakeholderBody(serializers.Serializer[Any]):
    """A person or group that is touched."""

    name = serializers.CharField(max_length=120)
    interest = serializers.ChoiceField(choices=Stakeholder.Level.choices)
    influence = serializers.ChoiceField(choices=Stakeholder.Level.choices)
    informed = serializers.CharField(max_length=300)


def _steps() -> serializers.ListField:
    return serializers.ListField(child=serializers.CharField(max_length=STEP_LENGTH), max_length=MOST_STEPS)


class ProcessBody(serializers.Serializer[Any]):
    """The work in steps; `…_changed` is the number of the step that the model changes, counted from 1."""

    version = serializers.IntegerField(min_value=0, max_value=BIG)
    as_is = _steps()
    to_be = _steps()
    as_is_changed = serializers.IntegerField(min_value=1, max_value=MOST_STEPS, required=False, allow_null=True)
    to_be_changed = serializers.IntegerField(min_value=1, max_value=MOST_STEPS, required=False, allow_null=True)


def show_link(link: RequirementLink) -> dict[str, Any]:
    """What answers a requirement."""
    return {
        "link": str(link.pk),
        "type": link.subject_type,
        "id": link.subject_id,
        "name": link.subject_name,
        "url": link.subject_url,
    }


def show_requirement(requirement: Requirement) -> dict[str, Any]:
    """A requirement with what answers it."""
    return {
        "number": requirement.number,
        "name": str(requirement),
        "version": requirement.version,
        **values_of(requirement),
        "by": requirement.created_by.name,
        "created_at": requirement.created_at.isoformat(),
        "links": [show_link(link) for link in requirement.links.all()],
    }


def show_stakeholder(stakeholder: Stakeholder) -> dict[str, Any]:
    """An entry of the register."""
    fields = ("name", "interest", "influence", "informed")
    return {"id": str(stakeholder.pk)} | {name: getattr(stakeholder, name) for name in fields}


def show_process(process: Process) -> dict[str, Any]:
    """The work in steps."""
    return {"version": process.version, **steps_of(process)}


class Requirements(ProjectEndpoint):
    """The project's requirements."""

    action = {"GET": "project.read", "POST": "requirement.change"}

    @extend_schema(
        parameters=[
            OpenApiParameter("state", str, enum=Requirement.State.values),
            OpenApiParameter("priority", str, enum=Requirement.Priority.values),
            OpenApiParameter("type", str, description="With `id`: only those that this object answers"),
            OpenApiParameter("id", str),
        ],
        responses={200: OBJECT},
    )
    def get(self, request: Request, key: str) -> Response:
        """By number, each with what answers it."""
        asked = {name: request.query_params.get(name, "").replace("\x00", "")[:120] for name in FILTERS}
        found = requirements_of(self.project, state=asked["state"], priority=asked["priority"])
        if asked["type"] or asked["id"]:
            found = answering(found, asked["type"], asked["id"])
        return self.page_of(found, show_requirement)

    @extend_schema(request=RequirementBody, responses={201: OBJECT})
    def post(self, request: Request, key: str) -> Response:
        """Write a further one."""
        body = RequirementBody(data=request.data)
        body.is_valid(raise_exception=True)

        def make() -> tuple[int, dict[str, Any]]:
            made = add_requirement(self.project, values=body.validated_data, by=caller(request))
            return 201, show_requirement(requirement_for(self.project, made.number))

        return self.once(make)


class RequirementDetail(ProjectEndpoint):
    """One requirement."""

    action = {"GET": "project.read", "PATCH": "requirement.change"}

    @extend_schema(responses={200: OBJECT})
    def get(self, request: Request, key: str, number: int) -> Response:
        """Read it, with what answers it."""
        return Response(show_requirement(requirement_for(self.project, number)))

    @extend_schema(request=RequirementPatch, responses={200: OBJECT, 409: OBJECT})
    def patch(self, request: Request, key: str, number: int) -> Response:
        """Change it; 409 with both texts when somebody changed it meanwhile."""
        requirement = requirement_for(self.project, number)
        body = RequirementPatch(data=request.data)
        body.is_valid(raise_exception=True)
        values = dict(body.validated_data)
        change_requirement(requirement, version=values.pop("version"), values=values, by=caller(request))
        return Response(show_requirement(requirement_for(self.project, number)))


class RequirementLinks(ProjectEndpoint):
    """What answers a requirement."""

    action = {"GET": "project.read", "POST": "requirement.link"}

    @extend_schema(responses={200: OBJECT})
    def get(self, request: Request, key: str, number: int) -> Response:
        """List it."""
        return self.page_of(requirement_for(self.project, number).links.all(), show_link)

    @extend_schema(request=LinkBody, responses={201: OBJECT, 409: OBJECT})
    def post(self, request: Request, key: str, number: int) -> Response:
        """Link an object of this project."""
        requirement = requirement_for(self.project, number)
        body = LinkBody(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(show_link(link_requirement(requirement, **body.validated_data, by=caller(request))), status=201)


class RequirementLinkDetail(ProjectEndpoint):
    """One link."""

    action = {"DELETE": "requirement.link"}

    @extend_schema(responses={204: None})
    def delete(self, request: Request, key: str, number: int, link_id: UUID) -> Response:
        """Take it away."""
        unlink_requirement(link_for(requirement_for(self.project, number), link_id), by=caller(request))
        return Response(status=204)


class Stakeholders(ProjectEndpoint):
    """The register of people who are touched."""

    action = {"GET": "project.read", "POST": "people.change"}

    @extend_schema(responses={200: OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """By name."""
        return self.page_of(stakeholders_of(self.project), show_stakeholder)

    @extend_schema(request=StakeholderBody, responses={201: OBJECT, 409: OBJECT})
    def post(self, request: Request, key: str) -> Response:
        """Name a further one."""
        body = StakeholderBody(data=request.data)
        body.is_valid(raise_exception=True)
        made = add_stakeholder(self.project, values=body.validated_data, by=caller(request))
        return Response(show_stakeholder(made), status=201)


class StakeholderDetail(ProjectEndpoint):
    """One entry of the register."""

    action = {"PUT": "people.change", "DELETE": "people.change"}

    @extend_schema(request=StakeholderBody, responses={200: OBJECT})
    def put(self, request: Request, key: str, stakeholder_id: UUID) -> Response:
        """Other words for it."""
        stakeholder = stakeholder_for(self.project, stakeholder_id)
        body = StakeholderBody(data=request.data)
        body.is_valid(raise_exception=True)
        changed = change_stakeholder(stakeholder, values=body.validated_data, by=caller(request))
        return Response(show_stakeholder(changed))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, key: str, stakeholder_id: UUID) -> Response:
        """Take it out."""
        remove_stakeholder(stakeholder_for(self.project, stakeholder_id), by=caller(request))
        return Response(status=204)


class ProcessEndpoint(ProjectEndpoint):
    """The work as it is and as it is to be."""

    action = {"GET": "project.read", "PUT": "people.change"}

    @extend_schema(responses={200: OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """Read it."""
        return Response(show_process(process_of(self.project)))

    @extend_schema(request=ProcessBody, responses={200: OBJECT, 409: OBJECT})
    def put(self, request: Request, key: str) -> Response:
        """Write it; 409 with both when somebody wrote meanwhile."""
        body = ProcessBody(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(show_process(write_process(self.project, **body.validated_data, by=caller(request))))
