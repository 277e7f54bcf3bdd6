"""Strict JSON: what the standard allows, in limited size and depth, with text that a database can keep."""

import json
import math
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from rest_framework import exceptions
from rest_framework.parsers import JSONParser

from problems.problem import Missing, TooLarge

MAX_BODY = 5 * 1024 * 1024
MAX_DEPTH = 32


class StrictJSONParser(JSONParser):
    """JSON as the standard has it: no NaN, no infinities, no repeated names, limited in size and depth."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        body = stream.read(MAX_BODY + 1)
        if len(body) > MAX_BODY:
            raise TooLarge(f"The body is larger than {MAX_BODY} bytes.")
        try:
            text = body.decode("utf-8")
            data = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_once_each)
        except UnicodeDecodeError:
            raise exceptions.ParseError("The body is not UTF-8.") from None
        except RecursionError:
            raise exceptions.ParseError(f"The body is nested more than {MAX_DEPTH} levels deep.") from None
        except ValueError as error:
            raise exceptions.ParseError(f"The body is not valid JSON: {str(error)[:200]}.") from None
        _walk(data, check_text="\\u" in text)  # only an escape can bring in what UTF-8 itself cannot
        return data


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:20]} is too large")
    return value


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is repeated in one object")
    return found


def _walk(data: Any, *, check_text: bool) -> None:
    """Level by level, without recursion: the depth, and every text where one may be bad."""
    level, depth = [data], 0
    while level:
        depth += any(isinstance(value, (dict, list)) for value in level)
        if depth > MAX_DEPTH:
            raise exceptions.ParseError(f"The body is nested more than {MAX_DEPTH} levels deep.")
        if check_text and not all(_can_be_kept(value) for value in level if isinstance(value, str)):
            raise exceptions.ParseError("The body holds a text with a NUL character or half a surrogate pair.")
        level = [inner for value in level for inner in _inside(value)]


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    return value if isinstance(value, list) else ()


def _can_be_kept(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def as_uuid(text: str) -> UUID:
    """An id that came as text; what is none names nothing."""
    try:
        return UUID(text)
    except ValueError:
        raise Missing("There is no such object.") from None
