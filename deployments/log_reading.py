"""PURE: the newest rows of the prediction log, read backwards from open, sealed and stored pieces."""

import heapq
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from datasets.masking import HIDDEN, visible
from deployments.serving.journal import SUFFIX, folders
from deployments.serving.lines import rows_in

BLOCK = 64 * 1024
SHADOW = "shadow"
DISORDER = 1_000  # requests are answered side by side, so their lines may stand a little out of order
COLUMNS = ["id", "at", "release", "version", "latency_ms", "answer", "probability", "row", "unknown"]
LATER = ["decision", "policy", "baseline", "chances", "role"]  # older lines lack some of them


@dataclass(frozen=True)
class Logged:
    """One answered row."""

    id: str
    at: datetime
    release: str
    version: int
    latency_ms: float
    answer: Any
    probability: float | None
    row: dict[str, Any]
    unknown: int
    decision: str | None = None
    policy: int | None = None
    baseline: Any = None
    chances: dict[str, float] | None = None
    role: str | None = None

    def seen(self, hidden: Collection[str], target: str) -> "Logged":
        """The row without values of hidden columns; what was said of a hidden target is one of them."""
        said: dict[str, Any] = {
            "answer": HIDDEN,
            "probability": None,
            "decision": None,
            "baseline": None,
            "chances": None,
        }
        return replace(self, row=visible(self.row, hidden), **(said if target in hidden else {}))

    def as_dict(self) -> dict[str, Any]:
        """Plain values for an answer of the API."""
        return self.__dict__ | {"at": self.at.isoformat()}


@dataclass(frozen=True)
class Source:
    """A piece whose newest row is not newer than `last_at`; it is opened only when it is that piece's turn."""

    last_at: datetime
    rows: Callable[[], Iterator[Logged]]


def open_files(data_dir: Path) -> list[BinaryIO]:
    """Every unsealed piece, opened: one that is moved or stored meanwhile stays readable. The caller closes them."""
    found: dict[int, BinaryIO] = {}
    for folder in folders(data_dir):
        for path in folder.glob(f"*{SUFFIX}"):
            try:
                file = path.open("rb")
            except OSError:
                continue
            if (inode := os.fstat(file.fileno()).st_ino) in found:
                file.close()
            else:
                found[inode] = file
    return list(found.values())


def from_file(file: BinaryIO, deployment: str, before: str) -> Iterator[Logged]:
    """One deployment's rows of an unsealed piece, newest first. A torn last line was never acknowledged."""
    held: list[tuple[_Down, Logged]] = []
    for row in _rows_backwards(file, deployment, before):
        if len(held) < DISORDER:
            heapq.heappush(held, (_Down(row.id), row))
        else:
            yield heapq.heappushpop(held, (_Down(row.id), row))[1]
    while held:
        yield heapq.heappop(held)[1]


def _rows_backwards(file: BinaryIO, deployment: str, before: str) -> Iterator[Logged]:
    mark = f'"deployment":{orjson.dumps(deployment).decode()}'.encode()
    for line in _backwards(file):
        if mark not in line:
            continue
        try:
            whole = orjson.loads(line)
            if whole.get("role") == SHADOW or whole["deployment"] != deployment:
                continue  # nobody got that answer, or it is another's
            rows = rows_in(whole)
        except (ValueError, KeyError, TypeError):
            continue
        for row in reversed(rows):
            if not before or row["id"] < before:
                yield _logged(row)


def _logged(row: dict[str, Any]) -> Logged:
    at = datetime.fromtimestamp(row["at"], UTC)
    later: dict[str, Any] = {name: row.get(name) for name in LATER}
    return Logged(at=at, **{name: row[name] for name in COLUMNS if name != "at"}, **later)


def _stored(row: dict[str, Any]) -> Logged:
    """A row of a stored piece; what may be of any kind stands in it as JSON."""
    texts = {name: orjson.loads(row[name]) for name in ("answer", "row", "baseline", "chances") if row.get(name)}
    return Logged(**row | texts)


def _backwards(file: BinaryIO) -> Iterator[bytes]:
    end, rest = os.fstat(file.fileno()).st_size, b""
    first = True
    while end > 0:
        start = max(0, end - BLOCK)
        lines = (os.pread(file.fileno(), end - start, start) + rest).split(b"\n")
        if first:
            lines.pop()  # what stands after the last line feed: nothing, or a torn line
            first = False
        rest, end = (lines[0], start) if lines else (b"", start)
        yield from reversed(lines[1:])
    if rest:
        yield rest


def from_table(path: Path, before: str) -> Iterator[Logged]:
    """The rows of a stored piece, newest first, one row group in memory at a time."""
    import pyarrow.parquet as pq  # only once a stored piece is needed

    from storage.tables import undamaged

    with undamaged(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
        for number in reversed(range(file.num_row_groups)):
            group = file.read_row_group(number, columns=[*COLUMNS, *LATER])
            if before and group["id"][0].as_py() >= before:
                continue
            for start in reversed(range(0, group.num_rows, 500)):
                for row in reversed(group.slice(start, 500).to_pylist()):
                    if not before or row["id"] < before:
                        yield _stored(row)


def newest(streams: list[Iterator[Logged]], sources: Iterable[Source]) -> Iterator[Logged]:
    """All rows, newest first, each once. `sources` come newest first and are opened one by one as time goes back."""
    heap: list[tuple[_Down, int, Logged, Iterator[Logged]]] = []
    waiting = iter(sources)
    upcoming = next(waiting, None)
    for stream in streams:
        _push(heap, stream)
    last = ""
    while heap or upcoming:
        while upcoming and (not heap or heap[0][2].at <= upcoming.last_at):
            _push(heap, upcoming.rows())
            upcoming = next(waiting, None)
        if not heap:
            continue
        _, _, row, stream = heapq.heappop(heap)
        _push(heap, stream)
        if row.id != last:  # a piece is for a moment both sealed and stored
            last = row.id
            yield row


class _Down(str):
    """An id that sorts the other way round: a heap gives its smallest first."""

    def __lt__(self, other: str) -> bool:
        return str.__gt__(self, other)


def _push(heap: "list[tuple[_Down, int, Logged, Iterator[Logged]]]", stream: Iterator[Logged]) -> None:
    row = next(stream, None)
    if row is not None:
        heapq.heappush(heap, (_Down(row.id), id(stream), row, stream))


def find_in_file(file: BinaryIO, prediction_id: str) -> Logged | None:
    """One row of an unsealed piece by its id."""
    mark = f'"{prediction_id}"'.encode()
    for line in _backwards(file):
        if mark not in line:
            continue
        for row in rows_in(orjson.loads(line)):
            if row["id"] == prediction_id:
                return _logged(row)
    return None


def find_in_table(path: Path, prediction_id: str) -> Logged | None:
    """One row of a stored piece by its id; only row groups that may hold it are read."""
    import pyarrow.parquet as pq  # only once a stored piece is needed

    from storage.tables import schema_of, undamaged

    names = set(schema_of(path).names)
    columns = [name for name in (*COLUMNS, *LATER) if name in names]
    wanted: dict[str, Any] = {"columns": columns, "filters": [("id", "==", prediction_id)]}
    with undamaged(path):
        table = pq.read_table(path, **wanted, page_checksum_verification=True)
    for row in table.to_pylist():
        return _stored(row)
    return None
