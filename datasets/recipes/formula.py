"""PURE: formulas as people write them in a spreadsheet, read by a parser of our own into a tree; nothing is run."""

import re
from dataclasses import dataclass
from typing import Any

from problems.problem import Invalid

DEEPEST = 40
MOST_TOKENS = 600
TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?(?![\w.]))
    |(?P<text>"(?:[^"]|"")*"|'(?:[^']|'')*')
    |\[(?P<column>[^\[\]]+)\]
    |(?P<word>[^\W\d]\w*)
    |(?P<sign><=|>=|<>|!=|==|[-+*/%&=<>(),])
    )""",
    re.VERBOSE,
)
COMPARE = {"=": "==", "==": "==", "<>": "!=", "!=": "!=", "<": "<", ">": ">", "<=": "<=", ">=": ">="}
WORDS = {"and", "or", "not", "in", "true", "false", "missing"}


@dataclass(frozen=True)
class Node:
    """One part of a formula: a literal, a column, or a function of parts. `at` is where it begins, from 1."""

    kind: str
    value: Any
    parts: tuple["Node", ...] = ()
    at: int = 0


@dataclass(frozen=True)
class Token:
    """One word of a formula."""

    kind: str
    text: str
    at: int


def wrong(text: str, at: int = 0) -> Invalid:
    """A refusal that says where in the formula."""
    said = f"Formula, character {at}: {text}" if at else f"Formula: {text}"
    return Invalid(said, code="bad_formula", fields={"formula": said})


def parse(text: str) -> Node:
    """Read a formula. Refuses with the place whatever is not one."""
    return _Parser(_tokens(text)).whole()


def _tokens(text: str) -> list[Token]:
    found, at, end = [], 0, len(text.rstrip())
    while at < end:
        match = TOKEN.match(text, at)
        if match is None:
            raise wrong(f"“{text[at:].strip()[:20]}” cannot be read here.", at + 1)
        kind = match.lastgroup or ""
        found.append(Token(kind, match[kind], match.start(kind) + 1))
        at = match.end()
        if len(found) > MOST_TOKENS:
            raise wrong(f"it has more than {MOST_TOKENS} words.")
    if not found:
        raise wrong("it is empty.")
    return found


class _Parser:
    """Recursive descent: or, and, not, comparison, sum, product, sign, part."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens, self.place, self.depth = tokens, 0, 0

    def whole(self) -> Node:
        node = self.either()
        if self.place < len(self.tokens):
            raise wrong(f"“{self.now.text[:20]}” is not expected here.", self.now.at)
        return node

    @property
    def now(self) -> Token:
        if self.place < len(self.tokens):
            return self.tokens[self.place]
        return Token("end", "", self.tokens[-1].at + len(self.tokens[-1].text))

    def take(self, *texts: str) -> Token | None:
        """The next token if it is one of these signs or words."""
        token = self.now
        if token.kind in ("sign", "word") and token.text.lower() in texts:
            self.place += 1
            return token
        return None

    def need(self, text: str) -> None:
        if not self.take(text):
            raise wrong(f"“{text}” is expected here, not “{self.now.text[:20]}”.", self.now.at)

    def either(self) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise wrong("it is nested too deeply.", self.now.at)
        node = self.both()
        while token := self.take("or"):
            node = Node("call", "or", (node, self.both()), token.at)
        self.depth -= 1
        return node

    def both(self) -> Node:
        node = self.negated()
        while token := self.take("and"):
            node = Node("call", "and", (node, self.negated()), token.at)
        return node

    def negated(self) -> Node:
        flips, token = 0, None
        while found := self.take("not"):
            flips, token = flips + 1, found
        node = self.compared()
        return Node("call", "not", (node,), token.at) if token and flips % 2 else node

    def compared(self) -> Node:
        left = self.sum()
        if token := self.take(*COMPARE):
            return Node("call", COMPARE[token.text], (left, self.sum()), token.at)
        if token := self.take("in"):
            self.need("(")
            return Node("call", "in", (left, *self.listed()), token.at)
        return left

    def sum(self) -> Node:
        node = self.product()
        while token := self.take("+", "-", "&"):
            node = Node("call", token.text, (node, self.product()), token.at)
        return node

    def product(self) -> Node:
        node = self.signed()
        while token := self.take("*", "/", "%"):
            node = Node("call", token.text, (node, self.signed()), token.at)
        return node

    def signed(self) -> Node:
        flips, token = 0, None
        while found := self.take("-", "+"):
            flips, token = flips + (found.text == "-"), found
        node = self.part()
        return Node("call", "negative", (node,), token.at) if token and flips % 2 else node

    def listed(self) -> tuple[Node, ...]:
        """Parts between commas up to the closing bracket."""
        if self.take(")"):
            return ()
        parts = [self.either()]
        while self.take(","):
            parts.append(self.either())
        self.need(")")
        return tuple(parts)

    def part(self) -> Node:
        token = self.now
        if self.take("("):
            node = self.either()
            self.need(")")
            return node
        self.place += 1
        if token.kind == "number":
            value = float(token.text) if re.search(r"[.eE]", token.text) else int(token.text)
            if abs(value) > 1e300 or (isinstance(value, int) and value >= 2**63):
                raise wrong("the number is too large.", token.at)
            return Node("literal", value, at=token.at)
        if token.kind == "text":
            quote = token.text[0]
            return Node("literal", token.text[1:-1].replace(quote * 2, quote), at=token.at)
        if token.kind == "column":
            return Node("column", token.text, at=token.at)
        if token.kind == "word":
            return self.word(token)
        raise wrong(
            f"a value is expected here, not “{token.text[:20]}”." if token.text else "it ends too early.", token.at
        )

    def word(self, token: Token) -> Node:
        lower = token.text.lower()
        if self.take("("):
            return Node("call", lower, self.listed(), token.at)
        if lower in ("true", "false"):
            return Node("literal", lower == "true", at=token.at)
        if lower == "missing":
            return Node("literal", None, at=token.at)
        if lower in WORDS:
            raise wrong(f"“{token.text}” is not expected here.", token.at)
        return Node("column", token.text, at=token.at)
