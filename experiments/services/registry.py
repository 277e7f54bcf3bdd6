"""Writes about what stands beside a registered version: aliases, and what people say on its card."""

import re

from django.db import transaction
from django.db.models import Max

from accounts.models import as_user
from audit.actors import Actor
from audit.services import record
from experiments import cards, pointers
from experiments.models.registry import Alias, CardText, Model, ModelVersion
from problems.problem import Conflict, Gone, Invalid, Missing
from projects.services.projects import lock_project

LONGEST_ALIAS, MOST_ALIASES, LONGEST_TEXT = 40, 20, 4000


@transaction.atomic
def set_alias(model: Model, *, name: str, version: ModelVersion, by: Actor) -> Alias:
    """Let a name point at a version of the model; it is moved where it pointed elsewhere before."""
    name = _alias_name(name)
    lock_project(model.project)
    row = ModelVersion.objects.select_related("model__project").filter(pk=version.pk, model=model).first()
    if row is None:
        raise Gone(f"Version {version.number} of {model.name} was deleted a moment ago.")
    before = Alias.objects.select_related("version").filter(model=model, name=name).first()
    if before is None and model.aliases.count() >= MOST_ALIASES:
        raise Conflict(f"{model.name} has {MOST_ALIASES} aliases. Remove one first.", code="too_many")
    if before is not None and before.version_id == row.pk:
        return before
    alias, _ = Alias.objects.update_or_create(model=model, name=name, defaults={"version": row, "set_by": as_user(by)})
    about = {"model": model.name, "alias": name, "version": row.number}
    was = before.version.number if before else None
    record(by, "alias.moved" if before else "alias.set", row, project_key=model.project.key, **about, before=was)
    return alias


@transaction.atomic
def remove_alias(model: Model, *, name: str, by: Actor) -> None:
    """The name points at nothing any more."""
    if name in pointers.names():
        raise _followed(name)
    lock_project(model.project)
    alias = Alias.objects.select_related("version__model").filter(model=model, name=name).first()
    if alias is None:
        raise Missing(f"{model.name} has no alias “{name[:LONGEST_ALIAS]}”.")
    about = {"model": model.name, "alias": name, "version": alias.version.number}
    record(by, "alias.removed", alias.version, project_key=model.project.key, **about)
    alias.delete()


def _alias_name(text: str) -> str:
    name = text.strip().lower() if isinstance(text, str) else ""
    if name in pointers.names():
        raise _followed(name)
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or len(name) > LONGEST_ALIAS:
        words = f"Use small letters, digits and single hyphens, a letter first, at most {LONGEST_ALIAS}, like staging."
        raise Invalid(words, fields={"alias": words})
    return name


def _followed(name: str) -> Conflict:
    return Conflict(f"“{name}” follows what is in use. Promote a version, and it points at that.", code="follows")


@transaction.atomic
def write_card(version: ModelVersion, *, texts: dict[str, str], seen: int, by: Actor) -> CardText:
    """Say on a version's card what nobody can measure. `seen` is the number of the text that was read; 0 for none."""
    wanted = {field.key: _text(field.key, texts.get(field.key, "")) for field in cards.FIELDS}
    if unknown := sorted(set(texts) - set(wanted)):
        raise Invalid(f"A card has no field “{unknown[0][:60]}”.", fields={unknown[0][:60]: "Not a field of a card."})
    project = version.model.project
    lock_project(project)
    row = ModelVersion.objects.filter(pk=version.pk).first()
    if row is None:
        raise Gone(f"{version} was deleted a moment ago.")
    last = CardText.objects.filter(version=row).aggregate(last=Max("number"))["last"] or 0
    if seen != last:
        raise Conflict("Somebody else wrote on this card in the meantime. Read it again.", code="changed", number=last)
    text = CardText.objects.create(version=row, number=last + 1, created_by=as_user(by), **wanted)
    about = {"model": version.model.name, "version": version.number, "number": text.number}
    record(by, "card.written", version, project_key=project.key, **about, **wanted)
    return text


def _text(name: str, text: str) -> str:
    if not isinstance(text, str):
        raise Invalid("A text is text.", fields={name: "Write text."})
    if len(text) > LONGEST_TEXT:
        words = f"Use at most {LONGEST_TEXT} characters."
        raise Invalid(words, fields={name: words})
    return text.replace("\x00", "").strip()
