"""Real streams as traffic: asked of a real prediction server, outcomes late, checked window by window: `make streams`.

The first part of each stream is what its model learned from; the rest comes as requests in the stream's order. The
known break must be in the window in which it lies, with the right input named first.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from projects.permissions import Role
from tests.journeys.team import Team, make_team, ok
from tests.journeys.test_path import define, promote
from tests.live import Http, Instance, running, until
from tests.monitoring.replaying import ELEC, STREAMS, rides

pytestmark = [
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not STREAMS.exists(), reason="the shared streams are not on this machine"),
]
HOUSES = ["MedInc", "HouseAge", "AveRooms", "AveBedrms", "Population", "AveOccup", "Latitude", "Longitude"]
WEATHER = ["season", "month", "hour", "holiday", "weekday", "workingday", "weathersit", "temp", "humidity", "windspeed"]
CAR = ["car_value", "salary_range", "debt_to_income_ratio", "loan_length"]
CAR += ["repaid_loan_on_prev_car", "size_of_downpayment", "driver_tenure"]


@dataclass(frozen=True)
class Stream:
    """A stream: its rows in order, how many of them the model learns from, and windows of how many rows follow."""

    key: str
    kind: str
    frame: Callable[[], pd.DataFrame]
    inputs: list[str]
    target: str
    learned: int
    window: int
    begin: int
    targets: list[dict[str, Any]]
    name: str = ""
    question: str = "What will it be?"
    run: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Seen:
    """What a window showed: the inputs that moved, the most moved first, and what open alerts say."""

    start: int
    moved: list[str]
    subjects: set[str]
    sentences: list[str]
    right: dict[str, Any]


@pytest.fixture(scope="module")
def live() -> Iterator[Instance]:
    """Everything that `./run` starts, in a fresh folder."""
    yield from running()


@pytest.fixture(scope="module")
def admin(live: Instance) -> Http:
    """The administrator who came in through the set-up link."""
    return live.set_up()


def loans() -> pd.DataFrame:
    """The reference part, then the analysis part with what was known of it later."""
    folder = STREAMS / "nannyml_car_loan"
    first = pd.read_csv(folder / "synthetic_car_loan_reference.csv.gz")
    later = pd.read_csv(folder / "synthetic_car_loan_analysis.csv.gz")
    later["repaid"] = pd.read_csv(folder / "synthetic_car_loan_analysis_target.csv.gz")["repaid"]
    return pd.concat([first, later], ignore_index=True)


def houses() -> pd.DataFrame:
    """The reference part, then the analysis part with what was known of it later."""
    folder = STREAMS / "nannyml_california"
    first = pd.read_csv(folder / "california_housing_reference.csv")
    later = pd.read_csv(folder / "california_housing_analysis.csv")
    later["clf_target"] = pd.read_csv(folder / "california_housing_analysis_gt.csv")["clf_target"]
    return pd.concat([first, later], ignore_index=True)


def power() -> pd.DataFrame:
    """Half-hours of the market of New South Wales."""
    return pd.read_csv(STREAMS / "elec2.csv.gz")


def chicago() -> pd.DataFrame:
    """Days from 2017 on."""
    days = rides()
    return days[days["service_date"] >= "2017-01-01"].reset_index(drop=True)


def bikes() -> pd.DataFrame:
    """Hours of 2011, then of 2012."""
    return pd.read_csv(STREAMS / "bike_sharing_hourly.csv")


def trained(live: Instance, admin: Http, stream: Stream, folder: Path) -> tuple[Team, Http, str]:
    """The whole way to a model in use, and a caller with its key."""
    team = make_team(live, admin, key=stream.key, name=stream.key, question=stream.question, kind=stream.kind)
    define(team, stream)  # type: ignore[arg-type]
    place = folder / f"{stream.key}.csv"
    stream.frame().iloc[: stream.learned][[*stream.inputs, stream.target]].to_csv(place, index=False)
    address = team.path("datasets/stream/uploads/")
    engineer = team.as_(Role.DATA_ENGINEER)
    team.wait(ok(engineer.post(address, form={}, files={"file": (place.name, place.read_bytes())}), 202)["job"])
    team.post(Role.DATA_ENGINEER, "datasets/stream/versions/1/publish/")
    asked = {"target": stream.target, "inputs": stream.inputs} | stream.run
    started = team.post(Role.DATA_SCIENTIST, "runs/", asked, 202)
    team.wait(started["job"], 600)
    name = promote(team, stream, started["run"])  # type: ignore[arg-type]
    made = team.post(Role.ML_ENGINEER, f"deployments/{name}/keys/", {"name": "stream", "days": 1}, 201)
    return team, live.predictions(made["secret"]), name


def replayed(team: Team, caller: Http, name: str, stream: Stream, windows: int) -> Iterator["Seen"]:
    """One window after the other: asked, checked, and measured when its outcomes have come."""
    frame, monitor = stream.frame(), f"monitors/{name}/"
    address = f"/v1/deployments/{name}/predict"
    first = plain(frame.iloc[: stream.begin + 1][stream.inputs].iloc[-1:])[0]
    until(lambda: caller.post(address, {"row": first}).status in (200, 422), 120, "the model in the prediction server")
    until(lambda: team.as_(Role.MLOPS_ENGINEER).get(team.path(monitor)).status == 200, 120, "the monitor")
    done = 0
    for start in range(stream.begin, stream.begin + windows * stream.window, stream.window):
        part = frame.iloc[start : start + stream.window]
        asked = ok(caller.post(address, {"rows": plain(part[stream.inputs])}), 200)
        ids = [one["id"] for one in asked["predictions"]]
        done += len(ids)
        seen = until(lambda: looked(team, monitor, done), 300, f"the window of row {start}", every=1)  # noqa: B023
        truth = plain(part[[stream.target]])
        known = [{"id": each, "value": row[stream.target]} for each, row in zip(ids, truth, strict=True)]
        for at in range(0, len(known), 5000):
            team.post(Role.MLOPS_ENGINEER, f"deployments/{name}/outcomes/", {"outcomes": known[at : at + 5000]}, 201)
        right = until(lambda: measured(team, monitor), 300, f"the outcomes of row {start}", every=1)
        alerts = [one for one in team.get(Role.MLOPS_ENGINEER, "alerts/")["results"] if one["state"] != "closed"]
        moved = [
            one["name"] for one in sorted(seen["inputs"], key=lambda one: -(one["psi"] or 0)) if one["state"] in MOVED
        ]
        yield Seen(start, moved, {one["subject"] for one in alerts}, [one["sentence"] for one in alerts], right)


def looked(team: Team, monitor: str, rows: int) -> dict[str, Any] | None:
    """Ask for a check until its windows hold all these answers."""
    found = [one for one in team.get(Role.MLOPS_ENGINEER, f"{monitor}windows/")["results"] if one["enough"]]
    if sum(one["rows"] for one in found) >= rows:
        newest: dict[str, Any] = found[0]
        return newest
    team.as_(Role.MLOPS_ENGINEER).post(team.path(f"{monitor}check/"), {})
    return None


def measured(team: Team, monitor: str) -> dict[str, Any] | None:
    """Ask for a check until the newest window knows how right its answers were."""
    found = team.get(Role.MLOPS_ENGINEER, f"{monitor}windows/")["results"]
    newest = next(one for one in found if one["enough"])
    if newest["measured"].get("metrics"):
        metrics: dict[str, Any] = newest["measured"]["metrics"]
        return metrics
    team.as_(Role.MLOPS_ENGINEER).post(team.path(f"{monitor}check/"), {})
    return None


def plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON has them."""
    records: list[dict[str, Any]] = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [
        {name: getattr(value, "item", lambda value=value: value)() for name, value in row.items()} for row in records
    ]


def goal(metric: str, direction: str, threshold: float) -> list[dict[str, Any]]:
    return [{"metric": metric, "direction": direction, "threshold": threshold, "deciding": True}]


MOVED = {"act", "watch", "minor"}  # minor: it carries so little weight that it raises no alert
YES = {"positive": "1"}
RIGHT = goal("accuracy", "at_least", 0.5)
LOANS = Stream("loans", "binary", loans, CAR, "repaid", 50_000, 5000, 65_000, RIGHT, run=YES)
HOUSING = Stream("houses", "binary", houses, HOUSES, "clf_target", 5832, 1000, 5832, RIGHT, run=YES)
POWER = Stream("power", "binary", power, ELEC, "class", 8736, 1344, 14_112, RIGHT, run=YES)
TRAVEL = ["day_type", "bus", "rail_boardings"]
CHICAGO = Stream(
    "chicago", "regression", chicago, TRAVEL, "total_rides", 730, 210, 730, goal("mae", "at_most", 200_000)
)
BIKES = Stream("rides", "regression", bikes, WEATHER, "count", 8645, 8734, 8645, goal("mae", "at_most", 80))


def test_car_loans_break_on_31_march_2019(live: Instance, admin: Http, tmp_path: Path) -> None:
    for found in replayed(*trained(live, admin, LOANS, tmp_path), LOANS, 4):
        if found.start < 75_000:  # row 25,000 of the analysis part
            assert found.moved == []
            assert found.right["accuracy"]["value"] > 0.9
        else:
            assert found.moved[0] == "car_value"
            assert "car_value" in found.subjects


def test_california_walks_over_the_map(live: Instance, admin: Http, tmp_path: Path) -> None:
    for found in replayed(*trained(live, admin, HOUSING, tmp_path), HOUSING, 3):
        assert set(found.moved[:2]) == {"Latitude", "Longitude"}
        assert {"Latitude", "Longitude"} <= found.subjects


def test_prices_of_elec2_fall_and_constant_columns_are_no_inputs(live: Instance, admin: Http, tmp_path: Path) -> None:
    """A model cannot learn from what never changed, so it does not ask for it, and nobody watches it for this model."""
    for found in replayed(*trained(live, admin, POWER, tmp_path), POWER, 3):
        assert found.moved[0] == "nswprice"
        assert not {"vicprice", "vicdemand", "transfer"} & set(found.moved)
        assert "nswprice" in found.subjects


def test_chicago_stops_in_the_window_of_15_march_2020(live: Instance, admin: Http, tmp_path: Path) -> None:
    dates = chicago()["service_date"]
    for found in replayed(*trained(live, admin, CHICAGO, tmp_path), CHICAGO, 3):
        if dates[found.start + CHICAGO.window - 1] >= pd.Timestamp("2020-03-15"):
            assert set(found.moved[:2]) == {"rail_boardings", "bus"}
            assert {"rail_boardings", "bus"} <= found.subjects


def test_bike_rides_grow_while_the_weather_stays(live: Instance, admin: Http, tmp_path: Path) -> None:
    """No input says it: the outcomes do, and the target that the business signed."""
    (found,) = replayed(*trained(live, admin, BIKES, tmp_path), BIKES, 1)
    assert found.moved == []
    assert found.right["mae"]["low"] > 80
    assert any("Not met" in sentence or "misses" in sentence for sentence in found.sentences), found.sentences
