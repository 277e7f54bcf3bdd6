"""Known breaks of real streams are found in the window in which they lie, with the right input named first."""

import pandas as pd
import pytest

from tests.monitoring.replaying import ELEC, STREAMS, loans, read, replay, rides

pytestmark = pytest.mark.skipif(not STREAMS.exists(), reason="the shared streams are not on this machine")


def test_car_loans_break_on_31_march_2019_and_nothing_is_said_before() -> None:
    found = dict(replay(loans(), 50_000, 5000))
    first = 75_000  # row 25,000 of the analysis part
    assert all(not moved for start, moved in found.items() if start < first)
    those = {
        "car_value",
        "loan_length",
        "repaid_loan_on_prev_car",
        "salary_range",
    }  # as NannyML's quickstart names them
    for start, moved in found.items():
        if start >= first:
            assert moved[0] == "car_value"
            assert set(moved) == those


def test_three_constant_columns_of_elec2_start_to_move_in_the_window_of_row_17424() -> None:
    found = dict(replay(read("elec2.csv.gz", ELEC).iloc[:20_000], 8736, 1344, first=14_112))
    victoria = {"vicprice", "vicdemand", "transfer"}
    assert not victoria & {*found[14_112], *found[15_456]}
    assert set(found[16_800][:3]) == set(found[18_144][:3]) == victoria


def test_chicago_breaks_in_the_window_of_15_march_2020() -> None:
    days = rides()
    days = days[days["service_date"] >= "2018-01-01"].reset_index(drop=True)
    dates = days["service_date"]
    found = dict(replay(days[["day_type", "bus", "rail_boardings", "total_rides"]].iloc[:870], 730, 28))
    breaks = [start for start, moved in found.items() if moved]
    first = breaks[0]
    assert dates[first] <= dates[dates == "2020-03-15"].iloc[0] <= dates[first + 27]
    assert found[first][0] == "rail_boardings"
    assert breaks == list(range(first, first + 28 * len(breaks), 28))  # and it lasts


def test_bike_rides_grew_from_2011_to_2012_and_the_weather_did_not_change() -> None:
    columns = ["year", "count", "registered", "temp", "humidity", "windspeed"]
    hours = read("bike_sharing_hourly.csv", columns)
    before = int((hours["year"] == 0).sum())
    ((_, moved),) = replay(hours[columns[1:]], before, len(hours) - before)
    assert moved == ["registered", "count"]


def test_shuffled_loans_raise_no_more_than_stated() -> None:
    mixed = loans().sample(frac=1, random_state=7).reset_index(drop=True)
    found = list(replay(mixed, 50_000, 500))
    assert len(found) == 100
    assert sum(bool(moved) for _, moved in found) <= 3  # stated: one check in a hundred


def test_california_walks_over_the_map_in_every_window_and_place_is_named_first() -> None:
    columns = ["MedInc", "HouseAge", "AveRooms", "AveBedrms", "Population", "AveOccup", "Latitude", "Longitude"]
    parts = [f"nannyml_california/california_housing_{part}.csv" for part in ("reference", "analysis")]
    frame = pd.concat([read(part, columns) for part in parts], ignore_index=True)
    found = dict(replay(frame, 5832, 1000))
    assert len(found) == 8
    for moved in found.values():
        assert set(moved[:2]) == {"Latitude", "Longitude"}
