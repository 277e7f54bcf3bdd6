"""PURE: a table of an SQLite file that lies below a folder which the administrator opened; nothing in it is run."""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from datasets.connectors.base import REACH, READ, SIGN_IN, Connector, Fetched, Outside, Params, Raw, Since, Step
from datasets.connectors.fields import WHERE, Field
from jobs.report import Report
from outbound.addresses import opened_folders
from problems.problem import Invalid, Problem, TooLarge

MAGIC = b"SQLite format 3\0"
PIECE = 1024 * 1024
NO = "There is no such SQLite file below a folder that the administrator opened."


class SqliteFile(Connector):
    """One table of one file."""

    key = "sqlite_file"
    title = "SQLite file on the server"
    help = "A file below a folder that the administrator opened. Upload other SQLite files, or fetch them by address."
    icon = "file"
    fields = (
        Field(
            "path",
            "text",
            "Path of the file",
            "As it lies below the opened folder, such as shop/orders.sqlite.",
            group=WHERE,
            locates=True,
            example="shop/orders.sqlite",
        ),
        Field("table", "text", "Table", "Empty: the one with the most rows.", required=False, locates=True),
    )
    reads_files = False

    def check(self, p: Params) -> None:
        parts = p["path"].split("/")
        if any(part in ("", ".", "..") for part in parts) or "\\" in p["path"] or ":" in p["path"] or "%" in p["path"]:
            text = "“Path of the file” is a path below the opened folder, such as shop/orders.sqlite."
            raise Invalid(text, fields={"path": text})

    def watch(self, p: Params, *, allow: frozenset[str]) -> None:
        self.check(p)
        if not opened_folders(allow):
            text = "The administrator opened no folder for SQLite files (BATON_OUTBOUND_ALLOW=file:/a/folder)."
            raise Invalid(text, fields={"path": text}, code="address_refused")

    def where(self, p: Params) -> str:
        return str(p["path"])

    def sentence(self, p: Params) -> str:
        return f"The table {p['table'] or 'with the most rows'} of the SQLite file {PurePosixPath(p['path']).name}"

    def steps(self, p: Params, outside: Outside) -> Iterator[Step]:
        from datasets.reading import sqlite_tables  # late: it loads Arrow, and pages read the catalog

        with _opened(p, outside) as file:
            size = os.fstat(file.fileno()).st_size
            yield Step(REACH, True, f"There is a file of {size:,} bytes.")
            yield Step(SIGN_IN, True, "It asks for no sign-in.")
            names = sqlite_tables.tables_of(Path(f"/proc/self/fd/{file.fileno()}"))
        if p["table"] and p["table"] not in names:
            raise Problem(f"It has no such table. It has: {', '.join(names[:20])}.", code="unknown_table")
        yield Step(READ, True, f"{len(names)} tables: {', '.join(names[:6])}.")

    def fetch(self, p: Params, since: Since, folder: Path, outside: Outside, report: Report) -> Fetched:
        place, whole = folder / "fetched", hashlib.sha256()
        with _opened(p, outside) as file, place.open("wb") as copy:
            size, done = os.fstat(file.fileno()).st_size, 0
            while piece := file.read(PIECE):
                done += len(piece)
                if done > outside.most_bytes:
                    raise TooLarge(f"It has more than the {outside.most_bytes:,} bytes that may be fetched.")
                whole.update(piece)
                copy.write(piece)
                report.progress(done, size, "copying")
        mark = {"sha256": whole.hexdigest()}
        if mark == since.mark:
            return Fetched(mark=mark, notes=["The file did not change."])
        options = {"table": p["table"]} if p["table"] else {}
        return Fetched([Raw(place, PurePosixPath(p["path"]).name, options)], mark=mark)


@contextmanager
def _opened(p: Params, outside: Outside) -> Iterator[BinaryIO]:
    """The file, opened part by part so that no link leads out of the folder; the answer is the same for whatever
    else stands there."""
    for folder in opened_folders(outside.allow):
        try:
            found = _below(folder, p["path"].split("/"))
        except OSError:
            continue
        if not stat.S_ISREG(os.fstat(found).st_mode):
            os.close(found)
            continue
        with os.fdopen(found, "rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                continue
            file.seek(0)
            yield file
            return
    raise Problem(NO, code="nothing_there")


def _below(folder: str, parts: list[str]) -> int:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            inner = os.open(part, flags | os.O_DIRECTORY, dir_fd=held)
            os.close(held)
            held = inner
        return os.open(parts[-1], flags, dir_fd=held)
    finally:
        os.close(held)
