"""The protocol's runs: begin, end, find, and what they log."""

from typing import Any

from experiments.models.logged import LogRun
from experiments.queries.log_search import page_of_runs
from experiments.queries.logged import held_by, model_of, points_of, run_of
from experiments.services import log_models as model_services
from experiments.services import log_runs as services
from experiments.tracking import showing, wire
from experiments.tracking.door import Tracking
from experiments.tracking.folders import folder
from experiments.tracking.grammar import RUNS, order_of, parse
from experiments.tracking.inputs import used_of
from experiments.tracking.wire import Asked, Refused

MOST, MOST_EXPERIMENTS, MOST_POINTS = 50_000, 1000, 25_000


def the_run(door: Tracking, asked: Asked) -> LogRun:
    """The run that a request names, by the new or the old name of the field."""
    key = asked.text("run_id", "run_uuid")
    if not key:
        raise wire.missing("run_id")
    return run_of(door.project, key)


def create(door: Tracking, asked: Asked) -> Any:
    """A new run."""
    row = (
        folder(door.project, asked)
        if asked.value("experiment_id")
        else folder(door.project, Asked({"experiment_id": "0"}))
    )
    row.project = door.project
    run = services.begin_run(
        row,
        by=door.person,
        name=asked.text("run_name"),
        user_name=asked.text("user_id"),
        started=asked.whole("start_time", 0) or None,
        tags=wire.tags_of(asked.rows("tags")),
    )
    return {"run": _shown(run)}


def _shown(run: LogRun) -> dict[str, Any]:
    return showing.run(run, held_by([run])[run.record_id])


def get(door: Tracking, asked: Asked) -> Any:
    """One run with all that it holds."""
    return {"run": _shown(the_run(door, asked))}


def update(door: Tracking, asked: Asked) -> Any:
    """Another state, end or name."""
    run = services.change_run(
        the_run(door, asked),
        by=door.person,
        status=str(asked.value("status") or ""),
        ended=asked.whole("end_time", 0) or None,
        name=asked.given_text("run_name"),
    )
    return {"run_info": showing.run_info(run)}


def delete(door: Tracking, asked: Asked) -> Any:
    """Hide it."""
    services.delete_run(the_run(door, asked), by=door.person)
    return {}


def restore(door: Tracking, asked: Asked) -> Any:
    """Show it again."""
    services.restore_run(the_run(door, asked), by=door.person)
    return {}


def search(door: Tracking, asked: Asked) -> Any:
    """Runs that a filter finds."""
    most, text, orders = asked.most(1000, MOST), asked.text("filter"), asked.texts("order_by")
    names = asked.texts("experiment_ids")
    view = str(asked.value("run_view_type") or "ACTIVE_ONLY")
    clauses, order = parse(text, RUNS), order_of(orders, RUNS)
    about = ["runs", names, text, view, orders]
    start = wire.offset_of(asked.text("page_token"), about)
    numbers = [int(name) for name in names if name.isascii() and name.isdecimal() and len(name) < 10]
    if len(numbers) > MOST_EXPERIMENTS:
        raise Refused(f"A search names at most {MOST_EXPERIMENTS} experiments.")
    page = slice(start, start + most + 1)
    rows = page_of_runs(door.project, numbers, clauses, view, order, page) if numbers else []
    held = held_by(rows[:most])
    more = wire.token_of(start + most, about) if len(rows) > most else ""
    shown = [showing.run(row, held[row.record_id]) for row in rows[:most]]
    return showing.full({"runs": shown, "next_page_token": more})


# ---- What it logs ----


def log_metric(door: Tracking, asked: Asked) -> Any:
    """One point."""
    run, point = the_run(door, asked), wire.metric_of(asked)
    services.log(run, metrics=[point])
    _on_models(door, run, [asked])
    return {}


def _on_models(door: Tracking, run: LogRun, rows: list[Asked]) -> None:
    """Metrics that name a logged model stand with it too."""
    by_model: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if key := row.text("model_id"):
            name, step, at, value = wire.metric_of(row)
            words = {word: row.text(word) for word in ("dataset_name", "dataset_digest") if row.text(word)}
            said = {"key": name, "value": value, "timestamp": at, "step": step, "run_id": run.key, **words}
            by_model.setdefault(key, []).append(said)
    for key, found in by_model.items():
        model_services.add_metrics(model_of(door.project, key), found)


def log_parameter(door: Tracking, asked: Asked) -> Any:
    """One parameter."""
    run = the_run(door, asked)
    services.log(run, params=wire.params_of([asked]))
    return {}


def log_batch(door: Tracking, asked: Asked) -> Any:
    """Many of all, all or nothing."""
    metrics, params, tags = (asked.rows(name) for name in ("metrics", "params", "tags"))
    wire.check_batch(len(metrics), len(params), len(tags))
    points = [wire.metric_of(row, f"metrics[{place}].") for place, row in enumerate(metrics)]
    run = the_run(door, asked)
    services.log(run, metrics=points, params=wire.params_of(params), tags=wire.tags_of(tags))
    _on_models(door, run, metrics)
    return {}


def set_tag(door: Tracking, asked: Asked) -> Any:
    """One tag."""
    services.log(the_run(door, asked), tags=wire.tags_of([asked]))
    return {}


def delete_tag(door: Tracking, asked: Asked) -> Any:
    """Take a tag away."""
    services.delete_tag(the_run(door, asked), key=asked.text("key", needed=True))
    return {}


def log_inputs(door: Tracking, asked: Asked) -> Any:
    """Datasets and models that a run used."""
    run = the_run(door, asked)
    datasets = [used_of(door.project, row) for row in asked.rows("datasets")]
    models = [row.text("model_id", needed=True) for row in asked.rows("models")]
    services.add_inputs(run, datasets=datasets, models=models, by=door.person)
    return {}


def outputs(door: Tracking, asked: Asked) -> Any:
    """Models that a run made."""
    models = [(row.text("model_id", needed=True), row.whole("step", 0)) for row in asked.rows("models")]
    services.add_outputs(the_run(door, asked), models)
    return {}


def log_model(door: Tracking, asked: Asked) -> Any:
    """What a 2.x client says of a model that it logged into a run's files: kept as its tag."""
    text = asked.text("model_json", needed=True)
    services.note_model(the_run(door, asked), text)
    return {}


# ---- Points ----


def history(door: Tracking, asked: Asked) -> Any:
    """All points of one metric, in pages."""
    run, name = the_run(door, asked), asked.text("metric_key", needed=True)
    most = asked.most(MOST_POINTS, 10**9) if asked.value("max_results") is not None else 10**9
    about = ["history", run.key, name]
    start = wire.offset_of(asked.text("page_token"), about)
    points = points_of(run.record, name)
    shown = [showing.metric(name, *one) for one in points[start : start + most]]
    more = wire.token_of(start + most, about) if len(points) > start + most else ""
    return showing.full({"metrics": shown, "next_page_token": more})


def history_bulk(door: Tracking, asked: Asked) -> Any:
    """All points of one metric of some runs."""
    name, most = asked.text("metric_key", needed=True), asked.most(MOST_POINTS, MOST_POINTS)
    found: list[dict[str, Any]] = []
    for run in _runs(door, asked):
        found += [showing.metric(name, *one) | {"run_id": run.key} for one in points_of(run.record, name)]
    return showing.full({"metrics": found[:most]})


def _runs(door: Tracking, asked: Asked) -> list[LogRun]:
    keys = asked.texts("run_id") or asked.texts("run_ids")
    if not 0 < len(keys) <= 100:
        raise Refused("GetMetricHistoryBulk request must specify at least one and at most 100 run_ids.")
    return [run_of(door.project, key) for key in keys]


def history_interval(door: Tracking, asked: Asked) -> Any:
    """Points of one metric of some runs between two steps, thinned to as many as are asked for."""
    name, most = asked.text("metric_key", needed=True), asked.most(320, 2500)
    low, high = asked.whole("start_step", -wire.LARGEST), asked.whole("end_step", wire.LARGEST)
    if low > high:
        raise Refused(f"end_step must be greater than start_step. Found start_step={low} and end_step={high}.")
    found: list[dict[str, Any]] = []
    for run in _runs(door, asked):
        points = sorted(one for one in points_of(run.record, name) if low <= one[0] <= high)
        every = max(1, -(-len(points) // most))
        kept = points[::every] + ([points[-1]] if points and (len(points) - 1) % every else [])
        found += [showing.metric(name, *one) | {"run_id": run.key} for one in kept]
    return showing.full({"metrics": found})
