"""PURE: lines of the prediction log. A request of one row has a line as its row; one of many has one line for all.

The line of many says once what all its rows share, and holds the rest column by column. Whoever reads the log asks
`rows_in` and sees rows, whichever way they were written.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

EACH, COLUMNS, FIRST = "each", "columns", "first"


def written(
    shared: Mapping[str, Any],
    predictions: Sequence[Mapping[str, Any]],
    more: Mapping[str, Sequence[Any]],
    columns: Mapping[str, Sequence[Any]],
    first: int,
) -> bytes:
    """The answered rows of one request as a line.

    `more` is kept beside their predictions, `columns` are their inputs. Their times in microseconds count from `first`.
    """
    if len(predictions) == 1:
        row = {name: values[0] for name, values in columns.items()}
        own = {name: values[0] for name, values in more.items()}
        one = {**predictions[0], **shared, **own, "at": first / 1e6, "row": row}
        return orjson.dumps(one, option=orjson.OPT_APPEND_NEWLINE)
    each = {name: [one[name] for one in predictions] for name in predictions[0]}
    line = {**shared, EACH: {**each, **more}, COLUMNS: columns, FIRST: first}
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def rows_in(line: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a line; ValueError, KeyError or TypeError where it is damaged."""
    if EACH not in line:
        return [line]
    shared = {name: value for name, value in line.items() if name not in (EACH, COLUMNS, FIRST)}
    each, columns, first = line[EACH], line[COLUMNS], line[FIRST]
    own, inputs = tuple(each), tuple(columns)
    rows = zip(*columns.values(), strict=True) if inputs else iter([()] * len(each["id"]))
    return [
        {
            **shared,
            **dict(zip(own, values, strict=True)),
            "at": (first + place) / 1e6,
            "row": dict(zip(inputs, row, strict=True)),
        }
        for place, (values, row) in enumerate(zip(zip(*each.values(), strict=True), rows, strict=True))
    ]
