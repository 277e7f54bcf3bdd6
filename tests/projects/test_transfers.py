"""A whole project as an archive: what comes through, what stays behind, and which archives are refused."""

import io
import json
import zipfile
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import skops.io
from django.apps import apps
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.models import User
from audit.services import verify
from deployments.models import ConsumerKey, Deployment, Release
from deployments.queries.deployments import ways_back
from deployments.queries.versions import latest_gate
from experiments.models.registry import ModelVersion
from experiments.models.runs import Run
from experiments.packaging import TRUSTED, Bundle
from jobs.context import Context
from jobs.models import Job
from jobs.models import State as JobState
from jobs.report import Silent
from problems.problem import Conflict
from projects.archives import BLOB, MANIFEST
from projects.models.define import Contract
from projects.models.gates import Gate, Signature
from projects.models.projects import Project
from projects.models.team import Membership
from projects.models.transfers import Export, Import, TransferState
from projects.moving import MOVED, PEOPLE, links, target
from projects.permissions import Role
from projects.queries.policies import policy_in_force
from projects.services import exports, imports
from projects.services.bin import delete_now, discard
from projects.services.team import remove_member
from storage import blobs
from tests.attacks.world import make_things
from tests.conftest import Cast
from tests.deployments import stage

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs, "GRACE_SECONDS", -5)


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engines without a process of their own, where that is not the point."""

    def call(self: Context, entry: str, spec: dict[str, Any]) -> dict[str, Any]:
        module, _, name = entry.partition(":")
        found: dict[str, Any] = getattr(import_module(module), name)(
            json.loads(json.dumps(spec)), self.folder, Silent()
        )
        return found

    monkeypatch.setattr(Context, "call", call)


@pytest.fixture
def full(cast: Cast) -> Project:
    """A project with a row of every kind."""
    owner = cast[Role.OWNER]
    project = Project.objects.create(name="Whole", question="Who leaves?", kind="binary", key="whole", created_by=owner)
    Membership.objects.create(project=project, user=owner, role=Role.OWNER)
    Membership.objects.create(project=project, user=cast[Role.DATA_SCIENTIST], role=Role.DATA_SCIENTIST)
    make_things(project, owner, 1)
    Contract.objects.filter(project=project).update(signed_by=owner, signed_at=timezone.now())
    Gate.objects.filter(project=project).update(state="passed")
    return project


def packed(project: Project, by: User, run_jobs: Callable[[], list[Job]]) -> bytes:
    export, job = exports.start_export(project, by=by)
    run_jobs()
    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED, (job.message, [line.text for line in job.lines.all()])
    export.refresh_from_db()
    assert export.file_id
    return blobs.read_bytes(export.file_id)


def brought(archive: bytes, key: str, by: User, run_jobs: Callable[[], list[Job]]) -> Import:
    made, job = imports.start_import(key=key, name="", file=blobs.put_bytes(archive), file_name="a.zip", by=by)
    run_jobs()
    made.refresh_from_db()
    job.refresh_from_db()
    text = [line.text for line in job.lines.all()]
    assert made.state != TransferState.WAITING
    assert job.code != "error", (job.message, text)
    return made


def rows_of(project: Project) -> dict[str, list[dict[str, Any]]]:
    """Every row that moves, without ids, people and addresses, which are others on the other side."""
    found: dict[str, list[dict[str, Any]]] = {}
    for label, kind in MOVED.items():
        hidden = {column.name for column in links(kind.model)} | {"id", "subject_id", *kind.without}
        names = [c.name for c in kind.model._meta.concrete_fields if c.name not in hidden and "url" not in c.name]
        rows = kind.model._default_manager.filter(**{kind.within: project}).order_by("pk").values(*names)
        found[label] = sorted(rows, key=str)
    return found


def test_every_kind_of_row_moves_or_stays_with_a_reason() -> None:
    from projects.moving import STAYS

    rooms = ["projects", "datasets", "experiments", "deployments", "monitoring"]
    kinds = {m._meta.label_lower for room in rooms for m in apps.get_app_config(room).get_models()}
    assert kinds == MOVED.keys() | STAYS.keys(), "a new kind of row must be moved, or stay with a reason"
    assert not MOVED.keys() & STAYS.keys()
    for kind in MOVED.values():
        strange = {
            column.name
            for column in links(kind.model)
            if target(column) not in {*MOVED, PEOPLE, "storage.blob", "projects.project"}
        }
        assert strange <= set(kind.without), f"{kind.label} points to what does not move"


# What speaks for people, answers callers or runs where it came from arrives changed.
CHANGED = {
    "projects.charter",
    "projects.contract",
    "projects.policy",
    "projects.gate",
    "projects.signature",
    "projects.waiver",
    "datasets.rulewaiver",
    "datasets.datacontract",
    "datasets.ingestion",
    "deployments.deployment",
    "deployments.release",
    "deployments.trafficplan",
    "monitoring.alert",
    "monitoring.incident",
    "monitoring.retraining",
}


def test_a_whole_project_comes_through(full: Project, cast: Cast, run_jobs: Any, browser_of: Browser) -> None:
    owner, newcomer = cast[Role.OWNER], cast[Role.VIEWER]
    archive = packed(full, owner, run_jobs)
    with zipfile.ZipFile(io.BytesIO(archive)) as read:
        words = b" ".join(read.read(name) for name in read.namelist() if not BLOB.fullmatch(name))
    for secret in (ConsumerKey.objects.get(deployment__project=full).digest, "whsec", owner.password):
        assert secret.encode() not in words
    made = brought(archive, "again", newcomer, run_jobs)
    assert made.state == TransferState.DONE, made.message
    project = made.project
    assert project is not None
    before, after = rows_of(full), rows_of(project)
    for label in MOVED:
        assert len(before[label]) == len(after[label]), label
        if label not in CHANGED:
            assert before[label] == after[label], label
    assert made.report["left_out"] == {}
    assert all(one["closed_at"] for one in after["monitoring.incident"])
    assert {plan["state"] for plan in after["deployments.trafficplan"]} == {"stopped"}  # nobody is answered here
    # nobody got a right, and nothing speaks for people of here
    assert list(Membership.objects.filter(project=project).values_list("user", "role")) == [(newcomer.pk, Role.OWNER)]
    assert {one["email"] for one in made.report["team"]} == {owner.email, cast[Role.DATA_SCIENTIST].email}
    assert {s.user.is_active for s in Signature.objects.filter(gate__project=project)} == {False}
    # nothing is signed, in use, or a way back
    version = ModelVersion.objects.select_related("model__project").get(model__project=project)
    release = Release.objects.select_related("deployment").get(deployment__project=project)
    assert release.state == Release.State.ELSEWHERE
    assert ways_back(release.deployment) == []
    assert not Contract.objects.filter(project=project).exclude(signed_at=None).exists()
    assert policy_in_force(project) is None
    gate = latest_gate(version)
    assert gate is not None
    assert (gate.fingerprint, gate.state) == ("imported", Gate.State.PASSED)
    # the same answers
    rows = [stage.ROW]
    old = ModelVersion.objects.get(model__project=full)
    answers = [Bundle.open(blobs.verified_path(one.bundle_id)).predictor().predict(rows) for one in (old, version)]
    assert answers[0] == answers[1]
    assert verify().first_bad is None
    client = browser_of(newcomer)
    for path in ("", "define/", "data/", "runs/", "models/", "deploy/", "monitor/", "stages/", "tasks/", "activity/"):
        assert client.get(f"/p/again/{path}", follow=True).status_code in (200, 404), path
    assert client.get(f"/projects/imports/{made.pk}/").status_code == 200
    assert browser_of(owner).get(f"/projects/imports/{made.pk}/").status_code == 404
    # what is gone for good takes the people of elsewhere with it
    assert discarded(project, newcomer)
    assert not User.objects.filter(email__contains=project.pk.hex).exists()


def discarded(project: Project, by: User) -> bool:
    binned = discard(project, "project", project, by=by)
    delete_now(binned, name=project.name, by=by)
    return not Project.everything.filter(pk=project.pk).exists()


@pytest.mark.usefixtures("in_process")
def test_the_same_archive_twice_makes_two_projects(full: Project, cast: Cast, run_jobs: Any) -> None:
    owner = cast[Role.OWNER]
    remove_member(full, cast[Role.DATA_SCIENTIST], by=owner)  # who left stays in the history, not in the team
    archive = packed(full, owner, run_jobs)
    first, second = (brought(archive, key, owner, run_jobs) for key in ("one", "two"))
    assert [first.state, second.state] == [TransferState.DONE] * 2, (first.message, second.message)
    assert first.project is not None
    assert second.project is not None
    assert rows_of(first.project).keys() == rows_of(second.project).keys()
    names = Deployment.objects.filter(project__in=[first.project, second.project]).values_list("name", flat=True)
    assert len(set(names)) == 2
    assert first.report["team"] == []
    with pytest.raises(Conflict):
        imports.check_key("one")
    again = packed(first.project, owner, run_jobs)  # what was imported can be packed again, once marked
    assert b"(imported) (imported)" not in again
    assert brought(again, "three", owner, run_jobs).state == TransferState.DONE


def test_an_archive_is_downloaded_by_owners_and_goes_after_its_days(
    full: Project, cast: Cast, run_jobs: Any, browser_of: Browser
) -> None:
    owner, scientist = cast[Role.OWNER], cast[Role.DATA_SCIENTIST]
    Export.objects.all().delete()
    content = packed(full, owner, run_jobs)
    export = Export.objects.get()
    address = f"/p/whole/exports/{export.pk}/file/"
    answer: Any = browser_of(owner).get(address)
    assert b"".join(answer.streaming_content) == content
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Disposition"].startswith("attachment; ")
    assert browser_of(scientist).get(address).status_code == 403
    assert browser_of(cast.stranger).get(address).status_code == 404
    place = Path(settings.DATA_DIR) / "blobs" / str(export.file_id)[:2] / str(export.file_id)
    assert place.is_file()
    assert exports.sweep(timezone.now() + timedelta(days=exports.DAYS, minutes=1)) == len(content)
    assert not place.is_file()
    assert browser_of(owner).get(address).status_code == 410


def altered(archive: bytes, change: Callable[[dict[str, bytes]], None], **how: Any) -> bytes:
    """The archive, written again after a change of its members; the manifest fits again unless it was changed."""
    import hashlib

    with zipfile.ZipFile(io.BytesIO(archive)) as read:
        members = {name: read.read(name) for name in read.namelist()}
    manifest = members[MANIFEST]
    change(members)
    if members.get(MANIFEST) == manifest:
        said = json.loads(manifest)
        said["members"] = {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in members.items()
            if name != MANIFEST
        }
        members[MANIFEST] = json.dumps(said).encode()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as written:
        for name, content in members.items():
            kind = zipfile.ZIP_STORED if BLOB.fullmatch(name) else zipfile.ZIP_DEFLATED
            written.writestr(zipfile.ZipInfo(name), content, kind)
    return made.getvalue()


def line_changed(name: str, **fields: Any) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        row = json.loads(members[name].splitlines()[0])
        row["fields"] |= fields
        members[name] = json.dumps(row).encode() + b"\n"

    return change


@pytest.mark.usefixtures("in_process")
def test_rows_that_lie_are_refused_whole(full: Project, cast: Cast, run_jobs: Any) -> None:
    owner = cast[Role.OWNER]
    archive = packed(full, owner, run_jobs)
    someone = blobs.put_bytes(b"somebody else's file")
    lies: dict[str, tuple[Callable[[dict[str, bytes]], None], str]] = {
        "a content of here": (line_changed("rows/experiments.run.jsonl", bundle=someone.sha256), "does not hold"),
        "no package": (line_changed("rows/experiments.run.jsonl", bundle=""), "does not hold"),
        "other rows": (line_changed("rows/datasets.version.jsonl", rows=10**9), "other rows"),
        "no such state": (line_changed("rows/experiments.run.jsonl", state="hacked"), "state"),
        "another shape": (line_changed("rows/experiments.run.jsonl", metrics=[1]), "shape"),
        "nobody": (line_changed("rows/projects.signature.jsonl", user=99), "nobody"),
        "a column of elsewhere": (line_changed("rows/projects.task.jsonl", is_admin=True), "does not know"),
    }
    people, projects = User.objects.count(), Project.everything.count()
    for name, (change, why) in lies.items():
        made = brought(altered(archive, change), "lies", owner, run_jobs)
        assert made.state == TransferState.FAILED, name
        assert why in made.message, (name, made.message)
    assert (User.objects.count(), Project.everything.count()) == (people, projects)


def _astray(bundle: Path, to: Path) -> Path:
    """The package of a forest, whose first tree leads outside of its own nodes."""
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(to, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "model.skops":
                model = skops.io.loads(content, trusted=TRUSTED)
                tree = model[-1].estimators_[0].tree_
                state = tree.__getstate__()
                nodes = state["nodes"].copy()
                nodes["right_child"][0] = 1_000_000
                tree.__setstate__(state | {"nodes": nodes, "values": state["values"].copy()})
                content = skops.io.dumps(model)
            if name != "compiled.npz":
                new.writestr(name, content)
    return to


@pytest.mark.usefixtures("in_process")
def test_a_model_that_registration_would_refuse_refuses_the_whole_archive(
    full: Project, cast: Cast, run_jobs: Any, tmp_path: Path
) -> None:
    owner = cast[Role.OWNER]
    sound = stage.train(tmp_path / "forest", method="forest").bundle
    for bundle, why in ((sound, ""), (_astray(sound, tmp_path / "astray.zip"), "Tree in it does not hold together")):
        Run.objects.filter(project=full).update(bundle=blobs.put_file(bundle))
        made = brought(packed(full, owner, run_jobs), f"brought{len(why)}", owner, run_jobs)
        assert made.state == (TransferState.FAILED if why else TransferState.DONE), made.message
        assert why in made.message
