"""Reads about logged models as pages and jobs need them: how their files hold them, and what became of them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import Q, QuerySet

from experiments.models.logged import LogFile, LogInput, LogJudged, LogModel, LogRun, LogVersion
from experiments.models.runs import Run
from problems.problem import Conflict, Invalid, Missing
from projects.models.projects import Project

FORMS = {"skops": "skops", "onnx": "ONNX", "pkl": "pickle", "pickle": "pickle", "joblib": "pickle"}
SHOWN = 20
NOTHING = (
    "There is no skops or ONNX file here that could be judged. Pickles are kept as bytes and never opened. "
    "Log the model with mlflow.sklearn.log_model(model, name=“model”, serialization_format=“skops”)."
)


@dataclass(frozen=True)
class Kept:
    """A logged model as pages tell of it: how its files hold it, the names it has, the runs that measured it."""

    model: LogModel
    form: str
    names: list[LogVersion] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)


def models_logged_by(run: LogRun) -> list[Kept]:
    """The logged models of a run."""
    return _kept(list(LogModel.objects.filter(project=run.project_id, source_run=run.key, deleted_at=None)))


def newest_models(project: Project) -> list[Kept]:
    """The models that were logged last, with and without a run."""
    rows = LogModel.objects.filter(project=project, deleted_at=None).select_related("run__record")
    return _kept(list(rows[:SHOWN]))


def model_page(project: Project, key: str) -> Kept:
    """One logged model, as its page tells of it."""
    rows = LogModel.objects.select_related("experiment", "run__record").filter(project=project, deleted_at=None)
    row = rows.filter(key=key).first()
    if row is None:
        raise Missing("There is no such logged model in this project.")
    row.project = project
    return _kept([row])[0]


def _kept(models: Sequence[LogModel]) -> list[Kept]:
    """Three queries however many models."""
    names: dict[str, list[LogVersion]] = defaultdict(list)
    if models:
        rows = LogVersion.objects.filter(name__project=models[0].project_id, model_key__in=[one.key for one in models])
        for row in rows.select_related("name"):
            names[row.model_key].append(row)
    runs: dict[int, list[Run]] = defaultdict(list)
    for one in LogJudged.objects.filter(logged_model__in=models, run__deleted_at=None).select_related("run"):
        runs[one.logged_model_id or 0].append(one.run)
    forms = _forms(models)
    return [Kept(one, forms[one.pk], names[one.key], runs[one.pk]) for one in models]


def _forms(models: Sequence[LogModel]) -> dict[int, str]:
    """How the files of each model hold it, by their names alone: nothing is opened."""
    found = dict.fromkeys((one.pk for one in models), "")
    for model, path in LogFile.objects.filter(model__in=list(found)).values_list("model_id", "path"):
        form = FORMS.get(path.rpartition(".")[2].lower())
        if model is not None and form and (found[model] in ("", form) or form == "pickle"):
            found[model] = form
    return found


# ---- Files that can be judged ----


def files_of_run(run: LogRun) -> list[LogFile]:
    """The skops and ONNX files of a run and of the models that it made."""
    own = LogFile.objects.filter(run=run) | LogFile.objects.filter(model__source_run=run.key, model__deleted_at=None)
    return _readable(own.filter(project=run.project_id))


def files_of_model(model: LogModel) -> list[LogFile]:
    """The skops and ONNX files of a logged model."""
    return _readable(LogFile.objects.filter(model=model))


def _readable(rows: QuerySet[LogFile]) -> list[LogFile]:
    named = Q(path__iendswith=".skops") | Q(path__iendswith=".onnx")
    found = rows.filter(named).select_related("blob", "run__record", "model__run__record")
    return list(found.order_by("root", "path")[:SHOWN])


def source_of(file: LogFile) -> tuple[LogModel | None, LogRun | None]:
    """The logged model and the run that a file belongs to."""
    return file.model, file.run or (file.model.run if file.model else None)


def judged_from(run: Run) -> LogJudged | None:
    """Where the model of a run had been logged."""
    rows = LogJudged.objects.select_related("logged_run__record", "logged_model")
    return rows.filter(run=run).first()


def runs_judging(run: LogRun) -> list[Run]:
    """The runs that measured what this one logged."""
    rows = LogJudged.objects.filter(logged_run=run, run__deleted_at=None).select_related("run")
    return [one.run for one in rows]


def chosen_file(files: Sequence[LogFile], path: str) -> LogFile:
    """The file that is to be judged: the one that is named, or the only one."""
    if not files:
        raise Conflict(NOTHING, code="nothing_to_judge")
    if not path and len(files) == 1:
        return files[0]
    found = [one for one in files if path and path in (one.path, place_of(one), _exact(one))]
    if len(found) == 1:
        return found[0]
    text = f"Name one of these files: {', '.join(_exact(one) for one in files[:10])}."
    raise Invalid(text, fields={"path": text})


def place_of(file: LogFile) -> str:
    """A file's name, with its model's before it where it has one."""
    return f"{file.model.name}/{file.path}" if file.model else file.path


def _exact(file: LogFile) -> str:
    return f"{file.model.key}/{file.path}" if file.model else file.path


def data_of(files: Sequence[LogFile]) -> list[str]:
    """The versions of the project that the runs of these files say they used."""
    runs = {run.pk for file in files if (run := source_of(file)[1])}
    rows = LogInput.objects.filter(run__in=runs).exclude(version=None).select_related("version__dataset")
    return sorted({str(row.version) for row in rows})
