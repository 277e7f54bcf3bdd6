"""The sample's story is the same every time, and changes where it says it does."""

import csv
import io
from collections import Counter

from monitoring import demo_story


def test_the_same_seed_tells_the_same_story_to_the_byte() -> None:
    assert demo_story.as_csv(demo_story.history()) == demo_story.as_csv(demo_story.history())
    assert demo_story.week(5) == demo_story.week(5)


def test_another_seed_tells_another_story() -> None:
    assert demo_story.history(1, 50) != demo_story.history(2, 50)


def test_the_history_has_categories_missing_values_and_enough_leavers() -> None:
    customers = demo_story.history()
    assert len(customers) == demo_story.CUSTOMERS
    leavers = sum(customer.will_leave == "yes" for customer in customers) / len(customers)
    assert 0.15 < leavers < 0.40
    assert any(customer.data_use_gb is None for customer in customers)
    assert {customer.contract_type for customer in customers} == {"month", "year", "two_year"}


def test_flex_and_higher_fees_come_with_the_last_weeks_only() -> None:
    weeks = demo_story.weeks()
    flex = [Counter(customer.contract_type for customer in week)["flex"] for week in weeks]
    assert flex[: demo_story.WEEKS_BEFORE] == [0] * demo_story.WEEKS_BEFORE
    assert all(count > 50 for count in flex[demo_story.WEEKS_BEFORE :])
    fees = [sum(customer.monthly_fee for customer in week) / len(week) for week in weeks]
    assert min(fees[demo_story.WEEKS_BEFORE :]) > 1.1 * max(fees[: demo_story.WEEKS_BEFORE])


def test_the_csv_has_one_line_for_each_customer_and_empty_cells_where_missing() -> None:
    customers = demo_story.history(customers=200)
    rows = list(csv.DictReader(io.StringIO(demo_story.as_csv(customers).decode())))
    assert len(rows) == 200
    assert list(rows[0]) == demo_story.COLUMNS
    missing = [row for row, customer in zip(rows, customers, strict=True) if customer.data_use_gb is None]
    assert missing
    assert all(row["data_use_gb"] == "" for row in missing)


def test_the_model_is_asked_with_inputs_alone() -> None:
    row = demo_story.history(customers=1)[0].row()
    assert "will_leave" not in row
    assert "customer_id" not in row
