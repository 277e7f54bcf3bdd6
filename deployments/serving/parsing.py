"""PURE: the body of a prediction request: strict JSON, limited in size, depth and rows."""

import re
import zlib
from typing import Any

import orjson

from problems.problem import Invalid, Problem, TooLarge

MAX_BODY = 5 * 1024 * 1024
MAX_ROWS = 10_000
MAX_DEPTH = 32


# A text, also one that does not end (else each quote in it would be tried as a beginning), or a bare NaN.
TEXT_OR_NAN = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|\bNaN\b', re.DOTALL)
PACKED = ("gzip", "deflate")


class WrongEncoding(Problem):
    """A body that is packed in a way that is not read here."""

    status = 415
    code = "wrong_encoding"


class RowsInvalid(Invalid):
    """Rows that do not fit the model; `errors` names each by row and field."""

    def __init__(self, errors: list[dict[str, Any]], found: int | None = None) -> None:
        count = len(errors) if found is None else found
        first = errors[0]
        where = f"row {first['row']}" + (f", field {first['field']}" if first["field"] else "")
        more = f" {count - 1} more." if count > 1 else ""
        super().__init__(f"In {where}: {first['message']}{more}", errors=errors)


def unpacked(body: bytes, encoding: str) -> bytes:
    """A body as it was before it was packed; what would become too large is refused before it does."""
    if encoding in ("", "identity"):
        return body
    if encoding not in PACKED:
        text = f"Bodies packed as {encoding[:40]} are not read. Send plain JSON, or packed by gzip or deflate."
        raise WrongEncoding(text, accepts=PACKED)
    opened = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # tells the two apart by their first bytes
    try:
        found = opened.decompress(body, MAX_BODY + 1)
    except zlib.error:
        raise Problem(f"The body is not packed as {encoding}, or was damaged.", code="bad_encoding") from None
    if len(found) > MAX_BODY:
        raise TooLarge(f"The body, unpacked, is larger than {MAX_BODY} bytes. Send fewer rows at a time.")
    if not opened.eof or opened.unused_data:
        raise Problem("The packed body ends too early, or goes on behind its end.", code="bad_encoding")
    return found


def rows_of(body: bytes) -> list[dict[str, Any]]:
    """The rows of `{"row": {…}}` or `{"rows": [{…}, …]}`; anything else is refused with what is wrong."""
    data = json_of(body)
    if not isinstance(data, dict):
        raise Invalid('The body must be an object: {"row": {…}} or {"rows": [{…}, …]}.')
    if extra := sorted(set(data) - {"row", "rows"}):
        raise Invalid(f'“{extra[0][:80]}” is not known here. Send "row" or "rows".', fields={extra[0][:80]: "Unknown."})
    if len(data) != 1:
        raise Invalid('Send either "row" with one object or "rows" with a list of objects.')
    return _listed(data)


def _listed(data: dict[str, Any]) -> list[dict[str, Any]]:
    return rows_in([data["row"]] if "row" in data else data["rows"], "rows")


def rows_in(rows: Any, where: str) -> list[dict[str, Any]]:
    """A list of objects, not empty and not too long; `where` names it in a refusal."""
    if not isinstance(rows, list):
        raise Invalid(f'"{where}" must be a list of objects.', fields={where: "Must be a list of objects."})
    if not rows:
        raise Invalid(f'"{where}" is empty. Send at least one row.', fields={where: "Must hold at least one row."})
    if len(rows) > MAX_ROWS:
        raise TooLarge(
            f"{len(rows)} rows are more than the {MAX_ROWS} that one request may carry. "
            "Send them in parts, or as a batch."
        )
    wrong = [i for i, row in enumerate(rows) if not isinstance(row, dict)]
    if wrong:
        errors = [{"row": i, "field": "", "message": "A row must be an object of names and values."} for i in wrong]
        raise RowsInvalid(errors[:100], len(wrong))
    return rows


def json_of(body: bytes, *, nan_is_gap: bool = False) -> Any:
    """A body as strict JSON, limited in size and depth; perhaps with NaN for a gap, which JSON does not know."""
    if len(body) > MAX_BODY:
        raise TooLarge(f"The body is larger than {MAX_BODY} bytes. Send fewer rows at a time.")
    try:
        data = _loaded(body, nan_is_gap)
    except (ValueError, RecursionError) as error:
        raise Problem(f"The body is not valid JSON: {str(error)[:200]}.", code="bad_json") from None
    if _suspicious(body, data):
        _walk(data, look_for_nul=b"\\u0000" in body)
    return data


def _loaded(body: bytes, nan_is_gap: bool) -> Any:
    try:
        return orjson.loads(body)
    except ValueError:
        if not nan_is_gap or b"NaN" not in body:
            raise
    return orjson.loads(TEXT_OR_NAN.sub(lambda found: b"null" if found[0] == b"NaN" else found[0], body))


def _suspicious(body: bytes, data: Any) -> bool:
    """Whether it could be nested too deeply, or hold NUL. Rows side by side are not deep, however many they are."""
    if b"\\u0000" in body:
        return True
    lists = [value for value in data.values() if isinstance(value, list)] if isinstance(data, dict) else []
    beside = max(map(len, lists), default=1) - 1
    return body.count(b"{") + body.count(b"[") - beside > MAX_DEPTH


def _walk(data: Any, *, look_for_nul: bool) -> None:
    """Refuse what is nested too deeply and, where the body has the escape at all, the NUL character."""
    level, depth = [data], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise Problem(f"The body is nested more than {MAX_DEPTH} levels deep.", code="bad_json")
        inner: list[Any] = []
        for value in level:
            parts = value.values() if isinstance(value, dict) else value
            inner.extend(part for part in parts if isinstance(part, (dict, list)))
            if look_for_nul and any(isinstance(part, str) and "\x00" in part for part in (*parts, *value)):
                raise Problem("The body holds a NUL character (\\u0000), which no value may have.", code="bad_json")
        level = inner
