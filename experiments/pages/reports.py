"""What the pages of a run show, put together from its row: finding, verdicts, metrics, figures, surroundings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments import alone_charts, alone_words, charts, class_charts, forecast_charts
from experiments.advice import foreseen
from experiments.estimators.catalog import FAMILIES, name_of
from experiments.findings import beside_dummy, run_finding, thin, will_happen
from experiments.forms.runs import RunForm
from experiments.models.runs import Run
from experiments.pages.listing import Bar, bar_of, verdict_bars
from experiments.queries.runs import decides, finished_runs, judged_run
from experiments.specs import differences, unlearnable
from jobs.models import Job, State
from problems.problem import Problem
from projects.contract import as_row, goal_of
from projects.measures import MEASURES, UNLABELLED, Measure, for_kind
from projects.models.define import Contract
from projects.models.projects import Project
from projects.queries.define import contract_in_force
from projects.scorecard import line
from web.figures import Figure


@dataclass(frozen=True)
class MetricRow:
    """One metric over all methods of a run, the chosen one first."""

    measure: Measure
    cells: list[Bar | None]
    reasons: list[str]
    best: int | None


def report_of(run: Run, who: str) -> dict[str, Any]:
    """Everything that the page of a finished run shows."""
    found = run.evaluation
    order = [found["chosen"], *(key for key in found["methods"] if key not in (found["chosen"], "dummy")), "dummy"]
    return {
        "finding": run_finding(f"Run {run.number}", found, run.metrics, run.verdicts, who),
        "beside": f"{name_of(run.method)} was best. {beside_dummy(found, found['decide_by'])}",
        "deciding": MEASURES[found["decide_by"]],
        "verdict_rows": [(row, bar, _dummy_said(found, row)) for row, bar in verdict_bars(run.verdicts)],
        "methods": [(key, found["methods"][key]) for key in order],
        "metric_rows": metric_rows(found, order, run.verdicts),
        "figures": figures_of(found),
        "importance": importance_of(found),
        "confusion": found["methods"][found["chosen"]].get("confusion"),
        "found": found,
        "counts": found["counts"],
        "settings": method_settings(run),
        "today": today(run, contract_in_force(run.project), who),
        "groups": groups_of(run),
        "alone": alone_words.told(found) if "alone" in found else None,
    }


def _dummy_said(found: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """The yardstick's own result; what no method is measured by on its own has none."""
    goal = goal_of(row)
    value = found["methods"]["dummy"]["metrics"].get(goal.key, {}).get("value")
    if value is None:
        return "undefined" if goal.measure else "–"
    return goal.said(value)


def today(run: Run, in_force: Contract | None, who: str) -> dict[str, Any] | None:
    """How a run stands by the targets in force, where those are others than it was judged by."""
    if in_force is None or run.contract_id == in_force.pk:
        return None
    rows = [line(as_row(judged), who) for judged in judged_run(run, in_force)]
    return {"contract": in_force, "rows": rows}


def groups_of(run: Run) -> list[tuple[Any, list[dict[str, Any]]]]:
    """The groups behind each fairness target that was measured, in the words of the target."""
    found = []
    for row in run.verdicts:
        goal = goal_of(row)
        groups = (run.metrics.get(goal.key) or {}).get("groups")
        if groups and goal.measure:
            said = [
                {"name": one["name"], "rows": one["rows"]}
                | {end: goal.measure.said(one[end], goal.unit) for end in ("value", "low", "high")}
                for one in groups
            ]
            found.append((goal, said))
    return found


def metric_rows(
    found: Mapping[str, Any], order: Sequence[str], verdicts: Sequence[Mapping[str, Any]]
) -> list[MetricRow]:
    """Every metric of this kind of question, one cell per method, the best one marked."""
    rows = []
    for measure in for_kind(found["kind"]):
        metrics = [found["methods"][key]["metrics"] for key in order]
        cells = [bar_of(one, measure.key, verdicts) for one in metrics]
        values = [(bar.value, place) for place, bar in enumerate(cells) if bar and order[place] != "dummy"]
        best = (max if measure.better == "at_least" else min)(values)[1] if len(values) > 1 else None
        rows.append(MetricRow(measure, cells, [one.get(measure.key, {}).get("reason", "") for one in metrics], best))
    return rows


def figures_of(found: Mapping[str, Any]) -> list[Figure]:
    """The figures of the chosen method, the others dashed beside it where that helps."""
    series = [_series(found, key) for key in [found["chosen"], *_others(found)]]
    if "alone" in found:
        return alone_charts.figures(found["alone"])
    if found["kind"] == "binary":
        return [charts.precision_recall(series), charts.calibration(series[:1]), charts.roc(series)]
    if found["kind"] == "multiclass":
        return [class_charts.matrix(series[0], found["classes"]), class_charts.by_class(series[:1], found["classes"])]
    if hides_truths(series):
        return [forecast_charts.fading(found["forecast"], found["unit"])] if found["kind"] == "forecast" else []
    if found["kind"] == "forecast":
        plan, unit = found["forecast"], found["unit"]
        return [forecast_charts.ahead(series[0], plan, found["target"], unit), forecast_charts.fading(plan, unit)]
    return [charts.residuals(series[0], found["unit"]), charts.predicted(series[:1], found["unit"])]


def importance_of(found: Mapping[str, Any]) -> Figure | None:
    """What the chosen method looks at."""
    return (
        charts.importance(found["importance"], found["importance_by"], found["unit"], alone=found["kind"])
        if found["importance"]
        else None
    )


def hides_truths(series: Sequence[charts.Series]) -> bool:
    """Whether the truths of single rows are hidden from the reader, so that there is nothing to draw."""
    return any("residuals" not in one.found for one in series)


def _others(found: Mapping[str, Any]) -> list[str]:
    return [key for key in found["methods"] if key not in (found["chosen"], "dummy")]


def _series(found: Mapping[str, Any], key: str, name: str = "") -> charts.Series:
    return charts.Series(name or name_of(key), found["methods"][key], found["threshold"] or 0.5)


def overlaid(runs: Sequence[Run]) -> list[Figure]:
    """The chosen methods of several runs in the same figures; the first is in focus."""
    series = [_series(run.evaluation, run.evaluation["chosen"], f"Run {run.number}") for run in runs]
    if "alone" in runs[0].evaluation:
        return []  # groups of two runs are not the same, and scores of two methods have no common scale
    if runs[0].evaluation["kind"] == "binary":
        return [charts.precision_recall(series), charts.calibration(series), charts.roc(series)]
    if runs[0].evaluation["kind"] == "multiclass":
        return [class_charts.by_class(series, runs[0].evaluation["classes"])]
    hidden = (
        hides_truths(series) or runs[0].evaluation["kind"] == "forecast"
    )  # metrics compare windows better than dots
    return [] if hidden else [charts.predicted(series, runs[0].evaluation["unit"])]


def method_settings(run: Run) -> list[tuple[str, list[tuple[str, Any]]]]:
    """Each method of a run with its settings in words."""
    found = []
    for key, settings in run.spec["methods"].items():
        labels = {setting.name: setting.label for setting in FAMILIES[key].settings} if key in FAMILIES else {}
        found.append((name_of(key), [(labels.get(name, name), value) for name, value in settings.items()]))
    return found


def compared_names(run: Run) -> list[str]:
    """The methods that a run tries, in words."""
    return [name_of(key) for key in run.spec["methods"]]


@dataclass(frozen=True)
class Summary:
    """What will happen when the form is sent as it stands."""

    sentence: str
    rows: int
    train: int
    test: int
    queue: int
    to_beat: str
    changed: list[tuple[str, str, str]]
    hints: list[str]
    trouble: str = ""


def summary_of(form: RunForm, project: Project, copied: Run | None) -> Summary:
    """From the form's present values; what is not valid yet counts with its default."""
    target = form.columns.get(str(form["target"].value() or "")) if form.kind not in UNLABELLED else None
    rows = target.present if target else form.version.rows
    test = _tested(form, rows)
    methods = len(form["methods"].value() or [])
    queue = Job.objects.filter(queue="training", state__in=(State.QUEUED, State.RUNNING)).count()
    return Summary(
        will_happen(methods, rows - test, test),
        rows,
        rows - test,
        test,
        queue,
        _to_beat(project),
        _changed(form, copied),
        foreseen(
            form.columns,
            str(form["target"].value() or ""),
            str(form["split_kind"].value() or ""),
            str(form["split_column"].value() or ""),
        )
        if form.kind != "forecast"
        else [],
        "" if form.hides_answers else unlearnable(target.name if target else "", form.kind, form.columns),
    )


def _tested(form: RunForm, rows: int) -> int:
    """How many rows are held back; of a forecast one for each step of its windows."""
    if form.kind == "forecast":
        return min(rows, _whole(form["horizon"].value(), 1) * _whole(form["windows"].value(), 1))
    return round(rows * min(50, max(5, _whole(form["test_share"].value(), 20))) / 100)


def _whole(value: Any, default: int) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else default


def _to_beat(project: Project) -> str:
    """The newest finished run's deciding metric."""
    run = finished_runs(project).first()
    bar = bar_of(run.metrics, decides(project), run.verdicts) if run else None
    return f"{bar.said} (run {run.number})" if bar and run else ""


def _changed(form: RunForm, copied: Run | None) -> list[tuple[str, str, str]]:
    """What differs from the copied run, as far as the form is valid."""
    if copied is None:
        return []
    values = {name: form[name].value() for name in form.fields if name != "notes"}
    bound = RunForm(kind=form.kind, version=form.version, columns=form.columns, data=values)
    if not bound.is_valid():
        return []
    try:
        changed = differences(copied.spec, bound.spec() | {"decide_by": copied.spec.get("decide_by")})
    except Problem:
        return []
    return [line for line in changed if line[0] != "positive" or not form.hides_answers]


def rows_said(run: Run) -> str:
    """How many rows a run learned from and was measured on."""
    counts = run.evaluation["counts"]
    return f"{thin(counts['train'])} rows to learn from, {thin(counts['test'])} held back"
