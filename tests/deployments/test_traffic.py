"""Trials: who answers, what stops them, what follows, in one world with real releases."""

import pytest
from django.utils import timezone

from deployments import guarding
from deployments.guarding import Judged, Standing, judged
from deployments.jobs import look_at_trials
from deployments.models import Release, TrafficCheck, TrafficPlan
from deployments.queries.deployments import champion_of, ways_back
from deployments.queries.traffic import counts_of, guards_of_plan, plan_of, plans_of, running_plan, standing_of
from deployments.queries.versions import latest_gate
from deployments.services.releases import finish_promotion, promote, roll_back
from deployments.services.traffic import add_tallies, advance, record_check, start_canary, start_shadow, stop
from deployments.services.trials import Trial
from deployments.serving import snapshot
from deployments.serving.tallies import Tallies
from deployments.traffic import Guards, Step, goes_to_challenger, minutes_of, steps_of
from jobs.models import Job
from problems.problem import Conflict, Invalid
from projects.permissions import Role
from projects.services.gates import sign_gate
from tests.deployments import stage

STEPS = (Step(10, 60), Step(50, 60), Step(100, 0))


def counts(rows=1000, errors=0, yes=0.2, late=5):
    said = {"yes": round(rows * yes), "no": rows - round(rows * yes)}
    return {"requests": rows + errors, "rows": rows, "errors": errors, "late": {str(late): rows}, "said": said}


def standing(mine=None, theirs=None, **more):
    facts = {"step": STEPS[0], "minutes": 61.0, "kind": "binary"} | more
    return Standing(champion=theirs or counts(), challenger=mine or counts(), **facts)


def test_who_answers_is_the_same_everywhere_and_only_grows():
    keys = [f"customer {number}".encode() for number in range(4000)]
    at_10 = {key for key in keys if goes_to_challenger("plan", 10, key)}
    at_50 = {key for key in keys if goes_to_challenger("plan", 50, key)}
    assert 330 < len(at_10) < 470
    assert 1850 < len(at_50) < 2150
    assert at_10 < at_50
    assert at_10 != {key for key in keys if goes_to_challenger("another plan", 10, key)}
    assert not any(goes_to_challenger("plan", 0, key) for key in keys)
    assert all(goes_to_challenger("plan", 100, key) for key in keys)


@pytest.mark.parametrize(
    ("change", "action", "words"),
    [
        ({}, guarding.ADVANCE, "held"),
        ({"minutes": 30.0}, guarding.STAY, "holds for 30 min more"),
        ({"mine": counts(rows=100)}, guarding.STAY, "100 of the 200 answers"),
        ({"mine": counts(errors=60), "minutes": 1.0}, guarding.STOP, "60 of 1060 requests failed"),
        ({"mine": {"requests": 12, "errors": 12}, "minutes": 0.1}, guarding.STOP, "12 of 12 requests failed"),
        ({"mine": {"requests": 5, "errors": 5}, "minutes": 0.1}, guarding.STAY, "holds for"),
        ({"mine": counts(late=60)}, guarding.STOP, "Its slowest 5 of 100 answers take 100 ms"),
        ({"mine": counts(yes=0.6)}, guarding.STOP, "0.40 away"),
        ({"mine": counts(rows=200, yes=0.25)}, guarding.ADVANCE, "held"),
        ({"trouble": "The file is damaged."}, guarding.STOP, "damaged"),
        ({"is_last": True}, guarding.STAY, "A person decides"),
        ({"step": STEPS[2], "theirs": {}, "is_last": True}, guarding.ADVANCE, "held"),
        (
            {"mine": counts() | {"compared": 1000, "agreed": 500}, "step": Step(0, 60)},
            guarding.STOP,
            "500 of 1000 answers differ",
        ),
        (
            {
                "measured": guarding.Measured(
                    "Recall",
                    1,
                    {"value": 0.8, "low": 0.75, "high": 0.85, "n": 200},
                    {"value": 0.6, "low": 0.55, "high": 0.65, "n": 90},
                )
            },
            guarding.STOP,
            "By 90 outcomes it is worse at “Recall”",
        ),
    ],
)
def test_what_follows_from_what_was_counted(change, action, words):
    found = judged(standing(**change), Guards(most_apart=0.2))
    assert (found.action, words in found.reason) == (action, True), found


def test_of_numbers_the_means_are_compared_in_their_own_spread():
    theirs = {"requests": 500, "rows": 500, "sum": 50_000.0, "squares": 5_050_000.0, "late": {"5": 500}}
    near = theirs | {"sum": 50_500.0, "squares": 5_150_500.0}
    far = theirs | {"sum": 60_000.0, "squares": 7_250_000.0}
    verdicts = [judged(standing(mine, theirs, kind="regression"), Guards()).action for mine in (near, far)]
    assert verdicts == [guarding.ADVANCE, guarding.STOP]


def test_a_plan_that_makes_no_sense_is_refused_with_the_reason():
    assert (minutes_of("24h"), minutes_of("90"), minutes_of("2d")) == (1440, 90, 2880)
    for wrong in ([], [(10, 5), (10, 5)], [(50, 5), (10, 5)], [(101, 5)], [(10, -1)]):
        with pytest.raises(Invalid):
            steps_of(wrong)
    for wrong in ("soon", "-1h", "99999d"):
        with pytest.raises(Invalid):
            minutes_of(wrong)


def test_counts_of_many_threads_and_servers_add_up():
    tallies, place = Tallies(), ("plan", 0, "canary")
    tallies.answered(place, ["yes", "no"], 0.002, numbers=False)
    tallies.answered(place, ["yes"], 0.2, numbers=False)
    tallies.failed(place)
    tallies.compared(place, [("yes", "yes"), ("no", "yes")])
    (found,) = tallies.take().values()
    assert (found["requests"], found["errors"], found["rows"], found["said"]) == (3, 1, 3, {"yes": 2, "no": 1})
    assert (found["compared"], found["agreed"]) == (2, 1)
    assert not tallies.take()


# ---- With rows ----


@pytest.fixture
def world(db, cast, own_folder, trained, retrained):
    """Version 1 in use, version 2 registered."""
    stage.agree_targets(cast.project)
    by = cast[Role.ML_ENGINEER]
    release = stage.put_into_use(stage.version_of(cast.project, trained), by)
    return release, stage.version_of(cast.project, retrained), by


def rehearsed(job):
    """What the job does when the rehearsal has gone well."""
    release = Release.objects.get(pk=job.payload["release"])
    finish_promotion(release, {"golden": 1, "different": 0}, by=release.created_by)
    return TrafficPlan.objects.get(challenger=release)


def through_the_gate(cast, version, trial):
    """Start a canary that everybody has signed for."""
    asked = {"environment": "production", "comment": ""}
    with pytest.raises(Conflict) as refusal:
        start_canary(version, trial, **asked, by=cast[Role.MLOPS_ENGINEER])
    assert refusal.value.code == "blocked"
    gate = latest_gate(version)
    for role in (Role.BUSINESS_ANALYST, Role.ML_ENGINEER):
        sign_gate(gate, role=role, given=True, reason="", by=cast[role])
    return rehearsed(start_canary(version, trial, **asked, by=cast[Role.MLOPS_ENGINEER]))


def test_a_shadow_needs_no_gate_and_never_becomes_an_answer(world):
    release, version, by = world
    plan = rehearsed(start_shadow(version, environment="production", minutes=60, by=by))
    seen = snapshot.read()
    (trial,) = seen.trials.values()
    assert (trial.percent, trial.facts.role, trial.facts.version) == (0, "shadow", 2)
    assert champion_of(release.deployment) == release
    with pytest.raises(Conflict) as refusal:
        advance(plan, reason="good", by=by)
    assert refusal.value.code == "no_gate"
    stopped = stop(plan, reason="seen enough", by=by)
    assert (stopped.state, stopped.reason, stopped.stopped_itself) == ("stopped", "seen enough", False)
    assert not snapshot.read().trials
    assert ways_back(release.deployment) == []


def test_a_canary_goes_on_by_itself_and_takes_over_at_the_end(world, cast):
    release, version, _ = world
    plan = through_the_gate(cast, version, Trial((Step(10, 0), Step(100, 0)), Guards(least_rows=50)))
    good = {"champion": counts(rows=500), "canary": counts(rows=60)}
    for step, percent in ((0, 10), (1, 100)):
        (trial,) = snapshot.read().trials.values()
        assert (trial.step, trial.percent, trial.facts.role) == (step, percent, "canary")
        add_tallies("server", {(str(plan.pk), step, role): one for role, one in good.items()})
        check = checked(plan)
        assert check.action == "advance", check.reason
        plan.refresh_from_db()
    assert plan.state == TrafficPlan.State.DONE
    now = champion_of(release.deployment)
    assert (now.version, Release.objects.filter(state="champion").count()) == (version, 1)
    assert [way.version.number for way in ways_back(release.deployment)] == [1]
    assert TrafficCheck.objects.filter(plan=plan).count() == 2


def checked(plan):
    """What the job of a check does, in this process."""
    row = plan_of(plan.pk)
    found = judged(standing_of(row, timezone.now()), guards_of_plan(row))
    return record_check(row, row.step, found, {})


def test_a_planted_bad_canary_stops_itself_and_says_why(world, cast):
    release, version, by = world
    plan = through_the_gate(cast, version, Trial((Step(10, 60), Step(100, 0))))
    with pytest.raises(Conflict) as refusal:
        promote(version, environment="production", comment="", by=by)
    assert refusal.value.code in ("on_trial", "blocked")
    add_tallies("one", {(str(plan.pk), 0, "canary"): counts(rows=300, yes=0.9)})
    add_tallies("two", {(str(plan.pk), 0, "champion"): counts(rows=3000)})
    add_tallies("two", {(str(plan.pk), 0, "champion"): counts(rows=1000)})
    assert counts_of(plan, 0)["champion"]["rows"] == 4000
    look_at_trials()
    job = Job.objects.get(kind="deployments.check_traffic")
    assert job.subject_id == str(plan.pk)
    look_at_trials()
    assert Job.objects.filter(kind="deployments.check_traffic").count() == 1  # one at a time
    check = checked(plan)
    assert (check.action, "away from those of the model in use" in check.reason) == ("stop", True)
    plan.refresh_from_db()
    assert (plan.state, plan.stopped_itself, plan.reason) == ("stopped", True, check.reason)
    assert champion_of(release.deployment) == release
    assert checked_again_is_nothing(plan)
    assert Release.objects.get(pk=plan.challenger_id).state == "tried"


def checked_again_is_nothing(plan):
    """A check that comes late changes nothing."""
    return record_check(plan, 0, Judged("advance", "late", []), {}) is None


def test_rolling_back_ends_a_trial_and_signatures_fall_with_the_targets(world, cast):
    release, version, by = world
    plan = through_the_gate(cast, version, Trial((Step(10, 0), Step(100, 0)), Guards(least_rows=1)))
    stage.agree_targets(cast.project, 0.2)
    check = checked(plan)
    assert (check.action, "changed after the signatures" in check.reason) == ("stop", True)
    shadow = rehearsed(start_shadow(version, environment="production", minutes=0, by=by))
    Release.objects.filter(pk=plan.challenger_id).update(state="retired")
    roll_back(release.deployment, to=Release.objects.get(pk=plan.challenger_id), reason="it was better", by=by)
    shadow.refresh_from_db()
    assert (shadow.state, "roll-back" in shadow.reason) == ("stopped", True)
    assert running_plan(release.deployment) is None
    assert [one.number for one in plans_of(release.deployment)] == [2, 1]


@pytest.mark.usefixtures("world")
def test_pages_and_rest_start_show_move_and_stop_a_trial(cast, browser_of, api_of):
    engineer = cast[Role.ML_ENGINEER]
    page, api = browser_of(engineer), api_of(engineer)
    here, there = "/p/churn/deployments/churn-classifier/", "/api/v1/projects/churn/deployments/churn-classifier/"
    model = "/api/v1/projects/churn/models/churn-classifier/versions/2/"
    refused = api.post(f"{model}promote/", {"traffic": [50, 10]}, content_type="application/json")
    assert refused.status_code == 422
    assert page.post("/p/churn/models/churn-classifier/v2/shadow/", {"hold": "soon"}).status_code == 422
    assert api.post(f"{there}traffic/stop/", {"reason": "x"}, content_type="application/json").status_code == 404
    answer = api.post(f"{model}shadow/", {"hold": "30m"}, content_type="application/json")
    assert answer.status_code == 202, answer.content
    plan = rehearsed(Job.objects.get(kind="deployments.promote"))
    add_tallies("one", {(str(plan.pk), 0, "shadow"): counts(rows=300) | {"compared": 300, "agreed": 270}})
    add_tallies("one", {(str(plan.pk), 0, "champion"): counts(rows=300)})
    text = page.get(here).content.decode()
    assert "Version 2 answers beside, and nobody gets its answers. 300 so far; 90.0%" in text
    assert "Stop trial, all to v1" in text
    assert "on trial" in page.get("/p/churn/models/churn-classifier/v2/").content.decode()
    (shown,) = api.get(f"{there}traffic/").json()["results"]
    assert (shown["version"], shown["beside"], shown["state"], shown["counts"]["shadow"]["agreed"]) == (
        2,
        1,
        "running",
        270,
    )
    held = api.post(f"{there}traffic/advance/", {"reason": "good"}, content_type="application/json")
    assert (held.status_code, held.json()["code"]) == (409, "no_gate")
    assert page.post(f"{here}traffic/stop/", {"reason": ""}).status_code == 422
    assert page.post(f"{here}traffic/stop/", {"reason": "seen enough"}).status_code == 302
    assert "seen enough" in page.get(here).content.decode()
    changed = api.patch(there, {"seconds": 0.5}, content_type="application/json")
    assert (changed.status_code, changed.json()) == (200, {"seconds": 0.5, "answers_unlogged": False})
    assert page.post(f"{here}settings/", {"seconds": "99"}).status_code == 422
    assert snapshot.read().champions["churn-classifier"].seconds == 0.5


def test_an_environment_that_is_set_up_comes_before_production(world, cast, api_of):
    release, version, by = world
    owner = api_of(cast[Role.OWNER])
    where = "/api/v1/projects/churn/environments/"
    production = {"environment": "production", "comment": "", "by": by}
    assert [one["name"] for one in owner.get(where).json()["results"]] == ["production"]
    for name, body in (("moon", {}), ("staging", {"signers": ["king"]}), ("staging", {"datasets": ["none"]})):
        assert owner.put(f"{where}{name}/", body, content_type="application/json").status_code == 422
    said = {"signers": ["data_scientist"], "datasets": ["customers"]}
    assert owner.put(f"{where}staging/", said, content_type="application/json").status_code == 200
    with pytest.raises(Conflict) as refusal:
        promote(version, **production)
    assert "check:order" in refusal.value.facts["blocked_by"]
    with pytest.raises(Conflict) as refusal:
        promote(version, environment="staging", comment="", by=by)
    assert refusal.value.facts["blocked_by"] == ["signature:data_scientist"]
    sign_gate(
        latest_gate(version, "staging"), role="data_scientist", given=True, reason="", by=cast[Role.DATA_SCIENTIST]
    )
    job = promote(version, environment="staging", comment="", by=by)
    staged = Release.objects.get(pk=job.payload["release"])
    finish_promotion(staged, {"golden": 1, "different": 0}, by=by)
    assert (staged.deployment.name, staged.version.bundle_id) == ("churn-classifier-staging", version.bundle_id)
    assert set(snapshot.read().champions) == {"churn-classifier", "churn-classifier-staging"}
    with pytest.raises(Conflict) as refusal:
        promote(version, **production)
    assert "check:order" not in refusal.value.facts["blocked_by"]
    assert champion_of(release.deployment) == release
    owner.put(f"{where}production/", {"datasets": ["customers"]}, content_type="application/json")
    assert owner.delete(f"{where}staging/").status_code == 409
