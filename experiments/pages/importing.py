"""The page that brings what an MLflow server holds, and shows what came of it."""

from typing import Any

from django.urls import reverse

from experiments.forms.importing import ImportForm
from experiments.queries.log_import import imports_of, shown_import
from experiments.services.log_import import start_import
from projects.access import ProjectPage
from projects.pages.projects import person
from web.pages import FormPage

SHOWN = 10
WORDS = {
    "experiments": "Experiments", "runs": "Runs", "params": "Settings", "metrics": "Metrics",
    "points": "Points of metrics", "tags": "Tags", "models": "Logged models", "files": "Files",
    "bytes": "Bytes of files", "names": "Registered names", "versions": "Versions of these",
}  # fmt: skip


class ImportLogs(ProjectPage, FormPage):
    """Import from a running MLflow server."""

    action = {"GET": "run.read", "POST": "run.import"}
    stage = "train"
    template = "experiments/import_logs.html"

    def make_form(self, data: Any = None, files: Any = None) -> ImportForm:
        """Where, how and what."""
        return ImportForm(data)

    def act(self, form: ImportForm) -> str:
        """Queue it."""
        start_import(self.project, **form.asked(), by=person(self.request))
        return reverse("logged-import", args=[self.project.key])

    def context(self, form: Any) -> dict[str, Any]:
        """What is under way, and what came of earlier ones."""
        jobs = list(imports_of(self.project)[:SHOWN])
        return {"open_job": next((job for job in jobs if job.is_open), None), "imports": [_line(job) for job in jobs]}


def _line(job: Any) -> dict[str, Any]:
    """An import with a table of what is there and here."""
    shown = shown_import(job)
    there, here, brought = (shown[name] or {} for name in ("there", "here", "brought"))
    rows = [(words, there.get(name), here[name], brought.get(name)) for name, words in WORDS.items() if name in here]
    return shown | {"row": job, "counts": rows}
