"""PURE: what stands around a table in a text file and is no part of it: lines before it, summary rows behind it."""

from itertools import islice
from pathlib import Path

from datasets.reading.findings import Findings, excerpt
from datasets.reading.limits import MAX_RECORD_BYTES, MEBIBYTE
from datasets.reading.options import Options
from datasets.reading.records import LINE_END
from problems.problem import Invalid


def between(path: Path, start: int, options: Options, findings: Findings) -> tuple[int, int]:
    """Where the table begins and ends in a UTF-8 text whose first byte is at `start`. Lines are lines of the file."""
    size = path.stat().st_size
    first = _behind(path, start, options.lines("preamble"))
    last = _before(path, first, size, options.lines("summary_rows"))
    if first >= size or last <= first:
        raise Invalid(
            "Nothing is left of the file without the lines that were stated to stand before and behind the table.",
            code="no_rows",
            fields={"preamble": "The file has no more lines than this."},
        )
    tell(path, (start, first), (last, size), options, findings)
    return first, last


def tell(path: Path, above: tuple[int, int], below: tuple[int, int], options: Options, findings: Findings) -> None:
    """Say what was left out, and how it begins."""
    for option, words, (begin, end) in (
        ("preamble", "before the table", above),
        ("summary_rows", "at the end, stated to be summary rows,", below),
    ):
        count = options.lines(option)
        if count:
            with path.open("rb") as file:
                file.seek(begin)
                text = excerpt(file.read(min(end - begin, 400)))
            lines = f"{count} line{'s' if count > 1 else ''} {words}"
            findings.guess(
                option, str(count), f"Stated at the upload: {lines} left out. They begin “{text}”.", sure=True
            )


def _behind(path: Path, position: int, lines: int) -> int:
    """Just behind so many lines."""
    if not lines:
        return position
    with path.open("rb") as file:
        file.seek(position)
        text = file.read(MAX_RECORD_BYTES)
    ends = [match.end() for match in islice(LINE_END.finditer(text), lines)]
    return position + (ends[-1] if len(ends) == lines else len(text))


def _before(path: Path, first: int, size: int, lines: int) -> int:
    """Just before the last so many lines that hold anything."""
    if not lines:
        return size
    begin = max(first, size - MAX_RECORD_BYTES)
    with path.open("rb") as file:
        file.seek(begin)
        text = file.read(size - begin)
    end = b"\n" if b"\n" in text else b"\r"
    position = len(text)
    while lines and position > 0:
        start = text.rfind(end, 0, position - 1) + 1
        lines -= bool(text[start:position].strip())
        position = start
    if lines and begin > first:
        raise Invalid(f"The stated summary rows are longer than {MAX_RECORD_BYTES // MEBIBYTE} MB.", code="long_line")
    return begin + position
