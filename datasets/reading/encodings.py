"""PURE: which characters the bytes of a text file stand for, and the same text as UTF-8."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from datasets.reading.findings import Findings
from datasets.reading.limits import MEBIBYTE
from datasets.reading.options import ENCODINGS
from jobs.report import Report
from problems.problem import Invalid

MARKS = [(codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")]
SAMPLE, CHUNK = 256 * 1024, 4 * MEBIBYTE
UNDEFINED_1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")


@dataclass(frozen=True)
class Encoding:
    """A codec, how many bytes of mark to skip, and how sure that is."""

    codec: str
    skip: int
    sure: bool
    text: str
    mixed: bool = False


def as_utf8(path: Path, place: Path, declared: str, findings: Findings, report: Report) -> tuple[Path, int]:
    """The file as UTF-8 and where its text starts: itself when it is UTF-8 already, else a copy at `place`."""
    encoding = find(path, declared)
    findings.guess("encoding", ENCODINGS[encoding.codec], encoding.text, sure=encoding.sure)
    if encoding.codec == "utf-8":
        return path, encoding.skip
    _transcode(path, place, encoding, report)
    return place, 0


def find(path: Path, declared: str = "") -> Encoding:
    """The encoding of the whole file, by mark, by evidence, or as a guess that says so."""
    with path.open("rb") as file:
        head = file.read(SAMPLE)
    mark = next(((len(mark), codec) for mark, codec in MARKS if head.startswith(mark)), None)
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)) and head[4:8].count(b"\0") == 3:
        raise Invalid("The file is UTF-32. Save it as UTF-8 and upload again.", code="encoding")
    if declared:
        skip = mark[0] if mark and mark[1] == declared else 0
        return Encoding(declared, skip, True, f"Stated at the upload: {ENCODINGS[declared]}.")
    if mark:
        return Encoding(mark[1], mark[0], True, f"The file carries the mark of {ENCODINGS[mark[1]]}.")
    if wide := _wide_without_mark(head):
        name = ENCODINGS[wide]
        return Encoding(wide, 0, False, f"No mark, but every other byte is zero as in {name}; read as that.")
    return _narrow(path)


def _wide_without_mark(head: bytes) -> str:
    """UTF-16 without a mark: zero bytes on one side only, and line ends where they must be."""
    pairs = len(head) // 2
    low, high = head[0 : pairs * 2 : 2], head[1 : pairs * 2 : 2]
    zeros_low, zeros_high = low.count(0), high.count(0)
    for codec, zeros, other in (("utf-16-le", zeros_high, zeros_low), ("utf-16-be", zeros_low, zeros_high)):
        if zeros * 10 >= pairs and other == 0:
            text = head[: pairs * 2].decode(codec, "replace")
            if "\n" in text or "\r" in text:
                return codec
    return ""


def _narrow(path: Path) -> Encoding:
    """UTF-8 if every byte fits; else the commoner of UTF-8 with damaged rows and one-byte Western text."""
    valid, invalid, line, undefined = _count_utf8(path)
    if not invalid:
        return Encoding("utf-8", 0, True, "Every byte is valid UTF-8.")
    where = f"Line {line} holds bytes that are not UTF-8"
    if valid > invalid:
        return Encoding(
            "utf-8", 0, False, f"{where}, the rest is. Read as UTF-8; rows with such bytes were refused.", mixed=True
        )
    codec = "iso-8859-1" if undefined else "windows-1252"
    return Encoding(codec, 0, False, f"{where}. Guessed: {ENCODINGS[codec]}. State another if letters look wrong.")


def _count_utf8(path: Path) -> tuple[int, int, int, bool]:
    """Multi-byte characters, invalid bytes, the line of the first of these, and bytes that windows-1252 lacks."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    valid = invalid = first = 0
    chunks, undefined = 0, False
    for chunks, chunk in enumerate(_chunks(path), 1):
        if not chunk.isascii() or decoder.getstate()[0]:
            text = decoder.decode(chunk)
            bad = len(re.findall("[\udc80-\udcff]", text))
            if bad and not first:
                before = re.split("[\udc80-\udcff]", text, maxsplit=1)[0]
                first = _feeds(path, chunks - 1) + before.count("\n") + 1
            valid += len(re.findall("[^\x00-\x7f\udc80-\udcff]", text))
            invalid += bad
            undefined = undefined or bool(UNDEFINED_1252.search(chunk))
    tail = decoder.decode(b"", final=True)
    if tail and not first:
        first = _feeds(path, chunks) + 1
    return valid, invalid + len(tail), first, undefined


def _feeds(path: Path, chunks: int) -> int:
    """Line ends in so many chunks; asked for only when a line has to be named."""
    return sum(chunk.count(b"\n") for chunk in islice(_chunks(path), chunks))


def _transcode(path: Path, place: Path, encoding: Encoding, report: Report) -> None:
    decoder = codecs.getincrementaldecoder(encoding.codec)("strict")
    done, line, total = 0, 1, path.stat().st_size
    with place.open("wb") as target:
        for chunk in _chunks(path, encoding.skip):
            try:
                text = decoder.decode(chunk)
            except UnicodeDecodeError as error:
                line += _lines_before(chunk[: error.start], encoding.codec)
                raise _not_in(encoding, line) from None
            target.write(text.encode("utf-8"))
            line += text.count("\n")
            done += len(chunk)
            report.progress(done, total, "finding out the encoding")
        try:
            target.write(decoder.decode(b"", final=True).encode("utf-8"))
        except UnicodeDecodeError:
            raise _not_in(encoding, line) from None


def _lines_before(raw: bytes, codec: str) -> int:
    return raw.decode(codec, "replace").count("\n")


def _not_in(encoding: Encoding, line: int) -> Invalid:
    return Invalid(
        f"Line {line} holds bytes that are not {ENCODINGS[encoding.codec]}. State the right encoding and upload again.",
        code="encoding",
        fields={"encoding": f"Line {line} does not fit this encoding."},
        line=line,
    )


def _chunks(path: Path, skip: int = 0) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(skip)
        while chunk := file.read(CHUNK):
            yield chunk
