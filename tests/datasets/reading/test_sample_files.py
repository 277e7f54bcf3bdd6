"""The real files, byte for byte: a correct version, or a refusal that says what and where."""

from datetime import datetime
from pathlib import Path

import pytest

from tests.datasets.reading.conftest import Read

EDGE = "messy/edge_cases"


def test_telco_churn_reports_its_eleven_blank_charges(read_file: Read, sample_data: Path) -> None:
    found = read_file(sample_data / "tabular/telco_churn.csv")
    assert found.answer["rows"] == 7043
    assert found.answer["refused_rows"] == 0
    assert found.types["TotalCharges"] == "number"
    assert found.report["columns"] == {"TotalCharges": {"blank": 11}}
    charges = next(c for c in found.answer["profile"]["columns"] if c["name"] == "TotalCharges")
    assert charges["missing"] == 11
    assert charges["min"] == 18.8
    assert charges["max"] == 8684.8
    assert [name for name, kind in found.types.items() if kind == "integer"] == ["SeniorCitizen", "tenure"]
    assert found.rows[0]["customerID"] == "7590-VHVEG"
    assert sum(row["Churn"] == "Yes" for row in found.rows) == 1869


def test_bike_sharing_keeps_its_ambiguous_dates_as_text(read_file: Read, sample_data: Path) -> None:
    found = read_file(sample_data / "timeseries/bike_sharing_hourly.csv")
    assert found.answer["rows"] == 17379
    assert found.types["dateday"] == "text"
    assert found.types["count"] == "integer"
    assert found.types["temp"] == "number"
    assert sum(row["count"] for row in found.rows) == 3292679
    assert found.report["columns"] == {}


def test_a_byte_order_mark_is_not_part_of_the_first_name(read_file: Read, sample_data: Path) -> None:
    found = read_file(sample_data / "tabular/employee_attrition_bom.csv")
    assert found.answer["rows"] == 14999
    assert next(iter(found.types)) == "satisfaction_level"
    assert found.rows[0]["satisfaction_level"] == 0.38
    assert found.report["guesses"][0] == {
        "what": "encoding",
        "value": "UTF-8",
        "text": "The file carries the mark of UTF-8.",
        "sure": True,
    }


def test_utf16_with_tabs(read_file: Read, sample_data: Path) -> None:
    found = read_file(sample_data / "messy/utf16_tab.txt")
    assert (found.guess("encoding"), found.guess("delimiter")) == ("UTF-16 little-endian", "tab")
    assert found.guess("line ends") == "CR LF"
    assert found.answer["rows"] == 50
    assert len(found.types) == 11
    assert found.rows[0]["State/City"] == "N/A"
    assert "Hugo Chávez" in found.rows[0].values()
    assert found.rows[0]["Date"] == "10/7/12"


def test_montreal_bikes_lose_a_delimiter_in_line_17_and_say_so(read_file: Read, sample_data: Path) -> None:
    refusal = read_file(sample_data / "messy/montreal_bikes_latin1.csv").refusal
    assert refusal is not None
    assert refusal.code == "too_many_refused"
    assert "295 of 310 rows" in refusal.text
    assert "line 17: it has 9 cells where 10 are expected" in refusal.text
    assert "state that short rows are to be filled up" in refusal.text


def test_montreal_bikes_are_read_when_short_rows_may_be_filled(read_file: Read, sample_data: Path) -> None:
    found = read_file(sample_data / "messy/montreal_bikes_latin1.csv", short_rows="fill")
    assert found.answer["rows"] == 310
    assert found.report["filled_rows"] == 295
    assert "295 short rows were filled up" in found.report["notes"][0]
    assert list(found.types)[:3] == ["Date", "Berri 1", "Brébeuf (données non disponibles)"]
    assert found.rows[0]["Rachel1"] == 16
    assert found.rows[15]["Date"] == "16/01/2012"
    assert found.rows[15]["Rachel1"] == 0
    assert found.rows[15]["St-Urbain (données non disponibles)"] is None


REFUSED = {
    "empty.csv": ("empty_file", "empty"),
    "bad.csv": ("too_many_refused", "line 2: it has 4 cells where 3 are expected. Then line 3: it has 2 cells"),
    "null_byte.csv": ("too_many_refused", "line 2: cell 1 holds a NUL byte"),
    "test_extra_header.csv": ("too_many_refused", "line 2: it has 3 cells where 4 are expected"),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_edge_cases_that_are_refused(read_file: Read, sample_data: Path, name: str) -> None:
    refusal = read_file(sample_data / EDGE / name).refusal
    assert refusal is not None
    assert refusal.code == REFUSED[name][0]
    assert REFUSED[name][1] in refusal.text
    assert refusal.status == 422


READ: dict[str, list[dict[str, object]]] = {
    "blanks.csv": [{"a": None, "b": "NA", "c": "N/A", "d": "NONE", "e": "NULL", "f": "."}],
    "date_like_number.csv": [{"a": 4.5}],
    "dummy_col_shuffled_ragged.csv": [{"b": 2, "c": 3, "a": 1, "d": 4}],
    "mac_newlines.csv": [{"a": "1", "b": 2, "c": 3}, {"a": "Once upon\ra time", "b": 5, "c": 6}],
    "no_header_row.csv": [{"column_1": 1, "column_2": 2, "column_3": 3}],
    "test_header_newline.csv": [{"start end": "d", "b": "e", "c": "f"}],
    "test_latin1.csv": [{"a": 1, "b": 2, "c": "3"}, {"a": 4, "b": 5, "c": "©"}],
    "test_locale.csv": [{"a": "1,7", "b": "200.000.000", "c": None}],
    "test_utf16_big.csv": [{"a": 1, "b": 2, "c": "3"}, {"a": 4, "b": 5, "c": "ʤ"}],
    "test_utf16_little.csv": [{"a": 1, "b": 2, "c": "3"}, {"a": 4, "b": 5, "c": "ʤ"}],
    "test_utf8_bom.csv": [{"foo": 1, "bar": 2, "baz": "3"}, {"foo": 4, "bar": 5, "baz": "ʤ"}],
    "testjson_multiline.json": [{"a": 2, "b": 3, "d": None}, {"a": None, "b": 2, "d": 4}],
}


@pytest.mark.parametrize("name", sorted(READ))
def test_edge_cases_that_are_read(read_file: Read, sample_data: Path, name: str) -> None:
    found = read_file(sample_data / EDGE / name)
    assert found.refusal is None
    assert found.rows == READ[name]
    assert found.refused == []


def test_nested_json_is_flattened_by_dots(read_file: Read, sample_data: Path) -> None:
    found = read_file(sample_data / EDGE / "testjson_nested.json")
    assert found.types == {
        "text": "text",
        "float": "number",
        "datetime": "datetime",
        "boolean": "boolean",
        "nested.time": "text",
        "nested.nested.date": "date",
        "nested.nested.integer": "integer",
    }
    assert found.rows[1]["nested.nested.integer"] == 63
    assert found.rows[0]["datetime"] == datetime(1971, 1, 1, 4, 14)


def test_the_first_sheet_with_content_is_read(read_file: Read, sample_data: Path) -> None:
    found = read_file(sample_data / EDGE / "sheets.xlsx")
    assert found.guess("sheet") == "data"
    assert found.answer["rows"] == 5
    assert found.types == {
        "text": "text",
        "date": "date",
        "integer": "integer",
        "boolean": "boolean",
        "float": "number",
        "datetime": "datetime",
        "empty_column": "text",
        "column_8": "text",
    }
    assert found.rows[1]["column_8"] == "Extra data beyond headers will be trimmed"
    assert found.rows[0]["datetime"] == datetime(1971, 1, 1, 4, 14)
    assert found.rows[4] == dict.fromkeys(found.types) | {"text": "Unicode! Σ"}


def test_empty_rows_above_the_sheets_header_are_skipped_and_counted(read_file: Read, sample_data: Path) -> None:
    found = read_file(sample_data / EDGE / "test_skip_lines.xlsx")
    assert found.answer["rows"] == 5
    assert found.report["blank_lines"] == 3


def test_every_messy_file_is_read_or_refused_in_words(read_file: Read, sample_data: Path) -> None:
    """The larger ones are read by the tests of their own contents, and all by those of the reading table."""
    for path in sorted((sample_data / "messy").rglob("*")):
        if path.is_file() and path.stat().st_size < 300_000:
            found = read_file(path)
            if found.refusal is None:
                assert found.answer["rows"] == len(found.rows) > 0, path
            else:
                assert len(found.refusal.text) > 20, path


def test_codes_with_zeros_in_front_stay_text_in_real_files(read_file: Read, sample_data: Path) -> None:
    colic = read_file(sample_data / "messy/horse_colic.csv")
    assert colic.rows[1]["column_25"] == "02208"
    towns = read_file(sample_data / "messy/istat_comuni_latin1.csv")
    assert towns.rows[0]["Codice Comune formato alfanumerico"] == "001001"
    assert towns.report["renamed"][0]["was"].count("\n") == 1
    assert towns.answer["rows"] == 7904


def test_decimal_commas_of_a_real_file_are_read_and_told(read_file: Read, sample_data: Path) -> None:
    found = read_file(sample_data / "messy/paris_hotels_decimal_comma.csv")
    assert found.rows[0]["Occupancy rate"] == 0.611553068
    assert found.report["columns"]["Occupancy rate"]["notes"] == ["Read with a decimal comma."]
    assert found.rows[0]["Date"] == "01-01-13"


def test_parquet_and_csv_of_one_table_agree(read_file: Read, sample_data: Path) -> None:
    parquet = read_file(sample_data / "messy/userdata1.parquet")
    text = read_file(sample_data / "messy/userdata1.csv")
    assert parquet.answer["rows"] == text.answer["rows"] == 1000
    assert [row["id"] for row in parquet.rows] == [row["id"] for row in text.rows]
    assert parquet.rows[0]["registration_dttm"] == text.rows[0]["registration_dttm"]
