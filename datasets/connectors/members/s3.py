"""PURE: objects of an S3-compatible storage: files of any kind, or Parquet in folders that state values."""

import base64
import fnmatch
import hashlib
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from datasets.connectors.base import (
    FULL,
    INCREMENTAL,
    REACH,
    READ,
    SIGN_IN,
    Connector,
    Fetched,
    Outside,
    Params,
    Raw,
    Since,
    Step,
    Typed,
    write_typed,
)
from datasets.connectors.fields import HOW, WHERE, Field
from datasets.connectors.fields import SIGN_IN as GROUP
from datasets.connectors.partitions import is_wanted, kinds_of, read_filters, values_of, with_values
from datasets.connectors.s3_asking import Object, Storage, base_of
from datasets.connectors.web_asking import watch_address
from datasets.reading.findings import Findings
from datasets.reading.options import Options
from jobs.report import Report
from problems.problem import Invalid, Problem

BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
REGION = re.compile(r"[a-z0-9-]{1,40}")
FILES, PARTITIONED = "files", "partitioned"
KEY_WIDTH, WIDTH = 6, 14
MOST_OBJECTS = 20_000


class S3(Connector):
    """A bucket."""

    key = "s3"
    title = "Object storage (S3)"
    help = "Files in a bucket of Amazon, MinIO, Ceph or another S3-compatible storage."
    icon = "folder-open"
    modes = (FULL, INCREMENTAL)
    fields = (
        Field(
            "endpoint", "text", "Endpoint", group=WHERE, locates=True, example="https://s3.eu-central-1.amazonaws.com"
        ),
        Field("region", "text", "Region", group=WHERE, default="us-east-1", locates=True),
        Field("bucket", "text", "Bucket", group=WHERE, locates=True),
        Field(
            "path_style",
            "yes_no",
            "The bucket stands in the path",
            "Most storages of your own want it so; Amazon has it in the name of the host.",
            group=WHERE,
            default=True,
            locates=True,
        ),
        Field(
            "auth",
            "choice",
            "Sign in with",
            group=GROUP,
            default="keys",
            locates=True,
            choices={"keys": "An access key", "none": "Nothing; it is open"},
        ),
        Field("access_key", "text", "Access key", group=GROUP, locates=True, only=("auth", ("keys",))),
        Field(
            "secret",
            "secret",
            "Secret key",
            "It is sealed; only signatures leave.",
            group=GROUP,
            only=("auth", ("keys",)),
        ),
        Field(
            "prefix",
            "text",
            "Prefix",
            "Only objects whose key begins so, such as sales/2026/.",
            required=False,
            locates=True,
        ),
        Field(
            "layout",
            "choice",
            "What lies there",
            default=FILES,
            choices={
                FILES: "Files of any kind that an upload reads",
                PARTITIONED: "Parquet in folders such as year=2026",
            },
        ),
        Field(
            "pattern",
            "text",
            "Only names like",
            "With * for anything, such as *.csv.",
            required=False,
            only=("layout", (FILES,)),
        ),
        Field(
            "filters",
            "lines",
            "Only folders where",
            "One condition a line, such as year>=2024 or region=EU|US. Other folders are not fetched.",
            required=False,
            only=("layout", (PARTITIONED,)),
        ),
        Field("most_objects", "integer", "At most so many objects", group=HOW, default=1000, low=1, high=MOST_OBJECTS),
    )

    def check(self, p: Params) -> None:
        if not BUCKET.fullmatch(p["bucket"]) or ".." in p["bucket"]:
            raise self._wrong("bucket", "is 3 to 63 small letters, digits, dots and hyphens")
        if not REGION.fullmatch(p["region"]):
            raise self._wrong("region", "is small letters, digits and hyphens")
        if "?" in p["endpoint"] or not p["endpoint"].startswith(("http://", "https://")):
            raise self._wrong("endpoint", "begins with https:// and has no question mark")
        for name in ("prefix", "access_key"):
            if len((p[name] or "").encode()) > 1000:
                raise self._wrong(name, "has at most 1000 bytes")
        if any(part in (".", "..") for part in (p["prefix"] or "").split("/")):
            raise self._wrong("prefix", "has no part “.” or “..”")
        read_filters(p["filters"] or [])

    def _wrong(self, name: str, what: str) -> Invalid:
        return next(one for one in self.fields if one.name == name).wrong(what)

    def watch(self, p: Params, *, allow: frozenset[str]) -> None:
        watch_address("endpoint", p["endpoint"], allow)
        watch_address("endpoint", base_of(p), allow)

    def where(self, p: Params) -> str:
        return f"{p['endpoint'].partition('://')[2].rstrip('/')}/{p['bucket']}"

    def sentence(self, p: Params) -> str:
        what = "The Parquet objects" if p["layout"] == PARTITIONED else "The objects"
        below = f" below {p['prefix']}" if p["prefix"] else ""
        return f"{what}{below} in the bucket {p['bucket']}"

    def steps(self, p: Params, outside: Outside) -> Iterator[Step]:
        start = time.monotonic()
        storage = Storage(p, outside, tries=2)
        try:
            found, _ = storage.page(p["prefix"] or "")
        except Problem as problem:
            if storage.requests:
                yield Step(REACH, True, f"It answered in {time.monotonic() - start:.1f} s.")
                yield Step(SIGN_IN, False, problem.text)
                return
            raise
        yield Step(REACH, True, f"It answered in {time.monotonic() - start:.1f} s.")
        yield Step(SIGN_IN, True, "It lets us in." if p["auth"] == "keys" else "It asks for no sign-in.")
        wanted = self._wanted(p, found)
        shown = ", ".join(one.name for one in wanted[:3])
        text = (
            f"Among the first {len(found)} objects {len(wanted)} are wanted: {shown}."
            if wanted
            else "There is no such object."
        )
        yield Step(READ, bool(wanted), text)

    def _wanted(self, p: Params, found: Sequence[Object]) -> list[Object]:
        found = [one for one in found if one.size]
        prefix = p["prefix"] or ""
        if p["layout"] == FILES:
            return [one for one in found if not p["pattern"] or fnmatch.fnmatchcase(one.name, p["pattern"])]
        filters = read_filters(p["filters"] or [])
        tables = [
            one for one in found if one.name.endswith((".parquet", ".pq")) and not one.name.startswith(("_", "."))
        ]
        return [one for one in tables if is_wanted(values_of(one.key, prefix), filters)]

    def fetch(self, p: Params, since: Since, folder: Path, outside: Outside, report: Report) -> Fetched:
        storage = Storage(p, outside, report)
        wanted = self._wanted(p, list(storage.objects(p["prefix"] or "", MOST_OBJECTS)))
        if not wanted:
            raise Problem("There is no such object.", code="nothing_there")
        seen = _unpacked(since.mark.get("seen", ""))
        now = {_digest(one) for one in wanted}
        adding = since.mode == INCREMENTAL
        mark = {"seen": _packed(now | seen if adding else now)}
        until = max(one.changed for one in wanted)
        if now == seen or (adding and now <= seen):
            return Fetched(mark=mark, until=until, notes=["No object is new or changed."])
        chosen = [one for one in wanted if _digest(one) not in seen] if adding else wanted
        if len(chosen) > p["most_objects"]:
            text = f"{len(chosen):,} objects are to be fetched, more than {p['most_objects']:,}. Nothing was kept."
            raise Problem(text, code="too_many_objects")
        files = self._brought(storage, chosen, folder, report)
        notes = [f"{len(chosen)} of {len(wanted)} objects were fetched."]
        before = {one[:KEY_WIDTH] for one in seen} if adding else set()
        if again := sum(_digest(one)[:KEY_WIDTH] in before for one in chosen):
            notes.append(
                f"{again} of them were fetched before and have changed: without key columns their rows stand twice."
            )
        if p["layout"] == FILES:
            raw = [Raw(path, one.name) for one, path in zip(chosen, files, strict=True)]
            return Fetched(raw, mark=mark, until=until, notes=notes)
        typed = _typed(chosen, files, p["prefix"] or "", folder, report)
        return Fetched(typed=typed, mark=mark, until=until, notes=notes, beside=files)

    def _brought(self, storage: Storage, chosen: Sequence[Object], folder: Path, report: Report) -> list[Path]:
        most, told = storage.outside.most_bytes, sum(one.size for one in chosen)
        if told > most:
            text = f"The objects hold {told:,} bytes, more than the {most:,} that may be fetched. Nothing was kept."
            raise Problem(text, code="too_many_bytes")
        files = []
        for number, one in enumerate(chosen):
            place = folder / f"object-{number}"
            storage.bring(one, place)
            files.append(place)
            report.progress(number + 1, len(chosen), f"{number + 1} of {len(chosen)} objects")
        return files


def _typed(chosen: Sequence[Object], files: Sequence[Path], prefix: str, folder: Path, report: Report) -> Typed:
    """All of them as one table, each read by the contract of reading, with the values of its folders as columns."""
    from datasets.connectors.joining import Part, join
    from datasets.reading import parquet

    values = [values_of(one.key, prefix) for one in chosen]
    kinds, findings, parts = kinds_of(values), Findings(format="parquet"), []
    for number, path in enumerate(files):
        room = folder / f"part-{number}"
        room.mkdir()
        written = parquet.read(path, Options(), room, findings, report)
        columns = [{"name": one["name"], "type": one["type"]} for one in written.schema]
        if twice := {one["name"] for one in columns} & set(kinds):
            text = f"“{min(twice)[:100]}” is a folder and a column of {chosen[number].name[:100]}."
            raise Invalid(text, code="column_twice")
        columns += [{"name": name, "type": kind} for name, kind in kinds.items()]
        typed = write_typed(
            room / "whole.parquet", columns, with_values(written.path, values[number], kinds), "parquet"
        )
        empty = frozenset(one.name for one in written.columns if one.notes.empty == written.rows)
        parts.append(Part(typed.path, columns, empty))
    joined = join(parts, [], folder / "rows.parquet", report)
    return Typed(joined.path, joined.columns, "parquet", findings)


def _digest(one: Object) -> bytes:
    """First of the key, then of what it holds."""
    key = hashlib.blake2b(one.key.encode(), digest_size=KEY_WIDTH).digest()
    return key + hashlib.blake2b(f"{one.key}\n{one.etag}\n{one.size}".encode(), digest_size=WIDTH - KEY_WIDTH).digest()


def _packed(digests: set[bytes]) -> str:
    return base64.b64encode(b"".join(sorted(digests))).decode()


def _unpacked(text: str) -> set[bytes]:
    raw = base64.b64decode(text)
    return {raw[start : start + WIDTH] for start in range(0, len(raw), WIDTH)}
