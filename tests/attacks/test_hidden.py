"""A marker in sensitive columns, planted wherever the rooms keep values: no GET of any route tells it without the right."""

import json
from collections.abc import Callable
from typing import Any

import orjson
import pyarrow as pa
import pytest
from django.apps import apps
from django.test import Client
from django.utils import timezone

from accounts.models import User
from audit.actors import Machine
from audit.services import record
from datasets.models.tags import ColumnTag
from datasets.models.versions import Version
from deployments.models import Release, Segment
from deployments.sealing import SCHEMA
from experiments.models.cases import EdgeCaseResult, EdgeCaseRevision
from experiments.models.evaluations import Evaluation
from experiments.models.runs import Run
from jobs.models import Job, Line
from monitoring.models import Alert, Retraining, Window
from notices.services import tell
from projects.permissions import Role
from storage import blobs, tables
from tests.attacks.world import ROOMS, Things, address, has_project, make_things
from tests.conftest import Cast
from tests.deployments import stage
from web.endpoints import routes

MARK = "zqx7marker"
WITHOUT = ["/", "/jobs/", "/alerts/", "/models/", "/data/", "/inbox/", "/api/v1/catalog/"]
SAID = f"Only 3 rows have “plan” = “{MARK}”."
SENTENCE = f"17 of 100 rows have a value of plan that this model has never seen: “{MARK}”."


def _marked(value: Any) -> Any:
    """Any stored answer with the marker in the place of one value of the column `plan`."""
    return json.loads(json.dumps(value).replace('"flex"', f'"{MARK}"'))


def _entry() -> dict[str, Any]:
    return {"name": "plan", "type": "text", "rows": 90, "all_rows": 100, "rows_reference": 400, "psi": 0.4, "js": 0.2,
            "ks": None, "chance": 0.01, "missing": 0.1, "missing_reference": 0.0, "new_share": 0.17,
            "new": [{"value": MARK, "count": 17}], "labels": ["year", MARK], "reference": [0.5, 0.5], "now": [0.2, 0.8],
            "change": f"“{MARK}” rose from 50 to 80 of 100", "weight": 0.4, "state": "act"}  # fmt: skip


def _plant(cast: Cast, things: Things) -> None:
    """What each room keeps of a model that learned from the column, as it keeps it."""
    version, run = things["datasets.version"], things["experiments.run"]
    Version.objects.filter(pk=version.pk).update(profile=_marked(version.profile))
    gap = {"value": 0.1, "low": 0.0, "high": 0.2, "n": 80, "note": "", "groups": [
        {"name": name, "rows": 40, "value": 0.5, "low": 0.4, "high": 0.6} for name in (MARK, "year")]}  # fmt: skip
    evaluation = _marked(run.evaluation)
    signature = evaluation["signature"] | {"positive": MARK, "negative": f"{MARK}2"}
    evaluation |= {"positive": MARK, "negative": f"{MARK}2", "signature": signature}
    metrics = run.metrics | {"gap of recall@plan 30": gap}
    verdict = {"name": "Fair", "kind": "fairness", "metric": "recall", "direction": "at_most", "threshold": 0.1,
               "column": "plan", "least_group": 30, "verdict": "close", "words": "", "sentence": "", "value": 0.1,
               "low": 0.0, "high": 0.2, "n": 80}  # fmt: skip
    told = {"evaluation": evaluation, "metrics": metrics, "spec": run.spec | {"positive": MARK}, "message": SAID}
    Run.objects.filter(pk=run.pk).update(**told, verdicts=[verdict], cause_text=SENTENCE, cause="retraining")
    failed = {"state": "failed", "number": 90, "bundle": None, "method": "", "evaluation": {}, "metrics": {}}
    Run.objects.create(project=cast.project, data=version, spec=told["spec"], message=SAID,
                       created_by=cast[Role.ML_ENGINEER], **failed)  # fmt: skip
    judged = things["experiments.evaluation"]
    found = _marked(judged.found) | {"positive": MARK, "negative": f"{MARK}2"}
    found["metrics"] |= {"gap of recall@plan 30": gap}
    found["rival"] = {"reason": SAID}
    found["examples"] = [one | {"truth": MARK} for one in found["examples"]]
    Evaluation.objects.filter(pk=judged.pk).update(found=found, message=SAID)
    case = things["experiments.edgecaserevision"]
    EdgeCaseRevision.objects.filter(pk=case.pk).update(row=stage.ROW | {"plan": MARK}, answer=MARK)
    EdgeCaseResult.objects.update(said=f"{MARK}, with a chance of 80%")
    window = things["monitoring.window"]
    answers = _entry() | {"name": "answers", "positive": MARK, "positive_share": 0.3, "positive_share_reference": 0.2}
    joined = {"joined": 80, "answered": 100, "needed": 30, "metrics": metrics, "training": metrics}
    Window.objects.filter(pk=window.pk).update(
        rows=100, enough=True, inputs=[_entry()], answers=answers, performance=joined
    )
    alert = things["monitoring.alert"]
    Alert.objects.filter(pk=alert.pk).update(sentence=SENTENCE, subject="plan", rule="new_values", window=window)
    compared = {"finding": "Better.", "sets": [{"name": "recent", "rows": 80, "targets": [],
                "metrics": {"champion": metrics, "challenger": metrics}}]}  # fmt: skip
    Retraining.objects.update(cause=SENTENCE, message=SAID, comparison=compared, state="compared")
    by = Machine("training")
    for name, facts in (("run.failed", {"run": 90, "message": SAID}), ("alert.opened", {"sentence": SENTENCE}),
                        ("run.started", {"run": 90, "spec": told["spec"]}), ("retraining.started", {"cause": SENTENCE}),
                        ("data.load_failed", {"reason": SAID}), ("recipe.run_failed", {"reason": SAID})):  # fmt: skip
        record(by, name, alert if name == "alert.opened" else run, project_key=cast.project.key, **facts)
    for model in [one for room in ROOMS for one in apps.get_app_config(room).get_models()]:
        if "message" in {column.name for column in model._meta.fields} and model not in (Run, Retraining, Evaluation):
            states = [column for column in model._meta.fields if column.name == "state"]
            state = "failed" if states and "failed" in dict(states[0].flatchoices) else None
            model._default_manager.update(message=SAID, **({"state": state} if state else {}))
    for role in (Role.VIEWER, Role.ML_ENGINEER, Role.DATA_SCIENTIST):
        tell([cast[role].pk], SAID, url="/", project_key=cast.project.key, kind="work")
    Release.objects.update(state="champion")
    _plant_jobs(cast, things)
    _answer(things)


def _plant_jobs(cast: Cast, things: Things) -> None:
    for subject in (things["experiments.run"], things["monitoring.monitor"], things["datasets.version"]):
        job = Job.objects.create(kind="experiments.train", title="Work", subject_type=subject._meta.label_lower,
            subject_id=str(subject.pk), project_key=cast.project.key, state="failed", message=SAID,
            history=[{"attempt": 1, "message": SAID, "code": "x"}])  # fmt: skip
        Line.objects.create(job=job, attempt=1, text=f"ValueError: could not convert {MARK}")
    busy = Job.objects.create(kind="experiments.train", title="Busy", project_key=cast.project.key, state="running",
                              progress_text=f"at “{MARK}”", lease_expires_at=timezone.now())  # fmt: skip
    Line.objects.create(job=busy, attempt=1, text=SAID)


def _answer(things: Things) -> None:
    """One logged prediction about a row with the marker."""
    segment = things["deployments.segment"]
    row = {"id": things.prediction, "at": segment.last_at, "release": str(things["deployments.release"].pk),
           "version": 1, "latency_ms": 4.2, "answer": json.dumps(MARK), "number": None, "probability": 0.8,
           "row": orjson.dumps(stage.ROW | {"plan": MARK}).decode(), "unknown": 0, "baseline": json.dumps(MARK)}  # fmt: skip
    table = pa.Table.from_pylist([row], SCHEMA)
    path = blobs.temporary_folder() / f"{segment.pk}.parquet"
    tables.write(path, table.schema, table.to_batches())
    Segment.objects.filter(pk=segment.pk).update(table=blobs.put_file(path))


@pytest.fixture
def planted(cast: Cast) -> Things:
    """The world with the marker in it, the column and the target tagged only afterwards, as people do."""
    things = make_things(cast.project, cast[Role.OWNER], 1)
    _plant(cast, things)
    ColumnTag.objects.filter(dataset__project=cast.project).delete()
    for column in ("plan", "left"):
        ColumnTag.objects.create(dataset=things["datasets.dataset"], column=column, kind="personal")
    return things


def _addresses(things: Things) -> list[str]:
    found = [address(route, things) for route in routes() if "GET" in route.actions and has_project(route)]
    key = things.project.key
    jobs = [str(pk) for pk in Job.objects.filter(project_key=key).values_list("pk", flat=True)]
    found += [f"/api/v1/projects/{key}/jobs/{pk}/{part}" for pk in jobs for part in ("", "log/")]
    found += [f"/p/{key}/jobs/{pk}/" for pk in jobs] + [f"/p/{key}/runs/90/", f"/p/{key}/runs/new/?target=left"]
    found += [f"/p/{key}/compare/?runs={things['experiments.run'].number}&diff=0", *WITHOUT]
    found += [f"/p/{key}/monitor/{things['deployments.deployment'].name}/?input=plan"]
    return list(dict.fromkeys(found))


@pytest.mark.once  # values are hidden after the database has given them
@pytest.mark.parametrize("role", [Role.VIEWER, Role.ML_ENGINEER])
def test_no_page_or_answer_of_any_room_tells_a_value_without_the_right(
    role: Role, cast: Cast, planted: Things, browser_of: Callable[[User], Client], api_of: Callable[..., Client]
) -> None:
    def telling(person: User) -> list[str]:
        clients = {True: api_of(person), False: browser_of(person)}
        answers = {path: clients[path.startswith("/api/")].get(path) for path in _addresses(planted)}
        broken = [path for path, answer in answers.items() if answer.status_code >= 500]
        assert broken == []
        return [path for path, answer in answers.items() if MARK.encode() in _content(answer)]

    found = telling(cast[role])
    sought = f"activity/?q={MARK}"
    assert api_of(cast[role]).get(f"/api/v1/projects/{cast.project.key}/{sought}").json()["results"] == []
    assert "retraining.started" not in browser_of(cast[role]).get(f"/p/{cast.project.key}/{sought}").content.decode()
    assert found == [], "\n".join(found)
    if role == Role.VIEWER:
        assert api_of(cast[Role.DATA_SCIENTIST]).get(f"/api/v1/projects/{cast.project.key}/{sought}").json()["results"]
        told = telling(cast[Role.DATA_SCIENTIST])
        rooms = (
            "/runs/",
            "/compare/",
            "/deployments/",
            "/predictions/",
            "/monitor",
            "/alerts/",
            "/retrainings/",
            "/jobs/",
            "/activity/",
            "/inbox/",
        )
        assert [room for room in rooms if not any(room in path for path in told)] == [], told


def _content(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content
