"""PURE: XML as rows: the element that repeats is a row, its attributes and inner elements are columns by their path.

Entities and outside references are never resolved. The file is read as a stream twice: once to find the element that
repeats, once for its rows, so that its size does not matter.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax import SAXException
from xml.sax.handler import ContentHandler, feature_namespaces

from defusedxml import DefusedXmlException
from defusedxml.expatreader import create_parser

from datasets.reading.findings import Findings
from datasets.reading.json_rows import keep, tell_nested
from datasets.reading.limits import MAX_DEPTH, MAX_RECORD_BYTES, MEBIBYTE
from datasets.reading.options import Options
from datasets.reading.tables import Written
from datasets.reading.typed_rows import Spool
from jobs.report import Report
from problems.problem import Invalid

Steps = tuple[str, ...]
MOST_KINDS = 10_000
CHUNK = 64 * 1024


def read(path: Path, options: Options, folder: Path, findings: Findings, report: Report) -> Written:
    """Read the elements that repeat, or those of the stated name."""
    shape = _Shape()
    for _ in _parsed(path, shape, report, "finding the rows"):
        pass
    chosen = _chosen(shape, options, findings)
    rows = _Rows(chosen)
    with Spool(folder, findings, options, texts=True) as spool:
        for _ in _parsed(path, rows, report, "reading"):
            for line, item in rows.taken():
                keep(item, spool, findings, options, line)
        findings.lines = rows.line
        tell_nested(options, findings)
        if shape.others(chosen):
            findings.notes.append(f"{shape.others(chosen)} elements that are no part of such a row were left out.")
        return spool.finish(report)


def _parsed(path: Path, handler: ContentHandler, report: Report, text: str) -> Iterator[None]:
    """Feed the file to the handler, a piece at a time."""
    parser = create_parser(forbid_dtd=False, forbid_entities=True, forbid_external=True)
    parser.setFeature(feature_namespaces, False)
    parser.setContentHandler(handler)
    handler.setDocumentLocator(parser)
    total = path.stat().st_size
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                parser.feed(chunk)
                report.progress(file.tell(), total, text)
                yield
        parser.close()
        yield
    except DefusedXmlException as error:
        what = type(error).__name__.removesuffix("Forbidden").lower()
        raise Invalid(
            f"The XML declares what is never resolved here ({what}). It was not read.", code="unsafe_xml"
        ) from None
    except SAXException as error:
        line = getattr(error, "getLineNumber", lambda: 0)() or 0
        words = error.getMessage()
        raise Invalid(f"The XML breaks in line {line}: {words}.", code="xml", line=line) from None
    except (ValueError, LookupError) as error:
        raise Invalid(f"The XML cannot be read: {str(error)[:200]}.", code="xml") from None


def _plain(name: str) -> str:
    """A name without the prefix of its namespace."""
    return name.rsplit(":", 1)[-1]


class _Shape(ContentHandler):
    """Counts how often each path of elements occurs."""

    def __init__(self) -> None:
        super().__init__()
        self.path: list[str] = []
        self.counts: Counter[Steps] = Counter()

    def startElement(self, name: str, attrs: Any) -> None:
        """One more of this path."""
        self.path.append(_plain(name))
        if len(self.path) > 2 * MAX_DEPTH:
            raise Invalid(f"The XML is nested more than {2 * MAX_DEPTH} levels deep.", code="nested")
        self.counts[tuple(self.path)] += 1
        if len(self.counts) > MOST_KINDS:
            raise Invalid(
                f"The XML has more than {MOST_KINDS:,} kinds of elements; this is no table.", code="xml_shape"
            )

    def endElement(self, name: str) -> None:
        """Back to the one around."""
        self.path.pop()

    def repeated(self) -> list[Steps]:
        """The paths that occur more than once, the shallowest first and of these the most frequent."""
        many = [path for path, count in self.counts.items() if count > 1]
        return sorted(many, key=lambda path: (len(path), -self.counts[path]))

    def others(self, chosen: Steps) -> int:
        """How many elements are beside the chosen ones: siblings of other names, and what these hold."""
        around = chosen[:-1]
        return sum(
            count
            for path, count in self.counts.items()
            if path[: len(chosen)] != chosen and path[: len(path)] != around[: len(path)]
        )


def _chosen(shape: _Shape, options: Options, findings: Findings) -> Steps:
    repeated = shape.repeated()
    findings.choose("records", ["/".join(path) for path in repeated])
    if options.records:
        wanted = tuple(options.records.strip("/").split("/"))
        found = [path for path in shape.counts if path[-len(wanted) :] == wanted]
        if not found:
            text = f"The XML has no element “{options.records[:100]}”."
            raise Invalid(text, code="xml_shape", fields={"records": text})
        chosen = min(found, key=lambda path: (len(path), -shape.counts[path]))
    else:
        chosen = repeated[0] if repeated else max(shape.counts, key=lambda path: len(path) == 2)
    count, name = shape.counts[chosen], "/".join(chosen)
    how = "Stated at the upload" if options.records else "The outermost element that repeats"
    findings.guess("records", name, f"{how}: {name}, {count} times.", sure=bool(options.records))
    return chosen


class _Rows(ContentHandler):
    """Collects each chosen element as a value of objects, lists and texts."""

    def __init__(self, chosen: Steps) -> None:
        super().__init__()
        self.chosen = chosen
        self.path: list[str] = []
        self.stack: list[tuple[dict[str, Any], list[str]]] = []
        self.size = self.start = self.line = 0
        self.done: list[tuple[int, dict[str, Any]]] = []
        self.locator: Any = None

    def setDocumentLocator(self, locator: Any) -> None:
        """Where the parser is."""
        self.locator = locator

    def taken(self) -> list[tuple[int, dict[str, Any]]]:
        """The rows that were finished since the last call, with their lines."""
        done, self.done = self.done, []
        return done

    def startElement(self, name: str, attrs: Any) -> None:
        """A row begins, or something in it."""
        self.path.append(_plain(name))
        if self.stack or tuple(self.path) == self.chosen:
            if not self.stack:
                self.size, self.start = 0, self.locator.getLineNumber()
            values: dict[str, Any] = {}
            for key, value in attrs.items():
                if key != "xmlns" and not key.startswith("xmlns:"):
                    self._grow(len(value))
                    _put(values, _plain(key), value)
            self.stack.append((values, []))

    def characters(self, content: str) -> None:
        """Text of the element that is open."""
        if self.stack:
            self._grow(len(content))
            self.stack[-1][1].append(content)

    def endElement(self, name: str) -> None:
        """Hand the value to the element around, or finish the row."""
        self.path.pop()
        self.line = self.locator.getLineNumber()
        if not self.stack:
            return
        values, texts = self.stack.pop()
        text = "".join(texts).strip()
        if self.stack:
            value: Any = {**values, **({"text": text} if text and "text" not in values else {})} if values else text
            _put(self.stack[-1][0], _plain(name), value or None)
        else:
            self.done.append((self.start, {**values, **({"text": text} if text and "text" not in values else {})}))

    def _grow(self, more: int) -> None:
        self.size += more
        if self.size > MAX_RECORD_BYTES:
            raise Invalid(
                f"The row in line {self.start} is larger than {MAX_RECORD_BYTES // MEBIBYTE} MB.", code="long_line"
            )


def _put(values: dict[str, Any], name: str, value: Any) -> None:
    """The second value of a name makes a list of them."""
    if name not in values:
        values[name] = value
    elif isinstance(values[name], list):
        values[name].append(value)
    else:
        values[name] = [values[name], value]
