"""PURE: the protocol's filters and orders: `metrics.acc > 0.9 AND tags.team ILIKE 'a%'`, read and checked.

filter = clause { AND clause }
clause = left op value | left [NOT] IN ( value {, value} ) | left IS [NOT] NULL
left   = [entity "."] key       a key may stand in backticks or double quotes
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from experiments.tracking.wire import Refused

LONGEST, MOST_CLAUSES, MOST_ORDERS = 10_000, 100, 20
NUMBER, TEXT, CHOICE, NAME = "number", "text", "choice", "name"
COMPARED = ("=", "!=", ">", ">=", "<", "<=")
LIKENED = ("=", "!=", "LIKE", "ILIKE")
# What each kind of left side can be compared by. A choice also stands in lists; a name also can be absent.
OPS = {
    NUMBER: COMPARED,
    TEXT: LIKENED,
    CHOICE: (*LIKENED, "IN", "NOT IN"),
    NAME: (*LIKENED, "IS NULL", "IS NOT NULL"),
}


@dataclass(frozen=True)
class Clause:
    """One comparison. `group` is metrics, params, tags, datasets, or empty for what a thing says itself."""

    group: str
    key: str
    op: str
    value: Any = None


@dataclass(frozen=True)
class Grammar:
    """What a kind of thing can be asked: its own attributes with their kinds, and groups of what it has by name."""

    attributes: Mapping[str, str]
    groups: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    datasets: Mapping[str, str] = field(default_factory=dict)
    orders: Sequence[str] = ()


GROUP_WORDS = {
    "metric": "metrics", "metrics": "metrics", "param": "params", "params": "params", "parameter": "params",
    "parameters": "params", "tag": "tags", "tags": "tags", "dataset": "datasets", "datasets": "datasets",
    "metadata": "metadata", "request_metadata": "metadata", "attribute": "", "attributes": "", "attr": "", "run": "",
    "trace": "",
}  # fmt: skip
RUNS = Grammar(
    {
        "start_time": NUMBER, "end_time": NUMBER, "status": TEXT, "run_name": TEXT, "user_id": TEXT,
        "artifact_uri": TEXT, "run_id": CHOICE,
    },
    {"metrics": NUMBER, "params": NAME, "tags": NAME},
    {"created": "start_time", "Created": "start_time", "run name": "run_name", "Run name": "run_name"},
    {"name": CHOICE, "digest": CHOICE, "context": CHOICE},
    ("start_time", "end_time", "status", "run_name", "user_id", "artifact_uri", "run_id"),
)  # fmt: skip
EXPERIMENTS = Grammar(
    {"name": TEXT, "creation_time": NUMBER, "last_update_time": NUMBER},
    {"tags": NAME},
    {},
    {},
    ("name", "experiment_id", "creation_time", "last_update_time"),
)
MODELS = Grammar(
    {
        "name": TEXT, "model_id": CHOICE, "model_type": TEXT, "status": TEXT, "source_run_id": CHOICE,
        "creation_timestamp": NUMBER, "last_updated_timestamp": NUMBER,
    },
    {"metrics": NUMBER, "params": NAME, "tags": NAME},
    {"creation_time": "creation_timestamp", "creation_timestamp_ms": "creation_timestamp",
     "last_updated_timestamp_ms": "last_updated_timestamp"},
    {},
    ("name", "model_id", "creation_timestamp", "last_updated_timestamp", "status", "model_type", "source_run_id"),
)  # fmt: skip
NAMES = Grammar({"name": TEXT}, {"tags": NAME}, {}, {}, ("name", "last_updated_timestamp", "creation_timestamp"))
VERSIONS = Grammar(
    {"name": TEXT, "run_id": CHOICE, "source_path": TEXT, "version_number": NUMBER},
    {"tags": NAME},
    {"version": "version_number"},
    {},
    ("name", "version_number", "creation_timestamp", "last_updated_timestamp"),
)

TRACES = Grammar(
    {
        "trace_id": CHOICE, "client_request_id": CHOICE, "name": CHOICE, "run_id": CHOICE, "status": CHOICE,
        "timestamp_ms": NUMBER, "execution_time_ms": NUMBER, "end_time_ms": NUMBER,
    },
    {"tags": NAME, "metadata": NAME},
    {"request_id": "trace_id", "id": "trace_id", "state": "status", "timestamp": "timestamp_ms",
     "execution_time": "execution_time_ms", "execution_duration": "execution_time_ms", "end_time": "end_time_ms",
     "request_time": "timestamp_ms"},
    {},
    ("timestamp_ms", "execution_time_ms", "end_time_ms", "status", "trace_id", "name", "run_id"),
)  # fmt: skip

_LEFT = re.compile(
    r"""\s*(?:(?P<group>\w+)\s*\.\s*)?(?:`(?P<tick>[^`]*)`|"(?P<quote>[^"]*)"|(?P<bare>[^\s=<>!(),'"`]+))"""
)
_OP = re.compile(r"\s*(<=|>=|!=|<>|=|<|>|(?:NOT\s+)?(?:LIKE|ILIKE|IN)\b|IS\s+NOT\s+NULL\b|IS\s+NULL\b)", re.IGNORECASE)
_TEXT = re.compile(r"""\s*(?:'((?:[^'\\]|\\.|'')*)'|"((?:[^"\\]|\\.)*)")""", re.DOTALL)
_NUMBER = re.compile(
    r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:inf(?:inity)?|nan))(?=[\s,)]|$)", re.IGNORECASE
)
_AND = re.compile(r"\s*AND\b", re.IGNORECASE)


def parse(text: str, grammar: Grammar) -> list[Clause]:
    """The clauses of a filter, all of which must hold. Raises Refused for what cannot be read."""
    if len(text) > LONGEST:
        raise Refused(f"Invalid filter: it has more than {LONGEST} characters.")
    if "\x00" in text:
        raise Refused("Invalid filter: it holds a NUL character.")
    reader, found = _Reader(text, grammar), []
    while reader.rest():
        found.append(reader.clause())
        if len(found) > MOST_CLAUSES:
            raise Refused(f"Invalid filter: it has more than {MOST_CLAUSES} clauses.")
        if reader.rest() and not reader.take(_AND):
            raise Refused(f"Invalid clause(s) in filter string: {reader.rest()[:60]!r}. Only AND joins clauses.")
        if found and not reader.rest() and text.rstrip().upper().endswith(" AND"):
            raise Refused("Invalid filter: a clause is expected after AND.")
    return found


class _Reader:
    """Reads a filter from left to right."""

    def __init__(self, text: str, grammar: Grammar) -> None:
        self.text, self.at, self.grammar = text, 0, grammar

    def rest(self) -> str:
        return self.text[self.at :].strip()

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.at)
        if found:
            self.at = found.end()
        return found

    def clause(self) -> Clause:
        group, key, kind = self._left()
        said = self.take(_OP)
        if said is None:
            raise Refused(f"Invalid clause(s) in filter string: a comparison is expected at {self.rest()[:60]!r}.")
        op = re.sub(r"\s+", " ", said[1]).upper().replace("<>", "!=")
        if op not in OPS[kind]:
            raise Refused(f"Invalid comparator {op!r} for {key!r}: it must be one of {', '.join(OPS[kind])}.")
        if op.startswith("IS"):
            return Clause(group, key, op)
        value: Any = self._list() if op.endswith("IN") else self._number(key) if kind == NUMBER else self._text(key)
        return Clause(group, key, op, value)

    def _left(self) -> tuple[str, str, str]:
        found = self.take(_LEFT)
        if found is None:
            raise Refused(f"Invalid clause(s) in filter string: {self.rest()[:60]!r} cannot be read.")
        key = next(one for one in (found["tick"], found["quote"], found["bare"]) if one is not None)
        return named(found["group"], key, self.grammar)

    def _text(self, key: str) -> str:
        found = self.take(_TEXT)
        if found is None:
            raise Refused(f"Expected a quoted string value for {key!r} (e.g. 'my-value'). Got {self.rest()[:60]!r}.")
        return _bare(found[1] if found[1] is not None else found[2])

    def _number(self, key: str) -> float:
        found = self.take(_NUMBER)
        if found is None:
            raise Refused(f"Expected numeric value type for {key!r}. Found {self.rest()[:60]!r}.")
        return float(found[1])

    def _list(self) -> tuple[str, ...]:
        if not self.take(re.compile(r"\s*\(")):
            raise Refused("Invalid filter: after IN a list in brackets is expected.")
        values = [self._text("a value of the list")]
        while self.take(re.compile(r"\s*,")):
            values.append(self._text("a value of the list"))
            if len(values) > 1000:
                raise Refused("Invalid filter: a list has more than 1000 values.")
        if not self.take(re.compile(r"\s*\)")):
            raise Refused("Invalid filter: the list is not closed.")
        return tuple(values)


def _bare(text: str) -> str:
    return text.replace("''", "'")


def named(group: str | None, key: str, grammar: Grammar) -> tuple[str, str, str]:
    """What a left side means: group, key and kind."""
    if group is not None and group.lower() not in GROUP_WORDS:
        raise Refused(f"Invalid entity type {group!r} in {group}.{key}.")
    word = GROUP_WORDS.get((group or "").lower(), "") if group else ""
    key = key.strip()
    if not key:
        raise Refused("Invalid filter: a name is expected.")
    if word == "datasets":
        if key not in grammar.datasets:
            raise Refused(f"Invalid dataset attribute {key!r}. Valid ones: {', '.join(grammar.datasets) or 'none'}.")
        return word, key, grammar.datasets[key]
    if word:
        if word not in grammar.groups:
            raise Refused(f"Invalid entity type {group!r}. Valid ones: {', '.join(grammar.groups) or 'none'}.")
        return word, key, grammar.groups[word]
    plain = grammar.aliases.get(key, key)
    if plain not in grammar.attributes:
        raise Refused(f"Invalid attribute key '{key[:60]}' specified. Valid keys are: {', '.join(grammar.attributes)}.")
    return "", plain, grammar.attributes[plain]


# ---- Order ----

_ORDER = re.compile(
    r"""\s*(?:(?P<group>\w+)\s*\.\s*)?(?:`(?P<tick>[^`]*)`|"(?P<quote>[^"]*)"|(?P<bare>[^\s"`]+))(?:\s+(?P<way>ASC|DESC))?\s*""",
    re.IGNORECASE,
)


def order_of(texts: Sequence[str], grammar: Grammar) -> list[tuple[str, str, bool]]:
    """Orders as group, key, and whether from the largest down."""
    if len(texts) > MOST_ORDERS:
        raise Refused(f"Invalid order_by: at most {MOST_ORDERS} clauses.")
    found = []
    for text in texts:
        match = _ORDER.fullmatch(text[:LONGEST])
        if match is None or "\x00" in text:
            raise Refused(f"Invalid order_by clause {text[:100]!r}.")
        key = next(one for one in (match["tick"], match["quote"], match["bare"]) if one is not None)
        found.append((*order_key(match["group"], key, grammar), (match["way"] or "").upper() == "DESC"))
    return found


def order_key(group: str | None, key: str, grammar: Grammar) -> tuple[str, str]:
    """What an order is about."""
    word = GROUP_WORDS.get((group or "").lower())
    if group and (word is None or word == "datasets"):
        raise Refused(f"Invalid order_by entity {group!r}.")
    if word:
        if word not in grammar.groups:
            raise Refused(f"Invalid order_by entity {group!r}.")
        return word, key
    plain = grammar.aliases.get(key, key)
    if plain not in grammar.orders:
        raise Refused(f"Invalid order_by key '{key[:60]}' specified. Valid keys are: {', '.join(grammar.orders)}.")
    return "", plain
