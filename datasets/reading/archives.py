"""PURE: what is in a zip archive, checked before a byte is unpacked: size, ratio, number, and no tricks of paths."""

import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from datasets.reading.limits import MAX_MEMBERS, MAX_UNPACKED_BYTES, MAX_UNPACKING_RATIO, MEBIBYTE
from jobs.report import Report
from problems.problem import Invalid, TooLarge

NOISE = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")
PACKED = (b"PK\x03\x04", b"PK\x05\x06", b"Rar!", b"7z\xbc\xaf", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")


BROKEN = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError)


@contextmanager
def guarded() -> Iterator[None]:
    """Whatever its bytes make the library raise is a damaged archive."""
    try:
        yield
    except BROKEN as error:
        raise Invalid(f"The zip archive is damaged: {str(error)[:200]}.", code="damaged") from None


def opened(path: Path) -> zipfile.ZipFile:
    """The archive, ready to be read."""
    with guarded():
        return zipfile.ZipFile(path)


def members_of(archive: zipfile.ZipFile, size: int) -> list[zipfile.ZipInfo]:
    """The files in the archive of `size` bytes, or a refusal of the whole of it."""
    infos = archive.infolist()
    if len(infos) > MAX_MEMBERS:
        raise TooLarge(
            f"The archive has {len(infos):,} files; at most {MAX_MEMBERS:,} can be read.", code="too_many_files"
        )
    unpacked = sum(info.file_size for info in infos)
    limit = min(MAX_UNPACKED_BYTES, max(size * MAX_UNPACKING_RATIO, 64 * MEBIBYTE))
    if unpacked > limit or sum(info.compress_size for info in infos) > size:
        raise TooLarge(
            f"Unpacked, this archive of {size} bytes would have {unpacked // MEBIBYTE} MB. It was not read.",
            code="unpacks_too_large",
        )
    _check_twins(info.filename for info in infos)
    for info in infos:
        _check(info)
    found = [info for info in infos if not info.is_dir() and not _noise(info.filename)]
    if not found:
        raise Invalid("The archive holds no file.", code="empty_file")
    return found


def _check_twins(names: Iterable[str]) -> None:
    """Names that some systems take for one are refused: which of the files is meant, nobody could say."""
    seen: dict[str, str] = {}
    for name in names:
        folded = unicodedata.normalize("NFC", name).casefold()
        if folded in seen:
            how = (
                "the same name"
                if name == seen[folded]
                else "names that differ only in case or in how accents are written"
            )
            text = f"Two files in the archive have {how}: “{seen[folded][:80]}” and “{name[:80]}”."
            raise Invalid(text, code="unsafe_archive")
        seen[folded] = name


def _check(info: zipfile.ZipInfo) -> None:
    name = info.filename
    if not name:
        raise Invalid("A file in the archive has no name. It was not read.", code="unsafe_archive")
    place = PurePosixPath(name.replace("\\", "/"))
    if place.is_absolute() or ".." in place.parts or "\0" in name or name[1:2] == ":" or len(name) > 500:
        raise Invalid(
            f"A file in the archive has a path that leads out of it: “{name[:80]}”. It was not read.",
            code="unsafe_archive",
        )
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        what = "a link" if kind == stat.S_IFLNK else "a device or a pipe"
        raise Invalid(f"“{name[:80]}” in the archive is {what}, not a file. It was not read.", code="unsafe_archive")
    if info.flag_bits & 1:
        raise Invalid(
            f"“{name[:80]}” in the archive is encrypted. Upload it without a password.", code="encrypted_archive"
        )


def _noise(name: str) -> bool:
    """What operating systems leave in archives."""
    return name.startswith(NOISE[0]) or PurePosixPath(name).name in NOISE[1:] or PurePosixPath(name).name[:2] == "._"


def unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, place: Path, report: Report) -> Path:
    """One file of the archive at a place of our own; its name there is no part of it."""
    written = 0
    with guarded(), archive.open(info) as source, place.open("wb") as target:
        while chunk := source.read(MEBIBYTE):
            written += target.write(chunk)
            if written > info.file_size:
                raise Invalid("The zip archive is damaged: a file is longer than it says.", code="damaged")
            report.progress(written, info.file_size, "unpacking")
    with place.open("rb") as file:
        head = file.read(8)
    office = head.startswith(PACKED[0]) and _is_workbook(place)
    if head.startswith(PACKED) and not office:
        raise Invalid(
            f"“{info.filename[:80]}” is an archive inside the archive. Unpack it and upload what is in it.",
            code="nested_archive",
        )
    return place


def _is_workbook(place: Path) -> bool:
    try:
        with zipfile.ZipFile(place) as inner:
            return "xl/workbook.xml" in inner.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False
