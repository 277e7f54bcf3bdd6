"""Writes about named ways to look at a project's runs, which the team shares."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts.models import as_user
from audit.actors import Actor
from audit.services import record
from experiments.models.records import RunView
from experiments.records.asked import asked
from problems.problem import Invalid
from projects.models.projects import Project
from projects.services.projects import lock_project

LONGEST_NAME, MOST_VIEWS, LONGEST_PART = 60, 100, 4000
PARTS = ("filter", "order", "columns")


@transaction.atomic
def save_view(project: Project, *, name: Any, look: Mapping[str, Any], by: Actor) -> RunView:
    """Keep a filter, an order and columns under a name; one that is taken is written over."""
    name, parts = _name(name), {part: _part(part, look.get(part, "")) for part in PARTS}
    asked(parts)
    lock_project(project)
    views = RunView.objects.filter(project=project)
    if views.exclude(name=name).count() >= MOST_VIEWS:
        raise Invalid(f"A project keeps at most {MOST_VIEWS} views. Delete one first.", fields={"name": "Too many."})
    view, _ = views.update_or_create(name=name, defaults={"project": project, "created_by": as_user(by), **parts})
    record(by, "run_view.saved", view, project_key=project.key, view=name, **parts)
    return view


@transaction.atomic
def delete_view(view: RunView, *, by: Actor) -> None:
    """Take a view away; addresses that were copied from it go on working."""
    record(by, "run_view.deleted", view, project_key=view.project.key, view=view.name)
    view.delete()


def _name(text: Any) -> str:
    name = " ".join(text.split()) if isinstance(text, str) else ""
    if not name or len(name) > LONGEST_NAME or "/" in name or "\x00" in name or not name.isprintable():
        words = f"Use 1 to {LONGEST_NAME} characters, without a slash."
        raise Invalid(f"The view needs a name. {words}", fields={"name": words})
    return name


def _part(part: str, text: Any) -> str:
    longest = 300 if part == "order" else LONGEST_PART
    if not isinstance(text, str) or len(text) > longest or "\x00" in text:
        raise Invalid(f"{part.capitalize()} is a text of at most {longest} characters.", fields={part: "Too long."})
    return text.strip()
