"""The jobs of the experiments room: train a run or take in a model, judge it, put the edge-case book to it, import."""

from datasets.queries.versions import table_path
from experiments.models.evaluations import Evaluation
from experiments.models.runs import Run
from experiments.queries.log_import import KIND as IMPORT
from experiments.services import asking, cases, evaluations, log_import, tunings, uploads
from experiments.services.log_bringing import Bringing
from experiments.services.runs import PLATFORM, engine_spec, fail_run, finish_run
from experiments.tried import summary_of
from jobs.context import Context
from jobs.limits import Limits
from jobs.models import Job
from jobs.registry import job, periodic
from storage.blobs import put_file

JUDGING = Limits(wall_seconds=2 * 3600, cpu_seconds=2 * 3600)
TRYING = Limits(wall_seconds=2 * 3600, cpu_seconds=2 * 3600)
TAKING = Limits(wall_seconds=3600, cpu_seconds=3600)
BRINGING = Limits(wall_seconds=48 * 3600, cpu_seconds=4 * 3600)
QUICK = Limits(wall_seconds=15 * 60, cpu_seconds=15 * 60)


@job("experiments.train", queue="training", on_failure=fail_run)
def train(context: Context) -> None:
    """Train one run in the limited child, then keep what it found; judging it is a job of its own."""
    related = ("project", "data", "contract")
    run = Run.objects.select_related(*related).get(pk=context.job.subject_id)
    answer = context.call("experiments.training:run", engine_spec(run, table_path(run.data)))
    if searched := summary_of(run):
        answer["evaluation"]["tuning"] = searched
    bundle = put_file(context.folder / "bundle.zip")
    with context.finish({"run": run.number, "method": answer["method"]}):
        finished = finish_run(run, answer, bundle)
        evaluations.start_evaluation(finished, by=PLATFORM)
        cases.ask_about_cases(finished, by=PLATFORM)


@job("experiments.take_upload", queue="training", limits=TAKING, on_failure=fail_run)
def take_upload(context: Context) -> None:
    """Check and measure a model that was made elsewhere in the limited child, then keep it as any other."""
    run = Run.objects.select_related("project", "data", "contract").get(pk=context.job.subject_id)
    spec = uploads.taking_spec(run, context.job.payload["uploaded"])
    answer = context.call("experiments.uploading.engine:run", spec)
    bundle = put_file(context.folder / "bundle.zip")
    with context.finish({"run": run.number, "method": answer["method"]}):
        finished = finish_run(run, answer, bundle)
        evaluations.start_evaluation(finished, by=PLATFORM)
        cases.ask_about_cases(finished, by=PLATFORM)


@periodic("experiments.uploads", every=300)
def forget_uploads() -> None:
    """Let go of uploaded files whose runs are over: what is kept is in the bundle, what was refused is not kept."""
    uploads.forget_files()


@job("experiments.evaluate", queue="evaluation", limits=JUDGING, on_failure=evaluations.fail_evaluation)
def evaluate(context: Context) -> None:
    """Judge a run's model in the limited child, then keep what was found."""
    related = ("run__project", "run__data__dataset", "run__contract", "data__dataset", "contract")
    evaluation = Evaluation.objects.select_related(*related).get(pk=context.job.subject_id)
    found = context.call("experiments.judging:run", evaluations.judging_spec(evaluation))
    with context.finish({"run": evaluation.run.number, "evaluation": evaluation.number}):
        evaluations.finish_evaluation(evaluation, found)


@job("experiments.explain", queue="evaluation", limits=QUICK)
def explain(context: Context) -> None:
    """Answer one row that somebody typed with a run's stored model in the limited child, with reasons."""
    run = Run.objects.get(pk=context.job.payload["run"])
    found = context.call("experiments.explaining:run", asking.asking_spec(run, context.job.payload["row"]))
    with context.finish(found):
        pass


@job("experiments.ask_cases", queue="evaluation", limits=QUICK)
def ask_cases(context: Context) -> None:
    """Put the whole edge-case book to a run's model."""
    run = Run.objects.select_related("project").get(pk=context.job.subject_id)
    results = context.call("experiments.casebook:run", cases.book_spec(run))["results"]
    with context.finish({"run": run.number, "asked": len(results)}):
        cases.keep_results(run, results)


def end_search(job: Job) -> None:
    """A job of a search ended badly or was stopped; the run ends with it where it has to."""
    if tunings.job_ended(job):
        fail_run(job)
        tunings.end_others(Run.objects.select_related("project").get(pk=job.subject_id))


@job("experiments.try", queue="training", limits=TRYING, on_failure=end_search)
def try_settings(context: Context) -> None:
    """Measure some trials of a search in the limited child, keep them, and queue what comes next."""
    run = Run.objects.select_related("project", "data", "contract").get(pk=context.job.subject_id)
    trials, found = tunings.take_trials(run, context.job), []
    if trials:
        spec = engine_spec(run, table_path(run.data)) | tunings.lane_spec(run, trials)
        found = context.call("experiments.searching.engine:run", spec)["trials"]
    with context.finish({"run": run.number, "trials": [one["number"] for one in found]}):
        tunings.keep_trials(run, context.job, found)


@job("experiments.nest", queue="training", on_failure=end_search)
def check_search(context: Context) -> None:
    """Make the whole search without one part of the rows in the limited child, and judge its best on that part."""
    run = Run.objects.select_related("project", "data", "contract").get(pk=context.job.subject_id)
    outer = context.job.payload["outer"]
    spec = engine_spec(run, table_path(run.data)) | {"tuning": run.spec["tuning"], "outer": outer}
    found = context.call("experiments.searching.engine:nested", spec)
    with context.finish({"run": run.number, "part": outer + 1}):
        tunings.keep_nested(run, outer, found)


@job(IMPORT, queue="ingestion", max_attempts=50, limits=BRINGING, on_failure=log_import.forget_secret)
def import_logs(context: Context) -> None:
    """Bring what an MLflow server holds, piece by piece; whoever is interrupted goes on with the next piece."""
    bringing = Bringing(context)
    result = bringing.run()
    with context.finish(result):
        log_import.finish_import(context.job, result)
