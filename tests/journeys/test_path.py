"""The whole path over HTTP, with real worker, scheduler and prediction processes, for a yes-or-no question and a number."""

import csv
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from projects.permissions import Role
from tests.journeys.team import Team, make_team, ok
from tests.live import Http, Instance, until


@dataclass(frozen=True)
class Story:
    """One question with its data."""

    key: str
    name: str
    question: str
    kind: str
    file: str
    dataset: str
    target: str
    run: dict[str, Any]
    targets: list[dict[str, Any]]
    rows: int
    moved: dict[str, Any]


CHURN = Story(
    key="telco",
    name="Telco churn",
    question="Which customers will leave?",
    kind="binary",
    file="tabular/telco_churn.csv",
    dataset="customers",
    target="Churn",
    run={"target": "Churn", "positive": "Yes"},
    targets=[
        {"metric": "recall", "direction": "at_least", "threshold": 0.4, "deciding": True},
        {"metric": "roc_auc", "direction": "at_least", "threshold": 0.75},
    ],
    rows=7043,
    moved={"Contract": "Flex", "MonthlyCharges": 190.0},
)
BIKES = Story(
    key="bikes",
    name="Bike sharing",
    question="How many bikes will be rented in an hour?",
    kind="regression",
    file="timeseries/bike_sharing_hourly.csv",
    dataset="hours",
    target="count",
    run={"target": "count"},
    targets=[{"metric": "mae", "direction": "at_most", "threshold": 80, "unit": "bikes", "deciding": True}],
    rows=17379,
    moved={"temp": 9.9},
)


# What a number needs beyond a yes or no is not of the database: the second story is told once.
@pytest.mark.parametrize(
    "story", [pytest.param(CHURN, id="telco"), pytest.param(BIKES, id="bikes", marks=pytest.mark.once)]
)
def test_the_loop_turns_once(story: Story, live: Instance, admin: Http, sample_data: Path) -> None:
    team = make_team(live, admin, key=story.key, name=story.name, question=story.question, kind=story.kind)
    define(team, story)
    load(team, story, sample_data)
    run = train(team, story)
    name = promote(team, story, run)
    ids = predict(team, story, name, sample_data)
    watch(team, story, name, ids)


def define(team: Team, story: Story) -> None:
    """The business analyst writes the problem and its targets, and signs them in the browser, never by token."""
    words = {"version": 0, "problem": "It costs us.", "decision": "We act sooner.", "prediction": story.question}
    team.put(Role.BUSINESS_ANALYST, "charter/", words | {"harmed": "Nobody we know of."})
    team.put(Role.BUSINESS_ANALYST, "contract/", {"targets": story.targets})
    assert team.as_(Role.DATA_SCIENTIST).put(team.path("contract/"), {"targets": story.targets}).status == 403
    assert team.as_(Role.BUSINESS_ANALYST).post(f"/p/{story.key}/define/sign/", {}).status in (302, 403)
    browser = team.browsers[Role.BUSINESS_ANALYST]
    page = browser.get(f"/p/{story.key}/define/")
    seen = team.get(Role.BUSINESS_ANALYST, "contract/")["fingerprint"]
    assert page.status == 200
    signed = browser.post(f"/p/{story.key}/define/sign/", form={"seen": seen})
    assert signed.status == 302, signed.text[:800]
    assert team.get(Role.VIEWER, "contract/")["in_force"]["signed_by"] == "Business analyst"


def load(team: Team, story: Story, sample_data: Path) -> None:
    """The data engineer uploads the file, a job reads it, the version is published."""
    engineer = team.as_(Role.DATA_ENGINEER)
    content = (sample_data / story.file).read_bytes()
    address = team.path(f"datasets/{story.dataset}/uploads/")
    refused = team.as_(Role.VIEWER).post(address, form={}, files={"file": ("a.csv", content[:2000])})
    assert refused.status == 403
    sent = ok(engineer.post(address, form={}, files={"file": (Path(story.file).name, content)}), 202)
    team.wait(sent["job"])
    version = team.get(Role.DATA_ENGINEER, f"datasets/{story.dataset}/versions/1/")
    assert version["rows"] == story.rows
    assert version["refused_rows"] == 0
    if story is CHURN:
        columns = {column["name"]: column for column in version["profile"]["columns"]}
        assert columns["TotalCharges"]["missing"] == 11
        assert columns["TotalCharges"]["type"] == "number"
        assert "TotalCharges" in str(version["report"]), "the blanks are reported"
    team.post(Role.DATA_ENGINEER, f"datasets/{story.dataset}/versions/1/publish/")
    again = engineer.post(team.path(f"datasets/{story.dataset}/versions/1/publish/"), {})
    assert again.status == 409


def train(team: Team, story: Story) -> int:
    """The data scientist trains with defaults; the yardstick runs beside; every target has a verdict."""
    body = dict(story.run)
    if story is BIKES:
        known = {column["name"] for column in team.get(Role.VIEWER, "datasets/hours/versions/1/")["schema"]}
        body["inputs"] = sorted(known - {"count", "casual", "registered", "instant", "date"})
    assert team.as_(Role.VIEWER).post(team.path("runs/"), body).status == 403
    started = team.post(Role.DATA_SCIENTIST, "runs/", body, 202)
    team.wait(started["job"], 240)
    run = team.get(Role.DATA_SCIENTIST, f"runs/{started['run']}/")
    assert run["state"] == "finished"
    assert "dummy" in run["evaluation"]["methods"]
    assert [verdict["verdict"] for verdict in run["verdicts"]] == ["met"] * len(story.targets), run["verdicts"]
    for metric in run["metrics"].values():
        if metric["value"] is not None:
            assert metric["low"] <= metric["value"] <= metric["high"]
    return int(run["number"])


def promote(team: Team, story: Story, run: int) -> str:
    """409 names what is missing until the business analyst and the ML engineer have signed in the browser; then 202."""
    name = f"{story.key}-model"
    team.post(Role.DATA_SCIENTIST, f"runs/{run}/register/", {"name": name, "reason": "It meets the targets."}, 201)
    address = f"models/{name}/versions/1/promote/"
    asked = {"to": "production", "comment": "The first one."}
    assert team.as_(Role.DATA_SCIENTIST).post(team.path(address), asked).status == 403
    blocked = team.post(Role.MLOPS_ENGINEER, address, asked, 409)  # whoever asks does not sign
    assert {"signature:business_analyst", "signature:ml_engineer"} <= set(blocked["blocked_by"])
    until(lambda: not checks_waiting(team, address, asked), 180, "the gate's checks")
    for role in (Role.BUSINESS_ANALYST, Role.ML_ENGINEER):
        sign_gate(team, name, role)
    promoted = team.post(Role.ML_ENGINEER, address, asked, 202)
    team.wait(promoted["job"])
    assert team.get(Role.VIEWER, f"deployments/{name}/")["version"] == 1
    return name


def checks_waiting(team: Team, address: str, asked: dict[str, Any]) -> bool:
    """Whether the gate still waits for the platform's own checks."""
    blocked = team.post(Role.ML_ENGINEER, address, asked, 409)["blocked_by"]
    return any(item.startswith("check:") for item in blocked)


def sign_gate(team: Team, name: str, role: Role, version: int = 1) -> None:
    """Sign on the model version's page, as a person does."""
    browser = team.browsers[role]
    page = browser.get(f"/p/{team.key}/models/{name}/v{version}/").text
    gate = page.split(f"/p/{team.key}/gates/")[1].split("/")[0]
    reply = browser.post(f"/p/{team.key}/gates/{gate}/sign/", form={"role": role.value, "given": "yes", "reason": ""})
    assert reply.status == 302, reply.text[:800]


def rows_of(story: Story, sample_data: Path, inputs: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """Rows of the file as a caller would send them."""
    rows = []
    with (sample_data / story.file).open(newline="") as file:
        for raw in csv.DictReader(file):
            row: dict[str, Any] = {}
            for field in inputs:
                text = raw[field["name"]].strip()
                if field["type"] in ("integer", "number"):
                    row[field["name"]] = (
                        float(text) if text and field["type"] == "number" else int(text) if text else None
                    )
                elif field["type"] == "boolean":
                    row[field["name"]] = text.lower() in ("true", "1", "yes")
                else:
                    row[field["name"]] = text or None
            rows.append(row)
            if len(rows) == count:
                break
    return rows


def predict(team: Team, story: Story, name: str, sample_data: Path) -> list[str]:
    """A key, one row, many rows with a planted change; refusals name the field; everything is in the log."""
    made = team.post(Role.ML_ENGINEER, f"deployments/{name}/keys/", {"name": "shop", "days": 30}, 201)
    caller = team.live.predictions(made["secret"])
    address = f"/v1/deployments/{name}/predict"
    inputs = team.get(Role.VIEWER, f"models/{name}/versions/1/")["signature"]["inputs"]
    rows = rows_of(story, sample_data, inputs, 600)
    until(lambda: caller.post(address, {"row": rows[0]}).status == 200, 90, "the prediction server has the model")
    one = ok(caller.post(address, {"row": rows[0]}), 200)
    assert (one["model"], one["version"], len(one["predictions"])) == (name, 1, 1)
    number = next(field["name"] for field in inputs if field["type"] in ("integer", "number"))
    wrong = ok(caller.post(address, {"row": rows[0] | {number: "many"}}), 422)
    assert wrong["errors"][0]["field"] == number
    assert team.live.predictions("bk_wrong").post(address, {"row": rows[0]}).status == 401
    moved = [row | {field: value for field, value in story.moved.items() if field in row} for row in rows]
    ids = [item["id"] for item in ok(caller.post(address, {"rows": moved}), 200)["predictions"]]
    found = until(lambda: team.get(Role.MLOPS_ENGINEER, f"deployments/{name}/predictions/")["results"], 90, "the log")
    assert found
    stored = team.get(Role.MLOPS_ENGINEER, f"deployments/{name}/predictions/{ids[0]}/")
    assert stored["id"] == ids[0]
    return ids


def watch(team: Team, story: Story, name: str, ids: list[str]) -> None:
    """Outcomes arrive, the monitor sees the change and raises an alert; retraining starts a run with its cause."""
    truth = {"binary": "Yes", "regression": 120}[story.kind]
    sent = team.post(
        Role.MLOPS_ENGINEER,
        f"deployments/{name}/outcomes/",
        {"outcomes": [{"id": prediction, "value": truth} for prediction in ids[:300]]},
        201,
    )
    assert sent["new"] == 300
    until(lambda: team.as_(Role.MLOPS_ENGINEER).get(team.path(f"monitors/{name}/")).status == 200, 90, "the monitor")
    until(lambda: checked(team, name), 180, "a window with the answers")
    monitor = team.get(Role.MLOPS_ENGINEER, f"monitors/{name}/")
    moved = {entry["name"]: entry for entry in monitor["latest_window"]["inputs"]}
    alerts = until(lambda: team.get(Role.VIEWER, "alerts/")["results"], 90, "an alert")
    assert {alert["subject"] for alert in alerts} & set(story.moved), (alerts, list(moved))
    measured = until(
        lambda: team.get(Role.VIEWER, f"monitors/{name}/")["latest_window"]["performance"].get("metrics"),
        60,
        "measured performance",
    )
    assert measured
    first = alerts[0]["number"]
    assert team.post(Role.MLOPS_ENGINEER, f"alerts/{first}/take/")["state"] == "taken"
    cause = {"cause": "An input moved.", "alert": first}
    started = team.post(Role.MLOPS_ENGINEER, f"monitors/{name}/retrain/", cause, 202)
    run = until(lambda: finished(team, started["run"]), 600, "the challenger", every=0.5)
    assert (run["cause"], run["cause_text"]) == ("retraining", "An input moved.")
    retraining = until(lambda: compared(team, started["retraining"]), 360, "the comparison", every=0.5)
    assert retraining["comparison"]["finding"]
    version = team.post(
        Role.DATA_SCIENTIST, f"runs/{started['run']}/register/", {"name": name, "reason": "The challenger."}, 201
    )
    assert version["version"] == 2
    asked = {"to": "production", "comment": "Retrained."}
    blocked = team.post(Role.ML_ENGINEER, f"models/{name}/versions/2/promote/", asked, 409)
    assert "signature:business_analyst" in blocked["blocked_by"]


def checked(team: Team, name: str) -> bool:
    """Ask for a check; true once a window has enough answers."""
    latest = team.get(Role.MLOPS_ENGINEER, f"monitors/{name}/")["latest_window"]
    if latest and latest["rows"] >= 600:
        return True
    team.as_(Role.MLOPS_ENGINEER).post(team.path(f"monitors/{name}/check/"), {})
    time.sleep(1)
    return False


def finished(team: Team, number: int) -> dict[str, Any] | None:
    """The run when it is finished."""
    run = team.get(Role.DATA_SCIENTIST, f"runs/{number}/")
    assert run["state"] not in ("failed", "cancelled"), run["message"]
    return run if run["state"] == "finished" else None


def compared(team: Team, identifier: str) -> dict[str, Any] | None:
    """The retraining when it is compared."""
    found = team.get(Role.MLOPS_ENGINEER, f"retrainings/{identifier}/")
    assert found["state"] != "failed", found
    return found if found["state"] == "compared" else None
