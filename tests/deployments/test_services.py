"""Asking for production, promoting, going back, keys."""

import threading
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from audit.models import Entry
from audit.services import verify
from deployments.jobs import forget_old_answers, seal_when_due
from deployments.models import ConsumerKey, Release
from deployments.queries.deployments import champion_of, release_for, ways_back
from deployments.queries.predictions import recent_predictions
from deployments.queries.versions import latest_gate, versions_of
from deployments.services import releases
from deployments.services.gates import request_promotion
from deployments.services.keys import make_key, revoke_key
from deployments.services.releases import roll_back
from deployments.serving.journal import folders
from jobs.models import Job
from notices.models import Notice
from problems.problem import Conflict, Corrupted, Invalid
from projects.models.gates import Gate
from projects.permissions import Role
from projects.services.gates import sign_gate
from storage import blobs
from storage.models import Blob
from tests.deployments import stage
from tests.deployments.test_journal import line

ALL = frozenset({Role.OWNER})


@pytest.fixture
def version(cast, own_folder, trained):
    """A registered version in a project with a signed, easy target."""
    stage.agree_targets(cast.project)
    return stage.version_of(cast.project, trained)


def sign_all(gate, cast):
    """Both roles sign."""
    for role in (Role.BUSINESS_ANALYST, Role.ML_ENGINEER):
        sign_gate(gate, role=role, given=True, reason="", by=cast[role])


def ask(version, cast):
    """The MLOps engineer asks, so that the ML engineer can sign."""
    return request_promotion(version, environment="production", comment="better", by=cast[Role.MLOPS_ENGINEER])


def promote(version, cast):
    return releases.promote(version, environment="production", comment="", by=cast[Role.MLOPS_ENGINEER])


def states(gate):
    return {check["key"]: check["state"] for check in gate.checks}


def test_the_gate_names_everything_that_is_missing_and_opens_when_it_is_there(version, cast, run_jobs):
    with pytest.raises(Conflict) as conflict:
        promote(version, cast)
    assert conflict.value.facts["blocked_by"] == ["signature:business_analyst", "signature:ml_engineer"]
    gate = latest_gate(version)
    assert gate.state == Gate.State.OPEN
    assert states(gate)["same_answers"] == "warn"
    run_jobs()
    gate = latest_gate(version)
    assert states(gate) == dict.fromkeys(["targets", "contract", "same_answers", "fast", "small"], "pass")
    sign_all(gate, cast)
    job = promote(version, cast)
    run_jobs()
    job.refresh_from_db()
    assert job.state == "succeeded", job.message
    release = Release.objects.get()
    assert release.state == Release.State.CHAMPION
    assert release.measured["different"] == 0
    gate.refresh_from_db()
    assert gate.state == Gate.State.PASSED
    assert Entry.objects.filter(name="release.promoted").count() == 1
    assert Notice.objects.filter(recipient_id=cast[Role.BUSINESS_ANALYST].pk, text__contains="in production").exists()
    assert verify().first_bad is None
    with pytest.raises(Conflict, match="already"):
        promote(version, cast)


def test_a_missed_target_blocks_and_says_so(cast, own_folder, trained):
    stage.agree_targets(cast.project, threshold=0.999)
    gate = ask(stage.version_of(cast.project, trained), cast)
    assert states(gate)["targets"] == "fail"
    with pytest.raises(Conflict) as conflict:
        promote(versions_of(cast.project).get(), cast)
    assert "check:targets" in conflict.value.facts["blocked_by"]


def test_without_targets_nothing_passes_and_unsigned_ones_are_told(cast, own_folder, trained):
    version = stage.version_of(cast.project, trained)
    assert states(ask(version, cast))["contract"] == "fail"
    stage.agree_targets(cast.project, signed=False)
    assert states(ask(version, cast))["contract"] == "warn"


def test_changed_targets_make_the_signatures_void(version, cast, run_jobs):
    gate = ask(version, cast)
    sign_all(gate, cast)
    stage.agree_targets(cast.project, threshold=0.2)
    with pytest.raises(Conflict) as conflict:
        promote(version, cast)
    assert "signature:business_analyst" in conflict.value.facts["blocked_by"]
    gate.refresh_from_db()
    assert gate.state == Gate.State.REPLACED


def test_targets_changed_while_the_promotion_runs_stop_it(version, cast, run_jobs):
    sign_all(ask(version, cast), cast)
    promote(version, cast)
    stage.agree_targets(cast.project, threshold=0.2)
    run_jobs()
    release = Release.objects.get()
    assert release.state == Release.State.FAILED
    assert "changed after the signatures" in release.message


def test_a_damaged_bundle_fails_the_promotion_and_leaves_the_champion_alone(version, cast, run_jobs, retrained):
    champion = stage.put_into_use(version, cast[Role.ML_ENGINEER])
    second = stage.version_of(cast.project, retrained)
    sign_all(ask(second, cast), cast)
    run_jobs()
    path = blobs.verified_path(second.bundle_id)
    job = promote(second, cast)
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    run_jobs()
    job.refresh_from_db()
    assert job.state == "failed"
    failed = Release.objects.get(version=second)
    assert failed.state == Release.State.FAILED
    assert "hash" in failed.message
    champion.refresh_from_db()
    assert champion.state == Release.State.CHAMPION


def test_a_challenger_is_compared_with_the_champion_on_the_same_rows(version, cast, run_jobs, retrained):
    stage.put_into_use(version, cast[Role.ML_ENGINEER])
    gate = ask(stage.version_of(cast.project, retrained), cast)
    assert {"better", "schema"} <= states(gate).keys()
    assert states(gate)["schema"] == "pass"


def test_going_back_is_immediate_told_and_only_to_what_was_in_use(version, cast, retrained):
    first = stage.put_into_use(version, cast[Role.ML_ENGINEER])
    second = stage.put_into_use(stage.version_of(cast.project, retrained), cast[Role.ML_ENGINEER])
    deployment = first.deployment
    by = cast[Role.MLOPS_ENGINEER]
    with pytest.raises(Invalid):
        roll_back(deployment, to=release_for(deployment, first.pk), reason=" ", by=by)
    with pytest.raises(Conflict):
        roll_back(deployment, to=release_for(deployment, second.pk), reason="x", by=by)
    never = Release.objects.create(deployment=deployment, version=version, state=Release.State.FAILED)
    with pytest.raises(Conflict):
        roll_back(deployment, to=never, reason="x", by=by)
    back = roll_back(deployment, to=release_for(deployment, first.pk), reason="worse", by=by)
    assert champion_of(deployment).pk == back.pk
    assert back.went_back_from_id == second.pk
    assert [way.version.number for way in ways_back(deployment)] == [2]
    assert Entry.objects.filter(name="release.rolled_back").exists()
    assert Notice.objects.filter(text__contains="worse").exists()


def test_going_back_to_a_damaged_version_is_refused_and_calls_nothing_off(version, cast, retrained):
    first = stage.put_into_use(version, cast[Role.ML_ENGINEER])
    second = stage.put_into_use(stage.version_of(cast.project, retrained), cast[Role.ML_ENGINEER])
    path = blobs.verified_path(version.bundle_id)
    path.chmod(0o600)
    path.write_bytes(b"something else")
    to = release_for(first.deployment, first.pk)
    with pytest.raises(Corrupted):
        roll_back(first.deployment, to=to, reason="x", by=cast[Role.ML_ENGINEER])
    assert champion_of(first.deployment).pk == second.pk


def test_going_back_calls_off_a_promotion_under_way(version, cast, retrained, run_jobs):
    first = stage.put_into_use(version, cast[Role.ML_ENGINEER])
    second = stage.put_into_use(stage.version_of(cast.project, retrained), cast[Role.ML_ENGINEER])
    third = stage.version_of(cast.project, retrained)
    sign_all(ask(third, cast), cast)
    promote(third, cast)
    to = release_for(first.deployment, first.pk)
    roll_back(first.deployment, to=to, reason="x", by=cast[Role.ML_ENGINEER])
    run_jobs()
    assert champion_of(first.deployment).version_id == version.pk
    assert Release.objects.get(version=third).state == Release.State.FAILED
    second.refresh_from_db()
    assert second.state == Release.State.RETIRED


def test_keys_are_kept_as_a_hash_expire_and_can_be_revoked_once(version, cast):
    deployment = stage.put_into_use(version, cast[Role.ML_ENGINEER]).deployment
    by = cast[Role.ML_ENGINEER]
    key, secret = make_key(deployment, name="shop", days=90, by=by)
    assert secret not in str(ConsumerKey.objects.values().get())
    assert key.expires_at < timezone.now() + timedelta(days=91)
    for wrong in ({"name": "", "days": 1}, {"name": "x", "days": 0}, {"name": "x", "days": 366}):
        with pytest.raises(Invalid):
            make_key(deployment, **wrong, by=by)
    revoke_key(key, by=by)
    revoke_key(key, by=by)
    assert Entry.objects.filter(name="key.revoked").count() == 1


def test_the_log_is_stored_once_and_stays_readable(version, cast, run_jobs, settings):
    deployment = stage.put_into_use(version, cast[Role.ML_ENGINEER]).deployment
    _, sealed = folders(settings.DATA_DIR)
    piece = b"".join(line(number, 1.7e9 + number, deployment.name) for number in range(20))
    (sealed / "s-000001.jsonl").write_bytes(piece)
    seal_when_due()
    seal_when_due()
    assert Job.objects.filter(kind="deployments.seal").count() == 1
    assert len(recent_predictions(deployment, ALL)) == 20
    (job,) = run_jobs()
    assert job.state == "succeeded", job.message
    assert not list(sealed.iterdir())
    assert len(recent_predictions(deployment, ALL)) == 20
    (sealed / "s-000001.jsonl").write_bytes(piece)
    seal_when_due()
    run_jobs()
    assert deployment.segments.count() == 1
    assert len(recent_predictions(deployment, ALL)) == 20


def test_stored_answers_go_when_the_operator_no_longer_keeps_them(version, cast, run_jobs, settings):
    deployment = stage.put_into_use(version, cast[Role.ML_ENGINEER]).deployment
    _, sealed = folders(settings.DATA_DIR)
    now = timezone.now().timestamp()
    for name, at in (("old", now - 40 * 86_400), ("new", now - 5 * 86_400)):
        (sealed / f"{name}-000001.jsonl").write_bytes(b"".join(line(n, at + n, deployment.name) for n in range(20)))
    seal_when_due()
    run_jobs()
    Blob.objects.update(created_at=timezone.now() - timedelta(hours=1))
    tables = dict(deployment.segments.values_list("source", "table_id"))
    forget_old_answers()
    assert deployment.segments.count() == 2  # nobody said that they go
    settings.PREDICTION_DAYS = 30
    forget_old_answers()
    forget_old_answers()
    assert [one.source for one in deployment.segments.all()] == ["new-000001.jsonl"]
    assert len(recent_predictions(deployment, ALL)) == 20
    assert not Blob.objects.filter(pk=tables["old-000001.jsonl"]).exists()
    (entry,) = Entry.objects.filter(name="log.forgotten")
    assert entry.data["rows"] == 20


def test_of_two_promotions_at_once_one_wins(shared_cast, trained, retrained):
    """F30, once; `tests/projects/test_many_at_once.py` does it round after round."""
    stage.agree_targets(shared_cast.project)
    versions = [stage.version_of(shared_cast.project, one) for one in (trained, retrained)]
    for version in versions:
        sign_all(ask(version, shared_cast), shared_cast)
    start, ended = threading.Barrier(2), []
    wrapper = connections["default"]

    def run(version):
        connections["default"] = type(wrapper)(wrapper.settings_dict, "default")
        start.wait()
        try:
            ended.append(promote(version, shared_cast).state)
        except Conflict as conflict:
            ended.append(conflict.code)
        finally:
            connections["default"].close()

    threads = [threading.Thread(target=run, args=(version,)) for version in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ended) == ["busy", "queued"]
    assert Release.objects.filter(state=Release.State.PREPARING).count() == 1
