"""Recipes over REST: which steps there are, write a recipe, look ahead, run it on any version of its input."""

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from datasets.api.versions import caller
from datasets.models.recipes import Preparation, Recipe, RecipeVersion
from datasets.queries import recipes as queries
from datasets.queries import seen
from datasets.queries.versions import dataset_for
from datasets.recipes.base import Step
from datasets.recipes.catalog import GROUPS
from datasets.recipes.declared import Declared
from datasets.services import recipes as services
from datasets.services.versions import address_of
from jobs.queries import latest_of
from problems.problem import Conflict
from projects.access import ProjectEndpoint
from projects.queries.work import job_link


class StepBody(serializers.Serializer[Any]):
    """One step: its kind, and its parameters by name."""

    kind = serializers.CharField(max_length=60)
    params = serializers.DictField(required=False)


class RecipeBody(serializers.Serializer[Any]):
    """A new recipe: what it reads, what it makes, its steps."""

    name = serializers.CharField(max_length=60)
    source = serializers.CharField(max_length=60)  # type: ignore[assignment]  # the base has an attribute of that name
    target = serializers.CharField(max_length=60)
    steps = StepBody(many=True, required=False)


class StepsBody(serializers.Serializer[Any]):
    """The steps of the next version; `seen` is the version that you read."""

    seen = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    steps = StepBody(many=True)


class PreparationBody(serializers.Serializer[Any]):
    """What to run on; everything may be left out."""

    version = serializers.IntegerField(required=False, min_value=1, max_value=2**31 - 1, help_text="Of the source.")
    recipe_version = serializers.IntegerField(required=False, min_value=1, max_value=2**31 - 1)
    keep_learned = serializers.BooleanField(required=False, default=False)
    publish = serializers.BooleanField(required=False, default=False)


def show_kind(step: Declared) -> dict[str, Any]:
    """A kind of step or rule with the parameters that it declares."""
    fields = [
        {
            "name": one.name,
            "kind": one.kind,
            "label": one.label,
            "help": one.help,
            "required": one.required and one.default is None,
            "default": one.default,
            "choices": dict(one.choices),
            "low": one.low,
            "high": one.high,
            "column_types": list(one.types),
        }
        for one in step.fields
    ]
    shown = {"kind": step.kind, "title": step.title, "help": step.help, "params": fields}
    return shown | ({"learns": step.learns} if isinstance(step, Step) else {})


def show_recipe(recipe: Recipe) -> dict[str, Any]:
    """A recipe for lists."""
    return {
        "name": recipe.name,
        "source": recipe.source.name,
        "target": recipe.target.name,
        "version": getattr(recipe, "newest", None),
        "made": getattr(recipe, "made", None),
        "last_run": getattr(recipe, "last_state", None),
        "url": services.address_of(recipe),
    }


def show_version(version: RecipeVersion, roles: seen.Roles) -> dict[str, Any]:
    """One version with its steps, each with its sentence, as these roles may see it."""
    hidden = seen.hidden_for(version.recipe, version.steps, roles)
    return {
        "recipe": version.recipe.name,
        "source": version.recipe.source.name,
        "target": version.recipe.target.name,
        "version": version.number,
        "steps": seen.seen_steps(version.steps, hidden),
        "created_at": version.created_at.isoformat(),
        "created_by": version.created_by.name if version.created_by else None,
        "url": services.address_of(version.recipe),
    }


def show_preparation(run: Preparation) -> dict[str, Any]:
    """A run: what it read, what it made, how each step went."""
    made = getattr(run, "version", None)
    return {
        "preparation": str(run.pk),
        "recipe": run.recipe_version.recipe.name,
        "recipe_version": run.recipe_version.number,
        "state": run.state,
        "message": run.message,
        "inputs": {one.key or "source": str(one.version) for one in run.inputs.all()},
        "dataset": made.dataset.name if made else None,
        "version": made.number if made else None,
        "version_url": address_of(made) if made else None,
        "created_at": run.created_at.isoformat(),
    }


class StepKinds(ProjectEndpoint):
    """The steps that recipes are made of."""

    action = "data.read"

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """List the kinds in groups, each with its parameters: kind, bounds, choices, and the column types they take."""
        return Response({group: [show_kind(step) for step in steps] for group, steps in GROUPS.items()})


class Recipes(ProjectEndpoint):
    """The recipes of a project."""

    action = {"GET": "data.read", "POST": "recipe.write"}

    @extend_schema(operation_id="projects_recipes_list", responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """List them by name."""
        return self.page_of(queries.recipes_of(self.project), show_recipe)

    @extend_schema(request=RecipeBody, responses={201: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str) -> Response:
        """Make a recipe. A step that does not fit answers 422 with its place: `steps[2].params.column`."""
        body = RecipeBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        source = dataset_for(self.project, given["source"])
        return self.once(lambda: (201, show_version(self.make(given, source, request), self.roles)))

    def make(self, given: dict[str, Any], source: Any, request: Request) -> RecipeVersion:
        """What `once` does once."""
        return services.create_recipe(
            self.project,
            name=given["name"],
            source=source,
            target=given["target"],
            steps=given.get("steps", []),
            by=caller(request),
        )


class RecipeDetail(ProjectEndpoint):
    """One recipe."""

    action = {"GET": "data.read", "PUT": "recipe.write"}

    @extend_schema(operation_id="projects_recipes_retrieve", responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str) -> Response:
        """Its newest version, with every step."""
        return Response(show_version(queries.recipe_version(queries.recipe_for(self.project, name)), self.roles))

    @extend_schema(
        request=StepsBody,
        responses={200: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT},
    )
    def put(self, request: Request, key: str, name: str) -> Response:
        """Save the next version. 409 when somebody saved one after the version that you read."""
        recipe = queries.recipe_for(self.project, name)
        body = StepsBody(data=request.data)
        body.is_valid(raise_exception=True)
        read, steps = body.validated_data["seen"], body.validated_data["steps"]
        return self.once(
            lambda: (
                200,
                show_version(services.change_recipe(recipe, steps=steps, seen=read, by=caller(request)), self.roles),
            )
        )


class RecipeVersions(ProjectEndpoint):
    """The versions of a recipe."""

    action = "data.read"

    @extend_schema(operation_id="projects_recipes_versions_list", responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str) -> Response:
        """List them, newest first, each with its steps."""
        recipe = queries.recipe_for(self.project, name)
        versions = recipe.versions.select_related("recipe__project", "recipe__source", "recipe__target", "created_by")
        return self.page_of(versions, lambda version: show_version(version, self.roles))


class Preview(ProjectEndpoint):
    """A look ahead: what each step does to the first rows of the newest input."""

    action = {"GET": "data.read", "POST": "recipe.run"}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str) -> Response:
        """The newest one of the recipe's newest version: `state`, and `result` when it is done."""
        version = queries.recipe_version(queries.recipe_for(self.project, name))
        hidden = seen.hidden_for(version.recipe, version.steps, self.roles)
        job = seen.seen_preview(queries.preview_of(version), hidden)
        found = {"state": job.state, "message": job.message, "result": job.result} if job else {"state": None}
        return Response({"version": version.number, **found})

    @extend_schema(request=None, responses={202: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str) -> Response:
        """Start one; watch the job, then read it here."""
        version = queries.recipe_version(queries.recipe_for(self.project, name))
        return self.once(lambda: (202, self.start(version, request)))

    def start(self, version: RecipeVersion, request: Request) -> dict[str, Any]:
        """What `once` does once."""
        job = services.start_preview(version, by=caller(request))
        if job is None:
            raise Conflict(f"{version.recipe.source.name} has no version yet.", code="no_input")
        return {"version": version.number, "job": job_link(job)}


class Preparations(ProjectEndpoint):
    """The runs of a recipe."""

    action = {"GET": "data.read", "POST": "recipe.run"}

    @extend_schema(operation_id="projects_recipes_preparations_list", responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str) -> Response:
        """List them, newest first."""
        return self.page_of(queries.preparations_of(queries.recipe_for(self.project, name)), show_preparation)

    @extend_schema(
        request=PreparationBody,
        responses={202: OpenApiTypes.OBJECT, 403: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT},
    )
    def post(self, request: Request, key: str, name: str) -> Response:
        """Run it: on the newest version of its source unless `version` states another.

        `keep_learned` uses the statistics of the last run again; `publish` publishes the result and needs that right.
        """
        recipe = queries.recipe_for(self.project, name)
        body = PreparationBody(data=request.data)
        body.is_valid(raise_exception=True)
        return self.once(lambda: (202, self.start(recipe, body.validated_data, request)))

    def start(self, recipe: Recipe, given: dict[str, Any], request: Request) -> dict[str, Any]:
        """What `once` does once."""
        run, job = services.start_preparation(
            recipe,
            number=given.get("version"),
            recipe_number=given.get("recipe_version"),
            keep_learned=given["keep_learned"],
            publish=given["publish"],
            by=caller(request),
        )
        url = f"/api/v1/projects/{self.project.key}/recipes/{recipe.name}/preparations/{run.pk}/"
        return show_preparation(run) | {"url": url, "job": job_link(job)}


class PreparationDetail(ProjectEndpoint):
    """One run of a recipe."""

    action = "data.read"

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str, preparation: UUID) -> Response:
        """How it went: `state` is waiting, done, failed or cancelled; `steps` has each step with what it learned."""
        run = queries.preparation_for(queries.recipe_for(self.project, name), preparation)
        hidden = seen.hidden_for(run.recipe_version.recipe, run.recipe_version.steps, self.roles)
        job, steps = latest_of(run), seen.seen_run(run.report, hidden)
        return Response(show_preparation(run) | {"steps": steps, "job": job_link(job) if job else None})
