"""PURE: packages that come with a project from elsewhere: their models are looked into as those that are uploaded."""

from pathlib import Path
from typing import Any

from experiments.matrices import from_rows, layout_of
from experiments.packaging import Bundle, fields_of
from experiments.uploading.outside import Outside
from experiments.uploading.soundness import refuse_astray, refuse_unsound
from jobs.report import Report
from problems.problem import Invalid


def check(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """One model that would not be taken as an upload refuses all: who wrote the archive may have written the model."""
    for done, said in enumerate(spec["files"]):
        report.progress(done, len(spec["files"]), "checking models")
        _check(Bundle.open(Path(said["path"])))
    return {}


def _check(bundle: Bundle) -> None:
    model = bundle.predictor().pipeline
    refuse_unsound(getattr(model, "pipeline", model))
    if isinstance(model, Outside):
        try:
            rows = from_rows(bundle.golden["rows"], layout_of(fields_of(bundle.signature)))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Invalid("The rows that a model is proved by cannot be read.", code="bad_bundle") from error
        refuse_astray(model, rows)
