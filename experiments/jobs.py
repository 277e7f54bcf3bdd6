"""The jobs of the experiments room."""

from datasets.queries.versions import table_path
from experiments.models import Run
from experiments.services.runs import engine_spec, fail_run, finish_run
from jobs.context import Context
from jobs.registry import job
from storage.blobs import put_file


@job("experiments.train", queue="training", on_failure=fail_run)
def train(context: Context) -> None:
    """Train one run in the limited child, then keep what it found."""
    related = ("project", "data", "contract")
    run = Run.objects.select_related(*related).get(pk=context.job.subject_id)
    answer = context.call("experiments.training:run", engine_spec(run, table_path(run.data)))
    bundle = put_file(context.folder / "bundle.zip")
    with context.finish({"run": run.number, "method": answer["method"]}):
        finish_run(run, answer, bundle)
