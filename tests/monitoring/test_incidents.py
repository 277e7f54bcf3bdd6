"""Incidents and how alerts speak, with the database: one world, in which the change of the sample's story comes in."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from audit.models import Entry
from experiments.models.cases import EdgeCase
from monitoring import demo_story, rules
from monitoring.models import Alert, Incident, Window
from monitoring.queries.speaking import speaking_of
from monitoring.services import alerts, incidents, speaking, windows
from monitoring.services.monitors import PLATFORM, check_now
from notices.models import Notice
from problems.problem import Conflict, Invalid
from projects.permissions import Role
from tests.monitoring.world import START, Live

MOVED = rules.Matter("input_drift", "plan", "watch", "plan moved.")
LOST = rules.Matter("money_lost", "", "act", "About € 1 240 a week are being lost.")


def window_of(live: Live) -> Window:
    return Window.objects.create(
        monitor=live.monitor, release=live.release, from_at=START, to_at=START + timedelta(hours=1), rows=500
    )


def settings(live: Live, **changes: Any) -> None:
    values = {"rules": {}, "quiet": {}, "escalate_hours": 24, "reason": "As agreed."} | changes
    last = live.monitor.alert_settings.first()
    speaking.change_settings(
        live.monitor, **values, seen=last.version if last else 0, by=live.cast[Role.MLOPS_ENGINEER]
    )


def test_an_incident_holds_what_opens_while_it_is_open_and_closes_with_the_last(live: Live) -> None:
    window, person = window_of(live), live.cast[Role.MLOPS_ENGINEER]
    first, second = (windows.raise_alert(live.monitor, one, window=window, by=PLATFORM) for one in (MOVED, LOST))
    incident = Incident.objects.get()
    assert first.incident == second.incident == incident
    incidents.take_incident(incident, by=person)
    assert set(Alert.objects.values_list("state", "taken_by")) == {("taken", person.pk)}
    with pytest.raises(Conflict, match="took this incident"):
        incidents.take_incident(incident, by=live.cast[Role.ML_ENGINEER])
    alerts.close_alert(first, note="Expected.", by=person)
    incident.refresh_from_db()
    assert incident.closed_at is None
    alerts.close_alert(second, note="Paid back.", by=person)
    incident.refresh_from_db()
    assert (incident.closed_at is None, "Paid back." in incident.closing_note) == (False, True)
    third = windows.raise_alert(live.monitor, MOVED, window=window, by=PLATFORM)
    assert third.incident != incident
    incidents.close_incident(third.incident, note="The Flex plan was launched.", by=person)
    third.refresh_from_db()
    assert (third.state, third.closing_note) == ("closed", "The Flex plan was launched.")
    with pytest.raises(Conflict, match="closed already"):
        incidents.snooze_incident(third.incident, hours=3, by=person)


def test_quiet_hours_hold_what_is_to_look_at_and_tell_it_at_their_end(live: Live) -> None:
    hour = timezone.now().hour
    night = {"zone": "UTC", "start": f"{hour:02}:00", "end": f"{(hour + 2) % 24:02}:00"}
    settings(live, quiet=night, rules={"input_drift": {"owner": "data_engineer"}})
    window = window_of(live)
    held = windows.raise_alert(live.monitor, MOVED, window=window, by=PLATFORM)
    loud = windows.raise_alert(live.monitor, LOST, window=window, by=PLATFORM)
    assert held.held_until is not None
    assert loud.held_until is None
    assert set(Notice.objects.values_list("text", flat=True)) == {f"Alert {loud.number}: {LOST.sentence}"}
    assert live.cast[Role.PRODUCT_MANAGER].pk in Notice.objects.values_list("recipient_id", flat=True)
    assert alerts.tell_held() == 0
    Alert.objects.filter(pk=held.pk).update(held_until=timezone.now())
    assert alerts.tell_held() == 1
    told = Notice.objects.filter(text__contains="came in quiet hours: plan moved.")
    assert live.cast[Role.DATA_ENGINEER].pk in told.values_list("recipient_id", flat=True)
    settings(live, escalate_hours=2, quiet=night | {"act_speaks": False})
    Alert.objects.update(opened_at=timezone.now() - timedelta(hours=3))
    assert alerts.escalate() == 0  # it is night
    settings(live, escalate_hours=2)
    assert alerts.escalate() == 1
    assert Entry.objects.filter(name="alert_settings.changed").count() == 3
    with pytest.raises(Conflict, match="Somebody changed"):
        speaking.change_settings(
            live.monitor, rules={}, quiet={}, escalate_hours=1, seen=1, reason="x", by=live.cast[Role.OWNER]
        )
    with pytest.raises(Invalid):
        settings(live, reason=" ")


def test_drift_becomes_an_incident_with_its_cause_and_its_first_row_an_edge_case(
    live: Live, client: Client, run_jobs: Any
) -> None:
    settings(live, rules={"new_values": {"count": 2, "period": 2}})
    begin = timezone.now() - timedelta(hours=2)
    piece = live.answered(demo_story.week(5), start=begin)
    operator, key = live.cast[Role.MLOPS_ENGINEER], live.cast.project.key
    check_now(live.monitor, by=operator)
    assert [job.state for job in run_jobs()] == ["succeeded"]
    assert not Alert.objects.filter(rule="new_values").exists()  # seen once; it opens with the second time
    live.answered(demo_story.week(6), start=begin + timedelta(hours=1))
    check_now(live.monitor, by=operator)
    assert [job.state for job in run_jobs()] == ["succeeded"]
    alert = Alert.objects.get(rule="new_values")
    assert alert.subject == "contract_type"
    client.force_login(operator)
    found = client.get(f"/api/v1/projects/{key}/incidents/{alert.incident.number}/").json()
    cause = found["cause"]
    assert cause["inputs"][0]["name"] == "contract_type"
    assert (cause["first"]["value"], cause["first"]["id"] in piece.ids) == ("flex", True)
    page = client.get(f"/p/{key}/incidents/{alert.incident.number}/").content.decode()
    assert "Where it comes from" in page
    assert "Put the first row" not in page  # writing the book is no operator's right
    client.force_login(live.cast[Role.DATA_SCIENTIST])
    page = client.get(f"/p/{key}/incidents/{alert.incident.number}/").content.decode()
    link = page.split('href="/p/churn/cases/new/', 1)[1].split('"', 1)[0].replace("&amp;", "&")
    form = client.get(f"/p/{key}/cases/new/{link}").content.decode()
    assert 'value="flex"' in form or ">flex<" in form
    assert client.get(f"/p/{key}/cases/new/?deployment=churn-classifier&prediction=nonsense").status_code == 404
    assert not EdgeCase.objects.exists()


def test_pages_and_rest_refuse_what_is_wrong_and_say_where(live: Live, client: Client) -> None:
    windows.raise_alert(live.monitor, MOVED, window=window_of(live), by=PLATFORM)
    number, key = Incident.objects.get().number, live.cast.project.key
    client.force_login(live.cast[Role.MLOPS_ENGINEER])
    page, rest = f"/p/{key}/incidents/{number}/", f"/api/v1/projects/{key}/incidents/{number}/"
    assert client.post(f"{page}close/", {"note": ""}).status_code == 422
    assert client.post(f"{page}snooze/", {"hours": 0}).status_code == 422
    assert client.post(f"{page}note/", {"text": "Asked billing."}).status_code == 302
    assert "Asked billing." in client.get(page).content.decode()
    assert client.post(f"{rest}notes/", {"text": "It was billing."}, "application/json").status_code == 201
    kinds = {line["kind"] for line in client.get(rest).json()["timeline"]}
    assert {"note", "alert"} <= kinds
    settings_page = f"/p/{key}/monitor/churn-classifier/alert-settings/"
    api = f"/api/v1/projects/{key}/monitors/churn-classifier/alert-settings/"
    assert client.get(settings_page).status_code == client.get(api).status_code == 200
    body = {"rules": {"no_data": {"count": 3, "period": 2}}, "seen": 0, "reason": "x"}
    assert client.post(api, body, "application/json").status_code == 422
    body["rules"] = {"no_data": {"count": 2, "period": 3, "severity": "watch"}}
    assert client.post(api, body, "application/json").status_code == 201
    assert client.post(api, body, "application/json").status_code == 409
    assert speaking_of(live.monitor).severity("no_data", "act") == "watch"
    client.force_login(live.cast[Role.DATA_ANALYST])
    assert client.post(f"{rest}take/").status_code == 403
    assert client.post(api, body, "application/json").status_code == 403
    assert client.get(f"/p/other/incidents/{number}/").status_code == 404
