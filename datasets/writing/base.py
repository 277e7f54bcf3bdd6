"""PURE: the shape that every kind of destination has, and how one version gets into one table in one transaction."""

import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from datasets.connectors.base import REACH, SIGN_IN, Outside, Params, Place, Step
from datasets.connectors.sql_fields import check_host, trusted
from datasets.connectors.sql_session import Watchdog
from datasets.connectors.sql_source import NotLetIn
from datasets.writing.fitting import Fit, misfits
from datasets.writing.session import Counts, Known, Table, WriteSession
from jobs.report import Report
from outbound.addresses import reachable
from problems.problem import Conflict, Invalid, Problem

APPEND, REPLACE, MERGE = "append", "replace", "merge"
WRITE = "write"
ORDER = (REACH, SIGN_IN, WRITE)
STEP_WORDS = {REACH: "Reach it", SIGN_IN: "Sign in", WRITE: "May write there"}


@dataclass(frozen=True)
class Load:
    """What is to be written: the columns {name, type} of a version, how, and by which names it is known there.

    `newest_only` passes a version over when rows of a newer one of its dataset stand in the table.
    """

    columns: Sequence[Mapping[str, str]]
    mode: str
    keys: Sequence[str] = ()
    path: Path | None = None
    rows: int = 0
    writing: str = ""
    destination: str = ""
    dataset: str = ""
    version: str = ""
    number: int = 0
    label: str = ""
    newest_only: bool = False

    @property
    def names(self) -> list[str]:
        """The columns by name."""
        return [one["name"] for one in self.columns]


@dataclass(frozen=True)
class Done:
    """What came of it. `known` says why nothing had to be done."""

    counts: Counts = field(default_factory=Counts)
    known: str = ""
    made: bool = False


class Writer(Place):
    """A database to which tables are written. A member is one file in this folder and one line in its catalog."""

    icon = "database"
    longest_name: ClassVar[int]

    @abstractmethod
    def dial(self, p: Params, addresses: Sequence[str], outside: Outside) -> WriteSession:
        """A session with one of these addresses, signed in; they were checked, and the name is not asked again."""

    @abstractmethod
    def length(self, name: str) -> int:
        """How long a name is as the server counts."""

    def check(self, p: Params) -> None:
        if p["ca"]:
            trusted(p)
        for one in self.fields:
            if one.name in ("schema", "table", "database", "user") and self.length(p[one.name]) > self.longest_name:
                raise one.wrong(f"has at most {self.longest_name} bytes")

    def watch(self, p: Params, *, allow: frozenset[str]) -> None:
        check_host(p, allow)

    def where(self, p: Params) -> str:
        return f"{p['host']}:{p['port']}/{p['database']}"

    def table_words(self, p: Params) -> str:
        """The table as people and the notes of the database name it."""
        return ".".join(name for name in (p.get("schema") or p["database"], p["table"]))

    def sentence(self, p: Params) -> str:
        return f"The table {self.table_words(p)} of the database {p['database']} on {p['host']}"

    def _session(self, p: Params, outside: Outside) -> WriteSession:
        host = check_host(p, outside.allow)
        return self.dial(p, reachable(host, p["port"], allow=outside.allow, by=outside.by), outside)

    def steps(self, p: Params, load: Load, outside: Outside) -> Iterator[Step]:
        """The test: reach, sign in, may write. Nothing is written. It ends with the first step that fails."""
        start = time.monotonic()
        try:
            session = self._session(p, outside)
        except NotLetIn as problem:
            yield Step(REACH, True, f"{p['host']} answered in {time.monotonic() - start:.1f} s.")
            yield Step(SIGN_IN, False, problem.text)
            return
        try:
            with Watchdog(session, outside.seconds):
                yield Step(REACH, True, f"{p['host']} answered in {time.monotonic() - start:.1f} s.")
                refused = session.power().refused
                yield Step(SIGN_IN, not refused, refused or f"Signed in as {p['user']}.")
                yield Step(WRITE, True, self._rights(p, load, session))
        finally:
            session.close()

    def _rights(self, p: Params, load: Load, session: WriteSession) -> str:
        table = session.table()
        fit = self._fit(p, load, table)
        session.check_rights(load.mode, load.names, fit.table, load.keys)
        if table is None:
            return f"{self.table_words(p)} is not there; the first load makes it."
        return f"{self.table_words(p)} is there, with all {len(load.columns)} columns that are written."

    def _fit(self, p: Params, load: Load, table: Table | None) -> Fit:
        """How the columns of the version go into those of the table; everything that does not fit is named."""
        if missing := [name for name in load.keys if name not in load.names]:
            raise Invalid(f"The key {_listed(missing)} is not among the columns that are written.", code="no_such_key")
        if table is None:
            if not p["create"]:
                text = f"There is no table {self.table_words(p)}. Allow to make it, or name one that is there."
                raise Invalid(text, code="no_such_table")
            if long := [name for name in load.names if self.length(name) > self.longest_name]:
                text = f"This database has names of at most {self.longest_name} bytes: {_listed(long)}."
                raise Invalid(text, code="does_not_fit")
            return Fit(None, ())
        fit, wrong = misfits(load.columns, load.keys if load.mode == MERGE else (), table)
        if wrong:
            text = f"Nothing was written: {' '.join(wrong[:20])}"
            raise Invalid(text, code="does_not_fit", fields={"columns": " ".join(wrong[:20])})
        return fit

    def write(self, p: Params, load: Load, outside: Outside, report: Report) -> Done:
        """Put the version into the table, all of it or nothing."""
        session = self._session(p, outside)
        try:
            with Watchdog(session, outside.seconds):
                if refused := session.power().refused:
                    raise Problem(refused, code="role_too_mighty")
                return self._carry_out(p, load, session, report)
        finally:
            session.close()

    def _carry_out(self, p: Params, load: Load, session: WriteSession, report: Report) -> Done:
        table = session.table()
        fit = self._fit(p, load, table)
        session.make_ledger()
        if (found := _settled(load, session.known(load.writing), table)) is not None:
            return found
        report.progress(0, load.rows, "sending the rows")
        assert load.path is not None
        keys = load.keys if load.mode == MERGE else ()
        session.stage(load.columns, keys, fit, load.path, lambda n: report.progress(n, load.rows, f"{n:,} rows sent"))
        self._check_staged(load, session, fit)
        report.progress(load.rows, load.rows, "putting them in place")
        with session.transaction(load.mode):
            now = session.table()
            if (found := _settled(load, session.known(load.writing), now)) is not None:
                return found
            if now != table:
                raise Conflict("The table was changed while the rows were sent. Nothing was written.", code="changed")
            made = now is None
            if made:
                session.forget()
                session.make_table(load.columns, keys)
            counts = self._put(load, session)
            session.note(load, counts, afresh=load.mode == REPLACE)
        return Done(counts, made=made)

    def _check_staged(self, load: Load, session: WriteSession, fit: Fit) -> None:
        """Values that would not arrive as they are, and keys that name no row or several."""
        if wrong := session.misfits(fit.conditions):
            raise Invalid(f"Nothing was written: {' '.join(wrong[:20])}", code="does_not_fit")
        if load.mode != MERGE:
            return
        empty, twice = session.bad_keys(load.keys)
        if empty:
            text = f"Nothing was written: {_rows(empty)} no value in the key {_listed(load.keys)}."
            raise Invalid(text, code="empty_key")
        if twice:
            text = (
                f"Nothing was written: {twice:,} {'key stands' if twice == 1 else 'keys stand'} in more than one row; "
                f"{_listed(load.keys)} must tell each row apart in this database."
            )
            raise Invalid(text, code="duplicate_key")

    def _put(self, load: Load, session: WriteSession) -> Counts:
        if load.mode == APPEND:
            return Counts(added=session.insert(load.names))
        if load.mode == REPLACE:
            removed = session.delete()
            return Counts(added=session.insert(load.names), removed=removed)
        if several := session.keys_twice_there(load.keys):
            text = (
                f"The table itself holds {several:,} of these keys more than once; a merge would change each of them."
            )
            raise Conflict(f"Nothing was written. {text}", code="duplicate_key")
        others = [name for name in load.names if name not in load.keys]
        changed = session.update(load.keys, others) if others else 0
        return Counts(added=session.insert_new(load.names, load.keys), changed=changed)


def _settled(load: Load, known: Sequence[Known], table: Table | None) -> Done | None:
    """Whether the notes in the database say that there is nothing to do: done by an earlier attempt, or before."""
    for one in known:
        if one.writing == load.writing:
            return Done(one.counts)
    if table is None:
        return None
    standing = [one for one in known if one.standing]
    if load.mode == APPEND:
        same = next((one for one in standing if one.version == load.version), None)
        if same:
            text = f"The rows of {load.label} stand there since {same.at} UTC; they are not added a second time."
            return Done(known=text)
    elif load.newest_only:
        newer = max((one.number for one in standing if one.dataset == load.dataset), default=0)
        if newer > load.number:
            return Done(known=f"v{newer}, which is newer than {load.label}, stands there.")
    return None


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"“{name[:60]}”" for name in names[:10])


def _rows(count: int) -> str:
    return f"{count:,} rows have" if count != 1 else "1 row has"
