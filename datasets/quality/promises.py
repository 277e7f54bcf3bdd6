"""PURE: what a data contract promises, whether a version keeps it, and the fingerprint that a signature binds to."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from datasets.recipes.frame import WORDS


def fingerprint(
    *, columns: Sequence[Any], rules: Sequence[Any], fresh_days: int | None, promise: str, owner: str
) -> str:
    """Changes with anything that is promised."""
    whole = {"columns": columns, "rules": rules, "fresh_days": fresh_days, "promise": promise, "owner": owner}
    return hashlib.sha256(json.dumps(whole, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def broken_columns(promised: Sequence[Mapping[str, Any]], schema: Sequence[Mapping[str, Any]]) -> list[str]:
    """How the columns of a version break the promise, as sentences."""
    there = {column["name"]: column for column in schema}
    said = []
    for column in promised:
        found, name = there.get(column["name"]), column["name"][:60]
        if found is None:
            said.append(f"{name} is promised and is gone.")
        elif found["type"] != column["type"]:
            said.append(f"{name} is promised as {WORDS[column['type']]} and is {WORDS[found['type']]}.")
    return said
