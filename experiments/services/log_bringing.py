"""One import from an MLflow server, from piece to piece: the limited child reads, the services keep.

Nothing stands between two pieces but what the tables hold, so that an attempt begins by skipping what is here.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings

from experiments.importing import engine
from experiments.models.logged import LogExperiment, LogModel, LogRun
from experiments.queries.log_import import totals_of
from experiments.services import log_import, log_import_models
from jobs.context import Context
from projects.models.projects import Project

AT_ONCE = 10  # runs whose points and files come together
ENOUGH = 256 * 1024 * 1024  # bytes of files of one piece
MOST_LEFT = 200
BEAT_SECONDS = 5
Plain = Mapping[str, Any]


class Bringing:
    """What one attempt knows: how much the server has, how much came now, and what stays there with its reason."""

    def __init__(self, context: Context) -> None:
        self.context, self.job = context, context.job
        self.project = Project.objects.get(key=self.job.project_key)
        self.by = log_import.person_of(self.job)
        self.there: Counter[str] = Counter(experiments=0, runs=0, models=0, names=0, versions=0)
        self.brought: Counter[str] = Counter(runs=0, points=0, bytes=0, models=0, versions=0)
        self.left: list[dict[str, str]] = []
        self.left_count = 0
        self._told = time.monotonic()

    def run(self) -> dict[str, Any]:
        """All of it; what the job says at its end."""
        found = self._ask("survey", experiments=self.job.payload["experiments"])
        self.there["experiments"] = len(found["experiments"])
        for told in found["experiments"]:
            folder = log_import.bring_experiment(self.job, self.project, told, by=self.by)
            if folder.deleted_at is not None:
                self._leave([{"what": f"the experiment {folder.name}", "why": "It was deleted here."}])
                continue
            self._runs(folder, told)
            self._models(folder, told)
        if self.job.payload["registry"]:
            self._names()
        here = totals_of(self.project, self.job.payload["address"])
        return {
            "address": self.job.payload["address"],
            "there": dict(self.there),
            "here": here,
            "brought": dict(self.brought),
            "left": self.left,
            "left_count": self.left_count,
        }

    def _ask(self, entry: str, **asked: Any) -> dict[str, Any]:
        payload = self.job.payload
        spec = {
            "address": payload["address"],
            "user": payload["user"],
            "allow": sorted(settings.OUTBOUND_ALLOW),
            "most_file": settings.UPLOAD_MAX_BYTES,
            **asked,
        }
        answer = self.context.call(f"{engine.__name__}:{entry}", spec, log_import.secret_of(self.job))
        self._leave(answer.get("left", []))
        return answer

    def _leave(self, left: Sequence[dict[str, str]]) -> None:
        self.left_count += len(left)
        for one in left[: MOST_LEFT - len(self.left)]:
            self.left.append({"what": one["what"], "why": one["why"]})

    def _beat(self) -> None:
        """Renews the lease now and then."""
        if time.monotonic() - self._told > BEAT_SECONDS:
            self._told = time.monotonic()
            self.context.beat()

    def _say(self, folder: LogExperiment) -> None:
        runs, size = self.brought["runs"], self.brought["bytes"] / 1e6
        self.context.progress(self.there["runs"], None, f"{folder.name[:80]}: {runs:,} runs, {size:,.0f} MB of files")

    def _runs(self, folder: LogExperiment, told: Plain) -> None:
        """The runs of an experiment, page by page."""
        token = ""
        while True:
            page = self._ask("page", experiment=told["id"], token=token)
            self.there["runs"] += len(page["runs"])
            opened = log_import.open_runs(self.job, folder, page["runs"], by=self.by)
            self._leave(opened.left)
            open_now = [one for one in page["runs"] if one["id"] in opened.runs]
            for start in range(0, len(open_now), AT_ONCE):
                self._fill(opened.runs, open_now[start : start + AT_ONCE])
                self._say(folder)
            if not page["next"] or page["next"] == token:
                return
            token = page["next"]

    def _fill(self, runs: Mapping[str, LogRun], told: Sequence[Plain]) -> None:
        """Points and files of some runs; then they are whole."""
        self._ask("points", runs=[{"id": one["id"], "metrics": one["metrics"]} for one in told])
        with (self.context.folder / "points.jsonl").open() as lines:
            self.brought["points"] += log_import.add_points(self.job, runs, lines, self._beat)
        self._files({one["id"]: runs[one["id"]] for one in told}, "run")
        for one in told:
            log_import.close_run(self.job, runs[one["id"]], one)
        self.brought["runs"] += len(told)

    def _files(self, owners: Mapping[str, LogRun | LogModel], kind: str) -> None:
        refused: dict[str, list[str]] = {key: [] for key in owners}
        while True:
            asked = [
                {"id": key, "kind": kind, "known": log_import.known_files(one), "refused": refused[key]}
                for key, one in owners.items()
            ]
            found = self._ask("files", owners=asked, enough=ENOUGH)
            for one in found["left"]:
                if "path" in one:
                    refused[one["owner"]].append(one["path"])
            size = log_import.keep_files(owners, found["files"], self.context.folder, self._beat)
            self.brought["bytes"] += size
            if not found["more"]:
                return

    def _models(self, folder: LogExperiment, told: Plain) -> None:
        """The logged models of an experiment, with their files."""
        found = self._ask("models", experiment=told["id"])["models"]
        self.there["models"] += len(found)
        for one in found:
            if model := log_import_models.open_model(self.job, folder, one):
                self._files({model.key: model}, "model")
                log_import_models.close_model(self.job, model, one)
                self.brought["models"] += 1
                self._say(folder)

    def _names(self) -> None:
        """Registered names, whose versions stand on files that are here by now."""
        for one in self._ask("names")["names"]:
            self.there["names"] += 1
            self.there["versions"] += len(one["versions"])
            new, left = log_import_models.bring_name(self.job, self.project, one, by=self.by)
            self.brought["versions"] += new
            self._leave(left)
