"""What was logged, as the protocol's answers have it: numbers as numbers, and nothing where there is nothing."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from experiments.models.logged import LogExperiment, LogInput, LogModel, LogName, LogRun, LogTrace, LogVersion
from experiments.queries.logged import Held
from experiments.tracking.wire import STATE_WORDS, said_number

Shown = dict[str, Any]


def ms(moment: datetime) -> int:
    """Milliseconds."""
    return round(moment.timestamp() * 1000)


def full(shown: Mapping[str, Any]) -> Shown:
    """Without what is empty: the protocol leaves that out."""
    return {name: value for name, value in shown.items() if value is not None and value != [] and value != ""}


def pairs(texts: Mapping[str, str]) -> list[Shown]:
    """Tags and parameters."""
    return [{"key": key, "value": value} for key, value in texts.items()]


def experiment(row: LogExperiment) -> Shown:
    """A folder."""
    shown = {
        "experiment_id": str(row.number),
        "name": row.name,
        "artifact_location": f"mlflow-artifacts:/{row.number}",
        "lifecycle_stage": "deleted" if row.deleted_at else "active",
        "creation_time": ms(row.created_at),
        "last_update_time": ms(row.changed_at),
    }
    return full({**shown, "tags": pairs(row.tags)})


def run_root(run: LogRun) -> str:
    """Where a run's files are, below the store."""
    return f"{run.experiment.number}/{run.key}/artifacts"


def model_root(model: LogModel) -> str:
    """Where a logged model's files are, below the store."""
    return f"{model.experiment.number}/models/{model.key}/artifacts"


def run_info(run: LogRun) -> Shown:
    """Who, what and when."""
    return full(
        {
            "run_id": run.key,
            "run_uuid": run.key,
            "run_name": run.name,
            "experiment_id": str(run.experiment.number),
            "user_id": run.user_name,
            "status": STATE_WORDS.get(run.record.state, "RUNNING"),
            "start_time": run.started,
            "end_time": run.ended,
            "artifact_uri": f"mlflow-artifacts:/{run_root(run)}",
            "lifecycle_stage": "deleted" if run.record.deleted_at else "active",
        }
    )


def metric(name: str, step: int, at: int, value: float) -> Shown:
    """One point."""
    return {"key": name, "value": said_number(value), "timestamp": at, "step": step}


def run(row: LogRun, held: Held) -> Shown:
    """A run and all that it holds."""
    data = full(
        {"metrics": [metric(*one) for one in held.metrics], "params": pairs(held.params), "tags": pairs(held.tags)}
    )
    used = [{"model_id": link.model_key} for link in held.links if not link.made]
    made = [{"model_id": link.model_key, "step": link.step} for link in held.links if link.made]
    inputs = full({"dataset_inputs": [dataset_input(one) for one in held.inputs], "model_inputs": used})
    return {"info": run_info(row), "data": data, "inputs": inputs, "outputs": full({"model_outputs": made})}


def dataset_input(row: LogInput) -> Shown:
    """A dataset that a run used."""
    names = ("name", "digest", "source_type", "source", "schema", "profile")
    return full({"dataset": full({name: getattr(row, name) for name in names}), "tags": pairs(row.tags)})


def model(row: LogModel, registrations: Sequence[Shown] = ()) -> Shown:
    """A logged model."""
    info = {
        "model_id": row.key,
        "experiment_id": str(row.experiment.number),
        "name": row.name,
        "creation_timestamp_ms": ms(row.created_at),
        "last_updated_timestamp_ms": ms(row.changed_at),
        "artifact_uri": f"mlflow-artifacts:/{model_root(row)}",
        "status": row.state,
        "model_type": row.kind,
        "source_run_id": row.source_run,
        "tags": pairs(row.tags),
        "registrations": list(registrations),
    }
    metrics = [{**one, "value": said_number(one["value"]), "model_id": row.key} for one in row.metrics]
    return {"info": full(info), "data": full({"params": pairs(row.params), "metrics": metrics})}


def version(row: LogVersion) -> Shown:
    """A version of a registered name."""
    aliases = [alias for alias, number in row.name.aliases.items() if number == row.number]
    shown = {
        "name": row.name.name,
        "version": str(row.number),
        "creation_timestamp": ms(row.created_at),
        "last_updated_timestamp": ms(row.changed_at),
        "user_id": row.created_by.name if row.created_by else "",
        "current_stage": row.stage,
        "description": row.description,
        "source": row.source,
        "run_id": row.run_key,
        "run_link": row.run_link,
        "model_id": row.model_key,
        "status": "READY",
    }
    return full({**shown, "tags": pairs(row.tags), "aliases": aliases})


def registered(row: LogName, latest: Sequence[LogVersion]) -> Shown:
    """A registered name."""
    shown = {
        "name": row.name,
        "creation_timestamp": ms(row.created_at),
        "last_updated_timestamp": ms(row.changed_at),
        "description": row.description,
        "latest_versions": [version(one) for one in latest],
        "tags": pairs(row.tags),
        "aliases": [{"alias": alias, "version": str(number)} for alias, number in row.aliases.items()],
    }
    return full(shown)


def trace_root(row: LogTrace) -> str:
    """Where a trace's file is, below the store."""
    return f"{row.experiment.number}/traces/{row.key}/artifacts"


def trace(row: LogTrace) -> Shown:
    """A trace without its spans, which clients read from its file."""
    folder = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": str(row.experiment.number)}}
    own = {"mlflow.artifactLocation": f"mlflow-artifacts:/{trace_root(row)}"}
    shown = {
        "trace_id": row.key,
        "client_request_id": row.client_key,
        "trace_location": folder,
        "request_preview": row.request,
        "response_preview": row.response,
        "request_time": datetime.fromtimestamp(row.began / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
        "execution_duration": None if row.lasted is None else f"{row.lasted / 1000:.3f}s",
        "state": row.state,
        "trace_metadata": row.metadata or None,
        "tags": row.tags | own,
    }
    return full(shown)
