"""PURE: a zip archive as one table: one of its files, all files of one shape, or a folder of pictures or texts."""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from datasets.reading import archives, formats, references
from datasets.reading.catalog import READERS
from datasets.reading.cells import Column
from datasets.reading.findings import ColumnNotes, Findings, Refusal
from datasets.reading.limits import LISTED_REFUSALS
from datasets.reading.names import check_count
from datasets.reading.options import ARCHIVES, EVERY_MEMBER, Options
from datasets.reading.tables import Written, arrow_schema, write
from datasets.reading.typed_rows import Spool
from jobs.report import Report
from problems.problem import Invalid, Problem
from storage import tables

MEMBER_COLUMN = "archive_file"
MOST_TABLES = 500


def read(path: Path, options: Options, folder: Path, findings: Findings, report: Report) -> Written:
    """Read the archive as the options say; without them only what leaves no choice."""
    with archives.opened(path) as archive:
        members = archives.members_of(archive, path.stat().st_size)
        kind = options.archive or ("tables" if options.member else references.kind_of(members))
        if options.archive or kind != "tables":
            how = "Stated at the upload" if options.archive else "By the endings of its files"
            text = f"{how}: {ARCHIVES[kind][0].lower()}{ARCHIVES[kind][1:]}."
            findings.guess("archive", kind, text, sure=bool(options.archive))
        if kind == "tables":
            return _tables(archive, members, options, folder, findings, report)
        findings.format, findings.kind = f"Zip archive of {kind}", "zip"
        with Spool(folder, findings, options) as spool:
            references.keep(archive, members, kind, options, findings, report, spool)
            return spool.finish(report)


def _tables(
    archive: zipfile.ZipFile,
    members: list[zipfile.ZipInfo],
    options: Options,
    folder: Path,
    findings: Findings,
    report: Report,
) -> Written:
    names = [info.filename for info in members]
    findings.format, findings.kind = "Zip archive", "zip"
    if len(members) > 1:
        findings.choose("member", [EVERY_MEMBER, *names])
    if options.member == EVERY_MEMBER and len(members) > 1:
        findings.guess("member", EVERY_MEMBER, f"Stated at the upload: all {len(members)} files.", sure=True)
        return _Joined(archive, members, options, folder, findings, report).written()
    chosen = _chosen(members, options)
    how = "Stated at the upload" if options.member else "The only file in the archive"
    findings.guess("member", chosen.filename[:200], f"{how}: {chosen.filename[:200]}.", sure=True)
    return _one(archive, chosen, options, folder, findings, report)


def _chosen(members: list[zipfile.ZipInfo], options: Options) -> zipfile.ZipInfo:
    if options.member and options.member != EVERY_MEMBER:
        found = [info for info in members if info.filename == options.member]
        if not found:
            text = f"The archive has no file “{options.member[:100]}”."
            raise Invalid(text, code="unknown_member", fields={"member": text})
        return found[0]
    if len(members) == 1:
        return members[0]
    few = ", ".join(info.filename[:60] for info in members[:5]) + (" and others" if len(members) > 5 else "")
    text = (
        f"By its content this file is an archive with {len(members)} files: {few}. State which one is to be "
        "read, or that all are: then they must have the same columns."
    )
    raise Invalid(text, code="choose_member", fields={"member": "State one file, or * for all."})


def _one(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, options: Options, folder: Path, findings: Findings, report: Report
) -> Written:
    """Read one file of the archive; a gzip inside is unpacked once more."""
    source = archives.unpack(archive, info, folder / "member", report)
    kind = formats.format_of(source, options)
    if kind == "gzip":
        source = formats.unpack(source, folder / "member.unpacked", report)
        kind = formats.format_of(source, options)
    if kind in ("zip", "tar"):
        raise Invalid("The archive holds another archive. Unpack it and upload what is in it.", code="nested_archive")
    words, reader = READERS[kind]
    findings.format, findings.kind = f"{words}, packed with zip", kind
    written = reader(source, replace(options, member="", archive=""), folder, findings, report)
    source.unlink()
    return written


@dataclass
class _Part:
    """One file of the archive that was read."""

    name: str
    written: Written
    findings: Findings


class _Joined:
    """All files of an archive under each other: the same names in the same order, types that hold for all."""

    def __init__(
        self,
        archive: zipfile.ZipFile,
        members: list[zipfile.ZipInfo],
        options: Options,
        folder: Path,
        findings: Findings,
        report: Report,
    ) -> None:
        if len(members) > MOST_TABLES:
            raise Invalid(f"At most {MOST_TABLES} tables of one archive can be read together.", code="too_many_files")
        self.archive, self.members, self.options = archive, members, options
        self.folder, self.findings, self.report = folder, findings, report

    def written(self) -> Written:
        """Read each, and those again whose types must become the ones that hold for all."""
        parts = [self._part(place, info, self.options) for place, info in enumerate(self.members)]
        first = parts[0]
        for part in parts[1:]:
            if _names(part) != _names(first):
                raise _other_shape(first, part)
        stated = _common_types(parts)
        parts = [self._agreed(place, part, stated) for place, part in enumerate(parts)]
        if apart := _apart(parts):
            parts = [self._agreed(place, part, stated | apart) for place, part in enumerate(parts)]
        return self._under_each_other(parts)

    def _part(self, place: int, info: zipfile.ZipInfo, options: Options) -> _Part:
        folder = self.folder / f"part{place}"
        folder.mkdir(exist_ok=True)
        findings = Findings(size=info.file_size)
        try:
            return _Part(info.filename, _one(self.archive, info, options, folder, findings, self.report), findings)
        except Problem as problem:
            problem.text = f"In {info.filename[:100]}: {problem.text}"
            raise

    def _agreed(self, place: int, part: _Part, stated: dict[str, str]) -> _Part:
        """The part itself when its types are the common ones already, else read again with these."""
        own = {column.name: column.type for column in part.written.columns if column.found}
        if all(own.get(name, kind) == kind for name, kind in stated.items()):
            return part
        types = {**self.options.types, **stated}
        try:
            return self._part(place, self.members[place], replace(self.options, types=types))
        except Problem as problem:
            if problem.code != "type_misfit" or problem.facts.get("column") not in stated:
                raise
            return self._agreed(place, part, stated | {problem.facts["column"]: "text"})

    def _under_each_other(self, parts: list[_Part]) -> Written:
        columns = [_merged(place, parts) for place in range(len(parts[0].written.columns))]
        name = MEMBER_COLUMN
        while name in (column.name for column in columns):
            name += "_"
        check_count(len(columns) + 1)
        whole = [Column(name, [], found="text"), *columns]
        schema = arrow_schema(whole)
        place = self.folder / "table.parquet"
        rows = write(place, schema, _batches(parts, schema))
        for part in parts:
            _merge(part, self.findings)
        self.findings.format, self.findings.kind = f"Zip archive of {len(parts)} tables", parts[0].findings.kind
        self.findings.notes.append(f"The column {name} tells which file of the archive a row comes from.")
        return Written(place, rows, whole)


def _names(part: _Part) -> list[str]:
    return [column.name for column in part.written.columns]


def _apart(parts: list[_Part]) -> dict[str, str]:
    """Columns whose types still differ, because in one file only text holds: all of them must be text."""
    return dict.fromkeys(_common_types(parts), "text")


def _other_shape(first: _Part, other: _Part) -> Invalid:
    """The files do not belong into one table."""
    mine, theirs = _names(first), _names(other)
    odd = [name for name in theirs if name not in mine] or [name for name in mine if name not in theirs] or theirs
    text = (
        f"{other.name[:80]} has other columns than {first.name[:80]} ({odd[0][:60]}), so they are no one table. "
        "State the one file that is to be read."
    )
    return Invalid(text, code="other_shape", fields={"member": text})


def _common_types(parts: list[_Part]) -> dict[str, str]:
    """For columns whose types differ: the one that can hold them all, text if nothing else does."""
    found: dict[str, str] = {}
    for columns in zip(*(part.written.columns for part in parts), strict=True):
        kinds = {column.type for column in columns if column.found}
        if len(kinds) > 1:
            wide = (
                "number" if kinds == {"integer", "number"} else "datetime" if kinds == {"date", "datetime"} else "text"
            )
            found[columns[0].name] = wide
    return found


def _merged(place: int, parts: list[_Part]) -> Column:
    """One column of all parts: its type, and what happened to its cells."""
    columns = [part.written.columns[place] for part in parts]
    found = next((column.found for column in columns if column.found), "")
    notes = ColumnNotes()
    for column in columns:
        notes.empty += column.notes.empty
        notes.blank += column.notes.blank
        notes.trimmed += column.notes.trimmed
        notes.notes += [note for note in column.notes.notes if note not in notes.notes]
    return Column(columns[0].name, [], notes=notes, found=found)


def _batches(parts: list[_Part], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for part in parts:
        for batch in tables.read_batches(part.written.path):
            name = pa.array([part.name] * batch.num_rows, pa.string())
            cells = [
                pa.nulls(len(array), field.type) if array.null_count == len(array) else array.cast(field.type)
                for array, field in zip(batch.columns, list(schema)[1:], strict=True)
            ]
            yield pa.RecordBatch.from_arrays([name, *cells], schema=schema)


def _merge(part: _Part, findings: Findings) -> None:
    """What was found in one file, told for the whole."""
    more = part.findings
    findings.lines += more.lines
    findings.blank_lines += more.blank_lines
    findings.filled_rows += more.filled_rows
    findings.refusals.count += more.refusals.count
    findings.refusals.lines += more.refusals.lines
    room = LISTED_REFUSALS - len(findings.refusals.listed)
    for one in more.refusals.listed[:room]:
        reason = f"in {part.name[:100]}: {one.reason}"
        findings.refusals.listed.append(Refusal(one.line, one.lines, reason, one.text, one.short))
    known = {(guess["what"], guess["value"]) for guess in findings.guesses}
    findings.guesses += [
        guess for guess in more.guesses if guess["what"] != "member" and (guess["what"], guess["value"]) not in known
    ]
    findings.notes += [note for note in more.notes if note not in findings.notes]
    findings.renamed += [one for one in more.renamed if one not in findings.renamed]
