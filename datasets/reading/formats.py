"""PURE: what a file is by its first bytes, whatever its name says; what is not a table is refused in words."""

import gzip
import json
import re
import zlib
from pathlib import Path

from datasets.reading import archives, logs, tars
from datasets.reading.encodings import MARKS
from datasets.reading.limits import MAX_UNPACKED_BYTES, MAX_UNPACKING_RATIO, MEBIBYTE
from datasets.reading.options import Options
from jobs.report import Report
from problems.problem import Invalid, TooLarge

LOOK = 64 * 1024
CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\v\f\r\x1a\x1b\x1f")
PROVEN: list[tuple[bytes, str]] = [
    (b"\x1f\x8b", "gzip"),
    (b"PAR1", "parquet"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
    (b"SQLite format 3\0", "sqlite"),
]
FOREIGN: list[tuple[bytes, str]] = [
    (b"%PDF", "a PDF document"),
    (b"\x7fELF", "a program (ELF)"),
    (b"MZ", "a program (Windows)"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"Rar!", "a RAR archive; unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it first"),
    (b"BZh", "compressed with bzip2; use gzip or upload it unpacked"),
    (b"\xfd7zXZ", "compressed with xz; use gzip or upload it unpacked"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd; use gzip or upload it unpacked"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"ARROW1", "an Arrow file; save it as Parquet"),
    (b"Obj\x01", "an Avro file; save it as Parquet or CSV"),
    (b"\xed\xab\xee\xdb", "a package (RPM)"),
]


def format_of(path: Path, options: Options | None = None) -> str:
    """One of the formats of the catalog, zip, tar or gzip; anything else is refused with what it is.

    Text may be stated to be of another format than it looks; what its first bytes prove stands.
    """
    with path.open("rb") as file:
        head = file.read(LOOK)
    if not head.strip(b"\xef\xbb\xbf\xff\xfe \t\r\n\f\v"):
        raise Invalid("The file is empty: there is no row in it.", code="empty_file")
    for magic, kind in PROVEN:
        if head.startswith(magic):
            return _zip_kind(path) if kind == "zip" else kind
    if tars.is_tar(head):
        return "tar"
    _refuse_foreign(head)
    _refuse_binary(head)
    return (options.format if options else "") or _text_kind(head, options)


def _refuse_foreign(head: bytes) -> None:
    for magic, words in FOREIGN:
        if head.startswith(magic):
            raise _not_a_table(words)
    if head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05" and len(head) > 2:
        raise _not_a_table("a Python pickle, which is never opened here")


def _refuse_binary(head: bytes) -> None:
    """Many control characters mean that this is no text; every other byte zero may be UTF-16."""
    halves = (head[0::2], head[1::2])
    widest = max(halves, key=lambda half: half.count(0))
    wide = min(half.count(0) for half in halves) == 0 and widest.count(0) * 10 >= len(widest)
    if wide or head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return
    controls = len(head) - len(head.translate(None, CONTROLS))
    if controls > 8 and controls * 20 > len(head):
        raise _not_a_table("binary data, not text")


def _not_a_table(words: str) -> Invalid:
    return Invalid(
        f"By its content this file is {words}. CSV, TSV, Excel (.xlsx, .xls), JSON, JSON lines, XML, tables of web "
        "pages, logs, SQLite and Parquet can be read, also packed with gzip, zip or tar.",
        code="unknown_format",
    )


def _zip_kind(path: Path) -> str:
    """A workbook is a zip archive too."""
    with archives.opened(path) as archive:
        return "xlsx" if "xl/workbook.xml" in archive.namelist() else "zip"


def _marked_up(text: bytes) -> str:
    """Whether text is a web page or XML by how it begins; pictures as XML are no tables."""
    start = text[:2000].lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<table")):
        return "html"
    if start.startswith(b"<script"):
        raise _not_a_table("a script")
    if start.startswith(b"<svg") or (start.startswith(b"<?xml") and b"<svg" in start):
        raise _not_a_table("a picture (SVG)")
    if start.startswith((b"<?xml", b"<!doctype")) or re.match(rb"<[a-z_][a-z0-9_.:-]*[\s>/]", start):
        return "html" if b"<html" in start else "xml"
    if start.startswith(b"<!--"):
        return "html" if b"<html" in start or b"<table" in start else "xml"
    return ""


def _text_kind(head: bytes, options: Options | None) -> str:
    """Text that opens with a brace is JSON if its beginning reads as JSON, with `<` markup, else rows or a log."""
    if options and (options.pattern or options.regex):
        return "log"
    for mark, codec in MARKS[1:]:
        if head.startswith(mark):
            head = head.decode(codec, "ignore").encode()
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] == b"<" and (markup := _marked_up(text)):
        return markup
    if text[:1] == b"[" and text[1:].lstrip()[:1] in (b"{", b"]"):
        return "json"
    if text[:1] != b"{":
        return "log" if logs.looks_like(head) else "delimited"
    return _brace_kind(head, text)


def _brace_kind(head: bytes, text: bytes) -> str:
    first = text.split(b"\n", 1)[0].strip()
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        cut_off = b"\n" not in text and len(head) == LOOK
        return "json_lines" if cut_off else "json" if _is_json_beginning(text) else "delimited"
    return "json_lines"


def _is_json_beginning(text: bytes) -> bool:
    after = text[1:].lstrip()
    return after[:1] in (b'"', b"}")


def unpack(path: Path, place: Path, report: Report) -> Path:
    """Unpack a gzip file within limits of size and of how much it swells."""
    packed, written = path.stat().st_size, 0
    limit = min(MAX_UNPACKED_BYTES, max(packed * MAX_UNPACKING_RATIO, 64 * MEBIBYTE))
    try:
        with gzip.open(path, "rb") as source, place.open("wb") as target:
            while chunk := source.read(MEBIBYTE):
                written += target.write(chunk)
                if written > limit:
                    raise TooLarge(
                        f"Unpacked, this file of {packed} bytes has more than {limit // MEBIBYTE} MB. It was not read.",
                        code="unpacks_too_large",
                    )
                report.progress(written, None, "unpacking")
    except (OSError, EOFError, zlib.error) as error:
        raise Invalid(f"The gzip file is damaged or cut off: {error}.", code="damaged") from None
    if format_of(place) == "gzip":
        raise Invalid("The file is packed with gzip twice. Unpack it once and upload again.", code="nested_gzip")
    return place
