"""Addresses of the experiments room."""

from django.urls import URLPattern, URLResolver, path

from experiments import api
from experiments.pages import baseline, compare, models, runs

P, A = "p/<slug:key>/", "projects/<slug:key>/"

urlpatterns: list[URLPattern | URLResolver] = [
    path("models/", models.AllModels.as_view(), name="all-models"),
    path(f"{P}define/baseline/", baseline.BaselinePage.as_view(), name="baseline"),
    path(f"{P}train/", runs.Runs.as_view(), name="train"),
    path(f"{P}train/new/", runs.RunCreate.as_view(), name="run-new"),
    path(f"{P}runs/<int:number>/", runs.RunPage.as_view(), name="run"),
    path(f"{P}runs/<int:number>/register/", runs.Register.as_view(), name="run-register"),
    path(f"{P}runs/<int:number>/reproduce/", runs.Reproduce.as_view(), name="run-reproduce"),
    path(f"{P}runs/<int:number>/notes/", runs.Notes.as_view(), name="run-notes"),
    path(f"{P}evaluate/", compare.Evaluate.as_view(), name="evaluate"),
    path(f"{P}compare/", compare.Compare.as_view(), name="compare"),
]
api_urls: list[URLPattern | URLResolver] = [
    path(f"{A}runs/", api.Runs.as_view(), name="api-runs"),
    path(f"{A}runs/<int:number>/", api.RunDetail.as_view(), name="api-run"),
    path(f"{A}runs/<int:number>/register/", api.Register.as_view(), name="api-run-register"),
    path(f"{A}runs/<int:number>/reproduce/", api.Reproduce.as_view(), name="api-run-reproduce"),
    path(f"{A}compare/", api.Compare.as_view(), name="api-compare"),
    path(f"{A}models/", api.Models.as_view(), name="api-models"),
    path(f"{A}models/<slug:name>/versions/<int:number>/", api.ModelVersionDetail.as_view(), name="api-model-version"),
]
