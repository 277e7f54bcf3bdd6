"""Cards, release notes, aliases and packages of registered versions over REST."""

from dataclasses import asdict
from typing import Any

from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from datasets.downloads import sealed
from experiments import cards
from experiments.queries.models import Named, model_version_for
from experiments.queries.registry import (
    Pointed,
    alias_for,
    aliases_of,
    card_facts,
    card_text,
    changes_between,
    lineage_after,
    lineage_up_to,
    model_for,
    version_before,
)
from experiments.queries.taking import package_of
from experiments.services.registry import remove_alias, set_alias, write_card
from problems.problem import Conflict, Invalid
from projects.access import ProjectEndpoint
from projects.api.projects import caller


class CardBody(serializers.Serializer[Any]):
    """What people say on a card. `seen` is the `number` of the text that was read, 0 where there was none."""

    seen = serializers.IntegerField(min_value=0)
    intended_use = serializers.CharField(max_length=4000, allow_blank=True, required=False)
    not_for = serializers.CharField(max_length=4000, allow_blank=True, required=False)
    ethics = serializers.CharField(max_length=4000, allow_blank=True, required=False)
    contacts = serializers.CharField(max_length=4000, allow_blank=True, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Names that no card has are refused, so that a slip is not silently ignored."""
        for name in self.initial_data:
            if name not in self.fields:
                raise serializers.ValidationError({name: "A card has no such field."})
        return attrs


class AliasBody(serializers.Serializer[Any]):
    """The version that the alias shall point at."""

    version = serializers.IntegerField(min_value=1)


def show_alias(key: str, one: Pointed) -> dict[str, Any]:
    """An alias; `follows` says that nobody sets it."""
    model = one.version.model.name
    return {
        "alias": one.name,
        "model": model,
        "version": one.version.number,
        "follows": one.follows,
        "set_by": one.set_by or None,
        "set_at": one.set_at.isoformat() if one.set_at else None,
        "url": f"/api/v1/projects/{key}/models/{model}/versions/{one.version.number}/",
    }


class Card(ProjectEndpoint):
    """The card of a version."""

    action = {"GET": "model.read", "PUT": "model.register"}

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, key: str, name: str, number: Named) -> Response:
        """Its sections, and the figures that they are made of."""
        return Response(self._shown(name, number))

    @extend_schema(request=CardBody, responses={200: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def put(self, request: Request, key: str, name: str, number: Named) -> Response:
        """Write what people say on it; a field that is not given keeps its text."""
        body = CardBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        seen, version = given.pop("seen"), model_version_for(self.project, name, number)
        before = card_text(version)
        texts = {one.key: getattr(before, one.key, "") for one in cards.FIELDS} | given
        write_card(version, texts=texts, seen=seen, by=caller(request))
        return Response(self._shown(name, number))

    def _shown(self, name: str, number: Named) -> dict[str, Any]:
        version = model_version_for(self.project, name, number)
        text = card_text(version)
        about = {"number": text.number if text else 0, "by": text.created_by.name if text and text.created_by else None}
        return cards.as_json(card_facts(version, self.roles)) | {"text": about}


class CardText(ProjectEndpoint):
    """The card as Markdown."""

    action = "model.read"

    @extend_schema(responses={(200, "text/markdown"): OpenApiTypes.STR})
    def get(self, request: Request, key: str, name: str, number: Named) -> HttpResponseBase:
        """The same sections as a text."""
        version = model_version_for(self.project, name, number)
        facts = card_facts(version, self.roles)
        response = HttpResponse(cards.as_markdown(facts), content_type="text/markdown; charset=utf-8")
        sealed(response, f"{name}-v{version.number}-card.md")
        return response


class Changes(ProjectEndpoint):
    """Release notes."""

    action = "model.read"

    @extend_schema(parameters=[OpenApiParameter("from", int)], responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, key: str, name: str, number: Named) -> Response:
        """What changed since version `from`, by default the one before."""
        version, given = model_version_for(self.project, name, number), request.query_params.get("from", "")
        if given and not (given.isascii() and given.isdigit() and len(given) < 9):
            raise Invalid("Versions are named by their numbers, like ?from=2.", fields={"from": "Use a number."})
        before = int(given) if given else getattr(version_before(version), "number", None)
        if before is None:
            text = f"{version} is the first of its model: there is nothing to compare it with."
            raise Conflict(text, code="first")
        return Response(changes_between(self.project, name, before, version.number, self.roles))


class Lineage(ProjectEndpoint):
    """What a version came from, and what became of it."""

    action = "model.read"

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, key: str, name: str, number: Named) -> Response:
        """Both ways: data, recipe and run before it, runs and deployments after it."""
        version = model_version_for(self.project, name, number)
        before, after = lineage_up_to(version), lineage_after(version)
        return Response({"before": [asdict(one) for one in before], "after": [asdict(one) for one in after]})


class Aliases(ProjectEndpoint):
    """The names that point at versions of a model."""

    action = "model.read"

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, key: str, name: str) -> Response:
        """All of them."""
        found = aliases_of(model_for(self.project, name))
        return Response({"results": [show_alias(self.project.key, one) for one in found]})


class Alias(ProjectEndpoint):
    """One of these names."""

    action = {"GET": "model.read", "PUT": "model.register", "DELETE": "model.register"}

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, key: str, name: str, alias: str) -> Response:
        """What it points at."""
        return Response(show_alias(self.project.key, alias_for(model_for(self.project, name), alias)))

    @extend_schema(request=AliasBody, responses={200: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def put(self, request: Request, key: str, name: str, alias: str) -> Response:
        """Set it, or move it."""
        body = AliasBody(data=request.data)
        body.is_valid(raise_exception=True)
        model = model_for(self.project, name)
        version = model_version_for(self.project, name, body.validated_data["version"])
        found = set_alias(model, name=alias, version=version, by=caller(request))
        return Response(show_alias(self.project.key, alias_for(model, found.name)))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, key: str, name: str, alias: str) -> Response:
        """Let it point at nothing."""
        remove_alias(model_for(self.project, name), name=alias, by=caller(request))
        return Response(status=204)


class Take(ProjectEndpoint):
    """A version as a file."""

    action = "model.download"

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request, key: str, name: str, number: Named) -> HttpResponseBase:
        """Model, card, licence of the data, signature, sample, pinned packages, and a script that answers rows."""
        version = model_version_for(self.project, name, number)
        response = FileResponse(package_of(version, self.roles), content_type="application/zip")
        sealed(response, f"{name}-v{version.number}.zip")
        return response
