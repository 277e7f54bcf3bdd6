"""Addresses of the deployments room."""

from django.urls import URLPattern, URLResolver, path

from deployments.api import deployments as api
from deployments.api import environments, policies
from deployments.api import traffic as traffic_api
from deployments.pages import decisions, deploy, deployments, traffic, versions

P = "p/<slug:key>/"
M = "projects/<slug:key>/models/<slug:name>/versions/<int:number>/"
V = f"{P}models/<slug:name>/v<int:number>/"
D = f"{P}deployments/<slug:name>/"
urlpatterns: list[URLPattern | URLResolver] = [
    path(f"{P}define/decisions/", decisions.Decisions.as_view(), name="decisions"),
    path(f"{P}define/decisions/sign/", decisions.PolicySign.as_view(), name="policy-sign"),
    path(f"{P}define/decisions/back/", decisions.PolicyBack.as_view(), name="policy-back"),
    path(f"{P}deploy/", deploy.Deploy.as_view(), name="deploy"),
    path(V, versions.Version.as_view(), name="model-version"),
    path(f"{V}ask/", versions.Ask.as_view(), name="model-ask"),
    path(f"{V}check/", versions.CheckAgain.as_view(), name="model-check"),
    path(f"{V}promote/", versions.Promote.as_view(), name="model-promote"),
    path(f"{V}shadow/", traffic.Shadow.as_view(), name="model-shadow"),
    path(f"{D}traffic/advance/", traffic.Advance.as_view(), name="trial-advance"),
    path(f"{D}traffic/stop/", traffic.Stop.as_view(), name="trial-stop"),
    path(f"{D}settings/", traffic.Settings.as_view(), name="deployment-settings"),
    path(D, deployments.DeploymentPage.as_view(), name="deployment"),
    path(f"{D}keys/", deployments.KeyMake.as_view(), name="key-make"),
    path(f"{D}keys/<uuid:key_id>/revoke/", deployments.KeyRevoke.as_view(), name="key-revoke"),
    path(f"{D}stop/", deployments.TakeOut.as_view(), name="deployment-stop"),
    path(f"{D}roll-back/", deployments.RollBack.as_view(), name="roll-back"),
    path(f"{D}try/", deployments.Try.as_view(), name="deployment-try"),
]

A = "projects/<slug:key>/"
AD = f"{A}deployments/<slug:name>/"
api_urls: list[URLPattern | URLResolver] = [
    path(f"{M}promote/", api.PromoteVersion.as_view(), name="api-promote"),
    path(
        f"{A}models/<slug:name>/versions/<int:number>/shadow/", traffic_api.ShadowVersion.as_view(), name="api-shadow"
    ),
    path(f"{A}environments/", environments.Environments.as_view(), name="api-environments"),
    path(f"{A}environments/<slug:name>/", environments.EnvironmentEndpoint.as_view(), name="api-environment"),
    path(f"{A}policies/", policies.Policies.as_view(), name="api-policies"),
    path(f"{A}policies/curve/", policies.PolicyCurve.as_view(), name="api-policy-curve"),
    path(f"{A}policies/<int:number>/", policies.PolicyEndpoint.as_view(), name="api-policy"),
    path(f"{A}deployments/", api.Deployments.as_view(), name="api-deployments"),
    path(AD, api.DeploymentEndpoint.as_view(), name="api-deployment"),
    path(f"{AD}traffic/", traffic_api.Traffic.as_view(), name="api-traffic"),
    path(f"{AD}traffic/advance/", traffic_api.Advance.as_view(), name="api-trial-advance"),
    path(f"{AD}traffic/stop/", traffic_api.Stop.as_view(), name="api-trial-stop"),
    path(f"{AD}keys/", api.Keys.as_view(), name="api-keys"),
    path(f"{AD}keys/<uuid:key_id>/", api.KeyEndpoint.as_view(), name="api-key"),
    path(f"{AD}stop/", api.TakeOut.as_view(), name="api-deployment-stop"),
    path(f"{AD}roll-back/", api.RollBack.as_view(), name="api-roll-back"),
    path(f"{AD}predictions/", api.Predictions.as_view(), name="api-predictions"),
    path(f"{AD}predictions/<str:prediction_id>/", api.PredictionEndpoint.as_view(), name="api-prediction"),
]
