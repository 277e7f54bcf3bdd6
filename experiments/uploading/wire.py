"""PURE: the wire format of Protocol Buffers, as far as files of ONNX need it: fields by their numbers, nothing built.

https://protobuf.dev/programming-guides/encoding/. Groups and fields that run over the end are refused; so are fields
that stand twice where one belongs, which other readers would merge.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np

Value = int | bytes
Fields = Mapping[int, list[Value]]
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
_INTS = re.compile(rb"(?:\x40[\x80-\xff]{0,9}[\x00-\x7f])+")  # numbers of field 8, one by one, as ONNX writes them
_INT = re.compile(rb"\x40([\x80-\xff]{0,9}[\x00-\x7f])")
_FLOATS = re.compile(rb"(?:\x3d[\s\S]{4})+")  # the same of field 7


class Torn(ValueError):
    """The bytes are no whole message."""


def fields(content: bytes) -> Fields:
    """The values of each field: whole numbers as they are, everything else as its bytes."""
    found: dict[int, list[Value]] = defaultdict(list)
    place, end = 0, len(content)
    while place < end:
        tag, place = _varint(content, place)
        number, kind = tag >> 3, tag & 7
        if not number:
            raise Torn("field 0")
        if kind == _VARINT:
            value, place = _varint(content, place)
            found[number].append(value)
            continue
        if kind == _BYTES:
            size, place = _varint(content, place)
        else:
            size = {_EIGHT: 8, _FOUR: 4}.get(kind, -1)
        if size < 0 or place + size > end:
            raise Torn(f"field {number}")
        found[number].append(content[place : place + size])
        place += size
    return found


def listed(content: bytes) -> tuple[Fields, Any, Any]:
    """The fields of an attribute, its many numbers (field 8, field 7) apart: a forest has millions of them."""
    ints, floats, rest = [], [], bytearray()
    place, end = 0, len(content)
    while place < end:
        if run := _INTS.match(content, place):
            ints.append(_numbers(b"".join(_INT.findall(run[0]))))
        elif run := _FLOATS.match(content, place):
            pieces = np.frombuffer(run[0], np.uint8).reshape(-1, 5)[:, 1:]
            floats.append(np.ascontiguousarray(pieces).view("<f4").ravel())
        else:
            after = _after(content, place)
            rest += content[place:after]
            place = after
            continue
        place = run.end()
    found = dict(fields(bytes(rest)))
    ints += [_numbers(piece) for piece in found.pop(8, []) if isinstance(piece, bytes)]
    floats += [_packed(piece) for piece in found.pop(7, []) if isinstance(piece, bytes)]
    return found, _joined(ints, np.int64), _joined(floats, np.float32)


def one(found: Fields, number: int, usual: Any = None) -> Any:
    """The only value of a field; Torn where it stands twice."""
    values = found.get(number, [])
    if len(values) > 1:
        raise Torn(f"field {number} twice")
    return values[0] if values else usual


def word(value: Any) -> str:
    """Text of a field."""
    if not isinstance(value, bytes):
        raise Torn("no text")
    return value.decode()


def message(value: Any) -> Fields:
    """A message in a field."""
    if not isinstance(value, bytes):
        raise Torn("no message")
    return fields(value)


def count_of(values: list[Value], width: int) -> int:
    """How many numbers a repeated field has, packed or one by one; `width` is a number's, 0 where that varies."""
    single = sum(1 for value in values if isinstance(value, int) or (width and len(value) == width))
    packed = [value for value in values if isinstance(value, bytes) and not (width and len(value) == width)]
    if width:
        if any(len(value) % width for value in packed):
            raise Torn("numbers cut")
        return single + sum(len(value) // width for value in packed)
    return single + sum(int(_numbers(value).size) for value in packed)


def whole_numbers(values: list[Value]) -> list[int]:
    """The whole numbers of a repeated field."""
    found: list[int] = []
    for value in values:
        found += [_signed(value)] if isinstance(value, int) else _numbers(value).tolist()
    return found


def _varint(content: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70 and place < len(content):
        byte = content[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value & (2**64 - 1), place
    raise Torn("number cut")


def _after(content: bytes, place: int) -> int:
    """Where the field that begins here ends."""
    tag, place = _varint(content, place)
    kind = tag & 7
    if kind == _VARINT:
        return _varint(content, place)[1]
    if kind == _BYTES:
        size, place = _varint(content, place)
        return place + size
    if kind not in (_EIGHT, _FOUR):
        raise Torn("group")
    return place + (8 if kind == _EIGHT else 4)


def _numbers(content: bytes) -> Any:
    """Whole numbers that stand one behind the other."""
    digits = np.frombuffer(content, np.uint8)
    if not digits.size:
        return np.empty(0, np.int64)
    ends = np.flatnonzero(digits < 0x80)
    if not ends.size or ends[-1] != digits.size - 1:
        raise Torn("numbers cut")
    starts = np.concatenate([[0], ends[:-1] + 1])
    sizes = ends - starts + 1
    if sizes.max() > 10:
        raise Torn("number too long")
    shifts = (np.arange(digits.size) - np.repeat(starts, sizes)).astype(np.uint64) * np.uint64(7)
    parts = (digits & 0x7F).astype(np.uint64) << shifts
    return np.add.reduceat(parts, starts).astype(np.int64)


def _packed(content: bytes) -> Any:
    if len(content) % 4:
        raise Torn("numbers cut")
    return np.frombuffer(content, "<f4")


def _joined(pieces: list[Any], kind: Any) -> Any:
    return np.concatenate(pieces) if pieces else np.empty(0, kind)


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value
