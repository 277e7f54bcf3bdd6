"""PURE: events that sensors and applications push: each load takes the windows that were sealed since the last one."""

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from datasets import event_journal
from datasets.connectors.base import (
    FULL,
    INCREMENTAL,
    REACH,
    READ,
    SIGN_IN,
    Connector,
    Fetched,
    Outside,
    Params,
    Raw,
    Since,
    Step,
)
from datasets.connectors.fields import HOW, WHAT, WHERE, Field
from jobs.report import Report
from problems.problem import Invalid, Problem

LISTED = 20
KEEP, REFUSE = "keep", "refuse"


class Events(Connector):
    """Events by HTTP. `journal` among the parameters of a child is the folder in which they wait."""

    key = "events"
    title = "Events sent to Baton"
    help = "Sensors and applications send events by HTTP. They are collected and become versions, window by window."
    icon = "radio"
    modes = (FULL, INCREMENTAL)
    fields = (
        Field("sender", "text", "Who sends", "In a few words, for lists.", group=WHERE, locates=True, example="Line 3"),
        Field(
            "key",
            "lines",
            "Key of an event",
            "Its fields, one a line. A further event with the same key in a window is dropped and counted.",
            group=WHAT,
            required=False,
        ),
        Field(
            "time",
            "text",
            "When it happened",
            "The field with its time: ISO 8601, or seconds since 1970.",
            group=WHAT,
            required=False,
        ),
        Field(
            "late",
            "choice",
            "Late events",
            group=WHAT,
            default=REFUSE,
            choices={REFUSE: "Leave out and list", KEEP: "Take"},
        ),
        Field(
            "late_minutes",
            "integer",
            "Late after minutes",
            "Counted from the newest event that came before it.",
            group=WHAT,
            default=60,
            low=0,
            high=525_600,
        ),
        Field(
            "window_mb",
            "integer",
            "Window closes at MB",
            "It also closes at each load, by hand or on the schedule.",
            group=HOW,
            default=64,
            low=1,
            high=1024,
        ),
    )

    def check(self, p: Params) -> None:
        if len(set(p["key"])) < len(p["key"]):
            text = "“Key of an event” names each field once."
            raise Invalid(text, fields={"key": text})

    def watch(self, p: Params, *, allow: frozenset[str]) -> None:
        """Nothing is dialled."""

    def where(self, p: Params) -> str:
        return str(p["sender"])[:60]

    def sentence(self, p: Params) -> str:
        return f"Events that {p['sender']} sends to this instance"

    def steps(self, p: Params, outside: Outside) -> Iterator[Step]:
        folder = Path(p["journal"])
        yield Step(REACH, True, "Events are sent to this source's own address; nothing is dialled.")
        yield Step(SIGN_IN, True, "Senders show a key of this source.")
        waiting = event_journal.open_bytes(folder)
        sealed = len(event_journal.pieces(folder, 0))
        yield Step(READ, True, f"{waiting:,} bytes of events wait in the open window; {sealed} windows were closed.")

    def fetch(self, p: Params, since: Since, folder: Path, outside: Outside, report: Report) -> Fetched:
        windows = event_journal.pieces(Path(p["journal"]), int(since.mark.get("window", 0)))
        if not windows:
            return Fetched(mark=since.mark, notes=["No event came since the last load."])
        place, aside = folder / "events.jsonl", folder / "left-out.jsonl"
        sieve = _Sieve(p, since.mark.get("newest"))
        with place.open("wb") as taken, aside.open("wb") as left:
            for done, (_, path) in enumerate(windows, 1):
                for line, event in event_journal.events_of(path):
                    why = sieve.judge(event)
                    if why:
                        left.write(json.dumps({"why": why, "event": event}).encode() + b"\n")
                    else:
                        taken.write(sieve.written(line, event))
                report.progress(done, len(windows), "reading events")
        mark = {"window": windows[-1][0]} | ({"newest": sieve.newest.isoformat()} if sieve.newest else {})
        beside = [aside] if sieve.late or sieve.doubled else []
        if not sieve.taken:
            return Fetched(mark=mark, notes=sieve.notes())
        raw = Raw(place, "events.jsonl", {"format": "json_lines"})
        until = sieve.newest.isoformat() if sieve.newest else f"window {windows[-1][0]}"
        return Fetched([raw], mark=mark, until=until, notes=sieve.notes(), beside=beside)


class _Sieve:
    """Which events of one load are taken, in the order in which they came."""

    def __init__(self, p: Params, newest: str | None) -> None:
        self.key, self.time, self.keeps_late = p["key"], p["time"], p["late"] == KEEP
        self.patience = timedelta(minutes=p["late_minutes"])
        self.newest: datetime | None = event_journal.moment(newest)
        self.seen: set[bytes] = set()
        self.taken = self.doubled = self.late = 0
        self.examples: list[str] = []

    def judge(self, event: dict[str, Any]) -> str:
        """Why it is left out; empty when it is taken."""
        if self.key:
            name = json.dumps([event.get(one) for one in self.key]).encode()
            mark = hashlib.blake2b(name, digest_size=16).digest()
            if mark in self.seen:
                self.doubled += 1
                return f"an event with the key {name.decode()[:80]} was there already"
            self.seen.add(mark)
        if why := self._lateness(event):
            return why
        self.taken += 1
        return ""

    def written(self, line: bytes, event: dict[str, Any]) -> bytes:
        """The event as it is read: its time in UTC, so that every window has the same type for it."""
        if not self.time or (at := event_journal.moment(event.get(self.time))) is None:
            return line
        return json.dumps({**event, self.time: at.isoformat()}, ensure_ascii=False).encode() + b"\n"

    def _lateness(self, event: dict[str, Any]) -> str:
        if not self.time:
            return ""
        at = event_journal.moment(event.get(self.time))
        if at is None:
            raise Problem(f"An event has no time in “{self.time}”. It was declared after that event came.")
        if self.newest is not None and at < self.newest - self.patience:
            self.late += 1
            why = f"it happened at {at.isoformat()}, events of {self.newest.isoformat()} came before it"
            if len(self.examples) < LISTED:
                self.examples.append(why)
            return "" if self.keeps_late else why
        self.newest = at if self.newest is None else max(at, self.newest)
        return ""

    def notes(self) -> list[str]:
        """What the report says."""
        found = []
        if self.doubled:
            events, were = ("event", "was") if self.doubled == 1 else ("events", "were")
            found.append(f"{self.doubled} {events} with a key that was there already in this window {were} dropped.")
        if self.late:
            done = "taken all the same" if self.keeps_late else "left out and kept beside in left-out.jsonl"
            came = "event came late; it was" if self.late == 1 else "events came late; they were"
            found.append(f"{self.late} {came} {done}.")
            found += [f"Late: {one}." for one in self.examples]
        return found
