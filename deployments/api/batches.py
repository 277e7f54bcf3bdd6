"""Scoring data in batches over REST: start, look, read what came out and what was refused; plans that start them."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from datasets.queries.versions import dataset_for, version_for
from datasets.schedules import OFF
from deployments.models import BatchPlan, BatchScoring
from deployments.queries.batches import (
    MOST_ROWS,
    batch_for,
    batches_of,
    plan_for,
    plans_for,
    refused_rows,
    scored_rows,
)
from deployments.queries.deployments import deployment_for
from deployments.services.batch_plans import end_plan, make_plan, words_of
from deployments.services.batches import LONGEST_KEY, start_batch
from jobs.queries import latest_of
from problems.problem import Invalid
from projects.access import ProjectEndpoint
from projects.api.projects import caller
from projects.queries.work import job_link

OBJECT = OpenApiTypes.OBJECT
PAGED = [
    OpenApiParameter("after", int, description="How many rows to pass over"),
    OpenApiParameter("limit", int, description=f"At most {MOST_ROWS}"),
]


class BatchBody(serializers.Serializer[Any]):
    """Which published data version is scored, and perhaps with which version that was in use before (`model_version`).

    `keep` names the columns that go along (all of them where it is left out), `target` the dataset that the answers
    become a version of. The same data, model version and `key` are scored once.
    """

    dataset = serializers.CharField(max_length=60)
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    model_version = serializers.IntegerField(required=False, min_value=1, max_value=2**31 - 1)
    key = serializers.CharField(max_length=LONGEST_KEY, required=False, allow_blank=True, default="")
    target = serializers.CharField(max_length=60, required=False, allow_blank=True, default="")
    keep = serializers.ListField(child=serializers.CharField(max_length=200), required=False)


class PlanBody(serializers.Serializer[Any]):
    """What is scored by itself: each new published version of a dataset (`on_new`), its newest one by a schedule, or
    both."""

    dataset = serializers.CharField(max_length=60)
    on_new = serializers.BooleanField(required=False, default=False)
    schedule = serializers.CharField(max_length=10, required=False, default=OFF)
    at = serializers.CharField(max_length=5, required=False, default="02:00")
    weekday = serializers.IntegerField(required=False, default=0, min_value=0, max_value=6)
    target = serializers.CharField(max_length=60, required=False, allow_blank=True, default="")
    keep = serializers.ListField(child=serializers.CharField(max_length=200), required=False, default=list)


def show_batch(batch: BatchScoring) -> dict[str, Any]:
    """One batch."""
    made = batch.made
    return {
        "number": batch.number,
        "state": batch.state,
        "message": batch.message,
        "input": batch.source_name,
        "model": batch.version.model.name,
        "model_version": batch.version.number,
        "policy": batch.policy,
        "key": batch.key,
        "keep": batch.keep,
        "plan": batch.plan.number if batch.plan else None,
        "target": batch.target,
        "output": {"dataset": made.dataset.name, "version": made.number, "state": made.state} if made else None,
        "rows": batch.rows,
        "refused_rows": batch.refused_rows,
        "unseen_values": batch.unseen,
        "by": batch.created_by.name if batch.created_by else None,
        "created_at": batch.created_at,
        "ended_at": batch.ended_at,
    }


def show_plan(plan: BatchPlan) -> dict[str, Any]:
    """One plan."""
    return {
        "number": plan.number,
        "dataset": plan.dataset.name,
        "target": plan.target,
        "keep": plan.keep,
        "when": words_of(plan),
        "on_new": plan.on_new,
        "schedule": plan.schedule,
        "next_at": plan.next_at,
        "message": plan.message,
        "created_at": plan.created_at,
        "ended_at": plan.ended_at,
    }


class Batches(ProjectEndpoint):
    """The batches of a deployment."""

    action = {"GET": "data.read", "POST": "batch.start"}

    @extend_schema(responses={200: OBJECT})
    def get(self, request: Request, key: str, name: str) -> Response:
        """List them, newest first."""
        return self.page_of(batches_of(deployment_for(self.project, name)), show_batch)

    @extend_schema(request=BatchBody, responses={202: OBJECT, 409: OBJECT, 422: OBJECT})
    def post(self, request: Request, key: str, name: str) -> Response:
        """Score a data version. 202 with the batch and its job; asked again, the same batch."""
        deployment = deployment_for(self.project, name)
        body = BatchBody(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        source = version_for(self.project, asked["dataset"], asked["version"])

        def start() -> tuple[int, dict[str, Any]]:
            wanted = {name: asked.get(name) for name in ("keep", "key", "target")}
            batch, job = start_batch(
                deployment, source, number=asked.get("model_version"), **wanted, by=caller(request)
            )
            return 202, show_batch(batch) | {"job": job_link(job) if job else None}

        return self.once(start)


class BatchEndpoint(ProjectEndpoint):
    """One batch."""

    action = {"GET": "data.read"}

    @extend_schema(responses={200: OBJECT})
    def get(self, request: Request, key: str, name: str, number: int) -> Response:
        """Read it, with its job."""
        batch = batch_for(deployment_for(self.project, name), number)
        job = latest_of(batch)
        return Response(show_batch(batch) | {"job": job_link(job) if job else None})


class BatchRows(ProjectEndpoint):
    """The rows that came out of a batch."""

    action = {"GET": "data.read"}

    @extend_schema(parameters=PAGED, responses={200: OBJECT, 422: OBJECT})
    def get(self, request: Request, key: str, name: str, number: int) -> Response:
        """Read them in order; values of columns that you must not see are hidden."""
        batch = batch_for(deployment_for(self.project, name), number)
        after, limit = paging(request)
        rows = scored_rows(batch, self.roles, after=after, limit=limit)
        return Response({"count": batch.rows or 0, "after": after, "results": rows})


class BatchRefused(ProjectEndpoint):
    """The rows that a batch refused."""

    action = {"GET": "data.read"}

    @extend_schema(parameters=PAGED, responses={200: OBJECT, 422: OBJECT})
    def get(self, request: Request, key: str, name: str, number: int) -> Response:
        """Read them: the number of each row in the data that was scored, from 1, and why."""
        batch = batch_for(deployment_for(self.project, name), number)
        after, limit = paging(request)
        rows = refused_rows(batch, after=after, limit=limit)
        return Response({"count": batch.refused_rows or 0, "after": after, "results": rows})


def paging(request: Request) -> tuple[int, int]:
    """Which rows are asked for, refused beside their names."""
    found = {}
    for name, usual, low, high in (("after", "0", 0, 10**9), ("limit", "50", 1, MOST_ROWS)):
        given = request.query_params.get(name, usual)
        if not (given.isascii() and given.isdigit() and len(given) < 11 and low <= int(given) <= high):
            raise Invalid(f"`{name}` must be from {low} to {high}.", fields={name: f"{low} to {high}."})
        found[name] = int(given)
    return found["after"], found["limit"]


class BatchPlans(ProjectEndpoint):
    """What a deployment scores by itself."""

    action = {"GET": "data.read", "POST": "batch.start"}

    @extend_schema(responses={200: OBJECT})
    def get(self, request: Request, key: str, name: str) -> Response:
        """List what has not ended."""
        return self.page_of(plans_for(deployment_for(self.project, name)), show_plan)

    @extend_schema(request=PlanBody, responses={201: OBJECT, 422: OBJECT})
    def post(self, request: Request, key: str, name: str) -> Response:
        """Make one."""
        deployment = deployment_for(self.project, name)
        body = PlanBody(data=request.data)
        body.is_valid(raise_exception=True)
        asked = dict(body.validated_data)
        dataset = dataset_for(self.project, asked.pop("dataset"))
        return self.once(lambda: (201, show_plan(make_plan(deployment, dataset, **asked, by=caller(request)))))


class BatchPlanEndpoint(ProjectEndpoint):
    """One plan."""

    action = {"DELETE": "batch.start"}

    @extend_schema(responses={204: None, 409: OBJECT})
    def delete(self, request: Request, key: str, name: str, number: int) -> Response:
        """End it; what it made stays."""
        end_plan(plan_for(deployment_for(self.project, name), number), by=caller(request))
        return Response(status=204)
