"""PURE: what a connection to a database offers to the members, and the watchdog that ends it from outside."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol

from datasets.connectors.sql_columns import DbColumn
from problems.problem import Unavailable

BLOCK = 5_000
DIAL_SECONDS = 15.0
GRACE = 5.0
Row = Sequence[Any]


@dataclass(frozen=True)
class Power:
    """What a role may do beside reading: why it is refused, and what to warn of."""

    refused: str = ""
    warned: str = ""


class Session(ABC):
    """One fresh connection for one extraction, in a transaction that may only read, with the clock at UTC."""

    @abstractmethod
    def power(self) -> Power:
        """Whether the role may do more than it should."""

    @abstractmethod
    def columns(self, statement: str) -> list[DbColumn]:
        """The columns that the statement answers, without its rows."""

    @abstractmethod
    def rows(self, statement: str, values: Sequence[str]) -> Iterator[list[Row]]:
        """Blocks of rows as the server sends them; cells are texts as it writes them, bytes, or missing."""

    @abstractmethod
    def cancel(self) -> None:
        """Ask the server to stop what it is doing. Called from another thread."""

    @abstractmethod
    def cut(self) -> None:
        """Cut the line, whatever is under way. Called from another thread."""

    @abstractmethod
    def close(self) -> None:
        """End the connection."""


class Endable(Protocol):
    """A connection that another thread can end."""

    def cancel(self) -> None:
        """Ask the server to stop what it is doing."""

    def cut(self) -> None:
        """Cut the line, whatever is under way."""


class Watchdog:
    """Ends a session that outlives its time, also where the server does not listen or switched its own limit off."""

    def __init__(self, session: Endable, seconds: float) -> None:
        self.session, self.seconds = session, seconds
        self.barked = False
        self._timer = threading.Timer(seconds, self._bark)
        self._timer.daemon = True

    def _bark(self) -> None:
        self.barked = True
        asking = threading.Thread(target=self.session.cancel, daemon=True)
        asking.start()
        asking.join(GRACE)
        self.session.cut()

    def __enter__(self) -> "Watchdog":
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self.barked:
            raise Unavailable(
                f"The database took longer than {self.seconds:g} seconds and was stopped. Nothing was kept.",
                code="too_slow",
            ) from None
        if error is not None:
            self._stop()

    def _stop(self) -> None:
        """Nothing runs on over there when something went wrong here."""
        self.session.cancel()
