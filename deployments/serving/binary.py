"""PURE: the binary tensors that v2 clients send and want by default: a JSON head, and the values behind it as bytes.

The head's length stands in `Inference-Header-Content-Length`; each tensor names its `binary_data_size`, in order.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from problems.problem import Invalid

HEAD = b"inference-header-content-length"
TYPES = {
    "BOOL": np.dtype(np.bool_),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
    **{f"INT{bits}": np.dtype(f"<i{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": np.dtype(f"<u{bits // 8}") for bits in (8, 16, 32, 64)},
}


def cut(body: bytes, length: str) -> tuple[bytes, bytes]:
    """The JSON head, and what stands behind it."""
    if not (length.isascii() and length.isdigit() and len(length) < 12 and 0 < int(length) <= len(body)):
        raise Invalid("Inference-Header-Content-Length is the number of bytes of the JSON at the body's beginning.")
    return body[: int(length)], body[int(length) :]


def filled(tensors: Any, rest: bytes) -> None:
    """Put the values that stand behind the head into the tensors that say how long theirs are."""
    place = 0
    for tensor in tensors if isinstance(tensors, list) else ():
        size = _size(tensor)
        if size is None:
            continue
        if "data" in tensor:
            raise Invalid("A tensor has its data in JSON or behind it, not both.")
        part = rest[place : place + size]
        if len(part) < size:
            raise Invalid("The body ends before the last tensor does.")
        tensor["data"] = _texts(part) if tensor.get("datatype") == "BYTES" else _numbers(part, tensor.get("datatype"))
        place += size
    if place != len(rest):
        raise Invalid("Behind the last tensor the body goes on.")


def _size(tensor: Any) -> int | None:
    parameters = tensor.get("parameters") if isinstance(tensor, dict) else None
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is None:
        return None
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise Invalid("binary_data_size is a number of bytes.")
    return size


def _numbers(part: bytes, datatype: Any) -> list[Any]:
    """Numbers; what is not a number is a gap, as in frames."""
    kind = TYPES.get(datatype) if isinstance(datatype, str) else None
    if kind is None:
        raise Invalid(f"The datatype {str(datatype)[:20]} is not read here as bytes.")
    if len(part) % kind.itemsize:
        raise Invalid(f"{len(part)} bytes are no whole number of {datatype} values.")
    values = np.frombuffer(part, dtype=kind)
    if kind.kind != "f":
        return list(values.tolist())
    if np.isinf(values).any():
        raise Invalid("A number must not be infinite.")
    return [None if value != value else value for value in values.tolist()]


def _texts(part: bytes) -> list[str]:
    found: list[str] = []
    place = 0
    while place < len(part):
        if place + 4 > len(part):
            raise Invalid("A text of a BYTES tensor has no length.")
        (size,) = struct.unpack_from("<I", part, place)
        place += 4 + size
        if place > len(part):
            raise Invalid("A text of a BYTES tensor ends behind its tensor.")
        try:
            text = part[place - size : place].decode()
        except UnicodeDecodeError:
            raise Invalid("A text of a BYTES tensor is not UTF-8.") from None
        if "\x00" in text:
            raise Invalid("A text holds a NUL character, which no value may have.")
        found.append(text)
    return found


def wanted(data: Mapping[str, Any], names: Sequence[str]) -> frozenset[str]:
    """Which of the outputs are wanted as bytes."""
    usual, asked = _flag(data, "binary_data_output"), data.get("outputs")
    if not isinstance(asked, list) or not asked:
        return frozenset(names) if usual else frozenset()
    return frozenset(str(one["name"]) for one in asked if _flag(one, "binary_data", usual))


def _flag(holder: Mapping[str, Any], name: str, usual: bool = False) -> bool:
    parameters = holder.get("parameters")
    found = parameters.get(name) if isinstance(parameters, dict) else None
    return usual if found is None else found is True


def written(values: Sequence[Any], datatype: str) -> bytes:
    """One output as bytes; a gap is not a number, an empty text, or false."""
    if datatype == "BYTES":
        texts = [("" if value is None else str(value)).encode() for value in values]
        return b"".join(struct.pack("<I", len(text)) + text for text in texts)
    gap = np.nan if datatype.startswith("FP") else 0
    return np.array([gap if value is None else value for value in values], dtype=TYPES[datatype]).tobytes()
