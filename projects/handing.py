"""PURE: handing work on: who is next, what must be true before, how long it waited and how often it came back."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from projects.permissions import Role

# The chain of the work. Roles of one place hand on to the same next place.
CHAIN: tuple[tuple[Role, ...], ...] = (
    (Role.BUSINESS_ANALYST, Role.PRODUCT_MANAGER, Role.DOMAIN_EXPERT),
    (Role.DATA_ENGINEER, Role.DBA),
    (Role.DATA_ANALYST,),
    (Role.DATA_SCIENTIST,),
    (Role.ML_ENGINEER,),
    (Role.MLOPS_ENGINEER,),
)
REASONS = {
    "meaning": "The meaning is unclear",
    "missing": "Data is missing",
    "quality": "The quality is not good enough",
    "targets": "It does not fit the targets",
    "other": "Something else",
}
OFFERED, ACCEPTED, RETURNED, WITHDRAWN = "offered", "accepted", "returned", "withdrawn"


@dataclass(frozen=True)
class Evidence:
    """One point of an exit checklist, filled from what the platform knows.

    `name` and `url` are the object that it is about, which goes into the package. A point that a note may excuse
    holds as soon as the giver writes one.
    """

    key: str
    words: str
    holds: bool
    todo: str = ""
    name: str = ""
    url: str = ""
    note_excuses: bool = False


def place(role: Role) -> int | None:
    """Where in the chain a role stands; None for owners, leadership and viewers."""
    return next((number for number, roles in enumerate(CHAIN) if role in roles), None)


def is_forward(giver: Role, receiver: Role) -> bool:
    """Whether work moves on along the chain. The last place hands on to the first: the next round."""
    here, there = place(giver), place(receiver)
    if here is None or there is None:
        return False
    return there > here or (here == len(CHAIN) - 1 and there == 0)


def next_role(role: Role) -> Role:
    """To whom a role usually hands on."""
    here = place(role)
    return Role.BUSINESS_ANALYST if here is None else CHAIN[(here + 1) % len(CHAIN)][0]


def failing(points: Iterable[Evidence], note: str) -> list[Evidence]:
    """The points that keep a hand-off from being offered."""
    return [point for point in points if not point.holds and not (point.note_excuses and note.strip())]


@dataclass(frozen=True)
class Pass:
    """One hand-off as statistics see it; `seconds` is how long it waited, or has waited so far."""

    giver: str
    receiver: str
    state: str
    seconds: float
    reason: str = ""


@dataclass(frozen=True)
class Boundary:
    """What happened between two roles. `bounce_rate` is None until something was answered."""

    giver: Role
    receiver: Role
    count: int
    waiting: int
    accepted: int
    returned: int
    median_seconds: float | None
    longest_seconds: float | None
    bounce_rate: float | None
    reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def reasons_in_words(self) -> list[tuple[str, int]]:
        """Why work came back, most frequent first."""
        ranked = sorted(self.reasons.items(), key=lambda pair: (-pair[1], pair[0]))
        return [(REASONS.get(reason, reason), count) for reason, count in ranked]


def statistics(passes: Sequence[Pass]) -> list[Boundary]:
    """One line for each pair of roles, in the order of the chain. What was withdrawn counts, but its wait does not."""
    pairs: dict[tuple[Role, Role], list[Pass]] = {}
    for each in passes:
        pairs.setdefault((Role(each.giver), Role(each.receiver)), []).append(each)
    order = list(Role)
    ordered = sorted(pairs.items(), key=lambda pair: (order.index(pair[0][0]), order.index(pair[0][1])))
    return [_boundary(giver, receiver, found) for (giver, receiver), found in ordered]


def _boundary(giver: Role, receiver: Role, found: Sequence[Pass]) -> Boundary:
    accepted, returned = (sum(each.state == state for each in found) for state in (ACCEPTED, RETURNED))
    waits = [each.seconds for each in found if each.state != WITHDRAWN]
    reasons: dict[str, int] = {}
    for each in found:
        if each.state == RETURNED:
            reasons[each.reason] = reasons.get(each.reason, 0) + 1
    answered = accepted + returned
    return Boundary(
        giver,
        receiver,
        len(found),
        sum(each.state == OFFERED for each in found),
        accepted,
        returned,
        median(waits) if waits else None,
        max(waits, default=None),
        returned / answered if answered else None,
        reasons,
    )


def with_whom(state: str, giver: Role, receiver: Role, unfinished: Iterable[Sequence[Role]]) -> Role | None:
    """Who has the work after the newest hand-off; None when it no longer says anything.

    Offered: the receiver, who must answer. Sent back: the giver. Accepted: the receiver, while a stage of theirs is
    not done (`unfinished` holds the owners of such stages).
    """
    if state == OFFERED:
        return receiver
    if state == RETURNED:
        return giver
    if state == ACCEPTED and any(receiver in owners for owners in unfinished):
        return receiver
    return None
