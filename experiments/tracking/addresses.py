"""Every address of the protocol below `p/<project>/mlflow/`, with the action that each method needs."""

import re
from typing import Any, cast

from django.urls import URLPattern, path

from experiments.tracking import about, files, folders, logged_models, names, runs, traces
from experiments.tracking.door import Tracking, TrackingFiles, Verb

SEE, LOG, MODEL, REGISTER = "run.read", "run.start", "model.read", "model.register"
P = "p/<slug:key>/mlflow/"
API, API3, STORE = "api/2.0/mlflow/", "api/3.0/mlflow/", "api/2.0/mlflow-artifacts/"
Verbs = dict[str, tuple[str, Verb]]


def at(place: str, base: type[Tracking] = Tracking, /, **verbs: tuple[str, Verb]) -> URLPattern:
    """One address: a view of its own, that declares what each of its methods needs."""
    name = "mlflow-" + re.sub(r"-+", "-", re.sub(r"<\w+:(\w+)>|[^a-z0-9<>:]", r"-\1", place.lower())).strip("-")
    title = "".join(word.title() for word in name.split("-"))
    inside: dict[str, Any] = {method: base.answer for method in verbs}
    inside["action"] = {method.upper(): action for method, (action, _) in verbs.items()}
    inside["verbs"] = {method.upper(): staticmethod(verb) for method, (_, verb) in verbs.items()}
    inside |= {"__module__": __name__, "__doc__": place, "__qualname__": title}
    globals()[title] = view = cast("type[Tracking]", type(title, (base,), inside))  # found by name, as all views
    return path(f"{P}{place}", view.as_view(), name=name)


FOLDERS = [
    at(f"{API}experiments/create", post=(LOG, folders.create)),
    at(f"{API}experiments/get", get=(SEE, folders.get)),
    at(f"{API}experiments/get-by-name", get=(SEE, folders.get_by_name)),
    at(f"{API}experiments/search", get=(SEE, folders.search), post=(SEE, folders.search)),
    at(f"{API}experiments/list", get=(SEE, folders.search)),
    at(f"{API}experiments/update", post=(LOG, folders.update)),
    at(f"{API}experiments/delete", post=(LOG, folders.delete)),
    at(f"{API}experiments/restore", post=(LOG, folders.restore)),
    at(f"{API}experiments/set-experiment-tag", post=(LOG, folders.set_tag)),
    at(f"{API}experiments/delete-experiment-tag", post=(LOG, folders.delete_tag)),
]
RUNS = [
    at(f"{API}runs/create", post=(LOG, runs.create)),
    at(f"{API}runs/get", get=(SEE, runs.get)),
    at(f"{API}runs/update", post=(LOG, runs.update)),
    at(f"{API}runs/delete", post=(LOG, runs.delete)),
    at(f"{API}runs/restore", post=(LOG, runs.restore)),
    at(f"{API}runs/search", post=(SEE, runs.search)),
    at(f"{API}runs/log-metric", post=(LOG, runs.log_metric)),
    at(f"{API}runs/log-parameter", post=(LOG, runs.log_parameter)),
    at(f"{API}runs/log-batch", post=(LOG, runs.log_batch)),
    at(f"{API}runs/set-tag", post=(LOG, runs.set_tag)),
    at(f"{API}runs/delete-tag", post=(LOG, runs.delete_tag)),
    at(f"{API}runs/log-inputs", post=(LOG, runs.log_inputs)),
    at(f"{API}runs/outputs", post=(LOG, runs.outputs)),
    at(f"{API}runs/log-model", post=(LOG, runs.log_model)),
    at(f"{API}metrics/get-history", get=(SEE, runs.history)),
    at(f"{API}metrics/get-history-bulk", get=(SEE, runs.history_bulk)),
    at(f"{API}metrics/get-history-bulk-interval", get=(SEE, runs.history_interval)),
]
FILES = [
    at(f"{API}artifacts/list", get=(SEE, files.list_of_run)),
    at(f"{STORE}artifacts", get=(SEE, files.list_files)),
    at(
        f"{STORE}artifacts/<path:path>",
        TrackingFiles,
        get=(SEE, files.get),
        put=(LOG, files.put),
        delete=(LOG, files.delete),
    ),
]
ONE = f"{API}logged-models/<str:model_id>"
MODELS = [
    at(f"{API}logged-models", post=(LOG, logged_models.create)),
    at(f"{API}logged-models/search", post=(MODEL, logged_models.search)),
    at(ONE, get=(MODEL, logged_models.get), patch=(LOG, logged_models.update), delete=(LOG, logged_models.delete)),
    at(f"{ONE}/tags", patch=(LOG, logged_models.set_tags)),
    at(f"{ONE}/tags/<path:tag_key>", delete=(LOG, logged_models.delete_tag)),
    at(f"{ONE}/params", post=(LOG, logged_models.add_params)),
    at(f"{ONE}/artifacts/directories", get=(MODEL, files.list_of_model)),
]
NAMES = [
    at(f"{API}registered-models/create", post=(REGISTER, names.create)),
    at(f"{API}registered-models/get", get=(MODEL, names.get)),
    at(f"{API}registered-models/update", patch=(REGISTER, names.update)),
    at(f"{API}registered-models/rename", post=(REGISTER, names.rename)),
    at(f"{API}registered-models/delete", delete=(REGISTER, names.delete)),
    at(f"{API}registered-models/search", get=(MODEL, names.search)),
    at(f"{API}registered-models/get-latest-versions", get=(MODEL, names.latest), post=(MODEL, names.latest)),
    at(f"{API}registered-models/set-tag", post=(REGISTER, names.set_tag)),
    at(f"{API}registered-models/delete-tag", delete=(REGISTER, names.delete_tag)),
    at(
        f"{API}registered-models/alias",
        get=(MODEL, names.get_alias),
        post=(REGISTER, names.set_alias),
        delete=(REGISTER, names.delete_alias),
    ),
    at(f"{API}model-versions/create", post=(REGISTER, names.create_version)),
    at(f"{API}model-versions/get", get=(MODEL, names.get_version)),
    at(f"{API}model-versions/update", patch=(REGISTER, names.update_version)),
    at(f"{API}model-versions/delete", delete=(REGISTER, names.delete_version)),
    at(f"{API}model-versions/search", get=(MODEL, names.search_versions)),
    at(f"{API}model-versions/get-download-uri", get=(MODEL, names.download_uri)),
    at(f"{API}model-versions/transition-stage", post=(REGISTER, names.move_version)),
    at(f"{API}model-versions/set-tag", post=(REGISTER, names.set_version_tag)),
    at(f"{API}model-versions/delete-tag", delete=(REGISTER, names.delete_version_tag)),
]
TRACES = [
    at(f"{API3}traces", post=(LOG, traces.create)),
    at(f"{API3}traces/search", post=(SEE, traces.search)),
    at(f"{API3}traces/get", get=(SEE, traces.get_whole)),
    at(f"{API3}traces/batchGet", get=(SEE, traces.get_many), post=(SEE, traces.get_many)),
    *(at(f"{api}traces/delete-traces", post=(LOG, traces.delete)) for api in (API, API3)),
    *(
        at(f"{api}traces/<str:trace_id>/tags", patch=(LOG, traces.set_tag), delete=(LOG, traces.delete_tag))
        for api in (API, API3)
    ),
    at(f"{API3}traces/<str:trace_id>", get=(SEE, traces.get)),
    at("v1/traces", TrackingFiles, post=(LOG, traces.spans)),
]
ABOUT = [
    at(f"{API3}server-info", get=(SEE, about.server_info)),
    at("version", get=(SEE, about.version)),
    at("health", get=(SEE, about.health)),
]
urlpatterns = [*FOLDERS, *RUNS, *FILES, *MODELS, *NAMES, *TRACES, *ABOUT]
