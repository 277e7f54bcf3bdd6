"""PURE: all measures of one input in one entry, and the report of a whole table against the kept reference."""

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from monitoring.drift.catalog import MEASURES
from monitoring.drift.chance import psi_by_chance
from monitoring.drift.pair import pooled
from monitoring.drift.sketch import Sketch, sketch_for


def entry_of(sketch: Sketch, tests: int) -> dict[str, Any]:
    """Every measure of the catalog, the histograms over shared bins, and the largest change in words."""
    pair, labels = sketch.pair(), sketch.labels()
    bins = len(pooled(pair)[0])
    return {
        "name": sketch.name,
        "type": sketch.type,
        "rows": sketch.valued,
        "all_rows": sketch.rows,
        "rows_reference": sketch.rows_reference,
        **{key: MEASURES[key].of(pair) for key in ("psi", "js", "ks", "wasserstein", "cramer", "share")},
        "chance": psi_by_chance(bins, pair.rows_reference, pair.rows_now, tests),
        "missing": pair.missing_now,
        "missing_reference": pair.missing_reference,
        "strange": pair.strange,
        "new_share": pair.new_share,
        "new": sketch.new(),
        "labels": labels,
        "reference": list(pair.reference),
        "now": list(pair.now),
        "change": change_words(labels, pair.reference, pair.now),
    }


def change_words(labels: list[str], before: Sequence[float], now: Sequence[float]) -> str:
    """The bin that changed most: `“flex” rose from 0 to 17 of 100`."""
    if not labels or not any(now):
        return "there are no values to compare"
    at = max(range(len(labels)), key=lambda i: abs(now[i] - before[i]))
    was, is_now = f"{100 * before[at]:.0f}", f"{100 * now[at]:.0f}"
    if was == is_now:
        return f"about the same; “{labels[at]}” stayed near {was} of 100"
    verb = "rose" if now[at] > before[at] else "fell"
    return f"“{labels[at]}” {verb} from {was} to {is_now} of 100"


def of_table(
    batches: Iterable[pa.RecordBatch], reference: Sequence[dict[str, Any]], rows_reference: int
) -> list[dict[str, Any]]:
    """One entry for each column of the reference, in its order; `batches` may hold other columns besides."""
    sketches = [sketch_for(entry, rows_reference) for entry in reference]
    for batch in batches:
        for sketch in sketches:
            sketch.add(batch.column(sketch.name))
    return [entry_of(sketch, len(sketches)) for sketch in sketches]
