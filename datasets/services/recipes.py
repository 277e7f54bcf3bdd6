"""Every write to recipes: make one, save its next version, look ahead, run it, finish or fail the run."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.urls import reverse

from accounts.models import User
from audit.actors import Actor, Machine
from audit.services import record
from datasets.models.recipes import Preparation, PreparationInput, Recipe, RecipeVersion
from datasets.models.versions import Dataset, Version
from datasets.queries import quality
from datasets.queries import recipes as queries
from datasets.recipes.plan import read_steps
from datasets.sentences import short
from datasets.services import contracts, tags, versions
from datasets.services.checks import check_when_made
from jobs import services as jobs
from jobs.models import OPEN_STATES, Job, State
from jobs.queries import of_subject
from notices.services import tell
from problems.problem import Conflict, Gone, Invalid
from projects.access import roles_of
from projects.models.projects import Project
from projects.permissions import Role, allows
from projects.queries.rights import refusal
from projects.queries.team import members_with
from storage.models import Blob

COOK = Machine("data preparation")


@transaction.atomic
def create_recipe(
    project: Project, *, name: str, source: Dataset, target: str, steps: Any = (), by: Actor
) -> RecipeVersion:
    """Begin a recipe that makes `target` of `source`; the target is made when it is new."""
    called, into = versions.dataset_name(name), _target_name(target)
    planned = queries.checked(project, queries.newest_version(source), list(steps))
    if into == source.name:
        text = "It cannot write into the dataset that it reads. Choose another name."
        raise Invalid(text, fields={"target": text})
    person = by if isinstance(by, User) else None
    made, _ = Dataset.objects.get_or_create(project=project, name=into, defaults={"created_by": person})
    try:
        with transaction.atomic():
            recipe = Recipe.objects.create(project=project, name=called, source=source, target=made, created_by=person)
    except IntegrityError:
        binned = Recipe.everything.filter(project=project, name=called).exclude(deleted_at=None).exists()
        where = " in the bin. Restore it there, or take another name" if binned else " already"
        text = f"There is a recipe “{called}”{where}."
        raise Invalid(text, fields={"name": text}, code="name_taken") from None
    version = RecipeVersion.objects.create(
        recipe=recipe, number=1, steps=[one.as_dict for one in planned], created_by=person
    )
    facts = {"recipe": called, "source": source.name, "target": into, "steps": len(planned)}
    record(by, "recipe.created", recipe, project_key=project.key, **facts)
    return version


def _target_name(text: str) -> str:
    try:
        return versions.dataset_name(text)
    except Invalid as problem:
        raise Invalid(problem.text, fields={"target": problem.text}) from None


@transaction.atomic
def change_recipe(recipe: Recipe, *, steps: Any, seen: int, by: Actor) -> RecipeVersion:
    """Save the steps as the next version. `seen` is the version that the person looked at."""
    locked = Recipe.objects.select_for_update().select_related("project", "source").filter(pk=recipe.pk).first()
    if locked is None:
        raise Gone(f"{recipe} was deleted a moment ago.")
    last = locked.versions.aggregate(last=Max("number"))["last"]
    if last != seen:
        raise Conflict(
            f"Somebody saved version {last} of this recipe meanwhile. Nothing was changed.", code="changed_meanwhile"
        )
    planned = queries.checked(locked.project, queries.newest_version(locked.source), steps)
    person = by if isinstance(by, User) else None
    version = RecipeVersion.objects.create(
        recipe=locked, number=last + 1, steps=[one.as_dict for one in planned], created_by=person
    )
    facts = {"recipe": locked.name, "number": version.number, "steps": len(planned)}
    record(by, "recipe.changed", locked, project_key=locked.project.key, **facts)
    return version


@transaction.atomic
def start_preview(version: RecipeVersion, *, by: Actor) -> Job | None:
    """Compute the steps on the first rows of the newest input. One at a time; None while there is no input."""
    recipe = version.recipe
    source = queries.newest_version(recipe.source)
    if source is None:
        return None
    waiting = of_subject(version).filter(state__in=OPEN_STATES).first()
    if waiting:
        return waiting
    others = queries.others_for(recipe.project, read_steps(version.steps))
    pinned = {"": str(source.pk)} | {key: str(other.pk) for key, other in others.items()}
    return jobs.start(
        queries.PREVIEW,
        by=by,
        title=f"Look ahead at {version}",
        subject=version,
        project_key=recipe.project.key,
        payload={"version": str(version.pk), "inputs": pinned, "input": str(source)},
    )


@transaction.atomic
def start_preparation(
    recipe: Recipe,
    *,
    number: int | None = None,
    recipe_number: int | None = None,
    keep_learned: bool = False,
    publish: bool = False,
    by: Actor,
) -> tuple[Preparation, Job]:
    """Run a recipe (its newest version, or the one stated) on a version of its source (the newest, or the stated).

    With `keep_learned` the statistics of the last run of the same recipe version are used again. `publish` publishes
    the result at once and needs that right.
    """
    version = queries.recipe_version(recipe, recipe_number)
    if publish and isinstance(by, User) and not allows(roles_of(by, recipe.project), "data.publish"):
        raise refusal(recipe.project, "data.publish")
    source = queries.input_for(recipe, number)
    steps = queries.checked(recipe.project, source, version.steps)
    inputs = {"": source} | queries.others_for(recipe.project, steps)
    for one in inputs.values():
        quality.refuse_unusable(one)
    learned_from = queries.last_done(recipe, version.number) if keep_learned else None
    if keep_learned and learned_from is None:
        text = f"No run of {version} has learned anything yet."
        raise Invalid(text, fields={"keep_learned": text})
    person = by if isinstance(by, User) else None
    run = Preparation.objects.create(
        recipe_version=version, publish=publish, learned_from=learned_from, created_by=person
    )
    PreparationInput.objects.bulk_create(
        PreparationInput(preparation=run, key=key, version=one) for key, one in inputs.items()
    )
    job = jobs.start(
        "datasets.prepare",
        by=by,
        title=f"Make {recipe.target.name} of {source}",
        subject=run,
        project_key=recipe.project.key,
        payload={"preparation": str(run.pk)},
    )
    facts = {"recipe": recipe.name, "number": version.number, "inputs": [str(one) for one in inputs.values()]}
    record(by, "recipe.run_started", run, project_key=recipe.project.key, **facts, publish=publish)
    return run, job


@transaction.atomic
def finish_preparation(run: Preparation, *, table: Blob, answer: Mapping[str, Any]) -> Version:
    """Make the next version of the target of what the recipe gave."""
    recipe = run.recipe_version.recipe
    target = Dataset.objects.select_for_update().select_related("project").get(pk=recipe.target_id)
    last = target.versions.aggregate(last=Max("number"))["last"] or 0
    version = Version.objects.create(
        dataset=target,
        number=last + 1,
        preparation=run,
        table=table,
        rows=answer["rows"],
        schema=answer["schema"],
        profile=answer["profile"],
        report={"format": f"Made by the recipe {run.recipe_version}"},
    )
    tags.inherit(version, run)
    run.state, run.message, run.report = Preparation.State.DONE, "", answer["steps"]
    run.save(update_fields=["state", "message", "report"])
    project = target.project
    facts = {"dataset": target.name, "number": version.number, "rows": version.rows, "recipe": str(run.recipe_version)}
    record(COOK, "data.version_prepared", version, project_key=project.key, **facts, sha256=table.sha256)
    if check_when_made(version) is None:
        contracts.tell_broken(version)
    text = f"{version} is ready to look at: {short(version.rows, 0)}. The recipe {run.recipe_version} made it."
    people = {person.pk for person in members_with(project, [Role.DATA_ENGINEER, Role.DBA])}
    people |= {run.created_by_id} if run.created_by_id else set()
    tell(list(people), text, url=versions.address_of(version), project_key=project.key)
    person = run.created_by
    if run.publish and person and allows(roles_of(person, project), "data.publish") and not versions.why_not(version):
        versions.publish(version, by=person)
    return version


def fail_preparation(job: Job) -> None:
    """A run ended without a version; the job says why. Called in the transaction that ends the job."""
    waiting = Preparation.objects.select_for_update(of=("self",)).filter(
        pk=job.payload.get("preparation"), state=Preparation.State.WAITING
    )
    run = waiting.select_related("recipe_version__recipe__project").first()
    if run is None:
        return
    cancelled = job.state == State.CANCELLED
    run.state = Preparation.State.CANCELLED if cancelled else Preparation.State.FAILED
    run.message = job.message
    run.save(update_fields=["state", "message"])
    recipe = run.recipe_version.recipe
    facts = {"recipe": recipe.name, "number": run.recipe_version.number, "reason": job.message[:500]}
    name = "recipe.run_stopped" if cancelled else "recipe.run_failed"
    record(COOK, name, run, project_key=recipe.project.key, **facts)
    if not cancelled and run.created_by_id:
        text = f"The recipe {run.recipe_version} could not be run: {job.message}"
        tell([run.created_by_id], text, url=address_of(recipe), project_key=recipe.project.key)


def address_of(recipe: Recipe) -> str:
    """The page of a recipe."""
    return reverse("recipe", args=[recipe.project.key, recipe.name])
