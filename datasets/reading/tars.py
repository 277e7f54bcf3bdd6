"""PURE: a tar archive as a zip archive that is not packed, so that both are judged and read by the same rules."""

import stat
import tarfile
import zipfile
import zlib
from pathlib import Path

from datasets.reading.limits import MAX_MEMBERS, MAX_UNPACKED_BYTES, MEBIBYTE
from jobs.report import Report
from problems.problem import Invalid, TooLarge

BROKEN = (tarfile.TarError, zlib.error, OSError, EOFError, ValueError, OverflowError)
KINDS = (
    (tarfile.TarInfo.isreg, stat.S_IFREG),
    (tarfile.TarInfo.issym, stat.S_IFLNK),
    (tarfile.TarInfo.islnk, stat.S_IFLNK),
)


def is_tar(head: bytes) -> bool:
    """Whether a file that begins so is a tar archive, packed or not packed."""
    return head[257:262] == b"ustar"


def as_zip(path: Path, place: Path, report: Report) -> Path:
    """Write what is in the archive to `place`: names and kinds stay, so that links and odd paths are refused there."""
    done = 0
    try:
        with tarfile.open(path, "r:") as archive, zipfile.ZipFile(place, "w") as target:
            for number, info in enumerate(archive, 1):
                if number > MAX_MEMBERS:
                    raise TooLarge(f"The archive has more than {MAX_MEMBERS:,} files.", code="too_many_files")
                if info.isdir():
                    continue
                done += info.size
                if done > MAX_UNPACKED_BYTES:
                    text = (
                        f"Unpacked, this archive has more than {MAX_UNPACKED_BYTES // MEBIBYTE:,} MB. It was not read."
                    )
                    raise TooLarge(text, code="unpacks_too_large")
                _copy(archive, info, target)
                report.progress(number, None, "unpacking")
    except BROKEN as error:
        raise Invalid(f"The tar archive is damaged or cut off: {str(error)[:200]}.", code="damaged") from None
    return place


def _copy(archive: tarfile.TarFile, info: tarfile.TarInfo, target: zipfile.ZipFile) -> None:
    """One member: its bytes when it is a plain file, else its kind alone, by which it is refused."""
    if info.issparse():
        text = f"“{info.name[:80]}” in the archive is stored with holes (sparse). It was not read."
        raise Invalid(text, code="unsafe_archive")
    if len(info.name.encode("utf-8", "surrogateescape")) > 500:
        raise Invalid(
            "A file in the archive has a path of more than 500 bytes. It was not read.", code="unsafe_archive"
        )
    entry = zipfile.ZipInfo(info.name.removeprefix("./").encode("utf-8", "replace").decode())
    kind = next((bits for asks, bits in KINDS if asks(info)), stat.S_IFIFO)
    entry.external_attr, entry.file_size = kind << 16, info.size
    source = archive.extractfile(info) if info.isreg() else None
    with target.open(entry, "w", force_zip64=info.size >= zipfile.ZIP64_LIMIT) as kept:
        while source and (chunk := source.read(MEBIBYTE)):
            kept.write(chunk)


def told(words: str) -> str:
    """What was said of a zip archive, said of the tar archive that it was."""
    return words.replace("Zip archive", "Tar archive").replace("packed with zip", "packed with tar")
