"""One of everything, twice: two projects with an object of every model, and an address for every route.

New models are filled by the kind of their fields; give one an entry in `CONTENT` when a page needs more than that. New words
in addresses get an entry in `EXAMPLES`.
"""

import datetime as dt
import json
import re
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from django.apps import apps
from django.conf import settings
from django.db import connection, models
from django.utils import timezone

from accounts.models import User
from accounts.one_time import digest
from datasets.profiling import summary
from datasets.writing.catalog import writer_for
from deployments.prediction_ids import new_id
from deployments.sealing import SCHEMA as SEALED
from experiments import judging
from experiments.searching import plans
from jobs.models import Job
from jobs.report import Silent
from projects.models.projects import Project
from projects.risk import QUESTIONS
from storage import blobs, tables
from storage.sealed import seal
from tests.deployments import stage
from web.endpoints import Route

ROOMS = ["jobs", "notices", "accounts", "projects", "datasets", "experiments", "deployments", "monitoring"]
WEBHOOK_SECRET = "whsec_of_the_world"
SOURCE_SECRET = "sealed-of-the-world"
NOT_MADE = {
    "accounts.user",
    "accounts.setuplink",
    "accounts.signintry",
    "jobs.worker",
    "projects.project",
    "projects.membership",
}
SEGMENT = re.compile(r"<(?:(?P<kind>\w+):)?(?P<name>\w+)>")


@dataclass
class Things:
    """One object of every model, all of one project."""

    project: Project
    owner: User
    serial: int
    made: dict[str, models.Model] = field(default_factory=dict)
    prediction: str = ""

    def __getitem__(self, label: str) -> Any:
        return self.made[label]

    @property
    def invitation_secret(self) -> str:
        return f"invite_{self.project.key}_{'s' * 30}"


@cache
def trained() -> stage.Trained:
    """One real training, so that pages of runs and models find what they show. Once for each process."""
    return stage.train(Path(tempfile.mkdtemp(prefix="baton-world-", dir=settings.DATA_DIR)))


@cache
def judged() -> dict[str, Any]:
    """What an evaluation of that training finds."""
    answer = trained().answer
    method = answer["evaluation"]["methods"][answer["method"]]
    about = {"attributes": ["plan"], "importance": ["plan", "months", "charge"], "metric": "recall", "fit_seconds": 0.1}
    spec = trained().spec | about | {"bundle": str(trained().bundle), "table": str(trained().table)}
    spec |= {"method": answer["method"], "settings": method["settings"], "run": "run 1", "schema": stage.SCHEMA}
    spec |= {"kind": "binary", "goals": [], "unit": ""}
    return judging.run(spec, Path(tempfile.mkdtemp(dir=settings.DATA_DIR)), Silent())


@cache
def profile() -> dict[str, Any]:
    """What the reader of files would say about the rows of that training."""
    return summary.profile(trained().table, stage.SCHEMA, Path(tempfile.mkdtemp(dir=settings.DATA_DIR)), Silent())


def _segment(things: Things) -> dict[str, Any]:
    """A sealed piece of the prediction log with one answer."""
    at = timezone.now()
    things.prediction = new_id(settings.SERVING_KEY, things["deployments.deployment"].name, at.timestamp())
    row = {
        "id": things.prediction,
        "at": at,
        "release": str(things["deployments.release"].pk),
        "version": things["experiments.modelversion"].number,
        "latency_ms": 4.2,
        "answer": '"yes"',
        "number": None,
        "probability": 0.8,
        "row": json.dumps(stage.ROW),
        "unknown": 0,
    }
    table = pa.Table.from_pylist([row], SEALED)
    path = Path(tempfile.mkdtemp(dir=settings.DATA_DIR)) / "segment.parquet"
    tables.write(path, table.schema, table.to_batches())
    return {"table": blobs.put_file(path), "rows": 1, "first_at": at, "last_at": at}


def _run(things: Things) -> dict[str, Any]:
    answer = trained().answer
    return {
        "number": 40 + things.serial,
        "spec": trained().spec | {"tuning": plans.checked({"trials": 2}, trained().spec["methods"])},
        "state": "finished",
        "method": answer["method"],
        "metrics": answer["metrics"],
        "evaluation": answer["evaluation"],
        "environment": answer["environment"],
        "bundle": blobs.put_file(trained().bundle),
        "copied_from": None,
    }


# What a field of a model must hold so that pages can show it. The rest is filled by kind.
def _place() -> dict[str, Any]:
    """A table that nobody keeps: its address is closed."""
    given = {
        "host": "127.0.0.1",
        "port": 9,
        "database": "shop",
        "user": "writer",
        "schema": "reports",
        "table": "orders",
    }
    return {name: value for name, value in writer_for("postgresql").read(given).items() if name != "password"}


CONTENT: dict[str, Callable[[Things], dict[str, Any]]] = {
    "jobs.job": lambda t: {"project_key": t.project.key, "kind": "datasets.ingest", "title": "Reading a file"},
    "notices.notice": lambda t: {"recipient_id": t.owner.pk, "url": "/", "project_key": t.project.key},
    "accounts.apitoken": lambda t: {"user": t.owner, "digest": digest(f"token {t.project.key}")},
    "accounts.group": lambda t: {"name": f"Group {t.serial}"},
    "projects.grouprole": lambda t: {"role": "viewer"},
    "projects.invitation": lambda t: {
        "email": f"guest-{t.serial}@example.org",
        "roles": ["viewer"],
        "digest": digest(t.invitation_secret),
        "expires_at": timezone.now() + dt.timedelta(days=7),
    },
    "projects.contract": lambda t: {"version": 1, "signed_by": None},
    "projects.target": lambda t: {
        "position": 1,
        "metric": "recall",
        "direction": "at_least",
        "threshold": 0.7,
        "deciding": True,
    },
    "projects.baseline": lambda t: {"spec": {"kind": "constant", "answer": "no"}},
    "projects.policy": lambda t: {"version": 30 + t.serial, "threshold": 0.4, "person_low": 0.3, "person_high": 0.5},
    "projects.gate": lambda t: {
        "subject_type": "experiments.modelversion",
        "subject_id": str(t.made["experiments.modelversion"].pk),
        "subject_url": f"/p/{t.project.key}/models/{t['experiments.model'].name}/v{t['experiments.modelversion'].number}/",
        "environment": "production",
        "roles": ["business_analyst", "ml_engineer"],
        "checks": [],
    },
    "projects.signature": lambda t: {"role": "business_analyst", "user": t.owner, "given": True},
    "projects.handoff": lambda t: {
        "number": 60 + t.serial,
        "round": 1,
        "from_role": "owner",
        "to_role": "owner",  # so that the owner of the sweeps may answer it
        "state": "offered",
        "offered_by": t.owner,
    },
    "projects.binned": lambda t: {
        "project": t.project,
        "project_key": t.project.key,
        "kind": "run",
        "subject_id": str(t["experiments.run"].pk),
        "name": f"run of {t.project.key}",
        "deleted_at": timezone.now(),
        "purge_at": timezone.now() + dt.timedelta(days=30),
    },
    "projects.export": lambda t: {"state": "done", "expires_at": timezone.now() + dt.timedelta(days=7)},
    "projects.import": lambda t: {"state": "done", "key": f"brought-{t.serial}", "file": None},
    "projects.round": lambda t: {"number": 30 + t.serial, "opened_at": timezone.now(), "closed_at": timezone.now()},
    "projects.question": lambda t: {
        "number": 30 + t.serial,
        "subject_type": "project",
        "subject_id": t.project.key,
        "subject_url": f"/p/{t.project.key}/",
        "resolved_by": None,
    },
    "projects.reply": lambda t: {"text": "It is so."},
    "projects.revision": lambda t: {"reply": None},
    "projects.task": lambda t: {"number": 30 + t.serial, "assignee": t.owner, "closed_by": None},
    "projects.decision": lambda t: {"number": 30 + t.serial, "options": ["this", "that"]},
    "projects.webhook": lambda t: {
        "name": f"room-{t.serial}",
        "origin": "http://127.0.0.1:9",
        "sealed_url": seal("http://127.0.0.1:9/hook"),
        "sealed_secret": seal(WEBHOOK_SECRET),
        "patterns": ["*"],
    },
    "projects.delivery": lambda t: {"event": "gate.signed", "state": "dead", "seq": None},
    "projects.charterversion": lambda t: {"number": 50 + t.serial, "texts": {"problem": "They leave."}},
    "projects.requirement": lambda t: {"number": 30 + t.serial},
    "projects.riskanswers": lambda t: {
        "answers": {question.key: question.choices[0].value for question in QUESTIONS},
        "reasons": [],
    },
    "projects.waiver": lambda t: {"check_key": "targets", "kind": "waived", "until": timezone.localdate()},
    "datasets.dataset": lambda t: {"name": f"table-{t.serial}"},
    "datasets.version": lambda t: {
        "number": 2 + t.serial,
        "rows": 400,
        "table": blobs.put_file(trained().table),
        "schema": stage.SCHEMA,
        "profile": profile(),
        "state": "published",
        "report": {},
    },
    "datasets.columntag": lambda t: {"column": "plan", "kind": "none"},
    "datasets.export": lambda t: {
        "format": "csv",
        "state": "done",
        "file": t["datasets.version"].table,
        "expires_at": timezone.now() + dt.timedelta(days=7),
    },
    "datasets.feed": lambda t: {
        "digest": digest(f"feed {t.project.key}"),
        "expires_at": timezone.now() + dt.timedelta(days=7),
    },
    "datasets.ingestion": lambda t: {"file_name": "customers.csv", "state": "read"},
    "datasets.source": lambda t: {
        "name": f"source-{t.serial}",
        "connector": "url",
        "params": {"address": "http://127.0.0.1:9/rows.csv", "auth": "bearer", "user": None, "key_name": None},
        "sealed": {"secret": seal(SOURCE_SECRET).decode()},
        "at": "02:00",
        "decided_by": None,
    },
    "datasets.destination": lambda t: {
        "name": f"warehouse-{t.serial}",
        "connector": "postgresql",
        "params": _place(),
        "sealed": {"password": seal(SOURCE_SECRET).decode()},
        "mode": "append",
        "when": "click",
        "decided_by": None,
    },
    "datasets.writing": lambda t: {"state": "done", "mode": "append", "number": 1, "revision": 1, "seconds": 0.5},
    "datasets.pull": lambda t: {"state": "made", "revision": 1, "version": None},
    "datasets.pullfile": lambda t: {"name": "rows.csv"},
    "datasets.recipe": lambda t: {"name": f"recipe-{t.serial}"},
    "datasets.recipeversion": lambda t: {
        "number": 1,
        "steps": [{"kind": "sample_rows", "params": {"percent": 50.0, "seed": 1}}],
    },
    "datasets.preparation": lambda t: {"learned_from": None, "state": "done", "report": []},
    "datasets.preparationinput": lambda t: {"key": ""},
    "datasets.qualityrule": lambda t: {"number": 60 + t.serial, "kind": "row_count", "params": {"low": 1}},
    "datasets.check": lambda t: {"state": "done"},
    "datasets.checkresult": lambda t: {"verdict": "failed", "severity": "warn", "revision": 1},
    "datasets.rulewaiver": lambda t: {"until": timezone.localdate(), "role": "owner", "revision": 1},
    "datasets.quarantine": lambda t: {
        "made": None,
        "state": "done",
        "rows": 1,
        "table": blobs.put_file(trained().table),
    },
    "datasets.datacontract": lambda t: {
        "number": 1,
        "columns": [{"name": "plan", "type": "text"}],
        "rules": [],
        "fingerprint": "0" * 64,
    },
    "datasets.subscription": lambda t: {"consumer": "training", "role": "", "recipe": None},
    "experiments.run": _run,
    "experiments.model": lambda t: {"name": f"model-{t.serial}"},
    "experiments.modelversion": lambda t: {"number": 6 + t.serial, "bundle": blobs.put_file(trained().bundle)},
    "experiments.alias": lambda t: {"name": f"staging-{t.serial}"},
    "experiments.cardtext": lambda t: {"number": 1},
    "experiments.tuning": lambda t: {"metric": "roc_auc", "ended_at": timezone.now(), "nested": {}},
    "experiments.runrecord": lambda t: {"number": 50 + t.serial, "trial_number": 0, "state": "finished"},
    "experiments.runkey": lambda t: {"kind": "metric", "name": "recall"},
    "experiments.runpoints": lambda t: {"points": 1, "content": bytes(24)},
    "experiments.runview": lambda t: {"name": f"view {t.serial}", "filter": "", "order": "", "columns": ""},
    "experiments.computingprice": lambda t: {"currency": "EUR"},
    "experiments.trial": lambda t: {
        "number": 90 + t.serial,
        "state": "finished",
        "value": 0.7,
        "share": 1.0,
        "folds": [0.7],
        "settings": t["experiments.run"].spec["methods"]["logistic"],
    },
    "experiments.evaluation": lambda t: {
        "number": 70 + t.serial,
        "state": "finished",
        "attributes": ["plan"],
        "found": judged(),
        "run": t["experiments.run"],
        "data": t["datasets.version"],
    },
    "experiments.edgecase": lambda t: {"number": 80 + t.serial, "owner": t.owner, "retired_at": None},
    "experiments.edgecaserevision": lambda t: {"number": 1, "row": stage.ROW, "answer": "yes"},
    "experiments.edgecaseresult": lambda t: {"passed": True, "checked_at": timezone.now()},
    "experiments.logexperiment": lambda t: {
        "number": 40 + t.serial,
        "name": f"folder-{t.serial}",
        "tags": {"team": "1"},
    },
    "experiments.logrun": lambda t: {"key": f"{t.serial:032x}"},
    "experiments.logmodel": lambda t: {"key": f"m-{t.serial:032x}", "tags": {"team": "1"}, "params": {}, "metrics": []},
    "experiments.logfile": lambda t: {
        "root": f"{40 + t.serial}/{t.serial:032x}/artifacts",
        "path": "notes.txt",
        "blob": blobs.put_file(trained().table),
    },
    "experiments.loginput": lambda t: {"tags": {}},
    "experiments.logname": lambda t: {
        "name": f"name-{t.serial}",
        "aliases": {"champion": 20 + t.serial},
        "last": 20 + t.serial,
    },
    "experiments.logversion": lambda t: {"number": 20 + t.serial, "tags": {"team": "1"}},
    "experiments.logjudged": lambda t: {"path": "model.skops"},
    "experiments.logtrace": lambda t: {"key": f"tr-{t.serial:032x}", "metadata": {}, "tags": {"team": "1"}},
    "deployments.environment": lambda t: {"name": "staging", "signers": [], "datasets": []},
    "deployments.trafficplan": lambda t: {
        "state": "running",
        "steps": [{"percent": 10, "minutes": 60}, {"percent": 50, "minutes": 60}],
        "guards": {},
        "step": 0,
        "sticky": "",
    },
    "deployments.trafficcheck": lambda t: {"findings": [], "counts": {}},
    "deployments.tally": lambda t: {"counts": {}, "step": 0, "role": "canary"},
    "deployments.deployment": lambda t: {"name": f"service-{t.serial}", "environment": "production"},
    "deployments.release": lambda t: {"state": "champion", "started_at": timezone.now()},
    "datasets.eventkey": lambda t: {"digest": digest(f"sender {t.project.key}"), "revoked_at": None},
    "deployments.consumerkey": lambda t: {
        "digest": digest(f"key {t.project.key}"),
        "expires_at": timezone.now() + dt.timedelta(days=90),
        "revoked_at": None,
    },
    "deployments.batchplan": lambda t: {"number": 90 + t.serial, "keep": [], "target": "scored", "ended_at": None},
    "deployments.batchscoring": lambda t: {
        "number": 95 + t.serial,
        "keep": [],
        "state": "done",
        "aside": None,
        "rows": 4,
    },
    "deployments.segment": _segment,
    "monitoring.window": lambda t: {"from_at": timezone.now() - dt.timedelta(hours=1), "to_at": timezone.now()},
    "monitoring.retrainpolicy": lambda t: {
        "version": 60 + t.serial,
        "signed_at": None,
        "signed_by": None,
        "lowered_at": None,
        "window": "all",
        "window_since": None,
    },
    "monitoring.policysignature": lambda t: {"side": "leadership"},
    "monitoring.alertsettings": lambda t: {"version": 1, "rules": {}, "quiet": {}, "escalate_hours": 24},
    "monitoring.incident": lambda t: {"number": 310 + t.serial, "closed_at": None},
    "monitoring.alert": lambda t: {"number": 210 + t.serial, "state": "open", "severity": "act", "held_until": None},
    "monitoring.outcome": lambda t: {"prediction_id": t.prediction, "value": "yes"},
}


def make_things(project: Project, owner: User, serial: int) -> Things:
    """An object of every model of the rooms, linked to each other and to this project."""
    things = Things(project, owner, serial)
    things.made = {"projects.project": project, "accounts.user": owner}
    for room in ROOMS:
        for model in apps.get_app_config(room).get_models():
            if model._meta.label_lower not in NOT_MADE and not model._meta.proxy:
                _need(model, things)
    return things


def _need(model: type[models.Model], things: Things) -> models.Model:
    label = model._meta.label_lower
    if label not in things.made:
        if label == "storage.blob":
            things.made[label] = blobs.put_bytes(f"bytes of {things.project.key}".encode())
        else:
            things.made[label] = _make(model, things)
    return things.made[label]


def _make(model: type[models.Model], things: Things) -> models.Model:
    if model._meta.label_lower in ("projects.gate", "projects.binned"):  # their subjects are known by word and id
        _need(apps.get_model("experiments.ModelVersion"), things)
    wanted = CONTENT.get(model._meta.label_lower, lambda _: {})(things)
    values = {
        column.name: wanted[column.name] if column.name in wanted else _value(column, things)
        for column in model._meta.concrete_fields
        if column.name in wanted or _must_be_filled(column)
    }
    return model._default_manager.create(**values)


def _must_be_filled(column: "models.Field[Any, Any]") -> bool:
    if (
        isinstance(column, models.AutoField)
        or getattr(column, "auto_now", False)
        or getattr(column, "auto_now_add", False)
    ):
        return False
    if isinstance(column, models.ForeignKey):
        return not (column.null and column.related_model in ("self", column.model))
    return not (column.has_default() or column.null or (column.blank and column.empty_strings_allowed))


def _value(column: "models.Field[Any, Any]", things: Things) -> Any:
    if isinstance(column, models.ForeignKey):
        return things.owner if column.related_model is User else _need(column.related_model, things)
    if column.choices:
        return column.flatchoices[0][0]
    for kind, value in (
        (models.DateTimeField, timezone.now()),
        (models.DateField, timezone.now().date()),
        (models.UUIDField, uuid.uuid4()),
        (models.JSONField, {}),
        (models.FloatField, 0.5),
        (models.BooleanField, False),
        (models.BinaryField, b""),
        (models.IntegerField, 1),
        (models.SlugField, f"word-{things.serial}"),
        (models.EmailField, f"person-{things.serial}@example.org"),
    ):
        if isinstance(column, kind):
            return value
    text = uuid.uuid4().hex if column.unique else f"{column.name} of {things.project.key}"
    return text[: column.max_length or None]


def _version_number(things: Things, words: list[str]) -> Any:
    owner = next(word for word in reversed(words) if word in ("datasets", "data", "models"))
    return things["experiments.modelversion" if owner == "models" else "datasets.version"].number


def _member(things: Things, kind: str) -> Any:
    membership = things.project.memberships.filter(user=things.owner).order_by("pk")[0]
    return membership.pk if kind == "int" else membership.user_id


def _asked(things: Things) -> Job:
    """The job of a question to the run's model."""
    payload = {"run": str(things["experiments.run"].pk), "row": stage.ROW}
    given = {"queue": "evaluation", "title": "Ask", "payload": payload}
    return Job.objects.get_or_create(kind="experiments.explain", project_key=things.project.key, defaults=given)[0]


# the literal word before a part of an address -> what stands there
EXAMPLES: dict[str, Callable[[Things, list[str], str], Any]] = {
    "p": lambda t, words, kind: t.project.key,
    "projects": lambda t, words, kind: t.project.key,
    "datasets": lambda t, words, kind: t["datasets.dataset"].name,
    "data": lambda t, words, kind: t["datasets.dataset"].name,
    "explore": lambda t, words, kind: t["datasets.dataset"].name,
    "ingestions": lambda t, words, kind: t["datasets.ingestion"].pk,
    "uploads": lambda t, words, kind: t["datasets.ingestion"].pk,
    "loads": lambda t, words, kind: t["datasets.ingestion"].pk,
    "versions": lambda t, words, kind: _version_number(t, words),
    "v": lambda t, words, kind: _version_number(t, words),
    "sources": lambda t, words, kind: t["datasets.source"].name,
    "destinations": lambda t, words, kind: t["datasets.destination"].name,
    "new-destination": lambda t, words, kind: "postgresql",
    "writes": lambda t, words, kind: t["datasets.writing"].pk,
    "new-source": lambda t, words, kind: "url",
    "resumable": lambda t, words, kind: t["datasets.partialupload"].pk,
    "event-keys": lambda t, words, kind: t["datasets.eventkey"].pk,
    "pulls": lambda t, words, kind: t["datasets.pull"].pk,
    "recipes": lambda t, words, kind: t["datasets.recipe"].name,
    "feeds": lambda t, words, kind: t["datasets.feed"].pk,
    "add": lambda t, words, kind: "row_count" if "quality" in words else "sample_rows",
    "rules": lambda t, words, kind: t["datasets.qualityrule"].number,
    "waive": lambda t, words, kind: t["datasets.qualityrule"].number,
    "subscriptions": lambda t, words, kind: t["datasets.subscription"].pk,
    "steps": lambda t, words, kind: 1,
    "preparations": lambda t, words, kind: t["datasets.preparation"].pk,
    "runs": lambda t, words, kind: t["experiments.run"].number,
    "ask": lambda t, words, kind: _asked(t).pk,
    "models": lambda t, words, kind: t["experiments.model"].name,
    "aliases": lambda t, words, kind: t["experiments.alias"].name,
    "artifacts": lambda t, words, kind: f"{t['experiments.logfile'].root}/notes.txt",
    "logged": lambda t, words, kind: t["experiments.logrun"].record.number,
    "logged-models": lambda t, words, kind: t["experiments.logmodel"].key,
    "traces": lambda t, words, kind: t["experiments.logtrace"].key,
    "tags": lambda t, words, kind: "team",
    "evaluations": lambda t, words, kind: t["experiments.evaluation"].number,
    "views": lambda t, words, kind: t["experiments.runview"].name,
    "cases": lambda t, words, kind: t["experiments.edgecase"].number,
    "environments": lambda t, words, kind: t["deployments.environment"].name,
    "deployments": lambda t, words, kind: t["deployments.deployment"].name,
    "monitor": lambda t, words, kind: t["deployments.deployment"].name,
    "monitors": lambda t, words, kind: t["deployments.deployment"].name,
    "package": lambda t, words, kind: "flask",
    "batches": lambda t, words, kind: t["deployments.batchscoring"].number,
    "batch-plans": lambda t, words, kind: t["deployments.batchplan"].number,
    "keys": lambda t, words, kind: t["deployments.consumerkey"].pk,
    "applications": lambda t, words, kind: t["deployments.consumerkey"].pk,
    "releases": lambda t, words, kind: t["deployments.release"].pk,
    "predictions": lambda t, words, kind: t.prediction,
    "autonomy": lambda t, words, kind: t["monitoring.retrainpolicy"].version,
    "windows": lambda t, words, kind: t["monitoring.window"].pk,
    "alerts": lambda t, words, kind: t["monitoring.alert"].number,
    "incidents": lambda t, words, kind: t["monitoring.incident"].number,
    "retrainings": lambda t, words, kind: t["monitoring.retraining"].pk,
    "jobs": lambda t, words, kind: t["jobs.job"].pk,
    "rounds": lambda t, words, kind: t["projects.round"].number,
    "handoffs": lambda t, words, kind: t["projects.handoff"].number,
    "groups": lambda t, words, kind: t["accounts.group"].pk,
    "exports": lambda t, words, kind: t["datasets.export" if words[-2] == "v" else "projects.export"].pk,
    "imports": lambda t, words, kind: t["projects.import"].pk,
    "bin": lambda t, words, kind: t["projects.binned"].pk,
    "gates": lambda t, words, kind: t["projects.gate"].pk,
    "policies": lambda t, words, kind: t["projects.policy"].version,
    "contracts": lambda t, words, kind: t["projects.contract"].version,
    "targets": lambda t, words, kind: 0 if kind == "int" else t["projects.target"].pk,  # by its place
    "requirements": lambda t, words, kind: t["projects.requirement"].number,
    "links": lambda t, words, kind: t["projects.requirementlink"].pk,
    "stakeholders": lambda t, words, kind: t["projects.stakeholder"].pk,
    "history": lambda t, words, kind: t["projects.charterversion"].number,
    "kpis": lambda t, words, kind: t["projects.kpi"].key,
    "invitations": lambda t, words, kind: t["projects.invitation"].pk,
    "members": lambda t, words, kind: _member(t, kind),
    "team": lambda t, words, kind: _member(t, kind),
    "questions": lambda t, words, kind: t["projects.question"].number,
    "tasks": lambda t, words, kind: t["projects.task"].number,
    "decisions": lambda t, words, kind: t["projects.decision"].number,
    "webhooks": lambda t, words, kind: t["projects.webhook"].pk,
    "deliveries": lambda t, words, kind: t["projects.delivery"].pk,
    "inbox": lambda t, words, kind: t["notices.notice"].pk,
    "tokens": lambda t, words, kind: t["accounts.apitoken"].pk,
    "people": lambda t, words, kind: t.owner.pk,
    "invite": lambda t, words, kind: t.invitation_secret,
    "reset": lambda t, words, kind: "MQ",
    "with": lambda t, words, kind: "nobody",
    "second-step": lambda t, words, kind: 0,
    "sessions": lambda t, words, kind: t["accounts.opensession"].pk,
    "set-up": lambda t, words, kind: "setup_unknown",
}
RANDOM = {
    "uuid": "5f0f3f5e-7f0a-4c7c-9b55-0d6c1c0ffee0",
    "int": "987654",
    "version": "987654",
    "slug": "zzzzz-none",
    "str": "zzzzz-none",
    "path": "zzzzz/none",
}


def address(route: Route, things: Things, *, key: str | None = None, random: bool = False) -> str:
    """The address of a route for the objects of `things`; with another project's `key`, or random objects below it."""
    words: list[str] = []
    parts = []
    for segment in route.pattern.split("/"):
        found = SEGMENT.search(segment)
        if not found:
            words += [segment] if segment else []
            parts.append(segment)
            continue
        if literal := segment[: found.start()]:
            words.append(literal)
        kind, name = found["kind"] or "str", found["name"]
        if name == "key" and key is not None:
            value = key
        elif random and name != "key":
            value = RANDOM[kind]
        else:
            value = _example(route, things, words, kind)
        parts.append(f"{segment[: found.start()]}{value}{segment[found.end() :]}")
    return "/" + "/".join(parts)


def _example(route: Route, things: Things, words: list[str], kind: str) -> str:
    if words[-1] not in EXAMPLES:
        raise LookupError(f"tests/attacks/world.py has no example for “{words[-1]}” in {route.pattern}")
    return str(EXAMPLES[words[-1]](things, words, kind))


def has_project(route: Route) -> bool:
    """Whether the route lies below one project."""
    return "<slug:key>" in route.pattern or ":key>" in route.pattern


def has_object(route: Route) -> bool:
    """Whether it names an object below the project. A place in the project's own list is not one."""
    return (
        has_project(route)
        and len(SEGMENT.findall(route.pattern.replace("<int:place>", "").replace("new-source/<slug:kind>", ""))) > 1
    )


WRITE = re.compile(r"\s*(INSERT|UPDATE|DELETE|REPLACE)\b", re.IGNORECASE)
IGNORED_WRITE = re.compile(r'UPDATE "accounts_apitoken" SET "last_used_at"')


@contextmanager
def written() -> Iterator[list[str]]:
    """Every statement that writes while this is open."""
    found: list[str] = []

    def watch(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if WRITE.match(sql) and not IGNORED_WRITE.match(sql):
            found.append(sql[:300])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield found


WRITTEN_TO = re.compile(r'(?:INTO|UPDATE|FROM)\s+"(\w+)"', re.IGNORECASE)


def touched(writes: Iterable[str]) -> list[type[models.Model]]:
    """The rooms' models into whose tables these statements wrote."""
    tables = {found[1] for sql in writes if (found := WRITTEN_TO.search(sql))}
    ours = [model for room in ROOMS for model in apps.get_app_config(room).get_models()]
    return [model for model in ours if model._meta.db_table in tables]


def project_of(thing: models.Model, known: dict[Any, set[Any]], depth: int = 6) -> set[Any]:
    """The projects that a row belongs to, through its own foreign keys. `known` remembers rows by model and key."""
    if isinstance(thing, Project):
        return {thing.pk}
    found: set[Any] = set()
    for column in thing._meta.concrete_fields:
        if isinstance(column, models.ForeignKey) and depth and column.related_model not in (User,):
            place = (column.related_model, getattr(thing, column.attname))
            if place[1] is not None and place != (type(thing), thing.pk):
                if place not in known:
                    known[place] = project_of(getattr(thing, column.name), known, depth - 1)
                found |= known[place]
    return found


def crossing_links(writes: Iterable[str]) -> list[str]:
    """Rows of the tables that were written to that belong to more than one project: what no request may ever make."""
    known: dict[Any, set[Any]] = {}
    return [
        f"{model._meta.label} {row.pk}"
        for model in touched(writes)
        for row in model._default_manager.all()
        if len(project_of(row, known)) > 1
    ]
