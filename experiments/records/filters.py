"""PURE: what a filter of runs says: `metrics.recall > 0.7 and params.method = "forest" and state != failed`.

    filter     = either ; either = both { "or" both } ; both = single { "and" single }
    single     = "not" single | "(" filter ")" | clause
    clause     = field ("=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~") value
               | field ["not"] "in" "(" value { "," value } ")" | field "is" ["not"] "null"
    field      = name | ("metrics" | "min" | "max" | "params" | "tags") "." key

A key or value with spaces stands in quotes. `~` asks whether a text contains another, whatever the size of letters.
Every clause is either true or false: what a run does not have makes a clause false, and `!=`, `!~` and `not in` are the
opposites of `=`, `~` and `in`.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches

from problems.problem import Invalid

LONGEST, MOST_CLAUSES, DEEPEST = 4000, 60, 20
GROUPS = ("metrics", "min", "max", "params", "tags")
NUMBER, TEXT, MOMENT, STATE, WORD = "number", "text", "moment", "state", "word"
# The fields of a run itself, with what kind of value each has.
FIELDS = {
    "number": NUMBER,
    "trial": NUMBER,
    "duration": NUMBER,
    "cost": NUMBER,
    "created": MOMENT,
    "finished": MOMENT,
    "state": STATE,
    "kind": WORD,
    "cause": WORD,
    "method": TEXT,
    "data": TEXT,
    "by": TEXT,
    "hypothesis": TEXT,
}
WORDS = {
    "state": ("waiting", "running", "finished", "failed", "cancelled"),
    "kind": ("training", "trial", "notebook"),
    "cause": ("person", "retraining", "reproduction"),
}
ORDERS, EQUALS, CONTAINS = ("<", "<=", ">", ">="), ("=", "!="), ("~", "!~")
Value = float | str | datetime


class FilterProblem(Invalid):
    """What is wrong with a filter (or with `part`, columns or order), and at which character, counted from 1."""

    def __init__(self, text: str, place: int, part: str = "filter") -> None:
        super().__init__(f"{text} (at character {place + 1} of {part})", fields={part: text}, position=place + 1)
        self.said, self.place = text, place


@dataclass(frozen=True)
class Field:
    """What a clause, a column or an order is about. `group` is empty for a field of the run itself."""

    group: str
    key: str

    def __str__(self) -> str:
        if not self.group:
            return self.key
        plain = re.fullmatch(_PLAIN, self.key) is not None
        return f"{self.group}.{self.key if plain else _quoted(self.key)}"

    @property
    def kind(self) -> str:
        """What kind of value it has; a parameter or tag is a text that may read as a number."""
        if not self.group:
            return FIELDS[self.key]
        return NUMBER if self.group in ("metrics", "min", "max") else TEXT


@dataclass(frozen=True)
class Clause:
    """One comparison. `op` is =, <, <=, >, >=, ~, in or null; a `values` of null is empty."""

    field: Field
    op: str
    values: tuple[Value, ...] = ()

    def __str__(self) -> str:
        if self.op == "null":
            return f"{self.field} is null"
        said = ", ".join(_said(value) for value in self.values)
        return f"{self.field} in ({said})" if self.op == "in" else f"{self.field} {self.op} {said}"


@dataclass(frozen=True)
class Not:
    """The opposite."""

    part: "Node"

    def __str__(self) -> str:
        return f"not ({self.part})"


@dataclass(frozen=True)
class Every:
    """All of these."""

    parts: "tuple[Node, ...]"

    def __str__(self) -> str:
        return " and ".join(f"({part})" for part in self.parts)


@dataclass(frozen=True)
class Some:
    """At least one of these."""

    parts: "tuple[Node, ...]"

    def __str__(self) -> str:
        return " or ".join(f"({part})" for part in self.parts)


Node = Clause | Not | Every | Some


def clauses(node: Node) -> Iterator[Clause]:
    """Every clause of a filter."""
    if isinstance(node, Clause):
        yield node
    elif isinstance(node, Not):
        yield from clauses(node.part)
    else:
        for part in node.parts:
            yield from clauses(part)


# ---- Words ----

_PLAIN = r"""[^\s()"'`,=<>!~]+"""
_TOKENS = re.compile(
    rf"""(?P<space>\s+)
    |(?P<field>(?:metrics?|min|max|params?|parameters?|tags?)\.(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`))
    |(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<op><=|>=|!=|<>|==|!~|[=<>~])
    |(?P<mark>[(),])
    |(?P<word>{_PLAIN})""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_SAME = {"==": "=", "<>": "!="}
_GROUP = {"metric": "metrics", "param": "params", "parameter": "params", "parameters": "params", "tag": "tags"}


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    place: int

    def says(self, *words: str) -> bool:
        return self.kind == "word" and self.text.lower() in words


def _tokens(text: str) -> list[_Token]:
    if len(text) > LONGEST:
        raise FilterProblem(f"A filter has at most {LONGEST} characters.", LONGEST)
    found, place = [], 0
    while place < len(text):
        match = _TOKENS.match(text, place)
        if match is None:
            what = "This quote is not closed." if text[place] in "\"'`" else f"{text[place]!r} fits nowhere here."
            raise FilterProblem(what, place)
        if match.lastgroup != "space":
            found.append(_Token(str(match.lastgroup), match[0], place))
        place = match.end()
    return [*found, _Token("end", "", len(text))]


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _bare(text: str) -> str:
    if text[0] == "`":
        return text[1:-1]
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)


def _said(value: Value) -> str:
    if isinstance(value, float):
        return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
    return _quoted(value.isoformat() if isinstance(value, datetime) else value)


# ---- Sentences ----


def parse(text: str) -> Node | None:
    """What a filter says; None where it says nothing. Raises FilterProblem, with the place, where it cannot be read."""
    reader = _Reader(_tokens(text))
    if reader.now.kind == "end":
        return None
    found = reader.either(0)
    if reader.now.kind != "end":
        raise FilterProblem("Here “and”, “or” or the end is expected.", reader.now.place)
    return found


def fields_in(text: str) -> list[Field]:
    """Fields with commas between them, as columns are named; each once."""
    reader, found = _Reader(_tokens(text)), []
    while reader.now.kind != "end":
        found.append(reader.field())
        if reader.now.kind != "end":
            reader.mark(",")
    return list(dict.fromkeys(found))


class _Reader:
    """Reads tokens from left to right."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens, self.at, self.count = tokens, 0, 0

    @property
    def now(self) -> _Token:
        return self.tokens[self.at]

    def take(self) -> _Token:
        token = self.now
        if token.kind != "end":
            self.at += 1
        return token

    def mark(self, which: str) -> None:
        token = self.take()
        if token.kind != "mark" or token.text != which:
            raise FilterProblem(f"Here “{which}” is expected.", token.place)

    def either(self, depth: int) -> Node:
        parts = [self.both(depth)]
        while self.now.says("or"):
            self.take()
            parts.append(self.both(depth))
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def both(self, depth: int) -> Node:
        parts = [self.single(depth)]
        while self.now.says("and"):
            self.take()
            parts.append(self.single(depth))
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def single(self, depth: int) -> Node:
        token = self.now
        if depth > DEEPEST:
            raise FilterProblem("This is nested too deeply.", token.place)
        if token.says("not"):
            self.take()
            return Not(self.single(depth + 1))
        if token.kind == "mark" and token.text == "(":
            self.take()
            found = self.either(depth + 1)
            self.mark(")")
            return found
        return self.clause()

    def field(self) -> Field:
        token = self.take()
        if token.kind == "field":
            group, _, key = token.text.partition(".")
            return self._in_group(group, _bare(key), token)
        if token.kind != "word":
            raise FilterProblem("Here the name of a field is expected, such as metrics.recall or state.", token.place)
        group, dot, key = token.text.partition(".")
        if dot and _group(group) in GROUPS:
            return self._in_group(group, key, token)
        name = token.text.lower()
        if name not in FIELDS:
            near = get_close_matches(name, [*FIELDS, *(f"{group}." for group in GROUPS)], 1)
            hint = f" Did you mean {near[0]}?" if near else " Use metrics., params. or tags. and a name, or one of "
            hint += "" if near else f"{', '.join(FIELDS)}."
            raise FilterProblem(f"There is no field {token.text[:60]!r}.{hint}", token.place)
        return Field("", name)

    def _in_group(self, group: str, key: str, token: _Token) -> Field:
        if not key or "\x00" in key:
            raise FilterProblem("After the dot a name is expected.", token.place)
        return Field(_group(group), key)

    def clause(self) -> Node:
        self.count += 1
        place = self.now.place
        if self.count > MOST_CLAUSES:
            raise FilterProblem(f"A filter has at most {MOST_CLAUSES} comparisons.", place)
        field, token = self.field(), self.take()
        if token.says("is"):
            return self._null(field)
        if token.says("in"):
            return self._in(field)
        if token.says("not") and self.now.says("in"):
            self.take()
            return Not(self._in(field))
        if token.kind != "op":
            raise FilterProblem("Here a comparison is expected: = != < <= > >= ~ in, or “is null”.", token.place)
        op = _SAME.get(token.text, token.text)
        self._fits(field, op, token.place)
        found = Clause(field, op.removeprefix("!"), (self.value(field, op),))
        return Not(found) if op.startswith("!") else found

    def _null(self, field: Field) -> Node:
        against = self.now.says("not")
        if against:
            self.take()
        token = self.take()
        if not token.says("null"):
            raise FilterProblem("After “is” stands null or not null.", token.place)
        found = Clause(field, "null")
        return Not(found) if against else found

    def _in(self, field: Field) -> Node:
        if field.kind == MOMENT:
            raise FilterProblem(f"{field} is a moment. Compare it with < <= > or >=.", self.now.place)
        self.mark("(")
        values = [self.value(field, "in")]
        while self.now.kind == "mark" and self.now.text == ",":
            self.take()
            values.append(self.value(field, "in"))
        self.mark(")")
        return Clause(field, "in", tuple(values))

    @staticmethod
    def _fits(field: Field, op: str, place: int) -> None:
        if op in CONTAINS and field.kind != TEXT:
            raise FilterProblem(f"“{op}” looks into texts, and {field} is none.", place)
        texts = field.kind in (STATE, WORD) or (field.kind == TEXT and not field.group)
        if op in EQUALS and field.kind == MOMENT:
            raise FilterProblem(f"{field} is a moment. Compare it with < <= > or >=.", place)
        if op in ORDERS and texts:
            raise FilterProblem(f"{field} has no order. Use =, != or in.", place)

    def value(self, field: Field, op: str) -> Value:
        token = self.take()
        if token.kind not in ("word", "string"):
            raise FilterProblem(f"Here a value for {field} is expected.", token.place)
        text = token.text if token.kind == "word" else _bare(token.text)
        if "\x00" in text:
            raise FilterProblem("A value holds a NUL character.", token.place)
        if field.kind == NUMBER or (field.group and op in ORDERS):
            return _number(field, text, token)
        if field.kind == MOMENT:
            return _moment(field, text, token)
        if field.key in WORDS and not field.group:
            return _word(field, text, token)
        number = _float(text) if field.group and token.kind == "word" else None
        return text if number is None else number


def _group(word: str) -> str:
    return _GROUP.get(word.lower(), word.lower())


def _float(text: str) -> float | None:
    try:
        value = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _number(field: Field, text: str, token: _Token) -> float:
    value = _float(text)
    if value is None:
        raise FilterProblem(f"{field} is compared with a number, and {text[:40]!r} is none.", token.place)
    return value


def _moment(field: Field, text: str, token: _Token) -> datetime:
    try:
        value = datetime.fromisoformat(text)
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        words = f"{field} is compared with a day or a moment, such as 2026-11-27, and {text[:40]!r} is none."
        raise FilterProblem(words, token.place) from None


def _word(field: Field, text: str, token: _Token) -> str:
    if text.lower() not in WORDS[field.key]:
        raise FilterProblem(f"{field} is one of {', '.join(WORDS[field.key])}.", token.place)
    return text.lower()
