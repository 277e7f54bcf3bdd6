"""Reads about what stands beside a registered version: aliases, cards, and what changed between two versions."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from datasets.queries.recipes import lineage_of
from datasets.queries.seen import Roles
from datasets.using import Use
from experiments import pointers, release_notes
from experiments.cards import FIELDS
from experiments.models.evaluations import Evaluation
from experiments.models.registry import CardText, Model, ModelVersion
from experiments.models.runs import Run
from experiments.queries.cases import book_of, hidden_of_cases, hides_answers, must_words, results_for
from experiments.queries.evaluations import seen_evaluations
from experiments.queries.models import model_version_for
from experiments.queries.runs import entry_of, hide_values
from problems.problem import Missing
from projects.models.projects import Project
from projects.queries.define import charter_of

MOST_STEPS = 20
INPUT = ("name", "type", "treatment", "categories")


@dataclass(frozen=True)
class Pointed:
    """An alias, and whether it follows something by itself."""

    name: str
    version: ModelVersion
    follows: bool
    set_by: str
    set_at: Any


def model_for(project: Project, name: str) -> Model:
    """One registered model of the project."""
    model = Model.objects.select_related("project").filter(project=project, name=name).first()
    if model is None:
        raise Missing(f"There is no model “{name}” in this project.")
    return model


def aliases_of(model: Model) -> list[Pointed]:
    """What follows something first, then what people set, by name."""
    found = [Pointed(name, version, True, "", None) for name, version in pointers.followed(model).items()]
    for alias in model.aliases.select_related("version__model", "set_by").filter(version__deleted_at=None):
        by = alias.set_by.name if alias.set_by else "The platform"
        found.append(Pointed(alias.name, alias.version, False, by, alias.set_at))
    return found


def alias_for(model: Model, name: str) -> Pointed:
    """One alias of the model."""
    found = next((one for one in aliases_of(model) if one.name == name), None)
    if found is None:
        raise Missing(f"{model.name} has no alias “{name}” that points at a version.")
    return found


def card_text(version: ModelVersion) -> CardText | None:
    """What people said last on the version's card."""
    return version.card_texts.select_related("created_by").first()


def texts_to_begin_with(version: ModelVersion) -> dict[str, str]:
    """The texts of the card, else those of the newest earlier version that has some, to be read again and kept."""
    earlier = CardText.objects.filter(version__model_id=version.model_id, version__number__lte=version.number)
    found = earlier.order_by("-version__number", "-number").first()
    return {one.key: getattr(found, one.key) if found else "" for one in FIELDS}


def card_facts(version: ModelVersion, roles: Roles) -> dict[str, Any]:
    """Everything that a card says of a version, as these roles may see it; `version` is not fit to be saved after."""
    run, key = hide_values(version.run, roles), version.model.project
    found, text = run.evaluation, card_text(version)
    signature = found["signature"]
    method = found["methods"][found["chosen"]]
    return {
        "model": version.model.name,
        "version": version.number,
        "question": charter_of(key).prediction,
        **{name: signature[name] for name in ("kind", "target", "positive", "unit")},
        "inputs": [{name: one.get(name) for name in INPUT} for one in signature["inputs"]],
        "data": _data_facts(version),
        "counts": found["counts"],
        "split": found["split"],
        "made": {
            "method": method["name"],
            "settings": method["settings"],
            "seed": run.spec.get("seed"),
            "run": run.number,
            "reason": version.reason,
        },
        "metrics": run.metrics,
        "yardstick": found["methods"].get("dummy", {}).get("metrics") or {},
        "verdicts": run.verdicts,
        "warnings": found["warnings"],
        "notices": found["notices"],
        "evaluation": _judged(version, roles),
        "cases": _case_facts(version, roles),
        "serving": found.get("serving"),
        "environment": run.environment,
        "sha256": version.bundle_id,
        "texts": {one.key: getattr(text, one.key) for one in FIELDS} if text else None,
        "texts_number": text.number if text else 0,
    }


def _judged(version: ModelVersion, roles: Roles) -> dict[str, Any] | None:
    """The newest evaluation on the locked rows that ended well."""
    found = Evaluation.objects.filter(run=version.run, data=version.run.data, state=Evaluation.State.FINISHED)
    newest = found.select_related("run__data__dataset", "data__dataset").first()
    if newest is None:
        return None
    [seen] = seen_evaluations([newest], roles)
    parts = ("fairness", "slices", "stress", "calibration", "speed")
    return {"number": seen.number} | {name: seen.found.get(name) for name in parts}


def _case_facts(version: ModelVersion, roles: Roles) -> list[dict[str, Any]]:
    project = version.model.project
    closed = hidden_of_cases(project, roles)
    hides = hides_answers(project, closed)
    book = book_of(project)
    results = results_for(version.run, book, closed)
    rows = []
    for revision in book:
        result = results.get(revision.pk)
        state = "not asked" if result is None else "passed" if result.passed else "failed"
        must, said = must_words(project, revision, hides), result.said if result else ""
        rows.append({"name": revision.name, "must": must, "said": said, "state": state, "blocking": revision.blocking})
    return rows


def _data_facts(version: ModelVersion) -> dict[str, Any]:
    data = version.run.data
    steps, licences = _origins(data)
    return {
        "name": str(data),
        "rows": data.rows,
        "columns": len(data.schema),
        "sha256": data.table_id,
        "made_of": steps,
        "licences": licences,
    }


def _origins(data: Any) -> tuple[list[str], list[str]]:
    """What a data version was made of, in sentences, and the licences of the sources at its roots."""
    steps: list[str] = []
    licences: list[str] = []
    waiting, seen = [data], {data.pk}
    while waiting and len(steps) < MOST_STEPS:
        one = waiting.pop(0)
        lineage = lineage_of(one)
        if lineage.made_by:
            read = ", ".join(str(each.version) for each in lineage.inputs)
            steps.append(f"{one} was made of {read} by the recipe {lineage.made_by.recipe_version}.")
        for each in lineage.inputs:
            if each.version_id not in seen:
                seen.add(each.version_id)
                waiting.append(each.version)
        source = getattr(getattr(one, "pull", None), "source", None)
        if source is not None:
            steps.append(f"{one} was loaded from the source {source.name}.")
            if source.licence:
                until = f", until {source.licence_until}" if source.licence_until else ""
                licences.append(f"{source.licence} ({source.vendor or source.name}{until})")
        elif one.ingestion_id:
            steps.append(f"{one} was read from {one.ingestion.file_name}.")
    return steps, list(dict.fromkeys(licences))


def changes_between(project: Project, name: str, before: int, after: int, roles: Roles) -> dict[str, Any]:
    """The release notes of one version against another of the same model."""
    old, new = model_version_for(project, name, before), model_version_for(project, name, after)
    facts = card_facts(old, roles), card_facts(new, roles)
    return release_notes.notes(*facts, (entry_of(old.run), entry_of(new.run)))


def version_before(version: ModelVersion) -> ModelVersion | None:
    """The version of the same model that was registered before it."""
    return version.model.versions.filter(number__lt=version.number).order_by("-number").first()


def lineage_up_to(version: ModelVersion) -> list[Use]:
    """From the data to the version: what each was made of, one step after the other, the first first."""
    run, key = version.run, version.model.project.key
    data, lineage = run.data, lineage_of(run.data)
    found = []
    if recipe := lineage.made_by.recipe_version if lineage.made_by else None:
        for one in lineage.inputs:
            read = one.version
            address = reverse("dataset-version", args=[key, read.dataset.name, read.number])
            found.append(Use("data", str(read), f"read by the recipe {recipe}", address))
        address = f"{reverse('recipe', args=[key, recipe.recipe.name])}?v={recipe.number}"
        found.append(Use("recipe", str(recipe), f"made {data}", address))
    elif source := getattr(getattr(data, "pull", None), "source", None):
        found.append(Use("source", source.name, f"gave {data}", reverse("source", args=[key, source.name])))
    address = reverse("dataset-version", args=[key, data.dataset.name, data.number])
    found.append(Use("data", str(data), f"{data.rows} rows that it learned from or was judged on", address))
    if run.copied_from:
        address = reverse("run", args=[key, run.copied_from.number])
        found.append(Use("run", f"run {run.copied_from.number}", "the run that this one was copied from", address))
    method = run.evaluation["methods"].get(run.method, {}).get("name", run.method)
    found.append(Use("run", f"run {run.number}", f"made it: {method}", reverse("run", args=[key, run.number])))
    return found


def lineage_after(version: ModelVersion) -> list[Use]:
    """What became of it: the runs that were copied from its run, and what rooms above made of it."""
    key = version.model.project.key
    copies = Run.objects.filter(copied_from=version.run).only("number", "cause").order_by("-number")[:MOST_STEPS]
    made = [
        Use("run", f"run {c.number}", c.get_cause_display().lower(), reverse("run", args=[key, c.number]))
        for c in copies
    ]
    return [*made, *pointers.what_became_of(version)]


def beside(version: ModelVersion) -> dict[str, Any]:
    """What the page of a version shows of all this."""
    aliases = [one for one in aliases_of(version.model) if one.version.pk == version.pk]
    return {"aliases": aliases, "up_to": lineage_up_to(version), "after": lineage_after(version)}
