"""PURE: tables of web pages, or rows picked by CSS selectors; what robots.txt asks is kept."""

import csv
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

from datasets.connectors.base import READ, Connector, Fetched, Outside, Params, Raw, Since, Step
from datasets.connectors.fields import HOW, WHERE, Field
from datasets.connectors.web_asking import Asker, reach_and_sign_in, refused, watch_address
from jobs.report import Report
from outbound.addresses import parse
from problems.problem import Invalid, Problem, TooLarge, Unavailable

NAME = "Baton"
MOST_PAGE = 64 * 1024 * 1024
MOST_ROBOTS = 512 * 1024
MOST_CELL = 100_000
MOST_PAGES = 50
HOW_ROWS = {"table": "They are a table of the page", "selectors": "CSS selectors pick them"}


class Website(Connector):
    """Pages of one or more sites."""

    key = "website"
    title = "Website"
    help = "A table of a page, or rows that CSS selectors pick. What the site's robots.txt forbids is not fetched."
    icon = "globe"
    fields = (
        Field(
            "addresses",
            "lines",
            "Pages",
            f"One address a line, at most {MOST_PAGES}; their rows are put together.",
            group=WHERE,
            locates=True,
            example="https://www.example.org/prices",
        ),
        Field("rows", "choice", "The rows", default="table", choices=HOW_ROWS),
        Field(
            "table",
            "integer",
            "Number of the table",
            "From 1 on; empty takes the largest.",
            required=False,
            low=1,
            high=1000,
            only=("rows", ("table",)),
        ),
        Field("row_selector", "text", "Selector of a row", "Such as div.product.", only=("rows", ("selectors",))),
        Field(
            "columns",
            "lines",
            "Columns",
            "One a line: name = selector inside the row; name = selector @attribute takes an attribute.",
            only=("rows", ("selectors",)),
            example="price = span.price",
        ),
        Field(
            "per_second", "number", "Requests a second", "At most so many.", group=HOW, default=1.0, low=0.05, high=10
        ),
    )

    def check(self, p: Params) -> None:
        if len(p["addresses"]) > MOST_PAGES:
            raise self._field("addresses").wrong(f"has at most {MOST_PAGES} lines")
        if p["rows"] == "selectors":
            _selectors(p)

    def _field(self, name: str) -> Field:
        return next(one for one in self.fields if one.name == name)

    def watch(self, p: Params, *, allow: frozenset[str]) -> None:
        for address in p["addresses"]:
            watch_address("addresses", address, allow)

    def where(self, p: Params) -> str:
        hosts = list(dict.fromkeys(urlsplit(one).netloc for one in p["addresses"]))
        return str(hosts[0]) + (f" and {len(hosts) - 1} more" if len(hosts) > 1 else "")

    def sentence(self, p: Params) -> str:
        pages = p["addresses"][0] if len(p["addresses"]) == 1 else f"{len(p['addresses'])} pages of {self.where(p)}"
        if p["rows"] == "selectors":
            return f"What “{p['row_selector']}” picks on {pages}"
        return f"{'Table ' + str(p['table']) if p['table'] else 'The largest table'} of {pages}"

    def steps(self, p: Params, outside: Outside) -> Iterator[Step]:
        start, address = time.monotonic(), p["addresses"][0]
        robots = _Robots(Asker(p, outside, tries=1))
        robots.check(address)
        answer = robots.asker.ask(address)
        yield from reach_and_sign_in(p, answer, time.monotonic() - start)
        if problem := refused(answer.status):
            raise problem
        if p["rows"] == "table":
            tables = answer.content.lower().count(b"<table")
            yield Step(
                READ, tables >= (p["table"] or 1), f"The first page holds {tables} table{'' if tables == 1 else 's'}."
            )
            return
        rows = list(picked(answer.content.decode("utf-8", "replace"), p))
        yield Step(READ, bool(rows), f"The selectors pick {len(rows)} rows of the first page.")

    def fetch(self, p: Params, since: Since, folder: Path, outside: Outside, report: Report) -> Fetched:
        robots = _Robots(Asker(p, outside, report))
        pages = []
        for number, address in enumerate(p["addresses"], 1):
            report.progress(number - 1, len(p["addresses"]), "fetching pages")
            pages.append(robots.page(address, folder / f"page-{number}.html"))
        notes = [f"robots.txt of {origin} was kept." for origin in robots.found]
        if p["rows"] == "table":
            options = {"format": "html"} | ({"table": str(p["table"])} if p["table"] else {})
            return Fetched([Raw(page, page.name, options) for page in pages], notes=notes)
        place = folder / "rows.csv"
        count = _write(place, pages, p, folder, report)
        if not count:
            raise Invalid(f"“{p['row_selector'][:100]}” picks no row of these pages.", code="no_rows")
        options = {"format": "delimited", "delimiter": "comma", "quote": "double", "header": "yes", "encoding": "utf-8"}
        return Fetched([Raw(place, "rows.csv", options)], notes=notes, beside=pages)


class _Robots:
    """What the robots.txt of each site says, asked once."""

    def __init__(self, asker: Asker) -> None:
        self.asker = asker
        self.found: dict[str, RobotFileParser] = {}

    def page(self, address: str, place: Path) -> Path:
        """One page that may be fetched, in a file."""
        self.check(address)
        answer = self.asker.ask(address, place=place)
        if problem := refused(answer.status):
            raise problem
        if answer.size > MOST_PAGE:
            raise TooLarge("A web page may have 64 MB.", code="too_many_bytes")
        if answer.url != address:
            self.check(answer.url)  # it sent us on: that page must allow it too before it is used
        return place

    def check(self, address: str) -> None:
        """Refuse a page that its site does not want to be collected."""
        origin = parse(address, allow=self.asker.outside.allow).origin
        if origin not in self.found:
            self.found[origin] = self._read(origin)
        rules = self.found[origin]
        if not rules.can_fetch(NAME, address):
            raise Problem(f"The robots.txt of {origin} does not allow {address[:200]} to be fetched.", code="robots")
        delay = rules.crawl_delay(NAME)
        if delay is not None:
            self.asker.pause = max(self.asker.pause, min(60.0, float(delay)))

    def _read(self, origin: str) -> RobotFileParser:
        rules = RobotFileParser()
        answer = self.asker.ask(f"{origin}/robots.txt", enough=MOST_ROBOTS, signed=False)
        if answer.status >= 500 or answer.status == 429:
            raise Unavailable(f"The robots.txt of {origin} cannot be read now, so nothing is fetched.", code="robots")
        if answer.status in (401, 403):
            rules.parse(["User-agent: *", "Disallow: /"])
        else:
            text = answer.content.decode("utf-8", "replace") if answer.status == 200 else ""
            rules.parse(text.splitlines())
        return rules


def _selectors(p: Params) -> list[tuple[str, str, str]]:
    """Name, selector and attribute of each column; a wrong line or selector is refused beside its field."""
    from selectolax.lexbor import LexborHTMLParser, SelectolaxError

    found = []
    for line in p["columns"]:
        name, equals, rest = (part.strip() for part in line.partition("="))
        selector, _, attribute = (part.strip() for part in rest.partition(" @"))
        if not name or not equals or not selector:
            text = f"A column is a line such as “price = span.price”, not “{line[:60]}”."
            raise Invalid(text, fields={"columns": text})
        found.append((name, selector, attribute))
    if len({name for name, _, _ in found}) < len(found):
        text = "Each column needs a name of its own."
        raise Invalid(text, fields={"columns": text})
    page = LexborHTMLParser("<p></p>")
    for field, selector in [("row_selector", p["row_selector"]), *[("columns", one) for _, one, _ in found]]:
        try:
            page.css(selector)
        except SelectolaxError:
            text = f"“{selector[:100]}” is no CSS selector."
            raise Invalid(text, fields={field: text}) from None
    return found


def picked(html: str, p: Params) -> Iterator[list[str]]:
    """The cells of each row that the selectors pick."""
    from selectolax.lexbor import LexborHTMLParser

    columns = _selectors(p)
    for row in LexborHTMLParser(html).css(p["row_selector"]):
        cells = [_cell(row.css_first(selector), attribute) for _, selector, attribute in columns]
        if any(cells):
            yield cells


def _cell(node: Any, attribute: str) -> str:
    if node is None:
        return ""
    text = (node.attributes.get(attribute) or "") if attribute else node.text(separator=" ")
    return " ".join(text.split())[:MOST_CELL]


def _write(place: Path, pages: list[Path], p: Params, folder: Path, report: Report) -> int:
    """Texts as a delimited file, so that they are typed as those of an upload."""
    from datasets.reading import encodings
    from datasets.reading.findings import Findings

    count = 0
    with place.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow([name for name, _, _ in _selectors(p)])
        for page in pages:
            text, start = encodings.as_utf8(page, folder / "page.utf8", "", Findings(), report)
            for cells in picked(text.read_bytes()[start:].decode("utf-8", "replace"), p):
                writer.writerow(cells)
                count += 1
    return count
