"""PURE: what all SQL databases have in common: one statement, read block by block into a typed table."""

import time
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

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
    Since,
    Step,
    Typed,
    write_typed,
)
from datasets.connectors.sql_columns import DbColumn, Typist
from datasets.connectors.sql_fields import AS_TEXT, QUERY, check_host, trusted
from datasets.connectors.sql_marks import Mark, check_growing, is_numeric
from datasets.connectors.sql_session import Power, Row, Session, Watchdog
from datasets.connectors.sql_text import check_query, quoted
from datasets.reading.findings import Findings
from datasets.reading.names import unique
from jobs.report import Report
from outbound.addresses import reachable
from problems.problem import Invalid, Problem, TooLarge


@dataclass(frozen=True)
class Extraction:
    """One statement with its columns, and where among them the growing one stands."""

    statement: str
    columns: Sequence[DbColumn]
    at: int | None = None
    values: tuple[str, ...] = ()


class SqlSource(Connector):
    """A table, a view or the answer of one query."""

    icon = "database"
    modes = (FULL, INCREMENTAL)
    reads_files = False
    dialect: ClassVar[str]
    mark: ClassVar[str]

    @abstractmethod
    def dial(self, p: Params, addresses: Sequence[str], outside: Outside) -> Session:
        """A session with one of these addresses, signed in; they were checked, and the name is not asked again."""

    @abstractmethod
    def at_least(self, column: str, declared: str) -> str:
        """The condition that a column is not below the one value that is bound to the statement."""

    def check(self, p: Params) -> None:
        if p["read"] == QUERY and p["query"]:
            check_query(p["query"], self.dialect)
        if p["ca"]:
            trusted(p)
        for name in ("database", "table", "schema", "user", "watermark"):
            if len(p.get(name) or "") > 128:
                raise next(one for one in self.fields if one.name == name).wrong("has at most 128 characters")
        if p["columns"] and p["watermark"] and p["watermark"] not in p["columns"]:
            text = f"“Column that grows” is one of the chosen columns; {p['watermark']} is not among them."
            raise Invalid(text, fields={"watermark": text})

    def watch(self, p: Params, *, allow: frozenset[str]) -> None:
        check_host(p, allow)

    def accepts(self, p: Params, mode: str) -> None:
        super().accepts(p, mode)
        if mode == INCREMENTAL and not p["watermark"]:
            text = "“Column that grows” is needed to load only what is new."
            raise Invalid(text, fields={"watermark": text})

    def where(self, p: Params) -> str:
        return f"{p['host']}:{p['port']}/{p['database']}"

    def sentence(self, p: Params) -> str:
        if p["read"] == QUERY:
            return f"The answer of a query to the database {p['database']} on {p['host']}"
        return f"The table {self._table_words(p)} of the database {p['database']} on {p['host']}"

    def _table_words(self, p: Params) -> str:
        return ".".join(name for name in (p.get("schema"), p["table"]) if name)

    def _inner(self, p: Params) -> str:
        """The inside of the one SELECT. Whatever it says, it ends before the line that closes it."""
        if p["read"] == QUERY:
            check_query(p["query"], self.dialect)
            return f"(\n{p['query']}\n)"
        return ".".join(quoted(name, self.mark) for name in (p.get("schema"), p["table"]) if name)

    def _statement(self, p: Params, *, condition: str = "", most: int, whole: bool = False) -> str:
        """The one SELECT, of the chosen columns; of all of them when nothing is chosen, or for the `whole` table."""
        where = f" WHERE {condition}" if condition else ""
        chosen = ", ".join(f"q.{quoted(name, self.mark)}" for name in p["columns"])
        what = chosen if chosen and not whole else "*"
        return f"SELECT {what} FROM {self._inner(p)} AS q{where} LIMIT {most:d}"  # noqa: S608  the wall is the server's

    def _columns(self, p: Params, session: Session) -> tuple[list[DbColumn], list[DbColumn]]:
        """The columns that are read, and all that there are; a chosen one that is gone stops it before any row."""
        there = session.columns(self._statement(p, most=0, whole=True))
        names = {one.name for one in there}
        if gone := [name for name in p["columns"] if name not in names]:
            raise _gone(gone, [one.name for one in there])
        return (session.columns(self._statement(p, most=0)) if p["columns"] else there), there

    def steps(self, p: Params, outside: Outside) -> Iterator[Step]:
        start = time.monotonic()
        addresses = self._addresses(p, outside)
        try:
            session = self.dial(p, addresses, outside)
        except NotLetIn as problem:
            yield Step(REACH, True, f"{p['host']} answered in {time.monotonic() - start:.1f} s.")
            yield Step(SIGN_IN, False, problem.text)
            return
        try:
            with Watchdog(session, outside.seconds):
                yield Step(REACH, True, f"{p['host']} answered in {time.monotonic() - start:.1f} s.")
                power = session.power()
                told = f"Signed in as {p['user']}. {power.warned}".strip()
                yield Step(SIGN_IN, not power.refused, power.refused or told)
                yield self._read_step(p, session)
        finally:
            session.close()

    def _read_step(self, p: Params, session: Session) -> Step:
        columns, there = self._columns(p, session)
        if p["watermark"]:
            check_growing(columns[_place(columns, p["watermark"])])
        rows = sum(len(block) for block in session.rows(self._statement(p, most=1), ()))
        shown = ", ".join(one.name for one in columns[:6]) + ("…" if len(columns) > 6 else "")
        of = f" of {len(there)}" if p["columns"] else ""
        told = f"{len(columns)}{of} columns: {shown}." + ("" if rows else " There is no row yet.")
        return Step(READ, True, told, [one.name for one in there] if p["read"] != QUERY else ())

    def _addresses(self, p: Params, outside: Outside) -> list[str]:
        host = check_host(p, outside.allow)
        return reachable(host, p["port"], allow=outside.allow, by=outside.by)

    def fetch(self, p: Params, since: Since, folder: Path, outside: Outside, report: Report) -> Fetched:
        session = self.dial(p, self._addresses(p, outside), outside)
        try:
            with Watchdog(session, outside.seconds):
                _check_power(session.power())
                return self._extract(p, since, session, folder, outside, report)
        finally:
            session.close()

    def _extract(
        self, p: Params, since: Since, session: Session, folder: Path, outside: Outside, report: Report
    ) -> Fetched:
        extraction = self._planned(p, since, session)
        findings = Findings(format=self.title)
        names = unique([one.name for one in extraction.columns], findings)
        typist = Typist(extraction.columns, names, findings, wide_as_text=p["wide"] == AS_TEXT)
        mark = None
        if extraction.at is not None:
            numeric = is_numeric(extraction.columns[extraction.at])
            mark = Mark(extraction.at, since.mark, names=[one.name for one in extraction.columns], numeric=numeric)
        blocks = _Blocks(session.rows(extraction.statement, extraction.values), p["most_rows"], outside, report)
        batches = (typist.batch(mark.new(rows) if mark else rows) for rows in blocks)
        typed = write_typed(folder / "rows.parquet", typist.schema, batches, self.key)
        notes = [f"Rows of {self._table_words(p)}." if p["read"] != QUERY else "Rows of a query."]
        if mark and mark.without:
            notes.append(
                f"Rows without {p['watermark']}: {mark.without}. They come once and not again when they change."
            )
        after = mark.as_dict() if mark else {}
        if not typist.seen and mark is None:
            raise Invalid("There is no row to read.", code="no_rows")
        if not typist.seen:
            return Fetched(mark=after or since.mark, until=after.get("since", ""), notes=["There is no new row."])
        found = Typed(typed.path, typed.columns, typed.format, findings, typist.finish())
        return Fetched(typed=found, mark=after, until=after.get("since", ""), notes=notes)

    def _planned(self, p: Params, since: Since, session: Session) -> Extraction:
        columns, _ = self._columns(p, session)
        most = p["most_rows"] + 1
        if since.mode != INCREMENTAL:
            return Extraction(self._statement(p, most=most), columns)
        at = _place(columns, p["watermark"])
        check_growing(columns[at])
        if not since.mark:
            return Extraction(self._statement(p, most=most), columns, at)
        name = f"q.{quoted(columns[at].name, self.mark)}"
        condition = self.at_least(name, columns[at].declared)
        return Extraction(self._statement(p, condition=condition, most=most), columns, at, (since.mark["since"],))


class NotLetIn(Problem):
    """The server was reached and refused to sign in."""

    code = "not_let_in"


def _check_power(power: Power) -> None:
    if power.refused:
        raise Problem(power.refused, code="role_too_mighty")


def _gone(gone: Sequence[str], there: Sequence[str]) -> Invalid:
    what = f"column {gone[0][:100]}" if len(gone) == 1 else f"columns {', '.join(gone[:10])[:300]}"
    text = (
        f"The columns of the table changed: it has no {what} any more. It has {', '.join(there[:20])[:400]}. "
        "Nothing was kept; choose its columns anew."
    )
    return Invalid(text, code="columns_gone", fields={"columns": text})


def _place(columns: Sequence[DbColumn], name: str) -> int:
    found = [place for place, one in enumerate(columns) if one.name == name]
    if len(found) != 1:
        there = ", ".join(one.name for one in columns[:20])
        text = (
            f"There is no column “{name[:100]}”; there is {there[:400]}."
            if not found
            else f"“{name[:100]}” is there twice."
        )
        raise Invalid(text, code="no_such_column", fields={"watermark": text})
    return found[0]


class _Blocks:
    """Blocks of rows within the limits; more of them refuses the whole, and nothing is cut off in silence."""

    def __init__(self, blocks: Iterator[list[Row]], most_rows: int, outside: Outside, report: Report) -> None:
        self.blocks, self.most_rows, self.most_bytes, self.report = blocks, most_rows, outside.most_bytes, report

    def __iter__(self) -> Iterator[list[Row]]:
        rows = size = 0
        for block in self.blocks:
            rows += len(block)
            size += _size(block)
            if rows > self.most_rows:
                text = f"There are more than {self.most_rows:,} rows. Nothing was kept; ask for fewer, or allow more."
                raise TooLarge(text, code="too_many_rows")
            if size > self.most_bytes:
                text = f"It sends more than the {self.most_bytes // 1024**2} MB that may be fetched. Nothing was kept."
                raise TooLarge(text, code="too_many_bytes")
            self.report.progress(rows, None, f"{rows:,} rows")
            yield block


def _size(block: list[Row]) -> int:
    return sum(len(cell) for row in block for cell in row if cell is not None)
