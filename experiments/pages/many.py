"""Many runs compared: one below the other in a table, and as parallel lines, a trade-off and curves over steps."""

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.comparing import Curve, Line, differing
from experiments.comparing_charts import MOST_FOCUSED, curves, parallel, term, trade_off
from experiments.models.records import RunRecord
from experiments.models.runs import Run
from experiments.pages.listing import bar_of
from experiments.queries.records import series_of, summaries_of
from projects.measures import MEASURES, for_kind
from projects.models.projects import Project
from web.figures import Figure

MOST_SETTINGS, MOST_POINTS, MOST_RESULTS = 12, 400, 3
Settings = Sequence[tuple[str, list[str]]]


def beside(
    project: Project,
    runs: Sequence[Run],
    same: Sequence[Run],
    rows: Settings,
    decide_by: str,
    address: Mapping[str, str],
) -> dict[str, Any]:
    """The figures over all runs, as the address chooses their metrics; those that share held-back rows are drawn."""
    lines = lines_of(runs, same, rows)
    keys = [measure.key for measure in for_kind(project.kind)]
    results = sorted(differing(lines, keys), key=lambda key: key != decide_by)
    x, y = (address.get(name, "") for name in ("x", "y"))
    x = x if x in results else decide_by
    y = y if y in results and y != x else next((key for key in results if key != x), "")
    curve, names, curve_name = _curve(runs, lines, address.get("curve", ""))
    last_first = list(reversed(results[:MOST_RESULTS]))
    return {
        "parallel": parallel(lines, last_first) if len(lines) > 1 else None,
        "trade_off": trade_off(lines, x, y) if y and x in results else None,
        "results": [(key, term(key)) for key in results],
        "x": x,
        "y": y,
        "curve": curve,
        "curve_names": names,
        "curve_name": curve_name,
    }


def lines_of(runs: Sequence[Run], same: Sequence[Run], rows: Settings) -> list[Line]:
    """The runs that share their held-back rows, the best first; the first few are in focus."""
    place = {run.number: index for index, run in enumerate(runs)}
    return [
        Line(
            run.number,
            {name: values[place[run.number]] for name, values in rows if values[place[run.number]] != "–"},
            {key: found["value"] for key, found in run.metrics.items() if found.get("value") is not None},
            focused=order < MOST_FOCUSED,
        )
        for order, run in enumerate(same)
    ]


def _curve(runs: Sequence[Run], lines: Sequence[Line], wanted: str) -> tuple[Figure | None, list[str], str]:
    """One metric over its steps, the names there are to choose from, and which one is drawn."""
    records = {row.pk: row for row in RunRecord.objects.filter(run__in=list(runs))}
    several = summaries_of(list(records.values()), several=True)
    if not several:
        return None, [], ""
    names = list(several)
    held = [name for name in names if name.startswith("held_back.")]
    name = wanted if wanted in several else max(held or names, key=lambda one: len(several[one]))
    drawn, known = series_of(list(records.values()), name, MOST_POINTS), several[name]
    by_number = {line.number: line for line in lines}
    order = {run.number: place for place, run in enumerate(runs)}
    found = [
        Curve(by_number.get(records[pk].number) or Line(records[pk].number, {}, {}), drawn.get(pk, []), summary)
        for pk, summary in sorted(known.items(), key=lambda one: order[records[one[0]].number])
    ]
    return curves(found, name, len(found)), names, name


def _shown(kind: str, runs: Sequence[Run], rows: Settings, decide_by: str) -> tuple[list[str], Settings]:
    keys = [measure.key for measure in sorted(for_kind(kind), key=lambda one: one.key != decide_by)]
    there = [key for key in keys if any(run.metrics.get(key, {}).get("value") is not None for run in runs)]
    return there, rows[:MOST_SETTINGS]


def headings(kind: str, runs: Sequence[Run], rows: Settings, decide_by: str) -> list[tuple[str, bool]]:
    """The columns of the table of many runs: metrics, the deciding one first, then settings; which are numbers."""
    keys, settings = _shown(kind, runs, rows, decide_by)
    return [*((MEASURES[key].words, True) for key in keys), *((name, False) for name, _ in settings)]


def below(
    kind: str, runs: Sequence[Run], rows: Settings, decide_by: str
) -> list[tuple[Run, list[tuple[Any, str]], list[str]]]:
    """Each run with its metrics (a bar, or nothing) and its settings, in the order of the headings."""
    keys, settings = _shown(kind, runs, rows, decide_by)
    return [
        (
            run,
            [(bar_of(run.metrics, key, run.verdicts), key) for key in keys],
            [values[place] for _, values in settings],
        )
        for place, run in enumerate(runs)
    ]
