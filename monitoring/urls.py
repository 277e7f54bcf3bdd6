"""Addresses of the monitoring room."""

from django.urls import URLPattern, URLResolver, path

from monitoring.api import autonomy as api_autonomy
from monitoring.api import watch as api
from monitoring.pages import alerts, autonomy, monitors, retrainings

_monitor = "p/<slug:key>/monitor/<slug:name>/"
_alert = "p/<slug:key>/alerts/<int:number>/"
urlpatterns: list[URLPattern | URLResolver] = [
    path("alerts/", alerts.AllAlerts.as_view(), name="all-alerts"),
    path("p/<slug:key>/monitor/", monitors.Monitors.as_view(), name="monitor"),
    path(_monitor, monitors.MonitorPage.as_view(), name="monitor-deployment"),
    path(f"{_monitor}check/", monitors.CheckNow.as_view(), name="monitor-check"),
    path(f"{_monitor}retrain/", monitors.Retrain.as_view(), name="monitor-retrain"),
    path(f"{_monitor}outcomes/", monitors.UploadOutcomes.as_view(), name="monitor-outcomes"),
    path(f"{_monitor}autonomy/", autonomy.Autonomy.as_view(), name="autonomy"),
    path(f"{_monitor}autonomy/<int:version>/sign/", autonomy.SignAutonomy.as_view(), name="autonomy-sign"),
    path(_alert, alerts.AlertPage.as_view(), name="alert"),
    path(f"{_alert}take/", alerts.TakeAlert.as_view(), name="alert-take"),
    path(f"{_alert}snooze/", alerts.SnoozeAlert.as_view(), name="alert-snooze"),
    path(f"{_alert}close/", alerts.CloseAlert.as_view(), name="alert-close"),
    path("p/<slug:key>/retrainings/<uuid:identifier>/", retrainings.RetrainingPage.as_view(), name="retraining"),
    path("p/<slug:key>/improve/", retrainings.Improve.as_view(), name="improve"),
]

_project = "projects/<slug:key>/"
api_urls: list[URLPattern | URLResolver] = [
    path(f"{_project}deployments/<slug:name>/outcomes/", api.Outcomes.as_view(), name="api-outcomes"),
    path(f"{_project}monitors/", api.Monitors.as_view(), name="api-monitors"),
    path(f"{_project}monitors/<slug:name>/", api.MonitorDetail.as_view(), name="api-monitor"),
    path(f"{_project}monitors/<slug:name>/check/", api.Check.as_view(), name="api-monitor-check"),
    path(f"{_project}monitors/<slug:name>/windows/", api.Windows.as_view(), name="api-windows"),
    path(f"{_project}monitors/<slug:name>/retrain/", api.Retrain.as_view(), name="api-retrain"),
    path(f"{_project}monitors/<slug:name>/autonomy/", api_autonomy.Autonomy.as_view(), name="api-autonomy"),
    path(f"{_project}alerts/", api.Alerts.as_view(), name="api-alerts"),
    path(f"{_project}alerts/<int:number>/", api.AlertDetail.as_view(), name="api-alert"),
    path(f"{_project}alerts/<int:number>/take/", api.TakeAlert.as_view(), name="api-alert-take"),
    path(f"{_project}alerts/<int:number>/snooze/", api.SnoozeAlert.as_view(), name="api-alert-snooze"),
    path(f"{_project}alerts/<int:number>/close/", api.CloseAlert.as_view(), name="api-alert-close"),
    path(f"{_project}retrainings/", api.Retrainings.as_view(), name="api-retrainings"),
    path(f"{_project}retrainings/<uuid:identifier>/", api.RetrainingDetail.as_view(), name="api-retraining"),
]
