"""The long replays: every window of every stream, and shuffles of all of them. `make replays`."""

import pytest

from tests.monitoring.replaying import ELEC, STREAMS, loans, read, replay, rides

pytestmark = pytest.mark.skipif(not STREAMS.exists(), reason="the shared streams are not on this machine")


def test_every_window_of_elec2_after_the_constant_third_names_victoria() -> None:
    victoria = {"vicprice", "vicdemand", "transfer"}
    for start, moved in replay(read("elec2.csv.gz", ELEC), 8736, 1344):
        assert bool(victoria & set(moved)) == (start + 1344 > 17_424)


def test_every_month_of_chicago_since_march_2020_is_another_world() -> None:
    days = rides()
    days = days[days["service_date"] >= "2018-01-01"].reset_index(drop=True)
    found = dict(replay(days[["day_type", "bus", "rail_boardings", "total_rides"]], 730, 28))
    dates = days["service_date"]
    assert all(moved for start, moved in found.items() if dates[start + 27] >= dates[dates == "2020-03-15"].iloc[0])


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("stream", ["loans", "elec2", "bikes", "chicago"])
def test_shuffled_streams_raise_no_more_than_stated(stream: str, seed: int) -> None:
    weather = ["count", "temp", "humidity", "windspeed"]
    frame = {
        "loans": loans,
        "elec2": lambda: read("elec2.csv.gz", ELEC),
        "bikes": lambda: read("bike_sharing_hourly.csv", weather),
        "chicago": lambda: rides()[["day_type", "bus", "rail_boardings", "total_rides"]],
    }[stream]()
    mixed = frame.sample(frac=1, random_state=seed).reset_index(drop=True)
    found = list(replay(mixed, len(mixed) // 2, 250))
    raised = sum(bool(moved) for _, moved in found)
    assert raised <= 0.01 * len(found) + 3 * (0.01 * len(found)) ** 0.5 + 1
