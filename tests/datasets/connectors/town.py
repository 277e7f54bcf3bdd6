"""A small town of web servers for tests: an API in pages that is busy once and broken once, a site, a file."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

SECRET = "town-key-5Zx9/&+q"
ROWS = [{"id": i, "city": f"City {i}", "changed": f"2026-01-{i:02d}T00:00:00"} for i in range(1, 13)]
PAGE = """<!doctype html><html><body><table><tr><th>a</th></tr><tr><td>1</td></tr></table>
<table><tr><th>city</th><th>people</th></tr><tr><td>Ulm</td><td>126000</td></tr><tr><td>Aalen</td><td>68000</td></tr>
</table><div class="item"><a href="/i/1">Lamp</a><b class="price">9.50</b></div>
<div class="item"><a href="/i/2">Chair</a><b class="price">40.00</b></div></body></html>"""
ROBOTS = "User-agent: *\nDisallow: /closed\n"


@dataclass
class Town:
    """Where it is, what it was asked, and what it says next instead of an answer."""

    port: int = 0
    file: bytes = b"id,plan\n1,month\n2,year\n"
    rows: list[dict[str, Any]] = field(default_factory=lambda: list(ROWS))
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    moods: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    etag: str = '"one"'

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def allow(self) -> frozenset[str]:
        return frozenset({f"127.0.0.1:{self.port}"})


class _Answers(BaseHTTPRequestHandler):
    town: Town

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self.answer({})

    def do_POST(self) -> None:
        self.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"])) or "{}"))

    def answer(self, body: dict[str, Any]) -> None:
        town, parts = self.town, urlsplit(self.path)
        town.asked.append(self.path)
        town.headers.append({name.lower(): value for name, value in self.headers.items()})
        query = {name: values[0] for name, values in parse_qs(parts.query).items()} | body
        if parts.path == "/api" and town.moods:
            status, headers = town.moods.pop(0)
            self.send(b"not now", status, **headers)
        elif parts.path == "/api":
            self.api(query)
        elif parts.path == "/file.csv":
            same = self.headers.get("If-None-Match") == town.etag
            self.send(b"" if same else town.file, 304 if same else 200, ETag=town.etag)
        elif parts.path == "/robots.txt":
            self.send(ROBOTS.encode())
        elif parts.path in ("/page", "/closed"):
            self.send(PAGE.encode())
        elif parts.path == "/away":
            self.send(b"", 302, Location="http://10.1.2.3/")
        else:
            self.send(b"gone", 404)

    def api(self, query: dict[str, Any]) -> None:
        if self.headers.get("Authorization") != f"Bearer {SECRET}":
            self.send(b"who are you?", 401)
            return
        rows = [row for row in self.town.rows if row["changed"] > query.get("since", "")]
        size = int(query.get("size", 5))
        start = int(query.get("cursor") or query.get("offset") or size * (int(query.get("page", 1)) - 1))
        part = rows[start : start + size]
        more = start + size < len(rows)
        links = {"Link": f'</api?size={size}&cursor={start + size}>; rel="next"'} if more else {}
        answer = {"data": {"items": part}, "next": str(start + size) if more else None}
        self.send(json.dumps(answer).encode(), **links)

    def send(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def open_town() -> Iterator[Town]:
    """The town, as long as it is needed."""
    town = Town()
    handler = type("Answers", (_Answers,), {"town": town})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        town.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield town
        finally:
            server.shutdown()
