"""PURE: a project as one file: how its archive is written, and how a strange one is checked before it is believed.

The archive is a zip file with a `manifest.json`, one file of JSON lines for each kind of row under `rows/`, the stored
contents by their hash under `blobs/`, and the people, the team and the audit as lines. Only names of exactly these
shapes are taken, contents are never compressed, and every member must have the hash that the manifest gives.
"""

import hashlib
import json
import math
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from jobs.report import Report
from problems.problem import Corrupted, Invalid

FORMAT, FORMAT_VERSION = "baton-project", 1
MANIFEST = "manifest.json"
BLOB = re.compile(r"blobs/([0-9a-f]{64})")
ROWS = re.compile(r"rows/([a-z]{1,40}\.[a-z]{1,40})\.jsonl")
LINES = ("people.jsonl", "team.jsonl", "audit.jsonl")
MOST_MEMBERS, MOST_LINES = 100_000, 300_000
MOST_TEXT = 256 * 1024 * 1024
MOST_MANIFEST = 32 * 1024 * 1024
LONGEST_LINE = 32 * 1024 * 1024
CHUNK = 1024 * 1024
LOCAL_HEADER = 30
ENCRYPTED = 1
END, END_BYTES = b"PK\x05\x06", 22
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)  # the last one of kinds that cannot be read


def refused(why: str) -> Invalid:
    """The whole archive is refused; nothing of it is kept."""
    return Invalid(f"The archive was refused, and nothing of it was kept. {why}", code="bad_archive")


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            yield piece


def write(
    path: Path, contents: Iterable[tuple[str, Path]], facts: dict[str, Any], beat: Callable[[], None]
) -> dict[str, Any]:
    """Write the archive, one member after the other in pieces; returns its manifest. `beat` is called between pieces.

    A stored content whose bytes are not those of its name is refused.
    """
    members: dict[str, dict[str, Any]] = {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
        for name, source in contents:
            members[name] = _put(archive, name, source, beat)
        manifest = {"format": FORMAT, "format_version": FORMAT_VERSION} | facts | {"members": members}
        archive.writestr(_info(MANIFEST), json.dumps(manifest, allow_nan=False))
    return manifest


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFREG | 0o600) << 16
    info.compress_type = zipfile.ZIP_STORED if BLOB.fullmatch(name) else zipfile.ZIP_DEFLATED
    return info


def _put(archive: zipfile.ZipFile, name: str, source: Path, beat: Callable[[], None]) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    with archive.open(_info(name), "w", force_zip64=True) as member:
        for piece in _pieces(source):
            digest.update(piece)
            size += member.write(piece)
            beat()
    blob = BLOB.fullmatch(name)
    if blob and blob[1] != digest.hexdigest():
        raise Corrupted(f"Stored file {blob[1][:12]} does not match its hash. The archive was not made.")
    return {"sha256": digest.hexdigest(), "bytes": size}


# ---- Reading: in the limited child ----


def run(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Check the archive at `spec["archive"]` and take it apart into `folder`/taken, under names of our own.

    `spec["kinds"]` are the kinds of rows that this version knows. Answers {manifest}, or raises a refusal.
    """
    into = folder / "taken"
    into.mkdir()
    path = Path(spec["archive"])
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(archive, path)
            manifest = _manifest(archive, members, set(spec["kinds"]))
            for done, (name, said) in enumerate(sorted(manifest["members"].items())):
                report.progress(done, len(members), f"checking {name}")
                _take(archive, members[name], said, into / file_name(name))
    except (*BROKEN, OSError, ValueError, LookupError) as error:
        raise refused(f"It is not a whole zip file ({type(error).__name__}).") from error
    for name in manifest["members"]:
        if not BLOB.fullmatch(name):
            _check_lines(name, into / file_name(name))
    return {"manifest": {key: value for key, value in manifest.items() if key != "members"}}


def file_name(member: str) -> str:
    """Under which name a member lies in the folder once it was taken."""
    blob = BLOB.fullmatch(member)
    return blob[1] if blob else member.replace("/", ".")


def _members(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    """The members by name, if every one is a plain file of a name that an archive of ours can have."""
    found = archive.infolist()
    if len(found) > MOST_MEMBERS:
        raise refused(f"It has {len(found):,} members; at most {MOST_MEMBERS:,} are read.")
    if not found or not _ends_well(path) or min(info.header_offset for info in found) != 0:
        raise refused("Something stands before, behind or between its members.")
    members: dict[str, zipfile.ZipInfo] = {}
    text = 0
    for info in found:
        if why := _wrong_member(info, members):
            raise refused(why)
        members[info.filename] = info
        text += 0 if BLOB.fullmatch(info.filename) else info.file_size
    if text > MOST_TEXT:
        raise refused(f"Its rows would unpack to {text // 1024**2:,} MB; at most {MOST_TEXT // 1024**2} MB are read.")
    _refuse_overlap(found, path.stat().st_size)
    return members


def _ends_well(path: Path) -> bool:
    """Whether the file ends with the end of its directory, so that nothing can hide behind it."""
    with path.open("rb") as file:
        file.seek(-END_BYTES, os.SEEK_END)
        end = file.read()
    return end.startswith(END) and end.endswith(b"\x00\x00")


def _wrong_member(info: zipfile.ZipInfo, before: dict[str, zipfile.ZipInfo]) -> str:
    name, shown = info.filename, repr(info.orig_filename[:80])
    if name != info.orig_filename or not _is_known(name):
        return f"A member is called {shown}, which no archive of a project holds."
    if name in before:
        return f"Two members are called {shown}."
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
        return f"{shown} is a link or a device, not a file."
    if info.flag_bits & ENCRYPTED:
        return f"{shown} is encrypted."
    stored = info.compress_type == zipfile.ZIP_STORED and info.compress_size == info.file_size
    if not stored and (BLOB.fullmatch(name) or info.compress_type != zipfile.ZIP_DEFLATED):
        return f"{shown} is compressed in a way that no archive of a project is."
    return ""


def _is_known(name: str) -> bool:
    return name == MANIFEST or name in LINES or bool(BLOB.fullmatch(name) or ROWS.fullmatch(name))


def _refuse_overlap(found: list[zipfile.ZipInfo], size: int) -> None:
    end = 0
    for info in sorted(found, key=lambda one: one.header_offset):
        if info.header_offset < end:
            raise refused("Its members lie over each other.")
        end = info.header_offset + LOCAL_HEADER + len(info.filename) + info.compress_size
    if end > size:
        raise refused("It ends before its members do.")


def _manifest(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], kinds: set[str]) -> dict[str, Any]:
    if MANIFEST not in members or members[MANIFEST].file_size > MOST_MANIFEST:
        raise refused("It has no manifest.json, so it is no archive of a project.")
    manifest = _object(archive.read(members[MANIFEST]), MANIFEST)
    if manifest.get("format") != FORMAT:
        raise refused("Its manifest.json is not that of a project.")
    if manifest.get("format_version") != FORMAT_VERSION:
        said = str(manifest.get("format_version"))[:20]
        raise refused(f"It is of format {said}; this version of the platform reads format {FORMAT_VERSION}.")
    listed = manifest.get("members")
    if not isinstance(listed, dict) or set(listed) | {MANIFEST} != set(members):
        raise refused("It does not hold exactly what its manifest.json lists.")
    strange = sorted(found[1] for name in listed if (found := ROWS.fullmatch(name)) and found[1] not in kinds)
    if strange:
        raise refused(f"It holds rows that this version does not know: {', '.join(strange[:5])}.")
    return manifest


def _take(archive: zipfile.ZipFile, info: zipfile.ZipInfo, said: Any, place: Path) -> None:
    """Copy one member out in pieces, never more than it says it has, and compare its hash."""
    digest, size = hashlib.sha256(), 0
    with archive.open(info) as member, place.open("xb") as file:
        while piece := member.read(CHUNK):
            size += len(piece)
            if size > info.file_size:
                raise refused(f"{info.filename} is larger than it says.")
            digest.update(piece)
            file.write(piece)
    blob = BLOB.fullmatch(info.filename)
    wanted = said.get("sha256") if isinstance(said, dict) else None
    if digest.hexdigest() != wanted or (blob and blob[1] != wanted):
        raise refused(f"The bytes of {info.filename} are not those that were packed.")


def _check_lines(name: str, place: Path) -> None:
    for number, line in enumerate(_lines(place), 1):
        if number > MOST_LINES or len(line) > LONGEST_LINE:
            raise refused(f"{name} has too many or too long lines.")
        row = _object(line, f"Line {number} of {name}")
        kind = ROWS.fullmatch(name)
        plain = isinstance(row.get("pk"), str) and isinstance(row.get("fields"), dict)
        if kind and not (plain and row.get("model") == kind[1]):
            raise refused(f"Line {number} of {name} is not a row of that kind.")


def _lines(place: Path) -> Iterator[bytes]:
    with place.open("rb") as file:
        while line := file.readline(LONGEST_LINE + 1):
            yield line


def _object(content: bytes, where: str) -> dict[str, Any]:
    try:
        found = json.loads(content, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise refused(f"{where} is not readable JSON.") from error
    if not isinstance(found, dict):
        raise refused(f"{where} is not an object.")
    return found


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is too large a number")
    return number


def taken(folder: Path, sha256: Any) -> Path:
    """Where a content lies that the archive brought; a content that it only names is refused."""
    path = folder / "taken" / str(sha256)
    if not (isinstance(sha256, str) and BLOB.fullmatch(f"blobs/{sha256}") and path.is_file()):
        raise refused("A row names a content that the archive does not hold.")
    return path


def lines_of(folder: Path, member: str) -> Iterator[dict[str, Any]]:
    """The rows of a member that was taken and checked; none when the archive had no such member."""
    place = folder / "taken" / file_name(member)
    if place.is_file():
        with place.open("rb") as file:
            yield from (json.loads(line) for line in file)
