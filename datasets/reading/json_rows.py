"""PURE: JSON as a list of objects, or one object on each line; what is nested is flattened by the stated rule."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from datasets.reading import encodings
from datasets.reading.findings import Findings
from datasets.reading.limits import MAX_COLUMNS, MAX_DEPTH, MAX_JSON_BYTES, MAX_RECORD_BYTES, MEBIBYTE
from datasets.reading.options import NESTED, Options
from datasets.reading.tables import Written
from datasets.reading.typed_rows import Cell, Spool, fault_of
from jobs.report import Report
from problems.problem import Invalid, TooLarge


def read_document(path: Path, options: Options, folder: Path, findings: Findings, report: Report) -> Written:
    """A JSON file that is one list of objects."""
    if path.stat().st_size > MAX_JSON_BYTES:
        raise TooLarge(
            f"A JSON document may have {MAX_JSON_BYTES // MEBIBYTE} MB. Save it as JSON lines (one object per line): "
            "that may be larger.",
            code="json_too_large",
        )
    text_path, start = encodings.as_utf8(path, folder / "text.json", options.encoding, findings, report)
    with text_path.open("rb") as file:
        file.seek(start)
        text = file.read()
    try:
        document = _parse(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _not_json(error) from None
    records = _records(document, options, findings)
    with Spool(folder, findings, options) as spool:
        for number, item in enumerate(records, 1):
            keep(item, spool, findings, options, number)
            report.progress(number, len(records), "reading")
        findings.lines = len(records)
        tell_nested(options, findings)
        findings.notes.append("Line numbers of refused rows count the objects of the list.")
        return spool.finish(report)


def read_lines(path: Path, options: Options, folder: Path, findings: Findings, report: Report) -> Written:
    """A file with one JSON object on each line."""
    text_path, start = encodings.as_utf8(path, folder / "text.json", options.encoding, findings, report)
    total = text_path.stat().st_size
    with Spool(folder, findings, options) as spool:
        done = start
        for number, line in enumerate(_lines(text_path, start), 1):
            done += len(line)
            findings.lines = number
            if not line.strip():
                findings.blank_lines += 1
                continue
            try:
                item = _parse(line.decode("utf-8"))
            except (ValueError, RecursionError) as error:
                findings.refusals.add(number, f"it is not JSON: {_words(error)}", line)
                continue
            keep(item, spool, findings, options, number)
            report.progress(done, total, "reading")
        tell_nested(options, findings)
        return spool.finish(report)


def _lines(path: Path, start: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        number = 0
        while line := file.readline(MAX_RECORD_BYTES + 1):
            number += 1
            if len(line) > MAX_RECORD_BYTES:
                raise Invalid(f"Line {number} is longer than {MAX_RECORD_BYTES // MEBIBYTE} MB.", code="long_line")
            yield line


def _parse(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_once_each)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is repeated in one object")
    return found


def _words(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "it holds bytes that are not UTF-8"
    return str(error)[:200]


def _not_json(error: Exception) -> Invalid:
    if isinstance(error, json.JSONDecodeError):
        return Invalid(f"The JSON breaks in line {error.lineno}: {error.msg}.", code="json", line=error.lineno)
    return Invalid(f"The JSON cannot be read: {_words(error)}.", code="json")


def _records(document: Any, options: Options, findings: Findings) -> list[Any]:
    """The list of records: the document itself, or the one list of objects in it, or what the stated path leads to."""
    if isinstance(document, list) and not options.records:
        return document
    lists = dict(_lists_in(document))
    findings.choose("records", list(lists))
    if options.records:
        if options.records not in lists:
            raise _no_records(f"There is no list at “{options.records[:100]}”.", lists)
        findings.guess("records", options.records, f"Stated at the upload: the list at {options.records}.", sure=True)
        return lists[options.records]
    objects = [path for path, items in lists.items() if items and all(isinstance(item, dict) for item in items)]
    if len(objects) != 1:
        raise _no_records("The JSON holds one object. A list of objects is needed: [{…}, {…}].", dict.fromkeys(objects))
    text = f"The only list of objects in the document: {objects[0]}. What stands beside it was left out."
    findings.guess("records", objects[0], text, sure=False)
    return lists[objects[0]]


def _no_records(text: str, lists: Mapping[str, Any]) -> Invalid:
    here = f" Lists stand at: {', '.join(list(lists)[:20])}. State one of them." if lists else ""
    return Invalid(text + here, code="json_shape", fields={"records": text})


def _lists_in(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, list[Any]]]:
    if isinstance(value, list) and path:
        yield path, value
    if isinstance(value, dict) and depth < 4:
        for name, inner in value.items():
            yield from _lists_in(inner, f"{path}.{name}" if path else name, depth + 1)


def keep(item: Any, spool: Spool, findings: Findings, options: Options, number: int) -> None:
    """Add one object, or refuse it with the reason."""
    fault, row = "", {}
    if not isinstance(item, dict):
        fault = "it is not an object {…}"
    else:
        try:
            row = flattened(item, options.nested)
        except (ValueError, RecursionError) as error:
            fault = _words(error)
        fault = fault or next((f for f in map(fault_of, row.values()) if f), "") or _names_fault(row)
    if fault:
        findings.refusals.add(number, fault, _shown(item))
    else:
        spool.add(row)


def _names_fault(row: dict[str, Cell]) -> str:
    fault = next((f for f in map(fault_of, row) if f), "")
    return f"a name is not usable: {fault}" if fault else ""


def _shown(item: Any) -> bytes:
    try:
        return json.dumps(item)[:2000].encode()
    except (ValueError, RecursionError):
        return str(type(item).__name__).encode()


def tell_nested(options: Options, findings: Findings) -> None:
    """Say by which rule nested values became columns."""
    rule = options.nested or "columns"
    how = "Stated at the upload" if options.nested else "The usual rule"
    findings.guess("nested", rule, f"{how}: {NESTED[rule][0].lower()}{NESTED[rule][1:]}.", sure=bool(options.nested))


def flattened(item: dict[str, Any], rule: str = "", prefix: str = "", depth: int = 0) -> dict[str, Cell]:
    """One row by the rule: inner objects (with `all` lists too) become columns by their path, the rest JSON text."""
    if depth > MAX_DEPTH:
        raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")
    row: dict[str, Cell] = {}
    for name, value in item.items():
        path = f"{prefix}{name}"
        inner = _inner(value, rule)
        found = {path: _leaf(value)} if inner is None else flattened(inner, rule, f"{path}.", depth + 1)
        if clash := row.keys() & found.keys():
            raise ValueError(f"two values are named {min(clash)}")
        row.update(found)
        if len(row) > MAX_COLUMNS:
            raise ValueError(f"it has more than {MAX_COLUMNS} values")
    return row


def _inner(value: Any, rule: str) -> dict[str, Any] | None:
    """What becomes columns of its own; None for a value that is one cell."""
    if isinstance(value, dict) and rule != "text":
        return value
    if isinstance(value, list) and rule == "all" and value:
        return {str(place): each for place, each in enumerate(value[: MAX_COLUMNS + 1])}
    return None


def _leaf(value: Any) -> Cell:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value
