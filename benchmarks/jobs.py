"""What a training job adds to the bare scikit-learn fit on 100 000 x 20, named part by part.

The foreground is what a person or a notebook waits for: writing the run down, against 0.2 s. Everything else happens in
the worker and its limited child. ROWS and ROUNDS change the size; the last lines fit with capped and uncapped threads
while both cores have other work.
"""

import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import ROOT
from benchmarks.lists import _prepare

ROWS, INPUTS = int(os.environ.get("ROWS", "100000")), 20
ROUNDS = int(os.environ.get("ROUNDS", "3"))
RECORDING = 0.2
BARE = """
import json, os, sys, time
import pyarrow.parquet as parquet
from sklearn.ensemble import HistGradientBoostingClassifier
table = parquet.read_table(sys.argv[1]).to_pandas()
settings = json.loads(sys.argv[2])
count = int(sys.argv[3])
rows, truth = table.drop(columns="left").to_numpy()[:count], (table["left"] == "yes").to_numpy()[:count]
began = time.perf_counter()
HistGradientBoostingClassifier(**settings).fit(rows, truth)
print(time.perf_counter() - began)
"""
PARTS = {
    "prepared": "reading, checking, splitting, looking for leaks",
    "from_table": "the matrix",
    "measured": "metrics with intervals",
    "looked_at": "what it looks at (permutation)",
    "series_of": "the learning curve",
    "packed_model": "packing, compiling, proving, reading back",
}


def main() -> None:
    """Rounds in turn: the bare fit, then the job; medians of each part."""
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as folder:
        _prepare(Path(folder), 1)
        project, version, user, table = _world(Path(folder))
        parts: dict[str, list[float]] = {}
        for number in range(ROUNDS):
            found = {"the bare fit": _bare(table, threads=1)} | _job(project, version, user, Path(folder), number)
            for name, seconds in found.items():
                parts.setdefault(name, []).append(seconds)
        print(f"{ROWS:,} rows x {INPUTS}, gradient boosting, one thread, {ROUNDS} rounds, medians")
        for name, taken in parts.items():
            limit = f"  {statistics.median(taken) / RECORDING:.2f}x the limit" if "foreground" in name else ""
            print(f"{name:62} {statistics.median(taken):7.2f} s{limit}")
        _busy(table)


def _world(folder: Path) -> tuple[Any, Any, Any, Path]:
    """A project with one published version."""
    import numpy as np
    import pyarrow as pa
    from django.utils import timezone

    from accounts.models import User
    from datasets.models.versions import Dataset, Version
    from projects.models.projects import Project
    from projects.models.team import Membership
    from projects.permissions import Role
    from storage import blobs, tables

    chance = np.random.default_rng(7)
    columns = {f"x{place}": chance.normal(size=ROWS) for place in range(INPUTS)}
    push = columns["x0"] + columns["x1"] * columns["x2"] + 0.5 * chance.normal(size=ROWS)
    table = pa.table(columns | {"left": np.where(push > 0, "yes", "no")})
    path = folder / "table.parquet"
    tables.write(path, table.schema, table.to_batches())
    user = User(email="bench@example.org", name="Bench")
    user.set_unusable_password()
    user.save()
    project = Project.objects.create(key="bench", name="Bench", question="Who will leave?", created_by=user)
    Membership.objects.create(project=project, user=user, role=Role.DATA_SCIENTIST)
    schema = [{"name": name, "type": "text" if name == "left" else "number", "nullable": False} for name in
              table.column_names]  # fmt: skip
    told = [{"name": one["name"], "type": one["type"], "missing": 0, "distinct": ROWS} for one in schema]
    told[-1] |= {"distinct": 2, "top": [{"value": "yes", "count": ROWS // 2}, {"value": "no", "count": ROWS // 2}]}
    version = Version.objects.create(
        dataset=Dataset.objects.create(project=project, name="rows"), number=1, table=blobs.put_file(path), rows=ROWS,
        schema=schema, profile={"rows": ROWS, "columns": told, "sample": []}, state="published",
        published_at=timezone.now(),
    )  # fmt: skip
    return project, version, user, path


def _settings() -> dict[str, Any]:
    """The same as the form's, as scikit-learn knows them."""
    from experiments.estimators.catalog import FAMILIES

    family = FAMILIES["boosted"]
    assert family.make is not None
    made = family.make("binary", family.checked({}, "methods"), 7)
    names = ("learning_rate", "max_iter", "max_leaf_nodes", "l2_regularization", "random_state", "early_stopping")
    return {name: getattr(made, name) for name in names if hasattr(made, name)}


def _bare(table: Path, threads: int) -> float:
    """What somebody would wait for in a script of their own, reading not counted."""
    command = [sys.executable, "-c", BARE, str(table), json.dumps(_settings()), str(ROWS * 8 // 10)]
    done = subprocess.run(
        command, env=os.environ | {"OMP_NUM_THREADS": str(threads)}, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def _job(project: Any, version: Any, user: Any, folder: Path, number: int) -> dict[str, float]:
    """One run as a person starts it, done by a worker in this process and its real limited child."""
    from experiments.services.runs import start_run
    from jobs import runner
    from jobs.context import Context
    from jobs.models import Job

    clock, told, calls = time.perf_counter, folder / f"parts-{secrets.token_hex(4)}.json", []
    usual: Callable[..., Any] = Context.call

    def call(self: Context, entry: str, spec: dict[str, Any], private: Any = None) -> Any:
        began = clock()
        found = usual(self, "benchmarks.jobs:timed", spec | {"entry": entry, "told": str(self.folder / told.name)})
        calls.append(clock() - began)
        told.write_bytes((self.folder / told.name).read_bytes())
        return found

    began = clock()
    run, job = start_run(project, spec={"target": "left", "methods": {"boosted": {}}, "seed": number + 1}, by=user,
                         data=version)  # fmt: skip
    foreground = clock() - began
    Context.call = call  # type: ignore[method-assign]
    try:
        began = clock()
        runner.run(str(job.pk))
        whole = clock() - began
    finally:
        Context.call = usual  # type: ignore[method-assign]
    run.refresh_from_db()
    assert run.state == "finished", run.message
    parts: dict[str, float] = json.loads(told.read_text())
    inside = parts.pop("whole")
    found = {"writing it down (foreground)": foreground}
    found["the fit inside the job, with its preparation"] = parts.pop("fit")
    found["the yardstick's fit"] = parts.pop("yardstick")
    found |= {PARTS[name]: parts[name] for name in PARTS}
    found["what is left of the engine"] = inside - sum(parts.values()) - sum(list(found.values())[1:3])
    found["starting the child, importing scikit-learn"] = calls[0] - inside
    found["claiming, keeping the result, judging the targets"] = whole - calls[0]
    found["the whole job"] = whole
    Job.objects.filter(state="queued").update(state="cancelled")  # its evaluation is a job of its own
    return found


def timed(spec: dict[str, Any], folder: Path, report: Any) -> dict[str, Any]:
    """The engine in the child, with a clock at each of its parts."""
    from sklearn.pipeline import Pipeline

    from experiments import training

    clock, taken, fits = time.perf_counter, dict.fromkeys(PARTS, 0.0), []

    def watch(owner: Any, name: str) -> None:
        inner = getattr(owner, name)

        def outer(*args: Any, **kwargs: Any) -> Any:
            began = clock()
            try:
                return inner(*args, **kwargs)
            finally:
                taken[name] += clock() - began

        setattr(owner, name, outer)

    for name in PARTS:
        watch(training, name)
    usual = Pipeline.fit

    def fit(self: Any, *args: Any, **kwargs: Any) -> Any:
        began = clock()
        try:
            return usual(self, *args, **kwargs)
        finally:
            fits.append(clock() - began)

    Pipeline.fit = fit
    told = Path(spec.pop("told"))
    assert spec.pop("entry") == "experiments.training:run"
    began = clock()
    answer = training.run(spec, folder, report)
    told.write_text(json.dumps(taken | {"whole": clock() - began, "yardstick": fits[0], "fit": fits[1]}))
    return answer


def _busy(table: Path) -> None:
    """The same fit while every core already has work: with one thread, and with as many as there are cores."""
    burn = "while True:\n    pass"
    busy = [subprocess.Popen([sys.executable, "-c", burn], cwd=ROOT) for _ in range(os.cpu_count() or 1)]
    try:
        for threads in (1, os.cpu_count() or 1):
            print(f"busy cores, {threads} thread{'s'[: threads > 1]}: the bare fit {_bare(table, threads):.2f} s")
    finally:
        for one in busy:
            one.kill()
            one.wait()
