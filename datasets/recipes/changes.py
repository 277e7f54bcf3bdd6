"""PURE: what one step changed between two states of a sample: columns that came and went, cells that differ."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from datasets.recipes.frame import Frame


def compared(before: Frame, old: pa.Table, after: Frame, new: pa.Table) -> dict[str, Any]:
    """New and gone columns, and per column how many cells differ; cells only where the rows are still the same ones."""
    found: dict[str, Any] = {
        "new": [name for name in after.names if name not in before][:40],
        "gone": [name for name in before.names if name not in after][:40],
        "cells": {},
    }
    if old.num_rows != new.num_rows or not old["r"].equals(new["r"]):
        return found
    for name in after.names:
        if name in before and before.column(name).id != after.column(name).id:
            count = _different(old[before.column(name).id], new[after.column(name).id])
            if count:
                found["cells"][name] = count
    return found


def _different(old: pa.ChunkedArray, new: pa.ChunkedArray) -> int:
    """Cells that differ, or that are missing on one side only."""
    if old.type != new.type:
        return len(new) - int(pc.sum(pc.and_(old.is_null(), new.is_null())).as_py() or 0)
    same = pc.or_(pc.fill_null(pc.equal(old, new), False), pc.and_(old.is_null(), new.is_null()))
    return int(pc.sum(pc.invert(same)).as_py() or 0)
