"""Every write to the register of sources: register, change, approve, refuse, test, and say when a licence ends."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from audit.actors import Actor
from audit.services import record
from datasets import schedules
from datasets.connectors.base import Connector
from datasets.connectors.catalog import connector_for
from datasets.models.sources import Source
from datasets.models.versions import Dataset
from datasets.queries import sources as queries
from datasets.reading.options import Options
from datasets.services.places import put_params
from datasets.services.versions import LOADER, dataset_name
from jobs import services as jobs
from jobs.models import OPEN_STATES, Job
from jobs.queries import of_subject
from notices.services import tell
from problems.problem import Conflict, Gone, Invalid
from projects.models.projects import Project
from projects.permissions import Role
from projects.queries.team import members_with
from projects.services.projects import lock_project

MOST_SOURCES = 200
MOST_KEYS = 20
AHEAD = timedelta(days=14)
LICENCE = ("third_party", "vendor", "licence", "licence_until")
TEXTS = {"owner": 120, "vendor": 120, "licence": 200}
PLAIN = ("mode", "keys", "options", "schedule", "at", "weekday", "owner", *LICENCE)
STARTS_ANEW = {"mode", "keys", "options"}


@transaction.atomic
def register(
    project: Project, *, connector: str, name: str, dataset: str, params: Any, by: User, **given: Any
) -> Source:
    """Write a source down. It feeds nothing before somebody approved it."""
    member = connector_for(connector)
    source = Source(project=project, name=_name(name), connector=member.key, created_by=by)
    _put(source, member, params, given)
    lock_project(project)
    if Source.objects.filter(project=project).count() >= MOST_SOURCES:
        raise Conflict(f"A project has at most {MOST_SOURCES} sources.", code="too_many_sources")
    source.dataset = _dataset(project, dataset, by)
    try:
        with transaction.atomic():
            source.save()
    except IntegrityError:
        binned = Source.everything.filter(project=project, name=source.name).exclude(deleted_at=None).exists()
        where = " in the bin. Restore it there, or take another name" if binned else " already"
        text = f"There is a source “{source.name}”{where}."
        raise Invalid(text, fields={"name": text}, code="name_taken") from None
    record(by, "source.registered", source, project_key=project.key, **_facts(source))
    text = f"The source {source.name} ({member.where(source.params)}) waits for approval."
    people = {one.pk for one in members_with(project, [Role.OWNER, Role.DATA_ENGINEER])} - {by.pk}
    tell(people, text, url=address_of(source), project_key=project.key, kind="work")
    return source


def _name(text: str) -> str:
    try:
        return dataset_name(text)
    except Invalid:
        why = "A source needs a name of letters or digits."
        raise Invalid(why, fields={"name": why}) from None


def _dataset(project: Project, name: str, by: User) -> Dataset:
    try:
        called = dataset_name(name)
    except Invalid as problem:
        raise Invalid(problem.text, fields={"dataset": problem.text}) from None
    dataset, _ = Dataset.everything.get_or_create(project=project, name=called, defaults={"created_by": by})
    if dataset.deleted_at:
        text = f"{called} is in the bin. Restore it there, or give this one another name."
        raise Conflict(text, code="in_the_bin", fields={"dataset": text})
    return dataset


@transaction.atomic
def change(source: Source, *, seen: int, by: User, params: Any = None, **given: Any) -> Source:
    """Change what is given. `seen` is the revision that the person looked at.

    Another place, or another name to sign in with, needs the secrets again and voids the approval; so does another
    licence. Where what is fetched changes, the next load begins from the beginning.
    """
    locked = _locked(source, seen)
    before = {name: getattr(locked, name) for name in ("params", "sealed", *PLAIN)}
    changed = _put(locked, connector_for(locked.connector), params, given)
    changed |= {name for name in PLAIN if getattr(locked, name) != before[name]}
    if not changed:
        return locked
    locked.revision += 1
    if changed & {"place", "reach", *LICENCE}:
        locked.state, locked.decided_by, locked.decided_at, locked.reason = Source.State.REGISTERED, None, None, ""
    if changed & (STARTS_ANEW | {"place", "what"}):
        locked.mark, locked.until = {}, ""
    if "licence_until" in changed:
        locked.expiry_told = False
    locked.save()
    facts = _facts(locked) | {"what": sorted(changed), "state": locked.state}
    record(by, "source.changed", locked, project_key=locked.project.key, **facts)
    return locked


def _put(source: Source, member: Connector, params: Any, given: Mapping[str, Any]) -> set[str]:
    """Put checked values onto the source; returns what of its parameters changed: the place, what is read, secrets."""
    if unknown := set(given) - set(PLAIN):
        raise Invalid("There is no such part of a source.", fields=dict.fromkeys(unknown, "There is no such part."))
    changed = put_params(source, member, params) if params is not None else set()
    for name, value in given.items():
        setattr(source, name, _plain(name, value))
    member.accepts(source.params, source.mode)
    if source.options and not member.reads_files:
        text = "What this kind of source brings has its types already; there is nothing to state."
        raise Invalid(text, fields={"options": text})
    schedules.checked(source.schedule, source.at, source.weekday)
    source.next_at = schedules.next_after(timezone.now(), source.schedule, source.at, source.weekday)
    _check_licence(source)
    return changed


def _plain(name: str, value: Any) -> Any:
    """One part of a source that is no parameter of its connector."""
    if name in TEXTS:
        text = " ".join(str(value or "").split())
        if len(text) > TEXTS[name] or not text.isprintable():
            raise _wrong(name, f"At most {TEXTS[name]} printable characters.")
        return text
    if name == "options":
        return Options.of(value or {}).as_dict()
    if name == "keys":
        return _keys(value)
    if name == "mode" and value not in Source.Mode.values:
        raise _wrong("mode", f"It is one of {', '.join(Source.Mode.values)}.")
    if name == "licence_until" and value is not None and not isinstance(value, date):
        raise _wrong(name, "It is a day.")
    return value


def _keys(value: Any) -> list[str]:
    names = [one.strip() for one in value or [] if isinstance(one, str) and one.strip()]
    if len(names) > MOST_KEYS or len(set(names)) < len(names) or any(len(one) > 120 for one in names):
        raise _wrong("keys", f"At most {MOST_KEYS} columns, each named once.")
    return names


def _wrong(name: str, text: str) -> Invalid:
    return Invalid(text, fields={name: text})


def _check_licence(source: Source) -> None:
    """Data of others has a licence, and a day on which somebody looks at it again."""
    if not source.third_party:
        return
    for name, words in (("vendor", "whose it is"), ("licence", "its licence"), ("licence_until", "until when it runs")):
        if not getattr(source, name):
            raise _wrong(name, f"Data of others is registered with {words}.")


def _locked(source: Source, seen: int) -> Source:
    rows = Source.objects.select_for_update(of=("self",)).select_related("project", "dataset")
    locked = rows.filter(pk=source.pk).first()
    if locked is None:
        raise Gone(f"{source} was deleted a moment ago.")
    if locked.revision != seen:
        text = "Somebody changed this source meanwhile. Look at it first; nothing was changed."
        raise Conflict(text, code="changed_meanwhile")
    return locked


@transaction.atomic
def approve(source: Source, *, seen: int, by: User) -> Source:
    """Let it feed the project, as it is now."""
    locked = _locked(source, seen)
    if locked.expired:
        raise Conflict(f"Its licence ran out on {locked.licence_until}. State the new day first.", code="expired")
    return _decide(locked, Source.State.APPROVED, "", by)


@transaction.atomic
def refuse(source: Source, *, reason: str, seen: int, by: User) -> Source:
    """Let it feed nothing; the reason stays with it."""
    why = " ".join(reason.split())
    if not 3 <= len(why) <= 500 or not why.isprintable():
        raise _wrong("reason", "Say why in 3 to 500 characters.")
    return _decide(_locked(source, seen), Source.State.REFUSED, why, by)


def _decide(locked: Source, state: Source.State, reason: str, by: User) -> Source:
    if locked.state == state:
        raise Conflict(f"It is “{locked.get_state_display().lower()}” already.", code="decided_already")
    locked.state, locked.reason, locked.decided_by, locked.decided_at = state, reason, by, timezone.now()
    locked.save(update_fields=["state", "reason", "decided_by", "decided_at"])
    facts = {"source": locked.name, "revision": locked.revision, "reason": reason}
    record(by, f"source.{state.value}", locked, project_key=locked.project.key, **facts)
    if locked.created_by_id and locked.created_by_id != by.pk:
        word = "approved" if state == Source.State.APPROVED else f"refused: {reason}"
        text = f"The source {locked.name} was {word}"
        tell([locked.created_by_id], text, url=address_of(locked), project_key=locked.project.key, kind="work")
    return locked


@transaction.atomic
def start_test(source: Source, *, by: Actor) -> Job:
    """Try it in steps. One test at a time."""
    waiting = of_subject(source).filter(state__in=OPEN_STATES).first()
    if waiting:
        return waiting
    record(by, "source.tested", source, project_key=source.project.key, source=source.name)
    return jobs.start(
        queries.TEST,
        by=by,
        title=f"Test {source.name}",
        subject=source,
        project_key=source.project.key,
        payload={"source": str(source.pk), "revision": source.revision},
    )


def tell_expiring() -> int:
    """Tell the people of each source whose licence ends within two weeks, once. Returns how many."""
    soon = timezone.now().date() + AHEAD
    found = Source.objects.filter(licence_until__lte=soon, expiry_told=False, project__deleted_at=None)
    told = 0
    for source in found.select_related("project")[:100]:
        with transaction.atomic():
            if not Source.objects.filter(pk=source.pk, expiry_told=False).update(expiry_told=True):
                continue
            word = "ran out" if source.expired else "runs out"
            text = f"The licence of the source {source.name} {word} on {source.licence_until}."
            people = {one.pk for one in members_with(source.project, [Role.OWNER, Role.DATA_ENGINEER])}
            tell(people, text, url=address_of(source), project_key=source.project.key, kind="work")
            facts = {"source": source.name, "until": str(source.licence_until)}
            record(LOADER, "source.expiring", source, project_key=source.project.key, **facts)
        told += 1
    return told


def address_of(source: Source) -> str:
    """The page of a source."""
    return reverse("source", args=[source.project.key, source.name])


def _facts(source: Source) -> dict[str, Any]:
    where = connector_for(source.connector).where(source.params)
    facts = {"source": source.name, "connector": source.connector, "where": where, "mode": source.mode}
    return facts | {"dataset": source.dataset.name, "schedule": source.schedule}
