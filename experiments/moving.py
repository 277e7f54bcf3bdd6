"""What of the experiments room moves with a project: runs, models, and their packages after the usual check."""

from experiments.models.cases import EdgeCase, EdgeCaseResult, EdgeCaseRevision
from experiments.models.evaluations import Evaluation
from experiments.models.logged import (
    LogExperiment,
    LogFile,
    LogInput,
    LogJudged,
    LogModel,
    LogModelLink,
    LogName,
    LogRun,
    LogTrace,
    LogVersion,
)
from experiments.models.records import (
    ComputingPrice,
    RunKey,
    RunMetric,
    RunPoints,
    RunRecord,
    RunText,
    RunView,
)
from experiments.models.registry import Alias, CardText, Model, ModelVersion
from experiments.models.runs import Run
from experiments.models.searches import Trial, Tuning
from projects.moving import Check, Fields, Landing, Moved, moves

PACKAGE = "experiments.uploading.arriving:check"


def _run(fields: Fields, landing: Landing) -> None:
    """What was being trained is over."""
    if fields.get("state") == Run.State.WAITING:
        fields |= {"state": Run.State.CANCELLED, "message": "It was not finished when the project was packed."}
    fields["given"] = None


def _evaluation(fields: Fields, landing: Landing) -> None:
    """What was being judged is over."""
    if fields.get("state") == Evaluation.State.WAITING:
        fields |= {"state": Evaluation.State.CANCELLED, "message": "It was not finished when the project was packed."}


def _tuning(fields: Fields, landing: Landing) -> None:
    """A search that had not ended is over, as its run is."""
    fields["ended_at"] = fields.get("ended_at") or fields.get("began_at")


def _trial(fields: Fields, landing: Landing) -> None:
    """What was being tried is over; the jobs stay behind."""
    fields["job"] = ""
    if fields.get("state") in (Trial.State.WAITING, Trial.State.TRYING):
        fields |= {"state": Trial.State.SKIPPED, "message": "It was not tried when the project was packed."}


def _record(fields: Fields, landing: Landing) -> None:
    """What was under way is over, as its run is."""
    if fields.get("state") in (RunRecord.State.WAITING, RunRecord.State.RUNNING):
        fields["state"] = RunRecord.State.CANCELLED


def _nothing(fields: Fields) -> Fields:
    return {}


moves(
    Moved(Run, arrive=_run, check=Check("bundle", PACKAGE, _nothing)),
    Moved(Tuning, "run__project", arrive=_tuning),
    Moved(Trial, "run__project", arrive=_trial),
    Moved(RunRecord, arrive=_record),
    Moved(RunKey),
    Moved(RunMetric, "record__project"),
    Moved(RunPoints, "metric__record__project"),
    Moved(RunText, "record__project"),
    Moved(RunView),
    Moved(ComputingPrice),
    Moved(LogExperiment),
    Moved(LogRun),
    Moved(LogModel),
    Moved(LogFile),
    Moved(LogInput, "run__project"),
    Moved(LogModelLink, "run__project"),
    Moved(LogJudged, "run__project"),
    Moved(LogTrace),
    Moved(LogName),
    Moved(LogVersion, "name__project"),
    Moved(Model),
    Moved(ModelVersion, "model__project", check=Check("bundle", PACKAGE, _nothing)),
    Moved(Alias, "model__project"),
    Moved(CardText, "version__model__project"),
    Moved(Evaluation, "run__project", arrive=_evaluation),
    Moved(EdgeCase),
    Moved(EdgeCaseRevision, "case__project"),
    Moved(EdgeCaseResult, "run__project"),
)
