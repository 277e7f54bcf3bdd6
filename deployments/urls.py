"""Addresses of the deployments room."""

from django.urls import URLPattern, URLResolver, path

from deployments.api import batches as batch_api
from deployments.api import deployments as api
from deployments.api import environments, policies
from deployments.api import keys as key_api
from deployments.api import packages as package_api
from deployments.api import traffic as traffic_api
from deployments.pages import batches, decisions, deploy, deployments, packages, traffic, versions
from deployments.pages import environments as environment_pages
from deployments.pages import keys as key_pages
from experiments import version_names  # noqa: F401  what `version` means below

P = "p/<slug:key>/"
M = "projects/<slug:key>/models/<slug:name>/versions/<version:number>/"
V = f"{P}models/<slug:name>/v<int:number>/"
D = f"{P}deployments/<slug:name>/"
urlpatterns: list[URLPattern | URLResolver] = [
    path(f"{P}define/decisions/", decisions.Decisions.as_view(), name="decisions"),
    path(f"{P}define/decisions/sign/", decisions.PolicySign.as_view(), name="policy-sign"),
    path(f"{P}define/decisions/back/", decisions.PolicyBack.as_view(), name="policy-back"),
    path(f"{P}deploy/", deploy.Deploy.as_view(), name="deploy"),
    path(f"{P}deploy/environments/", environment_pages.Environments.as_view(), name="environments"),
    path(f"{P}deploy/environments/<slug:name>/", environment_pages.EnvironmentPage.as_view(), name="environment"),
    path(
        f"{P}deploy/environments/<slug:name>/drop/",
        environment_pages.EnvironmentDrop.as_view(),
        name="environment-drop",
    ),
    path(f"{P}deploy/applications/", key_pages.Applications.as_view(), name="applications"),
    path(f"{P}deploy/applications/<uuid:key_id>/", key_pages.Application.as_view(), name="application"),
    path(
        f"{P}deploy/applications/<uuid:key_id>/revoke/",
        key_pages.ApplicationRevoke.as_view(),
        name="application-revoke",
    ),
    path(V, versions.Version.as_view(), name="model-version"),
    path(f"{V}prove-onnx/", packages.Prove.as_view(), name="model-prove-onnx"),
    path(f"{V}package/<slug:form>/", packages.Package.as_view(), name="model-package"),
    path(f"{V}ask/", versions.Ask.as_view(), name="model-ask"),
    path(f"{V}check/", versions.CheckAgain.as_view(), name="model-check"),
    path(f"{V}promote/", versions.Promote.as_view(), name="model-promote"),
    path(f"{V}shadow/", traffic.Shadow.as_view(), name="model-shadow"),
    path(f"{D}traffic/advance/", traffic.Advance.as_view(), name="trial-advance"),
    path(f"{D}traffic/stop/", traffic.Stop.as_view(), name="trial-stop"),
    path(f"{D}settings/", traffic.Settings.as_view(), name="deployment-settings"),
    path(D, deployments.DeploymentPage.as_view(), name="deployment"),
    path(f"{D}batches/", batches.Batches.as_view(), name="batches"),
    path(f"{D}batches/<int:number>/", batches.BatchPage.as_view(), name="batch"),
    path(f"{D}batch-plans/", batches.PlanMake.as_view(), name="batch-plan-make"),
    path(f"{D}batch-plans/<int:number>/end/", batches.PlanEnd.as_view(), name="batch-plan-end"),
    path(f"{D}keys/", deployments.KeyMake.as_view(), name="key-make"),
    path(f"{D}keys/<uuid:key_id>/revoke/", deployments.KeyRevoke.as_view(), name="key-revoke"),
    path(f"{D}stop/", deployments.TakeOut.as_view(), name="deployment-stop"),
    path(f"{D}roll-back/", deployments.RollBack.as_view(), name="roll-back"),
    path(f"{D}try/", deployments.Try.as_view(), name="deployment-try"),
]

A = "projects/<slug:key>/"
AD = f"{A}deployments/<slug:name>/"
api_urls: list[URLPattern | URLResolver] = [
    path(f"{M}package/<slug:form>/", package_api.Package.as_view(), name="api-model-package"),
    path(f"{M}promote/", api.PromoteVersion.as_view(), name="api-promote"),
    path(f"{M}shadow/", traffic_api.ShadowVersion.as_view(), name="api-shadow"),
    path(f"{A}environments/", environments.Environments.as_view(), name="api-environments"),
    path(f"{A}environments/<slug:name>/", environments.EnvironmentEndpoint.as_view(), name="api-environment"),
    path(f"{A}policies/", policies.Policies.as_view(), name="api-policies"),
    path(f"{A}policies/curve/", policies.PolicyCurve.as_view(), name="api-policy-curve"),
    path(f"{A}policies/<int:number>/", policies.PolicyEndpoint.as_view(), name="api-policy"),
    path(f"{A}deployments/", api.Deployments.as_view(), name="api-deployments"),
    path(AD, api.DeploymentEndpoint.as_view(), name="api-deployment"),
    path(f"{AD}batches/", batch_api.Batches.as_view(), name="api-batches"),
    path(f"{AD}batches/<int:number>/", batch_api.BatchEndpoint.as_view(), name="api-batch"),
    path(f"{AD}batches/<int:number>/rows/", batch_api.BatchRows.as_view(), name="api-batch-rows"),
    path(f"{AD}batches/<int:number>/refused/", batch_api.BatchRefused.as_view(), name="api-batch-refused"),
    path(f"{AD}batch-plans/", batch_api.BatchPlans.as_view(), name="api-batch-plans"),
    path(f"{AD}batch-plans/<int:number>/", batch_api.BatchPlanEndpoint.as_view(), name="api-batch-plan"),
    path(f"{AD}traffic/", traffic_api.Traffic.as_view(), name="api-traffic"),
    path(f"{AD}traffic/advance/", traffic_api.Advance.as_view(), name="api-trial-advance"),
    path(f"{AD}traffic/stop/", traffic_api.Stop.as_view(), name="api-trial-stop"),
    path(f"{AD}keys/", key_api.Keys.as_view(), name="api-keys"),
    path(f"{AD}keys/<uuid:key_id>/", key_api.KeyEndpoint.as_view(), name="api-key"),
    path(f"{A}keys/", key_api.ProjectKeys.as_view(), name="api-project-keys"),
    path(f"{A}keys/<uuid:key_id>/usage/", key_api.KeyUsage.as_view(), name="api-key-usage"),
    path(f"{AD}stop/", api.TakeOut.as_view(), name="api-deployment-stop"),
    path(f"{AD}roll-back/", api.RollBack.as_view(), name="api-roll-back"),
    path(f"{AD}predictions/", api.Predictions.as_view(), name="api-predictions"),
    path(f"{AD}predictions/<str:prediction_id>/", api.PredictionEndpoint.as_view(), name="api-prediction"),
]
