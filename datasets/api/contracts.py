"""Data contracts over REST: read, write, count on. Signatures are given in the browser."""

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from datasets.api.versions import caller
from datasets.models.contracts import DataContract, Subscription
from datasets.queries import quality as queries
from datasets.queries.recipes import newest_version
from datasets.queries.versions import dataset_for
from datasets.services import contracts as services
from problems.problem import Missing
from projects.access import ProjectEndpoint


class DataContractBody(serializers.Serializer[Any]):
    """What is promised: columns by name, rules by number, how often a new version comes, and more in words."""

    columns = serializers.ListField(child=serializers.CharField(max_length=1000), max_length=2000)
    rules = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**31 - 1), required=False, max_length=300
    )
    fresh_days = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=3650)
    promise = serializers.CharField(required=False, allow_blank=True, max_length=2000)


class SubscriptionBody(serializers.Serializer[Any]):
    """Who counts on the contract; `recipe` or `role` where it is one."""

    consumer = serializers.ChoiceField(choices=Subscription.Consumer.choices)
    recipe = serializers.CharField(required=False, allow_blank=True, max_length=60)
    role = serializers.CharField(required=False, allow_blank=True, max_length=30)


def show_contract(contract: DataContract) -> dict[str, Any]:
    """One version of a contract."""
    return {
        "contract": contract.number,
        "columns": contract.columns,
        "rules": contract.rules,
        "fresh_days": contract.fresh_days,
        "promise": contract.promise,
        "owner": contract.owner.name if contract.owner else None,
        "fingerprint": contract.fingerprint,
        "signed_by": contract.signed_by.name if contract.signed_by else None,
        "signed_at": contract.signed_at.isoformat() if contract.signed_at else None,
        "created_at": contract.created_at.isoformat(),
    }


def show_subscription(one: Subscription) -> dict[str, Any]:
    """A consumer."""
    return {
        "subscription": str(one.pk),
        "consumer": one.consumer,
        "name": one.name,
        "since": one.created_at.isoformat(),
    }


class Contract(ProjectEndpoint):
    """The contract of a dataset."""

    action = {"GET": "data.read", "POST": "quality.write"}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str) -> Response:
        """The newest version: whether it is in force, and how the newest data version breaks it."""
        dataset = dataset_for(self.project, name)
        contract = queries.newest_contract(dataset)
        if contract is None:
            raise Missing(f"{dataset.name} has no contract yet.")
        newest = newest_version(dataset)
        broken = queries.broken_promises(contract, newest) if newest else []
        return Response(show_contract(contract) | {"in_force": queries.holds(contract), "broken": broken})

    @extend_schema(request=DataContractBody, responses={201: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str) -> Response:
        """Write the next version. It counts when a person signs it in the browser."""
        dataset = dataset_for(self.project, name)
        body = DataContractBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = {"rules": []} | body.validated_data
        return self.once(lambda: (201, show_contract(services.write_contract(dataset, **given, by=caller(request)))))


class Subscriptions(ProjectEndpoint):
    """Who counts on the contract of a dataset."""

    action = {"GET": "data.read", "POST": "quality.subscribe"}

    @extend_schema(operation_id="projects_datasets_subscriptions_list", responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str) -> Response:
        """List them."""
        return self.page_of(Subscription.objects.filter(dataset=dataset_for(self.project, name)), show_subscription)

    @extend_schema(request=SubscriptionBody, responses={201: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str) -> Response:
        """Be told when it breaks, changes or is late."""
        dataset = dataset_for(self.project, name)
        body = SubscriptionBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        return self.once(lambda: (201, show_subscription(services.subscribe(dataset, **given, by=caller(request)))))


class SubscriptionDetail(ProjectEndpoint):
    """One consumer."""

    action = "quality.subscribe"

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def delete(self, request: Request, key: str, name: str, subscription: UUID) -> Response:
        """Count on it no more."""
        found = services.subscription_for(dataset_for(self.project, name), subscription)
        return self.once(lambda: self.end(found, request))

    def end(self, found: Subscription, request: Request) -> tuple[int, dict[str, Any]]:
        """What `once` does once."""
        shown = show_subscription(found)
        services.unsubscribe(found, by=caller(request))
        return 200, shown
