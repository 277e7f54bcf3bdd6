"""Addresses of the monitoring room."""

from django.urls import URLPattern, URLResolver, path

from monitoring.api import autonomy as api_autonomy
from monitoring.api import incidents as api_incidents
from monitoring.api import watch as api
from monitoring.pages import alerts, autonomy, incidents, monitors, retrainings, speaking

_monitor = "p/<slug:key>/monitor/<slug:name>/"
_alert = "p/<slug:key>/alerts/<int:number>/"
_incident = "p/<slug:key>/incidents/<int:number>/"
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
    path(f"{_monitor}alert-settings/", speaking.AlertSettingsPage.as_view(), name="alert-settings"),
    path("p/<slug:key>/incidents/", incidents.Incidents.as_view(), name="incidents"),
    path(_incident, incidents.IncidentPage.as_view(), name="incident"),
    path(f"{_incident}take/", incidents.TakeIncident.as_view(), name="incident-take"),
    path(f"{_incident}note/", incidents.NoteIncident.as_view(), name="incident-note"),
    path(f"{_incident}snooze/", incidents.SnoozeIncident.as_view(), name="incident-snooze"),
    path(f"{_incident}close/", incidents.CloseIncident.as_view(), name="incident-close"),
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
    path(
        f"{_project}monitors/<slug:name>/alert-settings/",
        api_incidents.AlertSettingsEndpoint.as_view(),
        name="api-alert-settings",
    ),
    path(f"{_project}incidents/", api_incidents.Incidents.as_view(), name="api-incidents"),
    path(f"{_project}incidents/<int:number>/", api_incidents.IncidentDetail.as_view(), name="api-incident"),
    path(f"{_project}incidents/<int:number>/take/", api_incidents.TakeIncident.as_view(), name="api-incident-take"),
    path(f"{_project}incidents/<int:number>/notes/", api_incidents.NoteIncident.as_view(), name="api-incident-note"),
    path(
        f"{_project}incidents/<int:number>/snooze/", api_incidents.SnoozeIncident.as_view(), name="api-incident-snooze"
    ),
    path(f"{_project}incidents/<int:number>/close/", api_incidents.CloseIncident.as_view(), name="api-incident-close"),
    path(f"{_project}retrainings/", api.Retrainings.as_view(), name="api-retrainings"),
    path(f"{_project}retrainings/<uuid:identifier>/", api.RetrainingDetail.as_view(), name="api-retraining"),
]
