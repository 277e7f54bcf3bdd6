"""PURE: a folder of pictures or texts in a zip archive as a table: one row for each file, with its size and hash.

Pictures are never decoded: format, width and height come from the first bytes, which is where these formats keep them.
"""

import hashlib
import struct
import zipfile
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from datasets.reading.archives import guarded
from datasets.reading.encodings import MARKS
from datasets.reading.findings import Findings
from datasets.reading.limits import MAX_CELL_BYTES, MEBIBYTE
from datasets.reading.options import ENCODINGS, Options
from datasets.reading.typed_rows import Cell, Spool, fault_of
from jobs.report import Report

PICTURES = {".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff"}
WRITINGS = {".txt", ".md", ".text"}


def kind_of(members: list[zipfile.ZipInfo]) -> str:
    """Whether an archive is a folder of pictures or of texts, by the endings of all its files; else tables."""
    endings = {PurePosixPath(info.filename).suffix.lower() for info in members}
    if endings <= PICTURES:
        return "images"
    return "texts" if endings <= WRITINGS and len(members) > 1 else "tables"


def keep(
    archive: zipfile.ZipFile,
    members: list[zipfile.ZipInfo],
    kind: str,
    options: Options,
    findings: Findings,
    report: Report,
    spool: Spool,
) -> None:
    """One row for each member; a file that is not of the kind is refused by its number in the archive."""
    describe: Callable[[bytes, Options], dict[str, Cell] | str] = picture if kind == "images" else writing
    for number, info in enumerate(members, 1):
        digest, head, size = hashlib.sha256(), b"", 0
        with guarded(), archive.open(info) as file:
            while chunk := file.read(MEBIBYTE):
                digest.update(chunk)
                size += len(chunk)
                head += chunk[: max(0, MAX_CELL_BYTES * 2 - len(head))]
        found = describe(head, options)
        fault = found if isinstance(found, str) else fault_of(info.filename)
        if fault:
            findings.refusals.add(number, fault, info.filename.encode("utf-8", "replace"))
        else:
            place = PurePosixPath(info.filename)
            row: dict[str, Cell] = {
                "path": info.filename,
                "folder": place.parent.name or None,
                "bytes": size,
                "sha256": digest.hexdigest(),
            }
            spool.add(row | dict(found))  # type: ignore[arg-type]
        findings.lines = number
        report.progress(number, len(members), "reading")
    findings.notes.append("Line numbers of refused rows count the files of the archive.")


def writing(raw: bytes, options: Options) -> dict[str, Cell] | str:
    """The content of a text, or why it is none."""
    if len(raw) > MAX_CELL_BYTES:
        return "it is longer than 1 MB"
    mark = next(((len(mark), codec) for mark, codec in MARKS if raw.startswith(mark)), (0, ""))
    codec = options.encoding or mark[1] or "utf-8"
    try:
        text = raw[mark[0] if codec == mark[1] else 0 :].decode(codec)
    except UnicodeDecodeError:
        return f"it holds bytes that are not {ENCODINGS[codec]}"
    return fault_of(text) or {"text": text}


def picture(head: bytes, options: Options) -> dict[str, Cell] | str:
    """Format, width and height by the first bytes, or why it is no picture."""
    for read in (_png, _gif, _bmp, _webp, _jpeg, _tiff):
        try:
            found = read(head)
        except (struct.error, IndexError, KeyError):
            return "its first bytes are a picture's, but damaged"
        if found:
            name, width, height = found
            if not 0 < width < 2**31 or not 0 < height < 2**31:
                return "its width or height is nothing"
            return {"format": name, "width": width, "height": height}
    return "by its first bytes it is no picture of a known kind"


Size = tuple[str, int, int] | None


def _png(head: bytes) -> Size:
    if not head.startswith(b"\x89PNG\r\n\x1a\n"):
        return None
    width, height = struct.unpack(">II", head[16:24])
    return "PNG", width, height


def _gif(head: bytes) -> Size:
    if head[:6] not in (b"GIF87a", b"GIF89a"):
        return None
    width, height = struct.unpack("<HH", head[6:10])
    return "GIF", width, height


def _bmp(head: bytes) -> Size:
    if head[:2] != b"BM":
        return None
    width, height = struct.unpack("<ii", head[18:26])
    return "BMP", width, abs(height)


def _webp(head: bytes) -> Size:
    if head[:4] != b"RIFF" or head[8:12] != b"WEBP":
        return None
    kind = head[12:16]
    if kind == b"VP8X":
        return "WebP", int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if kind == b"VP8L":
        bits = struct.unpack("<I", head[21:25])[0]
        return "WebP", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack("<HH", head[26:30])
    return "WebP", width & 0x3FFF, height & 0x3FFF


def _jpeg(head: bytes) -> Size:
    """Walk the segments to the one that begins the frame."""
    if head[:2] != b"\xff\xd8":
        return None
    place = 2
    while True:
        if head[place] != 0xFF:
            raise KeyError("no marker")
        marker = head[place + 1]
        if marker == 0xFF or marker == 0x01 or 0xD0 <= marker <= 0xD7:
            place += 1 if marker == 0xFF else 2
            continue
        length = struct.unpack(">H", head[place + 2 : place + 4])[0]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", head[place + 5 : place + 9])
            return "JPEG", width, height
        place += 2 + max(length, 2)


def _tiff(head: bytes) -> Size:
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(head[:4])
    if order is None:
        return None
    place = struct.unpack(f"{order}I", head[4:8])[0]
    count = struct.unpack(f"{order}H", head[place : place + 2])[0]
    found: dict[int, int] = {}
    for entry in range(count):
        begin = place + 2 + entry * 12
        tag, kind = struct.unpack(f"{order}HH", head[begin : begin + 4])
        value: Any = head[begin + 8 : begin + 12]
        found[tag] = struct.unpack(f"{order}H", value[:2])[0] if kind == 3 else struct.unpack(f"{order}I", value)[0]
    return "TIFF", found[256], found[257]
