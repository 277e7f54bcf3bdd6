"""Starting and changing projects."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import User
from audit.actors import Actor
from audit.services import record
from problems.problem import Conflict, Invalid, Missing
from projects.models.define import Charter
from projects.models.projects import Kind, Project
from projects.models.team import Membership
from projects.naming import key_from, keys_to_try, wrong_key, wrong_naming
from projects.permissions import Role
from projects.queries.team import workers


def lock_project(project: Project) -> None:
    """Changes of one project's team, contract and gates come one after the other; none in one that was deleted."""
    row = Project.objects.select_for_update().filter(pk=project.pk).first()
    if row is None:
        raise Missing("There is no such project any more.")


@transaction.atomic
def create_project(
    *,
    name: str,
    question: str,
    kind: str,
    by: User,
    key: str = "",
    roles: Iterable[Role] = (),
    sample: bool = False,
    one_person: bool = False,
) -> Project:
    """A new project, owned by its creator, who may hold further roles. Without a key one is made from the name.

    `one_person` says that the creator works alone: the rules that need two people give way, and every gate says so.
    """
    name, question = name.strip(), question.strip()
    base = key.strip().lower() or key_from(name)
    wrong = wrong_naming(name, question)
    if kind not in Kind.values:
        wrong["kind"] = f"Choose one of: {', '.join(Kind.values)}."
    if "name" not in wrong and (text := wrong_key(base)):
        wrong["key"] = text
    if wrong:
        raise Invalid(" ".join(wrong.values()), fields=wrong)
    fields = {"name": name, "question": question, "kind": kind, "created_by": by, "is_sample": sample}
    fields["one_person"] = one_person
    taken = Project.everything.filter(key__startswith=base[:20]).values_list("key", flat=True)
    project = _insert_project([base] if key.strip() else keys_to_try(base, set(taken)), fields)
    held = {Role.OWNER, *roles}
    Membership.objects.bulk_create(Membership(project=project, user=by, role=role) for role in Role if role in held)
    Charter.objects.create(project=project)
    record(
        by, "project.created", project, project_key=project.key, title=name, roles=sorted(held), one_person=one_person
    )
    return project


def _insert_project(keys: Iterable[str], fields: Mapping[str, Any]) -> Project:
    """The database says whose key it is when two people want one at the same moment."""
    for key in keys:
        try:
            with transaction.atomic():
                return Project.objects.create(key=key, **fields)
        except IntegrityError:
            continue
    text = "This key is taken. Choose another."
    raise Conflict(text, code="key_taken", fields={"key": text})


@transaction.atomic
def change_project(project: Project, *, name: str, question: str, by: Actor) -> Project:
    """Another name or question; the key stays, because addresses carry it."""
    name, question = name.strip(), question.strip()
    if wrong := wrong_naming(name, question):
        raise Invalid(" ".join(wrong.values()), fields=wrong)
    lock_project(project)
    project.name, project.question = name, question
    project.save(update_fields=["name", "question"])
    record(by, "project.changed", project, project_key=project.key, title=name, question=question)
    return project


@transaction.atomic
def mark_one_person(project: Project, *, on: bool, by: Actor) -> Project:
    """Mark the project as a one-person team, or no longer. A team with several people who work in it is none."""
    lock_project(project)
    project.refresh_from_db(fields=["one_person"])
    if project.one_person == on:
        return project
    if on and (others := len(workers(project)) - 1) > 0:
        count = f"{others} more people hold" if others > 1 else "One more person holds"
        text = f"This is no one-person team: {count} a role here. Signatures stay with different people."
        raise Conflict(text, code="not_alone", fields={"one_person": text})
    project.one_person = on
    project.save(update_fields=["one_person"])
    what = "marked the project as a" if on else "took away the mark of a"
    record(by, "project.one_person", project, project_key=project.key, what=what, on=on)
    return project
