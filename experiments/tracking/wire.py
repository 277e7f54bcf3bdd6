"""PURE: how MLflow's protocol says things: what a request holds, read and checked, and its refusals in its words."""

import base64
import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from problems.problem import Problem

INVALID, UNKNOWN, TAKEN = "INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS"
LARGEST = 2**63 - 1
LONGEST_KEY, LONGEST_PARAM, LONGEST_TAG = 250, 6000, 8000
MOST_METRICS, MOST_TEXTS, MOST_IN_ALL = 1000, 100, 1000
KEY = re.compile(r"[/\w.\- :]+")
NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
STATES = {
    "RUNNING": "running",
    "SCHEDULED": "waiting",
    "FINISHED": "finished",
    "FAILED": "failed",
    "KILLED": "cancelled",
}
STATE_WORDS = {state: word for word, state in STATES.items()}
Metric = tuple[str, int, int, float]


class Refused(Problem):
    """A refusal with the protocol's own word for it."""

    def __init__(self, text: str, word: str = INVALID, status: int = 400) -> None:
        super().__init__(text, code=word)
        self.status = status


def unknown(text: str) -> Refused:
    """What was named is not there."""
    return Refused(text, UNKNOWN, 404)


def taken(text: str) -> Refused:
    """The name is somebody else's."""
    return Refused(text, TAKEN, 400)


def missing(name: str) -> Refused:
    """A parameter that must be there is not."""
    return Refused(f"Missing value for required parameter '{name}'.")


def wrong(name: str, value: Any, why: str = "") -> Refused:
    """A parameter has a value that it cannot have."""
    said = json.dumps(value) if not isinstance(value, str) else f"'{value}'"
    return Refused(f"Invalid value {said[:200]} for parameter '{name}' supplied{f': {why}' if why else ''}.")


def too_long(name: str, most: int) -> Refused:
    """A parameter has more characters than it may."""
    return Refused(f"'{name}' exceeds the maximum length of {most} characters.")


class Asked:
    """The parameters of a request: of its address, its query (where lists repeat the name) or its body."""

    def __init__(self, given: Mapping[str, Any], *, from_query: bool = False) -> None:
        self.given, self.from_query = given, from_query

    def value(self, *names: str) -> Any:
        """The first of these that is there; an empty text counts as there, nothing does not."""
        for name in names:
            found = self.given.get(name)
            if self.from_query and isinstance(found, list):
                found = found[-1] if found else None
            if found is not None:
                return found
        return None

    def text(self, *names: str, needed: bool = False, most: int | None = None) -> str:
        """A text; empty where there is none."""
        found = self.value(*names)
        if found is None or (needed and found == ""):
            if needed:
                raise missing(names[0])
            return ""
        if not isinstance(found, str):
            raise wrong(names[0], found, "it must be a string")
        if "\x00" in found:
            raise wrong(names[0], found.replace("\x00", "\\0"), "it holds a NUL character")
        if most is not None and len(found) > most:
            raise too_long(names[0], most)
        return found

    def given_text(self, name: str, most: int | None = None) -> str | None:
        """A text, or None where nothing was said."""
        return None if self.value(name) is None else self.text(name, most=most)

    def whole(self, name: str, usual: int | None = None) -> int:
        """A whole number of 64 bits; texts of digits are taken."""
        found = self.value(name)
        if found is None:
            if usual is None:
                raise missing(name)
            return usual
        return whole(found, name)

    def most(self, usual: int, largest: int) -> int:
        """How many results a page has at most."""
        found = self.whole("max_results", usual)
        if not 0 < found <= largest:
            why = f"It must be a positive integer that is at most {largest}"
            raise Refused(f"Invalid value for request parameter max_results. {why}, but got {found}.")
        return found

    def flag(self, name: str) -> bool:
        """Whether it says yes."""
        return self.value(name) in (True, "true", "True", "1")

    def texts(self, name: str) -> list[str]:
        """A list of texts."""
        found = self.given.get(name)
        if found is None:
            return []
        rows = found if isinstance(found, list) else [found]
        for row in rows:
            if not isinstance(row, str) or "\x00" in row:
                raise wrong(name, row, "it must be a list of strings")
        return rows

    def rows(self, name: str) -> "list[Asked]":
        """A list of objects."""
        found = self.given.get(name)
        if found is None:
            return []
        if not isinstance(found, list) or not all(isinstance(row, Mapping) for row in found):
            raise wrong(name, found, "it must be a list of objects")
        return [Asked(row) for row in found]

    def pairs(self, name: str) -> dict[str, str]:
        """Tags and parameters: a list of {key, value} as one mapping; the last one counts."""
        return {row.text("key", needed=True): row.text("value") for row in self.rows(name)}


def whole(found: Any, name: str) -> int:
    """A whole number of 64 bits."""
    if isinstance(found, str) and re.fullmatch(r"-?\d{1,19}", found, re.ASCII):
        found = int(found)
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    if not isinstance(found, int) or isinstance(found, bool) or not -LARGEST <= found <= LARGEST:
        raise wrong(name, found, "it must be an integer")
    return found


def number(found: Any, name: str) -> float:
    """A number, as JSON has it, as text, or one of the three that JSON has no word for."""
    if isinstance(found, str):
        found = NUMBERS[found] if found in NUMBERS else _float(found)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise wrong(name, found, "it must be a number")
    try:
        return float(found)
    except OverflowError:
        raise wrong(name, str(found)[:40], "it is too large") from None


def _float(text: str) -> float | str:
    try:
        return float(text) if len(text) < 400 and "_" not in text else text
    except ValueError:
        return text


def said_number(value: float) -> float | str:
    """A number as an answer has it."""
    return "NaN" if math.isnan(value) else value


# ---- Keys ----


def checked_key(key: str, name: str) -> str:
    """A name of a metric, parameter or tag."""
    if len(key) > LONGEST_KEY:
        raise too_long(name, LONGEST_KEY)
    if not KEY.fullmatch(key):
        words = "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), "
        raise wrong(name, key, f"{words}colon(:) and slashes (/)")
    if _leads_elsewhere(key):
        raise wrong(name, key, "Names may be treated as files in certain cases, and must not resolve to other names")
    return key


def _leads_elsewhere(path: str) -> bool:
    return path.startswith("/") or any(part in ("", ".", "..") for part in path.split("/"))


def metric_of(row: Asked, place: str = "") -> Metric:
    """One metric of a request: name, step, moment, value."""
    key = row.text("key", needed=True)
    value, moment = row.value("value"), row.value("timestamp")
    for name, found in (("value", value), ("timestamp", moment)):
        if found is None:
            raise missing(f"{place}{name}")
    step = row.whole("step", 0)
    return checked_key(key, f"{place}key"), step, whole(moment, f"{place}timestamp"), number(value, f"{place}value")


def params_of(rows: Sequence[Asked]) -> dict[str, str]:
    """Parameters of a request: cut to their length; two values for one name are refused."""
    found: dict[str, str] = {}
    for row in rows:
        key = checked_key(row.text("key", needed=True), "params.key")
        value = row.text("value")[:LONGEST_PARAM]
        if found.get(key, value) != value:
            raise Refused(f"Duplicate parameter keys have been submitted: {key}. Changing param values is not allowed.")
        found[key] = value
    return found


def tags_of(rows: Sequence[Asked]) -> dict[str, str]:
    """Tags of a request: cut to their length; the last one counts."""
    return {checked_key(row.text("key", needed=True), "tags.key"): row.text("value")[:LONGEST_TAG] for row in rows}


def check_batch(metrics: int, params: int, tags: int) -> None:
    """How much one request may log."""
    for name, count, most in (("metrics", metrics, MOST_METRICS), ("params", params, MOST_TEXTS),
                              ("tags", tags, MOST_TEXTS)):  # fmt: skip
        if count > most:
            raise Refused(f"A batch logging request can contain at most {most} {name}. Got {count} {name}.")
    if metrics + params + tags > MOST_IN_ALL:
        words = f"A batch logging request can contain at most {MOST_IN_ALL} metrics, params, and tags in total."
        raise Refused(f"{words} Got {metrics + params + tags}.")


# ---- Pages ----


def token_of(offset: int, about: Any) -> str:
    """Where the next page begins, for this question alone."""
    return base64.urlsafe_b64encode(json.dumps([offset, _mark(about)]).encode()).decode()


def offset_of(token: str, about: Any) -> int:
    """Where a page begins; a token of another question, or of nobody, is refused."""
    if not token:
        return 0
    try:
        found = json.loads(base64.urlsafe_b64decode(token.encode("ascii")))
        offset, mark = found
    except (ValueError, TypeError, RecursionError):
        offset, mark = None, None
    if not isinstance(offset, int) or isinstance(offset, bool) or not 0 <= offset < 2**40 or mark != _mark(about):
        raise Refused(f"Invalid page token '{token[:60]}'.")
    return offset


def _mark(about: Any) -> str:
    return hashlib.sha256(json.dumps(about, sort_keys=True, default=str).encode()).hexdigest()[:16]


# ---- Places ----


def artifact_path(given: str) -> str:
    """A path below the store, as it is kept; whatever could lead elsewhere is refused."""
    plain = given
    for _ in range(3):
        lowered = plain.lower()
        if any(bad in plain for bad in ("\\", "#", "\x00")) or _has_drive(plain) or _climbs(plain):
            raise Refused("Invalid path")
        if "%" not in lowered:
            break
        plain = _unquoted(plain)
    if len(given) > 1000:
        raise Refused("Invalid path: it has more than 1000 characters.")
    return given.rstrip("/")


def _unquoted(text: str) -> str:
    return re.sub(r"%([0-9A-Fa-f]{2})", lambda found: chr(int(found[1], 16)), text)


def _has_drive(path: str) -> bool:
    return re.match(r"[A-Za-z]:", path) is not None


def _climbs(path: str) -> bool:
    return (
        path.startswith("/")
        or any(part in (".", "..") or part.strip() == ".." for part in path.split("/"))
        or "//" in path
    )
