"""Every write to destinations: register, change, approve, refuse, test."""

from collections.abc import Collection, Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify

from accounts.models import User
from audit.actors import Actor
from audit.services import record
from datasets.models.destinations import Destination
from datasets.models.versions import Dataset
from datasets.queries import destinations as queries
from datasets.queries import seen
from datasets.services.places import columns_listed, put_params
from datasets.writing.base import MERGE, Writer
from datasets.writing.catalog import writer_for
from jobs import services as jobs
from jobs.models import OPEN_STATES, Job
from jobs.queries import of_subject
from notices.services import tell
from problems.problem import Conflict, Gone, Invalid
from projects.permissions import Role
from projects.queries.team import members_with

MOST_DESTINATIONS = 50
MOST_KEYS, MOST_COLUMNS = 20, 2000
PLAIN = ("mode", "keys", "columns", "when")


@transaction.atomic
def register(dataset: Dataset, *, connector: str, name: str, params: Any, by: User, **given: Any) -> Destination:
    """Write a destination down. Nothing is written to it before somebody approved it."""
    member = writer_for(connector)
    made = Destination(dataset=dataset, name=_name(name), connector=member.key, created_by=by)
    _put(made, member, params, given)
    Dataset.objects.select_for_update().get(pk=dataset.pk)
    if Destination.objects.filter(dataset=dataset).count() >= MOST_DESTINATIONS:
        text = f"{dataset.name} has {MOST_DESTINATIONS} destinations already."
        raise Conflict(text, code="too_many_destinations")
    try:
        with transaction.atomic():
            made.save()
    except IntegrityError:
        binned = Destination.everything.filter(dataset=dataset, name=made.name).exclude(deleted_at=None).exists()
        where = " in the bin. Restore it there, or take another name" if binned else " already"
        text = f"There is a destination “{made.name}”{where}."
        raise Invalid(text, fields={"name": text}, code="name_taken") from None
    record(by, "destination.registered", made, project_key=dataset.project.key, **_facts(made))
    text = f"{dataset.name} is to be written to {made.name} ({member.where(made.params)}); it waits for approval."
    people = {one.pk for one in members_with(dataset.project, [Role.OWNER, Role.DATA_ENGINEER])} - {by.pk}
    tell(people, text, url=address_of(made), project_key=dataset.project.key, kind="work")
    return made


def _name(text: str) -> str:
    name = slugify(text)[:60].strip("-_")
    if not name:
        raise _wrong("name", "A destination needs a name of letters or digits.")
    return name


@transaction.atomic
def change(destination: Destination, *, seen: int, by: User, params: Any = None, **given: Any) -> Destination:
    """Change what is given. `seen` is the revision that the person looked at. All but another secret is approved anew.

    Another place, or another name to sign in with, needs the secret again.
    """
    locked = _locked(destination, seen)
    before = {name: getattr(locked, name) for name in PLAIN}
    changed = _put(locked, writer_for(locked.connector), params, given)
    changed |= {name for name in PLAIN if getattr(locked, name) != before[name]}
    if not changed:
        return locked
    locked.revision += 1
    if changed - {"secret"}:
        locked.state, locked.decided_by, locked.decided_at = Destination.State.REGISTERED, None, None
        locked.reason, locked.released = "", []
    locked.save()
    facts = _facts(locked) | {"what": sorted(changed), "state": locked.state}
    record(by, "destination.changed", locked, project_key=locked.dataset.project.key, **facts)
    return locked


def _put(row: Destination, member: Writer, params: Any, given: Mapping[str, Any]) -> set[str]:
    if unknown := set(given) - set(PLAIN):
        text = "There is no such part of a destination."
        raise Invalid(text, fields=dict.fromkeys(unknown, text))
    changed = put_params(row, member, params) if params is not None else set()
    for name, value in given.items():
        setattr(row, name, _plain(name, value))
    if row.mode == MERGE and not row.keys:
        raise _wrong("keys", "A merge needs the columns that tell rows apart.")
    if row.mode != MERGE and row.keys:
        raise _wrong("keys", "Key columns have a meaning only where rows are merged.")
    if row.columns and (others := [name for name in row.keys if name not in row.columns]):
        raise _wrong("keys", f"The key “{others[0][:60]}” is not among the columns that are taken.")
    newest = queries.newest_of(row.dataset)
    there = {column["name"] for column in newest.schema} if newest else set()
    for field in ("columns", "keys"):
        if newest and (gone := [name for name in getattr(row, field) if name not in there]):
            raise _wrong(field, f"{newest} has no column “{gone[0][:60]}”.")
    return changed


def _plain(name: str, value: Any) -> Any:
    if name == "keys":
        return columns_listed(name, value, MOST_KEYS)
    if name == "columns":
        return columns_listed(name, value, MOST_COLUMNS)
    choices = Destination.Mode.values if name == "mode" else Destination.When.values
    if value not in choices:
        raise _wrong(name, f"It is one of {', '.join(choices)}.")
    return value


def _wrong(name: str, text: str) -> Invalid:
    return Invalid(text, fields={name: text})


def _locked(destination: Destination, seen: int) -> Destination:
    rows = Destination.objects.select_for_update(of=("self",)).select_related("dataset__project", "decided_by")
    locked = rows.filter(pk=destination.pk).first()
    if locked is None:
        raise Gone(f"{destination} was deleted a moment ago.")
    if locked.revision != seen:
        text = "Somebody changed this destination meanwhile. Look at it first; nothing was changed."
        raise Conflict(text, code="changed_meanwhile")
    return locked


@transaction.atomic
def approve(
    destination: Destination, *, seen: int, roles: frozenset[Role], by: User, released: Collection[str] = ()
) -> Destination:
    """Let the dataset be written there, as it is now. Sensitive columns go only when they are released by name."""
    locked = _locked(destination, seen)
    asked = queries.sensitive_in(locked, queries.newest_of(locked.dataset))
    if strange := [name for name in released if name not in asked]:
        raise _wrong("released", f"“{strange[0][:60]}” is no sensitive column that it takes.")
    if held := held_by(locked, asked, released, roles):
        text = (
            f"It takes sensitive columns that nobody released: {', '.join(held[:10])}. "
            "Release them, or choose other columns."
        )
        raise Conflict(text, code="sensitive", fields={"released": text})
    locked.released = sorted(released)
    return _decide(locked, Destination.State.APPROVED, "", by)


def held_by(row: Destination, names: Collection[str], released: Collection[str], roles: frozenset[Role]) -> list[str]:
    """The columns that must not go there, by the rule that holds for everything that leaves."""
    return seen.held_back(row.dataset, names, released=released, roles=roles)


@transaction.atomic
def refuse(destination: Destination, *, reason: str, seen: int, by: User) -> Destination:
    """Let nothing be written there; the reason stays with it."""
    why = " ".join(reason.split())
    if not 3 <= len(why) <= 500 or not why.isprintable():
        raise _wrong("reason", "Say why in 3 to 500 characters.")
    locked = _locked(destination, seen)
    locked.released = []
    return _decide(locked, Destination.State.REFUSED, why, by)


def _decide(locked: Destination, state: Destination.State, reason: str, by: User) -> Destination:
    if locked.state == state:
        raise Conflict(f"It is “{locked.get_state_display().lower()}” already.", code="decided_already")
    locked.state, locked.reason, locked.decided_by, locked.decided_at = state, reason, by, timezone.now()
    locked.save(update_fields=["state", "reason", "decided_by", "decided_at", "released"])
    key = locked.dataset.project.key
    facts = {"destination": locked.name, "dataset": locked.dataset.name, "revision": locked.revision}
    facts |= {"reason": reason, "released": locked.released}
    record(by, f"destination.{state.value}", locked, project_key=key, **facts)
    if locked.created_by_id and locked.created_by_id != by.pk:
        word = "approved" if state == Destination.State.APPROVED else f"refused: {reason}"
        text = f"The destination {locked.name} of {locked.dataset.name} was {word}"
        tell([locked.created_by_id], text, url=address_of(locked), project_key=key, kind="work")
    return locked


@transaction.atomic
def start_test(destination: Destination, *, by: Actor) -> Job:
    """Try it in steps; nothing is written. One test at a time."""
    waiting = of_subject(destination).filter(state__in=OPEN_STATES).first()
    if waiting:
        return waiting
    key = destination.dataset.project.key
    facts = {"destination": destination.name, "dataset": destination.dataset.name}
    record(by, "destination.tested", destination, project_key=key, **facts)
    return jobs.start(
        queries.TEST,
        by=by,
        title=f"Test {destination.name}",
        subject=destination,
        project_key=key,
        payload={"destination": str(destination.pk), "revision": destination.revision},
    )


def address_of(destination: Destination) -> str:
    """The page of a destination."""
    dataset = destination.dataset
    return reverse("dataset-destination", args=[dataset.project.key, dataset.name, destination.name])


def _facts(row: Destination) -> dict[str, Any]:
    member = writer_for(row.connector)
    where = f"{member.where(row.params)}, {member.table_words(row.params)}"
    facts = {"destination": row.name, "dataset": row.dataset.name, "connector": row.connector, "where": where}
    return facts | {"mode": row.mode, "keys": row.keys, "columns": row.columns, "when": row.when}
