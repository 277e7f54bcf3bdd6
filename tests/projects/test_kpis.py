"""What the business counts: brought by page, file and REST, once a day, by whoever may, and asked for when late."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import Entry
from problems.problem import Conflict, Invalid
from projects import targets
from projects.contract import Goal, Verdict
from projects.models.kpis import Kpi, KpiValue
from projects.overview import needs
from projects.permissions import Role
from projects.points import Point
from projects.queries.define import goals_of, latest_contract
from projects.queries.kpis import figures, judged_now, kpi_for, kpis_of
from projects.queries.team import roles_by_project
from projects.services.charter import save_charter
from projects.services.define import set_targets, sign_contract
from projects.services.kpis import define_kpi, put_values
from tests.conftest import Cast

pytestmark = pytest.mark.django_db
CHURN = Goal(
    "Customers lost per month",
    "churn",
    "at_most",
    2.5,
    "%",
    kind="kpi",
    baseline=3.1,
    owner="product_manager",
    cadence="monthly",
    source="entered",
)
RECALL = Goal("Find", "recall", "at_least", 0.7, "", True)
TEXTS = {"problem": "They leave.", "decision": "We call.", "prediction": "Who?", "harmed": "Nobody, because."}
Browser = Callable[..., Client]


@pytest.fixture
def kpi(cast: Cast) -> Kpi:
    """A KPI that a target names."""
    set_targets(cast.project, [RECALL, CHURN], by=cast[Role.PRODUCT_MANAGER])
    return kpi_for(cast.project, "churn")


def put(cast: Cast, kpi: Kpi, *points: Point) -> int:
    return put_values(kpi, points, source=KpiValue.Source.ENTERED, by=cast[Role.PRODUCT_MANAGER])


def day(back: int) -> Any:
    return timezone.localdate() - timedelta(days=back)


def sent(client: Client, verb: str, path: str, body: Any = None) -> tuple[int, Any]:
    answer = getattr(client, verb)(f"/api/v1/projects/churn/{path}", body, content_type="application/json")
    return answer.status_code, json.loads(answer.content or b"null")


def test_a_target_makes_its_kpi_and_a_changed_one_changes_it(cast: Cast, kpi: Kpi) -> None:
    assert (kpi.name, kpi.unit, kpi.baseline, kpi.owner) == ("Customers lost per month", "%", 3.1, "product_manager")
    goals = goals_of(latest_contract(cast.project))
    assert goals == [RECALL, CHURN]
    other = Goal(**{**vars(CHURN), "unit": "of 100", "owner": "domain_expert"})
    set_targets(cast.project, [RECALL, other], by=cast[Role.PRODUCT_MANAGER])
    kpi.refresh_from_db()
    assert (kpi.unit, kpi.owner) == ("of 100", "domain_expert")
    set_targets(cast.project, [RECALL], by=cast[Role.PRODUCT_MANAGER])
    assert Kpi.objects.filter(pk=kpi.pk).exists()  # what was counted stays when the target goes


def test_the_newest_value_is_judged(cast: Cast, kpi: Kpi) -> None:
    goals = [RECALL, CHURN]
    assert judged_now(cast.project, goals) == {}
    put(cast, kpi, Point(day(40), 2.9), Point(day(10), 2.4))
    judged = judged_now(cast.project, goals)["kpi:churn"]
    assert judged.verdict == Verdict.MET
    assert judged.sentence.startswith("Met: 2.4 %; target at most 2.5 %.")
    put(cast, kpi, Point(day(5), 2.6, 2.3, 2.9))
    assert judged_now(cast.project, goals)["kpi:churn"].verdict == Verdict.CLOSE


def test_the_same_value_again_changes_nothing_and_another_one_takes_its_place(cast: Cast, kpi: Kpi) -> None:
    assert put(cast, kpi, Point(day(3), 2.9)) == 1
    assert put(cast, kpi, Point(day(3), 2.9)) == 0
    assert put(cast, kpi, Point(day(3), 2.8), Point(day(2), 2.7)) == 2
    assert [value.value for value in kpi.values.all()] == [2.7, 2.8]
    assert Entry.objects.filter(name="kpi.values_put").count() == 2


def test_a_bad_value_among_good_ones_keeps_all_of_them_out(cast: Cast, kpi: Kpi) -> None:
    with pytest.raises(Invalid):
        put(cast, kpi, Point(day(3), 2.9), Point(day(-3), 2.9))
    assert not kpi.values.exists()


def test_a_kpi_is_defined_once(cast: Cast) -> None:
    made = define_kpi(cast.project, name="Minutes saved", direction="at_least", by=cast[Role.PRODUCT_MANAGER])
    assert (made.key, made.cadence, made.source) == ("minutes-saved", "monthly", "entered")
    with pytest.raises(Conflict):
        define_kpi(cast.project, name="Minutes  saved", direction="at_least", by=cast[Role.PRODUCT_MANAGER])
    with pytest.raises(Invalid) as refusal:
        define_kpi(cast.project, name="x", direction="sideways", by=cast[Role.PRODUCT_MANAGER])
    assert list(refusal.value.fields) == ["direction"]


def test_late_values_wait_for_their_owner_and_nobody_else(cast: Cast, kpi: Kpi) -> None:
    def waits(role: Role) -> list[str]:
        person = cast[role]
        found = needs(person, roles_by_project(person))
        return [need.why for need in found if "Bring the value" in need.title]

    assert waits(Role.PRODUCT_MANAGER) == []
    Kpi.objects.update(created_at=timezone.now() - timedelta(days=70))
    assert "There is none yet." in waits(Role.PRODUCT_MANAGER)[0]
    assert waits(Role.BUSINESS_ANALYST) == waits(Role.DATA_SCIENTIST) == []
    put(cast, kpi, Point(day(1), 2.9))
    assert waits(Role.PRODUCT_MANAGER) == []
    KpiValue.objects.update(on=day(45))
    assert len(waits(Role.PRODUCT_MANAGER)) == 1
    Kpi.objects.update(source="money")
    assert waits(Role.PRODUCT_MANAGER) == []


def test_a_person_enters_a_value_and_sees_it_drawn_and_judged(cast: Cast, kpi: Kpi, browser_of: Browser) -> None:
    browser = browser_of(cast[Role.DOMAIN_EXPERT])
    page = browser.get("/p/churn/define/kpis/churn/").content.decode()
    assert "Nothing has been counted yet." in page
    body = {"on": str(day(2)), "value": "2.9", "note": "from billing"}
    assert browser.post("/p/churn/define/kpis/churn/values/", body).status_code == 302
    page = browser.get("/p/churn/define/kpis/churn/").content.decode()
    assert "Not met: 2.9 %; target at most 2.5 %." in page
    assert 'data-plot="kpi-data"' in page
    assert '"paper_bgcolor"' in page  # the themes, without which nothing is drawn
    assert "By version 1 of the targets" in page
    wrong = browser.post("/p/churn/define/kpis/churn/values/", body | {"low": "5", "high": "6"})
    assert wrong.status_code == 422
    assert "outside its own interval" in wrong.content.decode()
    assert 'value="from billing"' in wrong.content.decode()
    assert browser.post("/p/churn/define/kpis/none/values/", body).status_code == 404
    overview = browser.get("/p/churn/").content.decode()
    assert "/p/churn/define/kpis/churn/" in overview
    assert "2.9 %" in overview


def test_a_file_of_values_is_kept_whole_or_not_at_all(cast: Cast, kpi: Kpi, browser_of: Browser) -> None:
    browser = browser_of(cast[Role.DATA_ANALYST])

    def upload(text: str) -> Any:
        file = SimpleUploadedFile("values.csv", text.encode(), "text/csv")
        return browser.post("/p/churn/define/kpis/churn/file/", {"file": file})

    answer = upload(f"date,value\n{day(9)},2.9\n{day(8)},much\nnever,1\n")
    assert answer.status_code == 422
    assert "Line 3 has “much”" in answer.content.decode()
    assert "line 4 has “never”" in answer.content.decode()
    assert not kpi.values.exists()
    assert upload(f"date,value\n{day(9)},2.9\n{day(8)},2.8\n").status_code == 302
    assert kpi.values.count() == 2
    assert set(kpi.values.values_list("source", flat=True)) == {"uploaded"}


def test_kpis_are_started_on_their_page(cast: Cast, browser_of: Browser) -> None:
    browser = browser_of(cast[Role.BUSINESS_ANALYST])
    body = {
        "name": "Hours",
        "direction": "at_least",
        "source": "entered",
        "owner": "domain_expert",
        "cadence": "weekly",
    }
    assert browser.post("/p/churn/define/kpis/", body)["Location"] == "/p/churn/define/kpis/hours/"
    assert browser.post("/p/churn/define/kpis/", body).status_code == 409
    assert browser.post("/p/churn/define/kpis/", {}).status_code == 422
    assert "Hours" in browser.get("/p/churn/define/kpis/").content.decode()
    refused = browser_of(cast[Role.DATA_SCIENTIST]).post("/p/churn/define/kpis/", body)
    assert refused.status_code == 403
    assert "Ask" in refused.content.decode()


def test_values_come_over_rest_once_for_each_day(cast: Cast, kpi: Kpi, api_of: Browser) -> None:
    client = api_of(cast[Role.LEADERSHIP])
    values = [{"date": str(day(40)), "value": 2.9}, {"date": str(day(9)), "value": 2.4, "low": 2.2, "high": 2.5}]
    status, answer = sent(client, "post", "kpis/churn/values/", {"values": values})
    assert (status, answer["changed"], answer["verdict"], answer["contract"]) == (200, 2, "met", 1)
    assert sent(client, "post", "kpis/churn/values/", {"values": values})[1]["changed"] == 0
    assert [row["value"] for row in sent(client, "get", "kpis/churn/values/")[1]["results"]] == [2.4, 2.9]
    status, answer = sent(client, "post", "kpis/churn/values/", {"values": [values[0], values[0]]})
    assert (status, list(answer["fields"])) == (422, ["value_1"])
    status, answer = sent(client, "post", "kpis/churn/values/", {"values": [{"date": "soon", "value": "x"}]})
    assert status == 422
    assert sent(api_of(cast[Role.DATA_SCIENTIST]), "post", "kpis/churn/values/", {"values": values})[0] == 403
    assert sent(client, "get", "kpis/other/values/")[0] == 404
    status, listed = sent(client, "get", "kpis/")
    assert [row["key"] for row in listed["results"]] == ["churn"]
    new = {"name": "Revenue", "direction": "at_least", "unit": "EUR"}
    assert sent(client, "post", "kpis/", new)[0] == 403
    status, answer = sent(api_of(cast[Role.PRODUCT_MANAGER]), "post", "kpis/", new)
    assert (status, answer["key"], answer["verdict"]) == (201, "revenue", None)


def test_lists_of_kpis_take_the_same_number_of_queries_however_many_there_are(
    cast: Cast, browser_of: Browser, api_of: Browser
) -> None:
    clients = [
        (browser_of(cast[Role.VIEWER]), "/p/churn/define/kpis/"),
        (api_of(cast[Role.VIEWER]), "/api/v1/projects/churn/kpis/"),
    ]
    counts: list[list[int]] = []
    for start in (0, 12):
        for number in range(start, start + 3 if start else 2):
            made = define_kpi(cast.project, name=f"K {number}", direction="at_least", by=cast[Role.OWNER])
            put(cast, made, Point(day(3), 1.0), Point(day(2), 2.0))
        row = []
        for client, path in clients:
            client.get(path)
            with CaptureQueriesContext(
                connection,
            ) as taken:
                assert client.get(path).status_code == 200
            row.append(len(taken))
        counts.append(row)
    assert counts[0] == counts[1]
    assert counts[0][0] <= 35
    assert len(figures(list(kpis_of(cast.project)), [])) == 5


ALL = [
    {"metric": "recall", "threshold": 0.7, "deciding": True},
    {"kind": "slice", "metric": "recall", "threshold": 0.6, "column": "plan", "equals": "flex"},
    {"kind": "slice", "metric": "recall", "threshold": 0.6, "column": "age", "floor": 60, "ceiling": 75},
    {"kind": "fairness", "metric": "recall", "threshold": 0.05, "column": "age_group", "least_group": 50},
    {"kind": "latency", "threshold": 120},
    {"kind": "kpi", "name": "Churn", "direction": "at_most", "threshold": 2.5, "by_date": "2027-06-01", "unit": "%"},
    {"kind": "kpi", "name": "Saved", "threshold": 50_000, "source": "money", "unit": "EUR"},
]


def test_all_kinds_of_targets_go_over_rest_and_come_back(cast: Cast, api_of: Browser, browser_of: Browser) -> None:
    client = api_of(cast[Role.BUSINESS_ANALYST])
    status, answer = sent(client, "put", "contract/", {"targets": ALL})
    assert status == 200, answer
    rows = answer["latest"]["targets"]
    assert [row["kind"] for row in rows] == ["metric", "slice", "slice", "fairness", "latency", "kpi", "kpi"]
    assert rows[3]["sentence"].startswith("Between groups of age_group")
    back = [{name: value for name, value in row.items() if name not in ("sentence", "key")} for row in rows]
    status, again = sent(client, "put", "contract/", {"targets": back, "fingerprint": answer["fingerprint"]})
    assert (status, again["fingerprint"]) == (200, answer["fingerprint"])
    page = browser_of(cast[Role.BUSINESS_ANALYST]).get("/p/churn/define/").content.decode()
    for name in ("column", "equals", "floor", "ceiling", "value", "unit"):
        assert f'name="{name}"' in page
    assert {kpi.key for kpi in kpis_of(cast.project)} == {"churn", "saved"}


@pytest.mark.parametrize(
    ("place", "change", "field"),
    [
        (1, {"column": ""}, "column"),
        (2, {"ceiling": 10}, "ceiling"),
        (3, {"threshold": 5}, "threshold"),
        (3, {"metric": "mae"}, "metric"),
        (4, {"threshold": -1}, "threshold"),
        (4, {"column": "age"}, "column"),
        (5, {"direction": None}, "direction"),
        (5, {"by_date": "soon"}, "by_date"),
        (6, {"deciding": True}, "deciding"),
        (6, {"kind": "hope"}, "kind"),
    ],
)
def test_a_wrong_target_over_rest_is_named_by_its_place_and_field(
    cast: Cast, api_of: Browser, place: int, change: dict[str, Any], field: str
) -> None:
    rows = [row | (change if i == place else {}) for i, row in enumerate(ALL)]
    status, answer = sent(api_of(cast[Role.BUSINESS_ANALYST]), "put", "contract/", {"targets": rows})
    assert status == 422
    assert [name.replace("targets.", "targets[").split(".")[-1] for name in answer["fields"]] == [field]
    assert str(place) in next(iter(answer["fields"]))
    assert latest_contract(cast.project) is None


def test_targets_of_every_kind_are_added_and_changed_on_the_page(cast: Cast, browser_of: Browser) -> None:
    browser = browser_of(cast[Role.BUSINESS_ANALYST])
    for kind, body in {
        "metric": {"metric": "recall", "value": "70"},
        "slice": {"metric": "recall", "value": "60", "column": "plan", "equals": "flex"},
        "fairness": {"metric": "recall", "value": "5", "column": "age_group", "least_group": "40"},
        "latency": {"value": "120"},
        "kpi": {"name": "Churn", "direction": "at_most", "value": "2.5", "unit": "%", "baseline": "3.1"}
        | {"source": "entered", "owner": "domain_expert", "cadence": "weekly", "by_date": "2027-06-01"},
    }.items():
        page = browser.get(f"/p/churn/define/?add={kind}").content.decode()
        assert all(f'name="{name}"' in page for name in body), kind
        answer = browser.post("/p/churn/define/targets/", body | {"kind": kind})
        assert answer.status_code == 302, answer.content.decode()[-4000:]
    goals = goals_of(latest_contract(cast.project))
    assert [goal.threshold for goal in goals] == [0.7, 0.6, 0.05, 120.0, 2.5]
    assert [goal.deciding for goal in goals] == [True, False, False, False, False]
    change = {"do": "change", "value": "2.4", "unit": "%", "baseline": "3.2"}
    assert browser.post("/p/churn/define/targets/4/", change).status_code == 302
    change = {"do": "change", "value": "55", "column": "plan", "equals": "yearly"}
    assert browser.post("/p/churn/define/targets/1/", change).status_code == 302
    goals = goals_of(latest_contract(cast.project))
    assert (goals[4].threshold, goals[4].baseline, goals[4].by_date) == (2.4, 3.2, "2027-06-01")
    assert (goals[1].threshold, goals[1].equals) == (0.55, "yearly")
    bad = browser.post("/p/churn/define/targets/", {"kind": "fairness", "metric": "recall", "value": "5"})
    assert bad.status_code == 422
    assert "This field is required" in bad.content.decode()
    assert browser.post("/p/churn/define/targets/", {"kind": "wish", "value": "5"}).status_code == 422


def test_two_people_change_at_once_and_the_second_is_told_what_the_first_did(cast: Cast, api_of: Browser) -> None:
    analyst, manager = api_of(cast[Role.BUSINESS_ANALYST]), api_of(cast[Role.PRODUCT_MANAGER])
    seen = sent(analyst, "put", "contract/", {"targets": [ALL[0]]})[1]["fingerprint"]
    first = {"targets": [ALL[0] | {"threshold": 0.75}, ALL[4]], "fingerprint": seen}
    assert sent(manager, "put", "contract/", first)[0] == 200
    status, answer = sent(analyst, "put", "contract/", {"targets": [ALL[0] | {"threshold": 0.8}], "fingerprint": seen})
    assert (status, answer["code"]) == (409, "changed_meanwhile")
    assert answer["changes"] == [
        "Added: 95 of 100 answers come within 120 milliseconds",
        "Found, of 100: at least 70 became at least 75",
    ]
    assert "Product manager wrote them" in answer["detail"]
    again = {"targets": [ALL[0] | {"threshold": 0.8}], "fingerprint": answer["fingerprint"]}
    assert sent(analyst, "put", "contract/", again)[0] == 200


def test_even_the_owner_changes_signed_targets_only_with_a_business_role(
    cast: Cast, api_of: Browser, browser_of: Browser
) -> None:
    owner = cast[Role.OWNER]
    save_charter(cast.project, version=0, texts=TEXTS, by=owner)
    set_targets(cast.project, [RECALL], by=owner)
    sign_contract(cast.project, seen=targets.fingerprint([RECALL]), by=cast[Role.BUSINESS_ANALYST])
    status, answer = sent(api_of(owner), "put", "contract/", {"targets": [ALL[0] | {"threshold": 0.1}]})
    assert status == 403
    assert "Ask Business analyst, Product manager." in answer["detail"]
    page = browser_of(owner).post("/p/churn/define/targets/0/", {"do": "change", "value": "10"})
    assert page.status_code == 403
    assert "Ask Business analyst" in page.content.decode()
    assert goals_of(latest_contract(cast.project)) == [RECALL]
    assert sent(api_of(cast[Role.PRODUCT_MANAGER]), "put", "contract/", {"targets": [ALL[0]]})[0] == 200
