"""PURE: the shape that every connector has: declared fields, a test in steps, and one fetch of what is new."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from datasets.connectors.fields import Field
from datasets.reading.findings import ColumnNotes, Findings
from jobs.report import Report
from outbound.addresses import Resolve
from problems.problem import Invalid

Params = Mapping[str, Any]
FULL, INCREMENTAL = "full", "incremental"
REACH, SIGN_IN, READ = "reach", "sign_in", "read"
ORDER = (REACH, SIGN_IN, READ)
STEP_WORDS = {REACH: "Reach it", SIGN_IN: "Sign in", READ: "Read from it"}


@dataclass(frozen=True)
class Outside:
    """What a connector must know of the instance: which closed addresses the administrator opened, and the limits."""

    allow: frozenset[str] = frozenset()
    most_bytes: int = 2 * 1024**3
    seconds: float = 3600.0
    by: Resolve | None = None


@dataclass(frozen=True)
class Since:
    """Where the last load ended. `mark` is what the member itself returned then, `{}` before the first.

    In full mode everything is fetched; the mark may still tell that nothing changed (an ETag). In incremental mode
    only what came after it.
    """

    mode: str = FULL
    mark: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One step of the test: which, whether it went well, and a sentence that says what was seen or what is wrong.

    `columns` are those that the place has to choose from.
    """

    step: str
    ok: bool
    text: str
    columns: Sequence[str] = ()


@dataclass(frozen=True)
class Raw:
    """A file as it came, to be read like an upload: with these options and those that the source states."""

    path: Path
    name: str
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Typed:
    """A table that needs no reading: Parquet written by `write_typed`, with its columns as {name, type}.

    `findings` lists what was refused on the way and what was renamed, `noted` what is to know by column.
    """

    path: Path
    columns: Sequence[Mapping[str, str]]
    format: str
    findings: Findings | None = None
    noted: Mapping[str, ColumnNotes] = field(default_factory=dict)


@dataclass(frozen=True)
class Fetched:
    """What one fetch brought: raw files, or a typed table, or nothing new.

    `mark` is where the next load begins (plain JSON, no secret in it); it is kept only in the transaction that makes
    the version. `until` says it in words. `notes` stand in the report of the version.
    `beside` are files that are kept with it unread, such as the pages from which rows were picked.
    """

    raw: Sequence[Raw] = ()
    typed: Typed | None = None
    mark: Mapping[str, Any] = field(default_factory=dict)
    until: str = ""
    notes: Sequence[str] = ()
    beside: Sequence[Path] = ()

    @property
    def is_new(self) -> bool:
        """Whether there is anything to make a version of."""
        return bool(self.raw) or self.typed is not None


class Place(ABC):
    """A kind of place outside, by the parameters that it declares: what sources read and destinations write.

    What is done there runs in the limited child of a job: no database, no secret but those among `params`. It dials
    only through `outbound` (`outbound.bodies.fetch` for HTTP; `outbound.addresses.reachable` gives the checked
    addresses for everything else, and one connects to those, never to the name again) with `outside.allow`. Expected
    failures are `Problem("sentence")`; secrets never stand in a sentence, a log line, a mark or a file.
    """

    key: ClassVar[str]
    title: ClassVar[str]
    help: ClassVar[str]
    icon: ClassVar[str] = "database"
    fields: ClassVar[tuple[Field, ...]]

    def read(self, params: Any) -> dict[str, Any]:
        """The parameters as they are kept, defaults filled in; refuses unknown, missing and wrong ones by name.

        Secrets are among them and may be missing: `lacking` says which are needed.
        """
        if not isinstance(params, Mapping):
            raise Invalid("The parameters are an object.", fields={"params": "This is not an object."})
        known = {one.name: one for one in self.fields}
        for name in params:
            if name not in known:
                text = f"There is no parameter “{str(name)[:60]}”. There are {', '.join(known)}."
                raise Invalid(text, fields={str(name)[:60]: text})
        found = {name: _read(one, params.get(name)) for name, one in known.items()}
        for one in self.fields:
            self._in_place(one, found)
        self.check({name: value for name, value in found.items() if known[name].kind != "secret"})
        return found

    def _in_place(self, one: Field, found: dict[str, Any]) -> None:
        """A field that has no meaning beside the others stays empty; one that has is given if it is needed."""
        if one.kind == "secret":
            return
        if not meant(one, found):
            if found[one.name] not in (one.empty, None):
                other = next(field for field in self.fields if one.only and field.name == one.only[0])
                raise one.wrong(f"has no meaning beside this choice of “{other.label}”")
        elif one.required and found[one.name] in (None, [], ""):
            raise one.wrong("is needed")

    def check(self, p: Params) -> None:
        """Refuse parameters that do not fit together. `p` is without the secrets."""
        return

    @property
    def secrets(self) -> tuple[str, ...]:
        """The names of the fields that are sealed."""
        return tuple(one.name for one in self.fields if one.kind == "secret")

    def lacking(self, p: Params) -> list[Field]:
        """The secrets that are needed beside these parameters and not among them."""
        return [
            one
            for one in self.fields
            if one.kind == "secret" and one.required and meant(one, p) and not p.get(one.name)
        ]

    @abstractmethod
    def where(self, p: Params) -> str:
        """Where it leads, in a few words for lists: a host or a folder, nothing that could be a secret."""

    @abstractmethod
    def sentence(self, p: Params) -> str:
        """What is fetched or written, as one sentence."""

    @abstractmethod
    def watch(self, p: Params, *, allow: frozenset[str]) -> None:
        """Refuse, before anything is dialled, an address that may not be (`outbound.addresses.parse` does)."""


class Connector(Place):
    """One kind of source. A member is one file in `members/` and one line in the catalog."""

    modes: ClassVar[tuple[str, ...]] = (FULL,)
    reads_files: ClassVar[bool] = True

    def accepts(self, p: Params, mode: str) -> None:
        """Refuse a mode for which something is not stated."""
        if mode not in self.modes:
            text = f"{self.title} is loaded {' or '.join(self.modes)}."
            raise Invalid(text, fields={"mode": text})

    @abstractmethod
    def steps(self, p: Params, outside: Outside) -> Iterator[Step]:
        """The test: reach, sign in, read, in this order. It ends with the first that fails; the engine takes a Problem
        for the failure of the step that would have come next."""

    @abstractmethod
    def fetch(self, p: Params, since: Since, folder: Path, outside: Outside, report: Report) -> Fetched:
        """Bring what is new into files in `folder`, within the limits of `outside`."""


def meant(one: Field, found: Params) -> bool:
    """Whether a field has a meaning beside the values of the others."""
    return one.only is None or found.get(one.only[0]) in one.only[1]


def _read(one: Field, value: Any) -> Any:
    return None if one.kind == "secret" and value in (None, "") else one.read(value)


def write_typed(path: Path, columns: Sequence[Mapping[str, str]], batches: Iterable[Any], format: str) -> Typed:
    """Write record batches as a typed table; `columns` are {name, type} with the types of a version's schema.

    The arrays of the batches have exactly the Arrow types of `datasets.reading.cells.ARROW`, in this order.
    """
    import pyarrow as pa  # late: pages read the catalog, and the web process loads no Arrow

    from datasets.reading.cells import ARROW
    from datasets.reading.tables import write

    schema = pa.schema([pa.field(one["name"], ARROW[one["type"]]) for one in columns])
    write(path, schema, batches)
    return Typed(path, [dict(one) for one in columns], format)
