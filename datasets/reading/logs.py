"""PURE: logs of one entry a line, by a named pattern or one of the uploader's own; what does not match is listed.

Patterns run on an engine whose time grows with the length of the line only (RE2), so that none of them can explode.
"""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from datasets.reading import encodings
from datasets.reading.findings import Findings
from datasets.reading.limits import MAX_COLUMNS, MAX_RECORD_BYTES, MEBIBYTE
from datasets.reading.names import unique
from datasets.reading.options import PATTERNS, Options
from datasets.reading.tables import Written
from datasets.reading.typed_rows import Spool, fault_of
from jobs.report import Report
from problems.problem import Invalid

LINES = 5_000
LOOK_LINES = 50
_QUOTED = r'(?:[^"\\]|\\.)*'
_COMMON = (
    r"^(?P<host>\S+) (?P<identity>\S+) (?P<user>\S+) \[(?P<time>[^\]]+)\] "
    r'"(?:(?P<method>[A-Z]+) (?P<path>' + _QUOTED + r"?)(?: (?P<protocol>HTTP/[0-9.]+))?|"
    r"(?P<other_request>" + _QUOTED + r'))" (?P<status>[0-9]{3}|-) (?P<bytes>[0-9]+|-)'
)
NAMED = {
    "combined": _COMMON + r' "(?P<referrer>' + _QUOTED + r')" "(?P<agent>' + _QUOTED + r')"\s*$',
    "common": _COMMON + r"\s*$",
}
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
TIME = r"^([0-9]{2})/([A-Z][a-z]{2})/([0-9]{4}):([0-9:]{8}) ([+-][0-9]{2})([0-9]{2})$"


def looks_like(head: bytes) -> str:
    """The named pattern that nine of ten of the first lines match; empty when none does."""
    lines = [line.decode("utf-8", "replace") for line in head.splitlines()[:LOOK_LINES] if line.strip()]
    if not lines:
        return ""
    if len(lines) > 1 and not head.endswith(b"\n"):
        lines.pop()
    for name, pattern in NAMED.items():
        found = pc.extract_regex(pa.array(lines, pa.string()), pattern)
        if (len(found) - found.null_count) * 10 >= len(lines) * 9:
            return name
    return ""


def read(path: Path, options: Options, folder: Path, findings: Findings, report: Report) -> Written:
    """Read every line by the pattern."""
    text, start = encodings.as_utf8(path, folder / "text.log", options.encoding, findings, report)
    name, pattern = _pattern(text, start, options, findings)
    columns = unique(_groups(pattern), findings)
    total = text.stat().st_size
    with Spool(folder, findings, options, texts=True) as spool:
        for column in columns:
            spool.column(column)
        done = start
        for number, raw in _pieces(text, start, options):
            _keep(number, raw, pattern, columns, name, spool, findings)
            done += sum(map(len, raw))
            report.progress(done, total, "reading")
        if name != "custom":
            findings.notes.append("A dash alone means that the server had no value; it counts as missing.")
        return spool.finish(report)


def _pattern(path: Path, start: int, options: Options, findings: Findings) -> tuple[str, str]:
    name = options.pattern or ("custom" if options.regex else "")
    stated = bool(name)
    if not name:
        with path.open("rb") as file:
            file.seek(start)
            name = looks_like(file.read(MAX_RECORD_BYTES // 16))
    if not name:
        why = "No named pattern matches the first lines. State a regular expression with named groups."
        raise Invalid(why, code="unknown_pattern", fields={"pattern": why})
    how = "Stated at the upload" if stated else "It matches the first lines"
    findings.guess("pattern", name, f"{how}: {PATTERNS[name].lower()}.", sure=stated)
    return name, options.regex if name == "custom" else NAMED[name]


def _groups(pattern: str) -> list[str]:
    """The names of the pattern's groups, by the engine itself."""
    try:
        found = pc.extract_regex(pa.array([""], pa.string()), pattern)
    except (pa.ArrowException, ValueError) as error:
        words = str(error).split("Detail")[0][:200]
        text = f"The regular expression cannot be used: {words}. Every group needs a name: (?P<name>…)."
        raise Invalid(text, code="regex", fields={"regex": text}) from None
    groups = [field.name for field in found.type]
    if not groups or len(groups) > MAX_COLUMNS:
        text = "The regular expression needs at least one group with a name: (?P<name>…)."
        raise Invalid(text, code="regex", fields={"regex": text})
    return groups


def _pieces(path: Path, start: int, options: Options) -> Iterator[tuple[int, list[bytes]]]:
    """Some thousand lines at a time, with the number of the first, without those stated to stand before."""
    number = 1
    lines: list[bytes] = []
    skip = options.lines("preamble")
    with path.open("rb") as file:
        file.seek(start)
        while line := file.readline(MAX_RECORD_BYTES + 1):
            if len(line) > MAX_RECORD_BYTES:
                raise Invalid(
                    f"Line {number + len(lines)} is longer than {MAX_RECORD_BYTES // MEBIBYTE} MB.", code="long_line"
                )
            if skip:
                skip, number = skip - 1, number + 1
                continue
            lines.append(line)
            if len(lines) == LINES:
                yield number, lines
                number, lines = number + len(lines), []
    if lines:
        yield number, lines


def _keep(
    number: int, raw: list[bytes], pattern: str, columns: list[str], name: str, spool: Spool, findings: Findings
) -> None:
    texts = [line.rstrip(b"\r\n").decode("utf-8", "surrogateescape") for line in raw]
    faults = [_fault(text) for text in texts]
    safe = ["" if fault else text for text, fault in zip(texts, faults, strict=True)]
    found = pc.extract_regex(pa.array(safe, pa.string()), pattern)
    groups = [found.field(i) for i in range(len(columns))]
    if name != "custom":
        groups = [_usual(column, cells) for column, cells in zip(columns, groups, strict=True)]
    values = [cells.to_pylist() for cells in groups]
    matched = found.is_valid().to_pylist()
    for place, (text, fault) in enumerate(zip(texts, faults, strict=True)):
        line = number + place
        findings.lines = line
        if not fault and not text.strip():
            findings.blank_lines += 1
        elif fault or not matched[place]:
            findings.refusals.add(line, fault or "it does not match the pattern", raw[place])
        else:
            spool.add({column: cells[place] or None for column, cells in zip(columns, values, strict=True)})


def _fault(text: str) -> str:
    fault = fault_of(text)
    return "it holds bytes that are not UTF-8" if "surrogate" in fault else fault


def _usual(column: str, cells: pa.Array) -> pa.Array:
    """A dash as missing, and the server's time as a time with its zone."""
    if column != "time":
        return pc.if_else(pc.fill_null(pc.equal(cells, "-"), False), pa.scalar(None, pa.string()), cells)
    times = pc.replace_substring_regex(cells, TIME, r"\3-\2-\1 \4\5:\6")
    for place, month in enumerate(MONTHS, 1):
        times = pc.replace_substring(times, f"-{month}-", f"-{place:02d}-", max_replacements=1)
    return times
