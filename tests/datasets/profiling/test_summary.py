"""Profiles: exact figures, JSON without NaN, bounded size, and a database that can read one file."""

import json
import math
import statistics
import tempfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.profiling import ordered, short_texts, summary
from jobs.report import Silent
from storage import tables

TYPES = {"int64": "integer", "double": "number", "bool": "boolean", "string": "text", "date32[day]": "date"}


def profile_of(folder: Path, table: pa.Table) -> dict[str, Any]:
    place = folder / "table.parquet"
    tables.write(place, table.schema, table.to_batches())
    types = [TYPES.get(str(field.type), "datetime") for field in table.schema]
    schema = [
        {"name": name, "type": kind, "nullable": True} for name, kind in zip(table.schema.names, types, strict=True)
    ]
    found = summary.profile(place, schema, folder, Silent())
    json.dumps(found, allow_nan=False)
    return found


def test_numbers_are_exact(tmp_path: Path) -> None:
    values = [1.5, 2.0, 4.0, None, 10.0]
    (column,) = profile_of(tmp_path, pa.table({"x": pa.array(values, pa.float64())}))["columns"]
    given_values = [value for value in values if value is not None]
    assert (column["missing"], column["present"], column["distinct"]) == (1, 4, 4)
    assert (column["min"], column["max"], column["mean"]) == (1.5, 10.0, statistics.mean(given_values))
    assert math.isclose(column["std"], statistics.stdev(given_values))
    assert column["quantiles"]["0.5"] == 3.0
    assert len(column["histogram"]["counts"]) == 20
    assert sum(column["histogram"]["counts"]) == 4
    assert column["histogram"]["counts"][-1] == 1
    assert column["approximate"] is False


def test_many_rows_are_estimated_and_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "EXACT_ROWS", 1000)
    monkeypatch.setattr(summary, "PICKED_ROWS", 500)
    numbers = [(i * 7919 % 4001) / 7 for i in range(4001)]
    table = pa.table({"x": numbers, "w": [f"w{i % 5}" for i in range(4001)], "huge": [1e200, *numbers[1:]]})
    x, words, huge = profile_of(tmp_path, table)["columns"]
    assert [one["approximate"] for one in (x, words, huge)] == [True, False, True]
    assert (x["min"], x["max"], sum(x["histogram"]["counts"])) == (0.0, 4000 / 7, 4001)
    assert x["mean"] == pytest.approx(2000 / 7)
    assert abs(x["quantiles"]["0.5"] - 2000 / 7) < 30
    assert words["top"][0] == {"value": "w0", "count": 801}
    assert (huge["max"], huge["std"]) == (1e200, None)


def test_texts_and_numbers_of_a_small_range_are_exact_at_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ages = [*[i % 80 for i in range(3000)], None, -5, 400]
    days = [*[date(2020, 1, 1 + i % 28) for i in range(3000)], None, date(1999, 1, 1), date(2026, 1, 1)]
    prices = [*[(i * 7919 % 3001) / 100 - 5 for i in range(3000)], None, -0.0, 0.1 + 0.2 - 0.3 + 7]
    prices = [price if price is None else round(price, 2) for price in prices]
    table = pa.table(
        {
            "age": pa.array(ages),
            "day": pa.array(days),
            "text": [f"w{i}" for i in range(3003)],
            "price": pa.array(prices),
        }
    )
    small = profile_of(tmp_path, table)
    monkeypatch.setattr(summary, "EXACT_ROWS", 1000)
    monkeypatch.setattr(ordered, "BATCH", 700)
    assert profile_of(tmp_path, table) == small


def test_what_repeats_at_even_distances_is_picked_fairly(tmp_path: Path) -> None:
    place = tmp_path / "table.parquet"
    table = pa.table({"x": [float(i % 10) for i in range(200_000)]})
    tables.write(place, table.schema, table.to_batches())
    picked = ordered.ordered(place, "x", every=10)
    assert picked is not None
    assert (len(picked.values), picked.present) == (10, 20_000)
    assert max(abs(counts - 2000) for counts in picked.counts) < 300


def test_whole_numbers_far_apart_are_not_counted_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "EXACT_ROWS", 1000)
    (column,) = profile_of(tmp_path, pa.table({"x": [i * 10**6 for i in range(2000)]}))["columns"]
    assert column["approximate"]
    assert (column["min"], column["max"]) == (0, 1999 * 10**6)


def test_dots_and_beginnings_in_names_do_not_mix_columns(tmp_path: Path) -> None:
    found = profile_of(tmp_path, pa.table({"a.b": [1, 2], "a": [10, 30], "a.b.c": [5, 5]}))
    assert [column["max"] for column in found["columns"]] == [2, 30, 5]


def test_whole_numbers_of_a_small_range_get_one_bin_each(tmp_path: Path) -> None:
    (column,) = profile_of(tmp_path, pa.table({"x": pa.array([0, 1, 1, 3], pa.int64())}))["columns"]
    assert column["histogram"] == {"edges": [-0.5, 0.5, 1.5, 2.5, 3.5], "counts": [1, 2, 0, 1]}


def test_texts_list_their_commonest_values(tmp_path: Path) -> None:
    words = ["a"] * 5 + ["b"] * 3 + [f"w{i:02d}" for i in range(20)]
    (column,) = profile_of(tmp_path, pa.table({"x": words}))["columns"]
    assert column["top"][:2] == [{"value": "a", "count": 5}, {"value": "b", "count": 3}]
    assert len(column["top"]) == 12
    assert column["distinct"] == 22


def test_dates_times_and_yes_or_no(tmp_path: Path) -> None:
    table = pa.table(
        {
            "day": pa.array([date(2026, 1, 1), date(2026, 3, 1)]),
            "at": pa.array([datetime(2026, 1, 1, 10), datetime(2026, 1, 1, 20)], pa.timestamp("us")),
            "yes": [True, None],
        }
    )
    day, at, yes = profile_of(tmp_path, table)["columns"]
    assert (day["min"], day["max"]) == ("2026-01-01", "2026-03-01")
    assert (day["histogram"]["edges"][0], day["histogram"]["edges"][-1]) == ("2026-01-01", "2026-03-01")
    assert at["histogram"]["edges"][-1] == "2026-01-01T20:00:00"
    assert (yes["true"], yes["missing"], yes["top"]) == (1, 1, [{"value": True, "count": 1}])


def test_what_is_all_missing_or_constant_has_a_profile_too(tmp_path: Path) -> None:
    empty = pa.array([None, None], pa.float64())
    table = pa.table({"nothing": empty, "same": [7.0, 7.0], "text": pa.array([None, None], pa.string())})
    nothing, same, text = profile_of(tmp_path, table)["columns"]
    assert (text["missing"], text["distinct"], text["min"]) == (2, 0, None)
    assert "top" not in text
    assert (nothing["missing"], nothing["min"], nothing["mean"]) == (2, None, None)
    assert "histogram" not in nothing
    assert same["histogram"] == {"edges": [7.0, 7.0], "counts": [2]}


@settings(max_examples=20, deadline=None)
@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_any_numbers_give_a_histogram_that_counts_them_all(values: list[float], tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("profile")
    (column,) = profile_of(folder, pa.table({"x": pa.array(values, pa.float64())}))["columns"]
    assert sum(column["histogram"]["counts"]) == len(values)
    edges = column["histogram"]["edges"]
    assert edges == sorted(edges)


def test_the_sample_is_bounded_and_long_texts_are_cut(tmp_path: Path) -> None:
    wide = {f"c{i}": ["x" * 1000] * 60 for i in range(1000)}
    found = profile_of(tmp_path, pa.table(wide))
    assert len(found["sample"]) == 20
    assert len(found["sample"][0]["c0"]) == 201


def test_names_never_reach_the_database(tmp_path: Path) -> None:
    names = ['"; DROP TABLE t; --', "a", "A", "c1", "count(*)"]
    found = profile_of(tmp_path, pa.table({name: [i] for i, name in enumerate(names)}))
    assert [(column["name"], column["min"]) for column in found["columns"]] == list(zip(names, range(5), strict=True))


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "ATTACH '/tmp/other.db'",
        "INSTALL httpfs",
        "COPY t TO '/tmp/out.csv'",
        "SET memory_limit = '9GB'",
        "SET enable_external_access = true",
    ],
)
def test_the_database_can_read_that_file_and_nothing_else(tmp_path: Path, query: str) -> None:
    """A41: the engine itself is locked down."""
    place = tmp_path / "table.parquet"
    table = pa.table({"a": [1, 2]})
    tables.write(place, table.schema, table.to_batches())
    connection = summary._locked_down(place, 1, tmp_path, in_memory=False)
    assert connection.execute("SELECT sum(c0) FROM t").fetchone() == (3,)
    with pytest.raises(duckdb.Error):
        connection.execute(query)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text("abé\0 z", max_size=5)), min_size=1, max_size=60))
def test_short_texts_are_counted_as_groups_are(cells: list[str | None]) -> None:
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr(short_texts, "_worth_it", lambda *_: True)
        patch.setattr(short_texts, "BATCH", 7)
        table = pa.table({"x": pa.array(cells, pa.string())})
        (quick,) = profile_of(Path(place), table)["columns"]
        patch.setattr(short_texts, "_worth_it", lambda *_: False)
        assert quick == profile_of(Path(place), table)["columns"][0]
        patch.setattr(short_texts, "_worth_it", lambda *_: True)
        asked = short_texts.counted(Path(place) / "table.parquet", "x", len(cells), 12)
        short = all("\0" not in cell and len(cell.encode()) <= 8 for cell in cells if cell)
        assert (asked is not None) == short


def test_many_different_codes_are_worth_it_and_repeated_words_are_not(tmp_path: Path) -> None:
    table = pa.table({"code": [f"C{i:07d}" for i in range(30_000)], "word": ["a long word"] * 30_000})
    place = tmp_path / "table.parquet"
    tables.write(place, table.schema, table.to_batches())
    codes = short_texts.counted(place, "code", 30_000, 2)
    assert codes == short_texts.Counted(30_000, 30_000, "C0000000", "C0029999", [("C0000000", 1), ("C0000001", 1)])
    assert short_texts.counted(place, "word", 30_000, 2) is None


def test_what_rises_is_counted_without_sorting(tmp_path: Path) -> None:
    rising = [i * 10**6 for i in range(2000)]
    (sure,) = profile_of(tmp_path, pa.table({"x": rising}))["columns"]
    (mixed,) = profile_of(tmp_path, pa.table({"x": [*rising[1000:], *rising[:1000]]}))["columns"]
    assert sure == mixed
    (level,) = profile_of(tmp_path, pa.table({"x": [*rising, rising[-1]]}))["columns"]
    assert (level["distinct"], level["present"]) == (2000, 2001)


@pytest.mark.parametrize(
    ("cells", "rising"),
    [
        ([1.0, None, 2.0, 3.0], True),
        ([1.0, 2.0, 2.0], False),
        ([1.0, 3.0, 2.0, 4.0], False),
        ([1.0, 2.0, math.nan], False),
        ([1.0, math.inf, math.inf], False),
        ([None, None, 5.0], True),
        ([], True),
    ],
)
def test_what_rises_is_seen_a_little_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cells: list[float | None], rising: bool
) -> None:
    place, table = tmp_path / "t.parquet", pa.table({"x": pa.array(cells, pa.float64())})
    tables.write(place, table.schema, table.to_batches())
    for few in (1, 2, 100):
        monkeypatch.setattr(ordered, "FEW", few)
        assert ordered.rises(place, "x") is rising


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ([1.5, 2.25, 2.25, -0.01], [-0.01, 1.5, 2.25]),
        ([0.1 + 0.2, 0.3], None),
        ([1.5, 1.23456789], None),
        ([1.5, math.inf], None),
        ([1.5, math.nan], None),
        ([2.0**53, 1.0], None),
        ([0.01, 30_000.0], None),
        ([1e300, 1.0], None),
    ],
)
def test_decimals_are_counted_when_each_comes_back_as_it_was(
    tmp_path: Path, cells: list[float], told: list[float] | None
) -> None:
    place, table = tmp_path / "t.parquet", pa.table({"x": cells})
    tables.write(place, table.schema, table.to_batches())
    found = ordered.counted(place, "x")
    assert (found and found.values.tolist()) == told
