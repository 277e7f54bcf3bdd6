"""PURE: the entries of the children that read a running MLflow server, piece by piece, into files of their folder.

Each piece is small enough to be kept in a few transactions, so that who is interrupted goes on with the next. What
cannot be read is told in `left` with its reason and holds nothing else up.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

from experiments.importing import reading
from experiments.importing.server import Server, in_path
from experiments.tracking.wire import Asked, artifact_path
from jobs.report import Report
from problems.problem import Missing, Problem, TooLarge

AT_ONCE = 4  # requests
RUNS, FEWER = 50, 5  # of a page; fewer where they are too large
ROOT, DEEP, MOST_FILES = "", 40, 100_000
PROMPT = "mlflow.prompt.is_prompt"
GONE = ("unreached", "busy", "too_slow", "not_let_in")  # no other file would come either
PROXIED = re.compile(r"mlflow-artifacts:/+(?:[^/]*/api/2\.0/mlflow-artifacts/artifacts/)?(\d.*)")
Left = list[dict[str, str]]
Spec = dict[str, Any]


def survey(spec: Spec, folder: Path, report: Report) -> dict[str, Any]:
    """The experiments that are to come: those of these names, or all that are not deleted."""
    server, found = Server(spec), list[dict[str, Any]]()
    left: Left = []
    try:
        for page in server.pages("experiments/search", max_results=1000, view_type="ACTIVE_ONLY"):
            found += _read(page.rows("experiments"), reading.experiment, left)
    except Missing:
        raise Problem("There is no MLflow server at this address.", code="no_mlflow") from None
    wanted = set(spec["experiments"])
    if missing := sorted(wanted - {one["name"] for one in found}):
        raise Problem(f"The server has no experiment “{missing[0]}”.", code="no_experiment")
    return {"experiments": [one for one in found if not wanted or one["name"] in wanted], "left": left}


def _read(rows: list[Asked], read: Callable[[Asked], Any], left: Left) -> list[Any]:
    found = []
    for row in rows:
        try:
            found.append(read(row))
        except Problem as problem:
            info = reading.inner(row, "info").given or row.given
            what = next((str(info[key]) for key in ("run_id", "model_id", "name", "experiment_id") if key in info), "?")
            left.append({"what": what[:200], "why": problem.text[:300]})
    return found


def page(spec: Spec, folder: Path, report: Report) -> dict[str, Any]:
    """Some runs of an experiment, the oldest first, and where the next ones begin."""
    server = Server(spec)
    left: Left = []
    asked = {
        "experiment_ids": [spec["experiment"]],
        "run_view_type": "ACTIVE_ONLY",
        "order_by": ["attributes.start_time ASC"],
        "page_token": spec["token"],
    }
    try:
        answer = server.post("runs/search", max_results=RUNS, **asked)
    except TooLarge:
        answer = server.post("runs/search", max_results=FEWER, **asked)
    runs = _read(answer.rows("runs"), reading.run, left)
    return {"runs": runs, "next": answer.text("next_page_token"), "left": left}


def points(spec: Spec, folder: Path, report: Report) -> dict[str, Any]:
    """All points of the metrics of some runs: a line for each metric, [run, metric, points], in `points.jsonl`."""
    server = Server(spec)
    left: Left = []
    pairs = [(run["id"], name) for run in spec["runs"] for name in run["metrics"]]

    def history(pair: tuple[str, str]) -> list[Any] | str:
        asked = {"run_id": pair[0], "run_uuid": pair[0], "metric_key": pair[1], "max_results": 25_000}
        try:
            pages = server.pages("metrics/get-history", method="GET", **asked)
            return [reading.point(row) for one in pages for row in one.rows("metrics")]
        except Missing as problem:
            return problem.text

    with (folder / "points.jsonl").open("w") as file, ThreadPoolExecutor(AT_ONCE) as pool:
        for (run, name), found in zip(pairs, pool.map(history, pairs), strict=True):
            if isinstance(found, str):
                left.append({"what": f"{name} of {run}", "why": found})
            else:
                file.write(json.dumps([run, name, found]) + "\n")
    return {"left": left}


def models(spec: Spec, folder: Path, report: Report) -> dict[str, Any]:
    """The logged models of an experiment; a server of MLflow 2 has none."""
    server, found = Server(spec), list[dict[str, Any]]()
    left: Left = []
    try:
        for one in server.pages("logged-models/search", experiment_ids=[spec["experiment"]], max_results=50):
            found += _read(one.rows("models"), reading.model, left)
    except Missing:
        pass
    return {"models": found, "left": left}


# ---- Files ----


def files(spec: Spec, folder: Path, report: Report) -> dict[str, Any]:
    """Files of some runs or models, until there are enough bytes. `known` are those that are here, with sizes."""
    server, size = Server(spec), 0
    taken: Left = []
    left: Left = []
    for owner in spec["owners"]:
        try:
            listed = list(_listed(server, owner))
        except (Missing, TooLarge) as problem:
            left.append({"what": f"the files of {owner['id']}", "why": problem.text})
            continue
        for path, told, root in listed:
            if owner["known"].get(path) == told or path in owner["refused"]:
                continue
            if size > spec["enough"]:
                return {"files": taken, "left": left, "more": True}
            place = f"file-{len(taken)}"
            try:
                size += _saved(server, owner, path, told, root, folder / place)
            except Problem as problem:
                if problem.code in GONE:
                    raise
                left.append({"what": f"{path[:200]} of {owner['id']}", "why": problem.text, "path": path,
                             "owner": owner["id"]})  # fmt: skip
                continue
            taken.append({"owner": owner["id"], "path": path, "file": place})
    return {"files": taken, "left": left, "more": False}


def _listed(server: Server, owner: dict[str, Any]) -> Iterator[tuple[str, int, str]]:
    """Each file below a run or model with its size, and the root of them all."""
    waiting, count = [ROOT], 0
    while waiting:
        path = waiting.pop()
        for root, row in _entries(server, owner, path):
            name = row.text("path", needed=True)
            inside = name.startswith(f"{path}/") if path else bool(name)
            if not inside or name.count("/") > DEEP:
                continue
            if row.flag("is_dir"):
                waiting.append(name)
            else:
                count += 1
                yield name, row.whole("file_size", 0), root
            if count + len(waiting) > MOST_FILES:
                raise TooLarge(f"There are more than {MOST_FILES:,} files.")


def _entries(server: Server, owner: dict[str, Any], path: str) -> Iterator[tuple[str, Asked]]:
    if owner["kind"] == "model":
        place = f"logged-models/{in_path(owner['id'])}/artifacts/directories"
        pages = server.pages(place, method="GET", artifact_directory_path=path)
    else:
        pages = server.pages("artifacts/list", method="GET", run_id=owner["id"], run_uuid=owner["id"], path=path)
    for one in pages:
        for row in one.rows("files"):
            yield one.text("root_uri"), row


def _saved(server: Server, owner: dict[str, Any], path: str, told: int, root: str, place: Path) -> int:
    """Through the server's own store where it keeps them there, else as its pages show them."""
    artifact_path(path)  # refuses what leads elsewhere
    if told > server.most_file:
        raise TooLarge(f"It has {told / 1e6:,.0f} MB, more than the {server.most_file / 1e6:,.0f} MB of a file here.")
    if found := PROXIED.match(root):
        where = artifact_path(f"{found[1].rstrip('/')}/{path}")
        return server.save(f"/api/2.0/mlflow-artifacts/artifacts/{quote(where)}", place)
    if owner["kind"] == "model":
        address = f"/ajax-api/2.0/mlflow/logged-models/{in_path(owner['id'])}/artifacts/files"
        return server.save(address, place, artifact_file_path=path)
    return server.save("/get-artifact", place, run_uuid=owner["id"], path=path)


# ---- Names ----


def names(spec: Spec, folder: Path, report: Report) -> dict[str, Any]:
    """Registered names with their versions. Prompts, which have no files, stay where they are."""
    server, found = Server(spec), list[dict[str, Any]]()
    left: Left = []
    for one in server.pages("registered-models/search", method="GET", max_results=100):
        found += _read(one.rows("registered_models"), reading.name, left)
    found = [one for one in found if one["tags"].get(PROMPT, "").lower() != "true"]
    versions: dict[str, list[Any]] = defaultdict(list)
    for one in server.pages("model-versions/search", method="GET", max_results=1000):
        for row in one.rows("model_versions"):
            versions[row.text("name")] += _read([row], reading.version, left)
    for name in found:
        name["versions"] = sorted(versions[name["name"]], key=lambda row: row["number"])
    return {"names": found, "left": left}
