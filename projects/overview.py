"""A socket: the rooms above register what they show on the rail, on the overview and on people's home."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import chain
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts.models import User
from projects import handing, stages
from projects.handing import Evidence
from projects.models.projects import Project
from projects.permissions import Role
from projects.queries.flow import Book, books_of
from projects.queries.remembered import Marks, remembered
from projects.reviewing import Remark
from projects.stages import Outcome

STAGES = {
    "define": "Define",
    "data": "Data",
    "explore": "Explore",
    "train": "Train",
    "evaluate": "Evaluate",
    "deploy": "Deploy",
    "monitor": "Monitor",
    "improve": "Improve",
}
STATE_WORDS = {
    "todo": "not started",
    "now": "in progress",
    "waiting": "waiting for signature",
    "done": "done",
    "alert": "needs attention",
    "reopened": "reopened",
}


@dataclass(frozen=True)
class StageNote:
    """What one stage shows on the rail: a state of STATE_WORDS, a short note, where it leads, and who holds it.

    `holds` names the exit rules of `stages.EXITS` that hold; `outcome` is what the stage has brought.
    """

    state: str
    note: str
    url: str
    holder: Role | None = None
    holds: frozenset[str] | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True)
class Stop:
    """One stop of the rail, ready for the template. `work` is whom the whole project waits for."""

    stage: str
    name: str
    state: str
    word: str
    note: str
    url: str
    holder: Role | None
    due_on: date | None = None
    overdue: bool = False
    reasons: tuple[str, ...] = ()
    holds: frozenset[str] | None = None
    fingerprint: str = ""
    outcome: Outcome | None = None
    work: Role | None = None

    @property
    def owners(self) -> tuple[Role, ...]:
        """Whose word counts about this stage."""
        return stages.OWNERS[self.stage]

    @property
    def rules(self) -> list[tuple[str, bool]]:
        """What must hold for it to be done, and whether it does."""
        held = self.holds if self.holds is not None else {rule.key for rule in stages.EXITS[self.stage] if self.is_done}
        return [(rule.words, rule.key in held) for rule in stages.EXITS[self.stage]]

    @property
    def is_done(self) -> bool:
        """Whether it was done, also when something has opened it again."""
        return self.state in (stages.DONE, stages.REOPENED)


@dataclass(frozen=True)
class Section:
    """A part of the overview page: a template with its context. `side` puts it into the narrow column."""

    order: int
    template: str
    context: dict[str, Any] = field(default_factory=dict)
    side: bool = False


@dataclass(frozen=True)
class Tab:
    """A page under a stage (or under the overview, whose stage is empty): where it stands, its title, its route."""

    order: int
    title: str
    route: str
    also: tuple[str, ...] = ()
    group: str = ""


@dataclass(frozen=True)
class Need:
    """One thing that waits for a person: what, why in one sentence, one button. Lower `order` comes first."""

    order: int
    icon: str
    title: str
    why: str
    url: str
    button: str
    project: Project
    since: datetime | None = None
    role: Role | None = None


@dataclass(frozen=True)
class Result:
    """What a project has reached: the model in use, or the best run while none is in use.

    `rows` are verdicts as runs keep them: name, metric, direction, threshold, unit, deciding, verdict, value, low,
    high, sentence. `detail` says on what it was measured.
    """

    name: str
    url: str
    rows: Sequence[Mapping[str, Any]]
    detail: str = ""


StageSource = Callable[[Project], StageNote]
StagesSource = Callable[[Sequence[Project]], Mapping[UUID, StageNote]]
ResultSource = Callable[[Project], Result | None]
ResultsSource = Callable[[Sequence[Project]], Mapping[UUID, Result]]
SectionSource = Callable[[Project, frozenset[Role]], Iterable[Section]]
NeedSource = Callable[[User, dict[Project, frozenset[Role]]], Iterable[Need]]
EvidenceSource = Callable[[Project], Iterable[Evidence]]
HomeSource = Callable[[User, dict[Project, frozenset[Role]]], Iterable[Section]]
RemarkSource = Callable[[Project, datetime], Iterable[Remark]]
FingerprintSource = Callable[[str, str], str | None]

_stages: dict[str, StagesSource] = {}
_results: list[ResultsSource] = []
_sections: list[SectionSource] = []
_needs: list[NeedSource] = []
_homes: list[HomeSource] = []
_tabs: dict[str, list[Tab]] = {}
_evidence: dict[int | None, list[EvidenceSource]] = {}
_asides: dict[str, list[SectionSource]] = {}
_remarks: list[RemarkSource] = []
_fingerprints: dict[str, FingerprintSource] = {}


def stage(name: str) -> Callable[[StageSource], StageSource]:
    """Register the function that says how one stage of one project stands."""

    def register(source: StageSource) -> StageSource:
        _stages[name] = lambda projects: {project.pk: source(project) for project in projects}
        return source

    return register


def stage_of_many(name: str) -> Callable[[StagesSource], StagesSource]:
    """Register the function that says how one stage stands in many projects at once: for lists, in few queries."""

    def register(source: StagesSource) -> StagesSource:
        _stages[name] = source
        return source

    return register


def result(source: ResultSource) -> ResultSource:
    """Register the function that gives a project's current result."""

    def of_many(projects: Sequence[Project]) -> dict[UUID, Result]:
        return {project.pk: found for project in projects if (found := source(project))}

    _results.append(of_many)
    return source


def result_of_many(source: ResultsSource) -> ResultsSource:
    """Register the function that gives the current results of many projects at once, by the project's id."""
    _results.append(source)
    return source


def section(source: SectionSource) -> SectionSource:
    """Register a function that gives parts of the overview page."""
    _sections.append(source)
    return source


def aside(stage: str) -> Callable[[SectionSource], SectionSource]:
    """Register a function that gives parts of the narrow column of a stage's own page."""

    def register(source: SectionSource) -> SectionSource:
        _asides.setdefault(stage, []).append(source)
        return source

    return register


def asides(stage: str, project: Project, roles: frozenset[Role]) -> list[Section]:
    """The registered parts of a stage's narrow column, in order."""
    return sorted((p for source in _asides.get(stage, ()) for p in source(project, roles)), key=lambda part: part.order)


def need(source: NeedSource) -> NeedSource:
    """Register a function that says what waits for a person."""
    _needs.append(source)
    return source


def home_part(source: HomeSource) -> HomeSource:
    """Register a function that gives parts of people's home: what their roles look after, across projects."""
    _homes.append(source)
    return source


def home_parts(user: User, projects: dict[Project, frozenset[Role]]) -> list[Section]:
    """The parts of a person's home, in order."""
    return sorted((part for source in _homes for part in source(user, projects)), key=lambda part: part.order)


def holding(projects: Mapping[Project, frozenset[Role]], *roles: Role) -> list[Project]:
    """The projects in which one of these roles is held."""
    return [project for project, held in projects.items() if held & set(roles)]


def tab(stage: str, order: int, title: str, route: str, *, also: tuple[str, ...] = (), group: str = "") -> None:
    """Register a page under a stage; the routes in `also` count as standing on it. Pages of one `group` share a tab."""
    _tabs.setdefault(stage, []).append(Tab(order, title, route, also, group))


def remark(source: RemarkSource) -> RemarkSource:
    """Register a function that adds lines to the review of a round, of what happened since a moment."""
    _remarks.append(source)
    return source


def remarks(project: Project, since: datetime) -> list[Remark]:
    """The lines that rooms add to the review of the round that runs."""
    return [line for source in _remarks for line in source(project, since)]


def fingerprint_of(subject_type: str) -> Callable[[FingerprintSource], FingerprintSource]:
    """Register what signatures for objects of this type are bound to now, by the object's id and the environment."""

    def register(source: FingerprintSource) -> FingerprintSource:
        _fingerprints[subject_type] = source
        return source

    return register


def fingerprint_now(subject_type: str, subject_id: str, environment: str) -> str | None:
    """What signatures for this object would be bound to now; None where no room says."""
    source = _fingerprints.get(subject_type)
    return source(subject_id, environment) if source else None


def tabs(stage: str) -> list[Tab]:
    """The pages under a stage, in order."""
    return sorted(_tabs.get(stage, ()), key=lambda each: each.order)


def evidence(giver: Role) -> Callable[[EvidenceSource], EvidenceSource]:
    """Register points of the checklist that roles of this place in the chain go through before they hand on."""

    def register(source: EvidenceSource) -> EvidenceSource:
        _evidence.setdefault(handing.place(giver), []).append(source)
        return source

    return register


def checklist(project: Project, giver: Role, receiver: Role) -> list[Evidence]:
    """What must hold before one role hands on to another; nothing when work goes back or beside the chain."""
    if not handing.is_forward(giver, receiver):
        return []
    return [point for source in _evidence.get(handing.place(giver), ()) for point in source(project)]


def rails(projects: Sequence[Project]) -> dict[UUID, list[Stop]]:
    """The stops of many projects."""
    return remembered("rail", projects, _rails)


def _rails(projects: Sequence[Project]) -> dict[UUID, list[Stop]]:
    notes = {name: _stages[name](projects) if name in _stages else {} for name in STAGES}
    books = books_of(projects)
    return {
        project.pk: _stops(
            {name: found[project.pk] for name, found in notes.items() if project.pk in found}, books[project.pk]
        )
        for project in projects
    }


def _stops(notes: Mapping[str, StageNote], book: Book) -> list[Stop]:
    outcomes = {name: note.outcome for name, note in notes.items() if note.outcome}
    found = [_stop(name, note, outcomes, book) for name, note in notes.items()]
    work = _work(found, book)
    return [replace(stop, work=work) for stop in found]


def _stop(name: str, note: StageNote, outcomes: Mapping[str, Outcome], book: Book) -> Stop:
    stands = stages.standing(name, note.state, note.holds, outcomes, book.begun, book.answers.get(name, {}))
    words, holder = note.note, note.holder
    if stands.reasons:
        words = stands.reasons[0] if stands.state == stages.REOPENED else f"Redo: {stands.reasons[0]}"
        holder = stages.OWNERS[name][0]
    elif stands.state != note.state:
        words = stands.missing[0].words
    due = book.dues.get(name)
    late = stages.is_overdue(stands.state, due.isoformat() if due else "", timezone.localdate().isoformat())
    shown = (STAGES[name], stands.state, STATE_WORDS[stands.state], words, note.url, holder)
    return Stop(name, *shown, due, late, stands.reasons, note.holds, stands.fingerprint, note.outcome)


def _work(stops: Sequence[Stop], book: Book) -> Role | None:
    """Whom the project waits for: by the newest hand-off, else the holder of the first stage that is not done."""
    unfinished = [stop for stop in stops if stop.state != "done"]
    if book.handoff:
        owners = [stop.owners for stop in unfinished if stop.state != "todo" or stop.stage not in stages.ENDLESS]
        if found := handing.with_whom(book.handoff.state, book.handoff.giver, book.handoff.receiver, owners):
            return found
    return next((stop.holder for stop in unfinished if stop.holder), None)


def rail(project: Project) -> list[Stop]:
    """The eight stops of a project."""
    return rails([project])[project.pk]


def results(projects: Sequence[Project]) -> dict[UUID, Result]:
    """The current result of each project that has one; where several rooms know one, the later registered wins."""
    found = remembered("result", projects, _results_now)
    return {key: one for key, one in found.items() if one is not None}


def _results_now(projects: Sequence[Project]) -> dict[UUID, Result | None]:
    found = {key: one for source in _results for key, one in source(projects).items()}
    return {project.pk: found.get(project.pk) for project in projects}


def holder(stops: list[Stop]) -> Role | None:
    """Whom the project waits for."""
    return stops[0].work if stops else None


def sections(project: Project, roles: frozenset[Role]) -> list[Section]:
    """All parts of the overview page, in order."""
    return sorted((part for source in _sections for part in source(project, roles)), key=lambda part: part.order)


def of_person(user: User, projects: Mapping[Project, frozenset[Role]]) -> str:
    """Under what a person's own is remembered: other roles, also by a group, see it anew at the next request."""
    return f"{user.pk}:{hash(frozenset((project.pk, roles) for project, roles in projects.items()))}"


def needs(user: User, projects: dict[Project, frozenset[Role]], marks: Marks | None = None) -> list[Need]:
    """All that waits for a person, what holds up others first."""

    def now(some: Sequence[Project]) -> dict[UUID, list[Need]]:
        known: dict[UUID, list[Need]] = {project.pk: [] for project in some}
        for source in _needs:
            for item in source(user, {project: projects[project] for project in some}):
                known[item.project.pk].append(item)
        return known

    found = chain.from_iterable(remembered(f"needs:{of_person(user, projects)}", list(projects), now, marks).values())
    return sorted(found, key=lambda item: (item.order, item.since.timestamp() if item.since else 0.0))
