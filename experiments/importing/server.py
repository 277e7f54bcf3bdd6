"""PURE: how a running MLflow server is asked: each answer checked, paged through, again when it is busy."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from datasets.connectors.base import Outside
from datasets.connectors.web_asking import Asker, refused
from experiments.tracking.wire import Asked
from outbound.addresses import parse
from problems.problem import Invalid, Missing, Problem

API = "/api/2.0/mlflow/"
MOST_JSON, JSON_SECONDS, FILE_SECONDS = 64 * 1024**2, 300.0, 4 * 3600.0
PAGES = 1_000_000


def origin_of(address: str, allow: frozenset[str]) -> str:
    """The address as it is kept: without what the client appends. Refuses what may not be dialled."""
    plain = address.strip().rstrip("/")
    target = parse(plain, allow=allow)
    if "?" in plain:
        raise Invalid("Give the address that MLFLOW_TRACKING_URI has.", fields={"address": "It holds a “?”."})
    return f"{target.origin}{target.path.rstrip('/')}"


class Server:
    """One MLflow server. Each request has an asker of its own, so that several threads may ask."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self.origin, self.allow = str(spec["address"]), frozenset(spec["allow"])
        self.most_file = int(spec["most_file"])
        secret, user = (spec.get("private") or {}).get("secret", ""), spec.get("user", "")
        kind = "none" if not secret else "basic" if user else "bearer"
        self.signing = {"auth": kind, "user": user, "secret": secret}

    def get(self, place: str, **query: Any) -> Asked:
        """What a GET says; a list repeats its name."""
        said = {name: value for name, value in query.items() if value not in ("", None)}
        return self._json("GET", f"{place}?{urlencode(said, doseq=True)}", b"")

    def post(self, place: str, **body: Any) -> Asked:
        """What a POST says."""
        said = {name: value for name, value in body.items() if value not in ("", None)}
        return self._json("POST", place, json.dumps(said).encode())

    def pages(self, place: str, *, method: str = "POST", **asked: Any) -> Iterator[Asked]:
        """Each page of a list."""
        token, ask = "", self.post if method == "POST" else self.get
        for _ in range(PAGES):
            page = ask(place, **asked, page_token=token)
            yield page
            before, token = token, page.text("next_page_token")
            if not token or token == before:
                return

    def save(self, address: str, file: Path, **query: Any) -> int:
        """A file's bytes into a file; how many they are."""
        asker = Asker(self.signing, Outside(self.allow, self.most_file, FILE_SECONDS))
        said = f"?{urlencode(query)}" if query else ""
        answer = asker.ask(f"{self.origin}{address}{said}", place=file)
        if problem := refused(answer.status):
            raise problem
        return answer.size

    def _json(self, method: str, path: str, body: bytes) -> Asked:
        asker = Asker(self.signing, Outside(self.allow, MOST_JSON, JSON_SECONDS))
        headers = {"Content-Type": "application/json"} if body else {}
        answer = asker.ask(f"{self.origin}{API}{path}", method=method, body=body, headers=headers)
        if answer.status == 404:
            raise Missing("The server does not know this.", code="not_there")
        if problem := refused(answer.status):
            raise problem
        try:
            found = json.loads(answer.content or b"{}")
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise Problem("It does not answer as an MLflow server does. Is the address right?", code="no_mlflow")
        return Asked(found)


def in_path(text: str) -> str:
    """A word as a part of an address."""
    return quote(text, safe="")
