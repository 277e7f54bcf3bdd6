"""Money, the practice without a model, and who may change them."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from problems.problem import Invalid
from projects import baselines
from projects.money import Money, said, sentences
from projects.permissions import Role
from projects.queries.worth import worth_of
from projects.services.worth import set_baseline, set_worth
from tests.conftest import Cast

amounts = st.floats(-1e6, 1e6)
few = st.integers(0, 1000)


@settings(deadline=None)
@given(amounts, amounts, amounts, amounts, st.lists(st.tuples(few, few, few, few), min_size=1, max_size=5))
def test_the_worth_of_a_whole_is_the_sum_of_its_parts(a: float, b: float, c: float, d: float, parts: Any) -> None:
    money = Money("EUR", a, b, c, d)
    whole = money.of_counts(*(sum(part[i] for part in parts) for i in range(4)))
    assert whole == pytest.approx(sum(money.of_counts(*part) for part in parts), rel=1e-9, abs=1e-3)


@settings(deadline=None)
@given(st.floats(-1e12, 1e12), st.sampled_from(["EUR", "USD", "SEK"]))
def test_any_amount_can_be_said(amount: float, currency: str) -> None:
    text = said(currency, amount)
    assert text.startswith("−") <= (amount < 0)
    assert any(letter.isdigit() for letter in text)


def test_the_table_reads_back_as_sentences() -> None:
    lines = sentences(Money("EUR", 410, -6.5, 0, -20, cases_a_month=4000), "binary", "leavers")
    assert "Each wasted call costs €\u00a06.50." in lines
    assert "Each rightly called case brings €\u00a0410." in lines
    assert "A month brings 4\u2009000 cases." in lines
    assert "leavers" in " ".join(lines)
    assert sentences(Money(per_unit_off=-3), "regression")[0].startswith("Each unit that an answer is off costs")
    assert sentences(Money(), "binary") == [
        "No answer is worth or costs anything yet.",
        "Nobody said how many cases a month brings.",
    ]


def test_each_change_of_worth_is_a_new_version_and_the_same_again_is_none(cast: Cast) -> None:
    manager = cast[Role.PRODUCT_MANAGER]
    assert worth_of(cast.project) is None
    first = set_worth(cast.project, values={"right_yes": 40.0, "currency": "eur"}, by=manager)
    assert (first.version, first.currency) == (1, "EUR")
    assert set_worth(cast.project, values={"right_yes": 40.0}, by=manager) == first
    assert set_worth(cast.project, values={"right_yes": 41.0}, by=manager).version == 2


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"currency": "EURO"}, "currency"),
        ({"right_yes": float("nan")}, "right_yes"),
        ({"cases_a_month": 0.0}, "cases_a_month"),
        ({"wrong_no": 1e300}, "wrong_no"),
    ],
)
def test_numbers_that_cannot_be_are_refused_by_name(cast: Cast, values: Any, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        set_worth(cast.project, values=values, by=cast[Role.PRODUCT_MANAGER])
    assert field in refused.value.fields


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
words = st.sampled_from(["answer", "otherwise", "join", "conditions", "column", "order_by"])


@settings(deadline=None)
@given(
    st.sampled_from([*baselines.KINDS, "model"]),
    st.sampled_from(["binary", "regression"]),
    st.dictionaries(words, anything, max_size=6),
)
def test_whatever_is_sent_as_a_baseline_is_kept_whole_or_refused_by_field(kind: str, question: str, sent: Any) -> None:
    spec, wrong = baselines.make(kind, question, sent)
    assert (spec is None) == bool(wrong)
    if spec is not None:
        assert baselines.sentence(spec)
        assert all(isinstance(name, str) and name for name in baselines.columns_of(spec))


def test_a_baseline_has_versions_and_reads_as_a_sentence(cast: Cast) -> None:
    conditions = [{"column": "months", "op": "<", "value": "12"}, {"column": "plan", "op": "=", "value": "flex"}]
    expert = cast[Role.DOMAIN_EXPERT]
    first = set_baseline(cast.project, kind="rule", values={"conditions": conditions}, by=expert)
    assert first.words == "Answer yes when months is under 12 and plan is flex, else no."
    second = set_baseline(cast.project, kind="constant", values={"answer": "No"}, by=expert)
    assert (second.version, second.words) == (2, "Always answer no.")
    with pytest.raises(Invalid, match="yes or no"):
        set_baseline(cast.project, kind="constant", values={"answer": "maybe"}, by=expert)


@pytest.mark.parametrize("path", ["worth/", "baseline/"])
def test_a_data_scientist_reads_and_is_told_who_may_change(cast: Cast, api_of: Any, path: str) -> None:
    address = f"/api/v1/projects/churn/{path}"
    client = api_of(cast[Role.DATA_SCIENTIST])
    assert client.get(address).json()["version"] == 0
    refused = client.put(address, {}, "application/json")
    assert refused.status_code == 403
    assert "Product manager" in refused.json()["detail"]


def test_worth_and_baseline_are_set_over_rest(cast: Cast, api_of: Any) -> None:
    client = api_of(cast[Role.PRODUCT_MANAGER])
    worth = client.put("/api/v1/projects/churn/worth/", {"right_yes": 40, "wrong_yes": -6.5}, "application/json")
    assert worth.status_code == 200, worth.content
    assert "Each wasted call costs €\u00a06.50." in worth.json()["sentences"]
    body = {"kind": "rule", "conditions": [{"column": "months", "op": "<", "value": "12"}]}
    baseline = client.put("/api/v1/projects/churn/baseline/", body, "application/json")
    assert baseline.status_code == 200, baseline.content
    assert baseline.json()["sentence"].startswith("Answer yes when months is under 12")
    assert client.put("/api/v1/projects/churn/baseline/", {"kind": "rule"}, "application/json").status_code == 422


def test_define_asks_for_the_practice_and_the_targets_can_be_signed_without_it(cast: Cast, browser_of: Any) -> None:
    page = browser_of(cast[Role.PRODUCT_MANAGER]).get("/p/churn/define/").content.decode()
    assert "What is done without a model is named" in page
    assert "yardstick" in page


def test_the_page_saves_and_shows_the_numbers(cast: Cast, browser_of: Any, django_assert_max_num_queries: Any) -> None:
    browser = browser_of(cast[Role.PRODUCT_MANAGER])
    sent = {"currency": "EUR", "right_yes": "40", "wrong_yes": "-6.50", "cases_a_month": "4000"}
    assert browser.post("/p/churn/define/worth/", sent).status_code == 302
    with django_assert_max_num_queries(40):
        page = browser.get("/p/churn/define/worth/").content.decode()
    assert "Each wasted call costs" in page
    assert browser.post("/p/churn/define/worth/", sent | {"currency": "?"}).status_code == 422
    assert browser_of(cast[Role.DATA_SCIENTIST]).post("/p/churn/define/worth/", sent).status_code == 403
