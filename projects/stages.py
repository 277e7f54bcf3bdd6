"""PURE: when a stage of a project is done, whose it is, and when something upstream has opened it again."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from projects.permissions import Role

REOPENED, NOW, DONE = "reopened", "now", "done"
FINE, REDO = "fine", "redo"


@dataclass(frozen=True)
class Rule:
    """One thing that must hold before a stage is done."""

    key: str
    words: str


# What must hold for a stage to be done. Monitor and Improve are never done: one shows health, the other the next round.
EXITS: dict[str, tuple[Rule, ...]] = {
    "define": (Rule("deciding", "One target decides"), Rule("signed", "The newest targets are signed")),
    "data": (Rule("published", "A data version is published"),),
    "explore": (Rule("profiled", "The columns of a published version can be looked at"),),
    "train": (Rule("finished", "A run on a published version has finished"),),
    "evaluate": (Rule("chosen", "A run is chosen, with a reason"),),
    "deploy": (Rule("live", "A version is in use"), Rule("sound", "Its stored bytes are whole")),
    "monitor": (Rule("watched", "The version in use has been looked at"),),
    "improve": (Rule("reviewed", "The round is reviewed and the next one opened"),),
}
ENDLESS = frozenset({"monitor", "improve"})
# Whose word counts when a stage was opened again; the first one holds it.
OWNERS: dict[str, tuple[Role, ...]] = {
    "define": (Role.BUSINESS_ANALYST, Role.PRODUCT_MANAGER),
    "data": (Role.DATA_ENGINEER, Role.DBA),
    "explore": (Role.DATA_ANALYST,),
    "train": (Role.DATA_SCIENTIST,),
    "evaluate": (Role.DATA_SCIENTIST,),
    "deploy": (Role.ML_ENGINEER,),
    "monitor": (Role.MLOPS_ENGINEER,),
    "improve": (Role.MLOPS_ENGINEER, Role.BUSINESS_ANALYST),
}
# Which earlier outcomes a stage stands on. Training again does not undo a choice; another choice does.
UPSTREAM: dict[str, tuple[str, ...]] = {
    "define": (),
    "data": ("define",),
    "explore": ("data",),
    "train": ("define", "data"),
    "evaluate": ("define", "data"),
    "deploy": ("define", "evaluate"),
    "monitor": ("deploy",),
    "improve": (),
}
EACH_ROUND = frozenset({"define", "data", "train", "evaluate", "deploy"})


@dataclass(frozen=True)
class Outcome:
    """What a stage has brought: a short fingerprint in named parts, words for it, and since when.

    `basis` says on which parts of earlier outcomes it was made, stage by stage, where the room knows; where it does
    not, the later of two moments counts. `each` has the words for single parts, where they differ.
    """

    parts: Mapping[str, str]
    words: str
    at: datetime
    basis: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    each: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Begun:
    """The round that a project is in, and when it began."""

    number: int
    at: datetime


@dataclass(frozen=True)
class Standing:
    """What comes of a stage's own state, once its rules and its upstream are looked at."""

    state: str
    reasons: tuple[str, ...]
    fingerprint: str
    missing: tuple[Rule, ...]


def missing_rules(stage: str, holds: Collection[str] | None) -> tuple[Rule, ...]:
    """The exit rules that do not hold; None means that the room vouches for the stage as a whole."""
    return () if holds is None else tuple(rule for rule in EXITS[stage] if rule.key not in holds)


def reasons(stage: str, outcomes: Mapping[str, Outcome], begun: Begun) -> tuple[str, ...]:
    """Why a stage must be looked at again, in words; nothing when all that it stands on is as it was."""
    own = outcomes.get(stage)
    if own is None:
        return ()
    found = []
    if begun.number > 1 and stage in EACH_ROUND and own.at < begun.at:
        found.append(f"Round {begun.number} has begun")
    for name in UPSTREAM[stage]:
        there = outcomes.get(name)
        for words in _moved(own, name, there) if there is not None else ():
            found.append(f"{words[:1].upper()}{words[1:]} since")
    return tuple(found)


def _moved(own: Outcome, name: str, there: Outcome) -> list[str]:
    """What an earlier stage has brought that this one was not made on, in words; parts that are gone do not count."""
    basis = own.basis.get(name)
    if basis is None:
        return [there.words] if there.at > own.at else []
    moved = [part for part, value in basis.items() if there.parts.get(part, value) != value]
    return list(dict.fromkeys(there.each.get(part, there.words) for part in moved))


def _seen(own: Outcome | None, name: str, there: Outcome) -> dict[str, str]:
    """The parts of an outcome that a stage stands on: those of its basis, where it is known."""
    basis = own.basis.get(name) if own else None
    return {part: value for part, value in there.parts.items() if basis is None or part in basis}


def fingerprint(stage: str, outcomes: Mapping[str, Outcome], begun: Begun) -> str:
    """Exactly what a “still fine” is about: the stage's own outcome and all that it stands on."""
    own = outcomes.get(stage)
    seen = {name: _seen(own, name, outcomes[name]) for name in (stage, *UPSTREAM[stage]) if name in outcomes}
    text = json.dumps([begun.number, seen, own.at.isoformat() if own else ""], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def standing(
    stage: str,
    said: str,
    holds: Collection[str] | None,
    outcomes: Mapping[str, Outcome],
    begun: Begun,
    answers: Mapping[str, str],
) -> Standing:
    """How a stage stands. `said` is its room's word, `answers` what its owner said by fingerprint (fine or redo).

    Only what was settled can be opened again: an alert, a missing signature or work under way say more.
    """
    lacking, mark = missing_rules(stage, holds), fingerprint(stage, outcomes, begun)
    if said == DONE and lacking:
        return Standing(NOW, (), mark, lacking)
    settled = said == DONE or (stage in ENDLESS and said == NOW)
    why = reasons(stage, outcomes, begun) if settled else ()
    if not why or answers.get(mark) == FINE:
        return Standing(said, (), mark, lacking)
    return Standing(NOW if answers.get(mark) == REDO else REOPENED, why, mark, lacking)


def is_overdue(state: str, due: str, today: str) -> bool:
    """Whether a stage that is not done has passed its day; days are ISO dates, empty when nobody set one."""
    return bool(due) and state != DONE and due < today
