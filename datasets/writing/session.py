"""PURE: what a connection that writes offers, and the notes about loads that are kept beside the tables."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from datasets.connectors.sql_session import Power
from datasets.connectors.sql_text import quoted
from problems.problem import Invalid

if TYPE_CHECKING:
    from datasets.writing.base import Load
    from datasets.writing.fitting import Condition, Fit

HOLE = "\x00"  # where a value is bound; no name holds it
LEDGER = "baton_loads"
STAGE = "baton_stage"
BATCH = 20_000
LEDGER_COLUMNS = (
    *("writing", "table_name", "destination", "dataset", "version", "number", "label", "mode"),
    *("added", "changed", "removed", "standing", "written_at"),
)
KNOWN = ("writing", "dataset", "version", "number", "standing", "written_at", "added", "changed", "removed")


@dataclass(frozen=True)
class Counts:
    """What happened to rows of the table."""

    added: int = 0
    changed: int = 0
    removed: int = 0


@dataclass(frozen=True)
class Known:
    """A note of an earlier load of the table. It is standing while the rows of its version are there."""

    writing: str
    dataset: str
    version: str
    number: int
    standing: bool
    at: str
    counts: Counts


@dataclass(frozen=True)
class Column:
    """A column of the table: its type as the server has it, and what of it bounds a value."""

    name: str
    kind: str
    declared: str
    required: bool = False
    filled: bool = False
    made: bool = False
    size: int | None = None
    precision: int | None = None
    scale: int | None = None
    unsigned: bool = False
    collation: str = ""


@dataclass(frozen=True)
class Table:
    """A table that is there. `same_name` says when two names are one to the server."""

    columns: tuple[Column, ...]
    dialect: str
    same_name: Callable[[str], str] = str


class WriteSession(ABC):
    """One fresh connection for one load into one table, with the clock at UTC."""

    mark: ClassVar[str]
    types: ClassVar[Mapping[str, str]]

    def __init__(self, table: Sequence[str], known_as: str) -> None:
        """`table` are the parts of its name, the last its own; `known_as` is how the notes name it."""
        self.parts, self.known_as = tuple(table), known_as

    # ---- What the database is asked ----

    @abstractmethod
    def run(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Carry out one statement; returns how many rows it touched. `HOLE` stands for a value."""

    @abstractmethod
    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Sequence[Any]]:
        """The few rows that a statement answers."""

    @abstractmethod
    def power(self) -> Power:
        """Whether the user may do more than it should."""

    @abstractmethod
    def table(self) -> Table | None:
        """The table as it is now, if it is there; refuses what is no table of rows that a transaction guards."""

    @abstractmethod
    def check_rights(self, mode: str, names: Sequence[str], table: Table | None, keys: Sequence[str]) -> None:
        """Refuse in words what the user may not do; nothing is written."""

    @abstractmethod
    def make_ledger(self) -> None:
        """Make the table of notes where there is none."""

    @abstractmethod
    def stage(
        self,
        columns: Sequence[Mapping[str, str]],
        keys: Sequence[str],
        fit: "Fit",
        path: Path,
        sent: Callable[[int], None],
    ) -> None:
        """Send the rows of a Parquet file in batches into a temporary table, which this connection alone sees."""

    @abstractmethod
    def misfits(self, conditions: "Sequence[Condition]") -> list[str]:
        """A sentence for each condition that rows of the temporary table meet."""

    @abstractmethod
    def make_table(self, columns: Sequence[Mapping[str, str]], keys: Sequence[str]) -> None:
        """Make the table, with types of the version."""

    @abstractmethod
    def update(self, keys: Sequence[str], others: Sequence[str]) -> int:
        """Change the rows whose keys are in the temporary table and that differ from it."""

    @abstractmethod
    @contextmanager
    def transaction(self, mode: str) -> Iterator[None]:
        """All or nothing. Other loads into the table wait; readers see the rows from before until it ends."""

    @abstractmethod
    def cancel(self) -> None:
        """Ask the server to stop what it is doing. Called from another thread."""

    @abstractmethod
    def cut(self) -> None:
        """Cut the line, whatever is under way. Called from another thread."""

    @abstractmethod
    def close(self) -> None:
        """End the connection."""

    # ---- What is the same everywhere ----

    def named(self, *names: str) -> str:
        """Names as SQL has them, with commas between."""
        if any(HOLE in name for name in names):
            raise Invalid("A name of a column holds the character NUL.", code="bad_name")
        return ", ".join(quoted(name, self.mark) for name in names)

    @property
    def target(self) -> str:
        """The table's whole name."""
        return ".".join(quoted(part, self.mark) for part in self.parts)

    @property
    def ledger(self) -> str:
        """The notes, beside the table."""
        return ".".join(quoted(part, self.mark) for part in (*self.parts[:-1], LEDGER))

    def known(self, writing: str) -> list[Known]:
        """The notes about this table, and the one of this very load."""
        rows = self.rows(
            f"SELECT {self.named(*KNOWN)} FROM {self.ledger} "
            f"WHERE table_name = {HOLE} AND (standing = 1 OR writing = {HOLE})",
            (self.known_as, writing),
        )
        return [
            Known(str(r[0]), str(r[1]), str(r[2]), int(r[3]), bool(int(r[4])), str(r[5]), Counts(*map(int, r[6:9])))
            for r in rows
        ]

    def note(self, load: "Load", counts: Counts, *, afresh: bool) -> None:
        """Write down what this load did; `afresh` says that no rows of earlier loads stand there any more."""
        if afresh:
            self.forget()
        at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        values = (
            *(load.writing, self.known_as, load.destination, load.dataset, load.version, load.number, load.label),
            *(load.mode, counts.added, counts.changed, counts.removed, 1, at),
        )
        holes = ", ".join(HOLE for _ in values)
        self.run(f"INSERT INTO {self.ledger} ({self.named(*LEDGER_COLUMNS)}) VALUES ({holes})", values)

    def forget(self) -> None:
        """No rows of earlier loads stand there any more."""
        self.run(f"UPDATE {self.ledger} SET standing = 0 WHERE table_name = {HOLE}", (self.known_as,))

    def same(self, left: str, right: str, names: Sequence[str]) -> str:
        """The condition that two rows have the same key."""
        return " AND ".join(f"{left}.{self.named(name)} = {right}.{self.named(name)}" for name in names)

    def insert(self, names: Sequence[str]) -> int:
        """Add all rows of the temporary table."""
        listed = self.named(*names)
        return self.run(f"INSERT INTO {self.target} ({listed}) SELECT {listed} FROM {STAGE}")

    def insert_new(self, names: Sequence[str], keys: Sequence[str]) -> int:
        """Add the rows of the temporary table whose keys are not there."""
        listed, chosen = self.named(*names), ", ".join(f"s.{self.named(name)}" for name in names)
        there = f"SELECT 1 FROM {self.target} AS t WHERE {self.same('t', 's', keys)}"
        return self.run(
            f"INSERT INTO {self.target} ({listed}) SELECT {chosen} FROM {STAGE} AS s WHERE NOT EXISTS ({there})"
        )

    def delete(self) -> int:
        """Take all rows away."""
        return self.run(f"DELETE FROM {self.target}")

    def bad_keys(self, keys: Sequence[str]) -> tuple[int, int]:
        """How many rows of the temporary table lack a part of the key, and how many keys it holds several times."""
        empty = " OR ".join(f"{self.named(name)} IS NULL" for name in keys)
        several = f"SELECT 1 FROM {STAGE} GROUP BY {self.named(*keys)} HAVING count(*) > 1"
        lacking = self.rows(f"SELECT count(*) FROM {STAGE} WHERE {empty}")[0][0]
        return int(lacking), int(self.rows(f"SELECT count(*) FROM ({several}) AS d")[0][0])

    def keys_twice_there(self, keys: Sequence[str]) -> int:
        """How many keys of the temporary table the table itself holds several times."""
        own = ", ".join(f"t.{self.named(name)}" for name in keys)
        several = (
            f"SELECT 1 FROM {self.target} AS t JOIN {STAGE} AS s ON {self.same('t', 's', keys)} "
            f"GROUP BY {own} HAVING count(*) > 1"
        )
        return int(self.rows(f"SELECT count(*) FROM ({several}) AS d")[0][0])
