"""What never happens to a delimited file: shifted columns, lost rows, changed values; every line of the reliability table."""

import gzip
import json

import pytest

from experiments.guesses import columns_of
from experiments.specs import completed
from problems.problem import Invalid
from tests.datasets.reading.conftest import Read


def test_a_semicolon_file_with_decimal_commas_keeps_its_two_columns(read_bytes: Read) -> None:
    found = read_bytes(b"a;b\n1,5;2,5\n")
    assert found.guess("delimiter") == "semicolon"
    assert found.rows == [{"a": 1.5, "b": 2.5}]
    assert found.report["columns"]["a"]["notes"] == ["Read with a decimal comma."]


def test_a_trailing_delimiter_on_rows_only_shifts_nothing(read_bytes: Read) -> None:
    found = read_bytes(b"a,b\n1,2,\n3,4,\n")
    assert found.rows == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
    assert found.guess("trailing delimiter") == "yes"


def test_a_trailing_delimiter_on_every_line_leaves_no_nameless_column(read_bytes: Read) -> None:
    found = read_bytes(b"a,b,\n1,2,\n3,4,\n")
    assert found.rows == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
    assert found.guess("trailing delimiter") == "yes"


def test_a_nameless_last_column_with_one_value_far_below_is_kept(read_bytes: Read) -> None:
    lines = b"".join(b"%d,2,\n" % i for i in range(2000))
    found = read_bytes(b"a,b,\n" + lines + b"7,8,late\n")
    assert found.types == {"a": "integer", "b": "integer", "column_3": "text"}
    assert found.rows[-1] == {"a": 7, "b": 8, "column_3": "late"}
    assert found.answer["rows"] == 2001
    assert found.guess("trailing delimiter") == ""


def test_a_filled_cell_behind_the_trailing_delimiter_refuses_that_row(read_bytes: Read) -> None:
    found = read_bytes(b"a,b\n" + b"1,2,\n" * 9 + b"1,2,3\n")
    assert len(found.rows) == 9
    assert found.refused == [(11, "its last cell has no column")]


def test_rows_that_are_too_long_or_too_short_are_refused_with_their_lines(read_bytes: Read) -> None:
    """F38; blank lines, trailing delimiters and lines around the table have tests of their own."""
    found = read_bytes(b"a,b\n" + b"1,2\n" * 10 + b"1,2,3\n5\n" + b"3,4\n")
    assert found.answer["rows"] == 11
    assert found.refused == [
        (12, "it has 3 cells where 2 are expected"),
        (13, "it has 1 cell where 2 are expected"),
    ]
    assert found.report["refused"][0]["text"] == "1,2,3"


def test_too_many_refused_rows_refuse_the_file_and_say_where(read_bytes: Read) -> None:
    refusal = read_bytes(b"a,b\n1,2\n1,2,3\n1\n").refusal
    assert refusal is not None
    assert refusal.code == "too_many_refused"
    assert refusal.status == 422
    assert "line 3: it has 3 cells where 2 are expected" in refusal.text
    assert refusal.facts["line"] == 3


def test_a_quote_that_is_never_closed_refuses_the_file_and_names_its_line(read_bytes: Read) -> None:
    """F39; doubled and embedded quotes are in `test_properties`."""
    refusal = read_bytes(b'a,b\n1,2\n3,"4\n5,6\n').refusal
    assert refusal is not None
    assert refusal.code == "unclosed_quote"
    assert "line 3" in refusal.text


def test_a_quote_that_swallows_lines_refuses_that_row_only(read_bytes: Read) -> None:
    found = read_bytes(b"a,b\n" + b"1,2\n" * 20 + b'3,"4\n5,"6\n' + b"7,8\n" * 20)
    assert len(found.rows) == 40
    assert found.refused == [(22, "text follows the closing quote of cell 2")]
    assert found.report["refused"][0]["lines"] == 2


def test_a_quote_inside_an_unquoted_cell_is_an_ordinary_character(read_bytes: Read) -> None:
    found = read_bytes(b'size,n\n5" pipe,1\n6" pipe,2\n"7"" pipe",3\n')
    assert [row["size"] for row in found.rows] == ['5" pipe', '6" pipe', '7" pipe']


@pytest.mark.parametrize(
    "text",
    [
        "00123",
        "+4912345",
        "0x1A",
        "1_000",
        "inf",
        "-Infinity",
        "NaN",
        "1e999",
        "1e-999",
        "=1+1",
        "@SUM(A1)",
        "-1+2",
        "20/11/2026",
    ],
)
def test_what_a_number_would_change_stays_text(read_bytes: Read, text: str) -> None:
    """F42: zeros in front, phone numbers, formulas, days that may be months; ids beyond 64 bits have a test of their own."""
    found = read_bytes(f"a,b\n{text},1\n7,2\n".encode())
    assert found.types["a"] == "text"
    assert [row["a"] for row in found.rows] == [text, "7"]


@pytest.mark.parametrize("word", ["NA", "None", "null", "NULL", "N/A", "nan", "-", "?"])
def test_words_for_nothing_stay_words(read_bytes: Read, word: str) -> None:
    """F42: `None`, and `NA` as a country."""
    found = read_bytes(f"who,n\n{word},1\nAnna,2\n".encode())
    assert found.rows[0]["who"] == word
    assert found.answer["profile"]["columns"][0]["missing"] == 0


def test_empty_and_blank_cells_are_missing_and_counted_apart(read_bytes: Read) -> None:
    found = read_bytes("a,b\n1,x\n,y\n  ,z\n\u00a0,u\n4,v\n".encode())
    assert [row["a"] for row in found.rows] == [1, None, None, None, 4]
    assert found.report["columns"]["a"] == {"empty": 1, "blank": 2}
    assert found.answer["schema"][0] == {"name": "a", "type": "integer", "nullable": True}


def test_blanks_around_numbers_are_left_out_and_counted_but_texts_keep_theirs(read_bytes: Read) -> None:
    found = read_bytes(b"a,b\n 1, x\n2 ,y\n3,z\n")
    assert found.rows == [{"a": 1, "b": " x"}, {"a": 2, "b": "y"}, {"a": 3, "b": "z"}]
    assert found.report["columns"] == {"a": {"trimmed": 2}}


def test_whole_numbers_are_exact_to_64_bits_and_text_beyond(read_bytes: Read) -> None:
    found = read_bytes(b"a,b,c\n9007199254740993,9223372036854775808,1.5\n-9223372036854775808,1,9007199254740993\n")
    assert found.types == {"a": "integer", "b": "text", "c": "text"}
    assert found.rows[0] == {"a": 9007199254740993, "b": "9223372036854775808", "c": "1.5"}
    assert found.rows[1]["a"] == -(2**63)


def test_a_type_that_changes_at_the_end_is_the_type_of_the_whole_column(read_bytes: Read) -> None:
    """F44."""
    lines = b"".join(b"%d,%d,%d\n" % (i, i, i) for i in range(700_000))
    found = read_bytes(b"a,b,c\n" + lines + b"oops,1.5,7\n")
    assert found.types == {"a": "text", "b": "number", "c": "integer"}
    assert found.rows[0] == {"a": "0", "b": 0.0, "c": 0}
    assert found.rows[-1] == {"a": "oops", "b": 1.5, "c": 7}
    assert found.answer["rows"] == 700_001


def test_a_large_whole_number_early_keeps_a_late_decimal_from_making_it_inexact(read_bytes: Read) -> None:
    lines = b"".join(b"%d,1\n" % i for i in range(1_000_000))
    found = read_bytes(b"a,b\n9007199254740993,1\n" + lines + b"1.5,1\n")
    assert found.types["a"] == "text"
    assert found.rows[0]["a"] == "9007199254740993"


def test_duplicate_and_empty_names_get_stable_ids_and_are_told(read_bytes: Read) -> None:
    """F41."""
    found = read_bytes(b"a,a,,a_2,__class__,index\n1,2,3,4,5,6\n")
    assert list(found.rows[0]) == ["a", "a_3", "column_3", "a_2", "__class__", "index"]
    assert list(found.rows[0].values()) == [1, 2, 3, 4, 5, 6]
    assert [(one["position"], one["was"], one["now"]) for one in found.report["renamed"]] == [
        (2, "a", "a_3"),
        (3, "", "column_3"),
    ]


def test_nul_bytes_refuse_their_rows(read_bytes: Read) -> None:
    """F39."""
    found = read_bytes(b"a,b\n" + b"1,x\n" * 9 + b"2,y\0z\n")
    assert found.refused == [(11, "cell 2 holds a NUL byte")]
    assert found.report["refused"][0]["text"] == "2,y␀z"


def test_blank_lines_are_counted_and_lines_stay_right_behind_them(read_bytes: Read) -> None:
    found = read_bytes(b"\na,b\n1,2\n\n   \n3,4\n5\n6,7\n8,9\n10,11\n\n12,13\n")
    assert len(found.rows) == 6
    assert found.report["blank_lines"] == 3
    assert found.refused == [(7, "it has 1 cell where 2 are expected")]


@pytest.mark.parametrize(("end", "word"), [(b"\n", "LF"), (b"\r\n", "CR LF"), (b"\r", "CR")])
def test_every_line_end_is_understood(read_bytes: Read, end: bytes, word: str) -> None:
    found = read_bytes(end.join([b"a,b", b'1,"x' + end + b'y"', b"2,z"]))
    assert found.guess("line ends") == word
    assert found.rows == [{"a": 1, "b": f"x{end.decode()}y"}, {"a": 2, "b": "z"}]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"\n\n  \n", "empty_file"),
        (b"\xef\xbb\xbf", "empty_file"),
        (b"a,b\n", "no_rows"),
        (b"name", "no_rows"),
        (b"%PDF-1.7\n1 0 obj", "unknown_format"),
        (b"\x7fELF\x02\x01\x01", "unknown_format"),
        (b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}", "unknown_format"),
        (b"<!DOCTYPE html><html><body>", "unknown_format"),
        (b"SQLite format 3\x00", "damaged"),
        (bytes(range(256)) * 40, "unknown_format"),
        (b"\x1f\x8b\x08\x00nonsense", "damaged"),
        (gzip.compress(gzip.compress(b"a,b\n1,2\n", mtime=0), mtime=0), "nested_gzip"),
        (b"PAR1nonsense", "damaged"),
        (b"PK\x03\x04nonsense", "damaged"),
        (b"a" * (17 * 1024 * 1024), "long_line"),
        (b",".join(b"c%d" % i for i in range(2001)) + b"\n" + b",".join([b"1"] * 2001), "too_many_columns"),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value[:12]),
)
def test_what_is_no_table_is_refused_in_words(read_bytes: Read, content: bytes, code: str) -> None:
    """F43, F45 and F40: empty, a header alone, damaged or other formats, more columns than there may be."""
    refusal = read_bytes(content).refusal
    assert refusal is not None
    assert refusal.code == code
    assert refusal.text


def test_a_gzip_bomb_is_not_unpacked(read_bytes: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = read_bytes(gzip.compress(b"0" * 200_000_000, compresslevel=9)).refusal
    assert refusal is not None
    assert refusal.code == "unpacks_too_large"
    assert refusal.status == 413


def test_a_packed_file_reads_like_the_plain_one(read_bytes: Read) -> None:
    plain = read_bytes(b"a,b\n1,x\n2,y\n")
    packed = read_bytes(gzip.compress(b"a,b\n1,x\n2,y\n"))
    assert packed.rows == plain.rows
    assert packed.report["format"] == "Delimited text, packed with gzip"


def test_a_cell_of_a_million_characters_is_kept_and_a_longer_one_refused(read_bytes: Read) -> None:
    """F40; too many columns are refused with what is no table."""
    kept = read_bytes(b"a,b\n1," + b"x" * 1_000_000 + b"\n2,y\n")
    assert len(kept.rows[0]["b"]) == 1_000_000
    rows = b"3,z\n" * 10
    found = read_bytes(b"a,b\n1," + b"x" * 1_100_000 + b"\n" + rows)
    assert found.refused == [(2, "cell 2 is longer than 1 MB")]


def test_dates_and_times_are_typed_only_when_their_order_is_certain(read_bytes: Read) -> None:
    found = read_bytes(
        b"iso,day_first,at,zone,month\n2026-11-20,20/11/2026,2026-11-20 10:11:12,2026-11-20T10:11:12+02:00,2026-11\n"
        b"2026-01-02,02/01/2026,2026-11-20 00:00:00.5,2026-11-20T10:11:12Z,2026-12\n"
    )
    assert found.types == {
        "iso": "date",
        "day_first": "text",
        "at": "datetime",
        "zone": "datetime",
        "month": "text",
    }
    assert found.rows[0]["zone"].isoformat() == "2026-11-20T08:11:12"
    assert found.report["columns"]["zone"]["notes"] == ["Times were brought to UTC."]


def test_true_and_false_in_one_style_are_yes_and_no(read_bytes: Read) -> None:
    found = read_bytes(b"a,b,c\ntrue,TRUE,Yes\nfalse,no,No\n")
    assert found.types == {"a": "boolean", "b": "text", "c": "text"}


def test_commas_that_may_be_thousands_stay_text_and_are_told(read_bytes: Read) -> None:
    found = read_bytes(b"a;b\n1,234;x\n5,678;y\n")
    assert found.rows[0]["a"] == "1,234"
    assert "thousands" in found.report["columns"]["a"]["notes"][0]
    declared = read_bytes(b"a;b\n1,234;x\n5,678;y\n", decimal="comma")
    assert declared.rows[0]["a"] == 1.234


def test_what_is_stated_is_not_guessed(read_bytes: Read) -> None:
    found = read_bytes(b"a|b,c\n1|2,3\n", delimiter="comma", header="no")
    assert found.rows == [{"column_1": "a|b", "column_2": "c"}, {"column_1": "1|2", "column_2": "3"}]
    assert found.guess("header") == "no"


def test_an_unknown_option_is_refused_beside_its_field(read_bytes: Read) -> None:
    refusal = read_bytes(b"a,b\n1,2\n", delimiter="colon").refusal
    assert refusal is not None
    assert set(refusal.fields) == {"delimiter"}


def test_a_file_without_a_header_gets_numbered_columns(read_bytes: Read) -> None:
    found = read_bytes(b"1,Male,2.5\n2,Female,3.5\n")
    assert list(found.rows[0]) == ["column_1", "column_2", "column_3"]
    assert found.answer["rows"] == 2


def test_more_digits_than_a_number_holds_are_told(read_bytes: Read) -> None:
    found = read_bytes(b"a,b\n0.12345678901234567890,1\n0.5,2\n")
    assert found.types["a"] == "number"
    assert found.report["columns"]["a"]["notes"] == ["1 cells have more digits than a number holds (17)."]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (b"1,yes\n", "same value in every row"),
        (b"1,yes\n2,no\n", r"Only 1 rows .* At least \d+ are needed"),
        (b"1,yes\n" * 300, "same value in every row"),
    ],
    ids=["one row", "two rows", "all rows equal"],
)
def test_what_is_too_little_to_learn_from_is_a_dataset_and_training_says_what_it_needs(
    read_bytes: Read, rows: bytes, words: str
) -> None:
    """F43: it is kept as it is; the form and REST refuse to train on it before anything waits in a queue."""
    found = read_bytes(b"a,b\n" + rows)
    assert (found.answer["rows"], found.refused) == (rows.count(b"\n"), [])
    columns = columns_of(found.answer["schema"], found.answer["profile"])
    with pytest.raises(Invalid, match=words) as refused:
        completed({"target": "b"}, kind="binary", columns=columns)
    assert list(refused.value.fields) == ["target"]


def test_one_column_of_a_million_different_values_has_a_small_profile(read_bytes: Read) -> None:
    """F40."""
    found = read_bytes(b"name\n" + b"".join(b"value %d\n" % number for number in range(1_000_000)))
    (column,) = found.answer["profile"]["columns"]
    assert abs(column["distinct"] - 1_000_000) < 50_000
    assert len(json.dumps(found.answer["profile"])) < 30_000
