"""PURE: ONNX as bytes: the few messages of its file format that a graph of ours needs, written as protobuf has them.

Field numbers are those of `onnx.proto` (IR version 10). Nothing here knows what a graph computes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
FLOAT, UINT8, INT64, STRING, BOOL, DOUBLE = 1, 2, 7, 8, 9, 11
OF_ARRAYS = {"u1": UINT8, "i8": INT64, "f8": DOUBLE, "b1": BOOL}
DOMAIN = "ai.onnx.ml"
VERSIONS = {"": 18, DOMAIN: 5}
IR = 10


@dataclass
class Graph:
    """A graph that grows: nodes, constants, what goes in and what comes out."""

    nodes: list[bytes] = field(default_factory=list)
    constants: list[bytes] = field(default_factory=list)
    inputs: list[tuple[str, int, int]] = field(default_factory=list)
    outputs: list[tuple[str, int, int]] = field(default_factory=list)
    _count: int = 0

    def name(self) -> str:
        """A new name."""
        self._count += 1
        return f"v{self._count}"

    def constant(self, value: Any) -> str:
        """An array, or a list of texts, as a constant."""
        name = self.name()
        self.constants.append(tensor(value, name))
        return name

    def add(self, kind: str, *inputs: str, domain: str = "", output: str = "", **attributes: Any) -> str:
        """One operation with one output."""
        output = output or self.name()
        parts = [_text(1, name) for name in inputs] + [_text(2, output), _text(4, kind)]
        parts += [_bytes(5, _attribute(name, value)) for name, value in attributes.items()]
        self.nodes.append(b"".join(parts) + (_text(7, domain) if domain else b""))
        return output

    def file(self, facts: Mapping[str, str]) -> bytes:
        """The whole model."""
        graph = [_bytes(1, node) for node in self.nodes] + [_text(2, "model")]
        graph += [_bytes(5, one) for one in self.constants]
        graph += [
            _bytes(number, _described(*one))
            for number, found in ((11, self.inputs), (12, self.outputs))
            for one in found
        ]
        opsets = [_bytes(8, _text(1, domain) + _number(2, version)) for domain, version in VERSIONS.items()]
        notes = [_bytes(14, _text(1, name) + _text(2, value)) for name, value in facts.items()]
        return b"".join([_number(1, IR), _text(2, "baton"), _bytes(7, b"".join(graph)), *opsets, *notes])


def tensor(value: Any, name: str = "") -> bytes:
    """A constant: numbers in their own bytes, texts one by one."""
    if isinstance(value, list):
        parts = [_number(1, len(value)), _number(2, STRING), *(_bytes(6, one.encode()) for one in value)]
        return b"".join([*parts, _text(8, name)])
    kind = value.dtype.str[1:]
    dims = b"".join(_number(1, size) for size in value.shape)
    plain = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
    return dims + _number(2, OF_ARRAYS[kind]) + _text(8, name) + _bytes(9, plain.tobytes())


def _attribute(name: str, value: Any) -> bytes:
    if isinstance(value, str):
        return _text(1, name) + _text(4, value) + _number(20, 3)
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, 2)
    if isinstance(value, list):
        return _text(1, name) + b"".join(_bytes(9, one.encode()) for one in value) + _number(20, 8)
    if isinstance(value, bytes):  # a tensor
        return _text(1, name) + _bytes(5, value) + _number(20, 4)
    return _text(1, name) + _bytes(8, varints(value)) + _number(20, 7)


def _described(name: str, kind: int, width: int) -> bytes:
    """One input or output: rows as many as there are; a width of 0 is a plain list."""
    rows = _bytes(1, _text(2, "rows"))
    shape = rows + (_bytes(1, _number(1, width)) if width else b"")
    return _text(1, name) + _bytes(2, _bytes(1, _number(1, kind) + _bytes(2, shape)))


def varints(values: Sequence[int] | Array) -> bytes:
    """Whole numbers, seven bits a byte, one behind the other."""
    found = np.asarray(values, dtype=np.int64).view(np.uint64).reshape(-1, 1)
    shifts = np.arange(0, 70, 7, dtype=np.uint64)[None]
    groups = np.where(shifts < 64, found >> np.minimum(shifts, np.uint64(63)), np.uint64(0))
    last = np.maximum((groups != 0).sum(axis=1), 1)
    place = np.arange(10)[None]
    written = (groups & np.uint64(0x7F)).astype(np.uint8) | np.where(place < last[:, None] - 1, 0x80, 0).astype(
        np.uint8
    )
    return bytes(written[place < last[:, None]].tobytes())


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _number(field_: int, value: int) -> bytes:
    return _varint(field_ << 3) + _varint(value)


def _bytes(field_: int, value: bytes) -> bytes:
    return _varint(field_ << 3 | 2) + _varint(len(value)) + value


def _text(field_: int, value: str) -> bytes:
    return _bytes(field_, value.encode())
