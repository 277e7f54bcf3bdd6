"""Addresses of the experiments room."""

from django.urls import URLPattern, URLResolver, path

from experiments import version_names  # noqa: F401  what `version` means below
from experiments.api import asking as api_asking
from experiments.api import cases as api_cases
from experiments.api import evaluations as api_evaluations
from experiments.api import logged as api_logged
from experiments.api import records as api_records
from experiments.api import registry as api_registry
from experiments.api import runs as api
from experiments.api import trials as api_trials
from experiments.api import uploads as api_uploads
from experiments.pages import (
    asking,
    baseline,
    cases,
    compare,
    evaluations,
    importing,
    log_judging,
    logged,
    models,
    registry,
    runs,
    table,
    trials,
    uploads,
)
from experiments.tracking import addresses as tracking

P, A = "p/<slug:key>/", "projects/<slug:key>/"
V, AM = f"{P}models/<slug:name>/v<int:number>/", f"{A}models/<slug:name>/"
AV = f"{AM}versions/<version:number>/"

urlpatterns: list[URLPattern | URLResolver] = [
    path("models/", models.AllModels.as_view(), name="all-models"),
    path(f"{P}define/baseline/", baseline.BaselinePage.as_view(), name="baseline"),
    path(f"{P}train/", table.Runs.as_view(), name="train"),
    path(f"{P}train/runs.csv", table.RunsCsv.as_view(), name="runs-csv"),
    path(f"{P}train/price/", table.Price.as_view(), name="run-price"),
    path(f"{P}train/views/", table.ViewSave.as_view(), name="run-view-save"),
    path(f"{P}train/views/<str:name>/", table.View.as_view(), name="run-view"),
    path(f"{P}train/views/<str:name>/delete/", table.ViewDelete.as_view(), name="run-view-delete"),
    path(f"{P}train/new/", runs.RunCreate.as_view(), name="run-new"),
    path(f"{P}train/upload/", uploads.ModelUpload.as_view(), name="model-upload"),
    path(f"{P}runs/<int:number>/", runs.RunPage.as_view(), name="run"),
    path(f"{P}runs/<int:number>/register/", runs.Register.as_view(), name="run-register"),
    path(f"{P}runs/<int:number>/reproduce/", runs.Reproduce.as_view(), name="run-reproduce"),
    path(f"{P}runs/<int:number>/notes/", runs.Notes.as_view(), name="run-notes"),
    path(f"{P}runs/<int:number>/describe/", runs.Describe.as_view(), name="run-describe"),
    path(f"{P}runs/<int:number>/ask/", asking.Ask.as_view(), name="run-ask"),
    path(f"{P}runs/<int:number>/ask/<uuid:job_id>/", asking.Answered.as_view(), name="run-answer"),
    path(f"{P}runs/<int:number>/trials/", trials.Trials.as_view(), name="trials"),
    path(f"{P}runs/<int:number>/trials/stop/", trials.StopSearch.as_view(), name="search-stop"),
    path(f"{P}runs/<int:number>/evaluations/new/", evaluations.EvaluationNew.as_view(), name="evaluation-new"),
    path(
        f"{P}runs/<int:number>/evaluations/<int:evaluation>/",
        evaluations.EvaluationPage.as_view(),
        name="evaluation",
    ),
    path(
        f"{P}runs/<int:number>/evaluations/<int:evaluation>/plain/",
        evaluations.EvaluationPlain.as_view(),
        name="evaluation-plain",
    ),
    path(f"{P}cases/", cases.Cases.as_view(), name="cases"),
    path(f"{P}cases/new/", cases.CaseNew.as_view(), name="case-new"),
    path(f"{P}cases/<int:number>/", cases.CasePage.as_view(), name="case"),
    path(f"{P}cases/<int:number>/change/", cases.CaseChange.as_view(), name="case-change"),
    path(f"{P}cases/<int:number>/retire/", cases.CaseRetire.as_view(), name="case-retire"),
    path(f"{V}card/", registry.CardPage.as_view(), name="model-card"),
    path(f"{V}card/write/", registry.CardWrite.as_view(), name="model-card-write"),
    path(f"{V}card.json", registry.CardJson.as_view(), name="model-card-json"),
    path(f"{V}card.md", registry.CardMarkdown.as_view(), name="model-card-markdown"),
    path(f"{V}changes/", registry.Changes.as_view(), name="model-changes"),
    path(f"{V}download/", registry.Take.as_view(), name="model-download"),
    path(f"{P}models/<slug:name>/aliases/", registry.Aliases.as_view(), name="model-aliases"),
    path(f"{P}models/<slug:name>/aliases/<slug:alias>/remove/", registry.AliasRemove.as_view(), name="alias-remove"),
    path(f"{P}evaluate/", compare.Evaluate.as_view(), name="evaluate"),
    path(f"{P}compare/", compare.Compare.as_view(), name="compare"),
    path(f"{P}notebook/", logged.FromNotebook.as_view(), name="from-notebook"),
    path(f"{P}notebook/import/", importing.ImportLogs.as_view(), name="logged-import"),
    path(f"{P}logged/<int:number>/", logged.LoggedRun.as_view(), name="logged-run"),
    path(f"{P}logged/<int:number>/judge/", log_judging.JudgeRun.as_view(), name="logged-run-judge"),
    path(f"{P}logged-models/<str:model_id>/", logged.LoggedModel.as_view(), name="logged-model"),
    path(f"{P}logged-models/<str:model_id>/judge/", log_judging.JudgeModel.as_view(), name="logged-model-judge"),
    path(f"{P}mlflow/", logged.Printed.as_view(), name="logged-printed"),
    *tracking.urlpatterns,
]
api_urls: list[URLPattern | URLResolver] = [
    path(f"{A}runs/", api.Runs.as_view(), name="api-runs"),
    path(f"{A}runs/upload/", api_uploads.Uploads.as_view(), name="api-model-upload"),
    path(f"{A}logged/import/", api_logged.Imports.as_view(), name="api-logged-import"),
    path(f"{A}logged/<int:number>/judge/", api_logged.JudgeRun.as_view(), name="api-logged-run-judge"),
    path(f"{A}logged-models/<str:model_id>/judge/", api_logged.JudgeModel.as_view(), name="api-logged-model-judge"),
    path(f"{A}runs/views/", api_records.Views.as_view(), name="api-run-views"),
    path(f"{A}runs/views/<str:name>/", api_records.ViewDetail.as_view(), name="api-run-view"),
    path(f"{A}runs/price/", api_records.Price.as_view(), name="api-run-price"),
    path(f"{A}runs/<int:number>/series/", api_records.Series.as_view(), name="api-run-series"),
    path(f"{A}runs/<int:number>/", api.RunDetail.as_view(), name="api-run"),
    path(f"{A}runs/<int:number>/register/", api.Register.as_view(), name="api-run-register"),
    path(f"{A}runs/<int:number>/ask/", api_asking.Ask.as_view(), name="api-run-ask"),
    path(f"{A}runs/<int:number>/trials/", api_trials.Trials.as_view(), name="api-trials"),
    path(f"{A}runs/<int:number>/trials/stop/", api_trials.StopSearch.as_view(), name="api-search-stop"),
    path(f"{A}runs/<int:number>/evaluations/", api_evaluations.Evaluations.as_view(), name="api-evaluations"),
    path(
        f"{A}runs/<int:number>/evaluations/<int:evaluation>/",
        api_evaluations.EvaluationDetail.as_view(),
        name="api-evaluation",
    ),
    path(f"{A}cases/", api_cases.Cases.as_view(), name="api-cases"),
    path(f"{A}cases/<int:number>/", api_cases.CaseDetail.as_view(), name="api-case"),
    path(f"{A}cases/<int:number>/retire/", api_cases.Retire.as_view(), name="api-case-retire"),
    path(f"{A}runs/<int:number>/reproduce/", api.Reproduce.as_view(), name="api-run-reproduce"),
    path(f"{A}compare/", api.Compare.as_view(), name="api-compare"),
    path(f"{A}models/", api.Models.as_view(), name="api-models"),
    path(AV, api.ModelVersionDetail.as_view(), name="api-model-version"),
    path(f"{AV}card/", api_registry.Card.as_view(), name="api-model-card"),
    path(f"{AV}card.md", api_registry.CardText.as_view(), name="api-model-card-markdown"),
    path(f"{AV}changes/", api_registry.Changes.as_view(), name="api-model-changes"),
    path(f"{AV}lineage/", api_registry.Lineage.as_view(), name="api-model-lineage"),
    path(f"{AV}download/", api_registry.Take.as_view(), name="api-model-download"),
    path(f"{AM}aliases/", api_registry.Aliases.as_view(), name="api-aliases"),
    path(f"{AM}aliases/<slug:alias>/", api_registry.Alias.as_view(), name="api-alias"),
]
