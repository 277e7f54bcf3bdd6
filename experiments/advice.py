"""PURE: what can be said of a split before any row is read, from the names and counts of columns."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.guesses import TIMES, Column

LEAST_NAMES, REPEATS = 20, 1.2
NAMES_GROUP = re.compile(r"(^|_|\b)(id|key|code|customer|client|patient|user|account|person|household|device)s?$", re.I)


def group_columns(schema: Sequence[Mapping[str, Any]], target: str) -> list[str]:
    """Columns that by their name and type may say which rows belong together; at most three."""
    found = [one["name"] for one in schema if one["type"] in ("text", "integer") and NAMES_GROUP.search(one["name"])]
    return [name for name in found if name != target][:3]


def foreseen(columns: Mapping[str, Column], target: str, split: str, by: str) -> list[str]:
    """What can be said before anything is read: columns that repeat though rows are split one by one, and moments."""
    schema = [{"name": column.name, "type": column.type} for column in columns.values()]
    told = []
    for name in group_columns(schema, target):
        column = columns[name]
        if name != by and column.distinct >= LEAST_NAMES and column.present >= REPEATS * column.distinct:
            told.append(
                f"{name} repeats: {column.distinct} different ones in {column.present} rows. If new ones will come in "
                "use, hold back whole groups of it."
            )
    moments = [column.name for column in columns.values() if column.type in TIMES and column.distinct > 1]
    if split == "random" and moments:
        told.append(f"Rows have a moment ({moments[0]}). To see how it does later, hold back the newest rows.")
    return told
