"""What the page of a run shows of its record: hypothesis, tags, cost, what differs from the copied run, and curves."""

from collections.abc import Collection
from typing import Any

from experiments.comparing_charts import learning
from experiments.listing import duration_words
from experiments.models.records import RunKey, RunRecord
from experiments.models.runs import Run
from experiments.queries.records import record_of, series_of, summaries_of, texts_of
from experiments.specs import differences
from web.figures import Figure

MOST_POINTS = 1000


def described(run: Run) -> dict[str, str]:
    """The form of what people say of a run, as it stands."""
    record = record_of(run)
    if record is None:
        return {"hypothesis": "", "tag_lines": ""}
    tags = texts_of(record, RunKey.Kind.TAG)
    return {"hypothesis": record.hypothesis, "tag_lines": "\n".join(f"{name}: {value}" for name, value in tags.items())}


def recorded(run: Run) -> dict[str, Any]:
    """The record in words and figures; nothing where there is none."""
    record = record_of(run)
    if record is None:
        return {}
    several = summaries_of([record], several=True)
    return {
        "record": record,
        "tags": texts_of(record, RunKey.Kind.TAG),
        "computed": duration_words(record.seconds) if record.seconds is not None else "",
        "cost": f"{record.cost:.2f} {record.currency}" if record.cost is not None else "",
        "changed": differences(run.copied_from.spec, run.spec) if run.copied_from else [],
        "learned": _learned(record, several) if run.state == Run.State.FINISHED else None,
        "logged": [(name, one[record.pk]) for name, one in several.items()],
    }


def _learned(record: RunRecord, names: Collection[str]) -> Figure | None:
    """Loss by step, where the method learned in steps."""
    name = next((name for name in sorted(names) if name.startswith("train.")), None)
    if name is None:
        return None
    loss = name.removeprefix("train.")
    train, held = (
        series_of([record], f"{side}.{loss}", MOST_POINTS).get(record.pk, []) for side in ("train", "held_back")
    )
    return learning(train, held, loss)
