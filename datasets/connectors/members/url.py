"""PURE: a file at a web address, in any format that reading knows; fetched again only when it changed."""

import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from datasets.connectors.base import READ, Connector, Fetched, Outside, Params, Raw, Since, Step
from datasets.connectors.fields import WHERE, Field
from datasets.connectors.web_asking import (
    SIGNING,
    Asker,
    check_signing,
    reach_and_sign_in,
    refused,
    watch_address,
)
from jobs.report import Report

FIRST = 64 * 1024


class Url(Connector):
    """One file."""

    key = "url"
    title = "File at a web address"
    help = "CSV, Excel, JSON, Parquet and all else that an upload reads. It is fetched again only when it changed."
    icon = "link"
    fields = (
        Field(
            "address",
            "text",
            "Address",
            "Everybody in the project can read it: a key goes into its own field below.",
            group=WHERE,
            locates=True,
            example="https://data.example.org/customers.csv",
        ),
        *SIGNING,
    )

    def check(self, p: Params) -> None:
        check_signing(p)

    def watch(self, p: Params, *, allow: frozenset[str]) -> None:
        watch_address("address", p["address"], allow)

    def where(self, p: Params) -> str:
        return urlsplit(p["address"]).netloc

    def sentence(self, p: Params) -> str:
        return f"The file at {p['address']}"

    def steps(self, p: Params, outside: Outside) -> Iterator[Step]:
        start = time.monotonic()
        answer = Asker(p, outside, tries=1).ask(p["address"], enough=FIRST)
        yield from reach_and_sign_in(p, answer, time.monotonic() - start)
        if problem := refused(answer.status):
            raise problem
        size = answer.headers.get("content-length", "")
        told = f"{int(size):,} bytes" if size.isdigit() else f"{answer.size:,} bytes or more"
        yield Step(READ, True, f"There is a file of {told}.")

    def fetch(self, p: Params, since: Since, folder: Path, outside: Outside, report: Report) -> Fetched:
        asker = Asker(p, outside, report)
        place = folder / "fetched"
        answer = asker.ask(
            p["address"],
            headers=_conditions(since),
            place=place,
            tell=lambda done, total: report.progress(done, total, "fetching"),
        )
        if answer.status == 304:
            return Fetched(mark=since.mark, notes=["The server says that the file did not change."])
        if problem := refused(answer.status):
            raise problem
        mark = {name: answer.headers[name] for name in ("etag", "last-modified") if name in answer.headers}
        name = unquote(PurePosixPath(urlsplit(p["address"]).path).name) or "page"
        return Fetched([Raw(place, name)], mark=mark, until=mark.get("last-modified", ""))


def _conditions(since: Since) -> dict[str, str]:
    sent = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
    return {sent[name]: str(value) for name, value in since.mark.items() if name in sent}
