"""PURE: rows of a REST API: signed in, page by page, at its pace, only what is new when it can say so."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urljoin, urlsplit

from datasets.connectors.base import FULL, INCREMENTAL, READ, Connector, Fetched, Outside, Params, Raw, Since, Step
from datasets.connectors.fields import HOW, WHERE, Field
from datasets.connectors.json_answers import later, parsed, rows_at, value_at
from datasets.connectors.web_asking import (
    PER_SECOND,
    SIGNING,
    Asker,
    check_signing,
    reach_and_sign_in,
    refused,
    watch_address,
    with_query,
)
from jobs.report import Report
from outbound.addresses import parse
from problems.problem import Invalid, Problem, TooLarge

PAGINGS = {
    "none": "Everything comes at once",
    "page": "By the number of the page",
    "offset": "By how many rows to skip",
    "cursor": "By a cursor in the answer",
    "link": "By a link to the next page",
}
LINK = re.compile(r'<([^<>]*)>\s*;[^,]*\brel="?next"?', re.IGNORECASE)
COUNTED = ("page", "offset")


class RestApi(Connector):
    """Rows of JSON answers."""

    key = "rest_api"
    title = "REST API"
    help = "An address that answers JSON, page by page, with or without signing in."
    icon = "plug"
    modes = (FULL, INCREMENTAL)
    fields = (
        Field(
            "address",
            "text",
            "Address",
            "Everybody in the project can read it: a key goes into its own field below.",
            group=WHERE,
            locates=True,
            example="https://api.example.org/v1/orders",
        ),
        Field("method", "choice", "Ask with", group=WHERE, default="GET", choices={"GET": "GET", "POST": "POST"}),
        Field("body", "long", "What is sent, as JSON", group=WHERE, required=False, only=("method", ("POST",))),
        *SIGNING,
        Field(
            "rows_path",
            "text",
            "Where the rows are",
            "A path such as data.items. Empty: the answer itself is the list.",
            required=False,
        ),
        Field("paging", "choice", "Pages", group=HOW, default="none", choices=PAGINGS),
        Field(
            "page_param",
            "text",
            "Parameter that asks for the page",
            "Such as page, offset or cursor. In a POST it goes into the body.",
            group=HOW,
            only=("paging", ("page", "offset", "cursor")),
        ),
        Field("page_first", "integer", "Number of the first page", group=HOW, default=1, low=0, high=1),
        Field("size_param", "text", "Parameter for rows a page", group=HOW, required=False, only=("paging", COUNTED)),
        Field("page_size", "integer", "Rows a page", group=HOW, required=False, low=1, high=100_000),
        Field(
            "next_path",
            "text",
            "Where the cursor or link is",
            "A path in the answer. For links, empty means the Link header.",
            group=HOW,
            required=False,
            only=("paging", ("cursor", "link")),
        ),
        Field("most_pages", "integer", "At most so many pages", group=HOW, default=1000, low=1, high=100_000),
        PER_SECOND,
        Field(
            "watermark",
            "text",
            "Field that grows",
            "For loading only what is new: a number or a time of each row, such as updated_at.",
            required=False,
            incremental=True,
        ),
        Field(
            "since_param",
            "text",
            "Parameter that asks for what came after",
            "Such as updated_since. It is sent the largest value that was seen.",
            required=False,
            incremental=True,
        ),
    )

    def check(self, p: Params) -> None:
        check_signing(p)
        if p["paging"] == "cursor" and not p["next_path"]:
            raise self._field("next_path").wrong("is needed to go on by a cursor")
        if p["size_param"] and not p["page_size"]:
            raise self._field("page_size").wrong("is needed beside its parameter")
        if p["body"] and not isinstance(_json_of(p["body"]), dict):
            raise self._field("body").wrong("is a JSON object")

    def _field(self, name: str) -> Field:
        return next(one for one in self.fields if one.name == name)

    def accepts(self, p: Params, mode: str) -> None:
        super().accepts(p, mode)
        if mode == INCREMENTAL:
            for name in ("watermark", "since_param"):
                if not p[name]:
                    raise self._field(name).wrong("is needed to load only what is new")

    def watch(self, p: Params, *, allow: frozenset[str]) -> None:
        watch_address("address", p["address"], allow)

    def where(self, p: Params) -> str:
        return urlsplit(p["address"]).netloc

    def sentence(self, p: Params) -> str:
        path = f" at {p['rows_path']}" if p["rows_path"] else ""
        return f"The rows{path} that {p['address']} answers"

    def steps(self, p: Params, outside: Outside) -> Iterator[Step]:
        start = time.monotonic()
        asker = Asker(p, outside, tries=2)
        answer = _Pages(p, Since(), asker, outside).first()
        yield from reach_and_sign_in(p, answer, time.monotonic() - start)
        if problem := refused(answer.status):
            raise problem
        rows = rows_at(parsed(answer.content), p["rows_path"] or "")
        names = list(rows[0])[:6] if rows else []
        shown = f": {', '.join(names)}" if names else ""
        yield Step(READ, True, f"The first answer holds {len(rows)} rows{shown}.")

    def fetch(self, p: Params, since: Since, folder: Path, outside: Outside, report: Report) -> Fetched:
        place = folder / "rows.jsonl"
        asker = Asker(p, outside, report)
        pages = _Pages(p, since, asker, outside)
        seen = since.mark.get("watermark") if since.mode == INCREMENTAL else None
        count = 0
        with place.open("w", encoding="utf-8") as file:
            for rows in pages:
                _write(file, rows)
                count += len(rows)
                seen = later(rows, p["watermark"], seen) if p["watermark"] else None
                report.progress(count, None, f"{count} rows from {pages.number} pages")
        mark = {} if seen is None else {"watermark": seen}
        until = "" if seen is None else f"{p['watermark']} {seen}"
        if not count:
            if since.mode == FULL:
                raise Invalid("Its answer holds no row.", code="no_rows")
            return Fetched(mark=mark or since.mark, until=until, notes=["It has no row after that."])
        notes = [f"{count} rows from {pages.number} answers of {self.where(p)}."]
        if asker.waited:
            notes.append(f"It was asked again {asker.waited} times because it was busy or broken.")
        options = {"format": "json_lines"}
        return Fetched([Raw(place, "rows.jsonl", options)], mark=mark, until=until, notes=notes)


def _json_of(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _write(file: TextIO, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        file.write(json.dumps(row, ensure_ascii=True) + "\n")


class _Pages:
    """The answers of an API one after the other, each as its rows."""

    def __init__(self, p: Params, since: Since, asker: Asker, outside: Outside) -> None:
        self.p, self.asker, self.outside = p, asker, outside
        self.number, self.rows = 0, 0
        self.base = p["address"]
        self.values: dict[str, Any] = {}
        if since.mode == INCREMENTAL and "watermark" in since.mark:
            self.values[p["since_param"]] = since.mark["watermark"]
        if p["size_param"] and p["paging"] in COUNTED:
            self.values[p["size_param"]] = p["page_size"]
        if p["paging"] in COUNTED:
            self.values[p["page_param"]] = p["page_first"] if p["paging"] == "page" else 0

    def first(self) -> Any:
        """The first answer as it comes."""
        headers = {"Accept": "application/json"}
        if self.p["method"] == "GET":
            return self.asker.ask(with_query(self.base, self.values), headers=headers)
        body = json.dumps((_json_of(self.p["body"] or "{}") or {}) | self.values).encode()
        headers["Content-Type"] = "application/json"
        return self.asker.ask(self.base, method="POST", body=body, headers=headers)

    def __iter__(self) -> Iterator[list[dict[str, Any]]]:
        before = b""
        while True:
            answer = self.first()
            if problem := refused(answer.status):
                raise problem
            if answer.content == before and answer.size:
                raise Problem("It gave the same page twice; the way to ask for pages is not its way.", code="same_page")
            document = parsed(answer.content)
            rows = rows_at(document, self.p["rows_path"] or "")
            self.number, self.rows, before = self.number + 1, self.rows + len(rows), answer.content
            yield rows
            if not self._go_on(document, rows, answer):
                return
            if self.number >= self.p["most_pages"]:
                raise TooLarge(f"It has more than {self.number} pages. Nothing was kept.", code="too_many_pages")

    def _go_on(self, document: Any, rows: list[dict[str, Any]], answer: Any) -> bool:
        """Whether there is another page; what asks for it is set."""
        paging, name = self.p["paging"], self.p["page_param"]
        if paging == "none" or (paging in COUNTED and len(rows) < (self.p["page_size"] or 1)):
            return False
        if paging == "page":
            self.values[name] += 1
        elif paging == "offset":
            self.values[name] = self.rows
        elif paging == "cursor":
            return self._cursor(value_at(document, self.p["next_path"]), name)
        else:
            return self._link(document, answer)
        return True

    def _cursor(self, cursor: Any, name: str) -> bool:
        if cursor in (None, "", False):
            return False
        if not isinstance(cursor, (str, int)):
            raise Problem("Its cursor is neither text nor a number.", code="odd_cursor")
        if self.values.get(name) == cursor:
            raise Problem("It gave the same cursor twice.", code="same_page")
        self.values[name] = cursor
        return True

    def _link(self, document: Any, answer: Any) -> bool:
        if self.p["next_path"]:
            found = value_at(document, self.p["next_path"])
        else:
            match = LINK.search(answer.headers.get("link", ""))
            found = match[1] if match else None
        if not isinstance(found, str) or not found:
            return False
        after = urljoin(answer.url, found)
        here = parse(self.p["address"], allow=self.outside.allow).origin
        if parse(after, allow=self.outside.allow).origin != here:
            raise Problem("The link to its next page leads to another host. It was not followed.", code="other_host")
        if after == self.base:
            raise Problem("It gave the same page twice; the link to the next page leads to itself.", code="same_page")
        self.base, self.values = after, {}
        return True
