"""Quality as the room keeps it: a blocking failure stops every consumer, waivers lapse, rows go aside, contracts bind."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from datasets.models.quality import QualityRule, Quarantine, RuleWaiver
from datasets.models.versions import Version
from datasets.queries import quality as queries
from datasets.services import checks, contracts, quarantines, recipes, versions
from datasets.services import quality as services
from experiments.services.runs import start_run
from jobs.models import Job
from notices.models import Notice
from problems.problem import Conflict, Denied, Invalid
from projects.permissions import Role
from storage import tables
from tests.conftest import Cast
from tests.datasets.conftest import CUSTOMERS
from tests.datasets.recipes.kitchen import step

Run = Callable[[], list[Job]]
Load = Callable[..., Any]
HOME = "/api/v1/projects/churn/datasets/customers/"


@pytest.fixture
def checked(cast: Cast, load: Load, run_jobs: Run) -> Callable[..., Version]:
    """Load a file to the end, with the check that follows by itself."""

    def make(content: bytes = CUSTOMERS) -> Version:
        ingestion = load(content)
        jobs = run_jobs()
        assert all(job.state == "succeeded" for job in jobs), [job.message for job in jobs]
        return Version.objects.select_related("dataset__project").get(ingestion=ingestion)

    return make


def rule(cast: Cast, version: Version, kind: str, severity: str = "block", **params: Any) -> QualityRule:
    by = cast[Role.DATA_ENGINEER]
    return services.add_rule(version.dataset, kind=kind, params=params, severity=severity, by=by)


def check(cast: Cast, version: Version, run_jobs: Run) -> None:
    checks.start_check(version, by=cast[Role.DATA_ENGINEER])
    jobs = run_jobs()
    assert all(job.state == "succeeded" for job in jobs), [job.message for job in jobs]


def waive(cast: Cast, version: Version, one: QualityRule) -> RuleWaiver:
    until = timezone.localdate() + timedelta(days=5)
    return services.waive(version, one, reason="Known since May", until=until, by=cast[Role.DATA_ENGINEER])


def test_a_blocking_failure_stops_publishing_training_and_recipes_until_a_waiver_and_again_when_it_lapses(
    cast: Cast, checked: Callable[..., Version], run_jobs: Run, browser_of: Any, api_of: Callable[..., Client]
) -> None:
    engineer = cast[Role.DATA_ENGINEER]
    first = checked()
    full = rule(cast, first, "not_missing", columns=["charge"])
    with pytest.raises(Conflict, match="not checked yet"):
        versions.publish(first, by=engineer)
    second = checked()  # checked by itself
    made = recipes.create_recipe(
        cast.project,
        name="mend",
        source=second.dataset,
        target="mended",
        steps=[step("sample_rows", percent=50.0, seed=1)],
        by=engineer,
    )
    with pytest.raises(Conflict, match="Rule 1 fails: charge is never missing"):
        versions.publish(second, by=engineer)
    with pytest.raises(Conflict) as stopped:
        recipes.start_preparation(made.recipe, by=engineer)
    assert stopped.value.facts["blocked_by"] == ["rule:1"]
    client = api_of(engineer)
    answer = client.post(f"{HOME}versions/2/publish/", {}, content_type="application/json")
    assert (answer.status_code, answer.json()["blocked_by"]) == (409, ["rule:1"])
    answer = client.post("/api/v1/projects/churn/recipes/mend/preparations/", {}, content_type="application/json")
    assert (answer.status_code, answer.json()["blocked_by"]) == (409, ["rule:1"])
    browser = browser_of(engineer)
    page = browser.get("/p/churn/data/customers/v2/")
    assert b"charge is never missing" in page.content
    assert b"1 of 4 rows" in page.content
    assert browser.post("/p/churn/data/customers/v2/").status_code == 409
    second.refresh_from_db()
    assert second.state == "draft"

    waiver = waive(cast, second, full)
    versions.publish(second, by=engineer)
    assert b"Known since May" in browser.get("/p/churn/data/customers/v2/").content
    with pytest.raises(Invalid, match="At least 20"):  # the gate lets it through; it is only too small to learn from
        start_run(cast.project, spec={"target": "leaves"}, data=second, by=engineer)
    RuleWaiver.objects.filter(pk=waiver.pk).update(until=timezone.localdate() - timedelta(days=1))
    with pytest.raises(Conflict, match="must not be used"):
        start_run(cast.project, spec={"target": "leaves"}, data=second, by=engineer)
    with pytest.raises(Conflict, match="must not be used"):
        recipes.start_preparation(made.recipe, number=2, by=engineer)
    scientist = api_of(cast[Role.DATA_SCIENTIST])
    answer = scientist.post("/api/v1/projects/churn/runs/", {"target": "leaves"}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (409, "blocked")
    page = browser.get("/p/churn/data/customers/v2/").content
    assert b"Must not be used" in page
    assert b"ended" in page


def test_a_warning_stops_nothing_and_a_changed_rule_asks_for_a_new_check(
    cast: Cast, checked: Callable[..., Version], run_jobs: Run
) -> None:
    engineer, version = cast[Role.DATA_ENGINEER], checked()
    warns = rule(cast, version, "in_set", "warn", column="plan", values=["month"])
    check(cast, version, run_jobs)
    (line,) = queries.lines_of(version, queries.last_check(version))
    assert (line.result.verdict, line.result.failed_rows) == ("failed", 1)
    assert line.result.examples == {"columns": ["plan"], "rows": [[2, "year"]]}
    assert versions.why_not(version) == ""
    changed = services.change_rule(
        warns, params={"column": "plan", "values": ["month"]}, severity="block", seen=1, by=engineer
    )
    assert versions.why_not(version) == "Rule 1 is new or changed and was not checked yet."
    with pytest.raises(Conflict, match="meanwhile"):
        services.change_rule(warns, params={"column": "plan", "values": ["x"]}, severity="block", seen=1, by=engineer)
    services.retire_rule(changed, by=engineer)
    assert versions.why_not(version) == ""


def test_refusals_name_the_parameter_and_change_nothing(cast: Cast, checked: Callable[..., Version]) -> None:
    version = checked()
    for kind, params, field in [
        ("no_such", {}, "kind"),
        ("in_range", {"column": "charge"}, "low"),
        ("in_range", {"column": "plan", "low": 1}, "column"),
        ("in_range", {"column": "charge", "low": "x"}, "low"),
        ("pattern", {"column": "plan", "pattern": "(?=a)"}, "pattern"),
        ("reference", {"column": "id", "dataset": "elsewhere", "other": "id"}, "dataset"),
        ("formula", {"formula": "__import__('os')"}, "formula"),
        ("not_missing", {"columns": ["id"], "surprise": 1}, "surprise"),
    ]:
        with pytest.raises(Invalid) as refused:
            rule(cast, version, kind, **params)
        assert field in refused.value.fields, (kind, refused.value.fields)
    with pytest.raises(Invalid):
        services.add_rule(
            version.dataset, kind="row_count", params={"low": 1}, quarantine=True, by=cast[Role.DATA_ENGINEER]
        )
    assert not QualityRule.objects.exists()


def test_bad_rows_are_set_aside_counted_kept_and_the_rest_is_the_next_draft(
    cast: Cast, checked: Callable[..., Version], run_jobs: Run, browser_of: Any
) -> None:
    engineer, version = cast[Role.DATA_ENGINEER], checked()
    rule(cast, version, "not_missing", columns=["charge"])
    rule(cast, version, "in_set", column="plan", values=["month"])
    check(cast, version, run_jobs)
    quarantines.start_quarantine(version, by=engineer)
    assert [job.state for job in run_jobs()] == ["succeeded", "succeeded"]  # the split, and the check of what it made
    split = Quarantine.objects.get()
    assert (split.rows, split.state, split.made and split.made.number) == (2, "done", 2)
    made = Version.objects.select_related("dataset__project").get(number=2)
    assert (made.rows, made.state, versions.why_not(made)) == (2, "draft", "")
    from storage import blobs

    assert split.table is not None
    assert [row["id"] for row in tables.read(blobs.verified_path(split.table.sha256)).to_pylist()] == [2, 3]
    browser = browser_of(engineer)
    answer = browser.get("/p/churn/data/customers/v1/quarantined.csv")
    assert b"".join(answer.streaming_content).splitlines()[1:] == [b"2,year,20.0,False", b"3,month,,False"]
    whole = browser.get("/p/churn/data/customers/v1/").content
    assert b"2 rows set aside" in whole
    assert b"made of it without 2 bad rows" in whole
    assert b"the version of which 2 rows were set aside" in browser.get("/p/churn/data/customers/v2/").content
    with pytest.raises(Conflict, match="set aside already"):
        quarantines.start_quarantine(version, by=engineer)


def test_a_rule_may_set_rows_aside_by_itself(cast: Cast, checked: Callable[..., Version]) -> None:
    version = checked()
    services.add_rule(
        version.dataset,
        kind="not_missing",
        params={"columns": ["charge"]},
        severity="block",
        quarantine=True,
        by=cast[Role.DATA_ENGINEER],
    )
    checked()
    made = Version.objects.select_related("dataset__project").get(number=3)
    assert (made.rows, versions.why_not(made)) == (3, "")


def test_a_contract_binds_its_signature_and_its_consumers_are_told(
    cast: Cast, checked: Callable[..., Version], browser_of: Any, api_of: Callable[..., Client]
) -> None:
    engineer, scientist, version = cast[Role.DATA_ENGINEER], cast[Role.DATA_SCIENTIST], checked()
    full = rule(cast, version, "not_missing", "warn", columns=["plan"])
    contracts.write_contract(version.dataset, columns=["plan", "charge"], rules=[1], fresh_days=7, by=engineer)
    with pytest.raises(Conflict, match="no signed contract"):
        contracts.subscribe(version.dataset, consumer="training", by=scientist)
    contract = queries.newest_contract(version.dataset)
    assert contract is not None

    with pytest.raises(Denied):
        contracts.sign_contract(contract, seen=contract.fingerprint, by=scientist)
    assert (
        browser_of(engineer).post("/p/churn/data/customers/contract/sign/", {"seen": contract.fingerprint}).status_code
        == 302
    )
    assert queries.contract_in_force(version.dataset) == queries.newest_contract(version.dataset)
    contracts.subscribe(version.dataset, consumer="training", by=scientist)
    broken = checked(b"id,charge,leaves\n1,10.5,true\n")
    assert versions.why_not(broken) == "It breaks contract 1: plan is promised and is gone."
    assert Notice.objects.filter(
        recipient_id=scientist.pk, text__contains="breaks contract 1: plan is promised"
    ).exists()
    services.change_rule(full, params={"columns": ["charge"]}, severity="warn", seen=1, by=engineer)
    assert queries.contract_in_force(version.dataset) is None
    assert Notice.objects.filter(recipient_id=scientist.pk, text__contains="signature of contract 1").exists()
    page = browser_of(engineer).get("/p/churn/data/customers/contract/").content
    assert b"The signature fell" in page


def test_a_late_version_is_told_once(cast: Cast, checked: Callable[..., Version]) -> None:
    engineer, version = cast[Role.DATA_ENGINEER], checked()
    contracts.write_contract(version.dataset, columns=["plan"], rules=[], fresh_days=2, by=engineer)
    contract = queries.newest_contract(version.dataset)
    assert contract is not None
    contracts.sign_contract(contract, seen=contract.fingerprint, by=engineer)
    contracts.subscribe(version.dataset, consumer="role", role="data_scientist", by=engineer)
    assert contracts.tell_late() == 0
    type(contract).objects.update(signed_at=timezone.now() - timedelta(days=3))
    assert (contracts.tell_late(), contracts.tell_late()) == (1, 0)
    assert Notice.objects.filter(recipient_id=cast[Role.DATA_SCIENTIST].pk, text__contains="is late").count() == 1


def test_rules_are_suggested_accepted_listed_and_shown_with_a_strip_in_few_queries(
    cast: Cast, checked: Callable[..., Version], browser_of: Any, api_of: Callable[..., Client]
) -> None:
    engineer = cast[Role.DATA_ENGINEER]
    checked()
    client, browser = api_of(engineer), browser_of(engineer)
    offered = client.get(f"{HOME}rule-suggestions/").json()["results"]
    assert [one["sentence"] for one in offered] == [
        "There are at least 2 rows.",
        "id, plan and leaves are never missing.",
    ]
    answer = browser.post("/p/churn/data/customers/quality/suggestions/", {"says": offered[0]["sentence"]})
    assert answer.status_code == 302
    more = client.post(
        f"{HOME}rules/", {"kind": "unique", "params": {"columns": ["plan"]}}, content_type="application/json"
    )
    assert more.status_code == 201, more.json()
    checked()
    page = browser.get("/p/churn/data/customers/quality/").content.decode()
    assert "v1 not checked, v2 passed" in page
    assert "v1 not checked, v2 failed" in page
    told = client.get(f"{HOME}versions/2/checks/").json()
    assert [(one["rule"], one["verdict"], one["failed_rows"]) for one in told["results"]] == [
        (2, "failed", 3),
        (1, "passed", None),
    ]
    assert client.get(f"{HOME}rules/2/").json()["history"][1]["verdict"] == "failed"

    def queries_of(path: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as found:
            assert browser.get(path).status_code == 200
        return len(found)

    few = queries_of("/p/churn/data/customers/quality/"), queries_of("/p/churn/data/customers/v2/")
    dataset = Version.objects.all()[0].dataset
    for low in range(3, 23):
        services.add_rule(dataset, kind="row_count", params={"low": low}, by=engineer)
    many = queries_of("/p/churn/data/customers/quality/"), queries_of("/p/churn/data/customers/v2/")
    assert many[0] <= few[0] + 1
    assert many[1] <= few[1] + 1


def test_the_forms_add_change_and_waive(
    cast: Cast, checked: Callable[..., Version], run_jobs: Run, browser_of: Any
) -> None:
    checked()
    browser = browser_of(cast[Role.DATA_ENGINEER])
    home = "/p/churn/data/customers/"
    bad = browser.post(
        f"{home}quality/add/in_range/", {"column": "charge", "low": "9", "high": "1", "severity": "block"}
    )
    assert bad.status_code == 422
    assert b"Above the upper end" in bad.content
    form = {"column": "charge", "low": "", "high": "15", "allowed": "0", "severity": "block"}
    assert browser.post(f"{home}quality/add/in_range/", form).status_code == 302
    assert browser.get(f"{home}quality/rules/1/").status_code == 200
    assert browser.post(f"{home}quality/rules/1/", form | {"high": "16", "seen": "1"}).status_code == 302
    assert browser.post(f"{home}v1/check/").status_code == 302
    run_jobs()
    assert b"charge is at most 16" in browser.get(f"{home}v1/").content
    late = (timezone.localdate() + timedelta(days=400)).isoformat()
    refused = browser.post(f"{home}v1/waive/1/", {"reason": "x", "until": late})
    assert refused.status_code == 422
    assert b"within 90 days" in refused.content
    soon = (timezone.localdate() + timedelta(days=4)).isoformat()
    assert browser.post(f"{home}v1/waive/1/", {"reason": "Known", "until": soon}).status_code == 302
    assert browser_of(cast[Role.VIEWER]).post(f"{home}v1/waive/1/", {"reason": "x", "until": soon}).status_code == 403
    assert browser.get(f"{home}contract/write/").status_code == 200
    written = browser.post(f"{home}contract/write/", {"columns": ["id", "charge"], "rules": ["1"], "fresh_days": "7"})
    assert written.status_code == 302
    assert b"Waits for a signature" in browser.get(f"{home}contract/").content


def test_the_catalog_finds_by_what_the_last_check_of_the_newest_version_said(
    cast: Cast, checked: Callable[..., Version], run_jobs: Run, api_of: Callable[..., Client], browser_of: Any
) -> None:
    def found(quality: str) -> list[str]:
        answer = api_of(cast[Role.VIEWER]).get("/api/v1/catalog/", {"quality": quality}).json()
        return [one["name"] for one in answer["results"]]

    first = checked()
    assert [found("holds"), found("fails"), found("unchecked")] == [[], [], ["customers"]]
    rule(cast, first, "not_missing", severity="warn", columns=["charge"])
    check(cast, first, run_jobs)
    assert [found("holds"), found("fails"), found("unchecked")] == [[], ["customers"], []]
    checked(CUSTOMERS.replace(b",,", b",5,"))
    assert [found("holds"), found("fails"), found("unchecked")] == [["customers"], [], []]
    page = browser_of(cast[Role.VIEWER]).get("/data/?quality=holds").content.decode()
    assert "customers" in page
    assert "customers" not in browser_of(cast[Role.VIEWER]).get("/data/?quality=fails").content.decode()
