"""The edge-case book at the gate and on what is in use."""

from datetime import timedelta

import pytest
from django.utils import timezone

from deployments import gate_rules
from deployments.jobs import ask_what_is_in_use
from deployments.models import Release
from deployments.queries.gates import facts_of
from deployments.queries.versions import latest_gate
from experiments.models.cases import EdgeCaseResult
from experiments.services.cases import add_case, change_case
from jobs.models import Job
from problems.problem import Conflict
from projects.permissions import Role
from tests.conftest import Cast
from tests.deployments import stage
from tests.deployments.test_services import ask, promote, sign_all, states

VALUES = {"name": "Long loyal", "row": stage.ROW, "answer": "no", "reason": "Nobody like that ever left."}


@pytest.mark.django_db
def test_a_case_that_blocks_is_quoted_at_the_gate_and_stops_the_switch_until_it_comes_out(
    cast: Cast, own_folder, trained, run_jobs
) -> None:
    stage.agree_targets(cast.project)
    version = stage.version_of(cast.project, trained)
    case = add_case(cast.project, values=VALUES, by=cast[Role.DOMAIN_EXPERT])
    gate = ask(version, cast)
    assert states(gate)["edge_cases"] == "warn"
    run_jobs()
    with pytest.raises(Conflict) as refused:
        promote(version, cast)
    quote = "check:edge_case_1: “Long loyal” must come out otherwise: Nobody like that ever left."
    assert quote in refused.value.facts["blocked_by"]
    assert "edge_cases" not in states(latest_gate(version))

    change_case(case, revision=1, values=VALUES | {"answer": "yes"}, by=cast[Role.DOMAIN_EXPERT])
    ask(version, cast)
    run_jobs()
    gate = latest_gate(version)
    assert states(gate)["edge_cases"] == "pass"
    sign_all(gate, cast)
    job = promote(version, cast)
    change_case(case, revision=2, values=VALUES, by=cast[Role.DOMAIN_EXPERT])  # between the signatures and the switch
    run_jobs()
    job.refresh_from_db()
    assert (job.state, Release.objects.get().state) == ("failed", Release.State.FAILED)
    assert "Nobody like that ever left. Nothing was switched." in job.message


@pytest.mark.django_db
def test_what_is_in_use_is_asked_once_a_day_and_soon_after_a_case_is_written(
    cast: Cast, own_folder, trained, run_jobs
) -> None:
    stage.agree_targets(cast.project)
    version = stage.version_of(cast.project, trained)
    stage.put_into_use(version, cast[Role.ML_ENGINEER])
    ask_what_is_in_use()
    assert not Job.objects.exists()
    add_case(cast.project, values=VALUES | {"blocking": False}, by=cast[Role.DOMAIN_EXPERT])
    ask_what_is_in_use()
    ask_what_is_in_use()
    assert [job.kind for job in run_jobs()] == ["experiments.ask_cases"]
    assert not EdgeCaseResult.objects.get().passed
    ask_what_is_in_use()
    assert run_jobs() == []
    EdgeCaseResult.objects.update(checked_at=timezone.now() - timedelta(hours=25))
    ask_what_is_in_use()
    assert len(run_jobs()) == 1
    [check] = [one for one in gate_rules.checks(facts_of(version, "production")) if "edge" in one["key"]]
    assert (check["key"], check["state"]) == ("edge_case_1", "warn")
