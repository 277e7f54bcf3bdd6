"""PURE: what a formula is worth: its tree with the columns of a frame as one typed Ibis value.

Every function says which types it takes. A missing part makes the result missing, with `and` and `or` as in SQL;
division by zero, roots and logarithms of what has none are missing; a comparison of texts goes by code point.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

from datasets.recipes.formula import Node, parse, wrong
from datasets.recipes.frame import EXACT, NUMERIC, TIMES, Frame, finite, floor, ibis_type, literal, missing, whole
from datasets.recipes.frame import WORDS as TYPE_WORDS
from datasets.recipes.late import ibis
from problems.problem import Problem


@dataclass(frozen=True)
class Typed:
    """A value and its type; the type `any` is that of a bare `missing`."""

    type: str
    value: Any


Values = list[Typed]


def value_of(text: str, frame: Frame) -> Typed:
    """The formula's value for each row of the frame."""
    found = _value(parse(text), frame)
    return Typed("text", missing("text")) if found.type == "any" else found


def condition_of(text: str, frame: Frame) -> Any:
    """The formula as a yes or no for each row."""
    found = value_of(text, frame)
    if found.type != "boolean":
        raise wrong(f"it gives a {TYPE_WORDS[found.type]}; a yes or no is needed, such as “amount > 100”.")
    return found.value


def _value(node: Node, frame: Frame) -> Typed:
    if node.kind == "literal":
        return _literal(node.value)
    if node.kind == "column":
        try:
            return Typed(frame.type_of(node.value), frame[node.value])
        except Problem as problem:
            raise wrong(problem.text, node.at) from None
    if node.value not in FUNCTIONS:
        raise wrong(f"there is no function “{str(node.value)[:40]}”. There are {', '.join(NAMED)}.", node.at)
    least, most, make = FUNCTIONS[node.value]
    if not least <= len(node.parts) <= most:
        many = f"{least}" if least == most else f"{least} or more" if most > 50 else f"{least} to {most}"
        raise wrong(f"“{node.value}” takes {many} values, not {len(node.parts)}.", node.at)
    parts = [_value(part, frame) for part in node.parts]
    try:
        return make(parts)
    except _Wrong as error:
        raise wrong(f"“{node.value}” {error}.", node.at) from None


def _literal(value: Any) -> Typed:
    if value is None:
        return Typed("any", ibis.null())
    kind = {bool: "boolean", int: "integer", float: "number", str: "text"}[type(value)]
    return Typed(kind, literal(value, kind))


class _Wrong(Exception):
    """A function was given what it does not take."""


def _need(part: Typed, kinds: tuple[str, ...]) -> Any:
    if part.type == "any":
        return missing(kinds[0])
    if part.type not in kinds:
        raise _Wrong(f"takes {' or '.join(TYPE_WORDS[kind] for kind in kinds)}, not {TYPE_WORDS[part.type]}")
    return part.value


def _numbers(parts: Values) -> list[Any]:
    return [_need(part, NUMERIC).cast("float64") for part in parts]


def _alike(parts: Values) -> tuple[str, list[Any]]:
    """Parts brought to one type: whole numbers beside numbers become numbers, dates beside times times."""
    kinds = {part.type for part in parts} - {"any"}
    for wide in (("number", {"integer", "number"}), ("datetime", {"date", "datetime"})):
        if len(kinds) > 1 and kinds <= wide[1]:
            kinds = {wide[0]}
    if len(kinds) > 1:
        raise _Wrong(f"compares or mixes {' and '.join(sorted(TYPE_WORDS[kind] for kind in kinds))}")
    kind = next(iter(kinds), "text")
    return kind, [missing(kind) if part.type == "any" else part.value.cast(ibis_type(kind)) for part in parts]


def _dates_too(parts: Values) -> Values:
    """A text literal beside a date or time is read as one, so that `day >= "2026-01-31"` works."""
    times = next((part.type for part in parts if part.type in TIMES), None)
    if not times:
        return parts
    return [Typed(times, part.value.try_cast(ibis_type(times))) if part.type == "text" else part for part in parts]


def _comparison(make: Callable[[Any, Any], Any]) -> Callable[[Values], Typed]:
    def compare(parts: Values) -> Typed:
        _, (left, right) = _alike(_dates_too(parts))
        return Typed("boolean", make(left, right))

    return compare


def _arithmetic(make: Callable[[Any, Any], Any]) -> Callable[[Values], Typed]:
    """Whole numbers stay whole while a double holds them exactly; beyond that the result is a number's."""

    def calculate(parts: Values) -> Typed:
        left, right = _numbers(parts)
        found = finite(make(left, right))
        if all(part.type == "integer" for part in parts):
            small = reduce(lambda one, other: one & other, [one.abs() < EXACT for one in (left, right, found)])
            exact = ibis.ifelse(small, found, missing("number"))
            return Typed("integer", exact.cast("int64"))
        return Typed("number", found)

    return calculate


def _divide(parts: Values) -> Typed:
    left, right = _numbers(parts)
    return Typed("number", finite(left / right.nullif(0)))


def _remainder(parts: Values) -> Typed:
    """With the sign of the dividend, as in C; engines agree on it for doubles only when written out."""
    left, right = _numbers(parts)
    right = right.nullif(0)
    ratio = left / right
    cut = ratio.sign() * floor(ratio.abs())
    kind = "integer" if all(part.type == "integer" for part in parts) else "number"
    value = finite(left - right * cut)
    return Typed(kind, whole(value) if kind == "integer" else value)


def _real(make: Callable[..., Any], kind: str = "number") -> Callable[[Values], Typed]:
    def calculate(parts: Values) -> Typed:
        value = make(*_numbers(parts))
        return Typed(kind, whole(value) if kind == "integer" else finite(value))

    return calculate


def _above(value: Any, low: float, *, equal: bool = False) -> Any:
    return ibis.ifelse(value >= low if equal else value > low, value, missing("number"))


def _round(parts: Values) -> Typed:
    """Half away from zero, to so many decimals."""
    number, digits = _need(parts[0], NUMERIC).cast("float64"), 0
    if len(parts) == 1:
        return Typed("integer", whole(number))
    try:
        digits = int(parts[1].value.op().value)
    except (AttributeError, TypeError, ValueError):
        raise _Wrong("takes a whole number from 0 to 12 as second value") from None
    if not 0 <= digits <= 12:
        raise _Wrong("takes a whole number from 0 to 12 as second value")
    scale = 10.0**digits
    return Typed("number", finite(number.sign() * floor(number.abs() * scale + 0.5) / scale))


def _power(parts: Values) -> Typed:
    """Only where the result is a number: no root of a negative one, no 0 to a negative power."""
    left, right = _numbers(parts)
    fine = (left > 0) | ((left == 0) & (right >= 0)) | ((left < 0) & (floor(right) == right))
    size = right * left.abs().nullif(0).ln()
    small = size.fill_null(0.0) < 700
    return Typed("number", finite(ibis.ifelse(fine & small, left, missing("number")) ** right))


def _choose(parts: Values) -> Typed:
    kind, (yes, no) = _alike(parts[1:])
    return Typed(kind, ibis.ifelse(_need(parts[0], ("boolean",)).fill_null(False), yes, no))


def _first_there(parts: Values) -> Typed:
    kind, values = _alike(parts)
    return Typed(kind, ibis.coalesce(*values))


def _extreme(name: str) -> Callable[[Values], Typed]:
    """Missing when any part is missing: engines skip missing parts or not."""

    def calculate(parts: Values) -> Typed:
        kind, values = _alike(parts)
        empty = reduce(lambda one, other: one | other, [value.isnull() for value in values])
        return Typed(kind, ibis.ifelse(empty, missing(kind), getattr(ibis, name)(*values)))

    return calculate


def _among(parts: Values) -> Typed:
    _kind, (value, *options) = _alike(_dates_too(parts))
    return Typed("boolean", reduce(lambda one, other: one | other, [value == option for option in options]))


def _texts(make: Callable[..., Any], kind: str = "text") -> Callable[[Values], Typed]:
    return lambda parts: Typed(kind, make(*[_need(part, ("text",)) for part in parts]))


def _joined(parts: Values) -> Typed:
    """Texts one after the other; anything missing makes it missing."""
    values = [part.value if part.type == "text" else _as_text(part) for part in parts]
    return Typed("text", reduce(lambda one, other: one + other, values))


def _as_text(part: Typed) -> Any:
    if part.type in ("integer", "date"):
        return part.value.cast("string")
    return _need(part, ("text", "integer", "date"))


def _logic(make: Callable[..., Any]) -> Callable[[Values], Typed]:
    return lambda parts: Typed("boolean", make(*[_need(part, ("boolean",)) for part in parts]))


def _moment(make: Callable[[Any], Any], kinds: tuple[str, ...] = TIMES) -> Callable[[Values], Typed]:
    return lambda parts: Typed("integer", make(_need(parts[0], kinds)).cast("int64"))


def _days_between(parts: Values) -> Typed:
    first, last = [_need(part, TIMES).cast("date") for part in _dates_too(parts)]
    return Typed("integer", last.delta(first, unit="day").cast("int64"))


def _date_of(parts: Values) -> Typed:
    return Typed("date", _need(parts[0], TIMES).cast("date"))


def _piece(parts: Values) -> Typed:
    """The text from a place (from 1) on, so many characters."""
    text, start, length = _need(parts[0], ("text",)), _need(parts[1], ("integer",)), _need(parts[2], ("integer",))
    first, length = ibis.greatest(start, 1), ibis.greatest(length, 0)
    return Typed("text", text.substr(first - 1, length))


_TRIM = r"^\s+|\s+$"
NAMED: dict[str, tuple[int, int, Callable[[Values], Typed]]] = {
    "abs": (1, 1, _real(lambda x: x.abs())),
    "round": (1, 2, _round),
    "floor": (1, 1, _real(floor, "integer")),
    "ceil": (1, 1, _real(lambda x: -floor(-x), "integer")),
    "sqrt": (1, 1, _real(lambda x: _above(x, 0, equal=True).sqrt())),
    "ln": (1, 1, _real(lambda x: _above(x, 0).ln())),
    "log10": (1, 1, _real(lambda x: _above(x, 0).log10())),
    "exp": (1, 1, _real(lambda x: ibis.ifelse(x < 700, x, missing("number")).exp())),
    "power": (2, 2, _power),
    "min": (2, 99, _extreme("least")),
    "max": (2, 99, _extreme("greatest")),
    "if": (3, 3, _choose),
    "coalesce": (1, 99, _first_there),
    "is_missing": (1, 1, lambda parts: Typed("boolean", parts[0].value.isnull())),
    "lower": (1, 1, _texts(lambda x: x.lower())),
    "trim": (1, 1, _texts(lambda x: x.re_replace(_TRIM, ""))),
    "length": (1, 1, _texts(lambda x: x.length().cast("int64"), "integer")),
    "contains": (2, 2, _texts(lambda x, y: x.contains(y), "boolean")),
    "starts_with": (2, 2, _texts(lambda x, y: x.startswith(y), "boolean")),
    "ends_with": (2, 2, _texts(lambda x, y: x.endswith(y), "boolean")),
    "part": (3, 3, _piece),
    "year": (1, 1, _moment(lambda x: x.year())),
    "month": (1, 1, _moment(lambda x: x.month())),
    "day": (1, 1, _moment(lambda x: x.day())),
    "weekday": (1, 1, _moment(lambda x: x.day_of_week.index() + 1)),
    "hour": (1, 1, _moment(lambda x: x.hour(), ("datetime",))),
    "minute": (1, 1, _moment(lambda x: x.minute(), ("datetime",))),
    "date": (1, 1, _date_of),
    "days_between": (2, 2, _days_between),
}
FUNCTIONS: dict[str, tuple[int, int, Callable[[Values], Typed]]] = NAMED | {
    "or": (2, 2, _logic(lambda x, y: x | y)),
    "and": (2, 2, _logic(lambda x, y: x & y)),
    "not": (1, 1, _logic(lambda x: ~x)),
    "==": (2, 2, _comparison(lambda x, y: x == y)),
    "!=": (2, 2, _comparison(lambda x, y: x != y)),
    "<": (2, 2, _comparison(lambda x, y: x < y)),
    ">": (2, 2, _comparison(lambda x, y: x > y)),
    "<=": (2, 2, _comparison(lambda x, y: x <= y)),
    ">=": (2, 2, _comparison(lambda x, y: x >= y)),
    "in": (2, 200, _among),
    "+": (2, 2, _arithmetic(lambda x, y: x + y)),
    "-": (2, 2, _arithmetic(lambda x, y: x - y)),
    "*": (2, 2, _arithmetic(lambda x, y: x * y)),
    "/": (2, 2, _divide),
    "%": (2, 2, _remainder),
    "&": (2, 2, _joined),
    "negative": (
        1,
        1,
        lambda parts: _arithmetic(lambda x, y: x - y)([Typed("integer", literal(0, "integer")), parts[0]]),
    ),
}
